"""What `collection import` says of words that are no SOURCE, of Ctrl-C, and what `collection list` has of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gistchain.collection.imports.packaged import Folder
from gistchain.collection.imports.record import ImportedToken
from gistchain.collection.imports.sources import Obtained
from gistchain.collection.known import dicebear
from tests.support.pictures import noun

Run = Callable[..., tuple[int, str, str]]
CONTRACT = "0x" + "Ab" * 20
LONGEST_ANSWER = 420


def cats(folder: Path, count: int = 3) -> Path:
    (folder / "images").mkdir(parents=True)
    (folder / "metadata").mkdir()
    for k in range(count):
        noun(k, folder / "images" / f"{k}.png", 32)
        (folder / "metadata" / f"{k}.json").write_text(json.dumps({"name": f"Cat #{k}", "attributes": []}), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("robohash:7", "robohash:1, robohash:4"),
        ("robohash", "robohash:1, robohash:4"),
        ("dicebear", "give dicebear:STYLE, as in dicebear:"),
        ("dicebear:", "https://www.dicebear.com/styles shows all"),
        ("dicebear:micha", "did you mean dicebear:micah"),
        ("cryptopunk", "did you mean cryptopunks?"),
        ("Nouns", "did you mean nouns?"),
        ("pfp30", "did you mean pfp-30?"),
        ("Micah", "did you mean dicebear:micah?"),
        ("nothing/such", "'nothing/such' is not there, and is no packaged collection: SOURCE is"),
        ("0x123", "0x123 is no address of a contract, which has 40 hex digits after 0x, and this 3"),
        (f"{CONTRACT}00", "and this 42"),
        (f"https://opensea.io/assets/ethereum/{CONTRACT}/7", f"`gistchain collection import {CONTRACT} --rpc URL`"),
        ("https://opensea.io/collection/azuki", "the site shows the contract's address"),
        ("ipfs://QmHash/1.json", "--list FILE"),
        ("ar://abc", "--list FILE"),
        ("file:///my/cats", "give /my/cats"),
        ("m1.png", "SOURCE is the 0x address of a contract, with --rpc; a folder"),
        ("my rules.toml", "`gistchain collection mint-plan 'my rules.toml'`"),
        ("uris.txt", "given as --list uris.txt"),
    ],
)
def test_what_is_no_source_is_told_what_was_meant(run: Run, tmp_path: Path, source: str, told: str) -> None:
    noun(1, tmp_path / "m1.png", 32)
    for name in ("my rules.toml", "uris.txt"):
        (tmp_path / name).write_text("count = 1", "utf-8")
    code, out, err = run("collection", "import", source)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err) < LONGEST_ANSWER + len(source)
    assert not (tmp_path / "home" / "imports").exists()


def test_a_few_styles_are_named_and_not_all(run: Run) -> None:
    err = run("collection", "import", "dicebear:no-such-thing-at-all")[2]
    assert sum(f"dicebear:{style}" in err for style in dicebear.installed()) < 8
    assert f"{len(dicebear.installed())} are installed" in err


def test_half_an_address_in_a_list_is_told_before_any_work(run: Run, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{CONTRACT}\n0x123\n", "utf-8")
    code, _, err = run("collection", "import", "--list", "list.txt", "--rpc", "http://127.0.0.1:9")
    assert code == 2
    assert "0x123 is no address of a contract" in err


def test_the_folder_above_the_images_is_suggested(run: Run, tmp_path: Path) -> None:
    folder = cats(tmp_path / "my cats")
    for words in (("import",), ("train", "--name", "cats")):
        code, _, err = run("collection", *words, folder / "images")
        assert code == 1
        assert f"The folder above has JSON: give '{folder}'" in err
    lonely = cats(tmp_path / "lonely" / "cats")
    for path in (lonely / "metadata").iterdir():
        path.unlink()
    assert "folder above" not in run("collection", "import", lonely / "images")[2]


@pytest.mark.parametrize("url", ["http://localhost/x.json", "http://127.0.0.1:8080/x.json", "http://[::1]/x.json"])
def test_a_host_of_one_s_own_is_refused_with_the_option_that_allows_it(run: Run, tmp_path: Path, url: str) -> None:
    (tmp_path / "list.txt").write_text(f"{url}\n", "utf-8")
    code, out, err = run("collection", "import", "--list", "list.txt")
    assert (code, err) == (0, ""), "what fails is counted, and is no failure of the command"
    assert "1 failed" in out
    assert "where that host is yours, --allow-host" in out


def test_ctrl_c_says_that_the_same_command_goes_on(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cats(tmp_path / "cats")

    def interrupted(self: Folder, token: ImportedToken) -> Obtained:
        raise KeyboardInterrupt

    with monkeypatch.context() as pressed:
        pressed.setattr(Folder, "obtain", interrupted)
        code, out, err = run("collection", "import", folder)
    assert (code, out) == (130, "")
    assert err == "gistchain: interrupted; the same command goes on from here\n"
    (listed,) = imports(run)
    assert (listed["tokens"], listed["state"]) == ({"wanted": 3}, "unfinished")
    assert "unfinished, the same import goes on" in run("collection", "list")[1]
    assert run("collection", "import", folder)[0] == 0
    assert imports(run)[0]["state"] == "finished"


def imports(run: Run) -> list[dict[str, object]]:
    code, out, err = run("collection", "list", "--json")
    assert (code, err) == (0, "")
    objects = [json.loads(line) for line in out.splitlines()]
    kinds = [one["kind"] for one in objects]
    assert kinds == sorted(kinds, reverse=True), "those that are known come first"
    return [one for one in objects if one["kind"] == "imported"]


def test_imported_collections_are_listed_too(run: Run, tmp_path: Path) -> None:
    assert imports(run) == []
    folder = cats(tmp_path / "cats")
    (folder / "images" / "1.png").write_bytes(b"")
    assert run("collection", "import", folder)[0] == 0
    (listed,) = imports(run)
    assert listed == {
        "kind": "imported", "collection": "cats", "subject": "Cat", "own": None, "data": str(folder),
        "tokens": {"complete": 2, "failed": 1}, "state": "finished",
    }  # fmt: skip
    assert run("collection", "list")[1].splitlines()[-1].split() == (
        ["cats", "Cat", "imported:", "2", "complete,", "1", "failed"]
    )
    damaged = tmp_path / "home" / "imports" / "broken" / "record.sqlite"
    damaged.parent.mkdir()
    damaged.write_bytes(b"no database at all" * 300)
    code, out, err = run("collection", "list")
    assert code == 0
    assert "left out: " in err
    assert "cats" in out
