"""A folder of images -> a folder of results: Sense's service (S1.11, S1.12), `<10 hex of SHA3-256>.json` for each.

A result is written whole or not at all: a kill at any moment leaves the state before or the one after. The next run
goes on from there, because the results themselves say what is done. What is wrong with one file is written in place of
its result. What is wrong with the machine (a full disk, too little memory, a busy database, a search that is down) is
reported and tried again later; a damaged or lost database ends the service. Where a defect of gistchain's own stopped a
check, that is written too, and the next run tries again. A result that was deleted is made again. Others may write to
both folders: no link is followed there and no pipe waited on.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gistchain.disk.lock import FileLock
from gistchain.disk.read import read_regular
from gistchain.disk.write import write_whole
from gistchain.errors import (
    DatabaseLost,
    DecodingFailed,
    FileDamaged,
    FileError,
    GistchainError,
    ImageError,
    RarenessError,
    SearchError,
    SettingError,
)
from gistchain.image import MAX_FILE_BYTES, read_image
from gistchain.rareness.service.arrivals import POLL_S, Arrival, Arrivals, File
from gistchain.rareness.service.journal import HEX_DIGITS, Journal
from gistchain.rareness.service.sense import refusal, sense
from gistchain.safejson import parsed
from gistchain.text import well_formed
from gistchain.types import Picture, Rareness

OUTPUT = "dupe_detection_output_files"
"""Sense's name for the folder of results, which lies beside the folder that is watched."""
MAX_RESULT_BYTES = 4_000_000
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 300.0
_MOST_TRIES = 10
"""For want of memory, each with a longer pause: 27 minutes together."""

_NO_MEMORY = {
    "cv2": ("Insufficient memory", "Failed to allocate"),
    "onnxruntime": ("bad_alloc", "Failed to allocate memory"),
    "builtins": ("std::bad_alloc",),
}
"""Library whose error it is -> what it says for want of memory."""
_DEFECT = "Defect"  # as a result names its kind

Check = Callable[[Picture], Rareness]


class Defect(ImageError):
    """Something of ours broke over an image. Its result says so, and counts for this run only."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to one file, or to the whole service where `name` is empty.

    written: its result is in `path`. refused: what is wrong with it is in `path`. known: its result was there before.
    waiting: it is not complete and is left for later. trouble: something else is wrong, and it is tried again later.
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
    """Each event as it happens, until `stop` returns True; it is called between images.

    output: folder of the results. once: end when every file that was there is done, or was waited for long enough.
    settle_s: a file is complete when it hasn't changed for that long. timeout_s: a file that still changes after that
    long is reported and left for later. patience_s: a file that can't be read as an image may be an upload that pauses;
    it is refused only after standing still for that long.
    Raises SettingError for folders that can't be used, FileBusy where another process fills the same output,
    FileDamaged and RarenessError from the check; with `once` also what is otherwise tried again.
    """
    results_folder = _results_folder(folder, output)
    journal_path = results_folder / ".gistchain-watch.done"
    with contextlib.closing(Results(results_folder)) as results, contextlib.closing(Journal(journal_path)) as journal:
        arrivals = Arrivals(folder, journal, once=once, settle_s=settle_s, timeout_s=timeout_s)
        service = _Service(folder, arrivals, results, check, once, patience_s)
        while not stop() and not arrivals.exhausted:
            event = service.step()
            if event is not None:
                yield event
            elif service.idle_s:
                time.sleep(service.idle_s)


class Results:
    """The folder of results, for one process at a time. Raises FileBusy, which names the other one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(
            folder / ".gistchain-watch.lock",
            what=folder,
            use="being filled",
            instead="only one process can fill it: end that one or give another --output",
        )

    def close(self) -> None:
        self._lock.close()

    def find(self, sha3_256: bytes) -> Path | None:
        """The result of the file with this hash, None where there is none, or one that a defect of ours left."""
        found = [(path, _result_in(path)) for path in self._paths(sha3_256)]
        return next(
            (path for path, result in found if _is_of(result, sha3_256) and result.get("kind") != _DEFECT), None
        )

    def write(self, sha3_256: bytes, fields: dict[str, Any]) -> Path:
        """Write a result, whole and durably; returns its path. Raises DiskFull, FileError.

        Forty bits are few: with a million files in each folder, two files share them in one folder out of three. The
        later one is then named by its whole hash.
        """
        paths = self._paths(sha3_256)
        path = next((path for path in paths if _is_of(_result_in(path), sha3_256)), None)
        path = path or next((path for path in paths if not os.path.lexists(path)), None)
        if path is None:
            raise FileError(f"{paths[1]} is not a result, but has its name: move it away")
        content = json.dumps(well_formed(fields), ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"
        # One writer, one name for drafts: what a kill leaves behind is written over.
        write_whole(path, content, draft=self._folder / ".gistchain-watch.part")
        return path

    def _paths(self, sha3_256: bytes) -> tuple[Path, Path]:
        whole = sha3_256.hex()
        return self._folder / f"{whole[:HEX_DIGITS]}.json", self._folder / f"{whole}.json"


class _Service:
    """Takes one file after the other. idle_s: after a step without an event, how long there is nothing to do."""

    def __init__(
        self, folder: Path, arrivals: Arrivals, results: Results, check: Check, once: bool, patience_s: float
    ) -> None:
        self._folder, self._arrivals, self._results, self._check = folder, arrivals, results, check
        self._once, self._patience_s = once, patience_s
        self._pause_s, self._paused_until = _FIRST_PAUSE_S, 0.0
        self._folder_is_gone = False
        self.idle_s = 0.0

    def step(self) -> Event | None:
        """Do one piece of work; returns what came of it, if it is worth telling."""
        self.idle_s = max(0.0, min(self._paused_until - time.monotonic(), POLL_S))
        if self.idle_s:
            return None
        try:
            arrival = self._arrivals.next()
        except OSError as error:
            return self._no_folder(error)
        except FileError as error:
            return self._no_results(error)
        self._folder_is_gone = False
        if arrival is None:
            self.idle_s = self._arrivals.pause_s()
            return None
        if not self._arrivals.settled(arrival):
            return self._left_for_later(arrival, "still changes")
        try:
            file = self._arrivals.read(arrival)
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._left_for_later(arrival, f"can't be read: {error.strerror}")
        if file is None:
            return self._still_written(arrival)
        return self._handled(arrival, file)

    def _still_written(self, arrival: Arrival) -> Event | None:
        if self._arrivals.overdue(arrival):
            return self._left_for_later(arrival, "is still being written")
        self._arrivals.wait(arrival)
        return None

    def _left_for_later(self, arrival: Arrival, why: str) -> Event | None:
        if self._arrivals.give_up(arrival):
            return Event("waiting", arrival.title, text=f"{arrival.title} {why}: left until later")
        return None

    def _handled(self, arrival: Arrival, file: File) -> Event | None:
        if file.sha3_256 is None:
            return self._left_for_later(arrival, f"has {arrival.size:,} bytes, at most {MAX_FILE_BYTES:,} are read")
        try:
            event = self._event(arrival, file, file.sha3_256)
        except FileDamaged:  # waiting does not repair it
            raise
        except (OSError, FileError, SearchError) as error:
            return self._trouble(arrival, error)
        self._pause_s = _FIRST_PAUSE_S
        return event

    def _event(self, arrival: Arrival, file: File, sha3_256: bytes) -> Event | None:
        """Check a file that has no result yet and write it one; None where it is waited for instead."""
        path = self._results.find(sha3_256)
        if path is not None:
            event = Event("known", arrival.title, path)
        else:
            try:
                try:
                    rareness = self._checked(file, arrival)
                except DecodingFailed as error:
                    return self._put_off(arrival, error)
            except ImageError as error:
                if (left_s := self._patience_s - self._arrivals.stood_still_s(arrival)) > 0 and not self._once:
                    self._arrivals.wait(arrival, left_s)
                    return None
                fields = refusal(sha3_256, error)
                path = self._results.write(sha3_256, fields)
                event = Event("refused", arrival.title, path, str(fields["error"]))
                if isinstance(error, Defect):
                    self._arrivals.leave(arrival)
                    return event
            else:
                path = self._results.write(sha3_256, sense(sha3_256, rareness))
                event = Event("written", arrival.title, path, rareness=rareness)
        self._arrivals.finish(arrival, sha3_256)
        return event

    def _checked(self, file: File, arrival: Arrival) -> Rareness:
        try:
            rareness = self._check(_picture(file, arrival))
            if rareness.doubt is not None:  # a result is written for good
                raise DatabaseLost(rareness.doubt)
            return rareness
        except (GistchainError, OSError, ImportError):
            raise
        except Exception as error:  # a defect that one hostile image triggers must not end the service for all others
            said = f"{type(error).__name__}: {error}"
            if _wants_memory(error):
                raise DecodingFailed(f"{arrival.title} could not be checked for want of memory ({said})") from error
            raise Defect(f"{arrival.title} can't be checked ({said}): report it") from error

    def _put_off(self, arrival: Arrival, error: DecodingFailed) -> Event:
        """Leave one file for later, at growing distances: the next ones may need less.

        Raises Defect where it was tried often enough: the reason may be another one.
        """
        if arrival.tries >= _MOST_TRIES:
            raise Defect(f"{error}; given up after {arrival.tries + 1} tries in this run") from error
        if self._once:
            return Event("trouble", arrival.title, text=f"{error}; the next run tries again")
        hold_s = min(_FIRST_PAUSE_S * 2**arrival.tries, _LONGEST_PAUSE_S)
        arrival.tries += 1
        self._arrivals.wait(arrival, hold_s)
        return Event("trouble", arrival.title, text=f"{error}; trying again in {hold_s:g} s")

    def _trouble(self, arrival: Arrival, error: Exception) -> Event:
        """Pause everything: the next file would meet the same."""
        if self._once and isinstance(error, OSError):
            raise RarenessError(f"stopped at {arrival.title}: {error}; make room or check the permissions") from error
        if self._once:
            raise error
        self._arrivals.wait(arrival)
        self._paused_until = time.monotonic() + self._pause_s
        text = f"{arrival.title}: {error}; trying again in {self._pause_s:g} s"
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        return Event("trouble", arrival.title, text=text)

    def _no_results(self, error: FileError) -> Event:
        """The folder of results can't be listed."""
        if self._once:
            raise error
        self._paused_until = time.monotonic() + self._pause_s
        text = f"{error}; trying again in {self._pause_s:g} s"
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        return Event("trouble", "", text=text)

    def _no_folder(self, error: OSError) -> Event | None:
        """The folder can't be listed, like a network drive that is gone: reported once, tried until it is back."""
        text = f"can't look into {self._folder}: {error.strerror}"
        if self._once:
            raise SettingError(f"{text}; give another folder") from error
        self.idle_s, reported, self._folder_is_gone = POLL_S, self._folder_is_gone, True
        return None if reported else Event("trouble", "", text=f"{text}; trying again until it is back")


def _picture(file: File, arrival: Arrival) -> Picture:
    if file.data is None:
        raise ImageError(f"{arrival.title} has more than {MAX_FILE_BYTES:,} bytes: make it smaller")
    return read_image(file.data, arrival.title)


def _results_folder(folder: Path, output: Path | None) -> Path:
    """The folder of results, made if it is missing. Raises SettingError."""
    if not folder.is_dir():
        raise SettingError(f"{folder} is not a folder: give the one that images are put into")
    results = folder.resolve().parent / OUTPUT if output is None else output
    try:
        results.mkdir(parents=True, exist_ok=True)
        same = results.samefile(folder)
    except OSError as error:
        raise SettingError(f"can't make the folder {results} ({error.strerror}): give another --output") from error
    if same:
        raise SettingError(f"{folder} is also the output: results would be taken for uploads, give another --output")
    return results


def _result_in(path: Path) -> dict[str, Any]:
    """What a result says; nothing where there is none, or something that was not written here."""
    try:
        result = parsed(read_regular(path, at_most=MAX_RESULT_BYTES, follow=False))
    except (OSError, ValueError):
        return {}
    return result if isinstance(result, dict) else {}


def _is_of(result: dict[str, Any], sha3_256: bytes) -> bool:
    return result.get("hash_of_candidate_image_file") == sha3_256.hex()


def _wants_memory(error: Exception) -> bool:
    """Python and numpy say so by class; OpenCV and onnxruntime in words, and words of others need not mean it."""
    words = _NO_MEMORY.get(type(error).__module__.partition(".")[0], ())
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)
