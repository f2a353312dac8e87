"""Families in parts: each in one, the same every time, and the published numbers of pairs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.collection.splits.assign import Assignment, assigned
from gistchain.collection.splits.families import Family, holds
from gistchain.collection.splits.sizes import NAMED, PARTS, PROPORTIONS, Size

COUNTS = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=4), st.integers(1, 3_000), min_size=1, max_size=40)


def in_families(counts: dict[str, int], each: int) -> list[Family]:
    names = list(counts)
    groups = [tuple(names[at : at + each]) for at in range(0, len(names), each)]
    return [Family(group[0], group) for group in groups]


@given(COUNTS, st.integers(1, 4), st.integers(0, 5))
def test_every_collection_lies_in_one_part_and_its_family_with_it(counts: dict[str, int], each: int, seed: int) -> None:
    families = in_families(counts, each)
    done = assigned(families, counts, Size(), seed)
    assert [one.collection for one in done.placed] == list(counts)
    assert {one.collection: one.taken for one in done.placed} == counts
    part = {one.collection: one.part for one in done.placed}
    for family in families:
        assert len({part[name] for name in family.members}) == 1
    filled = {one.part for one in done.placed}
    assert len(filled) == min(3, len(families))
    assert done == assigned(families, counts, Size(), seed)


@given(COUNTS, st.integers(0, 5))
def test_no_part_is_farther_from_its_share_than_the_largest_family(counts: dict[str, int], seed: int) -> None:
    done = assigned(in_families(counts, 1), counts, Size(), seed)
    largest, total = max(counts.values()), sum(counts.values())
    for part in PARTS:
        assert done.obtained(part) <= PROPORTIONS[part] * total + 2 * largest
    assert sum(done.wanted.values()) == total


def test_the_order_of_the_families_does_not_matter() -> None:
    counts = {f"c{n}": 100 + n % 7 for n in range(30)}
    families = in_families(counts, 2)

    def parts(done: Assignment) -> dict[str, str]:
        return {one.collection: one.part for one in done.placed}

    first = parts(assigned(families, counts, Size()))
    assert parts(assigned(families[::-1], dict(reversed(counts.items())), Size())) == first
    assert parts(assigned(families, counts, Size(), seed=1)) != first


@pytest.mark.parametrize("name", NAMED)
def test_published_splits_have_the_published_proportions(name: str) -> None:
    pairs = NAMED[name].pairs
    assert pairs is not None
    total = sum(pairs.values())
    for part in PARTS:
        assert pairs[part] / total == pytest.approx(PROPORTIONS[part], abs=0.02)


def test_the_mini_split_of_a_hundred_whole_collections_is_obtained_to_the_pair() -> None:
    counts = {f"c{n}": 600 for n in range(100)}
    done = assigned(in_families(counts, 1), counts, NAMED["NFT100-mini"])
    assert dict(done.wanted) == {part: done.obtained(part) for part in PARTS}
    assert [done.collections(part) for part in PARTS] == [80, 5, 15]


def test_a_published_size_is_not_exceeded_and_what_lacks_is_not_made_up() -> None:
    few = {f"c{n}": 450 for n in range(100)}
    done = assigned(in_families(few, 1), few, NAMED["NFT100-mini"])
    assert sum(done.obtained(part) for part in PARTS) == 45_000
    many = {f"c{n}": 700 for n in range(200)}
    done = assigned(in_families(many, 1), many, NAMED["NFT100-mini"])
    assert {part: done.obtained(part) for part in PARTS} == NAMED["NFT100-mini"].pairs
    assert all(one.taken <= 500 for one in done.placed)


@pytest.mark.parametrize(
    ("name", "other"),
    [("CryptoPunksV2", "CryptoPunks"), ("0xAzuki", "Azuki"), ("lorelei-neutral", "lorelei"), ("JPunks", "Punks"),
     ("Azuki Elementals", "AZUKI"), ("the bored apes", "Bored Apes")],
)  # fmt: skip
def test_a_name_that_holds_another_is_a_hint(name: str, other: str) -> None:
    assert holds(name, other)
    assert not holds(other, name)
    assert holds(name, name)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("robohash-1", "robohash-4"),
        ("Catalogue", "Cat"),
        ("Nouns", "Punks"),
        ("Series 10", "Series 1"),
        ("x", ""),
        ("...", "---"),
    ],
)
def test_names_that_share_a_word_or_little_are_none(name: str, other: str) -> None:
    assert not holds(name, other)
    assert not holds(other, name)
