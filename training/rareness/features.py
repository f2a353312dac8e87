"""Registered pictures and queries of a part -> the table that the classifiers are trained or scored on.

    python -m training.rareness.features train tune test --processes 2     # about 1 CPU-second a query

A real store is filled and every query examined as `gistchain check` does it. Goes on where it was interrupted:
training/cache/rareness/{part}-store/ and {part}-{number}.npz.
"""

from __future__ import annotations

import os

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # before numpy is loaded
    os.environ.setdefault(_threads, "1")

# ruff: noqa: E402
import argparse
import functools
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gistchain.models.packaged.fingerprint import PackagedFingerprinter
from gistchain.rareness.examine import Examiner
from gistchain.rareness.funnel import STAGES
from gistchain.rareness.hashes import hashes, turned
from gistchain.rareness.measures import Dependence
from gistchain.rareness.scores import table
from gistchain.rareness.store.store import Entry, Store
from gistchain.rareness.store.thumbnail import pack
from training.rareness.records import FOLDER, Item, Part, Query, queries, registered
from training.rareness.sources import UNSEEN

_AT_ONCE = 40


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """rows: (n, features) of all compared images of all queries; query: (n,) which query; ids: (n,) the image's.

    Of each query, for comparison: funnel (q, 19), FUNNEL; nearest, the id that correlates best; prints (q, 10048);
    hashes (q, 8, 2), PDQ and pHash of its turns.
    """

    names: tuple[str, ...]
    rows: NDArray[np.float32]
    query: NDArray[np.int64]
    ids: NDArray[np.str_]
    asked: tuple[Query, ...]
    funnel: NDArray[np.float64]
    nearest: NDArray[np.str_]
    prints: NDArray[np.float32]
    hashes: NDArray[np.str_]


FUNNEL = (
    "maximum", "gain", "fitted_gain", "next_gain", *(field.name for field in fields(Dependence)), "total",
    *(f"passed_{name}" for name, _ in STAGES),
)  # fmt: skip


def sha3(picture_id: str) -> bytes:
    """Stands in for the hash of the image file: these pictures were never files."""
    return hashlib.sha3_256(picture_id.encode()).digest()


def entry(item: Item) -> Entry:
    image = item.image
    fingerprint = PackagedFingerprinter(1).fingerprint([image])[0]
    return Entry(sha3(item.id), item.id, item.collection, item.caption, True, hashes(image), fingerprint, pack(image))


def store(part: Part, processes: int) -> Store:
    """The store of a part's registered pictures; what is missing is added."""
    kept = Store(FOLDER / f"{part}-store", version=PackagedFingerprinter().version)
    missing = [item for item in registered(part) if kept.find(sha3(item.id)) is None]
    with ProcessPoolExecutor(processes, initializer=_quiet) as pool:
        for start in range(0, len(missing), 200):
            kept.add(pool.map(entry, missing[start : start + 200], chunksize=10))
            print(part, "registered", len(kept), flush=True)
    return kept


def examined(part: Part, number: int, asked: Sequence[Query]) -> Path:
    """The table of some queries, in a file."""
    path = FOLDER / f"{part}-{number:04d}.npz"
    if path.exists():
        return path
    (examiner, kept), look = _examiner(part), PackagedFingerprinter(1)
    names: tuple[str, ...] = ()
    rows, query, ids, funnels, prints, best, hashed = [], [], [], [], [], [], []
    for one in asked:
        image = one.image
        turns = turned(image)
        found = examiner.examine(image, lambda pixels: look.fingerprint([pixels])[0], turns, lambda _: True)
        names, own = table(found)
        rows.append(own)
        query += [one.id] * len(own)
        ids += [looked.entry.name for looked in found.looked]
        gain, agreed = found.gain, found.agreement
        funnels.append((
            gain.best.maximum, gain.gain, gain.fitted_gain, gain.best.next_gain, *agreed.best.values(), agreed.total,
            *agreed.passed,
        ))  # fmt: skip
        best.append(kept.entries([int(gain.best.rows[0])])[0].name)
        prints.append(found.fingerprint)
        hashed.append([[getattr(turn, name) for name in ("pdq", "phash")] for turn in turns])
    new = path.with_suffix(".new.npz")
    np.savez_compressed(
        new, names=np.array(names), rows=np.concatenate(rows), query=np.array(query), ids=np.array(ids),
        asked=np.array([one.id for one in asked]), funnel=np.array(funnels, np.float64), best=np.array(best),
        prints=np.array(prints), hashes=np.array(hashed),
    )  # fmt: skip
    new.rename(path)
    return path


@functools.lru_cache(1)
def _examiner(part: Part) -> tuple[Examiner, Store]:
    kept = Store(FOLDER / f"{part}-store", version=PackagedFingerprinter().version)
    return Examiner(kept), kept


def _quiet() -> None:
    cv2.setNumThreads(1)


def _batches(part: Part, share: int) -> Iterator[tuple[int, list[Query]]]:
    """Queries of one collection lie together: they look at the same images."""
    asked = [q for q in queries(part) if int.from_bytes(sha3(q.id)[:2], "big") % share == 0]
    # What is reported first comes first: collections that nothing was trained on, then pictures, then the others.
    asked.sort(key=lambda q: (q.collection not in UNSEEN, q.type == "pfp"))
    for number, start in enumerate(range(0, len(asked), _AT_ONCE)):
        yield number, asked[start : start + _AT_ONCE]


def load(part: Part) -> Table:
    """All tables of a part that have been made."""
    asked = {q.id: q for q in queries(part)}
    parts = [np.load(path) for path in sorted(FOLDER.glob(f"{part}-[0-9]*.npz")) if ".new" not in path.name]
    ids = np.concatenate([p["query"] for p in parts])
    unique, query = np.unique(ids, return_inverse=True)
    place = {str(name): k for k, name in enumerate(np.concatenate([p["asked"] for p in parts]))}
    order = [place[str(name)] for name in unique]

    def of_queries(key: str) -> NDArray[Any]:
        return np.concatenate([p[key] for p in parts])[order]

    return Table(
        tuple(str(name) for name in parts[0]["names"]), np.concatenate([p["rows"] for p in parts]), query,
        np.concatenate([p["ids"] for p in parts]), tuple(asked[str(i)] for i in unique), of_queries("funnel"),
        of_queries("best"), of_queries("prints"), of_queries("hashes"),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.rareness.features")
    parser.add_argument("parts", nargs="+", choices=("train", "tune", "test"))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--share", type=int, default=1, help="one in so many queries, for a first look")
    given = parser.parse_args()
    for part in given.parts:
        store(part, given.processes)
        batches = list(_batches(part, given.share))
        with ProcessPoolExecutor(given.processes, initializer=_quiet) as pool:
            jobs = [pool.submit(examined, part, number, asked) for number, asked in batches]
            for number, job in enumerate(jobs):
                job.result()
                print(part, number + 1, "of", len(jobs), flush=True)


if __name__ == "__main__":
    main()
