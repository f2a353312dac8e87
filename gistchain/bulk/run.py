"""A folder of images -> batches on the chain, each image once, whatever stops it in between.

    files ──> (processes) prepare ──> the database, in order ──> (processes) compare ──> journal ──> plan ──> chain

Verdicts are those of registering one by one: each image is compared with what was registered before, and with the
images before it in the run.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gistchain.bulk.journal import Checked, Journal, Row
from gistchain.bulk.plan import check_size, plan, send
from gistchain.bulk.worker import Compared, Prepared, Whose, begin, compare, prepare
from gistchain.disk.lock import FileLock
from gistchain.disk.read import read_regular
from gistchain.errors import CopyRefused, DatabaseLost, GistchainError, ImageError, ModelError, UnknownToken
from gistchain.image import MAX_FILE_BYTES
from gistchain.pipeline import OF_ONE_IMAGE, Registry
from gistchain.processes import deaf
from gistchain.rareness import evidence
from gistchain.settings import Settings
from gistchain.types import BatchReceipt, Gist, Guarantee, RarenessTicket, Verdict

_AHEAD = 3
"""Images a process that are prepared before they are needed."""


@dataclass(frozen=True, slots=True)
class Options:
    """system: options of `systems.rosis`. refuse: verdicts that stay out. jobs: processes, 0 for one a core."""

    guarantee: Guarantee = "state"
    system: dict[str, Any] | None = None
    refuse: Collection[Verdict] = ()
    jobs: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """One image of a run. ticket: None for one that shows nothing. already: it was there before this run.

    gist_bytes: of what is read from the chain. evidence: SHA3-256 of the image's own document. receipt: of the batch.
    """

    path: Path
    image: bytes
    token: int
    gist: Gist
    confidence: float
    gist_bytes: int
    evidence: bytes
    ticket: RarenessTicket | None
    receipt: BatchReceipt
    guarantee: Guarantee
    already: bool

    @property
    def gas(self) -> int:
        """This token's share of the batch."""
        return self.receipt.gas // self.receipt.count


Outcome = Done | int | GistchainError
"""What became of an image; the token alone of one that was registered otherwise before."""


class Bulk:
    """Registers many images for one account; one run at a time in a home."""

    def __init__(self, registry: Registry, settings: Settings, options: Options) -> None:
        """registry: opened to write, with a book."""
        self._registry, self._settings, self._options = registry, settings, options
        self._ledger = registry.ledger
        told = json.dumps([sorted((options.system or {}).items()), sorted(options.refuse)], default=str)
        self._digest = hashlib.sha3_256(told.encode()).hexdigest()

    def run(
        self, paths: Sequence[Path], progress: Callable[[Sequence[Path]], Iterator[Path]] = iter
    ) -> Iterator[tuple[Path, Outcome]]:
        """Every image with its outcome, in this order, once all batches are in blocks.

        progress: is iterated as the images are compared. Raises FileBusy where another run is on, LedgerError,
        RarenessError, FileError: the same call goes on from there.
        """
        home = self._settings.home
        use = "registering a batch"
        with FileLock(home / "bulk.lock", what=home, use=use), _journal(home, self._ledger) as journal:
            book = self._registry.required_book()
            book.require_whole()
            self._look_after(journal)
            before = {each.batch for each in journal.planned() if each.receipt is not None}
            send(self._registry, journal)  # what an earlier run has planned
            outcomes = self._compared(paths, journal, progress)
            wanted = {found for found in outcomes.values() if isinstance(found, bytes)}
            plan(self._registry, journal, self._options.guarantee, wanted)
            send(self._registry, journal)
            yield from self._told(paths, outcomes, journal, before)

    def _look_after(self, journal: Journal) -> None:
        """What the journal says is in a block has to be there: blocks are replaced, and chains begun anew."""
        for batch in journal.planned():
            if batch.receipt is None:
                continue
            first = min(row.image for row in journal.of(batch.batch))
            try:
                token = self._ledger.token(batch.receipt.first)
            except UnknownToken:
                token = None
            if token is None or not token.batch or (token.owner, token.image_sha3_256) != (self._ledger.owner, first):
                journal.lost(batch.batch)

    def _compared(
        self, paths: Sequence[Path], journal: Journal, progress: Callable[[Sequence[Path]], Iterator[Path]]
    ) -> dict[Path, bytes | int | GistchainError]:
        """Bring every image into the journal. Returns the hash of each, or the token or error in its place."""
        outcomes: dict[Path, bytes | int | GistchainError] = {path: _sha3_or_error(path) for path in paths}
        hashes = {found for found in outcomes.values() if isinstance(found, bytes)}
        journal.forget(but=hashes, options=self._digest)
        tokens = self._ledger.tokens_of(hashes)
        store = self._registry.required_book().checker.store
        wanted: dict[bytes, Path] = {}
        there: dict[bytes, int] = {}
        for path, found in outcomes.items():
            if not isinstance(found, bytes):
                continue
            row = journal.find(found)
            if found in tokens and (row is None or row.batch is None):  # registered alone
                journal.refuse(found)
                outcomes[path] = tokens[found]
            if found in tokens or (row is not None and row.batch is not None):
                there[found] = tokens.get(found, 0)
            done = found in there or (row is not None and row.checked is not None)
            # An image that is registered, and not in a database that was begun anew, is added to it.
            if found not in wanted and (not done or store.find(found) is None):
                wanted[found] = path
        jobs = min(self._options.jobs or os.cpu_count() or 1, max(1, len(wanted)))
        image_of = {path: image for image, path in wanted.items()}
        todo = progress(list(image_of))
        failed: dict[bytes, GistchainError] = {}
        if not wanted:
            return outcomes
        whose = Whose(self._ledger.name, self._ledger.owner)
        started = (self._settings, self._options.system or {}, whose, os.getpid())
        context = multiprocessing.get_context("spawn")  # a fork would take half of our threads and all of our locks
        pool = ProcessPoolExecutor(jobs, context, initializer=begin, initargs=started)
        try:
            for path, error in self._through(pool, jobs, journal, todo, image_of, there):
                failed[image_of[path]] = error
        except BrokenProcessPool as error:
            raise ModelError(
                "a process that compares images was ended by the system: there may be too little memory; take fewer "
                "with --jobs, the same command goes on from here"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        # The same file under several names has one outcome.
        return {
            path: failed.get(found, found) if isinstance(found, bytes) else found for path, found in outcomes.items()
        }

    def _through(
        self,
        pool: ProcessPoolExecutor,
        jobs: int,
        journal: Journal,
        todo: Iterator[Path],
        image_of: dict[Path, bytes],
        there: dict[bytes, int],
    ) -> Iterator[tuple[Path, GistchainError]]:
        """Every image through the processes; those that are left out, and why.

        there: the tokens of those that only the database lacks, 0 for one whose batch is on its way.
        """
        preparing: deque[tuple[Path, Future[Prepared]]] = deque()
        comparing: deque[tuple[Path, Prepared, Future[Compared], int]] = deque()
        most_compared = 1 if self._options.refuse else _AHEAD * jobs  # whether one counts is known after the other
        paths = iter(todo)
        more = True
        while more or preparing or comparing:
            while more and len(preparing) < _AHEAD * jobs:
                path = next(paths, None)
                more = path is not None
                if path is not None:
                    with deaf():
                        preparing.append((path, pool.submit(prepare, path, image_of[path])))
            if preparing and len(comparing) < most_compared:
                path, future = preparing.popleft()
                try:
                    prepared = future.result()
                    if prepared.image in there:
                        self._added(prepared, there[prepared.image])
                    else:
                        check_size(prepared.gist, self._options.guarantee, str(path))
                        comparing.append((path, prepared, *self._submitted(pool, path, prepared, journal)))
                except OF_ONE_IMAGE as error:
                    yield path, error
                continue
            if comparing:
                path, prepared, judged, as_of = comparing.popleft()
                try:
                    self._noted(prepared, judged.result(), journal, as_of)
                except OF_ONE_IMAGE as error:
                    journal.refuse(prepared.image)
                    yield path, error

    def _submitted(
        self, pool: ProcessPoolExecutor, path: Path, prepared: Prepared, journal: Journal
    ) -> tuple[Future[Compared], int]:
        """Take the image into the database, and have it compared with what is there before it; up to which block."""
        store = self._registry.required_book().checker.store
        before = len(store)
        journal.take([prepared.image])
        self._registry.required_book().checker.keep([prepared.entry])
        row, position = store.find(prepared.image), journal.position(prepared.image)
        # An earlier run may have left its row before others that count today.
        rows = before if row == before else None
        as_of = self._ledger.block()
        with deaf():
            return pool.submit(compare, path, prepared.image, prepared.features, rows, position or 0), as_of

    def _added(self, prepared: Prepared, token: int) -> None:
        """Bring an image that is registered back into the database."""
        checker = self._registry.required_book().checker
        checker.keep([prepared.entry])
        if token:
            checker.store.name_token(prepared.image, self._ledger.name, token)

    def _noted(self, prepared: Prepared, compared: Compared, journal: Journal, as_of: int) -> None:
        rareness = compared.rareness
        if rareness.doubt is not None:
            raise DatabaseLost(rareness.doubt)
        if rareness.verdict in self._options.refuse:
            raise CopyRefused(f"{prepared.name} is not registered, as copies are refused: {compared.reason}")
        self._registry.check_content(prepared.name, prepared.image, compared.content)
        blank = rareness.verdict == "blank"
        digest = b""
        if not blank:
            digest = hashlib.sha3_256(compared.document).digest()
            self._registry.required_book().checker.store.keep_evidence(digest, compared.document)
        ticket = None if blank else evidence.ticket(rareness, compared.document, as_of=as_of)
        checked = Checked(
            prepared.name,
            prepared.caption,
            prepared.confidence,
            None if ticket is None else ticket.verdict,
            0.0 if ticket is None else ticket.score,
            digest,
            0 if ticket is None else ticket.as_of,
            0 if ticket is None else ticket.compared_with,
            evidence.CHECKER,
            self._digest,
        )
        journal.check(prepared.image, checked, prepared.gist)

    def _told(
        self,
        paths: Sequence[Path],
        outcomes: dict[Path, bytes | int | GistchainError],
        journal: Journal,
        before: set[int],
    ) -> Iterator[tuple[Path, Outcome]]:
        tokens: dict[bytes, tuple[Row, int, BatchReceipt, int, Guarantee]] = {}
        for batch in journal.planned():
            rows = sorted(journal.of(batch.batch), key=lambda row: row.image)
            for index, row in enumerate(rows):
                if batch.receipt is not None:
                    size = len(batch.common) + len(row.payload)
                    tokens[row.image] = row, batch.receipt.first + index, batch.receipt, size, batch.guarantee
        told: set[bytes] = set()
        for path in paths:
            found = outcomes[path]
            if not isinstance(found, bytes):
                yield path, found
                continue
            row, token, receipt, size, way = tokens[found]
            assert row.checked is not None
            already = found in told or row.batch in before
            told.add(found)
            ticket = self._ledger.ticket_of(token) if row.checked.verdict is not None else None
            gist = self._registry.read(row.gist)
            checked = row.checked
            yield (
                path,
                Done(
                    path,
                    found,
                    token,
                    gist,
                    checked.confidence,
                    size,
                    checked.evidence,
                    ticket,
                    receipt,
                    way,
                    already,
                ),
            )


@contextmanager
def _journal(home: Path, ledger: Any) -> Iterator[Journal]:
    journal = Journal(home, ledger=ledger.name, owner=ledger.owner)
    try:
        yield journal
    finally:
        journal.close()


def _sha3_or_error(path: Path) -> bytes | GistchainError:
    try:
        return _sha3(path)
    except ImageError as error:
        return error


def _sha3(path: Path) -> bytes:
    try:
        return hashlib.sha3_256(read_regular(path, at_most=MAX_FILE_BYTES)).digest()
    except IsADirectoryError as error:
        raise ImageError(f"{path} holds no image that is read here: give image files, or a folder with some") from error
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or error
        raise ImageError(f"can't read {path}: {told}; give image files, or folders of them") from error
