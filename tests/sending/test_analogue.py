"""Latents as analogue symbols: they fade with the channel, and a painter that takes their noise away gains by it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.collection.known import punks
from gistchain.errors import LinkError, RebuildError, SettingError
from gistchain.image import png_bytes, read_image
from gistchain.link.channel import Awgn
from gistchain.link.numbers import ArrivedAnalogue
from gistchain.models.traitnet.captioner import TraitCaptioner
from gistchain.senders import sender
from gistchain.sending.analogue import combined, evened
from gistchain.systems import fidelity
from gistchain.types import Conditions, Gist, Picture, Prepared
from tests.support.pictures import picture


@pytest.fixture(scope="module")
def punk() -> Picture:
    return read_image(png_bytes(punks.tokens().images[77]), "punk.png")


@pytest.fixture(scope="module")
def scene() -> Picture:
    return picture(2)


def reached(prepared: Prepared, original: Picture, snr_db: float, budget: int, seeds: int = 3) -> float:
    sent = [
        prepared.send(Awgn(snr_db), Conditions("awgn", snr_db, budget), seed=(seed,)).picture for seed in range(seeds)
    ]
    return float(np.mean([0.0 if back is None else fidelity(original.pixels, back) for back in sent]))


def test_a_better_channel_gives_a_better_picture_without_a_cliff(scene: Picture) -> None:
    prepared = sender("img2img_sc_analogue").prepare(scene)
    found = [reached(prepared, scene, snr_db, 2048) for snr_db in (-3.0, 3.0, 20.0)]
    assert found == sorted(found)
    assert found[0] > 0.15


def test_to_start_at_the_channels_noise_beats_decoding(punk: Picture) -> None:
    """S2.2, S2.9: 0 steps are a plain decoder, which keeps the channel's noise."""
    matched, plain = (
        reached(sender("img2img_sc_analogue", strength=strength).prepare(punk), punk, 0.0, 512)
        for strength in (None, 0.0)
    )
    assert matched > plain + 0.03


def test_a_picture_without_a_denoiser_is_decoded_and_nothing_else(scene: Picture) -> None:
    prepared = sender("img2img_sc_analogue", strength=0.5).prepare(scene)
    with pytest.raises(RebuildError, match="punks and Nouns"):
        prepared.send(Awgn(10.0), Conditions("awgn", 10.0, 2048), seed=(1,))


def test_too_few_uses_are_named(punk: Picture) -> None:
    prepared = sender("img2img_sc_analogue").prepare(punk)
    with pytest.raises(LinkError, match="a caption and a latent") as refused:
        prepared.send(Awgn(-5.0), Conditions("awgn", -5.0, 128), seed=(1,))
    needed = int(str(refused.value).rsplit(" ", 1)[1].replace(",", ""))
    assert prepared.send(Awgn(-5.0), Conditions("awgn", -5.0, needed), seed=(1,)).uses == needed


@pytest.mark.parametrize(("name", "strength"), [("gist", 0.5), ("img2img_sc", 1.5), ("img2img_sc", float("nan"))])
def test_a_strength_that_means_nothing_is_refused(name: str, strength: float) -> None:
    with pytest.raises(SettingError, match="strength"):
        sender(name, strength=strength)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 200), st.integers(0, 999))
def test_copies_are_added_by_how_little_noise_each_has(count: int, length: int, seed: int) -> None:
    """Beside a loop over the copies of each number."""
    random = np.random.default_rng(seed)
    values = random.normal(size=length).astype(np.float32)
    variance = random.choice([0.1, 1.0, np.inf], length).astype(np.float32)
    values[np.isinf(variance)] = 0
    found, left = combined(ArrivedAnalogue(values, variance, 0), count)
    for k in range(count):
        copies = [(v, 1 / s) for v, s in zip(values[k::count], variance[k::count], strict=True) if np.isfinite(s)]
        total = sum(weight for _, weight in copies)
        assert found[k] == pytest.approx(sum(v * w for v, w in copies) / total if copies else 0.0, abs=1e-5)
        assert left[k] == pytest.approx(1 / total if copies else np.inf)


def test_values_that_faded_are_drawn_in_and_the_deviation_is_what_is_left() -> None:
    random = np.random.default_rng(4)
    truth = random.normal(0, 2, 20_000)
    variance = np.where(random.random(truth.size) < 0.8, 0.5, 60.0)
    arrived = truth + np.sqrt(variance) * random.standard_normal(truth.size)
    values, noise = evened(arrived, variance)
    assert np.mean((values - truth) ** 2) < 0.4 * np.mean((arrived - truth) ** 2)
    assert noise == pytest.approx(np.sqrt(np.mean((values - truth) ** 2)), rel=0.1)
    same, flat = evened(truth, np.full(truth.size, 0.5))
    np.testing.assert_allclose(same, truth, rtol=1e-6)
    assert flat == pytest.approx(np.sqrt(0.5))
    assert evened(np.zeros(3), np.full(3, np.inf))[1] == np.inf


def test_where_the_caption_arrives_and_no_value_does_its_picture_is_shown(punk: Picture) -> None:
    prepared = sender("img2img_sc_analogue").prepare(punk)
    gist = Gist((TraitCaptioner().caption(punk.pixels).text,), punk.size)
    dead = ArrivedAnalogue(np.zeros(40, np.float32), np.full(40, np.inf, np.float32), 0)
    for arrived in (None, dead, ArrivedAnalogue(np.ones(2, np.float32), np.ones(2, np.float32), 15)):
        seen = prepared._seen(gist, arrived)  # type: ignore[attr-defined]
        assert fidelity(punk.pixels, seen) > 0.9


def test_a_size_that_no_memory_holds_is_refused(punk: Picture, scene: Picture) -> None:
    """A first block may say any size."""
    values = ArrivedAnalogue(np.ones(400, np.float32), np.ones(400, np.float32), 0)
    for original in (punk, scene):
        prepared = sender("img2img_sc_analogue").prepare(original)
        gist = Gist((prepared.words.caption,), (65_535, 65_535))  # type: ignore[attr-defined]
        with pytest.raises(RebuildError, match="65535"):
            prepared._seen(gist, values)  # type: ignore[attr-defined]
