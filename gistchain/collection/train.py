"""A maker's own collection -> a model that captions and paints it, with a report on tokens that it never saw.

Everything is learnt here, on the processor, in a minute or two (models/layers). The labels of metadata say what was put
into a picture, not what can be seen of it; so the layers are fitted twice: the first fit shows which traits are hidden
behind others, the second learns from what is left. Types whose values no pixel tells apart are left out of captions.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain import __version__
from gistchain.collection import folder as folders
from gistchain.collection.tokens import Tokens
from gistchain.collection.work import Work, opened
from gistchain.errors import CollectionError
from gistchain.models.layered.fit import Fitted
from gistchain.models.layered.learn import learn
from gistchain.models.layered.model import SIDE, Floats, Layers, pack, to_pixels, unpack
from gistchain.models.layered.read import VISIBLE, Reader, absence
from gistchain.models.traitnet.captioner import area_average
from gistchain.traits import Traits
from gistchain.types import Pixels

_MOST_JUDGED = 300
_SHOWN = 24

Progress = Callable[[str, float], None]
"""What is being done, and how much of it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Held-out tokens: exact is the share whose whole caption is right, by_type that of each trait type, guessed what
    that would be if always the commonest value were said, confident the share whose caption would be accepted,
    wrong_though_confident the share accepted and not right; ssim a mean."""

    tokens: int
    exact: float
    by_type: dict[str, float]
    guessed: dict[str, float]
    confident: float
    wrong_though_confident: float
    ssim: float
    pictures: tuple[tuple[str, str, str, Pixels, Pixels], ...]  # name, true caption, caption read, picture, painted


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What came of it. model, card, report: the files. unreadable: types that the pixels do not show.
    resumed: it went on from a run that was interrupted."""

    traits: Traits
    model: Path
    card: Path
    report: Path
    judged: Judged
    notes: tuple[str, ...]
    unreadable: tuple[str, ...]
    cpu_minutes: float
    resumed: bool


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
    started = time.process_time()
    found = folders.listed(source, name=name, subject=subject, skip=skip)
    state = hashlib.sha256(f"{found.digest} {__version__}".encode()).hexdigest()
    with opened(shelf, name, state, lambda what: progress(what, 1.0)) as work:
        spent = work.spent_s()
        tokens = _read(found, work, progress)
        layers, seen, held = _learnt(tokens, work, progress)
        if not layers.sharpness.any():
            work.remove()
            raise CollectionError(
                f"the pictures of {source} show none of its traits ({', '.join(tokens.traits.types)}), so there is "
                "nothing to learn: check that images and metadata belong together"
            )
        raw = pack(layers)
        judged = _judge(unpack(raw, name), tokens, seen, held, progress)
        trained = Trained(
            tokens.traits,
            shelf / f"collection-{name}.layers",
            shelf / f"collection-{name}.json",
            shelf / f"collection-{name}.html",
            judged,
            (*found.notes, *_guesses(judged)),
            tuple(t for t, worth in zip(tokens.traits.types, layers.sharpness, strict=True) if not worth),
            (spent + time.process_time() - started) / 60,
            work.resumed,
        )
        _shelve(trained, raw, len(tokens), work)
    return trained


def _read(found: folders.Listed, work: Work, progress: Progress) -> Tokens:
    def arrays() -> bytes:
        tokens = folders.read(found, _reduced, lambda share: progress("reading the images", share))
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, images=tokens.images, labels=tokens.labels)
        return file.getvalue()

    def parsed(path: Path) -> Tokens:
        with np.load(path, allow_pickle=False) as kept:
            return Tokens(found.traits, tuple(t.name for t in found.tokens), kept["images"], kept["labels"])

    return work.kept("tokens.npz", parsed, arrays)


def _reduced(image: Pixels) -> Pixels:
    """As the captioner will see it."""
    return to_pixels(area_average(image, SIDE).transpose(1, 2, 0))


def _learnt(tokens: Tokens, work: Work, progress: Progress) -> tuple[Layers, NDArray[np.int64], NDArray[np.int64]]:
    """Layers, the labels without what is hidden (N, T), and the numbers of the held-out tokens."""
    kept = folders.held_out(tokens.names)
    pictures = _scaled(tokens.images[~kept])
    first = _fitted(pictures, tokens.labels[~kept], tokens.traits, work, "first", progress)
    rows = []
    for row in tokens.labels:
        rows.append(_visible(first, row))
        progress("looking what is hidden", len(rows) / len(tokens))
    seen = np.stack(rows)
    layers = _fitted(pictures, seen[~kept], tokens.traits, work, "second", progress)
    return layers, seen, np.flatnonzero(kept)[:_MOST_JUDGED]


def _fitted(
    pictures: Floats, labels: NDArray[np.int64], traits: Traits, work: Work, name: str, progress: Progress
) -> Layers:
    what = f"fitting the layers, {name} time"
    checkpoint, touch = work.checkpoint(name, Fitted.load), work.clock(name)

    def told(share: float) -> None:
        touch()
        progress(what, share)

    def learnt() -> bytes:
        return pack(learn(pictures, labels, traits, progress=told, checkpoint=checkpoint))

    layers = work.kept(f"{name}.layers", lambda path: unpack(path.read_bytes(), path.name), learnt)
    progress(what, 1.0)
    return layers


def _scaled(images: NDArray[np.uint8]) -> Floats:
    """(N, SIDE, SIDE, 3) -> (N, P, 3) in [-1, 1]."""
    scaled: Floats = images.astype(np.float32)
    scaled /= np.float32(127.5)
    scaled -= 1
    return scaled.reshape(len(images), -1, 3)


def _visible(layers: Layers, row: NDArray[np.int64]) -> NDArray[np.int64]:
    """The labels without those that are hidden: whatever their value were, the painted picture would not change."""
    seen = row.copy()
    for t, values in enumerate(layers.traits.values.values()):
        if row[t] and all(absence(layers, row, t, other) < VISIBLE for other in range(len(values) + 1)):
            seen[t] = 0
    return seen


def _judge(
    layers: Layers,
    tokens: Tokens,
    seen: NDArray[np.int64],
    held: NDArray[np.int64],
    progress: Progress,
) -> Judged:
    from gistchain.score.fidelity import ssim

    reader, traits = Reader(layers), tokens.traits
    readable = layers.sharpness > 0
    right, sure, similar, shown = [], [], [], []
    for number, (k, picture) in enumerate(zip(held, _scaled(tokens.images[held]), strict=True)):
        true = np.where(readable, seen[k], 0)
        reading = reader.read(picture)
        painted = to_pixels(layers.picture(reading.labels))
        right.append(reading.labels == true)
        sure.append(reader.confidence(reading) >= 0.5)
        similar.append(ssim(tokens.image(k), to_pixels(layers.picture(true))))
        if number < _SHOWN:
            captions = traits.caption(true.tolist()), traits.caption(reading.labels.tolist())
            shown.append((tokens.names[k], *captions, tokens.image(k), painted))
        progress("reading held-out tokens", (number + 1) / len(held))
    exact, confident = np.all(right, 1), np.array(sure)
    commonest = np.array([int(layers.prior[a:b].argmax()) for a, b in pairwise(layers.first)])

    def of_readable(shares: NDArray[np.float64]) -> dict[str, float]:
        return {t: float(share) for t, share, r in zip(traits.types, shares, readable, strict=True) if r}

    return Judged(
        len(held),
        float(exact.mean()),
        of_readable(np.mean(right, 0)),
        of_readable((seen[held] == commonest).mean(0)),
        float(confident.mean()),
        float((confident & ~exact).mean()),
        float(np.mean(similar)),
        tuple(shown),
    )


def _guesses(judged: Judged) -> list[str]:
    """Of the types that are read, those that might as well be guessed."""
    weak = [t for t, share in judged.by_type.items() if share < 1 and share <= judged.guessed[t]]
    told = f"read no better than by always saying the commonest value: {', '.join(weak)}; do the pictures show it?"
    return [told] if weak else []


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


def _shelve(trained: Trained, raw: bytes, tokens: int, work: Work) -> None:
    """Without a card there is no model: the old one goes first, so that no card is ever of another model's file."""
    from gistchain.collection.trained_report import write

    work.put(write(trained).encode("utf-8", "backslashreplace"), trained.report)
    trained.card.unlink(missing_ok=True)
    work.put(raw, trained.model)
    work.put((json.dumps(_card(trained, raw, tokens), indent=1) + "\n").encode(), trained.card)
    work.remove()
