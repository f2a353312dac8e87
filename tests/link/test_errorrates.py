"""Closed forms against the textbook's, against areas under the noise, and against what Img2Img-SC published."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from gistchain.errors import SettingError
from gistchain.link.errorrates import bit_error_rate, published_bit_flip_rate
from gistchain.link.modem import BITS, modulation
from gistchain.link.snr import es_n0_db
from gistchain.types import ModulationName


def by_areas(name: ModulationName, ratio: float) -> float:
    """Over levels sent and levels decided for: the bits that differ, times the noise between the marks of halfway."""
    modem = modulation(name)
    order = np.argsort(modem.levels)
    levels = modem.levels.astype(np.float64)[order]
    edges = np.concatenate([[-np.inf], (levels[1:] + levels[:-1]) / 2, [np.inf]])
    below = stats.norm.cdf((edges - levels[:, None]) * math.sqrt(2 * ratio))
    differing = [[bin(int(a ^ b)).count("1") for b in order] for a in order]
    return float((np.diff(below) * differing).sum() / levels.size / (modem.bits // modem.axes))


@pytest.mark.parametrize("name", BITS)
@pytest.mark.parametrize("snr_db", [-10, 0, 7.5, 15])
def test_errors_are_the_areas_under_the_noise(name: ModulationName, snr_db: float) -> None:
    ratio = 10 ** (snr_db / 10)
    assert bit_error_rate(name, snr_db) == pytest.approx(by_areas(name, ratio), rel=1e-5, abs=1e-12)
    faded = integrate.quad(lambda power: by_areas(name, ratio * power) * math.exp(-power), 0, 40, limit=200)[0]
    assert bit_error_rate(name, snr_db, fading=True) == pytest.approx(faded, rel=1e-5)


def test_errors_are_those_of_the_textbook() -> None:
    for ratio in (0.5, 3.0, 12.0):
        snr_db = 10 * math.log10(ratio)
        assert bit_error_rate("bpsk", snr_db) == pytest.approx(stats.norm.sf(math.sqrt(2 * ratio)))
        assert bit_error_rate("qpsk", snr_db) == pytest.approx(stats.norm.sf(math.sqrt(ratio)))
        a = [math.erfc(k * math.sqrt(ratio / 10)) for k in (1, 3, 5)]
        assert bit_error_rate("16qam", snr_db) == pytest.approx((3 * a[0] + 2 * a[1] - a[2]) / 8, rel=1e-6)
        assert bit_error_rate("bpsk", snr_db, fading=True) == pytest.approx((1 - math.sqrt(ratio / (1 + ratio))) / 2)


def test_the_published_flip_rate_is_that_of_its_code() -> None:
    assert published_bit_flip_rate(5) == pytest.approx(0.0401, abs=5e-5)
    assert published_bit_flip_rate(10) == pytest.approx(0.00175, abs=5e-6)


def test_the_published_flip_rate_lacks_symbols_with_two_wrong_bits() -> None:
    exact = bit_error_rate("16qam", es_n0_db(5, 4))
    assert exact == pytest.approx(0.0419, abs=5e-5)
    assert published_bit_flip_rate(5) < exact
    assert published_bit_flip_rate(10) == pytest.approx(bit_error_rate("16qam", es_n0_db(10, 4)), rel=2e-3)


def test_the_published_flip_rate_is_of_other_points_than_it_says() -> None:
    """sqrt(64) is 8 bits, which is 256-QAM."""
    of_an_axis = 2 * 15 / 16 * stats.norm.sf(math.sqrt(3 * 8 * 10 / 255))
    assert published_bit_flip_rate(10, points=64) == pytest.approx((1 - (1 - of_an_axis) ** 2) / 8)
    assert published_bit_flip_rate(10, points=64) > 2 * bit_error_rate("64qam", es_n0_db(10, 6))
    with pytest.raises(SettingError, match="points"):
        published_bit_flip_rate(10, points=8)
