"""Pictures by all systems of the radio over the same noise, at equal channel uses: rows that can be continued.

    python -m benchmarks.link_systems tokens --rows rows/tokens.jsonl
    python -m benchmarks.link_systems photos --rows rows/photos.jsonl --shard 0/2
    python -m benchmarks.link_systems photos --rows rows/mine.jsonl --images DIR
    python -m benchmarks.link_systems_summary rows/*.jsonl

tokens: 120 held-out tokens of eight collections, two of which no model here knows. photos: a crop of 512 x 512 of each
of the 46 held-out photos (S2.5); --images: of every picture of a folder instead. A row has SSIM, perceptual distance
(EfficientNet-lite0), cosine of EfficientNet-lite1's features, which chose nothing here, the caption that was read, uses
and seconds. What did not arrive has SSIM and cosine 0, and the perceptual distance of a grey picture.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import gistchain
from benchmarks.link_rows import Key, Row, Rows
from benchmarks.spelling import SymSpellCorrector
from gistchain.collection.known import pfp30
from gistchain.errors import CaptionError
from gistchain.gist.packet import pack
from gistchain.image import png_bytes, read_image
from gistchain.link.channel import open_link
from gistchain.models.packaged.networks import network
from gistchain.models.packaged.perceptual import PackagedPerceptual
from gistchain.senders import TextOptions, sender
from gistchain.sending.adaptive import Adaptive
from gistchain.sending.compare import once
from gistchain.sending.given import AsGiven
from gistchain.sending.imagefile import ImageLdpc
from gistchain.sending.multi import MultiText, PreparedMulti
from gistchain.sending.text import TextOnly
from gistchain.systems import Rosis, fidelity, rosis
from gistchain.types import ChannelName, Conditions, Gist, Picture, Pixels, Prepared, Sender, Sent
from training.data import photos

COLLECTIONS = "punks", "nouns", "pixel-art", "lorelei", "robohash-1", "voxel-bot", "micah", "planets"
EACH = 15
SNRS_DB = -5.0, 0.0, 5.0, 10.0, 15.0, 20.0
BUDGETS = {"tokens": (128, 256, 1024), "photos": (1024, 4096, 16_384)}
SYSTEMS = (
    "gist", "text_coded", "text_only", "text_only_hard", "image_ldpc", "image_ldpc_fixed", "img2img_sc",
    "img2img_sc_analogue", "rosis",
)  # fmt: skip
VARIANTS = {
    "multi_sc 2 texts": TextOptions(count=2),
    "multi_sc 9 texts": TextOptions(count=9),
    "multi_sc texts of all": TextOptions(behind=False),
    "multi_sc no slice": TextOptions(cut=False),
    "multi_sc lambda 0": TextOptions(weight=0.0),
    "multi_sc lambda .5": TextOptions(weight=0.5),
    "multi_sc short": TextOptions(most_phrases=2),
    "multi_sc ROSIS": TextOptions(isotopes=4),
    "multi_sc uncoded": TextOptions(coded=False, corrector="none", voted=False),
    "multi_sc voted": TextOptions(coded=False, corrector="none"),
    "multi_sc corrected": TextOptions(coded=False),
    "multi_sc SymSpell": TextOptions(coded=False, corrector="none"),
    "multi_sc soft": TextOptions(coded=False, corrector="none", soft=True),
}
"""Ablations of S4: multi_sc without a part, or with another one. The last five are without a code."""
_SIDE = 512
_GREY = 128


def token_pictures() -> Iterator[Picture]:
    """In turn from each collection, so that a part of them has all."""
    drawn = {name: pfp30.held_out(name, EACH, size=256) for name in COLLECTIONS}
    for number, name in itertools.product(range(EACH), COLLECTIONS):
        yield _picture(f"{name}-{number}", drawn[name].image(number))


def photo_pictures() -> Iterator[Picture]:
    # In an order by lot, so that a part of them is no choice.
    found = photos.held_out_photos()
    for photo in (found[k] for k in np.random.default_rng(7).permutation(len(found))):
        yield _picture(photo.name, photos.crop(photo, _SIDE, rng=np.random.default_rng(0)))


def folder_pictures(folder: Path) -> Iterator[Picture]:
    """Each as a square of 512 x 512 from its middle (S2.5)."""
    from PIL import Image, ImageOps

    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        whole = Image.fromarray(read_image(path.read_bytes(), path.name).pixels)
        yield _picture(path.name, np.asarray(ImageOps.fit(whole, (_SIDE, _SIDE), Image.Resampling.LANCZOS)))


def _picture(name: str, pixels: Pixels) -> Picture:
    return read_image(png_bytes(pixels), name)


def memoised(made: Sender) -> Sender:
    """The same sender; what its receiver paints of a gist is painted once, however often that gist arrives."""
    if isinstance(made, (Adaptive, TextOnly, AsGiven)):
        return replace(made, rebuild=_once_a_gist(made.rebuild))
    if isinstance(made, ImageLdpc):
        return replace(made, show=_once_a_gist(made.show))
    if isinstance(made, MultiText):
        return replace(made, paint=functools.lru_cache(64)(made.paint))
    return made


def _once_a_gist(paint: Callable[[Gist], Any]) -> Callable[[Gist], Any]:
    kept: dict[bytes, Any] = {}

    def painted(gist: Gist) -> Any:
        whole = replace(gist, damaged=frozenset())
        key = (pack(whole) if gist.captions or gist.layers else b"") + ",".join(sorted(gist.damaged)).encode()
        if key not in kept:
            if len(kept) > 200:
                kept.clear()
            kept[key] = paint(gist)
        return kept[key]

    return painted


class Measured:
    """The measures of pictures beside one original, each picture once."""

    def __init__(self, original: Pixels) -> None:
        self.original, self._kept = original, dict[bytes, Row]()
        self._features = _features(original)
        grey = np.full_like(original, _GREY)
        distance = PackagedPerceptual().distance(_seen(original), _seen(grey))
        self._nothing = {"ssim": 0.0, "perceptual": round(distance, 5), "cosine": 0.0}

    def of(self, picture: Pixels | None) -> Row:
        if picture is None:
            return self._nothing
        key = hashlib.sha256(picture.tobytes()).digest()
        if key not in self._kept:
            self._kept[key] = {
                "ssim": round(fidelity(self.original, picture), 5),
                "perceptual": round(PackagedPerceptual().distance(_seen(self.original), _seen(picture)), 5),
                "cosine": round(float(self._features @ _features(picture)), 5),
            }
        return self._kept[key]


def _seen(image: Pixels) -> Pixels:
    """Small pictures as they are shown: each pixel a square."""
    times = max(1, 256 // max(image.shape[:2]))
    return image.repeat(times, 0).repeat(times, 1)


def _features(image: Pixels) -> Any:
    pooled = network("efficientnet-lite1").run(_seen(image)).pooled.astype(np.float64)
    return pooled / np.linalg.norm(pooled)


def measure(
    rows: Rows, picture: Picture, number: int, *, systems: Sequence[str], channel: ChannelName,
    snrs_db: Sequence[float], budgets: Sequence[int], seeds: int,
) -> None:  # fmt: skip
    """Adds every row of a picture that is not there yet."""
    measured = Measured(picture.pixels)
    for system in systems:
        wanted = [
            Key(system, gistchain.__version__, picture.name, channel, snr_db, budget, seed)
            for snr_db, budget, seed in itertools.product(snrs_db, budgets, range(seeds))
        ]
        missing = [key for key in wanted if key not in rows]
        prepared, refusal = _prepared(system, picture) if missing else (None, "")
        for key in missing:
            started = time.process_time()
            sent: Sent | None = None
            why = refusal
            if prepared is not None:
                conditions = Conditions(channel, key.snr_db, key.budget)
                noise = number, key.seed
                _, sent, why = once(
                    picture, prepared, open_link(channel, key.snr_db), conditions, noise, lambda a, b: 0.0
                )
            seconds = time.process_time() - started
            found = measured.of(None if sent is None else sent.picture)
            rows.add(
                key, found | _told(sent, why) | {"cpu_s": round(seconds, 3), "caption": meant(prepared, picture, sent)}
            )


def _told(sent: Sent | None, refused: str) -> Row:
    if sent is None:
        return {"refused": refused, "uses": None, "read": "", "seen": False, "lost": []}
    return {
        "refused": "", "uses": sent.uses, "read": sent.caption, "seen": sent.picture is not None,
        "certain": sent.certain, "lost": list(sent.lost), "form": [block.layers for block in sent.blocks],
    }  # fmt: skip


def _prepared(system: str, picture: Picture) -> tuple[Prepared | None, str]:
    try:
        return _sender(system).prepare(picture), ""
    except CaptionError as error:
        return None, str(error)


@functools.cache
def _sender(system: str) -> Sender:
    if system in VARIANTS:
        made = sender("multi_sc", texts=VARIANTS[system], system=_models())
        if isinstance(made, MultiText) and system.endswith("SymSpell"):
            made = replace(made, corrector=SymSpellCorrector())
        return memoised(made)
    return memoised(sender(system, system=_models()))


@functools.cache
def _models() -> Rosis:
    return rosis()


def meant(prepared: Prepared | None, picture: Picture, sent: Sent | None) -> str:
    """What is read where all of it arrives."""
    if not isinstance(prepared, PreparedMulti):
        return said_of(picture)
    return prepared.meant(with_slice=sent is not None and sent.blocks[-1].layers == "subject").caption


@functools.lru_cache(4)
def said_of(picture: Picture) -> str:
    """What the captioner says, whether a system sends it or not."""
    try:
        text: str = _sender("text_coded").describe(picture).gist.caption  # type: ignore[attr-defined]
    except CaptionError:
        return ""
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("tokens", "photos"))
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--channel", default="awgn", choices=("awgn", "rayleigh-block", "rayleigh-fast"))
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="with commas; variants: those of multi_sc")
    parser.add_argument("--snr-db", default=",".join(f"{snr_db:g}" for snr_db in SNRS_DB))
    parser.add_argument("--budgets", default="")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--most", type=int, default=1000, help="pictures")
    parser.add_argument("--shard", default="0/1", help="this process's part of the pictures")
    given = parser.parse_args()
    part, parts = map(int, given.shard.split("/"))
    made = token_pictures() if given.part == "tokens" else photo_pictures()
    pictures = list(itertools.islice(folder_pictures(given.images) if given.images else made, given.most))
    budgets = [int(budget) for budget in given.budgets.split(",")] if given.budgets else BUDGETS[given.part]
    systems = list(VARIANTS) if given.systems == "variants" else given.systems.split(",")
    with Rows(given.rows) as rows:
        for number, picture in enumerate(pictures):
            if number % parts != part:
                continue
            started = time.process_time()
            measure(
                rows, picture, number, systems=systems, channel=given.channel,
                snrs_db=[float(snr_db) for snr_db in given.snr_db.split(",")], budgets=budgets, seeds=given.seeds,
            )  # fmt: skip
            print(f"{number + 1}/{len(pictures)} {picture.name} {time.process_time() - started:.1f} CPU-s", flush=True)


if __name__ == "__main__":
    main()
