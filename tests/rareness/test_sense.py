"""Sense's object: exactly its keys, types and order, whatever was found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from gistchain.errors import ImageError, RarenessError
from gistchain.rareness.service.sense import refusal, sense
from gistchain.types import Rareness, WebMatch, WebSearch
from tests.support.pictures import picture
from tests.support.plain_checker import PlainChecker
from tests.support.senses import FILE, SCHEMA, STRICT

# The example of Sense's documentation; of the fingerprint its first numbers, repeated.
EXAMPLE = """{
"dupe_detection_system_version": "1.0",
"hash_of_candidate_image_file": "00d201498d114d3ecddc8c3a53e0a50605cfc4f7f00d0b51a035435b933597de",
"is_likely_dupe": 0,
"overall_average_rareness_score": 0.9397604155043761,
"is_rare_on_internet": 0,
"matches_found_on_first_page": 3,
"number_of_pages_of_results": 2,
"url_of_first_match_in_page": "https://www.wga.hu/art/l/le_pautr/jean/vasecart.jpg",
"open_nsfw_score": 0.003387457923963666,
"alternative_nsfw_scores": {"drawings": 0.0073842271231114864, "hentai": 0.01797575317323208, "neutral":
 0.9581771492958069, "porn": 0.006965779699385166, "sexy": 0.0094971414655447},
"image_hashes": {"pdq_hash": "81d39ce6434f5993850c671d5c93b27cfa3098c3a37c79c95fd2262e68ac55d1",
 "perceptual_hash": "a5451a3aa5c99f65", "average_hash": "0426727343862107", "difference_hash": "8d6cc686862ce9af",
 "neuralhash_hash": "a8d5bdc438dbe150084b56d2"},
"image_fingerprint_of_candidate_image_file": "[0.056579, 0.109756, 0.0, 0.158492]"
}"""


@pytest.fixture(scope="module")
def found() -> Rareness:
    return PlainChecker(picture(1), picture(2)).check(picture(1))


def shape(value: Any) -> Any:
    """Keys in order, and types."""
    return [(key, shape(inner)) for key, inner in value.items()] if isinstance(value, dict) else type(value)


def test_keys_types_and_order_are_those_of_senses_own_example(found: Rareness) -> None:
    found = replace(found, hashes=replace(found.hashes, neuralhash="a8d5bdc438dbe150084b56d2"))
    ours = json.loads(json.dumps(sense(picture().sha3_256, found)))
    assert shape(ours) == shape(json.loads(EXAMPLE))
    STRICT.validate(ours)


def test_senses_own_example_is_valid_but_for_its_shortened_fingerprint_and_version() -> None:
    theirs = json.loads(EXAMPLE)
    assert {error.path[0] for error in STRICT.iter_errors(theirs)} == {
        "dupe_detection_system_version", "image_fingerprint_of_candidate_image_file",
    }  # fmt: skip


def test_a_copy_is_a_likely_dupe(found: Rareness) -> None:
    fields = sense(picture().sha3_256, found)
    assert fields["is_likely_dupe"] == 1
    assert fields["overall_average_rareness_score"] == 0
    assert fields["hash_of_candidate_image_file"] == picture().sha3_256.hex()
    assert fields["image_hashes"]["neuralhash_hash"] is None


@pytest.mark.parametrize(
    ("verdict", "score", "dupe"),
    [
        ("original", 0.9, 0),
        ("sibling", 0.4, 0),
        ("derivative", 0.6, 1),
        ("copy", 0.1, 1),
        ("unsure", 0.4, 1),
        ("unsure", 0.5, 0),
        ("blank", 0.5, 0),
    ],
)
def test_what_counts_as_a_dupe(verdict: Any, score: float, dupe: int, found: Rareness) -> None:
    fields = sense(b"\0" * 32, replace(found, verdict=verdict, score=score))
    assert fields["is_likely_dupe"] == dupe
    STRICT.validate(fields)


def test_the_fingerprint_is_a_list_in_a_string_with_six_decimals(found: Rareness) -> None:
    numbers = found.fingerprint.copy()
    numbers[:6] = [0.00687, 0.0, -0.0, 1e-7, 5e-5, -12.3456789]
    text = sense(b"\0" * 32, replace(found, fingerprint=numbers))["image_fingerprint_of_candidate_image_file"]
    assert text.startswith("[0.00687, 0.0, 0.0, 0.0, 0.00005, -12.345679, ")
    assert len(json.loads(text)) == 10_048
    assert np.abs(np.array(json.loads(text)) - numbers).max() <= 5.1e-7


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_fingerprint_that_is_none_is_not_written(bad: float, found: Rareness) -> None:
    numbers = found.fingerprint.copy()
    numbers[5] = bad
    with pytest.raises(RarenessError):
        sense(b"\0" * 32, replace(found, fingerprint=numbers))
    with pytest.raises(RarenessError):
        sense(b"\0" * 32, replace(found, fingerprint=found.fingerprint[:-1]))


def internet(found: Rareness, *searches: WebSearch) -> list[Any]:
    fields = sense(b"\0" * 32, replace(found, web=searches))
    STRICT.validate(fields)
    keys = (
        "is_rare_on_internet",
        "matches_found_on_first_page",
        "number_of_pages_of_results",
        "url_of_first_match_in_page",
    )
    return [fields[key] for key in keys]


def test_not_searched_differs_from_searched_and_nothing_found(found: Rareness) -> None:
    fields = sense(b"\0" * 32, replace(found, web=None))
    STRICT.validate(fields)
    assert list(fields.values())[4:8] == [0, 0, 0, ""]
    assert internet(found) == [0, 0, 0, ""]  # no provider answered
    assert internet(found, WebSearch("tineye", 1, (), 0)) == [1, 0, 0, ""]


def test_matches_of_several_providers_are_summed_and_counted_once(found: Rareness) -> None:
    a, b, c = (WebMatch(f"https://example.org/{name}.jpg") for name in "abc")
    one, other = WebSearch("tineye", 1, (a, b), 2), WebSearch("crawl", 2, (b, c), 1)
    assert internet(found, one, other) == [0, 3, 3, "https://example.org/a.jpg"]
    assert internet(found, WebSearch("none", 1, (), 0), other) == [0, 2, 1, "https://example.org/b.jpg"]


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "https://", "https://a b", "https://a\n", "http://[::1", "x" * 9000, "HTTP://A/\u202e"],
)
def test_an_address_that_can_not_be_followed_is_not_passed_on(url: str, found: Rareness) -> None:
    good = WebMatch("https://example.org/a.jpg")
    assert internet(found, WebSearch("crawl", 1, (WebMatch(url),), 1)) == [0, 1, 1, ""]
    assert internet(found, WebSearch("crawl", 1, (WebMatch(url), good), 1))[3] == good.url


@given(st.text(st.characters(exclude_categories=())))
def test_any_reason_of_a_refusal_makes_a_valid_object(text: str) -> None:
    fields = json.loads(json.dumps(refusal(b"\1" * 32, ImageError(text))))
    SCHEMA.validate(fields)
    assert fields["error"].isprintable()
    assert fields["kind"] == "ImageError"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: f.pop("is_likely_dupe"),
        lambda f: f.update(extra=1),
        lambda f: f.update(is_likely_dupe=2),
        lambda f: f.update(overall_average_rareness_score=1.01),
        lambda f: f.update(overall_average_rareness_score=None),
        lambda f: f.update(matches_found_on_first_page=-1),
        lambda f: f.update(url_of_first_match_in_page="ftp://example.org"),
        lambda f: f.update(hash_of_candidate_image_file="AB" * 32),
        lambda f: f.update(image_fingerprint_of_candidate_image_file=[0.0] * 10_048),
        lambda f: f.update(image_fingerprint_of_candidate_image_file="[" + ", ".join(["0.0"] * 10_047) + "]"),
        lambda f: f["image_hashes"].update(pdq_hash="0"),
        lambda f: f["image_hashes"].update(neuralhash_hash=""),
        lambda f: f["alternative_nsfw_scores"].pop("sexy"),
        lambda f: f.update(error="and yet an error"),
    ],
)
def test_the_schema_refuses_everything_else(spoil: Callable[[dict[str, Any]], object], found: Rareness) -> None:
    fields = sense(picture().sha3_256, found)
    spoil(fields)
    with pytest.raises(ValidationError):
        SCHEMA.validate(fields)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(FILE)
