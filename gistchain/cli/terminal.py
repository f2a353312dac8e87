"""What the commands show and how they end: results on stdout, talk and progress on stderr, errors as exit codes.

Nothing is printed that a terminal would obey.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from io import UnsupportedOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from gistchain.cli.start import INTERRUPTED, INTERRUPTED_CODE
from gistchain.cli.usage import STDIN, STDIN_NAME, in_plain_words
from gistchain.disk.write import is_full, no_space
from gistchain.errors import AlreadyRegistered, FileError, GistchainError, SettingError
from gistchain.text import printable, well_formed

if TYPE_CHECKING:
    from rich.progress import Progress

    from gistchain.image import Found
    from gistchain.types import Confirm, Question

_BARS: list[Progress] = []
"""What moves on the terminal now."""
Value = TypeVar("Value")
Item = TypeVar("Item")


class NotPrinted(FileError):
    """What was asked for is done; only the answer could not be printed."""


NOT_PRINTED_CODE = 4
GOES_ON = "gistchain: interrupted; the same command goes on from here"


class Verb(TyperCommand):
    """A command whose errors are one line on stderr, with --json an object on stdout too, and an exit code."""

    def make_context(self, *words: Any, **extra: Any) -> Any:
        with ending():
            return super().make_context(*words, **extra)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with in_plain_words():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        with ending(bool(ctx.params.get("as_json"))):
            done = super().invoke(ctx)
            sys.stdout.flush()
            return done


class Verbs(TyperGroup):
    """A group of commands."""

    def make_context(self, *words: Any, **extra: Any) -> Any:
        with ending():
            return super().make_context(*words, **extra)


@contextmanager
def ending(as_json: bool = False) -> Iterator[None]:
    """How a command ends: exit code 1 for what failed, 2 for wrong words, 4 for `NotPrinted`, 130 for Ctrl-C."""
    try:
        yield
    except GistchainError as error:
        _give_up(error, as_json)
    except MemoryError:
        _give_up(FileError("not enough memory: end other programs, or give fewer or smaller images"), as_json)
    except OSError as error:
        if error.errno == errno.EPIPE:  # `gistchain list | head` is typer's to end
            raise
        where = error.filename or "the output"
        full = no_space(where, error, "it is cut short") if is_full(error) else None
        _give_up(full or FileError(f"can't write or read {where} ({error.strerror}): give another place"), as_json)
    except KeyboardInterrupt:
        typer.echo(INTERRUPTED, err=True)
        raise typer.Exit(INTERRUPTED_CODE) from None


@contextmanager
def goes_on() -> Iterator[None]:
    """Around work that the same command goes on with after Ctrl-C, which is said then."""
    try:
        yield
    except KeyboardInterrupt:
        say(GOES_ON, err=True)
        raise typer.Exit(INTERRUPTED_CODE) from None


def _give_up(error: GistchainError, as_json: bool) -> NoReturn:
    complain(error)
    try:
        if as_json:
            print_json({"error": str(error), "kind": type(error).__name__})
        sys.stdout.flush()
    except OSError:
        # What is still buffered would fail once more at exit, and change the exit code.
        with suppress(UnsupportedOperation):  # stdout need not be a real file
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    codes = ((SettingError, 2), (NotPrinted, NOT_PRINTED_CODE))
    raise typer.Exit(next((code for kind, code in codes if isinstance(error, kind)), 1)) from None


@contextmanager
def _bar() -> Iterator[Progress | None]:
    """A bar on stderr for a person who waits."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    # rich would send what is printed meanwhile to stderr as well: right on a terminal only.
    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        _BARS.append(bar)
        try:
            yield bar
        finally:
            _BARS.remove(bar)


@contextmanager
def busy(what: str) -> Iterator[Callable[[str, float], None]]:
    """A bar for a person who waits, which can be told what is being done and what share of all is."""
    with _bar() as bar:
        task = None if bar is None else bar.add_task(what, total=None)

        def shown(now: str, share: float) -> None:
            if bar is not None and task is not None:
                bar.update(task, description=f"{what}: {now}", total=1.0, completed=share)

        yield shown


def progress(items: Sequence[Item], what: str, as_json: bool = False) -> Iterator[Item]:
    # JSON lines on a terminal are progress enough: a bar would wrap them.
    quiet = as_json and sys.stdout.isatty()
    with nullcontext() if quiet else _bar() as bar:
        yield from items if bar is None else bar.track(items, description=what)


def counted(items: Iterable[Item], total: int, what: str, as_json: bool = False) -> Iterator[Item]:
    """`progress` for items that are made one by one."""
    quiet = as_json and sys.stdout.isatty()
    with nullcontext() if quiet else _bar() as bar:
        yield from items if bar is None else bar.track(items, total=total, description=what)


@contextmanager
def stages() -> Iterator[Callable[[str, float], None]]:
    """A bar for work in stages: what is being done, and how much of it is. Without a terminal, a line a stage."""
    with _bar() as bar:
        tasks: dict[str, Any] = {}

        def shown(what: str, share: float) -> None:
            if bar is None:
                if what not in tasks:
                    say(f"{what} ...", err=True)
                tasks[what] = None
                return
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=1.0)
            bar.update(tasks[what], completed=share)

        yield shown


def answer(
    value: Value,
    to_json: Callable[[Value], dict[str, Any]],
    to_text: Callable[[Value], str],
    as_json: bool,
    *,
    done: str = "",
) -> None:
    """One result on stdout, in the form that was asked for.

    done: by a command that changes something, said where stdout is closed or full. Raises NotPrinted then.
    """
    try:
        if as_json:
            print_json(to_json(value))
        else:
            say(to_text(value))
    except OSError as error:
        if not done:
            raise
        raise NotPrinted(f"{done}; only the answer could not be printed ({error.strerror})") from error


def failure(source: str | Path, error: GistchainError, as_json: bool) -> None:
    """What is wrong with one image of several; the others go on."""
    complain(error)
    if as_json:
        print_json(failure_json(source, error))


def failure_json(source: str | Path, error: GistchainError) -> dict[str, Any]:
    """The object that stands in place of an image's."""
    fields: dict[str, Any] = {
        "image": STDIN_NAME if source == STDIN else str(source),
        "error": str(error),
        "kind": type(error).__name__,
    }
    if isinstance(error, AlreadyRegistered):
        fields["token"] = error.token
    return fields


def skipped(as_json: bool) -> Callable[[Found], None]:
    """Says what a folder has beside images: on stderr, with --json on stdout too, an object for each file."""

    def said(found: Found) -> None:
        for note in found.notes():
            say(f"gistchain: {note}", err=True)
        for file in found.skipped if as_json else ():
            print_json({"image": str(file.path), "skipped": file.kind})

    return said


def ask_password(key: Path) -> str:
    """That of a keystore: asked for where a person is there to answer, otherwise the first line of stdin."""
    if sys.stdin.isatty():
        return str(typer.prompt(printable(f"password of {key}"), hide_input=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def asker(*, yes: bool) -> Confirm:
    """Asks a person at a terminal; without one the answer is no. yes: the answer to all that is not about money."""

    def ask(question: Question) -> bool:
        if yes and question.kind != "cost":
            return True
        if not sys.stdin.isatty():
            return False
        for bar in _BARS:  # it would be drawn over the question
            bar.stop()
        try:
            return typer.confirm(f"{printable(question.text)}. Go on?", err=True)
        finally:
            for bar in _BARS:
                bar.start()

    return ask


def print_json(fields: dict[str, Any]) -> None:
    # To sys.stdout by name, which puts it above a bar.
    typer.echo(json.dumps(well_formed(fields)), file=sys.stdout)


def say(text: str, *, err: bool = False) -> None:
    typer.echo("\n".join(map(printable, text.split("\n"))), file=sys.stderr if err else sys.stdout)


def complain(error: GistchainError) -> None:
    note(str(error))


def note(text: str) -> None:
    """Say it to a person, on stderr."""
    say(printable(f"gistchain: {text}"), err=True)  # on one line, whatever name of a file it quotes
