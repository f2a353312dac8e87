"""Models of third parties: the package in examples/ is built, installed and used; others that go wrong harm nobody."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gistchain.errors import ModelError, SettingError
from gistchain.models.traitnet.captioner import TraitCaptioner
from gistchain.models.zoo import registry
from gistchain.models.zoo.conformance import check
from gistchain.models.zoo.inventory import missing
from gistchain.models.zoo.table import TABLE
from tests.support.places import ROOT

EXAMPLE = ROOT / "examples" / "gistchain-colourhistogram"


def _install(target: Path, *projects: Path) -> None:
    """As a user does, but offline and beside this environment; from copies, so that nothing is left in the sources."""
    copies = [shutil.copytree(project, target.parent / f"copy-{project.name}") for project in projects]
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--isolated",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
    ]
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--target", target, *copies], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("example") / "site"
    _install(target, EXAMPLE)
    return target


def _listed(*sites: Path) -> dict[tuple[str, str, str], dict[str, object]]:
    """`gistchain models list` in a process that finds the packages in `sites`."""
    code = f"import sys; sys.path[:0] = {[str(s) for s in sites]}; from gistchain.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "models", "list", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {(row["kind"], row["name"], row["distribution"]): row for row in rows}


def test_the_example_package_is_found_once_it_is_installed(example: Path) -> None:
    key = "image-embedder", "colour-histogram", "gistchain-colourhistogram"
    assert key not in _listed()
    row = _listed(example)[key]
    assert row["missing"] == ""
    assert row["licence"] == "Apache-2.0"
    assert row["line"] == "which colours an image has, as 64 numbers"


def test_the_example_package_is_used(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(example)
    monkeypatch.syspath_prepend(ROOT / "tests" / "conformance")
    from tests.conformance.checks import check_image_embedder

    model = registry.load("image-embedder", "colour-histogram")
    check_image_embedder(model)
    red, dark_red, blue = np.zeros((3, 8, 9, 3), np.uint8)
    red[..., 0], dark_red[..., 0], blue[..., 2] = 255, 200, 255
    half = np.concatenate([red, blue])
    vectors = model.embed([red, dark_red, blue, half])
    np.testing.assert_allclose(vectors[0] @ vectors.T, [1, 1, 0, 0.5**0.5], atol=1e-6)
    with pytest.raises(SettingError, match="leave out"):
        registry.load("image-embedder", "colour-histogram", source="org/name")


ODD = {
    "pyproject.toml": """
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"
        [project]
        name = "odd-models"
        version = "1"
        [project.entry-points."gistchain.models"]
        "captioner.broken" = "odd_broken:Captioner"
        "captioner.gone" = "odd_models:Gone"
        "captioner.shapeless" = "odd_models:Shapeless"
        "captioner.moody" = "odd_models:Moody"
        "captioner.rambling" = "odd_models:Rambling"
        "captioner.hub" = "odd_models:Hub"
        "captioner.traits" = "odd_models:Rambling"
        "poet.verse" = "odd_models:Rambling"
        "nameless" = "odd_models:Rambling"
        "image-embedder.colour-histogram" = "odd_models:Rambling"
        [tool.hatch.build.targets.wheel]
        include = ["*.py"]
        """,
    "odd_broken.py": "raise SystemExit('this plugin ends the program')",
    "odd_models.py": """
        print("a plugin that talks")
        class Shapeless:
            pass
        class Moody:
            def __init__(self):
                raise RuntimeError("not today")
            def caption(self, image): ...
        class Rambling:
            def caption(self, image):
                return "just a text"
        class Hub:
            def __init__(self, source, *, device, **more):
                self.told = source, device, more
            def caption(self, image): ...
        """,
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    (folder / "project").mkdir()
    for name, text in ODD.items():
        lines = text.split("\n")
        (folder / "project" / name).write_text("\n".join(line[8:] if line[:8].isspace() else line for line in lines))
    _install(folder / "site", folder / "project")
    return folder / "site"


def test_plugins_that_do_not_work_are_listed_with_why_and_break_no_other(odd: Path, example: Path) -> None:
    rows = _listed(odd, example)
    own = {(row.kind, row.name): missing(row) for row in TABLE}
    assert {(k, n): row["missing"] for (k, n, d), row in rows.items() if d == "gistchain"} == own

    def why(kind: str, name: str, distribution: str = "odd-models") -> object:
        return rows[kind, name, distribution]["missing"]

    assert "this plugin ends the program" in str(why("captioner", "broken"))
    assert "Gone" in str(why("captioner", "gone"))
    assert "KIND.NAME" in str(why("poet", "verse"))
    assert "KIND.NAME" in str(why("nameless", ""))
    assert "gistchain and odd-models" in str(why("captioner", "traits"))
    both = why("image-embedder", "colour-histogram")
    assert both == why("image-embedder", "colour-histogram", "gistchain-colourhistogram")
    assert "gistchain-colourhistogram and odd-models" in str(both)
    assert why("captioner", "rambling") == ""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("broken", "this plugin ends the program"),
        ("gone", "Gone"),
        ("shapeless", "lacks members of Captioner"),
        ("moody", "RuntimeError: not today"),
    ],
)
def test_a_plugin_that_does_not_work_is_refused(
    odd: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.syspath_prepend(odd)
    with pytest.raises(ModelError, match=told) as error:
        registry.load("captioner", name)
    assert "odd-models" in str(error.value) or "odd_models" in str(error.value)


def test_a_name_that_two_plugins_bring_is_neither_of_theirs(
    odd: Path, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(odd)
    monkeypatch.syspath_prepend(example)
    with pytest.raises(ModelError, match="gistchain-colourhistogram and odd-models both bring"):
        registry.load("image-embedder", "colour-histogram")
    assert isinstance(registry.load("captioner", "traits"), TraitCaptioner)  # what gistchain has stays what it is


def test_a_plugin_is_told_what_its_constructor_names(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(odd)
    model = registry.load("captioner", "hub", source="org/name", device="cuda:1", allow_download=True)
    assert model.told == ("org/name", "cuda:1", {"dtype": "float32", "allow_download": True, "allow_pickle": False})
    with pytest.raises(SettingError, match="hub=SOURCE"):
        registry.load("captioner", "hub")


def test_what_comes_out_of_a_model_is_looked_at(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(odd)
    image = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ModelError, match="a str instead of a Caption"):
        check("captioner", registry.load("captioner", "rambling"), image, "black")
    with pytest.raises(ModelError, match="is not of kind 'painter'"):
        check("painter", registry.load("captioner", "rambling"), image, "black")
