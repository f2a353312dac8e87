"""The home as docs/home.md describes it: read anywhere, moved, and without its key."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gistchain.disk.lock import FileLock
from tests.support.pictures import noun
from tests.support.tiny import file_system, read_only

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(run: Run, tmp_path: Path) -> Path:
    assert run("register", noun(1, tmp_path / "a.png"))[0] == 0
    return tmp_path / "home"


def test_what_is_there_is_shown_while_another_command_writes(run: Run, home: Path) -> None:
    with (
        FileLock(home / "chain.lock", wait_s=0),
        closing(sqlite3.connect(home / "rareness.sqlite", isolation_level=None)) as database,
    ):
        database.execute("begin immediate")
        database.execute("update images set name = x'00'")
        code, out, err = run("list", "--json")
        assert (code, json.loads(out)["name"], err) == (0, "a.png", "")
        code, out, err = run("show", 1, "--json")
        assert (code, json.loads(out)["evidence_here"], err) == (0, True, "")
        assert run("rebuild", 1, "--seeds", 1, "-o", "back.png")[0] == 0


def test_a_home_that_can_not_be_written_is_read(run: Run, home: Path, tmp_path: Path) -> None:
    with file_system(tmp_path / "disc", kilobytes=30_000) as disc:
        shutil.copytree(home, disc / "home")
        read_only(disc)
        assert run("list", "--home", disc / "home")[1] == run("list")[1]
        code, out, err = run("show", 1, "--json", "--home", disc / "home")
        assert (code, json.loads(out)["evidence_here"], err) == (0, True, "")
        code, out, err = run("rareness", "status", "--json", "--home", disc / "home")
        assert (code, json.loads(out)["registered"], err) == (0, 1, "")
        code, out, err = run("check", "a.png", "--json", "--home", disc / "home")
        assert (code, json.loads(out)["verdict"], err) == (0, "copy", "")
        assert run("rebuild", 1, "--seeds", 1, "-o", "back.png", "--home", disc / "home")[0] == 0
        code, _, err = run("register", noun(2, tmp_path / "b.png"), "--home", disc / "home")
        assert code == 1
        assert "Read-only file system" in err


def test_what_only_looks_makes_no_home_and_says_that_there_is_none(run: Run, tmp_path: Path) -> None:
    noun(1, tmp_path / "a.png")
    for words in (("check", "a.png", "--sense"), ("rareness", "status")):
        code, _, err = run(*words, "--home", "typo")
        assert code == 0
        assert "compared with nothing: there is no folder" in err
    assert not (tmp_path / "typo").exists()


def test_a_home_goes_on_in_another_place(run: Run, home: Path, tmp_path: Path) -> None:
    home.rename(tmp_path / "moved")
    code, out, _ = run("register", "a.png", noun(2, tmp_path / "b.png"), "--home", "moved", "--json")
    assert code == 0
    again, new = map(json.loads, out.splitlines())
    assert (again["already"], new["token"], new["rareness"]["verdict"]) == (True, 2, "sibling")


def test_key_and_chain_are_enough_to_go_on(run: Run, home: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "keys").mkdir(parents=True)
    for name in ("keys/default.key", "chain.sqlite"):
        shutil.copy(home / name, kept / name)
    assert run("list", "--home", kept)[0] == 0
    assert run("rareness", "rebuild", "--home", kept)[0] == 0
    code, out, _ = run("register", "a.png", "--home", kept, "--json")
    assert (code, json.loads(out)["token"], json.loads(out)["already"]) == (0, 1, True)
    with (tmp_path / "copy.jpg").open("wb") as file:
        from PIL import Image

        with Image.open("a.png") as image:
            image.convert("RGB").save(file, "JPEG")
    assert json.loads(run("check", "copy.jpg", "--home", kept, "--json")[1])["verdict"] == "copy"


def test_without_its_key_a_home_is_read_and_registers_only_as_another(run: Run, home: Path, tmp_path: Path) -> None:
    (home / "keys" / "default.key").unlink()
    for words in (("list",), ("show", 1), ("rebuild", 1, "--seeds", 1), ("check", "a.png")):
        assert run(*words)[0] == 0, words
    code, _, err = run("register", noun(2, tmp_path / "b.png"))
    assert code != 0
    assert "default.key is gone" in err
    known = json.loads((home / "ledgers.json").read_text())
    for chain in known.values():
        chain["account"] = None
    (home / "ledgers.json").write_text(json.dumps(known))
    code, out, _ = run("register", "a.png", "b.png", "--json")
    same, new = map(json.loads, out.splitlines())
    assert (code, same["token"], same["others"], new["token"]) == (0, 2, [1], 3), "told, and not obeyed"


def test_a_chain_with_tokens_gets_no_new_key_in_silence(run: Run, tmp_path: Path) -> None:
    assert run("register", noun(1, tmp_path / "1.png"))[0] == 0
    home = tmp_path / "home"
    key = (home / "keys" / "default.key").read_bytes()
    (home / "keys" / "default.key").unlink()
    (home / "ledgers.json").unlink()
    code, _, err = run("register", noun(2, tmp_path / "2.png"))
    assert code == 2
    assert "has 1 token, and the key of their owner is not beside it" in err
    assert not (home / "keys" / "default.key").exists()
    (home / "keys" / "default.key").write_bytes(key)
    assert run("register", tmp_path / "2.png")[0] == 0


def test_options_of_a_node_without_its_url_are_refused(run: Run, tmp_path: Path) -> None:
    picture = noun(1, tmp_path / "1.png")
    for words in (("--chain-id", 5), ("--registry", "0x" + "1" * 40)):
        code, _, err = run("register", picture, *words)
        assert code == 2
        assert "is for a chain behind --rpc URL" in err
    assert not (tmp_path / "home" / "chain.sqlite").exists()
