"""`gistchain collection caption` and `split`, as a person types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.generate import JSON_KEYS
from gistchain.collection.captions.rows import rows
from gistchain.collection.known import dicebear
from tests.support.collections import put_plain, put_tokens

Run = Callable[..., tuple[int, str, str]]


def test_captions_are_made_in_words_and_in_json(run: Run, tmp_path: Path) -> None:
    folder = put_plain(tmp_path / "home", "katzen", [(("Augen", "blau"), ("Level", "3"))], subject="Katzen")
    code, out, err = run("collection", "caption", "katzen", "--translate", "words", "--paraphrases", 2)
    assert (code, err) == (0, "")
    assert "captions of 1 tokens" in out
    assert "pixels can't show: Level" in out
    (row,) = rows(folder)
    assert row.caption == "A picture of Katzen, containing blue eyes, 3 Level"
    assert len(row.paraphrases) == 2
    code, out, _ = run("collection", "caption", "katzen", "--json")
    assert code == 0
    assert list(json.loads(out)) == JSON_KEYS["collection caption"].split()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nobody",), 2, "no imported collection is called 'nobody': there are katzen"),
        (("katzen", "--translate", "endpoint"), 2, "no language model is set"),
        (("katzen", "--translate", "none.csv"), 1, "can't read the table none.csv"),
        (("katzen", "--paraphrases", "9"), 2, "9"),
        (("katzen", "--allow-host", "evil.example"), 2, "can't be allowed"),
    ],
)
def test_wrong_words_are_told_what_is_wrong(
    words: tuple[str, ...], code: int, message: str, run: Run, tmp_path: Path
) -> None:
    put_plain(tmp_path / "home", "katzen", [(("Augen", "blau"),)])
    ended, out, err = run("collection", "caption", *words)
    assert (ended, out) == (code, "")
    assert message in " ".join(err.split())


def test_hostile_values_are_shown_and_not_obeyed(run: Run, tmp_path: Path) -> None:
    put_plain(tmp_path / "home", "x", [(("\x1b[2Jlevel", "\n1"), ("\u202ehat", "无无"))])
    code, out, _ = run("collection", "caption", "x", "--translate", "words", "--abstract", "hat")
    assert code == 0
    assert "\x1b" not in out
    assert "\u202e" not in out


@pytest.fixture
def three(tmp_path: Path, run: Run) -> Path:
    """A home with three captioned collections of other pictures."""
    home = tmp_path / "home"
    for number, name in enumerate(("planets", "cameo", "landscape")):
        put_tokens(home, name, dicebear.tokens(name, [f"train-{n}" for n in range(4 + number)]), side=64)
        assert run("collection", "caption", name)[0] == 0
    return home


def test_a_split_is_told_and_written(run: Run, three: Path, tmp_path: Path) -> None:
    code, out, err = run("collection", "split", "--all", "--name", "NFT100-mini", "--quick")
    assert (code, err) == (0, "")
    assert "nothing written: give -o FOLDER" in out
    assert "40,000" in out  # what was wanted, beside what there is
    code, out, err = run("collection", "split", "planets", "cameo", "landscape", "--quick", "-o", "data", "--json")
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert list(said) == JSON_KEYS["collection split"].split()
    assert [part["obtained"] for part in said["parts"]] == [6, 4, 5]
    assert (tmp_path / "data" / "webdataset" / "train" / "shard-000000.tar").exists()
    code, out, err = run("collection", "split", "--all", "--quick", "-o", "data")
    assert (code, out) == (1, "")
    assert "give --replace" in err
    code, out, _ = run(
        "collection", "split", "--all", "--quick", "-o", "data", "--replace", "--format", "parquet", "--together",
        "planets,cameo",
    )  # fmt: skip
    assert code == 0
    assert "one family: cameo and planets (told" in out
    assert "no licence is stated of 3 collections" in out
    assert not (tmp_path / "data" / "webdataset").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "no collection was named"),
        (("nobody",), 2, "no imported collection is called 'nobody'"),
        (("planets", "planets"), 2, "'planets' was given twice"),
        (("planets", "--all"), 2, "names and --all were given"),
        (("planets", "--format", "zip"), 2, "'zip' is no format"),
        (("planets", "--together", "planets"), 2, "is not two collections"),
        (("planets", "--apart", "planets,nobody"), 2, "no imported collection is called 'nobody'"),
        (("planets", "--apart", "planets,cameo"), 2, "'cameo' is told to be apart or together"),
    ],
)
def test_wrong_words_of_a_split_are_told_before_any_work(
    words: tuple[str, ...], code: int, message: str, run: Run, tmp_path: Path
) -> None:
    for name in ("planets", "cameo"):
        put_plain(tmp_path / "home", name, [(("eyes", "blue"),)])
    ended, out, err = run("collection", "split", *words)
    assert (ended, out) == (code, "")
    assert message in " ".join(err.split())


def test_all_of_nothing_is_told(run: Run) -> None:
    code, _, err = run("collection", "split", "--all")
    assert code == 1
    assert "none was imported" in err


def test_a_collection_is_wanted_by_what_captions_call_its_tokens(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name, subject in (("cryptopunks", "CryptoPunks"), ("one", "Cool Cats"), ("two", "Cool Cats")):
        put_plain(home, name, [(("eyes", "blue"),)], subject=subject)
    code, out, err = run("collection", "caption", "CryptoPunks", "--json")
    assert (code, json.loads(out)["collection"]) == (0, "cryptopunks"), err
    code, _, err = run("collection", "caption", "Cool Cats")
    assert code == 2
    assert "several imported collections are called 'Cool Cats': give the name of one, one or two" in err
    code, _, err = run("collection", "train", "cryptopunk")  # in the singular, as captions have it
    assert (code, "home/imports/cryptopunks holds no metadata" in err) == (1, True), err


def test_a_part_that_stays_empty_is_told(run: Run, three: Path, tmp_path: Path) -> None:
    words = "collection", "split", "planets", "cameo", "--quick"
    code, out, err = run(*words, "--name", "NFT1000", "-o", "data", "--format", "parquet")
    assert (code, err) == (0, "")
    why = "no pairs for validation: a family stays in one part, and there are only 2"
    assert f"  {why}\n" in out
    card = (tmp_path / "data" / "README.md").read_text("utf-8")
    assert f"\n{why}.\n" in card
    # The published name is another data set's.
    assert '\npretty_name: "NFT1000-style split of 2 collections"\n' in card
    assert "\n# NFT1000-style split of 2 collections\n" in card
    assert json.loads((tmp_path / "data" / "croissant.json").read_text("utf-8"))["name"].startswith("NFT1000-style")
    assert json.loads((tmp_path / "data" / "split.json").read_text("utf-8"))["name"] == "NFT1000"
    assert "stays in one part" not in run("collection", "split", "--all", "--quick")[1]
    code, out, _ = run(*words, "--together", "Cameo,Planets")
    assert code == 0
    assert "no pairs for validation and test: a family stays in one part, and there is only one" in out
