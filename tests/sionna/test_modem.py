"""Symbols and soft values beside Sionna's, which says log P(1) / P(0)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sionna.phy.mapping import Demapper, Mapper

from gistchain.link.modem import BITS, Modulation, modulation
from gistchain.types import SoftValues, Symbols


@pytest.fixture(params=BITS)
def modem(request: pytest.FixtureRequest) -> Modulation:
    return modulation(request.param)


def kind(modem: Modulation) -> str:
    return "qam" if modem.axes == 2 else "pam"


def theirs(
    modem: Modulation, symbols: Symbols, variance: NDArray[np.float64], exact: bool, precision: str
) -> SoftValues:
    demapper = Demapper("app" if exact else "maxlog", kind(modem), modem.bits, precision=precision)
    real, complex_ = (torch.float64, torch.complex128) if precision == "double" else (torch.float32, torch.complex64)
    llrs: SoftValues = -demapper(torch.tensor(symbols, dtype=complex_), torch.tensor(variance, dtype=real)).numpy()
    return llrs


def noisy(modem: Modulation, snr_db: float, count: int = 2000) -> tuple[Symbols, NDArray[np.float64]]:
    """Symbols with noise, whose variance differs from one to the next by up to four times."""
    rng = np.random.default_rng(int(snr_db) + 100)
    variance = 10 ** (-snr_db / 10) * rng.uniform(0.5, 2, count)
    noise = (rng.standard_normal(count) + 1j * rng.standard_normal(count)) * np.sqrt(variance / 2)
    sent = modem.map(rng.integers(0, 2, count * modem.bits, np.uint8))
    return (sent + noise).astype(np.complex64), variance.astype(np.float32).astype(np.float64)


def test_symbols_are_the_same(modem: Modulation) -> None:
    bits = np.random.default_rng(0).integers(0, 2, 3000 * modem.bits, np.uint8)
    # In single precision Sionna rounds twice.
    mapped = Mapper(kind(modem), modem.bits, precision="double")(torch.tensor(bits, dtype=torch.float64))
    assert (modem.map(bits) == mapped.numpy().astype(np.complex64)).all()


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "max-log"])
@pytest.mark.parametrize("snr_db", [-10, 0, 10, 20, 30, 60])
def test_soft_values_are_the_same(modem: Modulation, snr_db: float, exact: bool) -> None:
    symbols, variance = noisy(modem, snr_db)
    expected = theirs(modem, symbols, variance, exact, "double")
    found = modem.llrs(symbols, variance, exact=exact)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("snr_db", [-10, 0, 10])
def test_soft_values_are_the_same_in_single_precision(modem: Modulation, snr_db: float) -> None:
    symbols, variance = noisy(modem, snr_db)
    expected = theirs(modem, symbols, variance, True, "single")
    assert modem.llrs(symbols, variance) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_hard_decisions_are_the_same(modem: Modulation) -> None:
    symbols, variance = noisy(modem, 5)
    demapper = Demapper("maxlog", kind(modem), modem.bits, hard_out=True)
    decided = demapper(torch.tensor(symbols), torch.tensor(variance, dtype=torch.float32)).numpy()
    assert (modem.hard(symbols) == decided).all()
