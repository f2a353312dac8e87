"""search.sqlite: whatever is put and forgotten, traits have the items that they would have by counting."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.errors import FileDamaged
from gistchain.search.items import Item, item_of
from gistchain.search.record import COLLECTION, NAME, Record
from gistchain.search.words import plain, words_of

TYPES, VALUES = ("hat", "eyes", ""), ("Red", "red cap", "蓝色", "x\udcff", 'NEAR("a" OR', "-")
items = st.builds(
    Item,
    kind=st.sampled_from(["token", "reference"]),
    source=st.sampled_from(["one", "other"]),
    token=st.sampled_from(["1", "2", "3"]),
    subject=st.sampled_from(["", "Cats"]),
    title=st.text(max_size=20),
    traits=st.lists(st.tuples(st.sampled_from(TYPES), st.sampled_from(VALUES)), max_size=3).map(tuple),
)


def kinds_of(item: Item) -> set[tuple[str, str]]:
    every = [*item.traits, *([(COLLECTION, item.subject)] if item.subject else [])]
    return {(plain(type_), plain(value.encode("utf-8", "backslashreplace").decode())) for type_, value in every}


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.booleans(), st.lists(items, max_size=4)), max_size=6))
def test_traits_have_the_items_that_counting_gives(steps: list[tuple[bool, list[Item]]]) -> None:
    wanted: dict[tuple[str, str, str], Item] = {}
    with TemporaryDirectory() as folder, Record(Path(folder), write=True) as record:
        for adding, some in steps:
            if adding:
                record.put([(item, 0) for item in some])
                wanted |= {(item.kind, item.source, item.token): item for item in some}
            else:
                gone = [record.number(item.kind, item.source, item.token) for item in some]
                record.forget(number for number in gone if number is not None)
                for item in some:
                    wanted.pop((item.kind, item.source, item.token), None)
        by_kind: dict[tuple[str, str], set[int]] = defaultdict(set)
        for key, item in wanted.items():
            number = record.number(*key)  # type: ignore[arg-type]
            assert number is not None
            assert record.items([number]) == [item]
            for kind in kinds_of(item):
                by_kind[kind].add(number)
        found = {(plain(t.type), plain(t.value)): t for t in record.traits()}
        assert found.keys() == by_kind.keys()
        for kind, trait in found.items():
            assert set(record.having(trait.kind).tolist()) == by_kind[kind]
            assert trait.items == len(by_kind[kind])
        assert record.count() == len(wanted)


@settings(deadline=None)
@given(item=items)
def test_an_item_comes_back_as_it_was(item: Item) -> None:
    assert item_of(item.row()) == item


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_words_are_plain_once_and_for_all(text: str) -> None:
    assert words_of(plain(text)) == words_of(text)
    assert plain(text.upper()) == plain(text.upper().lower())


def test_scripts_without_blanks_are_found_by_parts() -> None:
    assert words_of("紫色帽子") == ["紫色", "色帽", "帽子"]
    assert words_of("Crème brûlée, ﬁne") == ["creme", "brulee", "fine"]


def test_a_file_that_is_none_of_ours_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"SQLite format 3\0" + bytes(200))
    with pytest.raises(FileDamaged, match="gistchain index --rebuild"):
        Record(tmp_path, write=True)


def test_an_item_that_looks_as_before_keeps_its_vector(tmp_path: Path) -> None:
    first = Item("reference", "cats", "1", owner="0xaa", picture="imports/cats/images/1.png", media="ab")
    with Record(tmp_path, write=True) as record:
        (number,) = record.put([(first, 0)])
        record.add_vectors([(number, b"row")])
        sold = Item("reference", "cats", "1", owner="0xbb", picture="imports/cats/images/1.png", media="ab")
        (sold_number,) = record.put([(sold, 0)])
        assert record.vector_of(sold_number) == b"row"
        other = Item("reference", "cats", "1", owner="0xbb", picture="imports/cats/images/1.png", media="cd")
        (other_number,) = record.put([(other, 0)])
        assert record.vector_of(other_number) is None
        assert record.vector_items().tolist() == [-1]
