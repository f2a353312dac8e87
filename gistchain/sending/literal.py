"""Img2Img-SC as its code has it: eight bits a character, 64 a number of the latent, bits flipped in place of a channel.

S2.1, S2.4, S2.5, S2.7. There is no code and no check (T2.4): a flipped exponent makes a number of any size, and the
receiver puts Gaussian noise in the place of what can't be one. The picture's size and the length of the text are
agreed, which others pay for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import LinkError, RebuildError, SettingError
from gistchain.gist.painted import BASE_SEED
from gistchain.link.channel import Awgn
from gistchain.link.errorrates import published_bit_flip_rate
from gistchain.link.modem import BITS
from gistchain.link.snr import eb_n0_db
from gistchain.sending.text import ascii_bytes, hard_text
from gistchain.types import Conditions, Described, Gist, LatentPainter, Link, Picture, Pixels, PlannedBlock, Sent

SIDE = 512
"""Pixels a side: every picture is brought to it (S2.5)."""
TEXT_BYTES = 77
"""The field of the text: longer ones are cut (T2.1)."""
_LARGEST, _SMALLEST = 10.0, 0.01
_BITS_PER_USE = BITS["16qam"]


@dataclass(frozen=True, slots=True)
class Literal:
    """describe: a picture in words. painter: of the latent. strength: share of its steps; 0 decodes the latent."""

    describe: Callable[[Picture], Described]
    painter: LatentPainter
    strength: float

    def prepare(self, picture: Picture) -> PreparedLiteral:
        text = ascii_bytes(self.describe(picture).gist.caption)[:TEXT_BYTES]
        return PreparedLiteral(self, picture, text, self.painter.space.latent_of(picture.pixels, (SIDE, SIDE)))


@dataclass(frozen=True, slots=True, eq=False)
class PreparedLiteral:
    """Fulfils Prepared."""

    sender: Literal
    picture: Picture
    text: bytes
    latent: NDArray[np.float32]

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        if rounds:
            raise SettingError("nothing tells what of an uncoded latent was lost: leave the rounds out")
        if not isinstance(link, Awgn) or link.gain != 1:
            raise LinkError(
                f"the published system has an error rate for AWGN alone, not for {link.name}: take --system "
                "img2img_sc or img2img_sc_analogue there"
            )
        text_uses, latent_uses = uses(8 * TEXT_BYTES), uses(64 * self.latent.size)
        if conditions.budget < text_uses + latent_uses:
            raise LinkError(
                f"{conditions.budget:,} channel uses are too few: text and float64 latent take "
                f"{text_uses + latent_uses:,} in 16-QAM, as published"
            )
        rate = published_bit_flip_rate(eb_n0_db(link.snr_db, _BITS_PER_USE))
        random = np.random.RandomState(np.random.PCG64(np.random.SeedSequence(seed)))
        text = hard_text(1.0 - 2.0 * flipped(self.text.ljust(TEXT_BYTES, b"\0"), rate, random))
        arrived = np.packbits(flipped(self.latent.astype("<f8").tobytes(), rate, random)).view("<f8")
        latent = repaired(arrived.reshape(self.latent.shape), random)
        return Sent(
            picture=self._seen(latent, text),
            caption=text,
            certain=False,
            gist=Gist((text,), self.picture.size),
            lost=(),
            uses=text_uses + latent_uses,
            rounds=0,
            start_uses=0,
            blocks=(
                PlannedBlock("caption", TEXT_BYTES, text_uses, "16qam", None),
                PlannedBlock("latent", 8 * self.latent.size, latent_uses, "16qam", None),
            ),
            expected=None,
        )

    def _seen(self, latent: NDArray[np.float32], text: str) -> Pixels | None:
        from PIL import Image

        square = Gist((text,), (SIDE, SIDE))
        try:
            picture = self.sender.painter.from_latent(latent, square, BASE_SEED, self.sender.strength)
        except RebuildError:
            if text == self.text.decode():
                raise
            return None  # the words arrived as none that it can paint
        return np.asarray(Image.fromarray(picture).resize(self.picture.size, Image.Resampling.LANCZOS))


def uses(bits: int) -> int:
    """Of so many bits in 16-QAM, uncoded."""
    return -(-bits // _BITS_PER_USE)


def flipped(data: bytes, rate: float, random: np.random.RandomState) -> NDArray[np.uint8]:
    """The bits of the bytes, each turned by that chance."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    return bits ^ (random.random_sample(bits.size) < rate)


def repaired(values: NDArray[np.float64], random: np.random.RandomState) -> NDArray[np.float32]:
    """Gaussian noise for every NaN, for what is beyond 10 and for what is below .01 in size, intact or not (T2.4)."""
    with np.errstate(invalid="ignore"):
        sound = (np.abs(values) <= _LARGEST) & (np.abs(values) >= _SMALLEST)
    return np.where(sound, values, random.standard_normal(values.shape)).astype(np.float32)
