"""Every row of the table of models that can run here, plugins included, does what its kind must do.

A new row is tested without a change here. Rows that lack their weights are skipped and say what they lack; tests/hf
runs the classes of the hub models on small checkpoints, by the same checks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from gistchain.collection.known import nouns
from gistchain.errors import RebuildError
from gistchain.models.layered.shelf import Shelf
from gistchain.models.zoo.conformance import LATENT_SIZES, is_picture
from gistchain.models.zoo.inventory import missing
from gistchain.models.zoo.registry import KINDS, entries, load
from gistchain.models.zoo.table import ModelRow
from gistchain.types import Gist, Latent, Pixels
from tests.conformance.checks import CAPTION, CHECKS, SIZES, check_painter, shapes

ROWS = [row for row in entries() if row.kind != "painter"]
PAINTERS = [row for row in entries() if row.kind == "painter"]
READ = [
    ("default", "photo", "A picture of Nouns"),
    ("sketch", "photo", CAPTION),
    ("traits", "thumb8", "A picture of Nouns"),
    ("default", "thumb8", "A picture of Nouns"),
    *(("default", "thumb8", f"A picture of {known.subject}") for known in Shelf().collections[:3]),
]
"""Painter, coder whose latents it reads, and a caption for which it does."""


@pytest.fixture
def entry(request: pytest.FixtureRequest) -> ModelRow:
    found: ModelRow = request.param
    _skip_if_missing(found)
    return found


def _skip_if_missing(row: ModelRow) -> None:
    if lacking := missing(row):
        pytest.skip(f"{row.kind} {row.name}: {lacking}")


def _name(row: ModelRow) -> str:
    return f"{row.kind}-{row.name}"


def test_there_is_a_check_for_each_kind() -> None:
    assert set(CHECKS) == set(KINDS)


@pytest.mark.parametrize("entry", ROWS, ids=_name, indirect=True)
def test_it_does_what_its_kind_must_do(entry: ModelRow) -> None:
    CHECKS[entry.kind](load(entry.kind, entry.name))


@pytest.mark.parametrize("entry", PAINTERS, ids=_name, indirect=True)
def test_it_paints_as_a_painter_must(entry: ModelRow) -> None:
    check_painter(load(entry.kind, entry.name), _gist())


@pytest.mark.parametrize("entry", PAINTERS, ids=_name, indirect=True)
def test_a_latent_is_painted_from_or_refused(entry: ModelRow) -> None:
    """Each coder's latents, whole and cut: a painter reads them, does without, or says that it can't."""
    painter, gist = load(entry.kind, entry.name), _gist()
    latents = _latents()
    assert latents, "no coder can run here"
    for latent in latents:
        for data in (latent.data, latent.data[: len(latent.data) // 2], b""):
            told = replace(gist, latent=Latent(latent.coder, data))
            for strength in (0.0, 0.5):
                try:
                    (image,) = painter.paint(told, [0], strength)
                except RebuildError:
                    continue
                assert image.shape == (48, 64, 3)


@pytest.mark.parametrize(("painter", "coder", "caption"), READ)
def test_a_painter_starts_from_the_latents_of_a_coder_that_it_knows(painter: str, coder: str, caption: str) -> None:
    """Two pictures of one caption, coded: what is painted from either latent looks more like that picture."""
    for kind, name in (("painter", painter), ("latent-coder", coder)):
        _skip_if_missing(next(row for row in entries() if (row.kind, row.name) == (kind, name)))
    model, makes = load("painter", painter), load("latent-coder", coder)
    gist = Gist((caption,), (64, 64))
    coded = model.paint(gist, [1, 2])
    latents = [makes.encode(image, LATENT_SIZES[0]) for image in coded]
    for strength, below in ((0.0, 0.7), (0.5, 0.9)):
        painted = [is_picture(model.paint(replace(gist, latent=one), [3], strength)[0], gist.size) for one in latents]
        apart = [[float(abs(_squares(a) - _squares(b)).mean()) for b in coded] for a in painted]
        assert apart[0][0] + apart[1][1] < below * (apart[0][1] + apart[1][0]), f"strength {strength}"


def _squares(image: Pixels) -> NDArray[np.float64]:
    """(8, 8, 3) mean colours of a picture of 64 x 64."""
    squares: NDArray[np.float64] = image.reshape(8, 8, 8, 8, 3).mean((1, 3))
    return squares


def _latents() -> list[Latent]:
    image = shapes(9, SIZES[2])
    coders = [load(row.kind, row.name) for row in ROWS if row.kind == "latent-coder" and not missing(row)]
    return [coder.encode(image, LATENT_SIZES[0]) for coder in coders]


def _gist() -> Gist:
    token = nouns.tokens(nouns.sample(1, rng=np.random.default_rng(5), held=False))
    return Gist((token.caption(0),), (64, 48))
