"""What the latent coder 'photo' is worth beside AVIF, WebP and JPEG of the same size, on photos kept out of training.

    python -m benchmarks.photo_latent --sheet docs/images/photo-latent.png

Each held-out photo is cropped to its central square and scaled to 256 x 256 (Lanczos). A rival gets the highest quality
whose whole file is no larger than the latent may be, at the scale (1, 3/4 and up to 1 KB 1/2, 3/8, 1/4; scaled back
with Lanczos) where its PSNR is best: WebP with method 6, AVIF with speed 4 (speed 0 takes eight times as long for files
within 3% of the size), JPEG progressive and optimised; all through Pillow, 4:2:0. A photo that a rival can't bring to
a size counts for neither in their comparison; `reached` says how many it could. Intervals: 95%, bootstrap over photos.
"""

from __future__ import annotations

import argparse
import functools
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import report
from benchmarks.report import sheet, timed, with_interval
from gistchain.models.packaged.perceptual import PackagedPerceptual
from gistchain.models.photo.latent import PhotoLatent
from gistchain.models.photo.latent.rangecoder import ONE, RangeDecoder, RangeEncoder
from gistchain.score.fidelity import psnr, ssim
from gistchain.types import Latent, Pixels
from training.data import photos

SIDE = 256
SIZES = (256, 512, 1024, 2048, 4096)
PREFIXES = (64, 128, 256, 512, 1024, 2048, 4096)
SCALES = (1.0, 0.75, 0.5, 0.375, 0.25)
RIVALS: dict[str, dict[str, Any]] = {
    "AVIF": {"speed": 4, "max_threads": 1},
    "WEBP": {"method": 6},
    "JPEG": {"optimize": True, "progressive": True},
}
SHOWN = 160  # pixels of the middle of each photo that the sheet shows
_FREELY_SHARED = re.compile(r"CC0|CC-BY-\d|public")  # under no condition but to name the author


def picture(photo: photos.Photo) -> Pixels:
    with Image.open(photo.path) as image:
        image.draft("RGB", (SIDE * 2, SIDE * 2))
        rgb = image.convert("RGB")
    short = min(rgb.size)
    left, top = (rgb.width - short) // 2, (rgb.height - short) // 2
    box = (left, top, left + short, top + short)
    return np.asarray(rgb.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0))


class Rival:
    """One codec on one picture of any size."""

    def __init__(self, image: Pixels, codec: str) -> None:
        self.image, self.codec = image, codec

    @functools.cache  # noqa: B019
    def file(self, scale: float, quality: int) -> bytes:
        height, width = (max(1, round(side * scale)) for side in self.image.shape[:2])
        out = io.BytesIO()
        small = Image.fromarray(self.image).resize((width, height), Image.Resampling.LANCZOS)
        small.save(out, self.codec, quality=quality, **RIVALS[self.codec])
        return out.getvalue()

    def best(self, size_bytes: int, scales: Sequence[float] | None = None) -> Pixels | None:
        """The picture of highest PSNR that its files of at most this size give, None where there is no such file."""
        found: list[Pixels] = []
        for scale in scales or (SCALES if size_bytes <= 1024 else SCALES[:2]):
            fits = _largest(95, lambda q, scale=scale: len(self.file(scale, q)) <= size_bytes)  # type: ignore[misc]
            if fits is not None:
                with Image.open(io.BytesIO(self.file(scale, fits))) as again:
                    size = self.image.shape[1], self.image.shape[0]
                    whole = again.convert("RGB").resize(size, Image.Resampling.LANCZOS)
                found.append(np.asarray(whole))
        return max(found, key=lambda p: psnr(self.image, p)) if found else None


def _largest(highest: int, fits: Callable[[int], bool]) -> int | None:
    low, high, best = 0, highest, None
    while low <= high:
        middle = (low + high) // 2
        if fits(middle):
            low, best = middle + 1, middle
        else:
            high = middle - 1
    return best


def judge(original: Pixels, rebuilt: Pixels, perceptual: PackagedPerceptual) -> tuple[float, float, float]:
    return psnr(original, rebuilt), ssim(original, rebuilt), perceptual.distance(original, rebuilt)


def table(scores: dict[str, np.ndarray]) -> dict[str, Any]:
    """scores: coder -> (photos, 3), NaN where it can't be brought to the size."""
    ours, rows = scores["photo"], {}
    for name, theirs in scores.items():
        reached = ~np.isnan(theirs[:, 0])
        row: dict[str, Any] = {"reached": int(reached.sum())}
        if reached.any():
            for k, measure in enumerate(("psnr", "ssim", "perceptual")):
                row[measure] = with_interval(theirs[reached, k])
                if name != "photo":
                    row[f"ours_minus_this_{measure}"] = with_interval((ours - theirs)[reached, k])
        rows[name] = row
    return rows


def coders(probabilities: int = 100_000) -> dict[str, Any]:
    """Our range coder beside constriction's, on the same skewed bits."""
    import constriction

    rng = np.random.default_rng(0)
    ones = rng.integers(3, ONE // 5, probabilities)
    bits = (rng.random(probabilities) < ones / ONE).astype(np.uint8)
    model = constriction.stream.model.Bernoulli(perfect=False)

    def ours() -> bytes:
        encoder = RangeEncoder(1 << 30)
        encoder.code(ones, bits)
        return encoder.finish()

    def theirs() -> NDArray[np.uint32]:
        encoder = constriction.stream.queue.RangeEncoder()
        encoder.encode(bits.astype(np.int32), model, ones / ONE)
        return encoder.get_compressed()

    data, _, encode_s = timed(ours)
    _, _, decode_s = timed(lambda: RangeDecoder(data).code(ones))
    words, _, their_encode_s = timed(theirs)
    _, _, their_decode_s = timed(lambda: constriction.stream.queue.RangeDecoder(words).decode(model, ones / ONE))
    chance = np.where(bits != 0, ones, ONE - ones) / ONE
    return {
        "bits": probabilities, "ideal_bytes": float(-np.log2(chance).sum() / 8),
        "ours": {"bytes": len(data), "encode_s": encode_s, "decode_s": decode_s, "cut_at": "any byte"},
        "constriction": {"bytes": 4 * len(words), "encode_s": their_encode_s, "decode_s": their_decode_s,
                         "cut_at": "32-bit words"},
    }  # fmt: skip


def middles(rows: list[list[Pixels | None]]) -> Image.Image:
    """The middle of each photo: original, ours, AVIF, WebP, JPEG, in the pixels that were judged."""
    part = slice((SIDE - SHOWN) // 2, (SIDE + SHOWN) // 2)
    shown = [[image if image is None else image[part, part] for image in row] for row in rows]
    return sheet(shown, gap=4).quantize(256, dither=Image.Dither.FLOYDSTEINBERG)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sheet", type=Path, help="draw originals and what 1 KB makes of them into this PNG")
    given = parser.parse_args()
    ours, perceptual = PhotoLatent(), PackagedPerceptual()
    chosen = photos.held_out_photos()
    scores: dict[int, dict[str, list[Any]]] = {n: {name: [] for name in ("photo", *RIVALS)} for n in SIZES}
    prefixes: dict[int, list[Any]] = {n: [] for n in PREFIXES}
    rows, seconds = [], []
    for photo in chosen:
        original = picture(photo)
        rivals = {name: Rival(original, name) for name in RIVALS}
        for n in SIZES:
            latent, _, encode_s = timed(lambda n=n, original=original: ours.encode(original, n))  # type: ignore[misc]
            rebuilt, _, decode_s = timed(lambda latent=latent: ours.decode(latent, (SIDE, SIDE)))  # type: ignore[misc]
            seconds.append((n, encode_s + decode_s))
            assert len(latent.data) <= n
            pictures = {"photo": rebuilt} | {name: rival.best(n) for name, rival in rivals.items()}
            for name, shown in pictures.items():
                scores[n][name].append((np.nan,) * 3 if shown is None else judge(original, shown, perceptual))
            if n == 1024:
                rows.append([original, *pictures.values()])
            if n == 4096:
                for cut in PREFIXES:
                    part = ours.decode(Latent("photo", latent.data[:cut]), (SIDE, SIDE))
                    prefixes[cut].append(judge(original, part, perceptual))
        print(photo.name, *(round(float(scores[1024][name][-1][0]), 2) for name in scores[1024]), flush=True)
    figures = {
        "n": len(chosen),
        "seconds_encode_and_decode": {n: round(float(np.mean([s for m, s in seconds if m == n])), 3) for n in SIZES},
        "sizes": {n: table({name: np.array(v) for name, v in scores[n].items()}) for n in SIZES},
        "prefixes_of_4096": {
            n: {m: with_interval(np.array(v)[:, k]) for k, m in enumerate(("psnr", "ssim", "perceptual"))}
            for n, v in prefixes.items()
        },
        "range_coders": coders(),
        "photos": [f"{p.name} ({p.author}, {p.licence})" for p in chosen],
    }
    report.write(
        "photo_latent", figures=figures, models=["latent-photo"],
        data="held_out_photos() of training/data/photos.py, central squares at 256 x 256",
    )  # fmt: skip
    if given.sheet:
        free = [k for k, p in enumerate(chosen) if _FREELY_SHARED.match(p.licence)]
        picked = middles([rows[k] for k in free])
        given.sheet.parent.mkdir(parents=True, exist_ok=True)
        picked.save(given.sheet, optimize=True)
        print(*(f"{chosen[k].name}: {chosen[k].author}, {chosen[k].licence}" for k in free), sep="\n")


if __name__ == "__main__":
    main()
