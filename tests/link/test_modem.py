"""Symbols are those of TS 38.211; soft values are those of the definition, summed over all points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gistchain.errors import LinkError, SettingError
from gistchain.link.modem import BITS, Modulation, modulation
from gistchain.types import Bits, Symbols

NAMES = list(BITS)


@pytest.fixture(params=NAMES)
def modem(request: pytest.FixtureRequest) -> Modulation:
    return modulation(request.param)


def all_labels(modem: Modulation) -> Bits:
    return (np.arange(2**modem.bits)[:, None] >> np.arange(modem.bits)[::-1] & 1).astype(np.uint8)


def by_definition(modem: Modulation, symbols: Symbols, noise_variance: float, *, exact: bool) -> NDArray[np.float64]:
    """log P(0) / P(1) from the distances to all points, in float64."""
    exponents = -(np.abs(symbols.astype(np.complex128)[:, None] - modem.points.astype(np.complex128)) ** 2)
    exponents /= noise_variance
    summed = np.logaddexp if exact else np.maximum
    labels = all_labels(modem)
    columns = [
        summed.reduce(exponents[:, labels[:, bit] == 0], 1) - summed.reduce(exponents[:, labels[:, bit] == 1], 1)
        for bit in range(modem.bits)
    ]
    return np.array(columns).T.ravel()


def within(modem: Modulation, symbols: Symbols, noise_variance: float) -> NDArray[np.float64]:
    """How far float32 may be off: what some units in the last place of an amplitude change."""
    reach = 1 + np.abs(symbols.astype(np.complex128))
    return np.asarray(np.repeat(5e-6 + 5e-7 * reach**2 / noise_variance, modem.bits))


# TS 38.211 V18, 5.1.3 to 5.1.6, written out.
def test_symbols_are_those_of_the_5g_standard() -> None:
    def half(*bits: int) -> int:
        signs = [1 - 2 * bit for bit in bits]
        return {
            1: lambda: signs[0],
            2: lambda: signs[0] * (2 - signs[1]),
            3: lambda: signs[0] * (4 - signs[1] * (2 - signs[2])),
            4: lambda: signs[0] * (8 - signs[1] * (4 - signs[2] * (2 - signs[3]))),
        }[len(bits)]()

    for name, scale in (("qpsk", 2), ("16qam", 10), ("64qam", 42), ("256qam", 170)):
        modem = modulation(name)
        expected = [complex(half(*b[0::2]), half(*b[1::2])) / np.sqrt(scale) for b in all_labels(modem).astype(int)]
        assert modem.points == pytest.approx(np.array(expected), abs=1e-7)


def test_bpsk_is_real() -> None:
    assert modulation("bpsk").points.tolist() == [1, -1]


def test_points_have_mean_power_1_and_neighbours_differ_in_one_bit(modem: Modulation) -> None:
    points, labels = modem.points, all_labels(modem)
    assert np.mean(np.abs(points) ** 2) == pytest.approx(1, abs=1e-6)
    apart = np.abs(points[:, None] - points)
    nearest = apart[apart > 0].min()
    differing = (labels[:, None] != labels).sum(2)
    assert set(differing[(apart > 0) & (apart < 1.01 * nearest)].tolist()) == {1}


@given(st.sampled_from(NAMES), st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_hard_decisions_undo_the_mapping(name: str, seed: int, count: int) -> None:
    modem = modulation(name)
    bits = np.random.default_rng(seed).integers(0, 2, count * modem.bits, np.uint8)
    symbols = modem.map(bits)
    assert (symbols.dtype, symbols.shape) == (np.complex64, (count,))
    assert (modem.hard(symbols) == bits).all()
    assert (modem.map(bits.astype(bool)) == symbols).all()


@given(st.sampled_from(NAMES), st.integers(0, 2**32 - 1), st.floats(-30, 60), st.booleans())
def test_soft_values_are_those_of_the_definition(name: str, seed: int, snr_db: float, exact: bool) -> None:
    modem, rng, n0 = modulation(name), np.random.default_rng(seed), 10 ** (-snr_db / 10)
    noise = rng.standard_normal((2, 300)) * np.sqrt(n0 / 2)
    sent = modem.map(rng.integers(0, 2, 300 * modem.bits, np.uint8))
    symbols = (sent + noise[0] + 1j * noise[1]).astype(np.complex64)
    llrs = modem.llrs(symbols, n0, exact=exact)
    assert (llrs.dtype, llrs.shape) == (np.float32, (300 * modem.bits,))
    off = np.abs(llrs - by_definition(modem, symbols, n0, exact=exact))
    assert (off <= within(modem, symbols, n0)).all()


@given(
    st.sampled_from(NAMES),
    st.complex_numbers(max_magnitude=1e4, allow_nan=False, allow_infinity=False),
    st.floats(1e-6, 1e6),
)
def test_soft_values_far_from_all_points_are_those_of_the_definition(name: str, value: complex, n0: float) -> None:
    modem, symbols = modulation(name), np.array([value], np.complex64)
    off = np.abs(modem.llrs(symbols, n0) - by_definition(modem, symbols, n0, exact=True))
    assert (off <= within(modem, symbols, n0)).all()


def test_soft_values_are_finite_and_right_at_60_db(modem: Modulation) -> None:
    bits = all_labels(modem).ravel()
    for exact in (True, False):
        llrs = modem.llrs(modem.map(bits), 1e-6, exact=exact)
        assert np.isfinite(llrs).all()
        assert ((llrs < 0) == bits).all()
        assert np.abs(llrs).min() > 1e4


@pytest.mark.parametrize("count", [1, 255, 256, 257, 511, 512, 513, 1500])
def test_symbols_are_worked_on_one_by_one(modem: Modulation, count: int) -> None:
    """Whatever stands beside them, and each with its own noise."""
    rng = np.random.default_rng(count)
    symbols = (rng.standard_normal(count) + 1j * rng.standard_normal(count)).astype(np.complex64)
    variance = rng.uniform(0.1, 2, count)
    alone = [modem.llrs(symbols[k : k + 1], variance[k]) for k in range(count)]
    assert (modem.llrs(symbols, variance) == np.concatenate(alone)).all()


def test_infinite_noise_leaves_nothing_to_say(modem: Modulation) -> None:
    symbols = modem.map(all_labels(modem).ravel())
    assert not modem.llrs(symbols, np.inf).any()


def test_what_is_no_bits_or_no_symbol_is_refused(modem: Modulation) -> None:
    for bits in (np.full(modem.bits, 2), np.full(modem.bits, -1), np.full(modem.bits, 0.5)):
        with pytest.raises(LinkError, match="0 or 1"):
            modem.map(bits)  # type: ignore[arg-type]
    with pytest.raises(LinkError, match="pad"):
        modem.map(np.zeros((2, modem.bits), np.uint8))
    if modem.bits > 1:
        with pytest.raises(LinkError, match="pad"):
            modem.map(np.zeros(modem.bits + 1, np.uint8))
    one = modem.map(np.zeros(modem.bits, np.uint8))
    nan, infinite = (np.full(1, value, np.complex64) for value in (np.nan, np.inf))
    for symbols, variance in ((nan, 1.0), (infinite, 1.0), (one, 0.0), (one, -1.0), (one, np.nan)):
        with pytest.raises(LinkError):
            modem.llrs(symbols, variance)


def test_an_unknown_modulation_is_named() -> None:
    with pytest.raises(SettingError, match="'8psk' is no modulation: take one of bpsk"):
        modulation("8psk")


def test_symbols_as_large_as_float32_has_them_give_no_nan(modem: Modulation) -> None:
    symbols = np.array([1e30 + 1e30j, -1e30j], np.complex64)
    assert np.isfinite(modem.llrs(symbols, 1.0)).all()
