"""Every row of the table of models that can run here, plugins included, does what its kind must do.

A new row is tested without a change here. Rows that lack their weights are skipped and say what they lack; tests/hf
runs the classes of the hub models on small checkpoints, by the same checks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gistchain.collection.known import nouns
from gistchain.errors import RebuildError
from gistchain.models.zoo.conformance import LATENT_SIZES
from gistchain.models.zoo.inventory import missing
from gistchain.models.zoo.registry import KINDS, entries, load
from gistchain.models.zoo.table import ModelRow
from gistchain.types import Gist, Latent
from tests.conformance.checks import CHECKS, SIZES, check_painter, picture

ROWS = [row for row in entries() if row.kind != "painter"]
PAINTERS = [row for row in entries() if row.kind == "painter"]


@pytest.fixture
def entry(request: pytest.FixtureRequest) -> ModelRow:
    found: ModelRow = request.param
    if lacking := missing(found):
        pytest.skip(f"{found.kind} {found.name}: {lacking}")
    return found


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
    for latent in _latents():
        for data in (latent.data, latent.data[: len(latent.data) // 2], b""):
            told = replace(gist, latent=Latent(latent.coder, data))
            for strength in (0.0, 0.5):
                try:
                    (image,) = painter.paint(told, [0], strength)
                except RebuildError:
                    continue
                assert image.shape == (48, 64, 3)


def _latents() -> list[Latent]:
    image = picture(9, SIZES[2])
    coders = [load(row.kind, row.name) for row in ROWS if row.kind == "latent-coder" and not missing(row)]
    return [coder.encode(image, LATENT_SIZES[0]) for coder in coders]


def _gist() -> Gist:
    token = nouns.tokens(nouns.sample(1, rng=np.random.default_rng(5), held=False))
    return Gist((token.caption(0),), (64, 48))
