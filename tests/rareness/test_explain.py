"""The page that shows why: self-contained, safe to open, and it says what was found."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gistchain.image import read_image
from gistchain.rareness.explain import card, page
from gistchain.rareness.words import reason
from gistchain.types import Picture, Rareness, Region, Transform, WebMatch, WebSearch
from tests.support.pictures import encoded, picture
from tests.support.plain_checker import PlainChecker

EVIL = '<script>alert("1")</script><img src=x onerror=alert(2)>'


class Page(HTMLParser):
    """Tags with their attributes, and the words that are shown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._words: list[str] = []
        self.feed(text)
        self.words = re.sub(r"\s+", " ", "".join(self._words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def found() -> Rareness:
    return PlainChecker(picture(1), picture(2)).check(picture(1))


def explained(*results: tuple[Picture, Rareness]) -> str:
    return page([card(picture, rareness) for picture, rareness in results])


def changed(found: Rareness, **nearest: Any) -> Rareness:
    assert found.nearest is not None
    return replace(found, nearest=replace(found.nearest, **nearest))


def test_it_shows_source_transform_map_and_figures(found: Rareness) -> None:
    words = Transform((1, 0, 0, 0, 1, 0, 0, 0, 1), True, ("mirrored", "turned by 12 degrees"))
    regions = (Region(0.1, 0.2, 0.5, 0.6, "extra", 0.9),)
    found = changed(found, transform=words, regions=regions, traits=("head: fox, not ape",), token=7)
    shown = Page(explained((picture(1), replace(found, score=0.03, interval=(0.01, 0.2)))))
    for said in (
        "Copy of token 7 (1.png)", "turned by 12 degrees", "head: fox, not ape", "Rareness 0.03", "0.01 and 0.20",
        found.hashes.pdq, picture(1).sha3_256.hex(), "residual", "pearson", "neutral", "among 2 registered",
    ):  # fmt: skip
        assert said in shown.words, said
    assert shown.words.count("mirrored") == 1
    assert len(shown.all("img")) == 4
    (box,) = (a for a in shown.all("div") if a.get("class") == "region extra")
    assert box["style"] == "left:10.00%;top:20.00%;width:40.00%;height:40.00%"


def test_the_map_is_hot_where_the_two_differ(found: Rareness) -> None:
    assert found.nearest is not None
    differences = np.zeros(found.nearest.registered.shape[:2], np.float32)
    differences[:96, :96] = 0.8
    shown = Page(explained((picture(1), changed(found, differences=differences))))
    source = shown.all("img")[3]["src"]
    assert source is not None
    with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    hot, cold = pixels[10:80, 10:80], pixels[110:180, 110:180]
    assert (hot[..., 0] - hot[..., 2]).mean() > 60
    assert np.abs(cold[..., 0] - cold[..., 2]).mean() < 8


def test_nothing_is_fetched_and_nothing_runs(found: Rareness) -> None:
    matches = (
        WebMatch("https://example.org/a.jpg", "https://example.org/p", EVIL, 0.9),
        WebMatch("javascript:alert(1)"),
    )
    found = replace(
        changed(found, name=EVIL, collection=EVIL, traits=(EVIL,)),
        reason=EVIL,
        web=(WebSearch(EVIL, 2**70, matches, 1),),
    )
    evil = read_image(_png(), EVIL + "\udcff\n")
    shown = Page(explained((evil, found), (evil, replace(found, verdict="unsure"))))
    assert shown.all("script") == shown.all("iframe") == shown.all("link") == []
    assert not [a for _, a in shown.tags if any(name.startswith("on") for name in a)]
    assert all((a["src"] or "").startswith("data:image/webp;base64,") for a in shown.all("img"))
    assert {a["href"] for a in shown.all("a")} == {"https://example.org/p"}
    assert {a["http-equiv"]: a["content"] for a in shown.all("meta") if "http-equiv" in a} == {
        "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    }
    assert EVIL in shown.words


@pytest.mark.parametrize("verdict", ["original", "sibling", "derivative", "copy", "unsure"])
def test_every_verdict_has_its_words(verdict: Any, found: Rareness) -> None:
    title = {"original": "Original", "unsure": "Copy or sibling of token 1 (1.png): cannot tell"}
    text = explained((picture(1), replace(found, verdict=verdict)))
    (heading,) = re.findall("<h1>(.*?)</h1>", text)
    assert heading == title.get(verdict, f"{verdict.capitalize()} of token 1 (1.png)")


def test_a_blank_picture_is_given_no_score(found: Rareness) -> None:
    said = reason("blank", None, 0)
    blank = replace(found, verdict="blank", score=0.5, interval=(0.0, 1.0), reason=said, nearest=None)
    shown = Page(explained((picture(1), blank)))
    assert "Nothing to compare" in shown.words
    assert said in shown.words
    assert not any("Rareness 0.5" in word for word in shown.words)


def test_an_empty_database_is_explained_too() -> None:
    found = PlainChecker().check(picture(1))
    shown = Page(explained((picture(1), replace(found, reason=reason(found.verdict, None, 0)))))
    assert shown.words.count("Nothing is registered that it could be compared with.") == 1
    assert len(shown.all("img")) == 1


def _png() -> bytes:
    return encoded(Image.new("RGB", (1, 3000), "red"))
