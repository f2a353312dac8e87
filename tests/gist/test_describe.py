"""Describing: the words, the latent, and both within a budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.errors import CaptionError, ModelError, SettingError, TooFewBytes
from gistchain.gist.describe import describe
from gistchain.gist.packet import pack
from gistchain.types import Caption, Latent, Picture, Pixels

PICTURE = Picture(np.zeros((4, 6, 3), np.uint8), bytes(32), (6, 4), "six by four")


@dataclass(frozen=True)
class Says:
    text: str = "a red bus"
    confidence: float = 0.9

    def caption(self, image: Pixels) -> Caption:
        return Caption(self.text, self.confidence)


class Prefixes:
    """As many bytes as it is given, from 10 on."""

    name = "photo"

    def encode(self, image: Pixels, size_bytes: int) -> Latent:
        if size_bytes < 10:
            raise TooFewBytes("too small")
        return Latent(self.name, bytes(k % 256 for k in range(size_bytes)))

    def decode(self, latent: Latent, size: tuple[int, int]) -> Pixels:
        raise NotImplementedError


def test_a_gist_is_the_caption_and_the_size_of_the_picture() -> None:
    described = describe(PICTURE, captioner=Says())
    assert described.gist.captions == ("a red bus",)
    assert described.gist.size == (6, 4)
    assert described.gist.latent is None
    assert described.confidence == 0.9


def test_a_persons_own_words_are_taken_as_they_are_and_no_captioner_is_asked() -> None:
    described = describe(PICTURE, captioner=None, caption="my bus")  # type: ignore[arg-type]
    assert (described.gist.captions, described.confidence) == (("my bus",), 1.0)
    with pytest.raises(CaptionError, match="six by four is empty"):
        describe(PICTURE, captioner=Says(), caption=" \n")


def test_an_unsure_captioner_is_refused_with_its_guess() -> None:
    with pytest.raises(CaptionError, match=r"confidence 0\.40 of at least 0\.5 \(its guess: 'a red bus'\)"):
        describe(PICTURE, captioner=Says(confidence=0.4))
    assert describe(PICTURE, captioner=Says(confidence=0.4), min_confidence=0.3).confidence == 0.4
    with pytest.raises(CaptionError, match=r"--caption TEXT$"):
        describe(PICTURE, captioner=Says("", 1.0))


def test_a_latent_has_the_size_that_was_asked_for() -> None:
    gist = describe(PICTURE, captioner=Says(), latent_coder=Prefixes(), latent_bytes=100).gist
    assert gist.latent is not None
    assert (gist.latent.coder, len(gist.latent.data)) == ("photo", 100)
    with pytest.raises(SettingError, match="a latent needs a size"):
        describe(PICTURE, captioner=Says(), latent_coder=Prefixes())


@given(st.integers(1, 2000), st.none() | st.integers(10, 500))
def test_a_budget_is_never_exceeded_and_what_the_caption_leaves_is_used(budget: int, most: int | None) -> None:
    bare = len(pack(describe(PICTURE, captioner=Says()).gist))
    if budget < bare:
        with pytest.raises(SettingError, match=f"its caption alone takes {bare}"):
            describe(PICTURE, captioner=Says(), budget=budget)
        return
    gist = describe(PICTURE, captioner=Says(), latent_coder=Prefixes(), latent_bytes=most, budget=budget).gist
    size = len(pack(gist))
    assert size <= budget
    if gist.latent is None:
        assert budget < bare + 10 + 20
    elif most is None:
        assert budget - size <= 2, "a longer latent would have fitted"
    else:
        assert len(gist.latent.data) == most or budget - size <= 2


def test_a_coder_that_fails_is_not_taken_for_one_without_room() -> None:
    class Broken(Prefixes):
        def encode(self, image: Pixels, size_bytes: int) -> Latent:
            raise ModelError("its weights are damaged")

    with pytest.raises(ModelError, match="damaged"):
        describe(PICTURE, captioner=Says(), latent_coder=Broken(), budget=500)


def test_a_large_budget_gives_the_photo_coder_all_that_it_can_use() -> None:
    from gistchain.models.photo.latent.coder import LARGEST, PhotoLatent

    rng = np.random.default_rng(1)
    noise = Picture(rng.integers(0, 255, (256, 256, 3), dtype=np.uint8), bytes(32), (256, 256), "noise")
    gist = describe(noise, captioner=Says(), latent_coder=PhotoLatent(), budget=100_000).gist
    assert gist.latent is not None
    assert 0.9 * LARGEST < len(gist.latent.data) <= LARGEST


@pytest.mark.parametrize("size_bytes", [0, -5])
def test_a_latent_of_nothing_is_refused_with_a_budget_too(size_bytes: int) -> None:
    for budget in (None, 500):
        with pytest.raises(SettingError, match="give at least 1"):
            describe(PICTURE, captioner=Says(), latent_coder=Prefixes(), latent_bytes=size_bytes, budget=budget)
