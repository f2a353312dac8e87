"""Messages -> the polar blocks of 5G's control channels with their CRC, and the messages whose CRC holds (TS 38.212).

    uplink(bits, coded_bits)      20 to 1,706 bits, CRC11, coded bits in a triangle; long messages in two blocks
    downlink(bits, coded_bits)    at most 140 bits, CRC24C, spread over the block by the input interleaver

Refused: uplink messages of 12 to 19 bits, for which the standard adds parity-check bits, and of less, for which it has
other codes. The downlink's CRC starts at zeros and is not scrambled with a receiver's number: that is the receiver's
address, not coding. `PolarCode` takes messages of any length with any check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gistchain.errors import SettingError
from gistchain.link.codes.crc import CRC11, CRC24C, Bits, Crc, as_bits
from gistchain.link.codes.polar import LIST_SIZES, PolarCode, likeliest


@dataclass(frozen=True)
class ControlBlocks:
    """One or two polar blocks of equal length, each with a CRC. bits: of a message; coded_bits: of all blocks."""

    bits: int
    coded_bits: int
    code: PolarCode
    crc: Crc
    blocks: int

    def encode(self, message: ArrayLike) -> Bits:
        """The coded bits u1[..., coded_bits] of messages [..., bits]. Raises SettingError for other shapes."""
        bits = as_bits(message)
        if bits.shape[-1] != self.bits:
            raise SettingError(f"these polar blocks take {self.bits} bits, not {bits.shape[-1]}")
        # Section 5.2.1: the first of two blocks begins with a 0 where the message is odd.
        filler = np.zeros((*bits.shape[:-1], self._filler), np.uint8)
        parts = np.concatenate([filler, bits], axis=-1).reshape(*bits.shape[:-1], self.blocks, -1)
        coded = self.code.encode(self.crc.attached(parts)).reshape(*bits.shape[:-1], -1)
        rest = np.zeros((*bits.shape[:-1], self.coded_bits - coded.shape[-1]), np.uint8)
        return np.concatenate([coded, rest], axis=-1)

    def decode(self, llrs: ArrayLike, list_sizes: Sequence[int] = LIST_SIZES) -> Bits | None:
        """The message u1[bits] whose CRC holds in every block, or None.

        llrs: [coded_bits], of one message. list_sizes: tried in turn. Raises SettingError for another length.
        """
        received = np.asarray(llrs, np.float64)
        if received.shape != (self.coded_bits,):
            raise SettingError(f"one message's {self.coded_bits} LLRs are decoded at a time, not {received.shape}")
        parts = []
        for block in received[: self.blocks * self.code.coded_bits].reshape(self.blocks, -1):
            found = likeliest(self.code, block, self.crc.holds, list_sizes=list_sizes)
            if found is None:
                return None
            parts.append(found[0][: -self.crc.length])
        whole = np.concatenate(parts)
        return None if whole[: self._filler].any() else whole[self._filler :]

    @property
    def _filler(self) -> int:
        return -self.bits % self.blocks


def uplink(bits: int, coded_bits: int) -> ControlBlocks:
    """Uplink control information (sections 6.3.1.2 to 6.3.1.5), in two blocks from 360 bits in 1,088 coded ones on.

    Where two blocks leave a coded bit over, it is 0. Raises SettingError where a message is too short or too long.
    """
    if not 20 <= bits <= 1_706:
        raise SettingError(
            f"the uplink's polar blocks take from 20 to 1,706 bits, not {bits}: use PolarCode({bits}, {coded_bits})"
        )
    blocks = 2 if (bits >= 360 and coded_bits >= 1_088) or bits >= 1_013 else 1
    held = -(-bits // blocks) + CRC11.length
    code = PolarCode(held, coded_bits // blocks, channel_interleaved=True)
    return ControlBlocks(bits, coded_bits, code, CRC11, blocks)


def downlink(bits: int, coded_bits: int) -> ControlBlocks:
    """Downlink control information (sections 7.3.2 to 7.3.4): mother codes of at most 512 bits.

    Raises SettingError where a message is too long.
    """
    if not 1 <= bits <= 140:
        raise SettingError(
            f"the downlink's polar blocks take from 1 to 140 bits, not {bits}: use PolarCode({bits}, {coded_bits})"
        )
    code = PolarCode(bits + CRC24C.length, coded_bits, input_interleaved=True, largest=512)
    return ControlBlocks(bits, coded_bits, code, CRC24C, 1)
