"""PFP-30 from the packages, captioned, split by family and exported; and which collections made of others are found.

    python -m benchmarks.collection_splits [--count 100] [--home FOLDER] [--keep FOLDER]

found: PFP-30 beside collections that were made of four of its own by a transform, under names that say nothing; `same`
has the tokens of its original, `others` tokens that the original does not have; how many of a kind are in one family
with their original. neutral: DiceBear's `-neutral` styles, drawings of the same faces, under such names too; by_name:
under their own. wrong: pairs of unrelated collections that were joined. The thresholds were chosen on other collections
made of others (punks, micah, open-peeps, lorelei, toon-head by mirror, hue and ground), but on the same unrelated ones.
split: PFP-30 by itself: pairs that were wanted and obtained, by part. card: its figures beside NFT1000's.
"""

from __future__ import annotations

import argparse
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from benchmarks import report
from gistchain import systems
from gistchain.collection.captions.make import How as CaptionHow
from gistchain.collection.captions.make import caption_collection
from gistchain.collection.imports.packaged import Packaged, each_of
from gistchain.collection.imports.run import run as run_import
from gistchain.collection.known import dicebear, pfp30, robohash
from gistchain.collection.splits.families import ALIKE, COPIES, LOOKED_AT, NEAR, PDQ_BITS, SHARE, Joined, families
from gistchain.collection.splits.make import How, split
from gistchain.collection.splits.sample import SIZE, Sample, sampled
from gistchain.rareness.check import Checker
from gistchain.settings import load
from gistchain.types import Pixels
from tests.support.collections import put

_SIDE = 256
ORIGINALS = ("cameo", "planets", "robohash-4", "voxel-art")
NEUTRAL = ("adventurer", "avataaars", "big-ears", "bottts", "croodles", "lorelei", "notionists", "pixel-art")


def drawn(name: str, numbers: range) -> list[Pixels]:
    """Pictures of a collection by their numbers, as `gistchain collection import` draws them but smaller."""
    if name in robohash.SETS:
        return list(robohash.tokens(name, list(map(str, numbers)), size=_SIDE).images)
    return [dicebear.avatar(name, {"seed": str(number)}, _SIDE) for number in numbers]


def _framed(image: Pixels) -> Pixels:
    size = image.shape[0]
    edge = size * 5 // 32
    framed = np.full_like(image, 30)
    framed[edge:-edge, edge:-edge] = cv2.resize(image, (size - 2 * edge,) * 2, interpolation=cv2.INTER_AREA)
    return framed


def _cropped(image: Pixels) -> Pixels:
    size = image.shape[0]
    edge = size // 8
    return np.asarray(cv2.resize(image[edge:-edge, edge:-edge], (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)


def _hue(image: Pixels) -> Pixels:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + 90) % 180  # of 180: the opposite colour
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


TRANSFORMS: dict[str, Callable[[Pixels], Pixels]] = {
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "opposite hue": _hue,
    "inverted": lambda image: 255 - image,
    "framed": _framed,
    "cropped to 75%": _cropped,
}
OTHERS = ("mirrored", "opposite hue")
"""Transforms that are also tried with tokens that the original does not have."""


def made(count: int) -> Iterator[tuple[str, str, list[Pixels], range]]:
    """(kind, original, pictures, their numbers) of each collection that is made of another."""
    same, others = range(count), range(count, 2 * count)
    for name in ORIGINALS:
        pictures, more = drawn(name, same), drawn(name, others)
        for kind, change in TRANSFORMS.items():
            yield f"{kind}, same", name, [change(image) for image in pictures], same
        for kind in OTHERS:
            yield f"{kind}, others", name, [TRANSFORMS[kind](image) for image in more], others


def _sample(home: Path, checker: Checker, name: str, pictures: list[Pixels], numbers: range) -> Sample:
    """The sample of a collection of these pictures, which have no traits."""
    folder = put(home, name, pictures, [()] * len(pictures), list(map(str, numbers)), side=_SIDE)
    return sampled(folder, checker)


def families_found(home: Path, checker: Checker, count: int) -> dict[str, Any]:
    """What `families` finds among PFP-30, what was made of it, and DiceBear's neutral styles."""
    samples = {name: sampled(home / "imports" / name, checker) for name in pfp30.ALL}
    of: dict[str, tuple[str, str]] = {}  # opaque name -> kind, original
    for number, (kind, original, pictures, numbers) in enumerate(made(count)):
        name = f"m{number:03d}"
        samples[name] = _sample(home, checker, name, pictures, numbers)
        of[name] = kind, original
        print(name, kind, original, flush=True)
    neutral = []
    for number, style in enumerate(NEUTRAL):
        plain = _drawn(home, checker, samples, style, style if style in pfp30.ALL else f"n{number:03d}", count)
        other = _drawn(home, checker, samples, f"{style}-neutral", f"k{number:03d}", count)
        of[other.name] = "neutral", plain.name
        neutral.append((_called(plain, style), _called(other, f"{style}-neutral")))
    found, wall_s, cpu_s = report.timed(lambda: families(list(samples.values()), checker))
    root = {name: of[name][1] if name in of else name for name in samples}
    missed = {name: of[name] for name in of if found.of(name) != found.of(of[name][1])}
    kinds = {kind: [name for name in of if of[name][0] == kind] for kind, _ in sorted(of.values())}
    return {
        "collections": len(samples),
        "pairs": len(list(combinations(samples, 2))),
        "found": {kind: [sum(name not in missed for name in names), len(names)] for kind, names in kinds.items()},
        "missed": sorted(missed.values()),
        "joined_by": Counter(pair.why for pair in found.joined),
        "wrong": [_told(pair) for pair in found.joined if root[pair.one] != root[pair.other]],
        "by_name": [sum(len(families(pair).families) == 1 for pair in neutral), len(neutral)],
        "closest": None if found.closest is None else _told(found.closest),
        "not_looked_at": found.unseen,
        "compare_s": round(wall_s, 1),
        "compare_cpu_s": round(cpu_s, 1),
    }


def _drawn(home: Path, checker: Checker, samples: dict[str, Sample], style: str, name: str, count: int) -> Sample:
    """The sample of a style under a name, made where it is not there yet."""
    if name not in samples:
        samples[name] = _sample(home, checker, name, drawn(style, range(count)), range(count))
    return samples[name]


def _called(sample: Sample, name: str) -> Sample:
    return replace(sample, folder=sample.folder.parent / name)


def _told(pair: Joined) -> list[Any]:
    return [pair.one, pair.other, pair.why, pair.near, pair.of]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=100, help="tokens of each collection")
    options.add_argument("--keep", type=Path, help="write the data set here and leave it")
    options.add_argument("--home", type=Path, help="import here, or go on there; by default a temporary folder")
    given = options.parse_args()
    with TemporaryDirectory() as temporary:
        home = given.home or Path(temporary) / "home"
        checker = systems.checker(load({"home": Path(temporary) / "empty"}, {}))
        captions: dict[str, Any] = {}
        for name, source in zip(pfp30.ALL, each_of("pfp-30"), strict=True):
            folder = home / "imports" / name
            imported = run_import(folder, Packaged(source, name=name), limit=given.count)
            assert not imported.failed, imported.problems
            done = caption_collection(folder, CaptionHow())
            captions[name] = {"tokens": done.tokens, "different": done.different, "shared": done.shared}
            print(name, flush=True)
        folders = [home / "imports" / name for name in pfp30.ALL]
        out = given.keep or Path(temporary) / "out"
        made_split, wall_s, cpu_s = report.timed(lambda: split(folders, How("PFP-30"), checker, output=out))
        figures = {
            "split": made_split.parts(),
            "families": [list(one.members) for one in made_split.families.families if len(one.members) > 1],
            "joined": [_told(one) for one in made_split.families.joined],
            "card": {
                "pairs": sum(made_split.obtained(row["part"]) for row in made_split.parts()),
                "themes": made_split.themes,
                "phrases": made_split.phrases,
                "published": made_split.as_json()["published"],
            },
            "captions": captions,
            "files": sum(path.is_file() for path in out.rglob("*")),
            "picture_bytes": made_split.size_bytes,
            "split_s": round(wall_s, 1),
            "split_cpu_s": round(cpu_s, 1),
            "found": families_found(home, checker, given.count),
            "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    thresholds = {
        "near": NEAR, "pdq_bits": PDQ_BITS, "share": SHARE, "alike": ALIKE, "looked_at": LOOKED_AT, "copies": COPIES,
        "sample": SIZE,
    }  # fmt: skip
    report.write(
        "collection_splits",
        data=f"PFP-30, {given.count} tokens of each; {len(ORIGINALS)} of them changed; {len(NEUTRAL)} DiceBear styles "
        "and their neutral ones",
        thresholds=thresholds,
        figures=figures,
    )


if __name__ == "__main__":
    main()
