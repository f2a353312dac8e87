"""With --json every line is an object, and its keys are those that docs/cli.md lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from docs.generate import JSON_KEYS
from tests.support.pictures import noun

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
        ("collection", "list"),
        ("collection", "import", "robohash:1", "--limit", 3),
        ("search", "blue"),
        ("index",),
        ("models", "list"),
    ]
    for words in commands:
        code, out, err = run(*words, "--json")
        assert code == 0, err
        name = next(name for name in JSON_KEYS if " ".join(map(str, words)).startswith(name))
        for line in out.splitlines():
            assert list(json.loads(line)) == JSON_KEYS[name].split(), name


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
