"""Words of traits in English: by the packaged table, by files, and what nobody knows."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import pytest

from gistchain.collection.captions.make import How, caption_collection
from gistchain.collection.captions.rows import rows
from gistchain.collection.captions.translate import Translated, Translator, folded, packaged, table_of
from gistchain.errors import CollectionError
from tests.support.collections import put_plain


def test_no_two_languages_of_the_packaged_table_disagree() -> None:
    text = resources.files("gistchain.collection.captions").joinpath("words.toml").read_text("utf-8")
    seen: dict[str, str] = {}
    languages = tomllib.loads(text)
    assert len(languages) == 8
    for words in languages.values():
        assert len(words) >= 25
        for english, originals in words.items():
            for original in originals:
                assert seen.setdefault(folded(original), english) == english, original
    assert not set(seen) & set(map(folded, languages["chinese"]))  # none is an English word of the table


@pytest.mark.parametrize(
    ("type_", "value", "english"),
    [
        ("背景", "红色", "red background"),
        ("目", "青い", "blue eyes"),
        ("배경", "파란색", "blue background"),
        ("Ojos", "ROJO", "red eyes"),
        ("Lunettes", "Noir", "black glasses"),
        ("Hintergrund", "grün", "green background"),
        ("Fundo", "amarelo", "yellow background"),
        ("Глаза", "красные", "red eyes"),
    ],
)
def test_common_words_of_eight_languages_are_known(type_: str, value: str, english: str) -> None:
    done = Translator([packaged()]).trait(type_, value)
    assert f"{done.value} {done.type}" == english
    assert done.by == "words"


def test_what_no_table_knows_stays_and_is_counted() -> None:
    translator = Translator([packaged()])
    assert translator.trait("Fell", "getigert") == Translated("Fell", "getigert", "")
    translator.trait("Fell", "red")
    assert translator.unknown == {"Fell": 2, "getigert": 1}  # "red" is English already


FILES = {
    "t.csv": "original,english,type\nRouge,red,\nKaro,checked,Hemd\nKaro,diamond,\n",
    "t.json": '{"Rouge": "red", "Karo": "diamond", "Hemd": {"Karo": "checked"}}',
    "t.toml": 'Rouge = "red"\nKaro = "diamond"\n[Hemd]\nKaro = "checked"\n',
}


@pytest.mark.parametrize("name", FILES)
def test_a_table_of_ones_own_may_tell_words_of_a_type_apart(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FILES[name], "utf-8")
    table = table_of(tmp_path / name)
    assert table.of("", "ROUGE ") == "red"
    assert table.of("hemd", "Karo") == "checked"
    assert table.of("Hut", "Karo") == "diamond"
    assert table.of("Hut", "Hose") is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "a,b\n1,2\n", "columns original and english"),
        ("t.csv", "original,english\n", "translates nothing"),
        ("t.csv", 'original,english\nx,"a, b"\n', "has a comma"),
        ("t.csv", "original,english\nx,\n", "is empty"),
        ("t.json", '{"x": 3}', "not translated by a text"),
        ("t.json", "[1]", "not an object"),
        ("t.json", "{" * 500, "can't be read"),
        ("t.json", '{"x": "a\\u202eb"}', "not one plain line"),
        ("t.json", '{"x": "красный"}', "Latin"),
        ("t.toml", "x = [", "can't be read"),
        ("t.toml", "a=" + "[" * 100_000, "nested more than 100 deep"),
        ("t.toml", ".".join("a" * 5_000) + "='x'", "nested more than 100 deep"),
        ("t.toml", f'x = "{"a" * 121}"', "longer than 120"),
    ],
)
def test_a_table_that_cant_be_used_is_refused(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(CollectionError, match=message):
        table_of(tmp_path / name)


def test_a_table_that_is_missing_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(CollectionError, match="can't read the table"):
            table_of(path)


def test_the_original_stays_beside_the_translation(tmp_path: Path) -> None:
    folder = put_plain(tmp_path, "katzen", [(("Augen", "blau"), ("Hut", "无"))], subject="Katzen")
    done = caption_collection(folder, How(tables=(packaged(),)))
    (row,) = rows(folder)
    assert row.caption == "A picture of Katzen, containing blue eyes"  # and no hat
    assert row.original == (("Augen", "blau"), ("Hut", "无"))
    assert row.traits == (("eyes", "blue", "words"), ("Hut", "none", "words"))
    assert done.unknown == {"Hut": 1}
