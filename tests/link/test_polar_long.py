"""Polar codes of our own: the design is the same everywhere, and it beats repetition where 5G's codes end."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from gistchain.errors import SettingError
from gistchain.link.codes.crc import CRC16
from gistchain.link.codes.polar import PolarCode
from gistchain.link.codes.polar_long import LongPolarCode, _checked, _decay, _exp, _log, _undecayed, designed


def test_logarithm_and_exponential_are_right_to_the_last_bits() -> None:
    x = np.geomspace(1e-290, 1e290, 5_000)
    assert _log(x) == pytest.approx(np.log(x), rel=1e-14, abs=1e-15)
    y = np.linspace(-690, 690, 5_001)
    assert _exp(y) == pytest.approx(np.exp(y), rel=1e-13)


def test_phi_of_the_gaussian_approximation_is_the_mean_of_tanh() -> None:
    """phi(x) = 1 - E tanh(L / 2) for L of mean x and variance 2 x, by quadrature."""
    nodes, weights = np.polynomial.hermite.hermgauss(120)
    for mean in (0.05, 0.3, 1.0, 4.0, 9.0, 15.0):
        exact = 1 - (np.tanh((mean + 2 * np.sqrt(mean) * nodes) / 2) * weights).sum() / np.sqrt(np.pi)
        assert _decay(np.array([mean]))[0] == pytest.approx(-np.log(exact), abs=0.06)
    x = np.geomspace(1e-6, 1e4, 500)
    assert _undecayed(_decay(x)) == pytest.approx(x, rel=1e-6, abs=1e-9)


def test_a_sum_of_bits_is_less_certain_than_either() -> None:
    a, b = np.array([0.0, 0.5, 3.0, 40.0, 1e4]), np.array([2.0, 0.5, 2.0, 40.0, 5.0])
    found = _checked(a, b)
    assert (found <= np.minimum(a, b)).all()
    assert found[0] == 0
    assert found[-1] == pytest.approx(5.0, rel=1e-3)


def test_the_design_is_the_same_everywhere() -> None:
    """A receiver that chose other positions could read nothing."""
    carrying = [designed(*key).carrying for key in ((496, 1_402), (1_500, 2_500), (96, 768), (3_000, 9_000))]
    assert [len(np.unique(each)) for each in carrying] == [496, 1_500, 96, 3_000]
    digests = [hashlib.sha256(each.astype("<i8").tobytes()).hexdigest()[:16] for each in carrying]
    assert digests == DIGESTS


def test_a_long_code_loses_less_than_repetition() -> None:
    rng = np.random.default_rng(3)
    message = CRC16.attached(rng.integers(0, 2, (400, 480), np.uint8))
    lost = {}
    for code in (PolarCode(496, 1_402), LongPolarCode(496, 1_402)):
        ratio = 10**-0.05
        coded = code.encode(message)
        found, _ = code.decode(2 * ratio * (1 - 2.0 * coded + rng.normal(0, ratio**-0.5, coded.shape)), 8)
        lost[code.matching.mother] = (~(found == message[:, None]).all(-1).any(-1)).mean()
    assert lost[2_048] < lost[1_024] / 2


def test_it_repeats_from_8192_on() -> None:
    code = LongPolarCode(3_000, 9_000)
    assert code.matching.mother == 8_192
    message = np.random.default_rng(4).integers(0, 2, 3_000, np.uint8)
    assert (code.decode(2 - 4.0 * code.encode(message), 2)[0][0] == message).all()


def test_too_many_bits_are_refused() -> None:
    with pytest.raises(SettingError, match="9000 bits"):
        LongPolarCode(9_000, 10_000)
    with pytest.raises(SettingError, match="11 bits"):
        LongPolarCode(11, 10)


DIGESTS = ["132305f33e2efeb1", "837973f3c4e1cb46", "4c4cdce5d3e2a35d", "fe30fbc230444d9b"]
