"""Hits: what was asked for comes first, filters hold, and each says why it is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gistchain.errors import SettingError
from gistchain.search.find import Filters, Found, Wanted, find
from gistchain.search.index import Index
from gistchain.search.items import Item
from gistchain.search.pictures import ROWS, Vectors
from gistchain.search.query import understood
from gistchain.search.record import NAME, Record
from gistchain.settings import Settings
from tests.search.conftest import COUNT, some_punks


@pytest.fixture(scope="module")
def index(made: Path) -> Iterator[Index]:
    with Index(Settings(made)) as opened:
        yield opened


def found(index: Index, text: str, filters: Filters = Filters(), without: str = "", count: int = 10) -> Found:  # noqa: B008
    query = understood(text, index.record)
    vector = index.embedder.text.embed([", ".join(map(str, query.phrases))])[0]
    banned = understood(without, index.record) if without else None
    return find(index.record, index.vectors, Wanted(query, vector, without=banned), filters, count)


def has(item: Item, *values: str) -> bool:
    return set(values) <= {value for _, value in item.traits}


def test_tokens_that_have_all_come_before_those_that_have_some(index: Index) -> None:
    tokens = some_punks()
    for number in range(0, COUNT, 7):
        said = {one["value"] for one in tokens.traits.attributes(tokens.labels[number].tolist())}
        hits = found(index, ", ".join(sorted(said))).hits
        whole = [has(hit.item, *said) for hit in hits]
        assert whole[0]
        assert whole == sorted(whole, reverse=True)
        assert any("looks: cosine" in why for why in hits[0].why)
        assert hits[0].named == pytest.approx(1, abs=0.3)


def test_filters_hold_for_every_hit(index: Index) -> None:
    male = found(index, "earring", Filters(traits=(("type", "male"),)), count=COUNT)
    assert male.hits
    assert all(has(hit.item, "male") for hit in male.hits)
    assert male.items == sum(has(item, "male") for item in index.record.items(list(range(1, COUNT + 1))))
    assert found(index, "earring", Filters(traits=(("", "MALE"),))).items == male.items
    assert not found(index, "earring", Filters(collection="nouns")).hits
    assert found(index, "earring", Filters(collection="Crypto Punks")).items == COUNT
    assert not found(index, "earring", Filters(kind="token")).hits
    assert not found(index, "earring", Filters(traits=(("type", "no such"),))).hits


def test_not_leaves_out_what_has_it(index: Index) -> None:
    hits = found(index, "earring", without="male", count=COUNT).hits
    assert hits
    assert not any(has(hit.item, "male") for hit in hits)


def test_what_looks_the_same_and_has_the_same_traits_is_one_hit(home: Path) -> None:
    with Index(Settings(home)) as index:
        (first,) = index.record.items([1])
        copy = replace(first, source="copies", token="7", media="ff")
        (number,) = index.record.put([(copy, 0)])
        index.vectors.add([number], index.vectors.of(1)[None])  # type: ignore[index]
        index.record.put([(replace(copy, token="8", subject="Others"), 0)])
        hits = found(index, ", ".join(value for _, value in first.traits), count=3).hits
    assert {one.token for one in (hits[0].item, *hits[0].same)} == {first.token, "7"}
    assert [hit.item.token for hit in hits].count("7") + [hit.item.token for hit in hits].count(first.token) == 1


def test_cosines_are_those_of_the_vectors_within_the_error(index: Index) -> None:
    rng = np.random.default_rng(1)
    with Record(index.settings.home) as record:
        pictures = Vectors(record, index.settings.home, "joint-default", 1000)
        asked = rng.standard_normal((3, 1000)).astype(np.float32)
        asked /= np.linalg.norm(asked, axis=1, keepdims=True)
        scanned = pictures.scan(asked)
        vectors = np.stack([pictures.of(int(item)) for item in scanned.items])  # type: ignore[misc]
    assert scanned.items.tolist() == list(range(1, COUNT + 1))
    assert np.abs(scanned.cosines - asked @ vectors.T).max() <= scanned.error < 0.05


@pytest.mark.parametrize("harm", ["gone", "cut", "flipped", "another"])
def test_the_file_of_rows_is_mended_from_the_record(home: Path, harm: str) -> None:
    settings = Settings(home)
    with Index(settings) as index:
        whole = found(index, "earring").hits
    rows = home / ROWS
    data = bytearray(rows.read_bytes())
    if harm == "gone":
        rows.unlink()
    elif harm == "cut":
        rows.write_bytes(data[: 4096 + 5 * 1088 + 77])
    else:
        place = 4096 + 3 * 1088 + 500 if harm == "flipped" else 20
        data[place] ^= 1
        rows.write_bytes(data)
    with Index(settings) as index:
        assert found(index, "earring").hits == whole


def test_two_processes_that_index_the_same_pictures_do_it_once(home: Path) -> None:
    with Index(Settings(home)) as one, Index(Settings(home)) as other:
        before = found(one, "earring").hits
        vectors = np.stack([one.vectors.of(k) for k in (1, 2)])  # type: ignore[misc]
        other.vectors.add([2, 1], -vectors)
        assert found(other, "earring").hits == before
        (number,) = one.record.put([(Item("token", "evm:1:0xaa", "1", traits=(("ear", "earring"),)), 0)])
        one.vectors.add([1, number], vectors)
        other.vectors.add([number], -vectors[:1])
        assert np.allclose(other.vectors.of(number), one.vectors.of(number))
        assert found(other, "earring").items == COUNT + 1


def test_vectors_of_another_model_are_refused_with_the_remedy(home: Path) -> None:
    with Record(home) as record, pytest.raises(SettingError, match="gistchain index --rebuild"):
        Vectors(record, home, "clip", 512)


def test_a_crop_of_a_mirrored_picture_finds_its_source(index: Index) -> None:
    from gistchain.image import read_image
    from gistchain.types import Picture

    whole = read_image(index.settings.home / "imports/cryptopunks/images/17.png").pixels
    crop = np.ascontiguousarray(whole[8:, 20:][:, ::-1])
    sources = index.sources(Picture(crop, bytes(32), crop.shape[1::-1], "crop"))
    (best,) = index.record.items([sources[0][0]])
    assert best.token == "17"
    assert "mirrored" in sources[0][1]


def test_without_an_index_nothing_is_found(tmp_path: Path) -> None:
    with Record(tmp_path) as empty:
        assert find(empty, None, Wanted(understood("cap", empty)), Filters(), 5).hits == []
    assert not (tmp_path / NAME).exists()
