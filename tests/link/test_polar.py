"""The polar code of TS 38.212: what is sent of it, and its list decoder beside maximum likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gistchain.errors import SettingError
from gistchain.link.codes.crc import CRC11, CRC16
from gistchain.link.codes.polar import PolarCode, likeliest
from gistchain.link.codes.polar_list import steps
from gistchain.link.codes.polar_long import LongPolarCode, designed
from gistchain.link.codes.polar_matching import interleaved, matched, mother_length, standard_order, triangle

Bits = NDArray[np.uint8]
Floats = NDArray[np.float64]


def every_word(bits: int) -> Bits:
    return (np.arange(1 << bits)[:, None] >> np.arange(bits) & 1).astype(np.uint8)


def contradicted(llrs: Floats, words: Bits) -> Floats:
    """Sum of |LLR| whose sign says something else than the word."""
    found: Floats = (((llrs < 0) != (words == 1)) * np.abs(llrs)).sum(axis=-1)
    return found


def noisy(code: PolarCode, message: Bits, snr_db: float, seed: int) -> Floats:
    ratio = 10 ** (snr_db / 10)
    coded = code.encode(message)
    noise = np.random.default_rng(seed).normal(0, ratio**-0.5, coded.shape)
    return np.asarray(2 * ratio * (1 - 2.0 * coded + noise))


@st.composite
def codes(draw: st.DrawFn) -> PolarCode:
    make = draw(st.sampled_from([PolarCode, LongPolarCode]))
    # To design a code of 3,000 bits takes seconds; test_polar_long.py has some of 768 to 9,000.
    most_bits, most_coded_bits = (700, 3_000) if make is PolarCode else (90, 150)
    bits = draw(st.integers(1, most_bits))
    coded_bits = draw(st.integers(max(bits, 2), most_coded_bits))
    input_interleaved = bits <= 164 and draw(st.booleans())
    try:
        return make(bits, coded_bits, channel_interleaved=draw(st.booleans()), input_interleaved=input_interleaved)
    except SettingError as error:  # so much is left out that too few positions remain
        assert "place" in str(error) or bits > 512  # noqa: PT017
        return make(1, coded_bits)


@given(code=codes(), seed=st.integers(0, 1 << 30), list_size=st.sampled_from([1, 2, 3, 8, 20]))
def test_what_is_sent_comes_back_where_there_is_no_noise(code: PolarCode, seed: int, list_size: int) -> None:
    message = np.random.default_rng(seed).integers(0, 2, (2, code.bits), np.uint8)
    candidates, metrics = code.decode(4 - 8.0 * code.encode(message), list_size)
    assert (candidates[:, 0] == message).all()
    assert (metrics[:, 0] == 0).all()
    assert (metrics[:, 1:] > 0).all()


@pytest.mark.parametrize(
    "code",
    [
        PolarCode(6, 20), PolarCode(8, 32), PolarCode(5, 40), PolarCode(7, 18, channel_interleaved=True),
        PolarCode(9, 100, input_interleaved=True), PolarCode(10, 25), LongPolarCode(8, 29), LongPolarCode(9, 60),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("with_priors", [False, True])
def test_a_list_of_all_words_is_maximum_likelihood(code: PolarCode, with_priors: bool) -> None:
    words = every_word(code.bits)
    coded = code.encode(words)
    rng = np.random.default_rng(code.bits)
    for _ in range(20):
        llrs = rng.normal(0, 3, code.coded_bits)
        priors = rng.normal(0, 2, code.bits) if with_priors else None
        expected = contradicted(llrs, coded) + (0 if priors is None else contradicted(priors, words))
        candidates, metrics = code.decode(llrs, 1 << code.bits, priors=priors)
        assert metrics == pytest.approx(np.sort(expected))
        assert (candidates == words[np.argsort(expected)]).all()


@pytest.mark.parametrize("list_size", [1, 3, 8, 33])
@pytest.mark.parametrize("priors", [None, 0.25])
def test_candidates_differ_and_come_in_the_order_of_their_likelihood(list_size: int, priors: float | None) -> None:
    code = PolarCode(60, 130)
    llrs = noisy(code, np.random.default_rng(2).integers(0, 2, (5, 60), np.uint8), -2, seed=3)
    known = None if priors is None else np.full(60, priors)
    candidates, metrics = code.decode(llrs, list_size, priors=known)
    assert candidates.shape == (5, list_size, 60)
    assert (np.diff(metrics) >= 0).all()
    for block, found, said in zip(llrs, candidates, metrics, strict=True):
        assert len(np.unique(found, axis=0)) == list_size
        own = contradicted(block, code.encode(found)) + (0 if known is None else contradicted(known, found))
        assert said - said[0] == pytest.approx(own - own[0], abs=1e-9)


def test_subtrees_decided_as_a_whole_find_what_single_bits_find() -> None:
    """Of candidates that are likely; the least likely of a list may differ where parity is decided at once."""
    code = PolarCode(100, 200)
    llrs = noisy(code, np.random.default_rng(4).integers(0, 2, (60, 100), np.uint8), 2, seed=5)
    whole, metrics = code.decode(llrs, 16)
    single, bitwise = code.decode(llrs, 16, priors=np.zeros(100))
    assert (whole[:, 0] == single[:, 0]).mean() > 0.95
    assert metrics[:, 0].mean() == pytest.approx(bitwise[:, 0].mean(), rel=0.02)
    assert len(steps(code.matching.carrying, 256, priors=False)) < len(steps(code.matching.carrying, 256, priors=True))


def test_a_block_decodes_alone_as_among_others() -> None:
    code = PolarCode(40, 100)
    llrs = noisy(code, np.zeros((6, 40), np.uint8), -1, seed=6).reshape(2, 3, 100)
    candidates, metrics = code.decode(llrs, 4)
    assert candidates.shape == (2, 3, 4, 40)
    alone = code.decode(llrs[1, 2], 4)
    assert (candidates[1, 2] == alone[0]).all()
    assert (metrics[1, 2] == alone[1]).all()


def test_priors_decide_where_nothing_was_received() -> None:
    code = PolarCode(50, 120, input_interleaved=True)
    expected = np.random.default_rng(8).integers(0, 2, 50, np.uint8)
    candidates, metrics = code.decode(np.zeros(120), 8, priors=2 - 4.0 * expected)
    assert (candidates[0] == expected).all()
    assert metrics[0] == 0


def test_priors_find_messages_that_noise_hides() -> None:
    """Bits known with 80%, as by a model of the language."""
    code, rng = PolarCode(90, 200), np.random.default_rng(9)
    message = rng.integers(0, 2, (100, 90), np.uint8)
    llrs = noisy(code, message, 0, seed=10)
    guessed = np.where(rng.random(message.shape) < 0.8, message, 1 - message)
    known = np.log(4) * (1 - 2.0 * guessed)
    without, _ = code.decode(llrs, 8)
    helped, _ = code.decode(llrs, 8, priors=known)
    lost = [(found[:, 0] != message).any(axis=1).sum() for found in (without, helped)]
    assert lost[1] < lost[0] / 2


def test_the_candidate_that_passes_is_taken_and_lists_grow_until_one_does() -> None:
    code, rng = PolarCode(128, 256), np.random.default_rng(11)
    sizes = []
    for seed in range(40):
        message = CRC16.attached(rng.integers(0, 2, 112, np.uint8))
        found = likeliest(code, noisy(code, message, -0.3, seed=seed), CRC16.holds, list_sizes=(1, 8, 64))
        if found is not None:
            assert (found[0] == message).all()
            sizes.append(found[1])
    assert {1, 8} <= set(sizes)


def test_any_check_of_the_caller_does() -> None:
    code = PolarCode(20, 60)
    message = np.zeros(20, np.uint8)
    llrs = noisy(code, message, 0, seed=12)
    odd = likeliest(code, llrs, lambda words: words.sum(axis=1) % 2 == 1)
    assert odd is not None
    assert odd[0].sum() % 2 == 1
    assert likeliest(code, llrs, lambda words: np.zeros(len(words), bool), list_sizes=(1, 4)) is None


def test_numbers_of_any_size_decode() -> None:
    code = PolarCode(100, 150)
    message = np.random.default_rng(13).integers(0, 2, 100, np.uint8)
    for size in (1e-300, 1e-3, 1e6, 1e30, 1e300):
        candidates, metrics = code.decode(size * (1 - 2.0 * code.encode(message)), 4)
        assert (candidates[0] == message).all()
        assert np.isfinite(metrics[0])


def test_more_repetition_loses_fewer_blocks() -> None:
    message = np.zeros((300, 100), np.uint8)
    lost = []
    for coded_bits in (1_024, 1_100, 1_500, 2_500):
        code = PolarCode(100, coded_bits)
        assert code.matching.mother <= 1_024
        found, _ = code.decode(noisy(code, message, -8.5, seed=14), 4)
        lost.append(int((found[:, 0] != message).any(axis=1).sum()))
    assert lost == sorted(lost, reverse=True)
    assert lost[0] > 2 * lost[-1]


def test_the_order_of_reliability_is_a_permutation_with_the_standards_ends() -> None:
    order = standard_order()
    assert sorted(order) == list(range(1_024))
    assert order[:8].tolist() == [0, 1, 2, 4, 8, 16, 32, 3]
    assert order[-6:].tolist() == [1_007, 1_015, 1_019, 1_021, 1_022, 1_023]


@pytest.mark.parametrize(
    ("bits", "coded_bits", "mother"),
    [(31, 108, 128), (31, 70, 64), (64, 70, 128), (20, 8_000, 256), (496, 1_402, 1_024), (40, 32, 32), (10, 18, 32)],
)
def test_the_mother_code_is_the_standards(bits: int, coded_bits: int, mother: int) -> None:
    assert mother_length(bits, coded_bits, 1_024) == mother


def test_coded_bits_are_left_out_at_the_start_at_low_rates_and_at_the_end_at_high_ones() -> None:
    low, high = matched(50, 200, standard_order()), matched(150, 200, standard_order())
    assert set(range(256)) - set(low.sent) == set(interleaved(256)[:56])
    assert set(range(256)) - set(high.sent) == set(interleaved(256)[200:]) == set(high.zeros)
    # 0 ... T - 1 with T = ceil(3N/4 - E/2).
    assert low.carrying.min() >= 92
    coded = PolarCode(150, 200).encode(every_word(8).repeat(19, axis=1)[:, :150])
    assert coded.shape == (256, 200)


def test_shortened_positions_are_always_0() -> None:
    for matching in (matched(150, 200, standard_order()), designed(150, 200)):
        word = np.zeros((20, matching.mother), np.uint8)
        word[:, matching.carrying] = np.random.default_rng(15).integers(0, 2, (20, 150), np.uint8)
        half = 1
        while half < matching.mother:
            pairs = word.reshape(20, -1, 2, half)
            pairs[:, :, 0] ^= pairs[:, :, 1]
            half *= 2
        assert not word[:, matching.zeros].any()


def test_the_triangle_is_written_by_rows_and_read_by_columns() -> None:
    # 0 1 2 3 / 4 5 6 / 7 8 / (9 is not there)
    assert triangle(9).tolist() == [0, 4, 7, 1, 5, 8, 2, 6, 3]


def test_a_code_that_can_not_be_is_refused() -> None:
    for bits, coded_bits in ((0, 10), (11, 10), (1_025, 2_000), (-1, 5)):
        with pytest.raises(SettingError, match=f"{bits} bits"):
            PolarCode(bits, coded_bits)
    with pytest.raises(SettingError, match="at most 164"):
        PolarCode(165, 400, input_interleaved=True).encode(np.zeros(165, np.uint8))
    with pytest.raises(SettingError, match="power of two"):
        PolarCode(20, 40, largest=100)


def test_input_of_another_shape_is_refused() -> None:
    code = PolarCode(20, 40)
    with pytest.raises(SettingError, match="20 bits, not 21"):
        code.encode(np.zeros(21, np.uint8))
    with pytest.raises(SettingError, match="0 or 1"):
        code.encode(np.full(20, 2))
    with pytest.raises(SettingError, match="40 LLRs"):
        code.decode(np.zeros(39))
    with pytest.raises(SettingError, match="finite"):
        code.decode(np.full(40, np.nan))
    with pytest.raises(SettingError, match="2,048 candidates, not 0"):
        code.decode(np.zeros(40), 0)
    with pytest.raises(SettingError, match="20 priors"):
        code.decode(np.zeros(40), priors=np.zeros(3))
    with pytest.raises(SettingError, match="no LLRs"):
        code.decode(np.zeros((0, 40)))
    with pytest.raises(SettingError, match="one axis"):
        likeliest(code, np.zeros((2, 40)), CRC11.holds)
