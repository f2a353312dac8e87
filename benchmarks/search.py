"""Search: known collections whose tokens no training has seen, and how long a query takes.

    python -m benchmarks.search [--count 60] [--queries 15] [--items 100000] [--large 0]

quality: --count held-out tokens of each known collection, with the captions that the default captioner read in them,
all in one index with their pictures. Three visible traits of a token are asked for with the name of its collection:
plain, in other words (the paraphrases by rule), misspelt (one letter of each longer word exchanged with its neighbour).
precision: of the first ten hits, or of as many as tokens truly have all three, the share that have. itself: how often
the whole caption finds its token first (or one with the same true caption), by the looks of its rebuilt picture alone,
and by all rankings.
speed: random items of 1,000 traits and random vectors; milliseconds of `find` for three traits and a vector, the text
already embedded. recall@10: beside float32 cosines.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import held_out, report
from benchmarks.report import with_interval
from gistchain import systems
from gistchain.collection.captions.paraphrase import paraphrases
from gistchain.collection.captions.template import Captioned, Phrase
from gistchain.collection.known import pfp30
from gistchain.collection.tokens import Tokens
from gistchain.search.find import Filters, Wanted, find
from gistchain.search.index import Index
from gistchain.search.items import Item
from gistchain.search.query import understood
from gistchain.settings import Settings
from gistchain.traits import parts
from gistchain.types import Gist

_COLLECTIONS = list(pfp30.TRAINING)
_ROUNDS = 60


def read(collection: str, count: int) -> tuple[str, list[str], np.ndarray]:
    """What the captioner says of held-out tokens, and the pictures rebuilt from that, at 64 x 64."""
    system = systems.rosis()
    tokens = pfp30.held_out(collection, count, size=256)
    said = [system.captioner.caption(held_out.at_512(tokens.image(k))).text for k in range(len(tokens))]
    painted = [system.rebuild(Gist((text,), (64, 64)), seeds=[1]).chosen.image for text in said]
    return collection, said, np.stack(painted)


def asked(tokens: Tokens, number: int, rng: np.random.Generator) -> tuple[Captioned, set[int]] | None:
    """Three visible traits of a token, and all tokens that have them."""
    row = tokens.labels[number]
    visible = np.flatnonzero(row)
    if len(visible) < 3:
        return None
    chosen = rng.choice(visible, 3, replace=False)
    types = tokens.traits.types
    phrases = tuple(Phrase(tokens.traits.values[types[t]][row[t] - 1], types[t]) for t in sorted(chosen))
    having = set(np.flatnonzero((tokens.labels[:, chosen] == row[chosen]).all(1)).tolist())
    return Captioned(tokens.traits.subject, "", phrases), having


def misspelt(text: str, rng: np.random.Generator) -> str:
    def word(one: str) -> str:
        if len(one) < 5 or not one.isalpha():
            return one
        at = int(rng.integers(1, len(one) - 1))
        return one[:at] + one[at + 1] + one[at] + one[at + 2 :]

    return " ".join(map(word, text.split(" ")))


def quality(home: Path, count: int, queries: int) -> dict[str, Any]:
    rng = np.random.default_rng(2026)
    sets = {name: pfp30.held_out(name, count) for name in _COLLECTIONS}
    with Index(Settings(home)) as index, ProcessPoolExecutor(2) as pool:
        began = time.perf_counter()
        for name, said, painted in pool.map(read, _COLLECTIONS, [count] * len(_COLLECTIONS)):
            rows = [_item(name, k, text) for k, text in enumerate(said)]
            numbers = index.record.put([(row, 0) for row in rows])
            index.vectors.add(numbers, np.concatenate([index.embedder.image.embed([one]) for one in painted]))
            print(name, f"{time.perf_counter() - began:.0f} s", flush=True)
        kinds: dict[str, Callable[[Captioned, str], str]] = {
            "plain": lambda said, token: f"{said.subject}, {', '.join(map(str, said.phrases))}",
            "paraphrased": lambda said, token: paraphrases(said, token, 1)[0],
            "misspelt": lambda said, token: misspelt(f"{said.subject}, {', '.join(map(str, said.phrases))}", rng),
        }
        precision: dict[str, dict[str, list[float]]] = {kind: {} for kind in kinds}
        itself: dict[str, dict[str, list[bool]]] = {"looks": {}, "all": {}}
        for name, tokens in sets.items():
            for number in rng.choice(len(tokens), min(queries, len(tokens)), replace=False).tolist():
                if (wanted := asked(tokens, number, rng)) is None:
                    continue
                said, having = wanted
                for kind, text_of in kinds.items():
                    first = _first(index, text_of(said, f"{name}-{number}"), min(10, len(having)))
                    right = [one.source == name and int(one.token) in having for one in first]
                    share = sum(right) / min(10, len(having))
                    precision[kind].setdefault(name, []).append(share)
                same = {k for k in range(len(tokens)) if (tokens.labels[k] == tokens.labels[number]).all()}
                for how in itself:
                    first = _first(index, tokens.caption(number), 1, looks_alone=how == "looks")
                    found = bool(first) and first[0].source == name and int(first[0].token) in same
                    itself[how].setdefault(name, []).append(found)
    return {
        "items": sum(map(len, sets.values())),
        "precision": {
            kind: {
                "all": with_interval([v for values in by.values() for v in values]),
                "queries": sum(map(len, by.values())),
                "by_collection": {name: round(float(np.mean(values)), 3) for name, values in by.items()},
            }
            for kind, by in precision.items()
        },
        "itself": {
            how: {
                "median": float(np.median([np.mean(values) for values in by.values()])),
                "all": with_interval([v for values in by.values() for v in values]),
                "by_collection": {name: round(float(np.mean(values)), 3) for name, values in by.items()},
            }
            for how, by in itself.items()
        },
    }


def _item(source: str, number: int, caption: str) -> Item:
    subject, phrases = parts(caption)
    traits = tuple(("", phrase) for phrase in phrases) if subject else ()
    return Item(
        "token", source, str(number), subject=subject, caption=caption, traits=traits, media=f"{source}{number}"
    )


def _first(index: Index, text: str, count: int, *, looks_alone: bool = False) -> list[Item]:
    query = understood(text, index.record)
    vector = index.embedder.text.embed([_embedded(text, [str(one) for one in query.phrases])])[0]
    wanted = Wanted(None if looks_alone else query, vector)
    return [hit.item for hit in find(index.record, index.vectors, wanted, Filters(), count).hits]


def _embedded(text: str, phrases: list[str]) -> str:
    return text if parts(text)[0] else ", ".join(phrases)


def speed(home: Path, items: int) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    with Index(Settings(home)) as index:
        put_s = add_s = 0.0
        for start in range(0, items, 2_000):
            rows = [(_random(rng, number), 0) for number in range(start, min(start + 2_000, items))]
            began = time.perf_counter()
            numbers = index.record.put(rows)
            put_s += time.perf_counter() - began
            vectors = rng.standard_normal((len(rows), 1000)).astype(np.float32)
            began = time.perf_counter()
            index.vectors.add(numbers, vectors)
            add_s += time.perf_counter() - began
        times, right = [], []
        kept = np.stack([index.vectors.of(k + 1) for k in range(min(items, 20_000))])  # type: ignore[misc]
        for number in range(_ROUNDS):
            text = ", ".join(f"value{rng.integers(50)} type{t}" for t in rng.choice(20, 3, replace=False))
            vector = rng.standard_normal(1000).astype(np.float32)
            vector /= np.linalg.norm(vector)
            began = time.perf_counter()
            query = understood(text, index.record)
            find(index.record, index.vectors, Wanted(query, vector), Filters(), 10)
            times.append(1000 * (time.perf_counter() - began))
            if number < 20:
                scanned = index.vectors.scan(vector[None])
                ours = np.argsort(-scanned.cosines[0][: len(kept)])[:10]
                theirs = np.argsort(-(kept @ vector))[:10]
                right.append(len(set(ours.tolist()) & set(theirs.tolist())) / 10)
    return {
        "items": items,
        "query_ms": report.spread(times),
        "captions_per_s": round(items / put_s),
        "vectors_per_s": round(items / add_s),
        "recall_at_10": float(np.mean(right)),
    }


def _random(rng: np.random.Generator, number: int) -> Item:
    traits = tuple((f"type{t}", f"value{rng.integers(50)}") for t in rng.choice(20, 6, replace=False))
    return Item("token", "made", str(number), subject="Made", traits=traits, media=f"{number:x}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--queries", type=int, default=15)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--large", type=int, default=0)
    given = parser.parse_args()
    with TemporaryDirectory() as work:
        figures: dict[str, Any] = {"quality": quality(Path(work) / "quality", given.count, given.queries)}
        print(json.dumps({k: v["all"] for k, v in figures["quality"]["precision"].items()}))
        print(json.dumps({k: (v["median"], v["all"]) for k, v in figures["quality"]["itself"].items()}))
        sizes = [size for size in (given.items, given.large) if size]
        figures["speed"] = [speed(Path(work) / f"speed-{size}", size) for size in sizes]
        print(json.dumps(figures["speed"]))
    models = ["joint-default", "captioner-default"]
    models += [f"collection-{name}" for name in pfp30.TRAINING if name not in ("punks", "nouns")]
    data = (
        f"first {given.count} held-out tokens of each of PFP-30's training collections, {given.queries} queries each; "
        "random items for speed"
    )
    report.write("search", figures=figures, models=models, data=data)


if __name__ == "__main__":
    main()
