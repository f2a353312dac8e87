"""Values that no pixel tells apart: found among tokens that were not learnt from, named together, painted by either."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gistchain.models.layered.learn import learn
from gistchain.models.layered.merge import LONGEST, mapped, merged, relabelled
from gistchain.models.layered.model import SIDE, Layers, pack, to_pixels, unpack
from gistchain.models.layered.painter import labels_of
from gistchain.models.layered.read import Reader
from gistchain.traits import Traits

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Y, X = (np.mgrid[0:SIDE, 0:SIDE] - SIDE / 2 + 0.5).astype(np.float32)
SKIES = {"dawn": (200, 80, 40), "blue": (40, 60, 160), "navy": (44, 57, 155), "lime": (120, 220, 40)}
TRAITS = Traits("dots", "Dot", {"sky": tuple(SKIES), "dot": ("small", "large"), "veil": ("thin",)})


def drawn(row: Labels, rng: np.random.RandomState) -> Floats:
    """A sky, a dot of one of two sizes, and over some a veil of 3 of 255, with the noise that a JPEG leaves."""
    picture = np.empty((SIDE, SIDE, 3), np.float32)
    picture[:] = list(SKIES.values())[row[0] - 1]
    picture[np.hypot(X, Y) < (8 if row[1] == 1 else 20)] = (250, 250, 250)
    picture += 3.0 * (row[2] == 1) + rng.normal(0, 12, picture.shape) + rng.normal(0, 6, 3)
    return (np.clip(picture, 0, 255) / 127.5 - 1).reshape(-1, 3).astype(np.float32)


def tokens(count: int, seed: int) -> tuple[Floats, Labels]:
    rng = np.random.RandomState(seed)
    labels = np.stack([rng.randint(1, 5, count), rng.randint(1, 3, count), rng.randint(0, 2, count)], 1)
    return np.stack([drawn(row, rng) for row in labels]), labels


@pytest.fixture(scope="module")
def dots() -> Layers:
    return unpack(pack(learn(*tokens(120, 0), TRAITS)), "dots")


def test_colours_that_look_alike_are_named_together_and_read_right(dots: Layers) -> None:
    assert dots.traits.values["sky"] == ("dawn", "blue or navy", "lime")
    assert dots.merged["sky"] == {"blue or navy": ("blue", "navy")}
    images, labels = tokens(40, 1)
    true = relabelled(labels, TRAITS, dots)
    read = np.stack([Reader(dots).read(picture).labels for picture in images])
    assert (read[:, :2] == true[:, :2]).all(1).mean() > 0.95
    assert (true[labels[:, 0] == 2, 0] == true[labels[:, 0] == 3, 0][0]).all()


def test_what_looks_different_stays_apart(dots: Layers) -> None:
    assert dots.traits.values["dot"] == ("small", "large")
    assert "dot" not in dots.merged


class NoWords:
    """An embedder that must not be needed."""

    def embed(self, texts: object) -> NDArray[np.float32]:
        raise AssertionError(f"not exact: {texts}")


def test_old_captions_name_the_single_value_still(dots: Layers) -> None:
    for sky in ("navy sky", "Blue Sky", "blue or navy sky"):
        assert labels_of([sky, "large dot"], dots, NoWords()).tolist()[:2] == [2, 2]
    blue, navy = (np.array(SKIES[name]) for name in ("blue", "navy"))
    painted = to_pixels(dots.picture(np.array([2, 1, 0])))[2, 2]
    assert np.abs(painted - (blue + navy) / 2).max() < 12


def test_a_file_without_doubt_and_merged_values_is_read_still(dots: Layers) -> None:
    """As version 0.1 wrote it."""
    import gistchain.models.layered.model as model

    raw = pack(replace(dots, merged={}))
    gate = raw[8 : 8 + int.from_bytes(raw[4:8], "little")]
    arrays = model.opened(raw, "dots")
    head = json.loads(arrays["head"].tobytes())
    del head["merged"]
    head["trust"] = head["trust"][:2]
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    old = unpack(b"".join([raw[:4], len(gate).to_bytes(4, "little"), gate, model._squeezed(arrays)]), "dots")
    assert old.trust == (*dots.trust[:2], 0.0)
    assert old.merged == {}
    assert old.traits == dots.traits


@given(
    st.lists(st.text("abc", min_size=1, max_size=40), min_size=3, max_size=9, unique=True),
    st.sets(st.integers(1, 3), min_size=2),
)
def test_names_are_short_and_single_and_no_token_changes_its_type(values: list[str], group: set[int]) -> None:
    few = len(values) + 1
    layers = Layers(
        Traits("a", "A", {"hat": tuple(values)}),
        claims=np.zeros((few, 4), np.float32),
        colours=np.arange(few * 12, dtype=np.float32).reshape(few, 4, 3),
        tints=np.zeros((few, 4, 1), np.float32),
        hues=np.zeros((few, 3), np.float32),
        prior=np.full(few, 0.5, np.float32),
        variation=np.zeros((0, 12), np.float32),
        noise=np.ones(4, np.float32),
        guess=np.zeros((769, few), np.float32),
        sharpness=np.ones(1, np.float32),
        follows=np.array([-1]),
        vanishes=np.array([False]),
        gate=None,  # type: ignore[arg-type]
        error=0.1,
    )
    groups = [[tuple(sorted(group))]]
    one = merged(layers, groups)
    names = one.traits.values["hat"]
    assert len(names) == len(set(names)) == len(values) + 1 - len(group)
    assert all(len(name) <= LONGEST for name in names)
    labels = np.arange(few)[:, None]
    by_rows = mapped(layers, groups, labels)
    assert (by_rows == relabelled(labels, layers.traits, one)).all()
    assert len({int(label) for label in by_rows[sorted(group), 0]}) == 1
    alone = [k for k in range(few) if k not in group]
    assert [("", *names)[by_rows[k, 0]] for k in alone] == [("", *values)[k] for k in alone]
    assert one.prior.sum() == pytest.approx(layers.prior.sum())
