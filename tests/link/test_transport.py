"""Transport blocks of TS 38.212: checks, division into LDPC blocks, concatenation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.errors import SettingError
from gistchain.link.codes.crc import CRC16, CRC24A
from gistchain.link.codes.transport import TransportBlock


@settings(deadline=None, max_examples=40)
@given(
    bits=st.integers(1, 30_000), rate=st.floats(0.1, 0.6), per_symbol=st.sampled_from([1, 2, 4, 6, 8]),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_what_was_sent_comes_back(bits: int, rate: float, per_symbol: int, seed: int) -> None:
    block = TransportBlock(bits, -(-int(bits / rate + 60) // per_symbol) * per_symbol, per_symbol)
    given_bits = np.random.default_rng(seed).integers(0, 2, (2, bits))
    coded = block.encode(given_bits)
    assert coded.shape == (2, block.coded_bits)
    found, ok = block.decode(6.0 - 12.0 * coded)
    assert ok.all()
    assert np.array_equal(found, given_bits)


@settings(deadline=None)
@given(bits=st.integers(1, 100_000), rate=st.floats(0.1, 0.8), per_symbol=st.sampled_from([1, 2, 4, 6, 8]))
def test_the_blocks_are_as_few_and_as_equal_as_can_be(bits: int, rate: float, per_symbol: int) -> None:
    block = TransportBlock(bits, -(-int(bits / rate + 60) // per_symbol) * per_symbol, per_symbol)
    count = len(block.codes)
    assert len({code.bits for code in block.codes}) == 1
    assert 0 <= block.padding < count
    payload = bits + block.check.length
    assert count == 1 if payload <= block.graph.largest else payload > (count - 1) * (block.graph.largest - 24)
    sent = [code.coded_bits for code in block.codes]
    assert sum(sent) == block.coded_bits
    assert sent == sorted(sent)
    assert sent[-1] - sent[0] in (0, per_symbol)


@pytest.mark.parametrize(
    ("bits", "coded_bits", "check", "graph", "blocks"),
    [
        (292, 400, CRC16, 2, 1), (293, 400, CRC16, 1, 1), (3824, 6000, CRC16, 2, 1), (3825, 6000, CRC24A, 1, 1),
        (8424, 16000, CRC24A, 1, 1), (8425, 16000, CRC24A, 1, 2), (8424, 40000, CRC24A, 2, 3),
    ],
)  # fmt: skip
def test_check_graph_and_blocks_follow_length_and_rate(
    bits: int, coded_bits: int, check: object, graph: int, blocks: int
) -> None:
    block = TransportBlock(bits, coded_bits)
    assert (block.check, block.graph.number, len(block.codes)) == (check, graph, blocks)


@pytest.mark.parametrize("bits", [300, 20_000])
def test_a_wrong_block_is_not_ok(bits: int) -> None:
    block = TransportBlock(bits, 2 * bits)
    rng = np.random.default_rng(1)
    given_bits = rng.integers(0, 2, (30, bits), np.uint8)
    noise = rng.normal(0, 0.75 + 0.02 * np.arange(30)[:, None], (30, 2 * bits))
    ratios = 2.0 - 4.0 * block.encode(given_bits) + 2 * noise
    found, ok = block.decode(ratios)
    right = (found == given_bits).all(axis=1)
    assert right[ok].all()
    assert 0 < right.sum() < 30


def test_a_block_in_another_blocks_place_is_found() -> None:
    """Each LDPC block is whole and has its own check: only the check of the whole can tell."""
    block = TransportBlock(20_000, 40_002)
    first, second = block.encode(np.random.default_rng(2).integers(0, 2, (2, 20_000)))
    end = block.codes[0].coded_bits
    assert block.decode(6.0 - 12.0 * np.concatenate([first[:end], first[end:]]))[1]
    assert not block.decode(6.0 - 12.0 * np.concatenate([first[:end], second[end:]]))[1]


def test_a_second_transmission_is_joined_to_the_first_block_by_block() -> None:
    block = TransportBlock(10_000, 12_000, 4)
    rng = np.random.default_rng(3)
    given_bits = rng.integers(0, 2, (4, 10_000), np.uint8)
    sent = [1.0 - 2.0 * block.encode(given_bits, version) + rng.normal(0, 0.9, (4, 12_000)) for version in (0, 2)]
    first, second = (2 * received / 0.81 for received in sent)
    assert not block.decode(first)[1].any()
    found, ok = block.decode(np.concatenate([first, second], axis=-1), versions=(0, 2))
    assert ok.all()
    assert np.array_equal(found, given_bits)


def test_nothing_received_is_not_ok() -> None:
    """Zeros have a check of zeros, and fulfil every parity check."""
    assert not TransportBlock(100, 300).decode(np.zeros(300))[1]
    assert TransportBlock(100, 300).decode(np.ones(300))[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((0, 100), "each is at least 1"),
        ((100, 0), "each is at least 1"),
        ((100, 101, 2), "101 coded bits are no whole number of symbols of 2 bits"),
        ((100, 110), "116 bits don't fit into 110 coded bits: an LDPC code needs 123"),
    ],
)
def test_a_transport_block_that_cannot_be_is_refused(arguments: tuple[int, ...], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        TransportBlock(*arguments)


def test_wrong_lengths_are_refused() -> None:
    block = TransportBlock(100, 300)
    with pytest.raises(SettingError, match="has 100 bits, not 99"):
        block.encode(np.zeros(99))
    with pytest.raises(SettingError, match="needed are 300"):
        block.decode(np.zeros(299))
    with pytest.raises(SettingError, match="each of 2 transmissions"):
        block.decode(np.zeros(300), versions=(0, 2))
