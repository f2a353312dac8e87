"""One meaning of SNR, power and use; what has none is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.errors import LinkError, SettingError
from gistchain.link import snr

SNRS = st.floats(-60, 60)


def test_noise_is_a_tenth_ten_db_higher() -> None:
    assert snr.noise_density(0) == 1
    assert snr.noise_density(10) == pytest.approx(0.1)
    assert snr.snr(-20) == pytest.approx(0.01)


@given(SNRS, st.floats(0.01, 8))
def test_eb_n0_counts_information_bits_and_leads_back(snr_db: float, bits: float) -> None:
    assert snr.es_n0_db(snr.eb_n0_db(snr_db, bits), bits) == pytest.approx(snr_db)
    assert 10 ** (snr.eb_n0_db(snr_db, bits) / 10) * bits == pytest.approx(snr.snr(snr_db))


def test_ten_db_mean_two_channels() -> None:
    assert snr.es_n0_db(10, 4) == pytest.approx(16.0206, abs=1e-4)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 150, -150])
def test_an_snr_that_is_no_radio_is_refused(value: float) -> None:
    with pytest.raises(SettingError, match="SNR"):
        snr.noise_density(value)
    with pytest.raises(SettingError, match="SNR"):
        snr.eb_n0_db(value, 2)
    with pytest.raises(SettingError, match="SNR"):
        snr.es_n0_db(value, 2)


@pytest.mark.parametrize("bits", [0, -1, math.nan, math.inf])
def test_no_bits_a_use_have_no_eb_n0(bits: float) -> None:
    with pytest.raises(SettingError, match="information bits"):
        snr.eb_n0_db(5, bits)


def test_the_latent_of_the_paper_takes_a_third_of_a_use_for_each_number() -> None:
    """S2.7: 131,072 bytes of float64 latent in 16-QAM."""
    assert snr.bandwidth_ratio(131_072 * 8 // 4, (512, 512)) == pytest.approx(1 / 3)


def test_a_frame_is_sent_at_power_1_and_what_it_was_is_known() -> None:
    values = np.arange(1, 6) * (3 + 4j)
    frame, scale = snr.normalised(values.astype(np.complex64))
    assert snr.power(frame) == pytest.approx(1)
    assert frame * scale == pytest.approx(values)
    snr.check_power(frame)
    with pytest.raises(LinkError, match="normalised"):
        snr.check_power(1.01 * frame)
    with pytest.raises(LinkError, match="zeros"):
        snr.normalised(np.zeros(3, np.complex64))
    with pytest.raises(LinkError, match="at least one"):
        snr.power(np.zeros(0, np.complex64))
