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


def test_the_promised_figures_are_reached_or_the_docs_name_the_shortfall() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_gistchain_loads_nothing_heavy() -> None:
    heavy = "numpy", "PIL", "web3", "onnxruntime", "eth", "typer", "rich", "torch", "skimage", "numba", "cv2"
    code = f"import sys, gistchain; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_everyday_commands_load_only_what_they_need(tmp_path: Path) -> None:
    node = "web3", "eth_account", "aiohttp", "requests", "gistchain.internet.fetch"
    chain = *node, "eth", "eth_utils", "eth_abi", "rlp", "trie"
    rareness = "numba", "cv2", "zstandard", "gistchain.rareness.check", "gistchain.rareness.store.store"
    noun = nouns.tokens(nouns.sample(1, rng=np.random.default_rng(1), held=False)).image(0)
    Image.fromarray(noun.repeat(4, 0).repeat(4, 1)).save(tmp_path / "noun.png")
    pictures = "PIL.FpxImagePlugin", "torch", "requests"
    for words, heavy in (
        (("register", str(tmp_path / "noun.png")), (*node, *pictures)),
        (("check", str(tmp_path / "noun.png")), (*chain, *pictures)),
        (("rebuild", "1", "-o", str(tmp_path / "back.png")), (*chain, *rareness, *pictures)),
        (("list",), (*chain, *rareness, "numpy", "PIL", "onnxruntime")),
        (("show", "1"), (*chain, *rareness, "numpy", "PIL", "onnxruntime")),
    ):
        said = _command(tmp_path, *words, loaded=heavy).splitlines()
        assert said[-1] == "[]", words
    assert any("here: --evidence prints it" in line for line in said)


def test_numba_is_loaded_only_by_the_first_that_compares(tmp_path: Path) -> None:
    images = nouns.tokens(nouns.sample(2, rng=np.random.default_rng(2), held=False))
    for k in range(2):
        Image.fromarray(images.image(k).repeat(4, 0).repeat(4, 1)).save(tmp_path / f"{k}.png")
    _command(tmp_path, "register", str(tmp_path / "0.png"))
    for _ in range(2):  # the first keeps what it compiled, where nobody has before
        checked = _command(tmp_path, "check", str(tmp_path / "1.png"), loaded=("numba", "llvmlite"))
    assert checked.splitlines()[-1] == "['llvmlite']"


def _command(home: Path, *words: str, loaded: tuple[str, ...] = ()) -> str:
    """What a command prints in a process of its own, then which of the modules were loaded for it."""
    code = f"""
import sys
from gistchain.cli.app import app
try:
    app({[*words, "--home", str(home)]!r})
finally:
    print([m for m in {loaded!r} if m in sys.modules])
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


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


def test_the_pages_about_commands_and_library_are_those_of_the_code() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_reference_to_a_source_is_explained_and_every_explanation_is_used() -> None:
    page = ROOT / "docs" / "sources.md"
    rows = re.findall(r"^\| ([ST]\d\.\d+) \| (\*\(unused\)\*)?", page.read_text("utf-8"), re.M)
    listed, unused = {name for name, _ in rows}, {name for name, mark in rows if mark}
    folders = ("gistchain", "docs", "tests", "training", "benchmarks", "examples")
    texts = [*ROOT.glob("*.md"), *(path for folder in folders for path in (ROOT / folder).rglob("*"))]
    used: dict[str, str] = {}
    for path in texts:
        hidden = any(part in ("weights", "cache", "results") for part in path.parts)
        if path.suffix in (".py", ".md", ".vy", ".j2", ".toml") and path != page and not hidden:
            used |= dict.fromkeys(re.findall(r"\b[ST]\d\.\d+", path.read_text("utf-8")), path.name)
    assert {name: where for name, where in used.items() if name not in listed} == {}
    assert listed - used.keys() == unused, "docs/sources.md: *(unused)* stands before what nothing refers to"


EXPERIMENTS = {
    "s2": [*(f"S2.{k}" for k in (1, 2, 3, 4, 5, 6, 7, 9, 10)), *(f"T2.{k}" for k in range(1, 6))],
    "s4": [*(f"S4.{k}" for k in (1, 2, 3, 4, 5, 6, 8)), "T4.2", "T4.3"],
}
"""All that the sources of the experiments on the link describe, and their traps."""


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_page_of_the_experiments_answers_every_row_of_its_source(name: str) -> None:
    page = (ROOT / "docs" / "experiments" / f"{name}.md").read_text("utf-8")
    rows = dict(re.findall(rf"^\| ([ST]{name[1:]}\.\d+) \|(.*)\|$", page, re.M))
    assert list(rows) == EXPERIMENTS[name]
    for number, cells in rows.items():
        source, ours = (cell.strip() for cell in cells.split(" | "))
        assert len(source) > 10, number
        assert len(ours) > 20, number


def test_links_between_pages_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for target, _, heading in re.findall(r"\]\((?!\w+:)([^)#]*)(#([^)]*))?\)", page.read_text("utf-8")):
            found = (page.parent / target) if target else page
            assert found.exists(), f"{page.name} links to {target}"
            if heading:
                titles = re.findall(r"^#+ (.*)$", found.read_text("utf-8"), re.M)
                anchors = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
                assert heading in anchors, f"{page.name} links to {target}#{heading}"


def test_no_tracked_text_names_a_path_of_this_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".txt", ".json", ".vy", "") and path.is_file() and name != "LICENSE":
            assert str(Path.home()) + "/" not in path.read_text("utf-8"), name
