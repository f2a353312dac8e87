"""One LDPC block of TS 38.212: codewords, rate matching, decoding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gistchain.errors import SettingError
from gistchain.link.codes import ldpc_graph
from gistchain.link.codes.ldpc import LdpcCode
from gistchain.link.codes.ldpc_graph import GRAPH1, GRAPH2, BaseGraph
from tests.support import ldpc

Floats = NDArray[np.float64]


def noisy(code: LdpcCode, bits: NDArray[np.uint8], snr_db: float, seed: int, version: int = 0) -> Floats:
    """Log-likelihood ratios of the coded bits after BPSK and real noise, each of power 1 / SNR."""
    deviation = 10 ** (-snr_db / 20)
    sent = 1.0 - 2.0 * code.encode(bits, version)
    return 2 * (sent + np.random.default_rng(seed).normal(0, deviation, sent.shape)) / deviation**2


def block_error_rate(code: LdpcCode, snr_db: float, blocks: int, seed: int = 0) -> float:
    bits = np.random.default_rng([seed, 1]).integers(0, 2, (blocks, code.bits), np.uint8)
    found, _ = code.decode(noisy(code, bits, snr_db, seed))
    return float((found != bits).any(axis=1).mean())


def whole_codeword(code: LdpcCode, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """With what is never sent: the first two columns, and the filler bits."""
    size, graph = code.lifting_size, code.graph
    parity = code.encode(bits)[..., max(0, code.bits - 2 * size) :]
    return np.concatenate([bits, np.zeros(graph.information * size - code.bits, np.uint8), parity])


@pytest.mark.parametrize("line", ldpc.FILE.read_text("utf-8").splitlines()[2:])
def test_codewords_are_those_of_sionna(line: str) -> None:
    bits, coded_bits, per_symbol, digest = line.split(",")
    code = LdpcCode(int(bits), int(coded_bits), int(per_symbol))
    assert ldpc.digest(code.encode, code.bits, code.coded_bits) == digest


def test_the_compared_codes_are_of_both_graphs_all_sets_and_640_bits() -> None:
    codes = [LdpcCode(*map(int, line.split(",")[:3])) for line in ldpc.FILE.read_text("utf-8").splitlines()[2:]]
    assert len(codes) == 200
    assert {code.graph.number for code in codes} == {1, 2}
    odd_parts = {code.lifting_size // (code.lifting_size & -code.lifting_size) for code in codes}
    assert odd_parts == {1, 3, 5, 7, 9, 11, 13, 15}
    assert any(code.bits == 640 and code.graph is GRAPH2 for code in codes)


@pytest.mark.parametrize(("graph", "count"), [(GRAPH1, 316), (GRAPH2, 197)], ids=["graph 1", "graph 2"])
def test_a_base_graph_has_its_elements_and_a_parity_bit_for_each_row(graph: BaseGraph, count: int) -> None:
    for size in (2, 7, 15, 208, 384):
        elements = ldpc_graph.elements(graph, size)
        assert len({tuple(place) for place in elements[:, :2]}) == count
        assert set(elements[:, 0]) == set(range(graph.rows))
        assert set(elements[:, 1]) == set(range(graph.columns))
        assert np.bincount(elements[:, 1]).max() <= 30, "a bit in more checks could leave 16 bits in the decoder"
        assert ((elements[:, 2] >= 0) & (elements[:, 2] < size)).all()
        further = elements[elements[:, 1] >= graph.information + 4]
        assert further[:, [0, 2]].tolist() == [[row, 0] for row in range(4, graph.rows)]
        assert (further[:, 1] == further[:, 0] + graph.information).all()


def test_there_are_the_51_lifting_sizes_of_the_standard() -> None:
    sizes = {ldpc_graph.lifting_size(GRAPH1, bits) for bits in range(1, GRAPH1.largest + 1)}
    assert len(sizes) == 51
    assert (min(sizes), max(sizes)) == (2, 384)


@settings(deadline=None, max_examples=60)
@given(bits=st.integers(1, 3840), graph=st.sampled_from([GRAPH1, GRAPH2]), seed=st.integers(0, 2**32 - 1))
def test_every_codeword_fulfils_all_checks(bits: int, graph: BaseGraph, seed: int) -> None:
    size = ldpc_graph.lifting_size(graph, bits)
    buffer = (graph.columns - 2) * size - (graph.information * size - max(bits, 2 * size))
    code = LdpcCode(bits, buffer, graph=graph)
    word = whole_codeword(code, np.random.default_rng(seed).integers(0, 2, bits, np.uint8)).reshape(-1, size)
    syndrome = np.zeros((graph.rows, size), np.uint8)
    for row, column, shift in ldpc_graph.elements(graph, size):
        syndrome[row] ^= np.roll(word[column], -shift)
    assert not syndrome.any()


@settings(deadline=None, max_examples=60)
@given(
    bits=st.integers(1, 3824), rate=st.floats(0.05, 0.6), per_symbol=st.sampled_from([1, 2, 4, 6, 8]),
    version=st.sampled_from([0, 0, 3]), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_what_was_sent_comes_back(bits: int, rate: float, per_symbol: int, version: int, seed: int) -> None:
    # Versions 0 and 3 can be decoded by themselves; 3 has parity bits first.
    wanted = bits / min(rate, 0.3) + 20 if version else bits / rate + 20
    code = LdpcCode(bits, -(-int(wanted) // per_symbol) * per_symbol, per_symbol)
    for given_bits in (np.random.default_rng(seed).integers(0, 2, (3, bits)), np.zeros((3, bits))):
        found, ok = code.decode(5.0 - 10.0 * code.encode(given_bits, version), versions=[version])
        assert ok.all()
        assert np.array_equal(found, given_bits)


@pytest.mark.parametrize(("bits", "coded_bits", "snr_db"), [(300, 600, 2.0), (640, 1280, 1.5), (3000, 4000, 4.0)])
def test_blocks_come_through_noise(bits: int, coded_bits: int, snr_db: float) -> None:
    assert block_error_rate(LdpcCode(bits, coded_bits), snr_db + 1.0, 100) == 0


def test_block_errors_fall_as_the_snr_rises() -> None:
    code = LdpcCode(256, 512)
    rates = [block_error_rate(code, snr_db, 400) for snr_db in (-0.5, 0.5, 1.5, 2.5)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 0.7
    assert rates[-1] < 0.02


def test_below_rate_a_fifth_bits_are_repeated_and_their_ratios_added() -> None:
    once, more = LdpcCode(200, 1000), LdpcCode(200, 2000)
    bits = np.random.default_rng(1).integers(0, 2, 200)
    # 200 bits lie in 8 columns of 26, and 60 filler bits behind them: all but those and two columns are sent.
    period = 50 * 26 - 60
    assert np.array_equal(more.encode(bits)[:1000], once.encode(bits))
    assert np.array_equal(more.encode(bits)[period:], more.encode(bits)[: 2000 - period])
    twice, four_times = LdpcCode(200, 2 * period), LdpcCode(200, 4 * period)
    sent = 0.5 - twice.encode(bits)
    assert twice.decode(sent)[1]
    assert not twice.decode(np.where(np.arange(2 * period) < period, sent, -sent))[1], "what cancels out says nothing"
    assert block_error_rate(four_times, -8.0, 200) < 0.05 < block_error_rate(twice, -8.0, 200)


def test_a_second_transmission_rescues_what_the_first_could_not() -> None:
    code = LdpcCode(600, 800, 2)
    bits = np.random.default_rng(2).integers(0, 2, (50, 600), np.uint8)
    first, second, again = (noisy(code, bits, 0.0, seed, version) for seed, version in ((1, 0), (2, 2), (3, 0)))
    assert not code.decode(first)[1].any()
    for rounds, versions in (((first, second), (0, 2)), ((second, first), (2, 0)), ((first, again, second), (0, 0, 2))):
        found, ok = code.decode(np.concatenate(rounds, axis=-1), versions)
        assert ok.mean() > 0.9
        assert np.array_equal(found[ok], bits[ok])
    # New parity bits say more than the same bits once more.
    repeated = code.decode(np.concatenate([first, again], axis=-1), (0, 0))[1]
    fresh = code.decode(np.concatenate([first, second], axis=-1), (0, 2))[1]
    assert repeated.mean() < fresh.mean()


@pytest.mark.parametrize(("bits", "coded_bits"), [(20, 60), (200, 400), (700, 1400), (5000, 9000)])
def test_a_block_is_decoded_alike_alone_and_among_others(bits: int, coded_bits: int) -> None:
    code = LdpcCode(bits, coded_bits)
    rng = np.random.default_rng(4)
    given_bits = rng.integers(0, 2, (2, 9, bits), np.uint8)
    ratios = noisy(code, given_bits, 0.8, 5)
    found, ok = code.decode(ratios)
    assert (found.shape, ok.shape) == ((2, 9, bits), (2, 9))
    for place in np.ndindex(2, 9):
        alone, fine = code.decode(ratios[place])
        assert np.array_equal(alone, found[place])
        assert fine == ok[place]


def test_what_was_not_received_is_not_ok() -> None:
    code = LdpcCode(100, 200)
    bits = np.random.default_rng(6).integers(0, 2, 100)
    ratios = 5.0 - 10.0 * code.encode(bits)
    assert not code.decode(np.zeros(200))[1]
    assert not code.decode(ratios * (np.arange(200) < 60))[1]
    found, ok = code.decode(ratios * (np.arange(200) < 180))
    assert ok
    assert np.array_equal(found, bits)


def test_noise_alone_is_not_ok() -> None:
    assert not LdpcCode(200, 400).decode(np.random.default_rng(7).normal(0, 3, (200, 400)))[1].any()


def test_certain_and_enormous_ratios_are_cut_off() -> None:
    code = LdpcCode(64, 128)
    bits = np.random.default_rng(8).integers(0, 2, 64)
    signs = 1.0 - 2.0 * code.encode(bits)
    for ratios in (signs * np.inf, signs * 1e300, (signs * 3e38).astype(np.float32), (signs * 9).astype(np.int64)):
        found, ok = code.decode(ratios)
        assert ok
        assert np.array_equal(found, bits)


def test_no_blocks_give_no_blocks() -> None:
    code = LdpcCode(64, 128)
    assert code.encode(np.zeros((0, 64))).shape == (0, 128)
    found, ok = code.decode(np.zeros((0, 128)))
    assert (found.shape, ok.shape) == ((0, 64), (0,))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((0, 10), "at least 1 bit, not 0"),
        ((100, 100), "an LDPC code needs 106"),
        ((100, 0), "don't fit into 0 coded bits"),
        ((100, 201, 2), "201 coded bits are no whole number of symbols of 2 bits"),
        ((100, 200, 0), "symbols of 0 bits"),
        ((8449, 20000), "at most 8448 bits, not 8449: TransportBlock"),
        ((4000, 20000), "base graph 2 has at most 3840 bits"),
        ((4000, 8000, 1, GRAPH2), "base graph 2 has at most 3840 bits"),
    ],
)
def test_a_block_that_cannot_be_is_refused(arguments: tuple[int, ...], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        LdpcCode(*arguments)


def test_what_cannot_be_encoded_is_refused() -> None:
    code = LdpcCode(64, 128)
    with pytest.raises(SettingError, match="takes 64 bits a block, not 63"):
        code.encode(np.zeros(63))
    with pytest.raises(SettingError, match="0 or 1"):
        code.encode(np.full(64, 2))
    with pytest.raises(SettingError, match="0 to 3, not 4"):
        code.encode(np.zeros(64), version=4)


def test_what_cannot_be_decoded_is_refused() -> None:
    code = LdpcCode(64, 128)
    for ratios in (np.zeros(127), np.zeros((128, 2)), 3.0):
        with pytest.raises(SettingError, match="needed are 128"):
            code.decode(ratios)
    for ratios in (np.full(128, np.nan), ["x"] * 128, np.zeros(128, complex)):
        with pytest.raises(SettingError, match="is no number"):
            code.decode(ratios)
    with pytest.raises(SettingError, match="needed are 128"):
        code.decode(np.zeros(128), versions=())
    with pytest.raises(SettingError, match="0 to 3, not -1"):
        code.decode(np.zeros(128), versions=[-1])
    with pytest.raises(SettingError, match="at least 1 iteration, not 0"):
        code.decode(np.zeros(128), iterations=0)
