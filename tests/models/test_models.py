"""The shipped models: their files are the ones of the cards, and they do what they are for."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gistchain.collection.known import dicebear, nouns
from gistchain.errors import ModelError, RebuildError
from gistchain.models.area import area_average
from gistchain.models.packaged.minilm import MiniLM
from gistchain.models.thumb8 import Thumb8
from gistchain.models.traitnet.captioner import TraitCaptioner
from gistchain.models.traitnet.painter import TraitPainter, painted
from gistchain.models.zoo import onnx, weights
from gistchain.types import Gist

CARDS = sorted(p.stem for p in weights.WEIGHTS.glob("*-*.json") if p.with_suffix(".onnx").exists())


def test_every_collection_has_a_painter_and_there_are_two_captioners() -> None:
    assert {f"painter-{t.collection}" for t in painted()} <= set(CARDS)
    assert {"captioner-default", "captioner-second"} <= set(CARDS)


@pytest.mark.parametrize("name", CARDS)
def test_weights_are_those_of_their_card_and_the_card_says_where_they_come_from(name: str) -> None:
    card = weights.card(name)
    assert hashlib.sha256((weights.WEIGHTS / f"{name}.onnx").read_bytes()).hexdigest() == card["sha256"]
    assert card["data"]
    assert card["licence"]
    assert card["cpu_minutes"] > 0
    assert onnx.session(name) is not None


def test_a_damaged_weight_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suffix in (".json", ".onnx"):
        shutil.copy(weights.WEIGHTS / f"captioner-default{suffix}", tmp_path)
    raw = bytearray((tmp_path / "captioner-default.onnx").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "captioner-default.onnx").write_bytes(raw)
    monkeypatch.setattr(weights, "WEIGHTS", tmp_path)
    with pytest.raises(ModelError, match="damaged"):
        onnx.session("captioner-default")
    (tmp_path / "captioner-default.json").write_text("{", "utf-8")
    with pytest.raises(ModelError, match="card"):
        onnx.session("captioner-default")


def test_a_model_that_does_not_exist_is_named() -> None:
    with pytest.raises(ModelError, match="painter-cats"):
        weights.card("painter-cats")


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (24, 24), (17, 93), (512, 512), (2100, 1500), (20_000, 10)])
def test_area_averaging_is_exact_for_any_size(size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    small = area_average(image, 64)
    assert small.shape == (3, 64, 64)
    # Whatever the size, averaging keeps the mean (large images pass through whole-number steps, rounded).
    assert (small.mean((1, 2)) + 1) * 127.5 == pytest.approx(image.mean((0, 1)), abs=1.0)


def test_area_averaging_agrees_with_block_means() -> None:
    image = np.random.default_rng(2).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    blocks = image.reshape(64, 4, 64, 4, 3).mean((1, 3)).transpose(2, 0, 1) / 127.5 - 1
    np.testing.assert_allclose(area_average(image, 64), blocks, atol=1e-5)


def test_the_captioner_reads_an_image_at_any_size() -> None:
    tokens = nouns.tokens(nouns.sample(12, rng=np.random.default_rng(8), held=False))
    captioner = TraitCaptioner()
    for k in range(12):
        for side in (32, 64, 320, 512, 777):
            large = np.asarray(Image.fromarray(tokens.image(k)).resize((side, side), Image.Resampling.NEAREST))
            # NEAREST to a side that is no multiple of 32 shifts edges by half a pixel: the subject must survive that.
            said = captioner.caption(large)
            assert said.text.startswith("A picture of Nouns, containing ")
            if side % 32 == 0:
                assert said.confidence > 0.2


def test_an_image_of_another_kind_gets_a_low_confidence() -> None:
    rng, captioner = np.random.default_rng(3), TraitCaptioner()
    y, x = np.mgrid[:200, :300]
    others = [
        rng.integers(0, 256, (100, 100, 3), dtype=np.uint8),
        np.zeros((64, 64, 3), np.uint8),
        np.stack([x % 256, y % 256, (x + y) % 256], -1).astype(np.uint8),
        dicebear.avatar("micah", {"seed": "a stranger"}, 200),
        dicebear.avatar("toon-head", {"seed": "a stranger"}, 200),
    ]
    for image in others:
        said = captioner.caption(image)
        assert said.confidence < 0.5 or not said.text


def test_text_vectors_do_not_depend_on_their_neighbours() -> None:
    minilm = MiniLM()
    alone = minilm.embed(["mohawk head"])[0]
    assert (MiniLM().embed(["a much longer text beside it, to be padded to", "mohawk head"])[1] == alone).all()
    near, far = minilm.embed(["a mohawk haircut", "a sailing ship"])
    assert alone @ near > alone @ far


def test_a_caption_of_no_known_collection_is_refused_with_those_that_are() -> None:
    painter = TraitPainter(MiniLM())
    for text in ("a red bicycle", "A picture of Doodles, containing hat head", ""):
        with pytest.raises(RebuildError, match="CryptoPunks, Nouns"):
            painter.paint(Gist((text,), (64, 64)), [0])


@pytest.mark.parametrize("subject", ["Nouns", "nouns", "Noun"])
def test_the_subject_may_be_worded_loosely(subject: str) -> None:
    painter = TraitPainter(MiniLM())
    image = painter.paint(Gist((f"A picture of {subject}, containing red body",), (320, 320)), [0])[0]
    assert image.shape == (320, 320, 3)


def test_a_latent_pulls_the_picture_towards_the_original() -> None:
    tokens = nouns.tokens(nouns.sample(8, rng=np.random.default_rng(4), held=False))
    painter, without, with_it = TraitPainter(MiniLM()), [], []
    for k in range(8):
        text = ", ".join(tokens.caption(k).split(", ")[:2])  # only the head is told
        image = tokens.image(k).astype(float)
        for latent, errors in ((None, without), (Thumb8().encode(tokens.image(k), 192), with_it)):
            painted = painter.paint(Gist((text,), (32, 32), latent=latent), [0])[0]
            errors.append(np.abs(painted - image).mean())
    assert np.mean(with_it) < 0.9 * np.mean(without)


def test_strength_zero_only_decodes_the_latent() -> None:
    token = nouns.tokens(nouns.sample(1, rng=np.random.default_rng(4), held=False))
    gist = Gist((token.caption(0),), (32, 32), latent=Thumb8().encode(token.image(0), 192))
    painter = TraitPainter(MiniLM())
    a, b = painter.paint(gist, [0, 1], strength=0.0)
    assert (a == b).all()  # no noise has a say
    with pytest.raises(RebuildError, match="strength"):
        painter.paint(gist, [0], strength=1.5)


def test_pixel_art_is_painted_in_the_artists_colours_only() -> None:
    painter = TraitPainter(MiniLM())
    image = painter.paint(Gist(("A picture of Nouns, containing cow head, red body",), (32, 32)), [3])[0]
    palette = {bytes.fromhex(c) for c in json.loads((weights.WEIGHTS / "painter-nouns.json").read_text())["palette"]}
    assert {p.tobytes() for p in image.reshape(-1, 3)} <= palette
