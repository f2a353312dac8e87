"""Parts that move by chance: found, read, painted and kept in a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.models.layered.learn import learn, poses_checkpoint
from gistchain.models.layered.model import SIDE, Layers, built, opened, pack, unpack
from gistchain.models.layered.painter import _painted
from gistchain.models.layered.poses import posed
from gistchain.models.layered.read import Reader
from gistchain.traits import Traits

TRAITS = Traits("marks", "Mark", {"sky": ("day", "night"), "mark": ("ring", "bar", "dot")})
OFFSETS = ((-6, -5), (6, -5), (-6, 5), (6, 5))
Y, X = (np.mgrid[0:SIDE, 0:SIDE] - SIDE / 2 + 0.5).astype(np.float32)
Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


def drawn(sky: int, mark: int, offset: int) -> Floats:
    """A mark on a sky, moved; "bar" and "ring" differ by little where both are blurred."""
    x, y = X - OFFSETS[offset][0], Y - OFFSETS[offset][1]
    picture = np.empty((SIDE, SIDE, 3), np.float32)
    picture[:] = ((0.5, 0.7, 0.9), (-0.9, -0.8, -0.5))[sky - 1]
    far = np.hypot(x, y)
    shown = ((far < 9) & (far > 5), (abs(x) < 9) & (abs(y) < 4), far < 7)[mark - 1]
    picture[shown] = (0.9, 0.3, -0.6)
    return picture.reshape(-1, 3)


def tokens(count: int, seed: int) -> tuple[Floats, Labels, Labels]:
    """Pictures, labels, and where the mark stands in each."""
    rng = np.random.RandomState(seed)
    labels = np.stack([rng.randint(1, 3, count), rng.randint(0, 4, count)], 1)
    offsets = rng.randint(0, 4, count)
    pictures = np.stack([drawn(s, m, o) if m else drawn(s, 1, o) for (s, m), o in zip(labels, offsets, strict=True)])
    for k in np.flatnonzero(labels[:, 1] == 0):
        pictures[k] = pictures[k, 0]
    noisy = np.clip(pictures + rng.normal(0, 0.02, pictures.shape), -1, 1).astype(np.float32)
    return noisy, labels, offsets


@pytest.fixture(scope="module")
def layers() -> Layers:
    images, labels, _ = tokens(420, 1)
    return unpack(pack(learn(images, labels, TRAITS)), "marks")


def test_the_type_that_moves_gets_poses_and_no_other(layers: Layers) -> None:
    assert layers.poses.tolist()[0] == 1
    assert layers.poses.tolist()[1] >= len(OFFSETS)


def test_a_moved_part_is_read_wherever_it_stands(layers: Layers) -> None:
    images, labels, _ = tokens(60, 2)
    reader = Reader(layers)
    readings = [reader.read(picture) for picture in images]
    assert np.mean([(r.labels == row).all() for r, row in zip(readings, labels, strict=True)]) > 0.95
    assert np.mean([reader.confidence(r) >= 0.5 for r in readings]) > 0.9
    assert np.stack([r.labels for r in readings]).max(0).tolist() <= [2, 3]


def test_the_pose_that_fits_is_found_where_the_value_is_known(layers: Layers) -> None:
    images, labels, _ = tokens(60, 3)
    states = posed(layers, images, labels)
    assert (layers.labels(states) == labels).all()
    off = [float(((np.clip(layers.picture(s), -1, 1) - x) ** 2).mean()) for s, x in zip(states, images, strict=True)]
    assert np.median(off) < 0.005
    still = [
        float(((layers.picture(layers.states(row)) - x) ** 2).mean()) for row, x in zip(labels, images, strict=True)
    ]
    assert np.mean(off) < 0.3 * np.mean(still)


def test_labels_and_states_are_each_others_inverse(layers: Layers) -> None:
    _, labels, _ = tokens(40, 4)
    assert (layers.labels(layers.states(labels)) == labels).all()
    assert layers.states(np.zeros(2, np.int64)).tolist() == [0, 0]


def test_seeds_paint_the_part_in_several_places(layers: Layers) -> None:
    painted = np.stack([_painted(layers, np.array([1, 3]), None, seed, 1.0) for seed in range(12)])
    where = {tuple(np.argwhere(p[..., 2] < 120).mean(0).round(-1).astype(int)) for p in painted}
    assert len(where) >= 3
    again = _painted(layers, np.array([1, 3]), None, 5, 1.0)
    assert (again == painted[5]).all()


def test_where_another_trait_settles_the_place_nothing_moves_by_chance() -> None:
    _, labels, _ = tokens(420, 6)
    labels = np.maximum(labels, 1)
    images = np.stack([drawn(sky, mark, sky) for sky, mark in labels])
    assert learn(images, labels, TRAITS).own_poses == ()


def test_what_stands_still_gets_no_poses() -> None:
    images, labels, _ = tokens(420, 5)
    images = np.stack([drawn(s, max(m, 1), 0) for s, m in labels])
    assert learn(images, np.maximum(labels, 1), TRAITS).own_poses == ()


@pytest.mark.parametrize("poses", [[1, 1, 1], [1, 0], [1, "8"], [1, 1 << 40], [1, 2], {}, "ab"])
def test_poses_that_do_not_fit_are_refused(layers: Layers, poses: object) -> None:
    arrays = opened(pack(layers), "marks")
    head = json.loads(arrays["head"].tobytes()) | {"poses": poses}
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    with pytest.raises(ModelError, match="marks"):
        built(arrays, layers.gate, "marks")


def test_an_interrupted_fit_with_poses_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    images, labels, _ = tokens(420, 1)
    place = tmp_path / "fit.checkpoint"

    def stop(share: float) -> None:
        if share > 0.75:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(images, labels, TRAITS, checkpoint=place, progress=stop)
    assert poses_checkpoint(place).exists()
    told: list[float] = []
    again = learn(images, labels, TRAITS, checkpoint=place, progress=told.append)
    assert min(told) > 0.7
    assert pack(again) == pack(learn(images, labels, TRAITS))
