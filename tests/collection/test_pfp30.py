"""Thirty profile-picture collections: what they are made of, and that their split keeps apart what must be apart."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.collection.known import pfp30, robohash
from gistchain.collection.tokens import Tokens

MADE = [name for name in pfp30.ALL if name not in ("punks", "nouns")]


def test_thirty_collections_each_in_one_part() -> None:
    assert len(pfp30.ALL) == len(set(pfp30.ALL)) == 30
    assert len(pfp30.TRAINING) == 24
    assert len(pfp30.TEST) == 5


@pytest.mark.parametrize("name", pfp30.ALL)
def test_every_collection_has_named_traits(name: str) -> None:
    traits = pfp30.traits(name)
    assert len(traits.types) >= 2
    for type_, values in traits.values.items():
        assert len(values) == len(set(values)) >= 1, type_
        assert all("," not in text and text == text.strip() and text for text in (type_, *values))
    phrases = [f"{value} {type_}" for type_, values in traits.values.items() for value in values]
    assert len(phrases) == len(set(phrases))  # a caption can be read in one way only


def test_subjects_tell_the_collections_apart() -> None:
    subjects = [pfp30.traits(name).subject.casefold() for name in pfp30.ALL]
    assert len(set(subjects)) == len(subjects)


def of_few(name: str) -> Tokens:
    return pfp30.drawn(name, ["a", "b"])


@pytest.mark.parametrize("name", MADE)
def test_a_seed_always_gives_the_same_token(name: str) -> None:
    one, again = of_few(name), of_few(name)
    assert one.images.shape == (2, 64, 64, 3)
    assert (one.images == again.images).all()
    assert (one.labels == again.labels).all()
    assert not (one.images[0] == one.images[1]).all()
    sizes = [len(values) for values in one.traits.values.values()]
    assert (one.labels >= 0).all()
    assert (one.labels <= sizes).all()
    assert (one.labels > 0).any(1).all()


@pytest.mark.parametrize("name", ["micah", "robohash-1", "nouns"])
def test_what_is_held_out_is_not_trained_on(name: str) -> None:
    training, held = pfp30.training(name, 8), pfp30.held_out(name, 8)
    assert len(training) == len(held) == 8
    assert not {image.tobytes() for image in training.images} & {image.tobytes() for image in held.images}


@pytest.mark.parametrize("name", robohash.SETS)
def test_every_trait_of_a_robot_can_be_seen(name: str) -> None:
    """Taking a labelled part away changes the picture; giving a part that is labelled as hidden does not."""
    tokens = of_few(name)
    first = len(tokens.traits.types) - len(robohash._parts(name, (robohash._colours(name) or [""])[0]))
    for k in range(2):
        row = tokens.labels[k].tolist()
        shown = robohash._draw(name, row, 64).astype(int)
        assert np.abs(shown - tokens.image(k)).max() < 40
        for t in range(first, len(row)):
            if row[t]:
                without = robohash._draw(name, [0 if j == t else v for j, v in enumerate(row)], 64)
                assert np.abs(without.astype(int) - shown).max() >= 8
