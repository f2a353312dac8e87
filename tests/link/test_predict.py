"""What is predicted of a block holds on the channel, and never gets worse with more uses or a better SNR."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.errors import LinkError, SettingError
from gistchain.link.blockcode import BlockCode
from gistchain.link.channel import CHANNELS, open_link
from gistchain.link.predict import bytes_for, error_rate, uses_for
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


def test_block_fading_is_an_outage() -> None:
    for snr_db in (0.0, 8.0):
        told, found = error_rate(64, 100, "rayleigh-block", snr_db), measured(64, 100, "rayleigh-block", snr_db)
        assert abs(told - found) <= 3.5 * math.sqrt(told * (1 - told) / FRAMES)


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(CHANNELS), st.integers(40, 3000), st.floats(-8, 25), st.floats(0.1, 4))
def test_a_better_channel_or_more_uses_never_lose_more(channel: str, bits: int, snr_db: float, better: float) -> None:
    uses = max(64, bits // 2)
    here = error_rate(bits, uses, channel, snr_db)
    assert 0 <= here <= 1
    assert error_rate(bits, uses, channel, snr_db + better) <= here + 1e-9


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
