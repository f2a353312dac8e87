"""What a model of each kind must do, as one function a kind: the suites here and tests/hf call them.

Each starts with gistchain.models.zoo.conformance.check (one run) and goes on to sizes, batches and bad input, with the
checks of single results that are kept there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from gistchain.errors import ModelError, RebuildError, TooFewBytes
from gistchain.models.zoo.conformance import (
    LATENT_SIZES,
    are_features,
    are_fingerprints,
    are_vectors,
    check,
    is_caption,
    is_content,
    is_latent,
    is_mask,
    is_picture,
)
from gistchain.types import (
    Captioner,
    ContentRater,
    FeatureExtractor,
    Fingerprinter,
    Gist,
    ImageEmbedder,
    JointEmbedder,
    Latent,
    LatentCoder,
    Painter,
    PerceptualDistance,
    Pixels,
    Segmenter,
    TextCorrector,
    TextEmbedder,
)

CAPTION = "a red ball on a green meadow"
SIZES = ((1, 1), (500, 3), (64, 48), (200, 300))
"""(width, height) that every model of images takes."""


def shapes(seed: int = 0, size: tuple[int, int] = (96, 64)) -> Pixels:
    """A few coloured shapes on a gradient; (width, height) of any size."""
    rng, (width, height) = np.random.default_rng(seed), size
    ramp = np.linspace(0, 1, height)[:, None, None] * np.ones((1, width, 1))
    ends = rng.integers(0, 256, (2, 3))
    image = Image.fromarray((ends[0] * (1 - ramp) + ends[1] * ramp).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x, y = rng.integers(0, width), rng.integers(0, height)
        box = (int(x), int(y), int(x) + max(2, width // 4), int(y) + max(2, height // 4))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=tuple(rng.integers(0, 256, 3).tolist()))
    return np.asarray(image)


def check_captioner(model: Captioner) -> None:
    check("captioner", model, shapes(), CAPTION)
    for size in SIZES:
        is_caption(model.caption(shapes(1, size)))
    model.caption(_locked(shapes(2)))


def check_painter(model: Painter, gist: Gist) -> None:
    """`gist`: one that this painter can draw. With a latent in it, the painter is asked to start from that too."""
    width, height = gist.size
    check("painter", model, np.zeros((height, width, 3), np.uint8), gist.captions[0])
    assert model.paint(gist, []) == []
    company = model.paint(gist, [3, 4, 5])
    assert company[1].tobytes() == model.paint(gist, [4])[0].tobytes(), "a seed's picture depends on its neighbours"
    for size in ((24, 24), (1, 1), (75, 40)):
        is_picture(model.paint(replace(gist, size=size), [7])[0], size)
    same = company[0].tobytes() == company[1].tobytes() == company[2].tobytes()
    assert model.varies(gist) or same, "it says that all seeds give the same picture, and they do not"
    if gist.latent is not None:
        for strength in (0.0, 0.4, 1.0):
            is_picture(model.paint(gist, [0], strength)[0], (width, height))
    for strength in (-0.1, 1.5, float("nan")):
        with pytest.raises(RebuildError):
            model.paint(gist, [0], strength)


def check_text_embedder(model: TextEmbedder) -> None:
    texts = ["a dog", "", "\N{DOG FACE}", "word " * 2000, CAPTION]
    check("text-embedder", model, shapes(), CAPTION)
    together = are_vectors(model.embed(texts), len(texts))
    # Batches are padded by some models, which moves the last bits; what is said of a text must not depend on them.
    for k, text in enumerate(texts):
        np.testing.assert_allclose(model.embed([text])[0], together[k], atol=5e-3, err_msg=repr(text[:20]))
    assert len(model.embed([])) == 0


def check_image_embedder(model: ImageEmbedder) -> None:
    images = [shapes(k, size) for k, size in enumerate(SIZES)]
    check("image-embedder", model, shapes(), CAPTION)
    together = are_vectors(model.embed(images), len(images))
    for k, image in enumerate(images):
        np.testing.assert_allclose(model.embed([_locked(image)])[0], together[k], atol=5e-3, err_msg=str(SIZES[k]))
    assert len(model.embed([])) == 0


def check_joint_embedder(model: JointEmbedder) -> None:
    check("joint-embedder", model, shapes(), CAPTION)
    check_text_embedder(model.text)
    check_image_embedder(model.image)


def check_latent_coder(model: LatentCoder) -> None:
    image = shapes(3, (96, 64))
    check("latent-coder", model, image, CAPTION)
    done = [made for n in LATENT_SIZES if (made := _within(model, image, n)) is not None]
    latent = max(done, key=lambda made: len(made.data))
    for size in ((96, 64), (24, 24), (1, 1), (75, 40)):
        is_picture(model.decode(latent, size), size)
    for size in SIZES:
        small = _within(model, shapes(4, size), max(LATENT_SIZES))
        if small is not None:
            is_picture(model.decode(small, size), size)
    _check_bad_latents(model, latent)
    empty = _within(model, image, 0)
    assert empty is None or empty.data == b""
    with pytest.raises(ModelError):
        model.encode(image, -1)


def check_segmenter(model: Segmenter) -> None:
    check("segmenter", model, shapes(), CAPTION)
    for size in SIZES:
        image = shapes(5, size)
        is_mask(model.mask(_locked(image)), image)


def check_corrector(model: TextCorrector) -> None:
    check("corrector", model, shapes(), CAPTION)
    for text in ("", "a", "a r\x00d b\N{DOG FACE}ll", "word " * 500):
        assert isinstance(model.correct(text), str), text[:20]


def check_perceptual(model: PerceptualDistance) -> None:
    image = shapes(6)
    check("perceptual", model, image, CAPTION)
    noise = np.random.default_rng(0).normal(0, 1, image.shape)
    near, far = (np.clip(image + deviation * noise, 0, 255).astype(np.uint8) for deviation in (4, 64))
    assert 0 < model.distance(image, near) < model.distance(image, far)
    for size in ((64, 48), (200, 300)):
        assert model.distance(_locked(shapes(7, size)), _locked(shapes(8, size))) > 0
    with pytest.raises(ModelError):
        model.distance(image, shapes(6, (64, 64)))


def check_features(model: FeatureExtractor) -> None:
    images = [shapes(k, size) for k, size in enumerate(SIZES)]
    check("features", model, shapes(), CAPTION)
    together = are_features(model.features(images), len(images))
    for k, image in enumerate(images):
        alone = model.features([_locked(image)])[0]
        np.testing.assert_allclose(alone, together[k], rtol=5e-3, atol=5e-3 * float(abs(together).max()))
    assert model.features([]).shape == (0, together.shape[1])


def check_fingerprinter(model: Fingerprinter) -> None:
    check("fingerprinter", model, shapes(), CAPTION)
    images = [shapes(8, size) for size in SIZES]
    rows = are_fingerprints(model.fingerprint(images), len(images))
    for k in (0, 3):
        assert model.fingerprint([_locked(images[k])]).tobytes() == rows[k].tobytes()
    assert model.fingerprint([]).shape == (0, 10_048)


def check_content_rater(model: ContentRater) -> None:
    check("content-rater", model, shapes(), CAPTION)
    for size in SIZES:
        is_content(model.rate(_locked(shapes(9, size))))
    assert model.rate(shapes(1)) != model.rate(shapes(2))


CHECKS: dict[str, Callable[..., Any]] = {
    "captioner": check_captioner,
    "painter": check_painter,
    "text-embedder": check_text_embedder,
    "image-embedder": check_image_embedder,
    "joint-embedder": check_joint_embedder,
    "latent-coder": check_latent_coder,
    "segmenter": check_segmenter,
    "corrector": check_corrector,
    "perceptual": check_perceptual,
    "features": check_features,
    "fingerprinter": check_fingerprinter,
    "content-rater": check_content_rater,
}
"""kind -> its check."""


def _check_bad_latents(model: LatentCoder, latent: Latent) -> None:
    """Bytes that come from a channel or a stranger give a picture or a RebuildError, and nothing else."""
    with pytest.raises(RebuildError):
        model.decode(Latent("no such coder", latent.data), (32, 32))
    rng = np.random.default_rng(0)
    flipped = bytearray(latent.data)
    for k in rng.integers(0, len(flipped), 8):
        flipped[k] ^= 1 << int(rng.integers(0, 8))
    cuts = [latent.data[:n] for n in (0, 1, len(latent.data) // 2, len(latent.data) - 1)]
    for data in (*cuts, latent.data + b"\0" * 9, bytes(flipped), rng.bytes(len(latent.data)), rng.bytes(7)):
        try:
            is_picture(model.decode(Latent(latent.coder, data), (32, 32)), (32, 32))
        except RebuildError:
            continue


def _within(model: LatentCoder, image: Pixels, size_bytes: int) -> Latent | None:
    """The latent, None where the coder can't do this size."""
    try:
        latent = model.encode(_locked(image), size_bytes)
    except TooFewBytes:
        return None
    return is_latent(latent, model, size_bytes)


def _locked(image: Pixels) -> Pixels:
    """The same pixels; writing to them is an error."""
    copy = image.copy()
    copy.setflags(write=False)
    return copy
