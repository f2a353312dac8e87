"""Bounds against quadrature by scipy, and against figures that others published."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from gistchain.errors import SettingError
from gistchain.link.bounds import bits_for, capacity, error_rate_for, information, outage, q, uses_for
from gistchain.link.modem import BITS, modulation
from gistchain.types import ModulationName


def by_quadrature(name: ModulationName, snr_db: float) -> tuple[float, float]:
    """Mean and variance of the information density, adaptively."""
    modem = modulation(name)
    levels, n0 = modem.levels.astype(np.float64), 10 ** (-snr_db / 10)
    spread, moments = math.sqrt(n0 / 2), [0.0, 0.0]
    for sent in levels:

        def density(noise: float, power: int, sent: float = sent) -> float:
            told = -np.logaddexp.reduce(-((sent - levels + noise) ** 2 - noise**2) / n0) / math.log(2)
            return float((told + math.log2(levels.size)) ** power * stats.norm.pdf(noise, scale=spread))

        edges = np.clip((levels - sent) / 2, -12 * spread, 12 * spread)
        for k in (1, 2):
            area = integrate.quad(density, -12 * spread, 12 * spread, (k,), points=np.unique(edges), limit=200)[0]
            moments[k - 1] += area / levels.size
    return modem.axes * moments[0], modem.axes * (moments[1] - moments[0] ** 2)


@pytest.mark.parametrize("name", BITS)
@pytest.mark.parametrize("snr_db", [-10, 5, 18])
def test_a_constellation_tells_what_quadrature_says(name: ModulationName, snr_db: float) -> None:
    assert information(snr_db, name) == pytest.approx(by_quadrature(name, snr_db), abs=1e-7)


def test_known_limits() -> None:
    """Rate 1/2 with two amplitudes needs an Eb/N0 of 0.187 dB, any signal 0 dB (textbooks on turbo codes)."""
    assert capacity(0.187, "qpsk") == pytest.approx(1, abs=1e-3)
    assert capacity(0.187 - 10 * math.log10(2), "bpsk") == pytest.approx(0.5, abs=1e-3)
    assert capacity(0) == 1
    assert 800 / capacity(5) == pytest.approx(389, abs=0.6)


@given(st.sampled_from(list(BITS)), st.floats(-20, 40))
def test_no_constellation_tells_more_than_the_channel_or_its_bits(name: ModulationName, snr_db: float) -> None:
    told = information(snr_db, name)
    assert 0 < told.capacity <= min(capacity(snr_db), BITS[name]) + 1e-9
    assert told.dispersion >= 0


def test_short_frames_need_more_uses() -> None:
    """At 0 dB and frame error rate 1e-2."""
    assert [uses_for(bits, 0, 1e-2) for bits in (128, 480, 496)] == [162, 544, 561]
    assert [uses_for(bits, 0, 1e-2, modulation="qpsk") for bits in (128, 480, 496)] == [164, 554, 572]
    assert uses_for(128, 0, 1e-2, real=True) == pytest.approx(2 * 162, abs=2)


@given(st.integers(1, 2000), st.floats(-10, 20), st.sampled_from([None, "qpsk", "64qam"]))
def test_bits_and_uses_and_error_rate_agree(bits: int, snr_db: float, name: ModulationName | None) -> None:
    uses = uses_for(bits, snr_db, 1e-2, modulation=name)
    assert bits_for(uses, snr_db, 1e-2, modulation=name) >= bits
    assert uses == 1 or bits_for(uses - 1, snr_db, 1e-2, modulation=name) < bits
    assert error_rate_for(bits, uses, snr_db, modulation=name) <= 1e-2 + 1e-9
    assert uses_for(bits, snr_db + 1, 1e-2) <= uses_for(bits, snr_db, 1e-2)


def test_outage_of_fading() -> None:
    assert outage(10, 1) == pytest.approx(1 - math.exp(-0.1))
    assert outage(0, 3) == pytest.approx(1 - math.exp(-7))
    assert outage(60, 1) == pytest.approx(1e-6, rel=1e-5)
    assert outage(-60, 8) == 1


def test_q_is_that_of_scipy() -> None:
    for x in (-3, 0, 1.5, 8, 30):
        assert q(x) == pytest.approx(stats.norm.sf(x), rel=1e-12)


def test_a_channel_without_doubt_has_no_spread() -> None:
    assert error_rate_for(1990, 1000, 60, modulation="qpsk") == 0
    assert error_rate_for(2010, 1000, 60, modulation="qpsk") == 1


def test_what_cannot_be_asked_is_refused() -> None:
    for call in (
        lambda: bits_for(0, 0, 1e-2),
        lambda: bits_for(100, 0, 0),
        lambda: bits_for(100, 0, 1),
        lambda: bits_for(100, math.nan, 1e-2),
        lambda: uses_for(0, 0, 1e-2),
        lambda: uses_for(math.inf, 0, 1e-2),
        lambda: uses_for(100, -100, 1e-2),
        lambda: outage(math.inf, 1),
        lambda: information(0, "32apsk"),  # type: ignore[arg-type]
    ):
        with pytest.raises(SettingError):
            call()
