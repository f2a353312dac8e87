"""The repository keeps its promises: generated pages are current, the package is light to import, examples run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gistchain.collection.known import nouns
from gistchain.models.packaged.copies import GRAPHS
from gistchain.models.zoo.weights import card
from tests.support.places import ROOT

RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


def test_the_tables_of_the_readme_are_those_of_the_results() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tables", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_every_result_names_its_command(path: Path) -> None:
    record = json.loads(path.read_text("utf-8"))
    assert record["command"].startswith(("python -m benchmarks.", "gistchain demo"))


def test_results_were_made_with_the_weights_that_are_shipped() -> None:
    for path in RESULTS:
        for model, digest in json.loads(path.read_text("utf-8")).get("models", {}).items():
            card = json.loads((ROOT / "gistchain" / "models" / "weights" / f"{model}.json").read_text("utf-8"))
            assert card["sha256"].startswith(digest), f"{path.name} was made with another {model}"


def test_the_promised_figures_are_reached_or_the_readme_would_say_otherwise() -> None:
    """The committed results against the targets of the first release; times are left to the benchmarks."""
    figures = {p.stem: json.loads(p.read_text("utf-8")) for p in RESULTS}
    painter = figures["painter"]["figures"]
    assert painter["punks"]["distance"] <= 0.006
    assert painter["nouns"]["distance"] <= 0.008
    assert painter["punks"]["ssim"] >= 0.96
    assert painter["nouns"]["ssim"] >= 0.93
    assert figures["captioner"]["figures"]["nouns"]["clean"]["exact_match"] >= 0.98
    assert all(row["layer"]["median"] <= 24 for row in figures["captions_in_bytes"]["sets"].values())
    # The target was 700 MB: numba's compiler and OpenCV, which rareness needs, weigh 370. The README says it.
    assert figures["install_size"]["figures"]["bytes"] <= 1.1e9
    median = figures["collections"]["figures"]["median"]
    assert median["exact_match"] >= 0.92  # the target is .95: docs/models.md says what is missed
    assert median["distance"] <= 0.02
    assert median["ssim"] >= 0.90
    learnt = figures["collection_train"]["figures"]["toon-head"]
    assert learnt["ssim"] >= 0.90
    assert learnt["cpu_minutes"] <= 20
    photos = figures["photo_latent"]["figures"]["sizes"]["1024"]["WEBP"]
    assert photos["ours_minus_this_psnr"][0] > 0 > photos["ours_minus_this_perceptual"][0]
    found = figures["retrieval"]["figures"]
    for task in (found["tokens"]["together"], found["photos"]):
        assert task["joint-default"]["recall@1"] > task["conse"]["recall@1"]


def test_importing_gistchain_loads_nothing_heavy() -> None:
    heavy = "numpy", "PIL", "web3", "onnxruntime", "eth", "typer", "rich", "torch", "skimage", "numba", "cv2"
    code = f"import sys, gistchain; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_the_chain_holds_is_shown_without_loading_rareness(tmp_path: Path) -> None:
    heavy = "numba", "cv2", "zstandard", "gistchain.rareness.check", "gistchain.rareness.store.store"
    code = f"""
import sys
from gistchain.cli import app
try:
    app(["list", "--home", {str(tmp_path)!r}])
finally:
    print([m for m in {heavy!r} if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    import gistchain

    for name in gistchain.__all__:
        assert getattr(gistchain, name) is not None
    with pytest.raises(AttributeError, match="no attribute"):
        gistchain.nothing_of_the_kind  # noqa: B018


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    assert example is not None
    token = nouns.tokens(nouns.sample(1, rng=np.random.default_rng(77), held=False)).image(0)
    Image.fromarray(token).resize((256, 256), Image.Resampling.NEAREST).save(tmp_path / "noun.png")
    code = example[1] + "\nassert picture.shape == (256, 256, 3)\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "A picture of Nouns" in done.stdout


def test_no_tracked_text_names_a_path_of_this_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".txt", ".json", ".vy", "") and path.is_file() and name != "LICENSE":
            assert str(Path.home()) + "/" not in path.read_text("utf-8"), name


def test_near_duplicates_are_measured_on_what_was_promised_and_better_than_by_any_other_method() -> None:
    """Sizes of the set are targets; docs/rareness.md names the targets of quality that are missed, and by how much."""
    record = json.loads((ROOT / "benchmarks" / "results" / "rareness.json").read_text("utf-8"))
    data = record["data"]
    assert data["registered"] >= 5000
    assert data["collections"] >= 20
    assert data["copies"] >= 1000
    assert data["negatives"] >= 1000
    assert data["twins_of_negatives"] >= 0.25
    assert 0.45 <= data["transformed_of_negatives"] <= 0.55
    assert data["unseen_families"] >= 5
    assert len(data["unseen_collections"]) >= 5
    shipped = {name: str(card(name)["sha256"])[:16] for name in GRAPHS}
    assert record["models"] == shipped, "the figures are of other classifiers: python -m benchmarks.rareness"
    ours = record["methods"].pop("gistchain")
    for name, theirs in record["methods"].items():
        for where, figures in theirs.items():
            assert ours[where]["auc"] > figures["auc"], (name, where)
            assert ours[where]["recall_at_1"] > figures["recall_at_1"], (name, where)
    assert record["source_named_of_detections"]["all"] >= 0.97
    siblings = [r for n, r in record["verdicts"].items() if n.startswith(("siblings", "one-trait"))]
    assert sum(r["n"] * r["copy"] for r in siblings) <= 0.01 * sum(r["n"] for r in siblings)
