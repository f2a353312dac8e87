"""Names, titles and captions of strangers, long enough that a careless pattern would look at them for days."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from gistchain.collection.folder import listed
from gistchain.collection.metadata import items, without_number
from gistchain.errors import CollectionError
from gistchain.internet.page import read_page
from gistchain.models.diffusers.prompts import parse

LONG = 3_000_000
HATS = ("cap", "crown", "beanie")


def token(number: int) -> dict[str, object]:
    return {"name": f"Cool Cat #{number}", "attributes": [{"trait_type": "Hat", "value": HATS[number % 3]}]}


@pytest.fixture
def cats(tmp_path: Path) -> Path:
    for number in range(60):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.json").write_text(json.dumps(token(number)))
    return tmp_path


@pytest.mark.parametrize("name", [" " * LONG + "x", "1" * LONG + "x", ("# 1" * LONG) + "x", " #" * LONG])
def test_a_long_name_of_a_token_is_cut(cats: Path, name: str) -> None:
    (cats / "7.json").write_text(json.dumps({**token(7), "name": name}))
    assert listed(cats, name="cats").traits.subject == "Cool Cat"
    (cats / "7.json").unlink()
    (cats / "all.json").write_text(json.dumps([{**token(7), "name": name, "image": "7.png"}]))
    assert len(listed(cats, name="cats").tokens) == 60


def test_a_file_name_of_a_million_accents_is_cut(cats: Path) -> None:
    (cats / "7.json").write_text(json.dumps({**token(7), "image": "\u0301\u0316" * 4_000}))
    (cats / "all.json").write_text(json.dumps([{**token(61), "edition": "\u0301\u0316" * LONG}]))
    found = listed(cats, name="cats", skip=True)
    assert [len(item.image) for item in items(cats)[0] if item.name == "7"] == [300]
    assert len(found.tokens) == 60


def test_a_long_value_is_left_out_and_so_are_a_thousand_of_one_type(cats: Path) -> None:
    many = [{"trait_type": "Hat", "value": f"v{n}"} for n in range(1_000)]
    for attributes in ([{"trait_type": "Hat", "value": "v" * LONG}], many):
        (cats / "7.json").write_text(json.dumps({"name": "x", "attributes": attributes}))
        assert any("left out" in note for note in listed(cats, name="cats").notes)
    (cats / "7.json").write_text(json.dumps({"name": "x", "attributes": many * 2}))
    with pytest.raises(CollectionError, match="2,000 attributes"):
        listed(cats, name="cats")


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("Cool Cat #12", ("Cool Cat", "12")),
        ("Cool Cat 12 ", ("Cool Cat", "12")),
        ("Cool Cat # 12", ("Cool Cat", "12")),
        ("Cool Cat#12", ("Cool Cat", "12")),
        ("Cool Cat", ("Cool Cat", "")),
        ("2001", ("", "2001")),
        ("#7", ("", "7")),
        ("", ("", "")),
    ],
)
def test_a_token_is_told_from_its_number(title: str, parts: tuple[str, str]) -> None:
    assert without_number(title) == parts


def test_a_prompt_with_a_long_gap_is_read() -> None:
    assert parse("<lora:a>" + " " * LONG + "x").text == "x"
    assert parse("a, <lora:a>" + " , " * 3).text == "a,  ,  ,"


def test_a_page_of_long_addresses_is_read() -> None:
    tag = b'<img srcset="' + b"a" * 4_000 + b' b">'
    page = read_page(tag * 1_000 + b'<img srcset="x.png 1x, y.png 2x,z.png">', "http://a.example/")
    assert "http://a.example/y.png" in page.images
    assert read_page(b"<script </script" * 200_000, "http://a.example/").images == {}
