"""Rows of an experiment survive a kill, and a file that is damaged says where."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.link_rows import Key, Rows, rows_of
from benchmarks.link_systems_summary import summary
from tests.support.places import ROOT


def key(seed: int, system: str = "gist", snr_db: float = 0.0, image: str = "a") -> Key:
    return Key(system, "1", image, "awgn", snr_db, 128, seed)


def test_a_row_is_found_again_and_a_torn_last_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with Rows(path) as rows:
        rows.add(key(1), {"ssim": 0.5})
        rows.add(key(2), {"ssim": 0.6})
    path.write_bytes(path.read_bytes()[:-9])
    with Rows(path) as rows:
        assert key(1) in rows
        assert key(2) not in rows
        rows.add(key(2), {"ssim": 0.7})
    assert [(row["seed"], row["ssim"]) for row in rows_of([path])] == [(1, 0.5), (2, 0.7)]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(key(1)._asdict()) + '\n{"system": "gist"}\n')
    with pytest.raises(ValueError, match="line 2 is no row"):
        Rows(path)


@pytest.mark.parametrize("line", [b'{"system": ["a"]}', b"[" * 100_000, b"\xff\xfe", b"7"])
def test_a_line_of_any_other_kind_is_no_row(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(ValueError, match="line 1 is no row"):
        Rows(path)
    assert path.read_bytes() == line + b"\n"


def test_another_file_is_not_emptied_and_two_writers_are_one_too_many(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("something without an end")
    with pytest.raises(ValueError, match="no row"):
        Rows(other)
    assert other.read_text() == "something without an end"
    path = tmp_path / "rows.jsonl"
    with Rows(path) as rows:
        rows.add(key(1), {"ssim": 0.5})
        with pytest.raises(ValueError, match="another process"):
            Rows(path)
    assert len(rows_of([path])) == 1


def test_an_experiment_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    words = [
        sys.executable, "-m", "benchmarks.link_systems", "tokens", "--rows", str(path), "--most", "1", "--systems",
        "text_coded", "--snr-db", "0,5,10", "--budgets", "128,256", "--seeds", "30",
    ]  # fmt: skip
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL) as running:
        for _ in range(3000):
            if path.exists() and b"\n" in path.read_bytes():
                break
            time.sleep(0.05)
        os.kill(running.pid, signal.SIGKILL)
    before = path.read_bytes()
    there = before[: before.rfind(b"\n") + 1]
    assert 0 < there.count(b"\n") < 3 * 2 * 30
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    lines = path.read_bytes()
    assert lines.startswith(there)
    found = [(row["snr_db"], row["budget"], row["seed"]) for row in map(json.loads, lines.splitlines())]
    assert len(found) == len(set(found)) == 3 * 2 * 30


def test_the_best_rival_is_the_best_of_the_others_and_only_whole_pictures_count() -> None:
    rows = []
    for image, ours in (("a", 0.9), ("b", 0.7), ("c", 0.1)):
        for system, ssim in (("gist", ours), ("text_coded", 0.5), ("image_ldpc", 0.6)):
            for seed in range(2 if (image, system) != ("c", "image_ldpc") else 1):
                rows.append(
                    key(seed, system, image=image)._asdict()
                    | {"ssim": ssim, "perceptual": 1 - ssim, "cosine": ssim, "uses": 128, "cpu_s": 0.1, "seen": True,
                       "read": "", "caption": ""}
                )  # fmt: skip
    found = summary(rows)
    assert found["images"] == 2
    with pytest.raises(ValueError, match="versions"):
        summary([*rows, rows[0] | {"version": "2"}])
    rival = found["points"][0]["rivals"]["perceptual"]
    assert rival["rival"] == "image_ldpc"
    assert rival["gain"][0] == pytest.approx(0.2)
