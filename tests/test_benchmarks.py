"""The check of the committed results: it notices worse figures and other weights, and every benchmark is listed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import benchmarks.__main__ as benchmarks
from gistchain.models.packaged.copies import GRAPHS


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return Path(shutil.copytree(benchmarks.RESULTS, tmp_path / "results"))


def change(results: Path, name: str, *keys: str, to: object) -> None:
    path = results / f"{name}.json"
    record = inner = json.loads(path.read_text("utf-8"))
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    path.write_text(json.dumps(record), "utf-8")


def test_a_figure_below_its_floor_fails_the_check(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmarks.check(results)
    change(results, "painter", "figures", "nouns", "ssim", to=0.92)
    capsys.readouterr()
    assert not benchmarks.check(results)
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "WORSE" in line)
    assert line.startswith("painter")


def test_the_worst_of_several_figures_counts(results: Path) -> None:
    change(results, "captions_in_bytes", "sets", "Nouns", "packet", "median", to=25)
    assert not benchmarks.check(results)


def test_no_other_method_may_be_better_at_near_duplicates(results: Path) -> None:
    change(results, "rareness", "methods", "SSCD", "all", "auc", to=0.99)
    assert not benchmarks.check(results)


@pytest.mark.parametrize("digest", ["0123456789abcdef", None])
def test_figures_of_other_classifiers_fail_the_check(results: Path, digest: str | None) -> None:
    shipped = json.loads((results / "rareness.json").read_text("utf-8"))["models"]
    assert set(shipped) == set(GRAPHS)
    measured = {name: d for name, d in shipped.items() if name != GRAPHS[0]} | ({GRAPHS[0]: digest} if digest else {})
    change(results, "rareness", "models", to=measured)
    assert not benchmarks.check(results)


def test_a_missed_target_names_the_page_that_says_so() -> None:
    for target in benchmarks.TARGETS:
        assert (target.floor is None) == (not target.shortfall), target
        if target.shortfall:
            assert (benchmarks.HERE.parent / target.shortfall.partition(":")[0]).is_file()


def test_every_result_is_listed_with_its_command() -> None:
    listed = "\n".join(benchmarks.listed())
    for path in benchmarks.RESULTS.glob("*.json"):
        assert json.loads(path.read_text("utf-8"))["command"] in listed
