"""What every System must do, on ROSIS with the default models and with a latent."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gistchain import rosis
from gistchain.collection.known import nouns
from gistchain.errors import RebuildError, SettingError
from gistchain.gist.packet import pack, unpack
from gistchain.settings import Settings
from gistchain.types import Gist, Picture, System

SYSTEMS = {
    "rosis": lambda: rosis(),
    "rosis by captions alone": lambda: rosis(latent="never"),
    "rosis with a thumbnail": lambda: rosis(latent="always", latent_coder="thumb8", latent_bytes=192),
    "rosis with a picture": lambda: rosis(latent="always", latent_bytes=300),
    "rosis that fills its budget": lambda: rosis(latent="always", latent_bytes=None),
}


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> System:
    return SYSTEMS[request.param]()


@pytest.fixture(scope="module")
def noun() -> Picture:
    token = nouns.tokens(nouns.sample(1, rng=np.random.default_rng(21), held=False)).image(0)
    pixels = np.asarray(Image.fromarray(token).resize((160, 160), Image.Resampling.NEAREST))
    return Picture(pixels, bytes(range(32)), (160, 160), "a noun")


def test_it_is_a_system(system: System) -> None:
    assert isinstance(system, System)


@pytest.mark.parametrize("budget", [30, 80, 250, 1000])
def test_what_it_describes_fits_the_budget_and_comes_back(system: System, noun: Picture, budget: int) -> None:
    described = system.describe(noun, budget=budget)
    assert 0 <= described.confidence <= 1
    payload = pack(described.gist)
    assert len(payload) <= budget
    assert unpack(payload) == described.gist
    rebuilt = system.rebuild(unpack(payload), seeds=range(2))
    varies = described.gist.latent is None or described.gist.latent.coder == "thumb8"
    assert [isotope.seed for isotope in rebuilt.isotopes] == ([0, 1] if varies else [0])
    assert rebuilt.chosen.image.shape == noun.pixels.shape
    assert rebuilt.chosen.image.dtype == np.uint8


def test_a_budget_that_not_even_the_caption_fits_is_refused(system: System, noun: Picture) -> None:
    with pytest.raises(SettingError, match="a budget of 5 bytes is too small for a noun"):
        system.describe(noun, budget=5)


def test_a_persons_own_words_are_kept(system: System, noun: Picture) -> None:
    described = system.describe(noun, caption="my own noun", budget=700)
    assert (described.gist.caption, described.confidence) == ("my own noun", 1.0)


def test_the_same_gist_and_seeds_give_the_same_picture(system: System, noun: Picture) -> None:
    gist = system.describe(noun, budget=400).gist
    first, again = (system.rebuild(gist, seeds=[3, 5]) for _ in range(2))
    assert first.chosen.image.tobytes() == again.chosen.image.tobytes()
    assert first.chosen.seed == again.chosen.seed


def test_each_choice_is_one_of_the_isotopes(system: System, noun: Picture) -> None:
    gist = system.describe(noun, budget=400).gist
    for choice in ("best", "random", "worst"):
        rebuilt = system.rebuild(gist, seeds=range(3), choice=choice)
        distances = [isotope.distance for isotope in rebuilt.isotopes]
        wanted = {"best": min(distances), "random": distances[0], "worst": max(distances)}[choice]
        assert rebuilt.chosen.distance == wanted


def test_what_gives_no_picture_is_said(system: System) -> None:
    for gist in (Gist((), (8, 8)), Gist(("a picture",), (60_000, 60_000))):
        with pytest.raises(RebuildError):
            system.rebuild(gist)


def test_a_model_that_is_not_in_the_table_is_refused(tmp_path: object) -> None:
    with pytest.raises(SettingError, match="rembrandt"):
        rosis(latent_coder="rembrandt")
    with pytest.raises(SettingError, match="rembrandt"):
        rosis(Settings(home=tmp_path, captioner="rembrandt"))  # type: ignore[arg-type]
