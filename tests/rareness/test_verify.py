"""One image laid over another: what was done to it is found and undone, and what is left lies where they differ."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from gistchain.collection.known import nouns
from gistchain.rareness.overlay.align import align, covered
from gistchain.rareness.overlay.difference import heat, regions
from gistchain.rareness.overlay.photometry import colour_map, recoloured
from gistchain.rareness.overlay.restored import restored
from gistchain.rareness.overlay.rivals import RIVAL_FEATURES, rivals
from gistchain.rareness.overlay.shortlist import by_colours, by_structure, guides
from gistchain.rareness.overlay.verify import Candidate, Comparison, compare
from gistchain.rareness.overlay.views import SIDE, View, mirrored, view
from gistchain.rareness.words import differing_traits, transform_words
from gistchain.types import Pixels

GLASSES = 4
"""Where a Noun's seed names them."""


def noun(*labels: int) -> Pixels:
    """At 320 pixels."""
    tokens = nouns.tokens(np.array([labels]))
    return np.ascontiguousarray(tokens.image(0).repeat(10, 0).repeat(10, 1)[:320, :320])


def labels(seed: int) -> list[int]:
    return [int(v) for v in nouns.sample(8, rng=np.random.default_rng(seed), held=False)[0]]


@pytest.fixture(scope="module")
def source() -> Pixels:
    return noun(*labels(3))


@pytest.fixture(scope="module")
def registered(source: Pixels) -> View:
    return view(source)


def edited(image: Pixels, edit: Callable[[Image.Image], Image.Image]) -> Pixels:
    return np.asarray(edit(Image.fromarray(image)).convert("RGB"))


def compared(image: Pixels, other: View) -> Comparison:
    return compare(Candidate.of(image), other)


def said(found: Comparison, image: Pixels, other: View) -> str:
    return ", ".join(transform_words(found, other, Candidate.of(image).view(found.alignment.mirrored)))


def jpeg(image: Image.Image) -> Image.Image:
    stream = BytesIO()
    image.save(stream, "JPEG", quality=20)
    return Image.open(stream)


def test_an_image_differs_from_itself_nowhere(source: Pixels, registered: View) -> None:
    found = compared(source, registered)
    assert found.features["residual_q99"] < 0.02
    assert found.features["overlap"] > 0.95
    assert said(found, source, registered) == ""
    assert regions(found.difference, found.where) == ()


EDITS: dict[str, tuple[Callable[[Image.Image], Image.Image], str]] = {
    "mirror": (ImageOps.mirror, "mirrored"),
    "rotate": (lambda i: i.rotate(17, Image.Resampling.BICUBIC, fillcolor=i.getpixel((0, 0))), "turned by 17"),
    "quarter turn": (lambda i: i.rotate(90), "turned by 90"),
    "crop": (lambda i: i.crop((30, 40, 280, 300)), "cropped to"),
    "border": (lambda i: ImageOps.expand(i, 50, (10, 90, 40)), "with a frame"),
    "stretch": (lambda i: i.resize((480, 320)), "stretched in width by 1.5"),
    "invert": (ImageOps.invert, "inverted"),
    "blur": (lambda i: i.filter(ImageFilter.GaussianBlur(5)), "blurred"),
    "jpeg": (jpeg, ""),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_found_and_undone(name: str, source: Pixels, registered: View) -> None:
    edit, words = EDITS[name]
    image = edited(source, edit)
    found = compared(image, registered)
    assert words in said(found, image, registered)
    assert found.features["residual_mean"] < 0.12
    assert found.features["structure_mean"] > 0.85


def test_a_colourful_image_made_grey_is_said_to_be() -> None:
    hues = Image.effect_noise((64, 64), 90).resize((320, 320), Image.Resampling.BICUBIC)
    picture = Image.merge("HSV", (hues, Image.new("L", hues.size, 220), hues.rotate(90))).convert("RGB")
    base = view(np.asarray(picture))
    image = np.asarray(picture.convert("L").convert("RGB"))
    found = compared(image, base)
    assert "grey" in said(found, image, base)
    assert found.features["structure_mean"] > 0.85


def test_the_matrix_leads_from_the_registered_image_to_the_candidate(source: Pixels, registered: View) -> None:
    found = compared(source[40:300, 30:280], registered)
    scale = SIDE / 320, SIDE / 260  # of the registered image, and of the candidate by its longer side
    corner = found.alignment.matrix @ np.array([30 * scale[0], 40 * scale[0], 1])
    assert np.abs(corner[:2] / corner[2]).max() < 2.5


def test_a_twin_differs_where_its_trait_lies() -> None:
    """And the registered token that has the same trait explains the place: that is what a copy has not."""
    own = labels(5)
    twin = [*own[:GLASSES], (own[GLASSES] + 3) % 20]
    other = [own[0], *labels(9)[1:3], *twin[3:]]
    image, base = noun(*twin), view(noun(*own))
    found = compared(image, base)
    against = rivals(found, base, [view(noun(*other)), view(noun(*labels(11)))])
    where = regions(found.difference, found.where)
    assert where
    assert 0.2 < (where[0].top + where[0].bottom) / 2 < 0.65  # the glasses sit in the upper half
    assert against["rival_explains"] > 0.8

    copy = compared(edited(noun(*own), lambda i: i.filter(ImageFilter.GaussianBlur(4))), base)
    assert rivals(copy, base, [view(noun(*other))])["rival_contrast"] < against["rival_contrast"] / 2


def test_what_is_pasted_over_moves_nothing_else(source: Pixels, registered: View) -> None:
    def sticker(image: Image.Image) -> Image.Image:
        ImageDraw.Draw(image).ellipse((10, 150, 120, 260), fill=(90, 0, 160), outline=(0, 0, 0), width=6)
        return image

    found = compared(edited(source, sticker), registered)
    shift = found.alignment.matrix @ np.array([72, 30, 1.0])
    assert np.hypot(*(shift[:2] / shift[2] - (72, 30))) < 1.5
    shown = heat(found.difference) > 0.35
    assert shown[:, 80:].mean() < 0.02
    assert shown[75:110, 10:50].mean() > 0.5
    other = rivals(found, registered, [view(noun(*labels(20 + k))) for k in range(6)])
    assert other["rival_explains"] < 0.6


def test_a_picture_does_not_fit_onto_a_blank_one(source: Pixels) -> None:
    blank = view(np.full((320, 320, 3), 180, np.uint8))
    found = align(*(lambda seen: (seen, mirrored(seen)))(view(source)), blank)
    assert all(alignment.agreement < 0.3 for alignment in found)


SHAPES = st.tuples(st.integers(1, 400), st.integers(1, 400))


@settings(max_examples=12, deadline=None)
@given(SHAPES, st.sampled_from(["black", "noise", "one dot"]), st.integers(0, 2**31))
def test_any_image_can_be_laid_over_any(shape: tuple[int, int], kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = np.zeros((*shape, 3), np.uint8)
    if kind == "noise":
        image = rng.integers(0, 256, image.shape, dtype=np.uint8)
    elif kind == "one dot":
        image[0, 0] = 255
    base = view(noun(*labels(3)))
    found = compared(image, base)
    features = {**found.features, **rivals(found, base, [view(noun(*labels(4)))])}
    assert all(np.isfinite(v) or name.startswith(("subject", "outside", "rival")) for name, v in features.items())
    assert found.fitted.predicted.shape == base.pixels.shape


def test_the_same_images_give_the_same_numbers(source: Pixels, registered: View) -> None:
    image = edited(source, lambda i: i.rotate(20))
    first, second = compared(image, registered), compared(image, view(source))
    assert first.features == second.features


def test_without_rivals_nothing_is_said_of_them(source: Pixels, registered: View) -> None:
    found = rivals(compared(source, registered), registered, [])
    assert set(found) == set(RIVAL_FEATURES)
    assert all(np.isnan(value) for value in found.values())


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_a_map_of_colours_is_found_again(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.uniform(0, 255, (60, 60, 3)).astype(np.float32)
    wanted = np.concatenate([rng.uniform(-1, 1, (3, 3)), rng.uniform(-0.3, 0.3, (1, 3))]).astype(np.float32)
    target = recoloured(image, wanted)
    found = colour_map(image, target, np.arange(3600), 3)
    assert np.abs(recoloured(image, found) - target).max() < 1.5


def test_what_differs_in_one_place_does_not_tint_the_rest() -> None:
    rng = np.random.default_rng(1)
    image = rng.uniform(0, 255, (80, 80, 3)).astype(np.float32)
    target = image * 0.7 + 20
    target[:24, :24] = (250, 0, 0)
    found = recoloured(image, colour_map(image, target, np.arange(6400), 6))
    assert np.abs(found - target)[40:].max() < 6


def test_the_source_leads_the_shortlist_of_its_siblings(source: Pixels) -> None:
    image = edited(source, lambda i: ImageOps.mirror(i).rotate(12, fillcolor=i.getpixel((0, 0))))
    siblings = [view(noun(*labels(100 + k))) for k in range(12)]
    views = [*siblings[:7], view(source), *siblings[7:]]
    candidate = Candidate.of(image)
    shared = [alignment for found in guides(candidate, [views[0], views[7]]) for alignment in found[:2]]
    left = [error for error, _ in by_colours(candidate, views, shared)]
    assert int(np.argmin(left)) == 7
    structure = by_structure(candidate, views, shared)
    assert int(np.argmax(structure)) == 7
    # Colours may change at will: gradients are what they were.
    inverted = by_structure(Candidate.of(255 - image), views, shared)
    np.testing.assert_allclose(inverted, structure, atol=0.02)


def test_what_was_done_to_the_frame_is_undone_with_the_help_of_a_sibling(source: Pixels) -> None:
    image = np.ascontiguousarray(edited(source, ImageOps.mirror)[20:280, 30:300])
    mine = labels(3)
    siblings = [view(noun(*mine[:3], other, *mine[4:])) for other in range(5)]
    candidate = Candidate.of(image)
    alignment = max(guides(candidate, siblings[:1])[0], key=lambda found: found.agreement)
    made = restored(candidate, siblings[0], alignment, siblings).astype(np.float32)
    wanted = view(source).pixels
    assert made.shape == wanted.shape
    inner = covered(candidate.view(alignment.mirrored), alignment.matrix, siblings[0].size) > 0.98
    assert inner.mean() > 0.6
    assert np.median(np.abs(made - wanted)[inner]) < 4
    # Beyond the crop stands what is usual in the series.
    np.testing.assert_allclose(made[~inner], np.median([s.pixels for s in siblings], axis=0)[~inner], atol=0.51)


def test_traits_that_differ_are_named() -> None:
    there = "A picture of Nouns, containing cool background, red hat, square glasses"
    here = "A picture of Nouns, containing cool background, blue hat, square glasses, gold chain"
    assert differing_traits(there, here) == ("hat: red -> blue", "chain: (none) -> gold")
    assert differing_traits(there, "A picture of Punks, containing blue hat") == ()
    assert differing_traits("a dog on a beach", here) == ()
