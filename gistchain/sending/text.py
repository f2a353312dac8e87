"""Text as the papers send it: eight bits a character, uncoded (S2.4); read by hard decisions, or softly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import CaptionError, LinkError, SettingError
from gistchain.gist.softtext import MOST_BYTES, read
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


@dataclass(frozen=True, slots=True)
class TextOnly:
    """describe: a picture in words. rebuild: the picture of a gist. reading: hard decisions, or the soft ones.

    The text fills the budget, up to 512 characters, with zeros behind it, so that its length needs no word of its own;
    the papers' field has 77 (S2.7, T2.1). Nothing checks what is read, so that it is never certain. The picture's size
    is taken to be agreed, which spares this rival two bytes that the others send.
    """

    describe: Callable[[Picture], Described]
    rebuild: Callable[[Gist], Pixels | None]
    reading: Reading = "soft"
    modulation: ModulationName = "16qam"

    def prepare(self, picture: Picture) -> PreparedText:
        return PreparedText(self, picture, ascii_bytes(self.describe(picture).gist.caption))


def ascii_bytes(caption: str) -> bytes:
    """The caption, a byte a character. Raises CaptionError for what ASCII can't write, and beyond 512 characters."""
    try:
        data = caption.encode("ascii")
    except UnicodeEncodeError as error:
        raise CaptionError(
            f"caption {caption[:60]!r} has {caption[error.start]!r}, which ASCII can't write: send it in a code, by "
            "--system text_coded, or by multi_sc without --uncoded"
        ) from error
    if len(data) > MOST_BYTES:
        raise CaptionError(f"caption of {len(data)} characters: at most {MOST_BYTES} are sent uncoded, shorten it")
    return data


@dataclass(frozen=True, slots=True, eq=False)
class PreparedText:
    """Fulfils Prepared."""

    sender: TextOnly
    picture: Picture
    text: bytes

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        if rounds:
            raise SettingError(
                "uncoded text can't be sent again: nothing tells that it was lost, so leave the rounds out"
            )
        name = self.sender.modulation
        symbols = -(-8 * len(self.text) // BITS[name])
        if (room := link.room(conditions.budget)) < symbols:
            raise LinkError(
                f"{conditions.budget} channel uses are too few: a text of {len(self.text)} characters in {name} needs "
                f"{link.uses(symbols)}"
            )
        field = self.text.ljust(min(MOST_BYTES, room * BITS[name] // 8), b"\0")
        bits = np.unpackbits(np.frombuffer(field, np.uint8))
        bits = np.concatenate([bits, np.zeros(-bits.size % BITS[name], np.uint8)])
        came = link.carry_bits([Segment(bits, name)], seed=(*seed, 0))
        llrs = came.llrs[0][: 8 * len(field)].astype(np.float64)
        text = read(llrs).text if self.sender.reading == "soft" else hard_text(llrs)
        gist = Gist((text,), self.picture.size)
        block = PlannedBlock("caption", len(field), came.uses, name, None)
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
    return _printable(np.packbits(llrs < 0).tobytes().split(b"\0", 1)[0])


def padded_text(llrs: np.ndarray) -> str:
    """The same for a text that a few zeros follow: they and what one wrong bit makes of them are left out, no other."""
    data = np.packbits(llrs < 0).tobytes()
    while data and data[-1].bit_count() <= 1:
        data = data[:-1]
    return _printable(data)


def character_chances(llrs: np.ndarray) -> NDArray[np.float64]:
    """How likely each character is as hard decisions have it, f8[n] from 8 n ratios: that no bit of it is wrong."""
    return np.asarray((1 / (1 + np.exp(-np.abs(llrs.astype(np.float64))))).reshape(-1, 8).prod(1))


def _printable(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in data)
