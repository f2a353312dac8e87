"""A model of a kind, one image and its caption -> what the model made of them, or what is wrong with that.

    check(kind, model, image, caption) ──> one real run ──> is_caption, are_vectors, ... ──> a line, or ModelError

The least that each Protocol of types/models.py asks for: types, shapes, ranges, unit length, the same result twice.
`gistchain models check` calls `check`; so do the tests of those who add a model of their own. The checks of single
results are public too, for tests that run a model on further inputs, as those in tests/conformance do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.types import (
    Caption,
    Captioner,
    Content,
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

LATENT_SIZES = (1024, 4096, 16_384, 65_536, 256)
"""Bytes that a coder is asked for in turn, until it can do one of them."""
_UNIT = 2e-3  # float16 networks are this exact
_FINGERPRINT = 10_048


def check(kind: str, model: Any, image: Pixels, caption: str) -> str:
    """One line on what came out. Raises ModelError that says what the model does otherwise than its kind must."""
    protocol, run = _RUNS[kind]
    if not isinstance(model, protocol):
        raise ModelError(f"{type(model).__name__} is not of kind {kind!r}: it lacks members of {protocol.__name__}")
    return run(model, image, caption)


def is_caption(said: Any) -> Caption:
    """The value itself. Raises ModelError unless it is a Caption with a confidence in 0..1."""
    _must(isinstance(said, Caption), f"caption() gave a {type(said).__name__} instead of a Caption")
    _must(isinstance(said.text, str), f"the caption's text is a {type(said.text).__name__} instead of a str")
    _must(0 <= said.confidence <= 1, f"the confidence is {said.confidence}, outside 0..1")
    caption: Caption = said
    return caption


def is_picture(painted: Any, size: tuple[int, int]) -> Pixels:
    """The value itself. Raises ModelError unless it is uint8 of shape (height, width, 3); size: (width, height)."""
    _must(isinstance(painted, np.ndarray) and painted.dtype == np.uint8, "a picture is not an array of uint8")
    _must(painted.shape == (size[1], size[0], 3), f"a picture has shape {painted.shape}, not {(size[1], size[0], 3)}")
    picture: Pixels = painted
    return picture


def is_latent(latent: Any, model: LatentCoder, size_bytes: int) -> Latent:
    """The value itself. Raises ModelError unless it carries the coder's name and has at most `size_bytes` of data."""
    _must(isinstance(latent, Latent), f"encode() gave a {type(latent).__name__} instead of a Latent")
    _must(latent.coder == model.name, f"its latents say coder {latent.coder!r}, but its name is {model.name!r}")
    _must(len(latent.data) <= size_bytes, f"{len(latent.data)} bytes of latent where {size_bytes} were allowed")
    made: Latent = latent
    return made


def is_mask(mask: Any, image: Pixels) -> NDArray[np.float32]:
    """The value itself. Raises ModelError unless it is float32 in 0..1, as large as the image."""
    _must(mask.shape == image.shape[:2], f"the mask has shape {mask.shape} for an image of {image.shape[:2]}")
    _must(mask.dtype == np.float32, f"the mask is {mask.dtype} instead of float32")
    _must(bool(((mask >= 0) & (mask <= 1)).all()), "the mask leaves 0..1")
    checked: NDArray[np.float32] = mask
    return checked


def are_features(rows: Any, count: int) -> NDArray[np.float32]:
    """The value itself. Raises ModelError unless it is finite float32 of shape (count, D)."""
    _must(isinstance(rows, np.ndarray) and rows.dtype == np.float32, "the result is not an array of float32")
    _must(rows.ndim == 2 and rows.shape[0] == count and rows.shape[1] > 0, f"shape {rows.shape} for {count} inputs")
    _must(bool(np.isfinite(rows).all()), "some numbers are not finite")
    checked: NDArray[np.float32] = rows
    return checked


def are_vectors(rows: Any, count: int) -> NDArray[np.float32]:
    """The value itself. Raises ModelError unless it is float32 of shape (count, D) with rows of length 1."""
    checked = are_features(rows, count)
    lengths = np.linalg.norm(checked, axis=1)
    off = abs(lengths - 1) >= _UNIT
    _must(not off.any(), f"vectors have lengths {lengths.min():.4f}..{lengths.max():.4f}, not 1")
    return checked


def are_fingerprints(rows: Any, count: int) -> NDArray[np.float32]:
    """The value itself. Raises ModelError unless it is finite float32 of shape (count, 10048)."""
    checked = are_features(rows, count)
    _must(checked.shape[1] == _FINGERPRINT, f"{checked.shape[1]} numbers instead of {_FINGERPRINT}")
    return checked


def is_content(content: Any) -> Content:
    """The value itself. Raises ModelError unless all shares are in 0..1 and the five classes sum to 1."""
    _must(isinstance(content, Content), f"rate() gave a {type(content).__name__} instead of a Content")
    classes = list(_classes(content).values())
    _must(all(0 <= share <= 1 for share in (content.open_nsfw, *classes)), f"a score leaves 0..1: {content}")
    _must(abs(sum(classes) - 1) < 1e-6, f"the five classes sum to {sum(classes)} instead of 1")
    checked: Content = content
    return checked


def _captioner(model: Captioner, image: Pixels, _: str) -> str:
    before = image.copy()
    said = is_caption(model.caption(image))
    _must(model.caption(image) == said, "the same image got two captions")
    _must(bool((image == before).all()), "it wrote into the image that it was given")
    return f"{said.text!r}, confidence {said.confidence:.3f}"


def _painter(model: Painter, image: Pixels, caption: str) -> str:
    size = image.shape[1], image.shape[0]
    gist = Gist((caption,), size)
    painted = model.paint(gist, [0])
    _must(len(painted) == 1, f"one seed gave {len(painted)} pictures")
    is_picture(painted[0], size)
    _must((model.paint(gist, [0])[0] == painted[0]).all(), "the same seed gave two pictures")
    return f"{size[0]}x{size[1]} pixels, mean colour {painted[0].reshape(-1, 3).mean(0).round().astype(int).tolist()}"


def _text_embedder(model: TextEmbedder, _: Pixels, caption: str) -> str:
    texts = [caption, "a photo of a sailing ship at sea", ""]
    vectors = are_vectors(model.embed(texts), len(texts))
    _must((model.embed(texts) == vectors).all(), "the same texts got two sets of vectors")
    return f"{vectors.shape[1]} numbers; caption and 'a sailing ship' agree by {vectors[0] @ vectors[1]:.3f}"


def _image_embedder(model: ImageEmbedder, image: Pixels, _: str) -> str:
    images = [image, np.ascontiguousarray(image[:, ::-1]), 255 - image]
    vectors = are_vectors(model.embed(images), len(images))
    _must((model.embed(images) == vectors).all(), "the same images got two sets of vectors")
    return (
        f"{vectors.shape[1]} numbers; the image agrees with its mirror image by {vectors[0] @ vectors[1]:.3f}, "
        f"with its negative by {vectors[0] @ vectors[2]:.3f}"
    )


def _joint_embedder(model: JointEmbedder, image: Pixels, caption: str) -> str:
    text = are_vectors(model.text.embed([caption, "a photo of a sailing ship at sea"]), 2)
    vector = are_vectors(model.image.embed([image]), 1)
    _must(
        text.shape[1] == vector.shape[1],
        f"texts get {text.shape[1]} numbers and images {vector.shape[1]}: not one space",
    )
    _text_embedder(model.text, image, caption)
    _image_embedder(model.image, image, caption)
    own, other = text @ vector[0]
    return (
        f"{text.shape[1]} numbers; the image agrees with its caption by {own:.3f}, with 'a sailing ship' by {other:.3f}"
    )


def _latent_coder(model: LatentCoder, image: Pixels, _: str) -> str:
    latent = _encoded(model, image)
    size = image.shape[1], image.shape[0]
    decoded = is_picture(model.decode(latent, size), size)
    _must((model.decode(latent, size) == decoded).all(), "the same latent was decoded to two pictures")
    error = float(((decoded.astype(np.float64) - image) ** 2).mean())
    psnr = "equal pixels" if error == 0 else f"PSNR {10 * np.log10(255**2 / error):.1f} dB"
    return f"coder {latent.coder!r}, {len(latent.data)} bytes, {psnr}"


def _encoded(model: LatentCoder, image: Pixels) -> Latent:
    refusal: ModelError | None = None
    for size_bytes in LATENT_SIZES:
        try:
            latent = model.encode(image, size_bytes)
        except ModelError as error:
            refusal = error
            continue
        is_latent(latent, model, size_bytes)
        _must(model.encode(image, size_bytes) == latent, "the same image got two latents")
        return latent
    raise ModelError(f"no size of {sorted(LATENT_SIZES)} bytes suits this coder: {refusal}") from refusal


def _segmenter(model: Segmenter, image: Pixels, _: str) -> str:
    mask = is_mask(model.mask(image), image)
    _must((model.mask(image) == mask).all(), "the same image got two masks")
    return f"{(mask > 0.5).mean():.1%} of the image is subject"


def _corrector(model: TextCorrector, _: Pixels, caption: str) -> str:
    damaged = caption[:2] + "#" + caption[3:]
    text = model.correct(damaged)
    _must(isinstance(text, str), f"correct() gave a {type(text).__name__} instead of a str")
    _must(model.correct(damaged) == text, "the same text was corrected in two ways")
    return f"{damaged!r} -> {text!r}"


def _perceptual(model: PerceptualDistance, image: Pixels, _: str) -> str:
    mirrored = np.ascontiguousarray(image[:, ::-1])
    itself, there, back = (model.distance(a, b) for a, b in ((image, image), (image, mirrored), (mirrored, image)))
    _must(abs(itself) < 1e-5, f"an image is {itself} away from itself")
    _must(np.isfinite(there) and there >= 0, f"a distance is {there}")
    _must(abs(there - back) <= 1e-4 * max(1.0, there), f"it is {there} there and {back} back")
    _must(model.distance(image, mirrored) == there, "the same two images got two distances")
    return f"the image and its mirror image are {there:.4f} apart"


def _features(model: FeatureExtractor, image: Pixels, _: str) -> str:
    images = [image, 255 - image]
    rows = are_features(model.features(images), len(images))
    _must(bool((rows[0] != rows[1]).any()), "two different images got the same features")
    _must((model.features(images) == rows).all(), "the same images got two sets of features")
    return f"{rows.shape[1]} numbers, mean {rows.mean():.3f}, deviation {rows.std():.3f}"


def _fingerprinter(model: Fingerprinter, image: Pixels, _: str) -> str:
    images = [image, 255 - image]
    rows = are_fingerprints(model.fingerprint(images), len(images))
    _must(bool((rows[0] != rows[1]).any()), "two different images got the same fingerprint")
    _must((model.fingerprint(images[:1])[0] == rows[0]).all(), "the same image got two fingerprints")
    _must(bool(model.version), "it names no version")
    zeros = float((rows[0] == 0).mean())
    agreement = float(np.corrcoef(rows[0], rows[1]).ravel()[1])
    return (
        f"version {model.version}, {zeros:.0%} of {rows.shape[1]} numbers are 0; the image agrees with its negative "
        f"by {agreement:.3f}"
    )


def _content_rater(model: ContentRater, image: Pixels, _: str) -> str:
    content = is_content(model.rate(image))
    _must(model.rate(image) == content, "the same image got two ratings")
    shares = ", ".join(f"{name} {share:.1%}" for name, share in _classes(content).items())
    return f"open_nsfw {content.open_nsfw:.3f}; {shares}"


def _classes(content: Content) -> dict[str, float]:
    return {name: getattr(content, name) for name in ("drawings", "hentai", "neutral", "porn", "sexy")}


def _must(holds: bool | np.bool_, otherwise: str) -> None:
    if not holds:
        raise ModelError(otherwise)


_RUNS: dict[str, tuple[type, Callable[[Any, Pixels, str], str]]] = {
    "captioner": (Captioner, _captioner),
    "painter": (Painter, _painter),
    "text-embedder": (TextEmbedder, _text_embedder),
    "image-embedder": (ImageEmbedder, _image_embedder),
    "joint-embedder": (JointEmbedder, _joint_embedder),
    "latent-coder": (LatentCoder, _latent_coder),
    "segmenter": (Segmenter, _segmenter),
    "corrector": (TextCorrector, _corrector),
    "perceptual": (PerceptualDistance, _perceptual),
    "features": (FeatureExtractor, _features),
    "fingerprinter": (Fingerprinter, _fingerprinter),
    "content-rater": (ContentRater, _content_rater),
}
PROTOCOLS: dict[str, type] = {kind: protocol for kind, (protocol, _) in _RUNS.items()}
"""kind -> the Protocol of types/models.py that its models fulfil."""
