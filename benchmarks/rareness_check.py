"""How long `gistchain check` takes once its models are loaded, among many registered images, and how much memory.

    python -m training.rareness.features test        # the registered pictures and queries of the part 'test'
    python -m benchmarks.rareness_check --rows 100000

The database holds the 5,390 pictures of the part 'test' and, up to --rows, more of the same: their fingerprints with
noise of a twentieth of their own spread and hashes with a fifth of the bits turned, each an image of its own to all of
the code. It is filled in one process and asked in another, whose memory is measured; --store keeps it. The floor:
reading the scanned matrix once. Each stage is timed by itself as well, beside whole checks.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report
from benchmarks.report import spread, timed
from gistchain.image import read_image, write_png
from gistchain.models.packaged.copies import PackagedClassifiers
from gistchain.models.packaged.fingerprint import PackagedFingerprinter, PackagedLook
from gistchain.rareness import measures
from gistchain.rareness.check import Checker
from gistchain.rareness.hashes import BITS, turned
from gistchain.rareness.overlay.verify import candidate, compare
from gistchain.rareness.overlay.views import view
from gistchain.rareness.store.store import Entry, Store
from gistchain.rareness.store.thumbnail import unpack
from training.rareness.features import FOLDER
from training.rareness.records import queries


def like(entry: Entry, number: int, rng: np.random.Generator) -> Entry:
    """Another image, to the code, that looks much like this one."""
    own = entry.fingerprint
    noise = rng.normal(0, 0.05 * own.std(), own.shape).astype(np.float32)
    moved = np.where(own == 0, own, own + noise).astype(np.float32)

    def turned_bits(digest: str, bits: int) -> str:
        raw = int(digest, 16) ^ sum(1 << int(k) for k in rng.choice(bits, bits // 5, replace=False))
        return f"{raw:0{bits // 4}x}"

    other = {name: turned_bits(getattr(entry.hashes, name), bits) for name, bits in BITS.items()}
    hashes = replace(entry.hashes, **other)
    digest = hashlib.sha3_256(entry.sha3_256 + number.to_bytes(4, "big")).digest()
    return replace(entry, sha3_256=digest, name=f"{entry.name}+{number}", fingerprint=moved, hashes=hashes)


def filled(folder: Path, rows: int) -> Store:
    real = Store(FOLDER / "test-store", version=PackagedFingerprinter().version)
    store = Store(folder, version=PackagedFingerprinter().version)
    rng = np.random.default_rng(1)

    def entries() -> Iterator[Entry]:
        for number in range(-(-rows // len(real))):
            for row in range(min(len(real), rows - number * len(real))):
                entry = real.entries([row])[0]
                yield like(entry, number, rng) if number else entry

    batch: list[Entry] = []
    for entry in entries():
        batch.append(entry)
        if len(batch) == 500:
            store.add(batch)
            batch = []
    store.add(batch)
    return store


def asked(folder: Path, checks: int) -> dict[str, Any]:
    """What the pictures in the folder's queries cost, one after the other, once everything is loaded."""
    store = Store(folder, version=PackagedFingerprinter().version)
    look = PackagedLook(threads=1)
    checker = Checker(store, look.look, look.version, PackagedClassifiers())
    pictures = [read_image(path) for path in sorted((folder / "queries").iterdir())[:checks]]
    checker.check(pictures[-1])
    walls, cpus = [], []
    for picture in pictures:
        _, wall, cpu = timed(lambda p=picture: checker.check(p))
        walls.append(wall)
        cpus.append(cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    stages: dict[str, list[float]] = {}
    again = PackagedLook(threads=1)  # keeps no picture of the checker's
    again.look(pictures[-1].pixels)
    for picture in pictures:
        (numbers, _), wall, _ = timed(lambda p=picture: again.look(p.pixels))
        stages.setdefault("networks", []).append(wall)
        stages.setdefault("hashes", []).append(timed(lambda p=picture: turned(p.pixels))[1])
        (found, _), wall, _ = timed(lambda n=numbers: store.approximate(n))
        stages.setdefault("scan", []).append(wall)
        row = int(found.argmax())
        one, other = measures.prepared(numbers), measures.prepared(store.fingerprints([row])[0])
        stages.setdefault("measures of a pair", []).append(timed(lambda a=one, b=other: measures.dependence(a, b))[1])
        checked, seen = candidate(picture.pixels), view(unpack(store.entries([row])[0].thumbnail))
        stages.setdefault("a comparison", []).append(timed(lambda c=checked, s=seen: compare(c, s))[1])
    raw = np.memmap(folder / "rareness.rows", np.uint8, "r")
    words = raw[: len(raw) // 8 * 8].view(np.uint64)
    floor = [timed(lambda: int(np.add.reduce(words)))[1] for _ in range(5)]
    return {
        "command": f"python -m benchmarks.rareness_check --rows {len(store)} --queries {len(pictures)}",
        "data": f"{len(store)} rows, of which 5,390 real; {len(pictures)} queries of the part 'test'",
        "seconds": spread(walls), "cpu_seconds": spread(cpus),
        "stages_seconds": {name: spread(values) for name, values in stages.items()},
        "floor_read_seconds": spread(floor), "peak_memory_gb": round(peak, 2),
    }  # fmt: skip


def fill(folder: Path, rows: int, checks: int) -> None:
    filled(folder, rows)
    (folder / "queries").mkdir()
    every = queries("test")
    for number, query in enumerate(every[:: max(1, len(every) // checks)][:checks]):
        write_png(query.image, folder / "queries" / f"{number:04}.png")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rareness_check")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--store", type=Path, help="asked if it is there, else filled and kept")
    parser.add_argument("--ask", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ask:
        result = asked(given.store, given.queries)
        report.write("rareness_check", **result)
        print(json.dumps(result, indent=1))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.store or Path(scratch)
        if not (folder / "queries").exists():
            fill(folder, given.rows, given.queries)
        command = [sys.executable, "-m", "benchmarks.rareness_check", "--ask"]
        subprocess.run([*command, "--store", str(folder), "--queries", str(given.queries)], check=True)


if __name__ == "__main__":
    main()
