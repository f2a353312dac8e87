"""Collections: the captions name what can be seen, and what is held out stays out."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest

from gistchain.collection.known import dicebear, nouns, punks, punks_pickle
from gistchain.models.traitnet.captioner import collections
from gistchain.traits import Traits, caption, parts


def _drawn(seed: list[int], without: int | None = None) -> np.ndarray:
    """The oracle: layers pasted one after the other, pixel by pixel."""
    art = nouns.layers()
    image = np.full((32, 32), art.backgrounds[seed[0]])
    for column, sprites in enumerate(art.sprites, 1):
        if column != without:
            sprite = sprites[seed[column]]
            for y, x in zip(*np.nonzero(sprite), strict=True):
                image[y, x] = sprite[y, x]
    return art.colours[image]


def test_nouns_are_drawn_layer_by_layer_and_hidden_layers_are_not_named() -> None:
    seeds = nouns.sample(60, rng=np.random.default_rng(5), held=False)
    tokens = nouns.tokens(seeds)
    columns = {"body": 1, "accessory": 2, "head": 3, "glasses": 4}
    hidden = 0
    for k, seed in enumerate(seeds.tolist()):
        assert (_drawn(seed) == tokens.image(k)).all()
        for type_, column in columns.items():
            visible = (_drawn(seed, without=column) != tokens.image(k)).any()
            label = tokens.labels[k][tokens.traits.types.index(type_)]
            assert label == (seed[column] + 1 if visible else 0)
            hidden += not visible
    assert hidden > 0


def test_no_training_sample_of_nouns_is_held_out() -> None:
    assert not nouns.held_out(nouns.sample(3000, rng=np.random.default_rng(1), held=False)).any()
    assert nouns.held_out(nouns.sample(300, rng=np.random.default_rng(1), held=True)).all()


def test_a_fifth_of_the_nouns_is_held_out() -> None:
    every = np.stack([np.random.default_rng(2).integers(0, n, 50_000) for n in nouns.layers().counts], 1)
    assert nouns.held_out(every).mean() == pytest.approx(0.19, abs=0.01)


def test_every_punk_has_a_caption_of_its_own() -> None:
    tokens = punks.tokens()
    assert len(tokens) == 10_000
    assert len({tokens.caption(k) for k in range(10_000)}) == 10_000


def test_an_earring_is_named_only_where_its_gold_or_its_outline_shows() -> None:
    tokens = punks.tokens()
    ear = tokens.traits.types.index("ear")
    gold = (np.abs(tokens.images[:, 10:18, :8].astype(int) - (255, 217, 38)).max(-1) < 12).any((1, 2))
    named = tokens.labels[:, ear] > 0
    assert not (gold & ~named).any()
    # Elsewhere only the outline shows, as a pixel beside the hair.
    assert (named & ~gold).sum() < 0.1 * named.sum()


def test_a_pickle_that_calls_anything_but_arrays_is_refused() -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("gotcha",)

    with pytest.raises(pickle.UnpicklingError, match="print"):
        punks_pickle._ArraysOnly(io.BytesIO(pickle.dumps(Evil()))).load()


def test_an_avatar_is_the_same_whenever_it_is_drawn() -> None:
    a, b = (dicebear.tokens("big-smile", dicebear.held_out_seeds(2)) for _ in range(2))
    assert (a.images == b.images).all()
    assert (a.labels == b.labels).all()


def test_a_covered_mouth_is_not_named() -> None:
    tokens = dicebear.tokens("big-smile", [f"train-{i}" for i in range(60)], size=48)
    types = tokens.traits.types
    masks = tokens.labels[:, types.index("accessory")] == tokens.traits.values["accessory"].index("face mask") + 1
    assert masks.any()
    assert (tokens.labels[masks][:, types.index("mouth")] == 0).all()


def test_the_shipped_table_of_traits_is_that_of_the_collections() -> None:
    known: dict[str, Traits] = {t.collection: t for t in collections()}
    for made in (punks.traits(), nouns.layers().traits, *(dicebear.traits(s) for s in dicebear.STYLES)):
        assert known[made.collection].values == made.values
        assert known[made.collection].subject == made.subject


def test_a_caption_can_be_taken_apart() -> None:
    text = caption("Nouns", ["aardvark head", "red body"])
    assert text == "A picture of Nouns, containing aardvark head, red body"
    assert parts(text) == ("Nouns", ["aardvark head", "red body"])
    assert parts("A picture of Nouns") == ("Nouns", [])
    assert parts("a dog, on grass") == ("", ["a dog", "on grass"])
