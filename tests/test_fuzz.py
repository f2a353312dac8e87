"""The fuzzers: each reader takes a moment of them, and they find what is put before them. `make fuzz` is the rest."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from fuzz.run import made, run
from fuzz.targets import TARGETS, Read, Target


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_reader_refuses_in_our_words_and_in_time(target: Target, tmp_path: Path) -> None:
    outcome = run(target, seed=int.from_bytes(target.name.encode()) % 1000, cpu_s=0.5, found=tmp_path / "found")
    assert outcome.failures == {}
    assert outcome.inputs > 0
    assert not (tmp_path / "found").exists()


def test_the_same_seed_makes_the_same_inputs() -> None:
    for target in TARGETS:
        if target.name != "rebuild":
            seeds = target.seeds()
            assert made(target, 7, 3, seeds) == made(target, 7, 3, seeds)
            assert len({made(target, 7, number, seeds) for number in range(20)}) > 10


def _numbered(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    return rng.randbytes(4)


def _reader(what: str) -> Read:
    """Goes wrong over every tenth input or so."""

    def read(data: bytes) -> None:
        if data[0] > 25:
            return
        if what == "raises":
            raise KeyError("a defect")
        if what == "dies":
            os._exit(3)
        if what == "spins":
            while True:
                time.process_time()
        if what == "grows":
            bytearray(300_000_000)

    return read


@pytest.mark.parametrize(
    ("what", "kind"), [("raises", "KeyError"), ("dies", "died-3"), ("spins", "time"), ("grows", "memory")]
)
def test_what_goes_wrong_is_found_and_its_input_kept(what: str, kind: str, tmp_path: Path) -> None:
    limit_s = 0.1 if what == "spins" else 10.0
    target = Target("t", _numbered, list, lambda: _reader(what), (ValueError,), limit_s=limit_s, limit_mb=200)
    outcome = run(target, seed=1, cpu_s=1.0, found=tmp_path)
    assert set(outcome.failures) == {kind}
    assert outcome.failures[kind] > 1, "it goes on behind the first"
    kept = sorted(tmp_path.iterdir())
    assert [path.name for path in kept] == sorted(outcome.kept)
    number = int(kept[0].name.split("-")[2])
    assert kept[0].read_bytes() == made(target, 1, number)
    assert kept[0].read_bytes()[0] <= 25
