"""`gistchain list`: what a person looks for is found, whatever strangers wrote and however narrow the terminal is."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from gistchain.answers.listing import header, listed_text
from gistchain.gist.packet import pack
from gistchain.ledger.evm import open_embedded
from gistchain.ledger.ticket import VERDICTS
from gistchain.listing import Listed
from gistchain.types import Gist, RarenessTicket, SignedVerdict, Token
from tests.support.forks import HANGS_S
from tests.support.pictures import noun
from tests.support.terminals import terminal

Run = Callable[..., tuple[int, str, str]]

CAPTIONS = ("A picture of Open Peeps, containing red hat", "a bicycle", "A picture of CryptoPunks, containing Hoodie")


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A home whose chain holds three tokens: an original, one without a ticket, a copy."""
    with open_embedded(tmp_path / "home") as ledger:
        for number, (words, verdict) in enumerate(zip(CAPTIONS, ("original", None, "copy"), strict=True)):
            payload = pack(Gist((words,), (24, 24)))
            digest = hashlib.sha3_256(payload).digest()
            ticket = None if verdict is None else RarenessTicket(number / 4, verdict, digest, 1, 2, 3)
            ledger.put(payload, image_sha3_256=digest, rareness=ticket)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), [1, 2, 3]),
        (("--collection", "cryptopunks"), [3]),
        (("--collection", "open-peeps"), [1]),
        (("--collection", "Open Peeps"), [1]),
        (("--verdict", "copy"), [3]),
        (("--search", "RED containing"), [1]),
        (("--search", "bicycle", "--verdict", "original"), []),
        (("--owner", "0x"), [1, 2, 3]),
        (("--owner", "0xf00"), []),
    ],
)
def test_tokens_are_found_by_what_is_known_of_them(
    run: Run, chain: Path, options: tuple[str, ...], found: list[int]
) -> None:
    code, out, err = run("list", "--json", *options)
    assert code == 0
    assert [row["token"] for row in lines(out)] == found
    assert ("none of the 3 tokens" in err) == (not found)


def test_a_row_tells_verdict_name_and_collection(run: Run, chain: Path) -> None:
    rows = lines(run("list", "--json")[1])
    assert [row["verdict"] for row in rows] == ["original", None, "copy"]
    assert [row["score"] for row in rows] == [0.0, None, 0.5]
    assert [row["collection"] for row in rows] == ["Open Peeps", None, "CryptoPunks"]
    assert [row["name"] for row in rows] == [None] * 3, "this home has not seen their images"
    assert len({frozenset(row) for row in rows}) == 1
    assert run("list")[1].splitlines()[2].split() == [
        "3",
        "copy",
        "CryptoPunks",
        "-",
        *run("list")[1].splitlines()[2].split()[4:],
    ]


def test_names_of_files_are_remembered_and_escaped(run: Run, tmp_path: Path) -> None:
    name = "two\nlines \N{RIGHT-TO-LEFT OVERRIDE}gnp.\N{BICYCLE}.png"
    noun(1, tmp_path / "a.png").rename(tmp_path / name)
    assert run("register", tmp_path / name)[0] == 0
    assert lines(run("list", "--json")[1])[0]["name"] == name
    (line,) = run("list", "--search", "gnp")[1].splitlines()
    assert r"two\nlines \u202egnp.🚲.png" in line


def test_an_empty_home_says_how_to_begin_and_is_not_made(run: Run, tmp_path: Path) -> None:
    code, out, err = run("list", "--home", tmp_path / "none")
    assert (code, out) == (0, "")
    assert "gistchain register" in err
    assert run("list", "--json")[:2] == (0, "")


def test_the_verdicts_that_can_be_asked_for_are_those_there_are() -> None:
    assert get_args(SignedVerdict) == VERDICTS, "those that a ticket can say"


def _row(**fields: Any) -> Listed:
    token = Token(1, "0x" + 40 * "a", bytes(32), 3, 1_700_000_000)
    caption = "A picture of Nouns, containing cow head"
    usual = {"caption": caption, "readable": True, "ticket": None, "name": "a.png", "gist_bytes": 19}
    return Listed(token, **{**usual, **fields})


@pytest.mark.parametrize("width", [120, 100, 80, 60, 46])
@pytest.mark.parametrize(
    "name", ["a.png", "n" * 300 + ".png", "\N{CJK UNIFIED IDEOGRAPH-732B}" * 40, "e\N{COMBINING ACUTE ACCENT}" * 40]
)
def test_a_row_fits_the_terminal(width: int, name: str) -> None:
    from rich.cells import cell_len

    for row in (_row(name=name), _row(caption=name), _row(caption="A picture of " + name)):
        line = listed_text(row, width)
        assert cell_len(line) <= width
        assert "\n" not in line
    assert len(header(width)) <= width


def test_columns_stand_below_each_other_whatever_the_letters() -> None:
    from rich.cells import cell_len

    for width in (None, 130):
        rows = [listed_text(_row(name=name), width) for name in ("a.png", "猫.png")]
        assert ["…" in row for row in rows] == [False, False]
        assert len({cell_len(row.partition("cow head")[0]) for row in rows}) == 1


def test_a_person_sees_columns_and_a_program_whole_lines(run: Run, chain: Path) -> None:
    command = [sys.executable, "-m", "gistchain", "list"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "90", "NO_COLOR": "1"}
    with terminal() as screen:
        subprocess.run(command, stdout=screen.end, stderr=screen.end, env=environment, timeout=HANGS_S, check=True)
    rows = screen.shown.splitlines()
    assert rows[0].split()[:3] == ["token", "verdict", "collection"]
    assert len(rows) == 4
    assert "\x1b" not in screen.shown
    assert all(caption in out for caption, out in zip(CAPTIONS, run("list")[1].splitlines(), strict=True))
