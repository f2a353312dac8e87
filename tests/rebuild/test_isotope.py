"""ROSIS with any models: here small deterministic ones, so that what must be chosen is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gistchain import systems
from gistchain.errors import RebuildError
from gistchain.rebuild.isotope import MAX_PIXELS, PREVIEW_SIDE, caption_distances, select_isotope
from gistchain.types import Caption, Gist, Pixels

TEXT = "A picture of Nouns, containing cow head, square red glasses, eth accessory, teal body, cool background"


class GreyPainter:
    """Paints the seed as a grey level."""

    def varies(self, gist: Gist, strength: float | None = None) -> bool:
        return True

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float | None = None) -> list[Pixels]:
        return [np.full((gist.size[1], gist.size[0], 3), s, np.uint8) for s in seeds]


class DecodingPainter(GreyPainter):
    """Gives the same picture for every seed."""

    def varies(self, gist: Gist, strength: float | None = None) -> bool:
        return False


class Silent:
    """Reads the same in every picture."""

    def caption(self, image: Pixels) -> Caption:
        return Caption("grey 40", 1.0)


class GreyCaptioner:
    """Says the grey level."""

    def caption(self, image: Pixels) -> Caption:
        return Caption(f"grey {image[0, 0, 0]}", 1.0)


class AngleEmbedder:
    """'grey k' is the unit vector at k degrees."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        angles = np.deg2rad([int(t.split()[-1]) for t in texts])
        return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def _choose(
    text: str, seeds: Sequence[int], choice: str = "best", size: tuple[int, int] = (4, 4), full_size: bool = False
):
    return select_isotope(
        Gist((text,), size),
        painter=GreyPainter(),
        captioner=GreyCaptioner(),
        embedder=AngleEmbedder(),
        seeds=seeds,
        choice=choice,
        full_size=full_size,
    )


@given(st.integers(0, 90), st.lists(st.integers(0, 90), min_size=1, max_size=8, unique=True))
def test_the_nearest_caption_wins_and_all_are_kept(target: int, seeds: list[int]) -> None:
    best, worst, random = (_choose(f"grey {target}", seeds, choice) for choice in ("best", "worst", "random"))
    assert abs(best.chosen.seed - target) == min(abs(s - target) for s in seeds)
    assert abs(worst.chosen.seed - target) == max(abs(s - target) for s in seeds)
    assert random.chosen.seed == seeds[0]
    assert [i.seed for i in best.isotopes] == seeds
    assert best.chosen.distance <= random.chosen.distance <= worst.chosen.distance
    assert all(0 <= i.distance <= 2 for i in best.isotopes)


def test_a_gist_without_a_caption_says_so() -> None:
    system = systems.rosis()
    models = {"painter": system.painter, "captioner": system.captioner, "embedder": system.embedder}
    with pytest.raises(RebuildError, match="no caption"):
        select_isotope(Gist((), (4, 4), damaged=frozenset({"caption"})), **models, seeds=[0])
    with pytest.raises(RebuildError, match="seeds"):
        select_isotope(Gist((TEXT,), (4, 4)), **models, seeds=[])


def test_which_isotope_is_read_is_told() -> None:
    told: list[tuple[str, float]] = []
    models: dict[str, Any] = {"painter": GreyPainter(), "captioner": GreyCaptioner(), "embedder": AngleEmbedder()}
    select_isotope(
        Gist(("grey 1",), (4, 4)), **models, seeds=[1, 2], progress=lambda what, share: told.append((what, share))
    )
    assert [what for what, _ in told] == ["painting isotopes: 2", "reading isotope 1 of 2", "reading isotope 2 of 2"]
    assert [share for _, share in told] == sorted(share for _, share in told)


def test_a_gist_can_not_ask_for_more_memory_than_there_is() -> None:
    with pytest.raises(RebuildError, match=f"{MAX_PIXELS:,}"):
        _choose("grey 1", [1], size=(65_535, 65_535), full_size=True)
    assert _choose("grey 1", [1], size=(65_535, 65_535)).chosen.image.shape == (PREVIEW_SIDE, PREVIEW_SIDE, 3)


def test_a_large_picture_keeps_its_shape_and_is_painted_in_full_only_once_and_when_asked() -> None:
    size = 3 * PREVIEW_SIDE, 42
    rebuilt, full = (_choose("grey 2", [1, 2, 3], size=size, full_size=full) for full in (False, True))
    assert rebuilt.chosen.image.shape == (14, PREVIEW_SIDE, 3)
    assert full.chosen.image.shape == (42, 3 * PREVIEW_SIDE, 3)
    assert all(i.image.shape == (14, PREVIEW_SIDE, 3) for i in full.isotopes)
    assert rebuilt.chosen.seed == full.chosen.seed == 2
    assert rebuilt.original_size == size


def test_of_isotopes_that_read_alike_the_one_nearest_to_all_of_them_is_taken() -> None:
    models = {"painter": GreyPainter(), "captioner": Silent(), "embedder": AngleEmbedder()}
    gist = Gist(("grey 40",), (4, 4))
    assert select_isotope(gist, **models, seeds=[10, 200, 90, 80]).chosen.seed == 90  # their mean is 95
    assert select_isotope(gist, **models, seeds=[10, 200]).chosen.seed == 10  # equally far: the first
    assert select_isotope(gist, **models, seeds=[10, 200, 90], choice="random").chosen.seed == 10


def test_where_all_seeds_give_one_picture_it_is_painted_and_read_once() -> None:
    read = []

    class Counting(Silent):
        def caption(self, image: Pixels) -> Caption:
            read.append(image)
            return super().caption(image)

    rebuilt = select_isotope(
        Gist(("grey 40",), (4, 4)),
        painter=DecodingPainter(),
        captioner=Counting(),
        embedder=AngleEmbedder(),
        seeds=range(4),
    )
    assert (len(rebuilt.isotopes), len(read)) == (1, 1)


def test_a_strength_without_a_latent_to_start_from_is_said() -> None:
    system = systems.rosis()
    with pytest.raises(RebuildError, match=r"strength 0\.5 starts from a latent, and this gist has none"):
        system.rebuild(Gist((TEXT,), (32, 32)), strength=0.5)
    assert system.rebuild(Gist((TEXT,), (32, 32)), seeds=[0], strength=1).chosen.seed == 0


def test_the_same_seeds_give_the_same_bits() -> None:
    gist = Gist((TEXT,), (320, 320))
    pictures = []
    for seeds in ([0, 1, 2, 3], [2]):
        rebuilt = systems.rosis().rebuild(gist, seeds=seeds)
        pictures.append({i.seed: i.image.tobytes() for i in rebuilt.isotopes})
    assert pictures[0][2] == pictures[1][2]


def test_different_seeds_give_different_isotopes() -> None:
    system = systems.rosis()
    images = system.painter.paint(Gist(("A picture of Nouns, containing cow head",), (32, 32)), [0, 1, 2])
    assert len({i.tobytes() for i in images}) == 3


def test_equal_captions_are_at_distance_zero_and_an_unreadable_picture_at_one() -> None:
    embedder = systems.rosis().embedder
    same, other, nothing = caption_distances(TEXT, [TEXT, TEXT.replace("cow", "crab"), ""], embedder=embedder)
    assert same == 0
    assert 0 < other < 0.2
    assert nothing == 1
    assert caption_distances("", [TEXT, ""], embedder=embedder) == [1, 1]
