"""With --json every line is an object, and its keys are those that docs/cli.md lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from docs.generate import JSON_KEYS
from gistchain.answers.collection import there_json, trained_json
from gistchain.cli.app import app
from gistchain.collection.trained import AlreadyThere, HeldOutScores, Trained
from gistchain.traits import Traits
from tests.support.pictures import noun
from tests.support.places import ROOT
from tests.support.shelves import own

Run = Callable[..., tuple[int, str, str]]


def test_the_keys_of_every_object_are_those_of_the_page(run: Run, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    noun(1, images / "a.png", 32)  # `forms` and `send` take seconds for one of 320 pixels
    commands = [
        ("register", "--dry-run", "images"),
        ("register", "images"),
        ("register", "images"),
        ("forms", "images"),
        ("rebuild", 1, "--seeds", 1),
        ("attest", 1, images / "a.png"),
        ("attest", 1, images / "a.png"),
        ("show", 1),
        ("list",),
        ("send", "images/a.png", "--snr-db", 10, "-o", "back.png"),
        ("link", "plan", "images/a.png", "--snr-db", 10),
        ("link", "compare", "images", "--snr-db", 10, "--quick", "--restart", 1, "--system", "gist"),
        ("check", "images"),
        ("watch", "images", "--once", "--settle", "0.01"),
        ("rareness", "status"),
        ("rareness", "rebuild"),
        ("collection", "import", "robohash:1", "--limit", 3),
        ("search", "blue"),
        ("ask", "how many items are there"),
        ("index",),
        ("collection", "list"),
        ("collection", "mint-plan", ROOT / "examples" / "rules.toml", "-o", "plan"),
        ("collection", "export", "garden"),
        ("rareness", "seed", "images"),
        ("models", "list"),
        ("models", "check", "sketch"),
    ]
    own(tmp_path / "home" / "collections")
    for words in commands:
        code, out, err = run(*words, "--json")
        assert code == 0, err
        name = next(name for name in JSON_KEYS if " ".join(map(str, words)).startswith(name))
        for line in out.splitlines():
            assert list(json.loads(line)) == JSON_KEYS[name].split(), name


def test_an_exported_file_that_is_imported_has_the_keys_of_its_row(run: Run, tmp_path: Path) -> None:
    own(tmp_path / "maker" / "collections")
    assert run("collection", "export", "garden", "-o", "a.collection", "--home", tmp_path / "maker")[0] == 0
    code, out, err = run("collection", "import", "a.collection", "--json")
    assert code == 0, err
    assert list(json.loads(out)) == JSON_KEYS["collection import FILE.collection"].split()


def test_what_was_there_has_the_keys_of_what_was_learnt(tmp_path: Path) -> None:
    there = AlreadyThere(Traits("a", "A", {"x": ("y",)}), tmp_path / "model", tmp_path / "report")
    assert list(there_json(there)) == JSON_KEYS["collection train"].split()
    scores = HeldOutScores(1, 1.0, {}, {}, 1.0, 0.0, 1.0, ())
    learnt = Trained(there.traits, there.model, tmp_path, there.report, scores, (), (), {}, {}, 1.0, False)
    assert list(trained_json(learnt)) == JSON_KEYS["collection train"].split()


def test_every_command_with_json_is_on_the_page() -> None:
    def commands(command: Any, name: str) -> Iterator[str]:
        below = getattr(command, "commands", {})
        if not below and any("--json" in parameter.opts for parameter in command.params):
            yield name
        for word, one in below.items():
            yield from commands(one, f"{name} {word}".strip())

    # The figures of the demo are those of its report.
    missing = {name for name in commands(typer.main.get_command(app), "") if name not in JSON_KEYS}
    assert missing <= {"demo"}


def test_errors_and_skipped_files_are_objects_too(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    noun(1, folder / "a.png")
    (folder / "notes.txt").write_text("not an image")
    code, out, _ = run("check", "missing.png", folder, "--json")
    assert code == 1
    objects = [json.loads(line) for line in out.splitlines()]
    assert {"error", "kind", "image"} in map(set, objects)
    assert {"image", "skipped"} in map(set, objects)
