"""A folder of images -> a folder of results: Sense's service (S1.11, S1.12), `<10 hex of SHA3-256>.json` for each.

A result is written whole or not at all: a kill at any moment leaves the one before or the one after, and the next run
goes on from there, for the results themselves tell what is done. What is wrong with one file is written in place of its
result; what is wrong with the machine (a full disk, a busy database) is told, and tried again later.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gistchain.disk.places import other_holder
from gistchain.errors import GistchainError, ImageError, RarenessError, SearchError, SettingError, StoreBusy, StoreFull
from gistchain.image import MAX_FILE_BYTES, Picture, read_image
from gistchain.rareness.service.arrivals import POLL_S, Arrival, Arrivals, File, Journal
from gistchain.rareness.service.sense import refusal, sense
from gistchain.safejson import parsed
from gistchain.types import Rareness

OUTPUT = "dupe_detection_output_files"
"""Sense's name for the folder of results; ours stands beside the folder that is watched."""
HEX_DIGITS = 10
MAX_RESULT_BYTES = 4_000_000
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 300.0

Check = Callable[[Picture], Rareness]


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to one file, or to the service where `name` is empty.

    written: its result is in `path`. refused: what is wrong with it is in `path`. known: its result was there.
    waiting: it is not complete and is left for later. trouble: nothing to do with the file, tried again later.
    """

    kind: Literal["written", "refused", "known", "waiting", "trouble"]
    name: str
    path: Path | None = None
    text: str = ""
    rareness: Rareness | None = None


def watch(
    folder: Path,
    check: Check,
    *,
    output: Path | None = None,
    once: bool = False,
    settle_s: float = 2.0,
    timeout_s: float = 600.0,
    patience_s: float = 30.0,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Each event as it happens, until `stop`, which is asked between images, says so.

    output: folder of the results. once: end when every file that was there is done with or has had its time.
    settle_s: a file is complete when it hasn't changed for so long. timeout_s: one that never is, is reported after so
    long and left for later. patience_s: a file that can't be read as an image may be an upload that pauses, and is
    refused only after standing still for so long.
    Raises SettingError for folders that can't be used, RarenessError where another process fills the same output or
    the database can't be used; with `once`, whatever is else tried again.
    """
    results = _folders(folder, output)
    with Outbox(results) as outbox, contextlib.closing(Journal(results / ".gistchain-watch.done")) as journal:
        arrivals = Arrivals(folder, journal, once=once, settle_s=settle_s, timeout_s=timeout_s)
        service = _Service(folder, arrivals, outbox, check, once, patience_s)
        while not stop() and not arrivals.exhausted:
            event = service.step()
            if event is not None:
                yield event
            elif service.idle_s:
                time.sleep(service.idle_s)


class Outbox:
    """The folder of results, for one process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Outbox:
        try:
            self._lock = os.open(
                self._folder / ".gistchain-watch.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644
            )
        except OSError as error:
            raise SettingError(f"can't write to {self._folder} ({error.strerror}): give another --output") from error
        try:
            _take(self._lock, self._folder)
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    def find(self, sha3_256: bytes) -> Path | None:
        """The result of the file with this hash."""
        return next((path for path in self._paths(sha3_256) if _hash_in(path) == sha3_256.hex()), None)

    def write(self, sha3_256: bytes, fields: dict[str, Any]) -> Path:
        """Durably, all or nothing. Raises OSError.

        Forty bits are few: of a million files two share them more often than not in three folders. The later one is
        then named by its whole hash.
        """
        path = next((path for path in self._paths(sha3_256) if not os.path.lexists(path)), None)
        if path is None:
            raise FileExistsError(errno.EEXIST, "both names of its result are taken", str(self._paths(sha3_256)[1]))
        # One writer, one name: what a kill leaves behind is written over.
        part = self._folder / ".gistchain-watch.part"
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        try:
            with part.open("xb") as file:
                file.write(json.dumps(fields, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.rename(part, path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        _sync(self._folder)
        return path

    def _paths(self, sha3_256: bytes) -> tuple[Path, Path]:
        whole = sha3_256.hex()
        return self._folder / f"{whole[:HEX_DIGITS]}.json", self._folder / f"{whole}.json"


class _Service:
    """One file after the other; `step` does one piece of work and says what came of it."""

    def __init__(
        self, folder: Path, arrivals: Arrivals, outbox: Outbox, check: Check, once: bool, patience_s: float
    ) -> None:
        self._folder, self._arrivals, self._outbox, self._check = folder, arrivals, outbox, check
        self._once, self._patience_s = once, patience_s
        self._pause_s, self._paused_until = _FIRST_PAUSE_S, 0.0
        self._lost = False
        self.idle_s = 0.0

    def step(self) -> Event | None:
        """`idle_s` says afterwards how long nothing can be done."""
        self.idle_s = max(0.0, min(self._paused_until - time.monotonic(), POLL_S))
        if self.idle_s:
            return None
        try:
            arrival = self._arrivals.next()
        except OSError as error:
            return self._no_folder(error)
        self._lost = False
        if arrival is None:
            self.idle_s = self._arrivals.pause_s()
            return None
        if not self._arrivals.settled(arrival):
            return self._left(arrival, "still changes")
        try:
            file = self._arrivals.read(arrival)
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._left(arrival, f"can't be read: {error.strerror}")
        if file is None:
            return self._later(arrival)
        return self._handled(arrival, file)

    def _later(self, arrival: Arrival) -> Event | None:
        if self._arrivals.overdue(arrival):
            return self._left(arrival, "is still being written")
        self._arrivals.wait(arrival)
        return None

    def _left(self, arrival: Arrival, why: str) -> Event | None:
        if self._arrivals.give_up(arrival):
            return Event("waiting", arrival.title, text=f"{arrival.title} {why}: left until later")
        return None

    def _handled(self, arrival: Arrival, file: File) -> Event | None:
        if file.sha3_256 is None:
            return self._left(arrival, f"has {arrival.size:,} bytes, at most {MAX_FILE_BYTES:,} are read")
        try:
            event = self._result(arrival, file, file.sha3_256)
        except (OSError, StoreBusy, StoreFull, SearchError) as error:
            return self._trouble(arrival, error)
        self._pause_s = _FIRST_PAUSE_S
        return event

    def _result(self, arrival: Arrival, file: File, sha3_256: bytes) -> Event | None:
        found = self._outbox.find(sha3_256)
        if found is None:
            rareness: Rareness | None = None
            try:
                rareness = self._checked(_picture(file, arrival))
                fields = sense(sha3_256, rareness)
            except ImageError as error:
                if (left := self._patience_s - self._arrivals.stood_still_s(arrival)) > 0 and not self._once:
                    self._arrivals.wait(arrival, left)
                    return None
                fields = refusal(sha3_256, error)
            path = self._outbox.write(sha3_256, fields)
            event = Event(
                "refused" if rareness is None else "written",
                arrival.title, path, str(fields.get("error", "")), rareness,
            )  # fmt: skip
        else:
            event = Event("known", arrival.title, found)
        self._arrivals.finish(arrival)
        return event

    def _checked(self, picture: Picture) -> Rareness:
        try:
            return self._check(picture)
        except (GistchainError, OSError, ImportError):
            raise
        except Exception as error:  # whatever a hostile image sets off must not end the service for all others
            raise ImageError(f"{picture.name} can't be checked ({type(error).__name__}: {error}): report it") from error

    def _trouble(self, arrival: Arrival, error: Exception) -> Event:
        """Everything waits: the next file would meet the same."""
        if self._once and isinstance(error, OSError):
            raise RarenessError(f"stopped at {arrival.title}: {error}; free some space or check the rights") from error
        if self._once:
            raise error
        self._arrivals.wait(arrival)
        self._paused_until = time.monotonic() + self._pause_s
        text = f"{arrival.title}: {error}; trying again in {self._pause_s:g} s"
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        return Event("trouble", arrival.title, text=text)

    def _no_folder(self, error: OSError) -> Event | None:
        """A network drive that went away; it is asked for until it is back, and told of once."""
        text = f"can't look into {self._folder}: {error.strerror}"
        if self._once:
            raise SettingError(f"{text}; give another folder") from error
        self.idle_s, told, self._lost = POLL_S, self._lost, True
        return None if told else Event("trouble", "", text=f"{text}; trying again until it is back")


def _picture(file: File, arrival: Arrival) -> Picture:
    if file.data is None:
        raise ImageError(f"{arrival.title} has more than {MAX_FILE_BYTES:,} bytes: make it smaller")
    return read_image(file.data, arrival.title)


def _folders(folder: Path, output: Path | None) -> Path:
    """The folder of results, made where it isn't there."""
    if not folder.is_dir():
        raise SettingError(f"{folder} is no folder: give the one that images are put into")
    results = folder.resolve().parent / OUTPUT if output is None else output
    try:
        results.mkdir(parents=True, exist_ok=True)
        same = results.samefile(folder)
    except OSError as error:
        raise SettingError(f"can't make the folder {results} ({error.strerror}): give another --output") from error
    if same:
        raise SettingError(f"{folder} is also the output: results would be taken for uploads, give another --output")
    return results


def _take(lock: int, folder: Path) -> None:
    try:
        holder = other_holder(lock)
    except OSError as error:
        raise RarenessError(f"can't lock {folder} ({error.strerror}): give an --output on a local disk") from error
    if holder is not None:
        raise RarenessError(
            f"{folder} is being filled by {holder}: one watches a folder, end it or give another --output"
        )


def _hash_in(path: Path) -> str | None:
    """Which file's result this is; None where there is none, or something that was not written here."""
    try:
        with path.open("rb") as file:
            found = parsed(file.read(MAX_RESULT_BYTES))
    except (OSError, ValueError):
        return None
    return found.get("hash_of_candidate_image_file") if isinstance(found, dict) else None


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
