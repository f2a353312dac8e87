"""The fingerprint: 10,048 finite numbers from six networks, the same on every run, comparable between machines."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from gistchain.errors import RarenessError
from gistchain.models.packaged import fingerprint as models
from gistchain.models.packaged import networks as packaged
from gistchain.models.packaged.nsfw import nsfwjs, open_nsfw
from gistchain.models.zoo.weights import card
from gistchain.rareness import fingerprint
from gistchain.types import ContentRater, Fingerprinter, Pixels

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "fingerprint.json").read_text("utf-8"))
SIGNED = slice(6400, 6752)


def golden_image(side: int) -> Pixels:
    """As in training/packaged/networks.py."""
    y, x = np.mgrid[:side, :side]
    blue = np.where((x // 16 + y // 16) % 2 == 0, 200, 40)
    return np.stack([x * 255 // side, y * 255 // side, blue], -1).astype(np.uint8)


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    avatar = np.full((24, 24, 3), (99, 133, 150), np.uint8)  # pixel art: a face with a hat
    avatar[8:20, 7:17], avatar[4:8, 6:18], avatar[12, 9:11] = (219, 177, 128), (30, 30, 30), 0
    return [data.coffee(), data.astronaut()[:300, 100:400], avatar, golden_image(160)]


@pytest.fixture(scope="module")
def found(pictures: list[Pixels]) -> NDArray[np.float32]:
    return models.PackagedFingerprinter().fingerprint(pictures)


def test_there_are_10048_finite_numbers_and_many_of_them_are_zero(found: NDArray[np.float32]) -> None:
    assert found.shape == (4, fingerprint.SIZE) == (4, 10_048)
    assert found.dtype == np.float32
    for numbers in found:
        fingerprint.check(numbers)
        assert (numbers == 0).mean() > 0.15  # a person in front of much else sets off most detectors
    assert (found == 0).mean() > 0.3
    assert np.abs(found).max() < 16  # what the quantised form holds


def test_the_blocks_are_those_of_the_card(found: NDArray[np.float32]) -> None:
    blocks = card("fingerprint")["blocks"]
    assert tuple((name, about["length"]) for name, about in blocks.items()) == fingerprint.BLOCKS
    start = 0
    for name, length in fingerprint.BLOCKS:
        rms = float(np.sqrt((found[:, start : start + length] ** 2).mean()))
        assert 0.4 < rms < 2.5, name
        start += length
    assert SIGNED.start == sum(length for _, length in fingerprint.BLOCKS[:5])
    assert (found[:, SIGNED] < 0).any()
    assert (np.delete(found, np.arange(SIGNED.start, SIGNED.stop), 1) >= 0).all()


def test_each_block_is_what_its_network_says(pictures: list[Pixels], found: NDArray[np.float32]) -> None:
    image, blocks = pictures[0], card("fingerprint")["blocks"]
    lite2 = packaged.network("efficientnet-lite2").run(image)
    wanted = {
        "lite0-peak": packaged.network("efficientnet-lite0").run(image).peak,
        "lite1-pooled": packaged.network("efficientnet-lite1").run(image).pooled,
        "lite2-stage-mean": lite2.maps[4].mean((1, 2)),
        "lite2-stage-deviation": lite2.maps[4].std((1, 2)),
        "nsfwjs-mid": nsfwjs("nsfwjs-mobilenet-v2-mid").run(image)[1],
        "open-nsfw": open_nsfw().run(image)[1],
        "nsfwjs-hidden": nsfwjs("nsfwjs-mobilenet-v2").run(image)[1],
    }
    start = 0
    for name, length in fingerprint.BLOCKS:
        if name in wanted:
            part = found[0, start : start + length]
            np.testing.assert_allclose(part * blocks[name]["rms"], wanted[name], rtol=1e-5, atol=1e-6, err_msg=name)
        start += length


def test_it_is_the_same_in_any_order_on_any_number_of_threads(
    pictures: list[Pixels], found: NDArray[np.float32]
) -> None:
    again = models.PackagedFingerprinter(threads=1).fingerprint(pictures[::-1])
    assert again[::-1].tobytes() == found.tobytes()
    crowded = models.PackagedFingerprinter(threads=4).fingerprint([pictures[2]] * 4)
    assert all(numbers.tobytes() == found[2].tobytes() for numbers in crowded)


def test_another_process_gets_the_same_bytes(found: NDArray[np.float32]) -> None:
    program = (
        "import hashlib\n"
        "from tests.models.test_fingerprint import golden_image\n"
        "from gistchain.models.packaged.fingerprint import look\n"
        "print(hashlib.sha256(look(golden_image(160))[0].tobytes()).hexdigest())"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == hashlib.sha256(found[3].tobytes()).hexdigest()


def test_this_machine_agrees_with_the_one_that_made_the_golden_fingerprint(found: NDArray[np.float32]) -> None:
    theirs = np.frombuffer(zlib.decompress(base64.b64decode(GOLDEN["quantised"])), np.uint8)
    assert fingerprint.agrees(theirs, found[3])
    assert not fingerprint.agrees(theirs, found[0])


def test_a_copy_is_near_and_another_picture_is_far(pictures: list[Pixels], found: NDArray[np.float32]) -> None:
    stream = io.BytesIO()
    Image.fromarray(pictures[0]).resize((300, 200)).save(stream, "JPEG", quality=60)
    copy = models.PackagedFingerprinter().fingerprint([np.asarray(Image.open(stream))])[0]
    pearson = np.corrcoef(np.vstack([copy, found]))[0, 1:]
    assert pearson[0] > 0.8
    assert pearson[1:].max() < 0.5


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.full((300, 200, 3), 255, np.uint8),
        np.zeros((1, 4000, 3), np.uint8),
        np.random.default_rng(0).integers(0, 256, (3000, 2500, 3), dtype=np.uint8),
    ],
    ids=["one pixel", "white", "a line", "large noise"],
)
def test_images_without_content_have_a_fingerprint_too(image: Pixels) -> None:
    fingerprint.check(models.look(image)[0])


def test_a_huge_image_is_seen_as_its_small_version() -> None:
    image = data.astronaut()
    huge = np.repeat(np.repeat(image, 5, 0), 5, 1)
    small, large = (models.look(i)[0] for i in (image, huge))
    assert np.corrcoef(small, large)[0, 1] > 0.98


def test_one_look_gives_both_and_is_remembered(pictures: list[Pixels], monkeypatch: pytest.MonkeyPatch) -> None:
    looker = models.PackagedLook()
    assert isinstance(looker, Fingerprinter)
    assert isinstance(looker, ContentRater)
    numbers, rated = looker.look(pictures[1])
    assert looker.rate(pictures[2]) != rated
    numbers[:] = 0  # what was given out is the caller's
    monkeypatch.setattr(models, "_passes", lambda image: pytest.fail("ran again"))
    again, same = looker.look(pictures[1].copy())
    assert again.any()
    assert looker.fingerprint([pictures[1]])[0].tobytes() == again.tobytes()
    assert looker.rate(pictures[1]) == same == rated


def test_versions_are_told_apart() -> None:
    assert models.PackagedFingerprinter().version == card("fingerprint")["version"] == "1"


def test_zero_stays_zero_and_what_is_too_large_is_cut_off() -> None:
    numbers = np.zeros(fingerprint.SIZE, np.float32)
    numbers[:5] = 1 / 16, 0.99, 15.9, 16.5, 0.02
    numbers[SIGNED][:4] = -1, 1, -9, 9
    small = fingerprint.quantised(numbers)
    assert small.dtype == np.uint8
    assert small[:5].tolist() == [1, 16, 254, 255, 0]
    assert small[SIGNED][:4].view(np.int8).tolist() == [-16, 16, -128, 127]
    assert np.count_nonzero(small) == 8


def test_machines_agree_within_the_bound_and_not_beyond(found: NDArray[np.float32]) -> None:
    rng, theirs = np.random.default_rng(0), fingerprint.quantised(found[0])
    for _ in range(20):
        noise = rng.uniform(-1, 1, fingerprint.SIZE).astype(np.float32) * 0.99 * fingerprint.TOLERANCE
        assert fingerprint.agrees(fingerprint.quantised(found[0] + noise), found[0])
    forged = theirs.copy()
    forged[100] += 1
    assert not fingerprint.agrees(forged, found[0])
    assert not fingerprint.agrees(theirs[:-1], found[0])
    assert not fingerprint.agrees(theirs, found[1])


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        (np.ones(10_047, np.float32), "shape"),
        (np.ones((1, 10_048), np.float32), "shape"),
        (np.ones(10_048), "float64"),
        (np.r_[np.ones(10_047), np.nan].astype(np.float32), "not finite, the first at 10047"),
        (np.r_[np.inf, np.ones(10_047)].astype(np.float32), "not finite"),
        (np.zeros(10_048, np.float32), "all zeros"),
    ],
)
def test_what_is_no_fingerprint_is_refused(numbers: NDArray[np.float32], why: str) -> None:
    for function in (fingerprint.check, fingerprint.quantised):
        with pytest.raises(RarenessError, match=why):
            function(numbers)
