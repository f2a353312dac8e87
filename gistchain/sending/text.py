"""Text as the papers send it: eight bits a character, uncoded (S2.4); read by hard decisions, or softly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gistchain.errors import CaptionError, LinkError
from gistchain.gist.softtext import read
from gistchain.link.modem import BITS
from gistchain.types import (
    Conditions,
    Described,
    Gist,
    Link,
    ModulationName,
    Picture,
    Pixels,
    PlannedBlock,
    Segment,
    Sent,
)

Reading = Literal["hard", "soft"]
CHARACTERS = 77
"""Of the field that a text is sent in (S2.7, T2.1); zeros fill it up."""


@dataclass(frozen=True, slots=True)
class TextOnly:
    """describe: a picture in words. rebuild: the picture of a gist. reading: hard decisions, or the soft ones.

    Nothing checks what is read, so that it is never certain.
    """

    describe: Callable[[Picture], Described]
    rebuild: Callable[[Gist], Pixels | None]
    reading: Reading = "soft"
    modulation: ModulationName = "16qam"
    characters: int = CHARACTERS

    def prepare(self, picture: Picture) -> PreparedText:
        gist = self.describe(picture).gist
        return PreparedText(self, picture, ascii_bytes(gist.caption, self.characters))


def ascii_bytes(caption: str, characters: int) -> bytes:
    """The field of so many characters. Raises CaptionError for what ASCII can't write, and for a longer text."""
    try:
        data = caption.encode("ascii")
    except UnicodeEncodeError as error:
        raise CaptionError(
            f"caption {caption[:60]!r} has {caption[error.start]!r}, which ASCII can't write: send it by a system that "
            "codes text, such as text_coded"
        ) from error
    if len(data) > characters:
        raise CaptionError(f"caption of {len(data)} characters: {characters} are sent, shorten it")
    return data.ljust(characters, b"\0")


@dataclass(frozen=True, slots=True, eq=False)
class PreparedText:
    """Fulfils Prepared."""

    sender: TextOnly
    picture: Picture
    field: bytes

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        name = self.sender.modulation
        bits = np.unpackbits(np.frombuffer(self.field, np.uint8))
        bits = np.concatenate([bits, np.zeros(-bits.size % BITS[name], np.uint8)])
        needed = link.uses(bits.size // BITS[name])
        if needed > conditions.budget:
            raise LinkError(
                f"{conditions.budget} channel uses are too few: a text of {len(self.field)} characters in {name} needs "
                f"{needed}"
            )
        came = link.carry_bits([Segment(bits, name)], seed=(*seed, 0))
        llrs = came.llrs[0][: 8 * len(self.field)].astype(np.float64)
        text = read(llrs).text if self.sender.reading == "soft" else hard_text(llrs)
        gist = Gist((text,), self.picture.size)
        block = PlannedBlock("caption", len(self.field), came.uses, name, 0.0)
        return Sent(
            picture=self.sender.rebuild(gist) if text else None,
            caption=text,
            certain=False,
            gist=gist,
            lost=(),
            uses=came.uses,
            rounds=0,
            start_uses=0,
            blocks=(block,),
            expected=None,
        )


def hard_text(llrs: np.ndarray) -> str:
    """Each bit by its sign; up to the first zero, and what is no ASCII as a question mark."""
    data = np.packbits(llrs < 0).tobytes().split(b"\0", 1)[0]
    return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in data)
