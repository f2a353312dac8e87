"""A source and a folder -> every token that can be had, each written down before the next is forgotten.

A token's files are written first and its row afterwards, some rows at a time: a kill costs what was under way, and the
same command goes on from there. What failed is tried again where that is asked for.
"""

from __future__ import annotations

import json
import shlex
import shutil
import struct
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from gistchain.collection.imports import filters, manifest
from gistchain.collection.imports.record import FINDINGS, NAME, About, ImportedToken, Problem, Record, State, stem
from gistchain.collection.imports.sources import Note, NotObtained, Obtained, Source
from gistchain.collection.imports.standard import Standard, standard_form
from gistchain.collection.imports.workers import Workers
from gistchain.disk.lock import FileLock
from gistchain.disk.write import make_folder, put_whole
from gistchain.errors import CollectionError, GistchainError, ImageError
from gistchain.text import well_formed

THREADS = 16
_IN_FLIGHT = 3 * THREADS
_ROWS_AT_ONCE = 32
_ROWS_EVERY_S = 2.0
_KEPT = "; the picture of an earlier import is kept"
_SAME_MEDIA, _SMALL = 32, 2 << 20
_OF_CONTENT = (ValueError, ArithmeticError, LookupError, EOFError, RecursionError, zlib.error, struct.error)
"""What decoders raise of content that nobody thought of: one stranger's token must not end all the others. The rest are
bugs of ours, or a machine without memory, which would have every token fail, each as if by its own fault."""
Progress = Callable[[str, float], None]
"""What is being done, and how much of it is done, in 0..1."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an import has done. folder: of the collection. fetched, failed: in this run; counts: of all there is.

    problems: why tokens failed, the commonest first. findings: what filters say of the collection.
    """

    about: About
    folder: Path
    fetched: int
    failed: int
    counts: dict[State, int]
    problems: tuple[Problem, ...]
    findings: tuple[filters.Finding, ...]
    notes: tuple[str, ...]
    seconds: float


def run(
    folder: Path,
    source: Source,
    *,
    limit: int | None = None,
    retry: bool = False,
    progress: Progress = lambda what, share: None,
    note: Callable[[str], None] = lambda text: None,
) -> Done:
    """Import into the folder. limit: tokens at most, in all; where more are known, the first. retry: only what failed.

    Where nothing was there before and no token is found, nothing is left of the folder.
    Raises FileBusy where another process imports there, CollectionError, LedgerError, FileError.
    """
    began = time.monotonic()
    notes: list[str] = []

    def told(text: str) -> None:
        notes.append(text)
        note(text)

    with (
        _no_empty_one(folder),
        FileLock(folder / ".importing.lock", what=f"the collection {folder.name!r}", use="being imported"),
        Record(folder, write=True) as record,
    ):
        for name in ("images", "metadata"):
            make_folder(folder / name)
        _check_same(record, source)
        before = record.about()
        if retry:  # exactly those: no token is added, and nothing that came since is taken for known
            if before is None or not record.counts():
                raise CollectionError(f"{folder.name!r} has no token yet that could have failed: import it first")
            about = before
            source.prepare()
        else:
            progress("asking which tokens there are", 0.0)
            about = replace(source.discover(record, limit, Note(told, progress)), origin=source.origin)
            record.set_about(about)  # before tokens are fetched: after a kill these logs are not read as news
        fetched, failed = _Run(folder, source, record, progress).all(retry, limit)
        about = replace(about, subject=about.subject or _subject(record) or folder.name)
        record.set_about(about)
        found = _settled(record, progress)
        return Done(
            about,
            folder,
            fetched,
            failed,
            record.counts(),
            tuple(record.problems()[:20]),
            found,
            tuple(notes),
            time.monotonic() - began,
        )


def _settled(record: Record, progress: Progress) -> tuple[filters.Finding, ...]:
    """Write the manifest and judge the collection; where no row has changed since, what was found then.

    That compares its pictures with every other collection's, which for a list of a thousand is a million pairs.
    """
    said = record.note(FINDINGS)
    if said and (record.folder / manifest.NAME).exists():
        return tuple(filters.Finding(**one) for one in json.loads(said))
    progress("writing the manifest", 1.0)
    manifest.write(record)
    found = filters.findings(record)
    record.set_note(FINDINGS, json.dumps([asdict(one) for one in found]))
    return found


class _Run:
    def __init__(self, folder: Path, source: Source, record: Record, progress: Progress) -> None:
        self._folder, self._source, self._record, self._progress = folder, source, record, progress
        self._media: OrderedDict[str, Standard] = OrderedDict()
        self._lock, self._workers = threading.Lock(), Workers[ImportedToken](THREADS)

    def all(self, retry: bool, limit: int | None) -> tuple[int, int]:
        """(fetched, failed)"""
        states: tuple[State, ...] = ("failed",) if retry else ("wanted", "stale")
        # What fails in this run would come again in the page that is read next.
        todo = [token.id for token in self._record.tokens(*states, first=limit)]
        done: list[ImportedToken] = []
        fetched = failed = 0
        written_at = time.monotonic()
        try:
            with self._workers:
                for token in self._results(iter(todo)):
                    done.append(token)
                    fetched += token.state == "complete"
                    failed += token.state == "failed"
                    if len(done) >= _ROWS_AT_ONCE or time.monotonic() - written_at > _ROWS_EVERY_S:
                        self._record.put(done)
                        done, written_at = [], time.monotonic()
                    self._progress(f"{fetched:,} fetched, {failed:,} failed", (fetched + failed) / len(todo))
        finally:
            self._record.put(done)
        return fetched, failed

    def _results(self, todo: Iterator[str]) -> Iterator[ImportedToken]:
        while True:
            for token in islice(todo, _IN_FLIGHT - self._workers.running):
                known = self._record.get(token) or ImportedToken(token)
                self._workers.submit(partial(self._one, known, self._record.position(token)))
            if not self._workers.running:
                return
            yield self._workers.result()

    def _one(self, token: ImportedToken, position: int) -> ImportedToken:
        token = replace(token, tries=token.tries + 1)
        name = stem(token.id, position)
        try:
            obtained = self._source.obtain(token)
            token = obtained.token
            standard = self._standard(obtained)
        except NotObtained as error:
            return _not_had(error.token, str(error))
        except ImageError as error:
            return _not_had(token, f"image: {error}")
        except (GistchainError, OSError):  # the node, our disk, a package that is missing: no fault of this token's
            raise
        except _OF_CONTENT as error:
            return _not_had(token, f"its content can't be read ({type(error).__name__}: {str(error)[:200]})")
        picture = f"images/{name}.png"
        # The row that names them comes later, and tells whether they count.
        with self._workers.writing():
            put_whole(self._folder / "metadata" / f"{name}.json", obtained.metadata)
            put_whole(self._folder / picture, standard.png)
        return replace(
            token,
            state="complete",
            problem="",
            picture=picture,
            width=standard.width,
            height=standard.height,
        )

    def _standard(self, obtained: Obtained) -> Standard:
        """Tokens that are not revealed yet show one picture: it is decoded once."""
        sha256 = obtained.token.media.sha256 if obtained.token.media else ""
        with self._lock:
            if sha256 in self._media:
                self._media.move_to_end(sha256)
                return self._media[sha256]
        standard = standard_form(obtained.media, obtained.called or f"the image of {obtained.token.id[:80]}")
        with self._lock:
            if len(standard.png) <= _SMALL:
                self._media[sha256] = standard
            while len(self._media) > _SAME_MEDIA:
                self._media.popitem(last=False)
        return standard


def _not_had(token: ImportedToken, why: str) -> ImportedToken:
    """Failed, or burnt. Its picture may be there all the same, which `why` then says: nothing is deleted."""
    why = well_formed(why)  # it may quote a stranger's words, or the name of a file
    state: State = "burnt" if token.state == "burnt" else "failed"
    return replace(token, state=state, problem=f"{why}{_KEPT}" if token.picture else why)


@contextmanager
def _no_empty_one(folder: Path) -> Iterator[None]:
    """Where the import fails before it has found a token, a folder that is new is taken away again."""
    new = not folder.exists()
    make_folder(folder)
    done = False
    try:
        yield
        done = True
    finally:
        if new and not done and (not (folder / NAME).exists() or _has_none(folder)):
            shutil.rmtree(folder, ignore_errors=True)


def _has_none(folder: Path) -> bool:
    with Record(folder) as record:
        return not record.counts()


def _check_same(record: Record, source: Source) -> None:
    """Raises CollectionError where the folder holds another collection of that name: ids of both are 0, 1, 2 ..."""
    before = record.about()
    if before is not None and before.origin != source.origin:
        raise CollectionError(
            f"{record.folder.name!r} was imported from {before.origin}, and not from {source.origin}: give --name for "
            f"another one, or remove {shlex.quote(str(record.folder))}"
        )


def _subject(record: Record) -> str:
    """What the first tokens' names have in common before their numbers."""
    from gistchain.collection.metadata import clean, without_number

    titles = {clean(without_number(token.title)[0]) for token in islice(record.tokens("complete"), 20)}
    return titles.pop()[:60] if len(titles) == 1 else ""
