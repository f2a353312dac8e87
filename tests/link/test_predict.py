"""What is predicted of a block holds on the channel, and never gets worse with more uses or a better SNR."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import link_predict_fit
from benchmarks.report import RESULTS
from gistchain.errors import LinkError, SettingError
from gistchain.link.blockcode import BlockCode
from gistchain.link.channel import CHANNELS, open_link
from gistchain.link.frame import start_uses
from gistchain.link.gaps import GAPS_DB, gap_db
from gistchain.link.predict import arrival_rates, bytes_for, clear_db, error_rate, start_error_rate, uses_for
from gistchain.types import Segment

FRAMES = 150


def measured(bits: int, uses: int, channel: str, snr_db: float) -> float:
    """Share of blocks that the decoder does not find."""
    code, link, rng = BlockCode(bits, uses), open_link(channel, snr_db), np.random.default_rng(bits)
    lost = 0
    for frame in range(FRAMES):
        word = rng.integers(0, 2, bits, dtype=np.uint8)
        came = link.carry_bits([Segment(code.encode(word), code.modulation)], seed=(frame, bits, uses))
        lost += code.decode(came.llrs[0], lambda found, word=word: np.array_equal(found, word)) is None
    return lost / FRAMES


@pytest.mark.parametrize("bits", [56, 120, 320, 900])
@pytest.mark.parametrize("channel", ["awgn", "rayleigh-fast"])
@pytest.mark.parametrize("snr_db", [-4.0, 3.0, 12.0])
def test_a_block_that_is_planned_for_one_error_in_a_hundred_meets_it(bits: int, channel: str, snr_db: float) -> None:
    """3 standard deviations above 1e-2 on 150 frames are 5.2 lost ones."""
    uses = uses_for(bits, 1e-2, channel, snr_db, 1 << 14)
    assert uses is not None
    assert measured(bits, uses, channel, snr_db) <= 5.2 / FRAMES


def test_the_gaps_are_those_that_were_measured() -> None:
    points = json.loads((RESULTS / "link_predict.json").read_text("utf-8"))["figures"]["points"]
    assert link_predict_fit.measured(points) == GAPS_DB
    off = [abs(row["gap_db"]["0.01"] - gap_db(row["bits"], row["uses"])) for row in points["held_out"]]
    assert np.median(off) < 0.15


def test_between_two_sizes_and_rates_the_gap_lies_between_theirs() -> None:
    lines = GAPS_DB["qpsk"]
    near = [lines[rate][bits] for rate in (0.25, 0.6) for bits in (120, 200)]
    assert min(near) < gap_db(160, 400) < max(near)
    assert gap_db(8, 80) == lines[0.1][56]


def test_a_short_dense_block_is_told_about_as_often_lost_as_it_is() -> None:
    """7 bytes in 32 uses of 16-QAM, of which estimates that were used before said 28% where 4% were lost."""
    found = measured(56, 32, "awgn", 4.5)
    assert abs(error_rate(56, 32, "awgn", 4.5) - found) < 0.12


def test_block_fading_is_an_outage() -> None:
    for snr_db in (0.0, 8.0):
        told, found = error_rate(64, 100, "rayleigh-block", snr_db), measured(64, 100, "rayleigh-block", snr_db)
        assert abs(told - found) <= 3.5 * math.sqrt(told * (1 - told) / FRAMES)


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(CHANNELS), st.integers(40, 30_000), st.floats(-8, 25), st.floats(0.1, 4), st.floats(0.2, 6))
def test_a_better_channel_never_loses_more(channel: str, bits: int, snr_db: float, better: float, rate: float) -> None:
    uses = max(64, int(bits / rate))
    here = error_rate(bits, uses, channel, snr_db)
    assert 0 <= here <= 1
    assert error_rate(bits, uses, channel, snr_db + better) <= here + 1e-9


@pytest.mark.parametrize(
    ("bits", "uses", "snr_db"), [(6080, 16_000, -3.0), (9000, 40_000, -5.0), (20_000, 12_000, 7.0)]
)
def test_long_blocks_are_divided_and_arrive(bits: int, uses: int, snr_db: float) -> None:
    code, word = BlockCode(bits, uses), np.random.default_rng(1).integers(0, 2, bits, dtype=np.uint8)
    came = open_link("awgn", snr_db).carry_bits([Segment(code.encode(word), code.modulation)], seed=1)
    found = code.decode(came.llrs[0], lambda read: np.array_equal(read, word))
    assert found is not None


def test_the_start_word_is_lost_as_often_as_predicted() -> None:
    for room, snr_db in ((256, -4.5), (4096, -12.0)):
        told, found = start_error_rate(room, "awgn", snr_db), measured(15, start_uses(room), "awgn", snr_db)
        assert found <= told + 4 * math.sqrt(told * (1 - told) / FRAMES) + 1 / FRAMES


def test_a_block_of_fading_hits_all_blocks_of_a_frame() -> None:
    assert arrival_rates([0.1, 0.3, 0.2], "rayleigh-block") == pytest.approx([0.9, 0.7, 0.7])
    assert arrival_rates([0.1, 0.3], "awgn") == pytest.approx([0.9, 0.63])


@pytest.mark.parametrize("pilots", [1, 4])
def test_pilots_that_tell_the_gain_less_well_are_planned_for(pilots: int) -> None:
    snr_db, lost = 8.0, 0
    code, link = BlockCode(64, 100), open_link("rayleigh-block", snr_db, pilots=pilots)
    word = np.random.default_rng(3).integers(0, 2, 64, dtype=np.uint8)
    for frame in range(2 * FRAMES):
        came = link.carry_bits([Segment(code.encode(word), code.modulation)], seed=(frame, pilots))
        lost += code.decode(came.llrs[0], lambda read: np.array_equal(read, word)) is None
    told = error_rate(64, 100, "rayleigh-block", clear_db(snr_db, pilots))
    assert abs(lost / (2 * FRAMES) - told) <= 3.5 * math.sqrt(told * (1 - told) / (2 * FRAMES))


@pytest.mark.parametrize("snr_db", [math.nan, math.inf, -math.inf, 200.0])
def test_an_snr_that_is_none_is_refused(snr_db: float) -> None:
    with pytest.raises(SettingError, match="SNR of"):
        error_rate(80, 100, "awgn", snr_db)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(CHANNELS), st.integers(48, 4000), st.floats(-5, 20))
def test_the_most_bytes_fit_and_one_more_does_not(channel: str, uses: int, snr_db: float) -> None:
    most = bytes_for(uses, 1e-2, channel, snr_db)
    assert most == 0 or error_rate(8 * most, uses, channel, snr_db) <= 1e-2
    assert 8 * most + 8 > 7.5 * uses or error_rate(8 * most + 8, uses, channel, snr_db) > 1e-2


def test_no_rate_above_capacity_is_promised() -> None:
    for snr_db in (-5.0, 0.0, 10.0, 20.0):
        for uses in (128, 1024, 16384):
            assert 8 * bytes_for(uses, 1e-2, "awgn", snr_db) / uses < math.log2(1 + 10 ** (snr_db / 10))


def test_what_can_not_be_is_refused() -> None:
    with pytest.raises(LinkError, match="don't fit"):
        error_rate(900, 100, "awgn", 5.0)
    with pytest.raises(SettingError, match="no channel"):
        error_rate(90, 100, "smoke signals", 5.0)
    with pytest.raises(LinkError, match="without bits"):
        BlockCode(0, 10)
