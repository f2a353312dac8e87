"""Pictures that stand in other collections of the home are counted, without reading every token of all of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gistchain.collection.imports.filters import findings
from gistchain.collection.imports.record import NAME, Content, ImportedToken, Record, State
from gistchain.errors import FileDamaged


def token(number: int, picture: str | None, state: State = "complete") -> ImportedToken:
    media = None if picture is None else Content(picture, 1, "PNG", "x")
    return ImportedToken(str(number), state, attributes=(("Hat", 'a "red" one'),), media=media)


def collection(home: Path, name: str, tokens: list[ImportedToken]) -> Path:
    folder = home / "imports" / name
    with Record(folder, write=True) as record:
        record.put(tokens)
    return folder


def foreign(folder: Path) -> dict[str, tuple[int, int]]:
    """Name of another collection -> (tokens of it, of how many here)."""
    with Record(folder) as record:
        found = findings(record)
    return {one.reason.split("'")[1]: (one.tokens, one.of) for one in found if one.kind == "foreign"}


def test_each_other_collection_has_as_many_as_counting_all_of_its_tokens_gives(tmp_path: Path) -> None:
    rng = random.Random(16)
    states: tuple[State, ...] = ("complete", "failed", "stale", "burnt")
    made = {
        f"c{k}": [
            token(n, rng.choice([None, *map(str, range(40 * k, 40 * k + 60))]), rng.choice(states)) for n in range(80)
        ]
        for k in range(5)
    }
    folders = {name: collection(tmp_path, name, tokens) for name, tokens in made.items()}
    for name, folder in folders.items():
        mine = {one.media.sha256 for one in made[name] if one.media is not None and one.state == "complete"}
        same = {
            other: sum(one.media is not None and one.media.sha256 in mine for one in tokens)
            for other, tokens in made.items()
            if other != name
        }
        assert {other: count for other, (count, _) in foreign(folder).items()} == {o: n for o, n in same.items() if n}
    assert any(foreign(folder) for folder in folders.values())


def test_what_changed_in_another_collection_counts_as_it_is_now(tmp_path: Path) -> None:
    mine = collection(tmp_path, "mine", [token(1, "aa"), token(2, "bb")])
    other = collection(tmp_path, "other", [token(1, "aa"), token(2, "aa"), token(3, None)])
    assert foreign(mine) == {"other": (2, 2)}
    with Record(other, write=True) as record:
        record.put([token(1, "cc"), token(3, "bb")])
    assert foreign(mine) == {"other": (2, 2)}
    with Record(other, write=True) as record:
        record.put([token(2, "cc"), token(3, "cc")])
    assert foreign(mine) == {}


def test_a_record_without_the_index_is_looked_through(tmp_path: Path) -> None:
    """As one that was made before records had it; opened to write, it gets it."""
    mine, other = (collection(tmp_path, name, [token(1, "aa")]) for name in ("mine", "other"))
    with Record(other, write=True) as record:
        record._database.execute("DROP INDEX tokens_by_media")
    assert foreign(mine) == {"other": (1, 1)}
    with Record(other, write=True) as record:
        assert record._database.execute("SELECT 1 FROM sqlite_master WHERE name = 'tokens_by_media'").fetchone()


def test_damaged_and_unfinished_records_are_passed_over(tmp_path: Path) -> None:
    mine = collection(tmp_path, "mine", [token(1, "aa")])
    collection(tmp_path, "whole", [token(1, "aa")])
    for name, content in (("empty", b""), ("noise", b"no database at all" * 300)):
        folder = tmp_path / "imports" / name
        folder.mkdir()
        (folder / NAME).write_bytes(content)
    cut = collection(tmp_path, "cut", [token(n, f"{n:064x}") for n in range(3_000)])
    raw = (cut / NAME).read_bytes()
    (cut / NAME).write_bytes(raw[:4096] + b"\xff" * (len(raw) - 4096))
    newer = collection(tmp_path, "newer", [token(1, "aa")])
    with Record(newer, write=True) as record:
        record._database.execute("PRAGMA user_version = 99")
    row = collection(tmp_path, "row", [token(1, "aa")])
    with Record(row, write=True) as record:
        record._database.execute("DROP INDEX tokens_by_media")
        record._database.execute("UPDATE tokens SET row = '{'")
    with pytest.raises(FileDamaged), Record(row) as record:
        record.showing(["aa"])
    assert foreign(mine) == {"whole": (1, 1)}


def test_a_look_up_does_not_read_every_token(tmp_path: Path) -> None:
    folder = collection(tmp_path, "large", [token(n, f"{n:064x}") for n in range(5_000)])
    with Record(folder) as record:
        steps = []
        record._database.set_progress_handler(lambda: steps.append(1), 1_000)  # SQLite's instructions
        assert record.showing([f"{7:064x}", "none"]) == 1
    assert len(steps) < 3
