"""What every TextEmbedder must do."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.models.minilm import MiniLM
from gistchain.types import TextEmbedder


@pytest.fixture(params=[MiniLM])
def embedder(request: pytest.FixtureRequest) -> TextEmbedder:
    made: TextEmbedder = request.param()
    return made


def test_it_is_a_text_embedder(embedder: TextEmbedder) -> None:
    assert isinstance(embedder, TextEmbedder)


def test_vectors_are_of_length_one(embedder: TextEmbedder) -> None:
    vectors = embedder.embed(["a dog", "", "\N{DOG FACE}", "word " * 2000])
    assert vectors.dtype == np.float32
    assert vectors.shape[0] == 4
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_like_texts_are_nearer_than_unlike_ones(embedder: TextEmbedder) -> None:
    a, b, c = embedder.embed(["a small dog", "a little puppy", "quarterly tax report"])
    assert a @ b > a @ c


def test_no_texts_give_no_vectors(embedder: TextEmbedder) -> None:
    assert len(embedder.embed([])) == 0
