"""Cyclic redundancy checks of TS 38.212, section 5.1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.errors import SettingError
from gistchain.link.codes.crc import CRCS, Crc

# Section 5.1, as it prints them: the powers of D.
POWERS = {
    "CRC24A": (24, 23, 18, 17, 14, 11, 10, 7, 6, 5, 4, 3, 1, 0),
    "CRC24B": (24, 23, 6, 5, 1, 0),
    "CRC24C": (24, 23, 21, 20, 17, 15, 13, 12, 8, 4, 2, 1, 0),
    "CRC16": (16, 12, 5, 0),
    "CRC11": (11, 10, 9, 5, 0),
    "CRC6": (6, 5, 0),
}
each_crc = pytest.mark.parametrize("crc", CRCS.values(), ids=str)
blocks_of_bits = st.lists(st.integers(0, 1), max_size=200).map(lambda bits: np.array(bits, np.uint8))


@pytest.mark.parametrize(("name", "check"), [("CRC24A", 0xCDE703), ("CRC24B", 0x23EF52), ("CRC16", 0x31C3)])
def test_the_check_of_123456789_is_that_of_the_catalogue(name: str, check: int) -> None:
    """CRC-24/LTE-A, CRC-24/LTE-B and CRC-16/XMODEM in Cook's catalogue of parametrised CRC algorithms."""
    bits = CRCS[name].of(np.unpackbits(np.frombuffer(b"123456789", np.uint8)))
    assert int("".join(map(str, bits)), 2) == check


@each_crc
@given(bits=blocks_of_bits)
def test_the_check_is_the_remainder_of_the_polynomial_division(crc: Crc, bits: np.ndarray) -> None:
    divisor = sum(1 << power for power in POWERS[crc.name])
    rest = int("0" + "".join(map(str, bits)), 2) << crc.length
    while rest.bit_length() > crc.length:
        rest ^= divisor << (rest.bit_length() - divisor.bit_length())
    assert crc.of(bits).tolist() == [rest >> k & 1 for k in reversed(range(crc.length))]


@each_crc
def test_one_or_two_flipped_bits_are_found(crc: Crc) -> None:
    rng = np.random.default_rng(1)
    whole = crc.attached(rng.integers(0, 2, (50, 20)))
    assert whole.shape == (50, 20 + crc.length)
    assert crc.holds(whole).all()
    for row in whole:
        row[rng.choice(whole.shape[1], rng.integers(1, 3), replace=False)] ^= 1
    assert not crc.holds(whole).any()


@each_crc
def test_a_cut_block_is_found(crc: Crc) -> None:
    rng = np.random.default_rng(3)
    wholes = [crc.attached(rng.integers(0, 2, 64)) for _ in range(20)]
    ends = [whole for whole in wholes if whole[-1]]
    assert ends
    assert not any(crc.holds(whole[:-cut]) for whole in ends for cut in range(1, 6))


def test_blocks_keep_their_axes() -> None:
    crc = CRCS["CRC11"]
    bits = np.random.default_rng(2).integers(0, 2, (2, 3, 40))
    assert crc.attached(bits).shape == (2, 3, 51)
    assert crc.attached(bits)[1, 2].tolist() == crc.attached(bits[1, 2]).tolist()
    assert crc.holds(crc.attached(bits)).shape == (2, 3)


@pytest.mark.parametrize("bits", [[0, 2], [0, -1], [0.5], ["0"], [np.nan]])
def test_what_is_no_bit_is_refused(bits: list[object]) -> None:
    with pytest.raises(SettingError, match="0 or 1"):
        CRCS["CRC16"].of(bits)


def test_a_block_shorter_than_its_check_is_refused() -> None:
    with pytest.raises(SettingError, match="5 bits can't end with CRC6"):
        CRCS["CRC6"].holds(np.zeros(5))
