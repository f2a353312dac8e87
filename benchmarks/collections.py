"""The default models on held-out tokens of PFP-30's 24 training collections, and on images of other collections.

    python -m benchmarks.collections [--count 100] [--start 0] [--rebuilt 50] [--processes 2] [--sheet FILE]

--start: of the held-out tokens, those from here on; what was looked at before is no longer blind.

exact_match: the whole caption of the visible traits is right, in the names of the layers, where values that no pixel
tells apart have one name, "blue or navy". unmerged: the same in the collection's own names: a token with such a value
counts as wrong. damaged: of the first tokens, after noise of deviation 20 and JPEG at quality 75. confident: accepted
for registration; false_though_confident: accepted, and a trait that it names is not the token's; incomplete: accepted,
all that it names is true, and a visible trait is lacking; wrong_though_confident: either; plain: accepted in the words
of the photo captioner instead, which claim no trait.
distance and ssim: of the isotope that ROSIS chooses of four from the true caption, at 64 x 64. claimed: images of no
known collection that were nevertheless called one, confidently.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks import held_out, report
from benchmarks.report import sheet
from gistchain import systems
from gistchain.collection.known import dicebear, pfp30
from gistchain.collection.tokens import Tokens
from gistchain.models.known import known_collections
from gistchain.models.layered.merge import relabelled
from gistchain.models.layered.shelf import Shelf
from gistchain.score.fidelity import ssim
from gistchain.traits import parts
from gistchain.types import Gist, Pixels

_SHOWN = 9


def one(collection: str, count: int, rebuilt: int, start: int = 0) -> dict[str, Any]:
    system = systems.rosis()
    tokens = pfp30.held_out(collection, count, size=512, start=start)
    images = [held_out.at_512(tokens.image(i)) for i in range(len(tokens))]
    read = [system.captioner.caption(image) for image in images]
    told = _told(tokens)
    right = np.array([said.text == told.caption(i) for i, said in enumerate(read)])
    unmerged = np.array([said.text == tokens.caption(i) for i, said in enumerate(read)])
    confident = np.array([said.confidence >= 0.5 for said in read])
    plain = np.array([not parts(said.text)[0] for said in read])
    false = np.array([_is_false(said.text, told.caption(i)) for i, said in enumerate(read)]) & ~plain
    rng = np.random.default_rng(2026)
    damaged = [held_out.jpeg(held_out.noisy(image, 20, rng), 75) for image in images[:rebuilt]]
    still = [system.captioner.caption(image).text == told.caption(i) for i, image in enumerate(damaged)]
    distances, similar, shown = [], [], []
    for i in range(min(rebuilt, len(tokens))):
        chosen = system.rebuild(Gist((told.caption(i),), (64, 64))).chosen
        original = _at_64(tokens, i)
        distances.append(chosen.distance)
        similar.append(ssim(original, chosen.image))
        if i < _SHOWN:
            shown.append((original, chosen.image))
    return {
        "collection": collection,
        "n": len(tokens),
        "rebuilt": len(similar),
        "exact_match": float(right.mean()),
        "exact_match_unmerged": float(unmerged.mean()),
        "exact_match_damaged": float(np.mean(still)),
        "confident": float(confident.mean()),
        "wrong_though_confident": float((confident & ~right & ~plain).mean()),
        "false_though_confident": float((confident & false).mean()),
        "incomplete": float((confident & ~right & ~plain & ~false).mean()),
        "plain": float((confident & plain).mean()),
        "distance": float(np.mean(distances)),
        "ssim": float(np.mean(similar)),
        "shown": shown,
    }


def _is_false(said: str, true: str) -> bool:
    """Whether a caption has another subject, or a phrase that the true one has not."""
    (subject, phrases), (wanted, known) = parts(said), parts(true)
    return subject != wanted or not set(phrases) <= set(known)


def _told(tokens: Tokens) -> Tokens:
    """The tokens in the names that their layers have for their values."""
    entry = Shelf().of_subject(tokens.traits.subject)
    if entry is None:  # punks and Nouns
        return tokens
    layers = entry.layers()
    return replace(tokens, traits=layers.traits, labels=relabelled(tokens.labels, tokens.traits, layers))


def claimed(collection: str, count: int, start: int) -> tuple[str, float]:
    """Share of the tokens of an unknown collection that are taken for tokens of a known one, confidently."""
    system, known = systems.rosis(), {c.subject for c in known_collections()}
    tokens = pfp30.drawn(collection, dicebear.held_out_seeds(count, start), size=256)
    said = [system.captioner.caption(tokens.image(i)) for i in range(len(tokens))]
    return collection, float(np.mean([parts(s.text)[0] in known and s.confidence >= 0.5 for s in said]))


def _at_64(tokens: Tokens, index: int) -> Pixels:
    image = Image.fromarray(tokens.image(index))
    small = max(image.size) <= 64
    return np.asarray(image.resize((64, 64), Image.Resampling.NEAREST if small else Image.Resampling.BOX))


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Two lines for a collection: held-out tokens above, what is painted from their captions below."""
    canvas = sheet([line for row in rows for line in zip(*row["shown"], strict=True)], gap=2, left=110)
    pen = ImageDraw.Draw(canvas)
    for number, row in enumerate(rows):
        pen.text((4, number * 132 + 50), f"{row['collection']}\nSSIM {row['ssim']:.3f}", fill="black")
    canvas.quantize(128).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--rebuilt", type=int, default=50)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    with ProcessPoolExecutor(given.processes) as pool:
        jobs = [pool.submit(one, c, given.count, given.rebuilt, given.start) for c in pfp30.TRAINING]
        unknown = [pool.submit(claimed, c, given.count, given.start) for c in pfp30.VALIDATION + pfp30.TEST]
        rows = [job.result() for job in jobs]
        taken = dict(job.result() for job in unknown)
    if given.sheet:
        draw(rows, given.sheet)
    names = ["exact_match", "exact_match_unmerged", "exact_match_damaged", "distance", "ssim", "false_though_confident"]
    figures = {
        "collections": {
            r["collection"]: {k: v for k, v in r.items() if k not in ("shown", "collection")} for r in rows
        },
        "median": {name: float(np.median([r[name] for r in rows])) for name in names},
        "claimed_of_unknown": taken,
    }
    models = ["captioner-default", "painter-punks", "painter-nouns"]
    models += [f"collection-{c}" for c in pfp30.TRAINING if c not in ("punks", "nouns")]
    data = (
        f"PFP-30: {given.count} held-out tokens of each training collection, from number {given.start} on, at 512 x "
        f"512, {given.rebuilt} rebuilt; unknown: {given.count} tokens at 256 x 256 of each collection that no weight "
        "was trained on"
    )
    report.write("collections", figures=figures, models=models, data=data)
    print(figures["median"], taken)


if __name__ == "__main__":
    main()
