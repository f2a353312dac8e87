"""What the commands show and how they end: results on stdout, talk and progress on stderr, errors as exit codes.

Nothing is printed that a terminal would obey.
"""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from gistchain.errors import GistchainError, SettingError

if TYPE_CHECKING:
    from rich.progress import Progress

    from gistchain.ledger.ticket import SignedRareness
    from gistchain.pipeline import Registered


class Verb(TyperCommand):
    """A command whose errors are one line on stderr, with --json an object on stdout too, and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except GistchainError as error:
            complain(error)
            if ctx.params.get("as_json"):
                print_json({"error": str(error), "kind": type(error).__name__})
            ctx.exit(2 if isinstance(error, SettingError) else 1)
        except OSError as error:  # a full disk under stdout; `gistchain list | head` is typer's to end
            if error.errno == errno.EPIPE:
                raise
            say(f"gistchain: {error}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            typer.echo("gistchain: interrupted; what was printed is done", err=True)
            ctx.exit(130)


def registered_json(done: Registered) -> dict[str, Any]:
    return {
        "token": done.token,
        "image": done.picture.name,
        "image_sha3_256": done.picture.sha3_256.hex(),
        "caption": done.gist.captions[0],
        "confidence": round(done.confidence, 4),
        "gist_bytes": done.receipt.size_bytes,
        "gas": done.receipt.cost,
        "tx": done.receipt.tx,
        "block": done.receipt.block,
        "rareness": ticket_json(done.signed, done.evidence),
    }


def registered_text(done: Registered) -> str:
    rated = ticket_json(done.signed, done.evidence)
    first = f"token {done.token}  {done.picture.name}  {done.receipt.size_bytes} bytes, {done.receipt.cost:,} gas"
    lines = [first, f"  {done.gist.captions[0]}"]
    if rated is not None:
        lines = [f"{first}  {rated_words(rated)}", lines[1], f"  {rareness_words(rated)}"]
    return "\n".join([*lines, *(f"  note: {note}" for note in done.picture.notes)])


def ticket_json(signed: SignedRareness | None, document: bytes | None) -> dict[str, Any] | None:
    """Ticket and evidence document, as far as they are there; None without either. Shares in 0..1."""
    if signed is None and document is None:
        return None
    found = json.loads(document or b"{}")
    ticket = None if signed is None else signed.ticket
    return {
        "verdict": found["verdict"] if ticket is None else ticket.verdict,
        "score": found["score"] / 10_000 if ticket is None else ticket.score,
        "interval": [bound / 10_000 for bound in found["interval"]] if found else None,
        "nearest": _nearest(found["nearest"]) if found and found["nearest"] else None,
        "compared_with": found.get("registered"),
        "evidence": None if ticket is None else ticket.evidence.hex(),
        "signed_by": None if signed is None else signed.signer,
    }


def _nearest(found: dict[str, Any]) -> dict[str, Any]:
    kept = {name: found[name] for name in ("token", "name", "image_sha3_256", "transform", "traits")}
    return kept | {"pearson": found["pearson"] / 10_000}


def called(token: int | None, name: str) -> str:
    return name if token is None else f"token {token} ({name})"


def verdict_words(verdict: str, nearest: str | None) -> str:
    """'copy of token 1 (a.png)'."""
    of = f" of {nearest}" if nearest is not None and verdict != "original" else ""
    return f"copy or sibling{of}: cannot tell" if verdict == "unsure" else f"{verdict}{of}"


def rated_words(rated: dict[str, Any]) -> str:
    """The verdict in words. rated: as of `ticket_json`."""
    nearest = rated["nearest"]
    return verdict_words(rated["verdict"], None if nearest is None else called(nearest["token"], nearest["name"]))


def rareness_words(rated: dict[str, Any]) -> str:
    """'rareness 0.03 (0.01 to 0.06), signed; found: mirrored'."""
    words = f"rareness {rated['score']:.2f}"
    if rated["interval"] is not None:
        words += " ({:.2f} to {:.2f})".format(*rated["interval"])
    words += ", signed" if rated["signed_by"] else ", not on the chain"
    nearest = rated["nearest"]
    if nearest is None or rated["verdict"] == "original":
        return words
    words += f"; found: {', '.join(nearest['transform'])}" if nearest["transform"] else ""
    return words + (f"; traits that differ: {', '.join(nearest['traits'])}" if nearest["traits"] else "")


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
        yield bar


@contextmanager
def busy(what: str) -> Iterator[None]:
    with _bar() as bar:
        if bar is not None:
            bar.add_task(what, total=None)
        yield


def progress(items: list[str | Path], what: str) -> Iterator[str | Path]:
    with _bar() as bar:
        yield from items if bar is None else bar.track(items, description=what)


@contextmanager
def stages() -> Iterator[Callable[[str, float], None]]:
    """A bar for work in stages: what is being done, and how much of it is. Without a terminal, a line a stage."""
    with _bar() as bar:
        tasks: dict[str, Any] = {}

        def told(what: str, share: float) -> None:
            if bar is None:
                if what not in tasks:
                    say(f"{what} ...", err=True)
                tasks[what] = None
                return
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=1.0)
            bar.update(tasks[what], completed=share)

        yield told


def print_json(fields: dict[str, Any]) -> None:
    # In ASCII: names of files need not be UTF-8. To sys.stdout by name, which puts it above a bar.
    typer.echo(json.dumps(fields), file=sys.stdout)


def say(text: str, *, err: bool = False) -> None:
    lines = ("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in text.split("\n"))
    typer.echo("\n".join(lines), file=sys.stderr if err else sys.stdout)


def complain(error: GistchainError) -> None:
    say(f"gistchain: {error}", err=True)


def utc(seconds: int) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, OSError, ValueError):  # a foreign chain may claim any time
        return f"{seconds} s"
