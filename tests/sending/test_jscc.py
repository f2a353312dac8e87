"""Deep joint source-channel coding: a picture as symbols, without a code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.errors import LinkError, RebuildError, SettingError
from gistchain.link.channel import Awgn, RayleighBlock
from gistchain.models.photo.deepjscc import NETWORKS, DeepJscc
from gistchain.senders import sender
from gistchain.systems import fidelity
from gistchain.types import Conditions, JointCoder, Picture, Prepared, Sent
from tests.support.pictures import picture


@pytest.fixture(scope="module")
def scene() -> Picture:
    return picture(2)


@pytest.fixture(scope="module")
def prepared(scene: Picture) -> Prepared:
    return sender("deep_jscc").prepare(scene)


def sent(prepared: Prepared, snr_db: float, budget: int = 2000, seed: int = 0) -> Sent:
    return prepared.send(Awgn(snr_db), Conditions("awgn", snr_db, budget), seed=(seed,))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_sends_as_many_numbers_as_its_rate_says_at_mean_power_1(name: str, scene: Picture) -> None:
    network = DeepJscc(name)
    assert isinstance(network, JointCoder)
    values = network.values_of(scene.pixels, (64, 48), 10.0)
    assert values.shape == (network.filters, 12, 16)
    assert values.size / 2 / (64 * 48 * 3) == pytest.approx(NETWORKS[name].filters / 96)
    assert float(np.square(values).mean()) == pytest.approx(1, abs=1e-4)
    assert network.pixels_of(values, 10.0).shape == (48, 64, 3)


@pytest.mark.parametrize("name", NETWORKS)
def test_less_noise_gives_a_better_picture(name: str, scene: Picture) -> None:
    network, reached = DeepJscc(name), []
    for snr_db in (-5.0, 0.0, 5.0, 10.0, 15.0, 20.0):
        values = network.values_of(scene.pixels, (96, 96), snr_db)
        noise = np.random.default_rng(0).standard_normal(values.shape) * 10 ** (-snr_db / 20)
        reached.append(fidelity(scene.pixels, network.pixels_of((values + noise).astype(np.float32), snr_db)))
    assert reached == sorted(reached)
    assert reached[-1] > reached[0] + 0.05


def test_one_trained_at_19_db_breaks_down_where_one_for_all_snrs_does_not(scene: Picture) -> None:
    """S4.6: the deep JSCC of the paper is trained at 19 dB alone."""
    every, one = (sent(sender(name).prepare(scene), -5.0) for name in ("deep_jscc", "deep_jscc_19db"))
    assert every.picture is not None
    assert one.picture is not None
    assert fidelity(scene.pixels, every.picture) > fidelity(scene.pixels, one.picture) + 0.05


def test_more_uses_give_a_better_picture_within_the_budget(prepared: Prepared, scene: Picture) -> None:
    reached = []
    for budget in (100, 400, 1600):
        came = sent(prepared, 10.0, budget)
        assert came.picture is not None
        assert came.uses <= budget
        assert came.picture.shape == scene.pixels.shape
        reached.append(fidelity(scene.pixels, came.picture))
    assert reached == sorted(reached)


def test_what_is_left_of_the_budget_repeats_a_small_picture(prepared: Prepared) -> None:
    tiny = Picture(np.zeros((4, 4, 3), np.uint8) + 90, bytes(32), (4, 4), "tiny")
    came = sent(sender("deep_jscc").prepare(tiny), 0.0, 1000)
    assert came.picture is not None
    assert 500 < came.uses <= 1000


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (2, 3)])
def test_pictures_of_a_few_pixels_are_enlarged(size: tuple[int, int]) -> None:
    tiny = Picture(np.full((size[1], size[0], 3), 200, np.uint8), bytes(32), size, "tiny")
    assert sent(sender("deep_jscc").prepare(tiny), 10.0, 1000).picture is not None


def test_a_caption_is_refused_where_no_words_are_sent() -> None:
    with pytest.raises(SettingError, match="sends no words"):
        sender("deep_jscc", caption="a dog")


def test_pilots_are_uses(scene: Picture, prepared: Prepared) -> None:
    conditions = Conditions("rayleigh-block", 15.0, 2000, 4)
    came = prepared.send(RayleighBlock(15.0, pilots=4), conditions, seed=(1,))
    assert came.uses == came.blocks[0].uses + 4 <= 2000


def test_a_dead_channel_leaves_no_picture(prepared: Prepared) -> None:
    came = prepared.send(Awgn(10.0, gain=0), Conditions("awgn", 10.0, 2000), seed=(1,))
    assert came.picture is None
    assert came.lost == ("picture",)


def test_too_few_uses_are_refused(prepared: Prepared) -> None:
    with pytest.raises(LinkError, match="takes 64"):
        sent(prepared, 10.0, 40)


def test_rounds_are_refused(prepared: Prepared) -> None:
    with pytest.raises(SettingError, match="leave the rounds out"):
        prepared.send(Awgn(5.0), Conditions("awgn", 5.0, 2000), seed=(1,), rounds=1)


def test_numbers_that_are_none_give_no_picture() -> None:
    network = DeepJscc("deepjscc-sixth")
    with pytest.raises(RebuildError, match="not finite"):
        network.pixels_of(np.full((16, 2, 2), np.nan, np.float32), 10.0)


@given(st.integers(1, 700), st.integers(1, 700), st.integers(64, 3000))
@settings(deadline=None, max_examples=40)
def test_any_shape_fits_its_budget_or_is_refused(width: int, height: int, budget: int) -> None:
    made = sender("deep_jscc")
    shape = Picture(np.full((height, width, 3), 128, np.uint8), bytes(32), (width, height), "a shape")
    try:
        came = made.prepare(shape).send(Awgn(5.0), Conditions("awgn", 5.0, budget), seed=(1,))
    except LinkError:
        return
    assert came.uses <= budget
    assert came.picture is not None
    assert came.picture.shape == (height, width, 3)
