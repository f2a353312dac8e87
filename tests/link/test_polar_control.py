"""The uplink's and the downlink's polar blocks: Sionna's codewords, two blocks of a long message, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.errors import SettingError
from gistchain.link.codes.crc import CRC11
from gistchain.link.codes.polar import PolarCode
from gistchain.link.codes.polar_control import ControlBlocks, downlink, uplink
from tests.support.polarvectors import Key, digest, kept, messages

VECTORS = kept()


@pytest.mark.parametrize("key", VECTORS, ids=str)
def test_codewords_are_sionnas(key: Key) -> None:
    link = {"uplink": uplink, "downlink": downlink}[key[0]](*key[1:])
    assert digest(link.encode(messages(key))) == VECTORS[key]


@pytest.mark.parametrize(
    "link", [uplink(20, 31), uplink(300, 900), uplink(401, 1_301), downlink(1, 25), downlink(140, 800)]
)
def test_what_is_sent_comes_back_and_another_message_does_not(link: ControlBlocks) -> None:
    message = np.random.default_rng(1).integers(0, 2, link.bits, np.uint8)
    llrs = 3 - 6.0 * link.encode(message)
    found = link.decode(llrs)
    assert found is not None
    assert (found == message).all()
    rng = np.random.default_rng(2)
    noise = [link.decode(rng.normal(0, 1, link.coded_bits), (1, 2)) for _ in range(5)]
    assert sum(found is not None for found in noise) <= 1


def test_a_long_message_goes_in_two_blocks_and_an_odd_one_begins_with_a_0() -> None:
    message = np.random.default_rng(3).integers(0, 2, 401, np.uint8)
    whole = uplink(401, 1_301).encode(message)
    block = PolarCode(201 + 11, 650, channel_interleaved=True)
    first, second = np.append(np.uint8(0), message[:200]), message[200:]
    expected = [block.encode(CRC11.attached(part)) for part in (first, second)]
    assert (whole == np.concatenate([*expected, [0]])).all()


@pytest.mark.parametrize(
    ("bits", "coded_bits", "blocks"),
    [(359, 2_000, 1), (360, 1_087, 1), (360, 1_088, 2), (1_012, 1_087, 1), (1_013, 1_087, 2), (1_706, 1_800, 2)],
)
def test_how_many_blocks_there_are(bits: int, coded_bits: int, blocks: int) -> None:
    assert uplink(bits, coded_bits).blocks == blocks


def test_a_damaged_block_loses_the_message() -> None:
    link = uplink(400, 1_200)
    llrs = 3 - 6.0 * link.encode(np.zeros(400, np.uint8))
    llrs[600:] = np.random.default_rng(4).normal(0, 3, 600)
    assert link.decode(llrs, (1, 4)) is None


def test_the_downlinks_mother_codes_end_at_512() -> None:
    assert downlink(140, 800).code.matching.mother == 512


def test_what_the_standard_codes_otherwise_is_refused() -> None:
    for bits in (1, 12, 19, 1_707):
        with pytest.raises(SettingError, match=f"not {bits}: use PolarCode"):
            uplink(bits, 2_000)
    for bits in (0, 141):
        with pytest.raises(SettingError, match=f"not {bits}: use PolarCode"):
            downlink(bits, 500)
    with pytest.raises(SettingError, match="31 bits into 30"):
        uplink(20, 30)
    with pytest.raises(SettingError, match="20 bits, not 3"):
        uplink(20, 40).encode(np.zeros(3, np.uint8))
    with pytest.raises(SettingError, match="40 LLRs"):
        uplink(20, 40).decode(np.zeros(41))
