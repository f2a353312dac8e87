"""What a TextEmbedder with real weights must do beyond the shape of its vectors."""

from __future__ import annotations

import pytest

from gistchain.models.zoo.inventory import missing
from gistchain.models.zoo.registry import entries, load
from gistchain.types import TextEmbedder

NAMES = [row.name for row in entries() if row.kind == "text-embedder"]


@pytest.fixture(params=NAMES)
def embedder(request: pytest.FixtureRequest) -> TextEmbedder:
    (row,) = (row for row in entries() if (row.kind, row.name) == ("text-embedder", request.param))
    if lacking := missing(row):
        pytest.skip(f"{row.name}: {lacking}")
    made: TextEmbedder = load(row.kind, row.name)
    return made


def test_like_texts_are_nearer_than_unlike_ones(embedder: TextEmbedder) -> None:
    a, b, c = embedder.embed(["a small dog", "a little puppy", "quarterly tax report"])
    assert a @ b > a @ c
