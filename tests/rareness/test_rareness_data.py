"""Data for near-duplicates: what is tested with is not trained with, and a label says what was done to a picture."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from gistchain.collection.known import nouns, pfp30, punks
from gistchain.types import Pixels
from training.rareness import records, sets, sources, twins
from training.rareness.transforms import FAMILIES, KNOWN, PRACTICE, TRANSFORMS, UNSEEN, transformed

PARTS = ("train", "tune", "test")


@pytest.fixture(scope="module")
def punk() -> sources.SourcePicture:
    return sources.token("punks", "9037")


def scene() -> Pixels:
    """A few flat shapes and a gradient on a flat ground, so that every transform finds something to do."""
    image = np.full((120, 160, 3), (230, 240, 250), np.uint8)
    image[30:100, 40:120] = np.linspace((20, 60, 90), (240, 90, 30), 80).astype(np.uint8)
    image[50:60, 55:75] = image[50:60, 90:110] = (10, 10, 10)
    return image


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_changes_the_picture_the_same_way_for_the_same_seed(name: str) -> None:
    image = scene()
    before = image.copy()
    one, again = (transformed(name, image, np.random.default_rng(7)) for _ in range(2))
    assert one is not None
    assert again is not None
    assert one[1] == again[1] != ""
    assert (one[0] == again[0]).all()
    assert (image == before).all()  # a copy is made, the picture is not written into
    assert one[0].dtype == np.uint8
    assert one[0].ndim == 3
    assert one[0].shape != image.shape or (one[0] != image).mean() > 0.01
    assert one[0].std() > 4  # something is left to see


@pytest.mark.parametrize("name", [n for n in TRANSFORMS if n not in ("mirror", "grey", "invert", "contour")])
def test_another_seed_gives_another_strength(name: str) -> None:
    made = {transformed(name, scene(), np.random.default_rng(seed))[1] for seed in range(12)}  # type: ignore[index]
    assert len(made) > 1


def test_known_and_unseen_families_are_apart() -> None:
    assert not set(KNOWN + PRACTICE) & set(UNSEEN)
    assert len([n for f in KNOWN for n in FAMILIES[f]]) >= 16
    assert len(UNSEEN) >= 5
    names = [n for names in FAMILIES.values() for n in names]
    assert len(names) == len(set(names)) == len(TRANSFORMS)
    assert all(t.known == (t.family in KNOWN + PRACTICE) for t in TRANSFORMS.values())


def test_a_swapped_background_leaves_the_subject(punk: sources.SourcePicture) -> None:
    made = transformed("background", punk.image, np.random.default_rng(0), foreground=punk.foreground)
    assert made is not None
    assert punk.foreground is not None
    inside = punk.foreground == 255
    assert (made[0] == punk.image)[inside].all()
    assert twins.difference(made[0], punk.image) > 0.2


def test_a_picture_without_flat_ground_has_no_background_to_swap() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert transformed("background", noise, np.random.default_rng(0)) is None


def test_unseen_collections_are_neither_trained_nor_tuned_on() -> None:
    assert set(sources.UNSEEN) == {"punks", *pfp30.TEST}
    assert not set(sources.UNSEEN) & {*sources.TRAINING, *sources.TUNING}
    assert not set(sources.TRAINING) & set(sources.TUNING)
    assert {*sources.TRAINING, *sources.TUNING, *sources.UNSEEN} == set(pfp30.ALL)
    for one, other in combinations(PARTS, 2):
        if "test" not in (one, other):
            assert not set(sources.collections(one)) & set(sources.collections(other))
    with pytest.raises(ValueError, match="punks"):
        sources.keys("punks", "train", 1)


def test_held_out_tokens_are_for_the_test_alone() -> None:
    for collection in sources.TRAINING:
        if collection != "nouns":
            assert all(k.startswith("train-") for k in sources.keys(collection, "train", 3))
            assert all(k.startswith("heldout-") for k in sources.keys(collection, "test", 3))
    for part in ("train", "test"):
        seeds = np.array([[int(n) for n in k.split("-")] for k in sources.keys("nouns", part, 50)])
        assert (nouns.held_out(seeds) == (part == "test")).all()
    assert {int(k) for k in sources.keys("punks", "test", 1000)} == set(punks.HELD_OUT)


@pytest.mark.parametrize("collection", ["robohash-1", "nouns", "toon-head", "critters"])
def test_a_twin_differs_in_one_trait_that_can_be_seen(collection: str) -> None:
    part = "test"
    for key in sources.keys(collection, part, 3):
        base = sources.token(collection, key)
        made = twins.twin(base, np.random.default_rng(3), held_out=True)
        assert made is not None
        twin, changed = made
        unlike = {t for t in {**base.traits, **twin.traits} if base.traits.get(t) != twin.traits.get(t)}
        assert len(unlike) == 1
        assert changed.startswith(f"{unlike.pop()}: ")
        assert twins.LEAST < twins.difference(base.image, twin.image) < 0.95
        assert twin.id != base.id


def test_a_trained_twin_of_a_noun_is_not_held_out() -> None:
    rng = np.random.default_rng(5)
    for key in sources.keys("nouns", "train", 20):
        made = twins.twin(sources.token("nouns", key), rng, held_out=False)
        if made:
            seed = np.array([[int(n) for n in made[0].id.partition("/")[2].split("-")]])
            assert not nouns.held_out(seed)[0]


def test_tokens_that_only_colours_tell_apart_are_found() -> None:
    def item(key: str, mouth: str) -> records.Item:
        return records.Item(f"cameo/{key}", "cameo", "pfp", "", {"mouth": mouth, "body color": "red"}, b"")

    def asked(label: records.Label, source: str | None, mouth: str) -> records.Query:
        traits = {"mouth": mouth, "body color": "blue"}
        id_ = f"cameo/{label}-{mouth}"
        return records.Query(id_, label, source, "", "", "", "cameo", "pfp", False, True, "", 1.0, traits, b"")

    cases = [asked("sibling", None, "smile"), asked("sibling", None, "frown"), asked("copy", "cameo/a", "smile")]
    assert sources.colour_types("cameo") == {"body color", "shade color"} & set(pfp30.traits("cameo").types)
    assert twins.colours_apart(cases, [item("a", "smile")]) == {"cameo/sibling-smile"}
    assert twins.colours_apart(cases, [item("a", "smile"), item("b", "smile")]) >= {"cameo/copy-smile"}


def test_the_shelf_knows_what_it_holds(punk: sources.SourcePicture) -> None:
    shelf = sets.PictureShelf()
    assert shelf.add(punk)
    assert not shelf.add(punk)
    assert shelf.add(sources.token("punks", "9038"))
    assert len(shelf.pictures) == 2


def test_a_part_that_is_saved_is_read_again(punk: sources.SourcePicture, monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(records, "FOLDER", tmp_path / "rareness")
    item = records.Item(punk.id, "punks", "punk", punk.caption, punk.traits, records.encoded(punk.image))
    asked = records.Query(
        "a", "twin", punk.id, "", "", "", "punks", "punk", False, True, "head: none -> cap", 0.01, punk.traits,
        records.encoded(punk.image),
    )  # fmt: skip
    records.save("test", [item], [asked])
    (kept,), (query,) = records.registered("test"), records.queries("test")
    assert (kept.image == punk.image).all()
    assert (kept.id, kept.traits) == (punk.id, punk.traits)
    assert (query.seen_collection, query.seen_family, query.transformed) == (False, True, False)
    assert query.changed == asked.changed


def test_a_part_that_is_not_drawn_says_how(monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    with pytest.raises(SystemExit, match="sets tune"):
        records.queries("tune")
