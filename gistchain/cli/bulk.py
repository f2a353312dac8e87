"""The body of `gistchain register --batch`: a folder to the chain in a few transactions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gistchain.answers.bulk import bulk_json, bulk_text, summary
from gistchain.cli.terminal import answer, ask_password, asker, failure, note, progress, say
from gistchain.cli.usage import STDIN
from gistchain.errors import AlreadyRegistered, GistchainError, SettingError

if TYPE_CHECKING:
    from gistchain.bulk.run import Options
    from gistchain.settings import Settings


def register_batch(
    sources: Sequence[str | Path], settings: Settings, options: Options, *, yes: bool, as_json: bool
) -> None:
    """Register the images of these sources; prints each, and what all come to."""
    if STDIN in sources:
        raise SettingError("--batch reads files and folders, not - for stdin")
    try:
        _registered(sources, settings, options, yes=yes, as_json=as_json)
    except KeyboardInterrupt:
        say("gistchain: interrupted; the same command goes on from here", err=True)
        raise typer.Exit(130) from None


def _registered(
    sources: Sequence[str | Path], settings: Settings, options: Options, *, yes: bool, as_json: bool
) -> None:
    from gistchain.bulk.run import Bulk, Done
    from gistchain.opening import open_for_batches

    done, left_out = [], 0
    with open_for_batches(settings, password=ask_password, confirm=asker(yes=yes), waiting=note) as registry:
        store, owner = registry.required_book().checker.store, registry.ledger.owner
        bulk = Bulk(registry, settings, options)
        paths = [Path(source) for source in sources]
        for path, outcome in bulk.run(paths, lambda items: progress(items, "comparing", as_json)):
            if isinstance(outcome, Done):
                document = store.evidence(outcome.evidence) if outcome.evidence else None
                done.append(outcome)
                told = outcome, owner, document
                words = f"{path} was registered as token {outcome.token}"
                answer(told, lambda all_: bulk_json(*all_), lambda all_: bulk_text(*all_), as_json, done=words)
                continue
            left_out += 1
            error = outcome if isinstance(outcome, GistchainError) else _already(path, outcome)
            failure(path, error, as_json)
    if not as_json:
        say(summary(done, left_out))
    if left_out:
        raise typer.Exit(1)


def _already(path: Path, token: int) -> AlreadyRegistered:
    return AlreadyRegistered(f"{path.name} is already registered: it equals token {token}", token)
