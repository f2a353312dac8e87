"""A maker's own collection -> a model that captions and paints it, with a report on tokens that it never saw.

Everything is learnt here, on the processor, in a minute or two (models/layers). The labels of metadata say what was put
into a picture, not what can be seen of it; so the layers are fitted twice: the first fit shows which traits are hidden
behind others, the second learns from what is left. Types whose values no pixel tells apart are left out of captions.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain.collection import folder as folders
from gistchain.collection.tokens import Tokens
from gistchain.errors import CollectionError
from gistchain.models.layers.learn import learn
from gistchain.models.layers.model import SIDE, Floats, Layers, pack, to_pixels, unpack
from gistchain.models.layers.read import Reader
from gistchain.traits import Traits
from gistchain.types import Pixels

_VISIBLE = 16 / 127.5  # a trait whose removal changes no pixel by this much, of 2, can't be seen
_MOST_JUDGED = 300
_SHOWN = 24

Progress = Callable[[str, float], None]
"""What is being done, and how much of it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Held-out tokens: exact is the share whose whole caption is right, by_type that of each trait type, confident the
    share whose caption would be accepted, wrong_though_confident the share accepted and not right; ssim a mean."""

    tokens: int
    exact: float
    by_type: dict[str, float]
    confident: float
    wrong_though_confident: float
    ssim: float
    pictures: tuple[tuple[str, str, str, Pixels, Pixels], ...]  # name, true caption, caption read, picture, painted


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What came of it. model, card, report: the files. unreadable: types that the pixels do not show."""

    traits: Traits
    model: Path
    card: Path
    report: Path
    judged: Judged
    notes: tuple[str, ...]
    unreadable: tuple[str, ...]
    cpu_minutes: float


def train(
    source: Path,
    shelf: Path,
    *,
    name: str,
    subject: str = "",
    skip: bool = False,
    progress: Progress = lambda what, share: None,
) -> Trained:
    """Learns the collection in `source` and puts its files on the shelf. Interrupted, the same call goes on.

    Raises CollectionError or ImageError for a folder that can't be learnt from; nothing on the shelf changes then.
    """
    from gistchain.collection.trained_report import write

    started = time.process_time()
    found = folders.listed(source, name=name, subject=subject, skip=skip)
    work = shelf / f".training-{name}-{found.digest[:12]}"
    work.mkdir(parents=True, exist_ok=True)
    tokens = _read(found, work / "tokens.npz", lambda share: progress("reading the images", share))
    spent = _spent(work)
    kept = folders.held_out(tokens.names)
    if kept.sum() < 5:
        raise CollectionError(f"{source}: too few tokens to hold some out; at least {folders.LEAST_TOKENS} are needed")
    pictures = (tokens.images.astype(np.float32) / 127.5 - 1).reshape(len(tokens), -1, 3)
    first = _fitted(pictures[~kept], tokens.labels[~kept], tokens.traits, work / "first", progress)
    seen = np.stack([_visible(first, row) for row in tokens.labels])
    layers = _fitted(pictures[~kept], seen[~kept], tokens.traits, work / "second", progress)
    unreadable = tuple(t for t, worth in zip(tokens.traits.types, layers.sharpness, strict=True) if not worth)
    raw = pack(layers)
    judged = _judge(unpack(raw, name), tokens, pictures, seen, np.flatnonzero(kept)[:_MOST_JUDGED], progress)
    minutes = (spent + time.process_time() - started) / 60
    trained = Trained(
        tokens.traits,
        shelf / f"collection-{name}.layers",
        shelf / f"collection-{name}.json",
        shelf / f"collection-{name}.html",
        judged,
        found.notes,
        unreadable,
        minutes,
    )
    _put(trained.report, write(trained).encode())
    _put(trained.model, raw)
    _put(trained.card, (json.dumps(_card(trained, raw, len(tokens)), indent=1) + "\n").encode())
    for path in work.iterdir():
        path.unlink()
    work.rmdir()
    return trained


def _read(found: folders.Listed, cache: Path, progress: Callable[[float], None]) -> Tokens:
    if cache.exists():
        with np.load(cache, allow_pickle=False) as kept:
            return Tokens(found.traits, tuple(t.name for t in found.tokens), kept["images"], kept["labels"])
    tokens = folders.read(found, SIDE, progress)
    part = cache.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, images=tokens.images, labels=tokens.labels)
    part.replace(cache)
    return tokens


def _fitted(pictures: Floats, labels: NDArray[np.int64], traits: Traits, path: Path, progress: Progress) -> Layers:
    """Kept as a file, so that an interrupted training does not begin anew."""
    kept, clock = path.with_suffix(".layers"), path.with_suffix(".clock")
    what = f"fitting the layers, {path.name} time"
    if not kept.exists():
        started, before = time.process_time(), float(clock.read_text()) if clock.exists() else 0.0

        def told(share: float) -> None:
            clock.write_text(str(before + time.process_time() - started))
            progress(what, share)

        layers = learn(pictures, labels, traits, progress=told, checkpoint=path.with_suffix(".npz"))
        _put(kept, pack(layers))
    progress(what, 1.0)
    return unpack(kept.read_bytes(), kept.name)


def _spent(work: Path) -> float:
    """CPU seconds of earlier, interrupted runs."""
    return sum(float(path.read_text()) for path in work.glob("*.clock"))


def _visible(layers: Layers, row: NDArray[np.int64]) -> NDArray[np.int64]:
    """The labels without those whose absence the painted picture would not show."""
    whole, seen = layers.picture(row), row.copy()
    for t in np.flatnonzero(row):
        without = row.copy()
        without[t] = 0
        if np.abs(layers.picture(without) - whole).max() < _VISIBLE:
            seen[t] = 0
    return seen


def _judge(
    layers: Layers,
    tokens: Tokens,
    pictures: Floats,
    seen: NDArray[np.int64],
    held: NDArray[np.int64],
    progress: Progress,
) -> Judged:
    from gistchain.score.fidelity import ssim

    reader, traits = Reader(layers), tokens.traits
    readable = layers.sharpness > 0
    right, sure, similar, shown = [], [], [], []
    for number, k in enumerate(held):
        true = np.where(readable, seen[k], 0)
        reading = reader.read(pictures[k])
        painted = to_pixels(layers.picture(reading.labels))
        right.append(reading.labels == true)
        sure.append(reader.confidence(reading) >= 0.5)
        similar.append(ssim(tokens.image(k), to_pixels(layers.picture(true))))
        if number < _SHOWN:
            captions = traits.caption(true.tolist()), traits.caption(reading.labels.tolist())
            shown.append((tokens.names[k], *captions, tokens.image(k), painted))
        progress("reading held-out tokens", (number + 1) / len(held))
    exact, confident = np.all(right, 1), np.array(sure)
    by_type = {t: float(share) for t, share, r in zip(traits.types, np.mean(right, 0), readable, strict=True) if r}
    return Judged(
        len(held),
        float(exact.mean()),
        by_type,
        float(confident.mean()),
        float((confident & ~exact).mean()),
        float(np.mean(similar)),
        tuple(shown),
    )


def _card(trained: Trained, raw: bytes, tokens: int) -> dict[str, object]:
    judged = trained.judged
    return {
        "kind": "collection",
        "collection": trained.traits.collection,
        "subject": trained.traits.subject,
        "data": f"{tokens} tokens of the maker's own folder",
        "licence": "the maker's own",
        "recipe": "gistchain collection train",
        "tokens": tokens - judged.tokens,
        "cpu_minutes": round(trained.cpu_minutes, 2),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "held_out": {"n": judged.tokens, "exact_match": judged.exact, "ssim": judged.ssim},
    }


def _put(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
