"""PFP-30 from the packages, captioned, split by family and exported; and which collections made of others are found.

    python -m benchmarks.collection_splits [--count 100] [--keep FOLDER]

families: PFP-30 beside collections that were made of six of its own by a transform, under names that say nothing; `same`
has the tokens of its original, `others` tokens that the original does not have. found: of so many of a kind, how many
are in one family with their original; neutral: DiceBear's `-neutral` styles, drawings of the same faces, under such names
too. wrong: pairs of unrelated collections that were joined. by_name: the neutral styles found under their own names.
The thresholds were chosen on other collections made of others (punks, micah, open-peeps, lorelei, toon-head by mirror,
hue and ground), but on the same unrelated ones.
split: PFP-30 by itself: pairs that were wanted and obtained, by part. card: its figures beside NFT1000's.
"""

from __future__ import annotations

import argparse
import resource
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
from gistchain.collection.known import dicebear, nouns, pfp30, punks, robohash
from gistchain.collection.splits.families import ALIKE, COPIES, LOOKED_AT, NEAR, PDQ_BITS, SHARE, families
from gistchain.collection.splits.make import How, split
from gistchain.collection.splits.sample import SIZE, Sample, sampled
from gistchain.collection.tokens import Tokens
from gistchain.rareness.check import Checker
from gistchain.settings import load
from gistchain.types import Pixels
from tests.support.collections import put_tokens

_SIDE = 256
ORIGINALS = ("cameo", "planets", "miniavs", "robohash-4", "voxel-art", "clay")
NEUTRAL = ("adventurer", "avataaars", "big-ears", "bottts", "croodles", "lorelei", "notionists", "pixel-art")


def tokens(name: str, start: int, count: int) -> Tokens:
    """`count` tokens of a collection from a number on. Here the real importer takes the place of the fixture's code."""
    if name == "nouns":
        every = nouns.tokens(nouns.sample(start + count, rng=np.random.default_rng(1), held=False))
        return _part(every, range(start, start + count))
    if name == "punks":
        return _part(punks.tokens(), range(start, start + count))
    return pfp30.drawn(name, [f"train-{n}" for n in range(start, start + count)], size=_SIDE)


def licence(name: str) -> str:
    if name in ("punks", "nouns"):
        return "Larva Labs" if name == "punks" else "CC0 1.0"
    return robohash.credit(name) if name in robohash.SETS else dicebear.credit(name)


def _part(every: Tokens, numbers: range) -> Tokens:
    which = list(numbers)
    names = tuple(every.names[n] for n in which)
    return replace(every, names=names, images=every.images[which], labels=every.labels[which])


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


def made(count: int) -> Iterator[tuple[str, str, Tokens, list[str]]]:
    """(kind, original, tokens, ids) of each collection that is made of another."""
    for name in ORIGINALS:
        same, others = tokens(name, 0, count), tokens(name, count, count)
        for kind, change in TRANSFORMS.items():
            yield f"{kind}, same", name, _changed(same, change), list(map(str, range(count)))
        for kind in OTHERS:
            yield f"{kind}, others", name, _changed(others, TRANSFORMS[kind]), list(map(str, range(count, 2 * count)))


def _changed(given: Tokens, change: Callable[[Pixels], Pixels]) -> Tokens:
    return replace(given, images=np.stack([change(image) for image in given.images]))


def families_found(home: Path, checker: Checker, count: int) -> dict[str, Any]:
    """What `families` finds among PFP-30, what was made of it, and DiceBear's neutral styles."""
    samples = {name: sampled(home / "imports" / name, checker) for name in pfp30.ALL}
    of: dict[str, tuple[str, str]] = {}  # opaque name -> kind, original
    neutral: list[tuple[Sample, Sample]] = []
    for number, (kind, original, drawn, ids) in enumerate(made(count)):
        opaque = replace(drawn, traits=replace(drawn.traits, subject=f"Made {number}"))
        samples[f"m{number:03d}"] = sampled(put_tokens(home, f"m{number:03d}", opaque, ids=ids, side=_SIDE), checker)
        of[f"m{number:03d}"] = kind, original
        print(f"m{number:03d}", kind, original, flush=True)
    for number, style in enumerate(NEUTRAL):
        two = []
        for name in (style, f"{style}-neutral"):
            opaque_name = name if name in pfp30.ALL else f"n{number}{'n' if name != style else 'o'}"
            if opaque_name not in samples:
                drawn = dicebear.tokens(name, [f"train-{n}" for n in range(count)], size=_SIDE)
                drawn = replace(drawn, traits=replace(drawn.traits, subject=f"Drawn {opaque_name}"))
                samples[opaque_name] = sampled(put_tokens(home, opaque_name, drawn, side=_SIDE), checker)
            two.append(samples[opaque_name])
        of[two[1].name] = "neutral", two[0].name
        neutral.append((two[0], two[1]))
    found, wall_s, cpu_s = report.timed(lambda: families(list(samples.values()), checker))
    kinds = sorted({kind for kind, _ in of.values()})
    root = {name: of[name][1] if name in of else name for name in samples}
    together = {
        kind: [of_ for name, (its, of_) in of.items() if its == kind and found.of(name) == found.of(of_)]
        for kind in kinds
    }
    wrong = [
        [pair.one, pair.other, pair.why, pair.near, pair.of]
        for pair in found.joined
        if root[pair.one] != root[pair.other]
    ]
    told = [
        (replace_name(one, style), replace_name(other, f"{style}-neutral"))
        for (one, other), style in zip(neutral, NEUTRAL, strict=True)
    ]
    return {
        "collections": len(samples),
        "pairs": len(list(combinations(samples, 2))),
        "found": {kind: [len(names), sum(its == kind for its, _ in of.values())] for kind, names in together.items()},
        "missed": {
            kind: [o for n, (its, o) in of.items() if its == kind and found.of(n) != found.of(o)] for kind in kinds
        },
        "wrong": wrong,
        "by_name": [sum(len(families(list(pair)).families) == 1 for pair in told), len(told)],
        "closest": None
        if found.closest is None
        else [found.closest.one, found.closest.other, found.closest.near, found.closest.of],
        "not_looked_at": found.unseen,
        "compare_s": round(wall_s, 1),
        "compare_cpu_s": round(cpu_s, 1),
    }


def replace_name(sample: Sample, name: str) -> Sample:
    """The same sample under another name."""
    return replace(sample, folder=sample.folder.parent / name)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=100, help="tokens of each collection")
    options.add_argument("--keep", type=Path, help="write the data set here and leave it")
    given = options.parse_args()
    with TemporaryDirectory() as temporary:
        home = Path(temporary) / "home"
        checker = systems.checker(load({"home": Path(temporary) / "empty"}, {}))
        captions: dict[str, Any] = {}
        for name in pfp30.ALL:
            folder = put_tokens(home, name, tokens(name, 0, given.count), licence=licence(name))
            done = caption_collection(folder, CaptionHow())
            captions[name] = {"tokens": done.tokens, "different": done.different, "shared": done.shared}
            print(name, flush=True)
        folders = [home / "imports" / name for name in pfp30.ALL]
        out = given.keep or Path(temporary) / "out"
        made_split, wall_s, cpu_s = report.timed(lambda: split(folders, How("PFP-30"), checker, output=out))
        again = {path.name: path.stat().st_size for path in out.rglob("*") if path.is_file()}
        figures = {
            "split": made_split.parts(),
            "families": [list(one.members) for one in made_split.families.families if len(one.members) > 1],
            "joined": [[one.one, one.other, one.why, one.near, one.of] for one in made_split.families.joined],
            "card": {
                "pairs": sum(made_split.obtained(row["part"]) for row in made_split.parts()),
                "themes": made_split.themes,
                "phrases": made_split.phrases,
                "published": made_split.as_json()["published"],
            },
            "captions": captions,
            "files": len(again),
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
        data=f"PFP-30, {given.count} tokens of each; {len(ORIGINALS)} of its collections changed; {len(NEUTRAL)} styles "
        "of DiceBear and their neutral ones",
        thresholds=thresholds,
        figures=figures,
    )


if __name__ == "__main__":
    main()
