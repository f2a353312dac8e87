"""What a person is told of a verdict: every verdict has its words, and they name the image that they speak of."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from gistchain.rareness.words import MEANINGS, called, reason, same_reason, verdict_words
from gistchain.types import Nearest, Region, Transform, Verdict
from tests.rareness.test_sense import picture
from tests.support.plain_checker import PlainChecker

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@pytest.fixture(scope="module")
def nearest() -> Nearest:
    found = PlainChecker(picture(1), picture(2)).check(picture(1)).nearest
    assert found is not None
    return replace(found, token=7, name="a.png")


def test_an_image_is_called_by_its_token_and_its_name() -> None:
    assert (called(1, "a.png"), called(None, "a.png")) == ("token 1 (a.png)", "a.png")


def test_a_verdict_names_the_nearest_image_unless_there_is_no_source() -> None:
    said = {verdict: verdict_words(verdict, "a.png") for verdict in VERDICTS}
    assert said == {
        "original": "original",
        "sibling": "sibling of a.png",
        "derivative": "derivative of a.png",
        "copy": "copy of a.png",
        "unsure": "copy or sibling of a.png: cannot tell",
        "blank": "nothing to compare",
    }
    assert verdict_words("copy", None) == "copy"


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_meaning_and_a_reason(verdict: Verdict, nearest: Nearest) -> None:
    assert MEANINGS[verdict].endswith(".")
    said = reason(verdict, nearest, 1234)
    assert ("token 7 (a.png)" in said) == (verdict != "blank")
    assert said.endswith(".")


def test_a_reason_says_what_was_done_and_where_the_two_differ(nearest: Nearest) -> None:
    mirrored = replace(nearest, transform=Transform(nearest.transform.matrix, True, ("mirrored", "with noise")))
    assert reason("copy", mirrored, 9).startswith("It is token 7 (a.png), mirrored, with noise: ")
    corner = replace(nearest, regions=(Region(0, 0, 0.2, 0.2, "changed", 1),), traits=("hat: red -> blue",))
    assert reason("sibling", corner, 9).endswith("differs from it at the top on the left (hat: red -> blue).")
    assert reason("original", nearest, 1234).startswith("None of 1,234 registered images is its source")
    assert "compared with" in reason("original", None, 0)


def test_the_same_file_and_the_same_picture_are_told_apart(nearest: Nearest) -> None:
    assert same_reason(nearest, "file") == "It is the very same file as token 7 (a.png)."
    assert "in another file" in same_reason(nearest, "picture")
    assert "the same pixels" in same_reason(nearest, "pixels")
