"""The evidence document: the same bytes for the same finding, other bytes for any other."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gistchain.errors import RarenessError
from gistchain.rareness.evidence import CHECKER, document, nearest_json, read, ticket
from gistchain.types import Rareness, Region, Transform, WebMatch, WebSearch
from tests.support.pictures import picture
from tests.support.plain_checker import PlainChecker

SHA3 = picture(3).sha3_256


@pytest.fixture(scope="module")
def found() -> Rareness:
    web = (WebSearch("tineye", 1_790_000_000, (WebMatch("https://example.org/\ud800.jpg", similarity=0.5),), 1),)
    return PlainChecker(picture(1), picture(2), web=web).check(picture(3))


def test_the_document_is_canonical(found: Rareness) -> None:
    raw = document(SHA3, found)
    assert raw == document(SHA3, found)
    assert raw.isascii()
    assert json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":")).encode() == raw


def test_no_number_in_it_is_a_fraction(found: Rareness) -> None:
    def no_fraction(text: str) -> None:
        raise AssertionError(text)

    fields = json.loads(document(SHA3, found), parse_float=no_fraction)
    assert fields["score"] == round(10_000 * found.score)
    assert fields["web"][0]["matches"][0]["similarity"] == 5000
    assert found.nearest is not None
    assert fields["nearest"]["image_sha3_256"] == found.nearest.sha3_256.hex()


def test_the_nearest_image_is_read_back_as_check_prints_it(found: Rareness) -> None:
    assert found.nearest is not None
    nearest = replace(found.nearest, pearson=0.98765, regions=(Region(0.1, 0.2, 0.5, 0.6, "extra", 0.9),))
    raw = document(SHA3, replace(found, nearest=nearest))
    assert read(raw)["nearest"] == nearest_json(nearest)
    assert nearest_json(nearest)["pearson"] == 0.9876
    assert nearest_json(nearest)["regions"] == [{"box": [0.1, 0.2, 0.5, 0.6], "kind": "extra", "share": 0.9}]


def test_a_document_is_read_with_shares_from_0_to_1(found: Rareness) -> None:
    raw = document(SHA3, replace(found, score=0.25, interval=(0.2, 0.3)))
    fields = read(raw)
    assert fields.keys() == json.loads(raw).keys()
    assert (fields["score"], fields["interval"]) == (0.25, [0.2, 0.3])
    assert fields["web"][0]["matches"][0]["similarity"] == 0.5
    for damaged in (b"", b"{}", b"[]", b"null", raw[:-1]):
        with pytest.raises(RarenessError, match="no evidence document"):
            read(damaged)


def test_noise_in_the_last_bits_changes_nothing(found: Rareness) -> None:
    noise = np.random.default_rng(0).uniform(-1e-6, 1e-6, found.fingerprint.shape).astype(np.float32)
    steps = np.rint(found.fingerprint * 16) / 16  # not at the border of two steps
    one = replace(found, fingerprint=steps.astype(np.float32), score=0.1234)
    other = replace(one, fingerprint=(steps + noise).astype(np.float32), score=0.1234 + 1e-9, reason="in other words")
    assert document(SHA3, one) == document(SHA3, other)


def test_whatever_is_found_otherwise_gives_another_document(found: Rareness) -> None:
    assert found.nearest is not None
    fingerprint = found.fingerprint.copy()
    fingerprint[7] += 1
    nearest = found.nearest
    others: list[dict[str, Any]] = [
        {"score": found.score + 0.001},
        {"verdict": "unsure"},
        {"interval": (0.0, 1.0)},
        {"compared_with": 3},
        {"fingerprint": fingerprint},
        {"fingerprint_version": "2"},
        {"web": None},
        {"web": ()},
        {"nearest": None},
        {"nearest": replace(nearest, token=9)},
        {"nearest": replace(nearest, traits=("hat",))},
        {"nearest": replace(nearest, transform=Transform(nearest.transform.matrix, True, ("mirrored",)))},
        {"hashes": replace(found.hashes, neuralhash="00" * 12)},
        {"content": replace(found.content, open_nsfw=0.5)},
        {"subscores": {}},
    ]
    documents = [document(SHA3, found), document(bytes(32), found)]
    documents += [document(SHA3, replace(found, **changed)) for changed in others]
    assert len(set(documents)) == len(others) + 2


def test_the_ticket_names_the_document(found: Rareness) -> None:
    raw = document(SHA3, found)
    written = ticket(replace(found, score=0.12345678), raw, as_of=77)
    assert written.score == 0.1235
    assert (written.checker, written.as_of, written.compared_with) == (CHECKER, 77, found.compared_with)
    assert read(raw)["checker"] == CHECKER
    assert written.verdict == found.verdict
    assert written.evidence == hashlib.sha3_256(raw).digest()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_no_evidence(bad: float, found: Rareness) -> None:
    with pytest.raises(RarenessError, match="can't be evidence"):
        document(SHA3, replace(found, score=bad))


def test_what_strangers_write_makes_no_document_long(found: Rareness) -> None:
    long = WebMatch("https://example.org/" + "\u00e9" * 100_000, "p" * 100_000, "t" * 100_000, 0.5)
    raw = document(SHA3, replace(found, web=(WebSearch("a", 1, (long,) * 1_000, 100),)))
    assert len(raw) < 200_000
    assert len(read(raw)["web"][0]["matches"]) == 10
