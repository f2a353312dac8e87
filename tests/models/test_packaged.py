"""Packaged networks: the numbers of torch without torch, and nothing in a state dict can run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data

from gistchain.errors import ModelError
from gistchain.models.packaged import networks as packaged
from gistchain.models.zoo import weights

NAME = "efficientnet-lite0"
SIDES = {NAME: (224, 192, 161), "efficientnet-lite1": (240, 192, 161), "efficientnet-lite2": (260, 192, 161)}


def golden_values(name: str) -> dict[str, dict[str, list[float]]]:
    kept = json.loads((Path(__file__).parents[1] / "golden" / f"{name}.json").read_text("utf-8"))
    values: dict[str, dict[str, list[float]]] = kept["values"]
    return values


def golden_image(side: int) -> np.ndarray:
    """As in training/packaged/networks.py."""
    y, x = np.mgrid[:side, :side]
    blue = np.where((x // 16 + y // 16) % 2 == 0, 200, 40)
    return np.stack([x * 255 // side, y * 255 // side, blue], -1).astype(np.uint8)


@pytest.mark.parametrize(("name", "side"), [(name, side) for name, sides in SIDES.items() for side in sides])
def test_it_computes_what_torch_computed(name: str, side: int) -> None:
    golden = golden_values(name)[str(side)]
    found = packaged.network(name).run(golden_image(side), side)
    values = {"logits": found.logits, "pooled": found.pooled, "peak": found.peak}
    values |= {f"map{k}": m for k, m in enumerate(found.maps)}
    assert set(values) == set(golden)
    for output, expected in golden.items():
        sample = values[output].ravel()[:: max(1, values[output].size // 24)][:24]
        np.testing.assert_allclose(sample, expected, rtol=1e-4, atol=1e-4, err_msg=output)


def test_photos_are_recognised() -> None:
    network, names = packaged.network(NAME), packaged.class_names()
    for image, expected in ((data.chelsea(), "Egyptian Mau"), (data.coffee(), "espresso")):
        probabilities = network.run(image).probabilities
        assert names[int(probabilities.argmax())] == expected
        assert probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_shapes_are_those_of_the_protocol() -> None:
    found = packaged.network(NAME).run(np.zeros((1, 700, 3), np.uint8))
    assert (found.logits.shape, found.pooled.shape, found.peak.shape) == ((1000,), (1280,), (1280,))
    assert [m.shape for m in found.maps] == [(16, 112, 112), (24, 56, 56), (40, 28, 28), (112, 14, 14), (320, 7, 7)]
    assert all(m.dtype == np.float32 for m in found.maps)
    small = packaged.network(NAME).run_maps(data.coffee(), 64)
    assert [m.shape[1] for m in small] == [32, 16, 8, 4, 2]
    with pytest.raises(ModelError, match="too small"):
        packaged.network(NAME).run(data.coffee(), 16)


def test_the_same_image_gives_the_same_bits_and_is_left_alone() -> None:
    image = data.coffee()
    image.setflags(write=False)
    one, two = packaged.network(NAME).run(image), packaged.Network(NAME).run(image)
    assert one.pooled.tobytes() == two.pooled.tobytes()


def test_a_huge_image_is_reduced_and_a_small_one_left_alone() -> None:
    image = data.coffee()
    assert packaged.reduced(image) is image
    large = np.repeat(np.repeat(image, 4, 0), 3, 1)  # 1600 x 1800
    small = packaged.reduced(large)
    assert small.shape == (534, 600, 3)
    tall = packaged.reduced(np.zeros((50_000, 1, 3), np.uint8))
    assert (tall.shape[0] < 1040, tall.shape[1]) == (True, 1)


def test_there_are_a_thousand_names_in_order() -> None:
    names = packaged.class_names()
    assert len(names) == 1000
    assert (names[0], names[999]) == ("tench", "toilet paper")


def test_other_weights_than_those_of_the_card_are_not_even_unpickled(tmp_path: Path, monkeypatch: Any) -> None:
    for suffix in (".json", ".onnx"):
        shutil.copy(weights.WEIGHTS / f"{NAME}{suffix}", tmp_path)
    monkeypatch.setattr(weights, "WEIGHTS", tmp_path)
    card = tmp_path / f"{NAME}.json"
    about = json.loads(card.read_text("utf-8"))
    card.write_text(json.dumps(about | {"file_sha256": "0" * 64}), "utf-8")
    monkeypatch.setattr(packaged, "state_dict", lambda raw: pytest.fail("was unpickled"))
    with pytest.raises(ModelError, match=r"not those of its card.*pip install"):
        packaged.Network(NAME)
    card.write_text(json.dumps(about | {"module": "no_such_package"}), "utf-8")
    with pytest.raises(ModelError, match=r"not installed.*pip install"):
        packaged.Network(NAME)
    card.write_text(json.dumps(about | {"file": "no-such-file"}), "utf-8")
    with pytest.raises(ModelError, match="reinstall"):
        packaged.Network(NAME)
    card.write_text(json.dumps(about), "utf-8")
    (tmp_path / f"{NAME}.onnx").write_bytes(b"\0")
    with pytest.raises(ModelError, match="damaged"):
        packaged.Network(NAME)
    (tmp_path / f"{NAME}.onnx").unlink()
    with pytest.raises(ModelError, match="can't be read"):
        packaged.Network(NAME)


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(ModelError, match="efficientnet-lite9"):
        packaged.network("efficientnet-lite9")
