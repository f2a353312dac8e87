"""record.sqlite of an imported collection: what was wanted of every token, and what was obtained.

    HOME/imports/NAME/record.sqlite        every token, failures included
                     /images/1.png         standard form: PNG, width 512
                     /metadata/1.json      as it was fetched
                     /manifest.parquet     the record for other programs (manifest.py)

A token's row is written after its files, so that a row never names what is not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal, Self

from gistchain.collection.folder import RECORD
from gistchain.disk.sqlite import SqliteFile
from gistchain.disk.write import make_folder
from gistchain.errors import CollectionError, FileError, SettingError
from gistchain.traits import is_called

FOLDER, NAME = "imports", RECORD
State = Literal["wanted", "complete", "failed", "burnt", "stale"]
"""wanted: not fetched yet. burnt: it has no owner or no URI any more. stale: the contract says that it has changed."""
Verified = Literal["verified", "unverified"]
"""verified: every block of the content was hashed, from the CID down, or the content stands in the URI itself."""
FINDINGS = "findings"
"""Note of a record: what filters found in the rows that the manifest has. A row that changes takes it away."""
_VERSION = 1
_NAMED = 5
"""Ids of a problem that are told."""
_PLAIN = re.compile(r"[0-9]{1,78}")
_MEDIA = "json_extract(row, '$.media.sha256')"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS tokens (position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, "
    "state TEXT NOT NULL, row TEXT NOT NULL) STRICT",
    "CREATE INDEX IF NOT EXISTS tokens_by_state ON tokens (state)",
    # Every import asks every other record for its pictures. A record made before has it from its next import on.
    f"CREATE INDEX IF NOT EXISTS tokens_by_media ON tokens ({_MEDIA})",
)


@dataclass(frozen=True, slots=True)
class Content:
    """A file that was fetched. cid: of IPFS, '' for none. source: the gateway or host, 'data' for a data: URI.

    kind: what its first bytes say, such as 'PNG' or 'JSON'.
    """

    sha256: str
    size_bytes: int
    kind: str
    source: str
    cid: str = ""
    verified: Verified = "unverified"


@dataclass(frozen=True, slots=True)
class ImportedToken:
    """One token of an imported collection.

    id: decimal digits for a contract's, a name for a folder's. owner: '' where nobody tells, at `block`; -1 for none.
    uri: of the metadata, title: its "name". attributes: (trait_type, value) as they stand there. picture: path of the
    standard form below the collection's folder, '' for none; of a token that is not complete it is that of an earlier
    import, and metadata and media may be newer. problem: why it failed, in a sentence. tries: how often.
    """

    id: str
    state: State = "wanted"
    owner: str = ""
    block: int = -1
    uri: str = ""
    title: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    metadata: Content | None = None
    image_uri: str = ""
    media: Content | None = None
    picture: str = ""
    width: int = 0
    height: int = 0
    problem: str = ""
    tries: int = 0


@dataclass(frozen=True, slots=True)
class About:
    """Where a collection comes from.

    name: of its folder. subject: what a token is called in captions. source: 'contract', 'folder', 'packaged' or
    'list'. chain: CAIP-2 of the chain, such as 'eip155:1', and contract: its address, '' for none. standard: 'erc721',
    'erc1155', 'cryptopunks' or ''. block: up to which events were read, -1 for none. supply: tokens that the source
    says there are. licence: '' where nobody tells. origin: what it is, so that another of that name is not mixed in.
    """

    name: str
    subject: str
    source: str
    chain: str = ""
    contract: str = ""
    standard: str = ""
    block: int = -1
    block_hash: str = ""
    supply: int = 0
    licence: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why tokens failed. tokens: how many. ids: of the first of them."""

    problem: str
    tokens: int
    ids: tuple[str, ...]


class Record:
    """The record of one collection. Every call raises FileBusy, FileDamaged, DiskFull or FileError."""

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        """folder: the collection's own. write: also make it. Raises CollectionError where there is none to read."""
        self.folder = folder
        self._file = SqliteFile(folder / NAME, "move the folder away and import the collection again")
        if not write and not (folder / NAME).exists():
            raise CollectionError(f"{folder} holds no imported collection: `gistchain collection import` makes one")
        if write:
            make_folder(folder)
        self._database = (
            self._file.connect("rwc", ("journal_mode = wal", "synchronous = normal"))
            if write
            else self._file.snapshot()
        )
        with self._file.errors():
            version = int(self._database.execute("PRAGMA user_version").fetchone()[0])
            if version not in (0, _VERSION):
                raise self._file.damaged(f"it is of another gistchain (version {version}, not {_VERSION})")
            if write:
                for statement in _TABLES:
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {_VERSION}")

    def about(self) -> About | None:
        """None before the source was read."""
        with self._file.errors():
            rows = self._database.execute("SELECT value FROM about WHERE name = 'about'").fetchall()
        return _about(rows[0][0]) if rows else None

    def set_about(self, about: About) -> None:
        with self._writing():
            row = json.dumps(asdict(about))
            self._database.execute("INSERT OR REPLACE INTO about VALUES ('about', ?)", (row,))

    def note(self, name: str) -> str:
        """What the importer wrote down under a name of its own; '' for nothing."""
        with self._file.errors():
            rows = self._database.execute("SELECT value FROM about WHERE name = ?", (f"note {name}",)).fetchall()
        return str(rows[0][0]) if rows else ""

    def set_note(self, name: str, value: str) -> None:
        with self._writing():
            self._database.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (f"note {name}", value))

    def want(self, ids: Iterable[str]) -> int:
        """Add tokens that are not there yet; how many were new. All are made before the record is locked for it."""
        ids = list(ids)
        with self._writing():
            before = self._database.total_changes
            self._database.executemany(
                "INSERT OR IGNORE INTO tokens (id, state, row) VALUES (?, 'wanted', ?)",
                ((one, _row(ImportedToken(one))) for one in ids),
            )
            added = self._database.total_changes - before
            if added:
                self._forget_findings()
            return added

    def put(self, tokens: Sequence[ImportedToken]) -> None:
        """Write these tokens' rows in one transaction."""
        with self._writing():
            if tokens:
                self._forget_findings()
            self._database.executemany(
                "INSERT INTO tokens (id, state, row) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = "
                "excluded.state, row = excluded.row",
                ((one.id, one.state, _row(one)) for one in tokens),
            )

    def get(self, token: str) -> ImportedToken | None:
        return next(self._read("WHERE id = ?", token), None)

    def position(self, token: str) -> int:
        """Its number in the order in which tokens became known, from 1; 0 for one that is not there."""
        with self._file.errors():
            rows = self._database.execute("SELECT position FROM tokens WHERE id = ?", (token,)).fetchall()
        return int(rows[0][0]) if rows else 0

    def tokens(self, *states: State, first: int | None = None) -> Iterator[ImportedToken]:
        """In the order in which they became known; only those of these states, all for none.

        first: of all tokens that became known, look at so many only.
        """
        marks = ", ".join("?" * len(states))
        where = [f"state IN ({marks})"] if states else []
        if first is not None:  # positions may have gaps
            some = f"SELECT position FROM tokens ORDER BY position LIMIT {max(0, first):d}"
            where.append(f"position <= (SELECT max(position) FROM ({some}))")
        return self._read(f"WHERE {' AND '.join(where)}" if where else "", *states)

    def counts(self) -> dict[State, int]:
        """State -> how many tokens."""
        with self._file.errors():
            return dict(self._database.execute("SELECT state, count(*) FROM tokens GROUP BY state").fetchall())

    def problems(self) -> list[Problem]:
        """Why tokens failed, the commonest first."""
        query = (
            "SELECT problem, id, times FROM (SELECT problem, id, position, count(*) OVER (PARTITION BY problem) AS "
            "times, row_number() OVER (PARTITION BY problem ORDER BY position) AS place FROM (SELECT position, id, "
            "json_extract(row, '$.problem') AS problem FROM tokens WHERE state = 'failed')) WHERE place <= ? "
            "ORDER BY times DESC, problem, place"
        )
        found: dict[str, Problem] = {}
        with self._file.errors():
            for problem, token, times in self._database.execute(query, (_NAMED,)):
                before = found.get(problem, Problem(str(problem), int(times), ()))
                found[problem] = replace(before, ids=(*before.ids, str(token)))
        return list(found.values())

    def showing(self, media: Iterable[str]) -> int:
        """How many tokens, in any state, have media of these SHA-256 (hex)."""
        query = f"SELECT count(*) FROM tokens WHERE {_MEDIA} IN (SELECT value FROM json_each(?))"
        with self._file.errors():
            return int(self._database.execute(query, (json.dumps(list(media)),)).fetchone()[0])

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()

    def _read(self, where: str, *values: str) -> Iterator[ImportedToken]:
        at = 0
        condition = f"{where} AND" if where else "WHERE"
        while True:  # in pages, so that the memory does not grow with the collection
            with self._file.errors():
                rows = self._database.execute(
                    f"SELECT position, row FROM tokens {condition} position > ? ORDER BY position LIMIT 500",
                    (*values, at),
                ).fetchall()
            if not rows:
                return
            at = int(rows[-1][0])
            for _, row in rows:
                yield _token(row)

    def _forget_findings(self) -> None:
        """They and the manifest are of rows that have changed: with these in one transaction, whatever is killed."""
        self._database.execute("DELETE FROM about WHERE name = ?", (f"note {FINDINGS}",))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._file.errors():
            self._database.execute("BEGIN IMMEDIATE")
            with self._database:  # commits, or undoes what an error has cut
                yield


def stem(token: str, position: int) -> str:
    """The name of a token's files: its id where that is a number; a stranger's words name no file."""
    return token if _PLAIN.fullmatch(token) else f"n{position}"


def imported(home: Path) -> list[Path]:
    """The folders of the home's imported collections."""
    return sorted(path.parent for path in (home / FOLDER).glob(f"*/{NAME}"))


def folder_of(home: Path, name: str) -> Path:
    """The folder of an imported collection, by its name or what captions call its tokens.

    Raises SettingError where there is none, or more than one.
    """
    found = named(home, name)
    if found is None:
        there = [path.name for path in imported(home)]
        known = f"there are {', '.join(there)}" if there else "none was imported"
        raise SettingError(f"no imported collection is called {name!r}: {known}")
    return found


def named(home: Path, name: str) -> Path | None:
    """As `folder_of`, but None where there is none."""
    there = {path.name: path for path in imported(home)}
    if name in there:
        return there[name]
    found = [path for path in there.values() if is_called(name, _subject(path), path.name)]
    if len(found) > 1:
        names = " or ".join(path.name for path in found)
        raise SettingError(f"several imported collections are called {name!r}: give the name of one, {names}")
    return found[0] if found else None


def looked_at(folder: Path) -> tuple[About, dict[State, int]]:
    """Of an imported collection: what it is, and how many tokens are in which state. Raises as `Record` does."""
    with Record(folder) as record:
        about = record.about() or About(folder.name, "", "")
        return replace(about, name=folder.name), record.counts()


def _subject(folder: Path) -> str:
    try:
        return looked_at(folder)[0].subject
    except (CollectionError, FileError):  # being made, or damaged: it is still known by its own name
        return ""


def _row(token: ImportedToken) -> str:
    return json.dumps(asdict(token), ensure_ascii=True)


def _token(row: str) -> ImportedToken:
    said = json.loads(row)
    known = {field.name for field in fields(ImportedToken)}
    token = ImportedToken(**{name: value for name, value in said.items() if name in known})
    metadata, media = (Content(**said[name]) if said.get(name) else None for name in ("metadata", "media"))
    attributes = tuple((str(t), str(v)) for t, v in said["attributes"])
    return replace(token, attributes=attributes, metadata=metadata, media=media)


def _about(row: str) -> About:
    return About(**json.loads(row))
