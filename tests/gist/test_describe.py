"""Describing: the words, the latent, and both within a budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.errors import CaptionError, ModelError, SettingError, TooFewBytes
from gistchain.gist.describe import BELIED, ENOUGH, LatentPlan, describe
from gistchain.gist.likeness import unlikeness
from gistchain.gist.packet import pack
from gistchain.types import Caption, Latent, Picture, Pixels

RAMP = np.repeat(np.arange(24, dtype=np.uint8).reshape(4, 6, 1) * 10, 3, axis=2)
FAINT = RAMP // 2 + np.uint8(57)  # like it, and not enough
PICTURE = Picture(RAMP, bytes(32), (6, 4), "six by four")


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
    described = describe(PICTURE, captioners=[Says()])
    assert described.gist.captions == ("a red bus",)
    assert described.gist.size == (6, 4)
    assert described.gist.latent is None
    assert described.confidence == 0.9


def test_a_persons_own_words_are_taken_as_they_are_and_no_captioner_is_asked() -> None:
    described = describe(PICTURE, captioners=(), caption="my bus")
    assert (described.gist.captions, described.confidence) == (("my bus",), 1.0)
    with pytest.raises(CaptionError, match="six by four is empty"):
        describe(PICTURE, captioners=[Says()], caption=" \n")


def test_an_unsure_captioner_is_refused_with_its_guess() -> None:
    with pytest.raises(CaptionError, match=r"confidence 0\.40 of at least 0\.5 \(its guess: 'a red bus'\)"):
        describe(PICTURE, captioners=[Says(confidence=0.4)])
    assert describe(PICTURE, captioners=[Says(confidence=0.4)], min_confidence=0.3).confidence == 0.4
    with pytest.raises(CaptionError, match=r"--caption TEXT$"):
        describe(PICTURE, captioners=[Says("", 1.0)])


def test_a_latent_has_the_size_that_was_asked_for() -> None:
    gist = describe(PICTURE, captioners=[Says()], latent=LatentPlan("always", Prefixes(), 100)).gist
    assert gist.latent is not None
    assert (gist.latent.coder, len(gist.latent.data)) == ("photo", 100)
    with pytest.raises(SettingError, match="a latent needs a size"):
        describe(PICTURE, captioners=[Says()], latent=LatentPlan("always", Prefixes(), None))


@given(st.integers(1, 2000), st.none() | st.integers(10, 500))
def test_a_budget_is_never_exceeded_and_what_the_caption_leaves_is_used(budget: int, most: int | None) -> None:
    bare = len(pack(describe(PICTURE, captioners=[Says()]).gist))
    if budget < bare:
        with pytest.raises(SettingError, match=f"its caption alone takes {bare}"):
            describe(PICTURE, captioners=[Says()], budget=budget)
        return
    gist = describe(PICTURE, captioners=[Says()], latent=LatentPlan("always", Prefixes(), most), budget=budget).gist
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
        describe(PICTURE, captioners=[Says()], latent=LatentPlan("always", Broken(), None), budget=500)


def test_a_large_budget_gives_the_photo_coder_all_that_it_can_use() -> None:
    from gistchain.models.photo.latent.coder import LARGEST, PhotoLatent

    rng = np.random.default_rng(1)
    noise = Picture(rng.integers(0, 255, (256, 256, 3), dtype=np.uint8), bytes(32), (256, 256), "noise")
    gist = describe(noise, captioners=[Says()], latent=LatentPlan("always", PhotoLatent(), None), budget=100_000).gist
    assert gist.latent is not None
    assert 0.9 * LARGEST < len(gist.latent.data) <= LARGEST


@pytest.mark.parametrize("size_bytes", [0, -5])
def test_a_latent_of_nothing_is_refused_with_a_budget_too(size_bytes: int) -> None:
    for budget in (None, 500):
        with pytest.raises(SettingError, match="give at least 1"):
            describe(PICTURE, captioners=[Says()], latent=LatentPlan("always", Prefixes(), size_bytes), budget=budget)


def test_a_picture_is_added_where_the_caption_alone_does_not_give_it_back() -> None:
    def describes(back: Pixels | None, when: str = "needed", caption: str | None = None) -> bool:
        plan = LatentPlan(when, Prefixes(), 100, alone=lambda gist: back)  # type: ignore[arg-type]
        return describe(PICTURE, captioners=[Says()], caption=caption, latent=plan).gist.latent is not None

    for words in (None, "a person's own"):
        assert not describes(RAMP, caption=words)
        assert describes(None, caption=words)
        assert describes(FAINT, caption=words)
    assert describes(RAMP, "always")
    assert not describes(None, "never")


def test_words_that_are_unsure_or_belied_by_their_picture_give_way_to_plainer_ones() -> None:
    def says(*captioners: Says, painted: dict[str, Pixels]) -> str:
        plan = LatentPlan("needed", Prefixes(), 100, alone=lambda gist: painted.get(gist.caption))
        described = describe(PICTURE, captioners=captioners, latent=plan)
        assert described.gist.latent is not None
        return described.gist.caption

    plain, punk = Says("a picture", 1.0), Says("a punk", 0.99)
    assert says(punk, plain, painted={"a punk": 230 - RAMP}) == "a picture"
    assert says(punk, plain, painted={"a punk": FAINT}) == "a punk"
    assert says(Says("perhaps a punk", 0.4), plain, painted={}) == "a picture"
    assert says(Says("", 1.0), plain, painted={}) == "a picture"


def test_a_persons_own_words_are_kept_although_their_picture_is_another() -> None:
    plan = LatentPlan("needed", Prefixes(), 100, alone=lambda gist: 230 - RAMP)
    gist = describe(PICTURE, captioners=(), caption="my punk", latent=plan).gist
    assert gist.caption == "my punk"
    assert gist.latent is not None


def test_a_picture_of_one_colour_is_left_to_a_persons_words() -> None:
    grey = Picture(np.full((8, 8, 3), 130, np.uint8), bytes(32), (8, 8), "grey.png")
    with pytest.raises(CaptionError, match=r"grey\.png is of one colour.*--caption TEXT"):
        describe(grey, captioners=[Says()])
    assert describe(grey, captioners=[Says()], caption="the grey of my wall").gist.caption == "the grey of my wall"


def test_unlikeness_is_nothing_for_the_same_and_more_than_one_for_another_picture() -> None:
    rng = np.random.default_rng(0)
    one, other = (rng.integers(0, 256, (40, 30, 3), dtype=np.uint8) for _ in range(2))
    assert unlikeness(one, one) == 0
    assert unlikeness(one, np.repeat(np.repeat(one, 2, 0), 2, 1)) < ENOUGH
    mean = np.broadcast_to(one.mean((0, 1)).round().astype(np.uint8), one.shape)
    assert unlikeness(one, mean) == pytest.approx(1, abs=0.01)
    assert unlikeness(one, other) > 1.5 > BELIED
