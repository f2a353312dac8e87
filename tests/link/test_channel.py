"""Noise and fading have the statistics that their names promise, and soft values mean what they say."""

from __future__ import annotations

import re

import numpy as np
import pytest

from gistchain.errors import LinkError, SettingError
from gistchain.link.bounds import outage
from gistchain.link.channel import Awgn, Parallel, RayleighBlock, RayleighFast, open_link, received
from gistchain.link.errorrates import bit_error_rate
from gistchain.link.modem import BITS, modulation
from gistchain.link.noise import gaussian
from gistchain.types import Link, ModulationName, Segment
from tests.support.places import ROOT

COUNT = 40_000


def sent(name: ModulationName, count: int, seed: int = 0) -> Segment:
    return Segment(np.random.default_rng(seed).integers(0, 2, count * BITS[name], np.uint8), name)


def error_rate(link: Link, segment: Segment, seed: int) -> tuple[float, float]:
    """(share of bits that the nearest point gets wrong, standard error of it over symbols: their bits share noise)."""
    wrong = (link.carry_bits([segment], seed=seed, exact=False).llrs[0] < 0) != segment.bits
    by_symbol = wrong.reshape(-1, BITS[segment.modulation]).mean(1)
    return float(by_symbol.mean()), float(by_symbol.std() / np.sqrt(by_symbol.size))


@pytest.mark.parametrize("name", BITS)
@pytest.mark.parametrize("snr_db", [0, 8])
def test_uncoded_errors_are_as_many_as_theory_says(name: ModulationName, snr_db: float) -> None:
    for link, fading in ((Awgn(snr_db), False), (RayleighFast(snr_db), True)):
        segment, expected = sent(name, COUNT), bit_error_rate(name, snr_db, fading=fading)
        rate, spread = error_rate(link, segment, seed=3)
        least = np.sqrt(expected * (1 - expected) / segment.bits.size)
        assert abs(rate - expected) <= 3 * max(spread, least), link.name


def test_noise_has_the_density_that_the_snr_of_what_was_sent_fixes() -> None:
    """A frame of ones: a channel that faded it and then added noise by what was left would have no outage."""
    ones = np.ones(COUNT, np.complex64)
    for link in (Awgn(7), RayleighFast(7), Awgn(7, gain=0.1j), RayleighBlock(7, block_uses=10)):
        arrived = link.carry(ones, seed=5)
        scaled = (arrived.symbols - ones) / np.sqrt(arrived.noise_variance)
        assert np.mean(np.abs(scaled) ** 2) == pytest.approx(1, abs=0.03)
        assert np.mean(scaled.real**2) == pytest.approx(0.5, abs=0.03)
        assert abs(np.mean(scaled)) < 0.03
    assert Awgn(7).carry(ones, seed=5).noise_variance[0] == pytest.approx(10**-0.7)
    assert Awgn(7, gain=0.1j).carry(ones, seed=5).noise_variance[0] == pytest.approx(100 * 10**-0.7)


def test_gains_are_rayleigh_with_a_phase() -> None:
    gains = gaussian(11, "gains", COUNT)
    power = np.abs(gains) ** 2
    assert power.mean() == pytest.approx(1, abs=0.03)
    assert (power < 0.1).mean() == pytest.approx(1 - np.exp(-0.1), abs=0.006)
    assert abs(np.mean(gains / np.abs(gains))) < 0.02
    variance = RayleighFast(0).carry(np.ones(COUNT, np.complex64), seed=11).noise_variance
    assert variance == pytest.approx(1 / power, rel=1e-6)


@pytest.mark.parametrize(("snr_db", "rate"), [(0, 0.5), (5, 1.0), (15, 2.0)])
def test_a_block_is_lost_as_often_as_outage_says(snr_db: float, rate: float) -> None:
    blocks = 20_000
    link = RayleighBlock(snr_db, block_uses=2)
    variance = link.carry(np.ones(2 * blocks, np.complex64), seed=13).noise_variance
    assert (variance[0::2] == variance[1::2]).all()
    lost = np.mean(np.log2(1 + 1 / variance[0::2].astype(np.float64)) < rate)
    expected = outage(snr_db, rate)
    assert abs(lost - expected) < 3 * np.sqrt(expected * (1 - expected) / blocks)


def test_a_frame_of_one_block_has_one_gain() -> None:
    frame = np.ones(50, np.complex64)
    assert len(set(RayleighBlock(3).carry(frame, seed=1).noise_variance.tolist())) == 1
    assert len(set(RayleighBlock(3, block_uses=25).carry(frame, seed=1).noise_variance.tolist())) == 2


@pytest.mark.parametrize("pilots", [0, 1, 4])
def test_soft_values_promise_as_many_errors_as_there_are(pilots: int) -> None:
    """Each promises 1 / (1 + exp |LLR|), also where the gain is only estimated."""
    link = RayleighBlock(6, block_uses=8 + pilots, pilots=pilots)
    segment = sent("qpsk", COUNT)
    llrs = link.carry_bits([segment], seed=17).llrs[0]
    wrong = ((llrs < 0) != segment.bits).reshape(-1, 16).mean(1)
    promised = (1 / (1 + np.exp(np.abs(llrs.astype(np.float64))))).reshape(-1, 16).mean(1)
    off = wrong - promised
    assert abs(off.mean()) < 3 * off.std() / np.sqrt(off.size)


def test_pilots_are_uses_and_more_of_them_bring_fewer_errors() -> None:
    rates = []
    for pilots in (1, 4, 0):
        link = RayleighBlock(6, block_uses=8 + pilots, pilots=pilots)
        arrived = link.carry_bits([sent("qpsk", 800)], seed=19)
        assert arrived.uses == 800 + 100 * pilots
        rates.append(error_rate(link, sent("qpsk", COUNT), seed=19)[0])
    assert rates[0] > rates[1] > rates[2]


def test_a_dead_channel_says_nothing_and_no_nan() -> None:
    for gain in (0, 1e-200, 1e-30j):
        arrived = Awgn(20, gain=gain).carry(np.ones(9, np.complex64), seed=0)
        assert not arrived.symbols.any()
        assert np.isinf(arrived.noise_variance).all()
        for name in BITS:
            assert not Awgn(20, gain=gain).carry_bits([sent(name, 9)], seed=0).llrs[0].any()


def test_zero_gains_among_others_are_left_out() -> None:
    gains = np.array([1, 0, 2j])
    symbols, variance = received(gains * (1 + 1j), gains, 0.5)
    assert symbols.tolist() == [1 + 1j, 0, 1 + 1j]
    assert variance.tolist() == [0.5, np.inf, 0.125]
    assert not modulation("64qam").llrs(symbols, variance)[6:12].any()


def test_the_same_noise_is_scaled_by_the_snr() -> None:
    frame = np.ones(100, np.complex64)
    low, high = (Awgn(snr_db).carry(frame, seed=23).symbols - frame for snr_db in (0, 20))
    assert low == pytest.approx(10 * high, abs=1e-5)


def test_pilots_leave_gains_and_noise_of_the_data_as_they_were() -> None:
    frame = np.ones(100, np.complex64)
    known, estimated = (RayleighBlock(40, pilots=pilots).carry(frame, seed=29) for pilots in (0, 100))
    assert known.symbols == pytest.approx(estimated.symbols, abs=0.01)


def test_noise_is_the_same_on_every_machine_and_version() -> None:
    expected = [0.743822502 - 0.256299532j, 0.977540765 - 0.919644516j]
    assert gaussian((2026, 1), "noise", 2) == pytest.approx(np.array(expected), abs=1e-8)


def test_parallel_channels_don_t_disturb_one_another() -> None:
    four = Parallel((Awgn(-5), Awgn(30), Awgn(30, gain=0), RayleighBlock(30)))
    texts = [[sent("qpsk", 100, seed)] for seed in range(4)]
    arrived = four.carry_each(texts, seed=31)
    wrong = [((a.llrs[0] < 0) != text[0].bits).sum() for a, text in zip(arrived, texts, strict=True)]
    assert wrong[1] == 0 < wrong[0]
    assert not arrived[2].llrs[0].any()
    assert [a.uses for a in arrived] == [100] * 4
    changed = four.carry_each([[sent("qpsk", 100, 9)], *texts[1:]], seed=31)
    assert (changed[1].llrs[0] == arrived[1].llrs[0]).all()
    with pytest.raises(LinkError, match="3 frames for 4"):
        four.carry_each(texts[:3], seed=31)
    with pytest.raises(SettingError, match="at least one"):
        Parallel(())


def test_a_frame_goes_over_parallel_channels_in_turn() -> None:
    variance = Parallel((Awgn(0), Awgn(10))).carry(np.ones(5, np.complex64), seed=1).noise_variance
    assert variance == pytest.approx(np.array([1, 0.1, 1, 0.1, 1]))


def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "link.md").read_text("utf-8"), re.S)
    assert example is not None
    exec(example[1], {})
    assert capsys.readouterr().out.startswith("104\n")


def test_channels_that_cannot_be_are_refused() -> None:
    for name, snr_db, pilots in (("rician", 3, 0), ("awgn", np.nan, 0), ("awgn", 3, 2), ("rayleigh-fast", 3, 2)):
        with pytest.raises(SettingError):
            open_link(name, snr_db, pilots=pilots)
    for bad in ({"block_uses": 0}, {"block_uses": 3, "pilots": 3}, {"pilots": -1}):
        with pytest.raises(SettingError, match="leave nothing"):
            RayleighBlock(3, **bad)
    with pytest.raises(SettingError, match="gain"):
        Awgn(3, gain=complex(np.inf, 0))
