"""The body of `gistchain register --batch`: a folder to the chain in a few transactions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gistchain.answers.bulk import bulk_json, bulk_text, summary
from gistchain.answers.path import Already, registered_json, registered_text, registered_words
from gistchain.cli.terminal import answer, ask_password, asker, failure, note, progress, say
from gistchain.cli.tokens import document_of
from gistchain.cli.usage import STDIN
from gistchain.errors import GistchainError, PacketError, SettingError

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

    done, left_out, there = [], 0, 0
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
            if isinstance(outcome, GistchainError):
                left_out += 1
                failure(path, outcome, as_json)
                continue
            try:
                shown = registry.show(outcome)
            except PacketError as error:
                failure(path, error, as_json)
                left_out += 1
                continue
            there += 1
            before = Already(str(path), shown, document_of(settings.home, shown.signed, shown.token), False)
            answer(before, registered_json, registered_text, as_json, done=registered_words(before))
    if not as_json:
        say(summary(done, left_out, there, own_chain=not settings.rpc))
    if left_out:
        raise typer.Exit(1)
