"""`register --batch` of a collection, killed in the middle and run again: each token once; speed, gas and bytes.

    python -m benchmarks.batches [--tokens 1000] [--alone 200] [--chains embedded,anvil]

The tokens are held-out punks. The trait table stands on the chain before. Times are of the second command, which goes
on where the first was killed, and of the processes that both started. `alone`: so many are registered as a batch and
one by one, each in a home of its own, and their verdicts compared. Chains and comparisons that are not asked for
(`--chains ""`, `--alone 0`) keep the figures that they had.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks import held_out, report
from gistchain.bulk.journal import NAME
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil

_LOOKS_S = 0.2


def pictures(folder: Path, count: int) -> list[Path]:
    tokens = held_out.tokens("punks", count)
    paths = []
    for k in range(count):
        paths.append(folder / f"{k:04}.png")
        Image.fromarray(held_out.at_512(tokens.image(k))).save(paths[-1])
    return paths


def gistchain(*words: object) -> list[str]:
    return [sys.executable, "-m", "gistchain", *map(str, words)]


def lines(*words: object) -> list[dict[str, Any]]:
    done = subprocess.run(gistchain(*words, "--json"), check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def killed(words: list[str], journal: Path, checked: int) -> int:
    """Run a command until so many images are compared, then kill -9. Returns how many were."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            if (there := compared(journal)) >= checked:
                return there
            time.sleep(_LOOKS_S)
    finally:
        process.kill()
        process.wait()
    raise RuntimeError("the command ended before it was killed")


def compared(journal: Path) -> int:
    if not journal.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as database:
            return int(database.execute("SELECT count(*) FROM images WHERE checked IS NOT NULL").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def measured(chain: str, folder: Path, count: int, place: Path) -> dict[str, Any]:
    """One chain: a first command that is killed, a second that ends, and what the chain then has."""
    node = Anvil() if chain == "anvil" else None
    home = place / chain
    home.mkdir()
    to: list[object] = ["--home", home]
    reading = list(to)
    if node is not None:
        (place / "rich.key").write_text(RICH_KEY)
        reading += ["--rpc", node.url]
        to = [*reading, "--key", place / "rich.key", "--chain-id", CHAIN_ID, "--max-fee", 1]
    try:
        lines("collection", "publish", "punks", *to)
        words = gistchain("register", folder, "--batch", "--json", *to)
        began = time.perf_counter()
        before = killed(words, home / NAME, count // 2)
        killed_s, at = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        wall_s, now = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        listed = lines("list", *reading)
    finally:
        if node is not None:
            node.kill()
    images = Counter(token["image_sha3_256"] for token in listed)
    assert len(told) == count, f"{len(told)} of {count} images were told"
    assert sorted(images.values()) == [1] * count, "each image is on the chain once"
    assert {one["image_sha3_256"] for one in told} == set(images)
    rest = count - before
    cpu_s = now.ru_utime + now.ru_stime - at.ru_utime - at.ru_stime
    found = {
        "chain": chain,
        "tokens": count,
        "compared_before_kill": before,
        "images_per_s_before": round(before / killed_s, 3),
        "images_per_s_after": round(rest / wall_s, 3),
        "cpu_s_an_image": round(cpu_s / rest, 3),
        "gas_a_token": round(sum(one["gas"] for one in told) / count),
        "batches": len({one["tx"] for one in told}),
        "gist_bytes": report.with_interval([one["gist_bytes"] for one in told]),
        "verdicts": dict(Counter(one["rareness"]["verdict"] for one in told)),
    }
    print(found)
    return found


def alike(paths: list[Path], place: Path) -> dict[str, Any]:
    """The verdicts of these images one by one, beside those of one batch."""
    alone = lines("register", *paths, "--home", place / "alone")
    batch = {one["image"]: one["rareness"] for one in lines("register", *paths, "--batch", "--home", place / "batch")}
    pairs = [(one["rareness"], batch[one["image"]]) for one in alone]
    found = {
        "tokens": len(pairs),
        "same_verdict": sum(a["verdict"] == b["verdict"] for a, b in pairs),
        "same_score": sum(a["score"] == b["score"] for a, b in pairs),
    }
    print(found)
    return found


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--tokens", type=int, default=1000)
    asked.add_argument("--alone", type=int, default=200)
    asked.add_argument("--chains", default="embedded,anvil")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (folder := place / "punks").mkdir()
        paths = pictures(folder, given.tokens)
        asked_for = [chain for chain in given.chains.split(",") if chain]
        chains = {chain: measured(chain, folder, given.tokens, place) for chain in asked_for}
        same = alike(paths[: given.alone], place) if given.alone else None
    keep(chains, same)


def keep(chains: dict[str, dict[str, Any]], same: dict[str, Any] | None) -> None:
    """Writes the figures beside those of chains that were not asked for."""
    there = json.loads((report.RESULTS / "batches.json").read_text("utf-8"))["figures"]
    rows = {row["chain"]: row for row in there["chains"]} | {
        name: {**row, "command": f"python -m benchmarks.batches {' '.join(sys.argv[1:])}"}
        for name, row in chains.items()
    }
    report.write(
        "batches",
        data="held-out punks at 512 pixels",
        figures={"chains": list(rows.values()), "alone": there["alone"] if same is None else same},
    )


if __name__ == "__main__":
    main()
