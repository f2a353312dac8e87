"""The body of `gistchain register --batch`: a folder to the chain in a few transactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from gistchain.answers.bulk import bulk_json, bulk_text, summary
from gistchain.answers.path import Already, registered_json, registered_text, registered_words
from gistchain.cli.terminal import (
    answer,
    ask_password,
    asker,
    failure,
    failure_json,
    goes_on,
    note,
    progress,
    say,
)
from gistchain.cli.tokens import document_of
from gistchain.cli.usage import STDIN
from gistchain.errors import GistchainError, PacketError, SettingError

if TYPE_CHECKING:
    from gistchain.bulk.run import Options
    from gistchain.settings import Settings

MIN_CONFIDENCE = 0.5
Value = TypeVar("Value")
Paths = Sequence[Path]


def usual_gist() -> dict[str, Any]:
    """Options of `systems.rosis` that `register` has without further ones."""
    from gistchain.gist.describe import LATENT_BYTES

    return {"min_confidence": MIN_CONFIDENCE, "form": None, "latent": "needed", "latent_bytes": LATENT_BYTES}


def register_batch(
    sources: Sequence[str | Path], settings: Settings, options: Options, *, yes: bool, as_json: bool
) -> None:
    """Register the images of these sources; prints each, and what all come to."""
    if STDIN in sources:
        raise SettingError("--batch reads files and folders, not - for stdin")
    batch = Batch(as_json)
    batch.run(lambda owner: [Path(source) for source in sources], settings, options, yes=yes)
    if batch.left_out:
        raise typer.Exit(1)


@dataclass
class Batch:
    """One run of a batch, told image by image.

    keep: with as_json, nothing is printed and the objects stand in `told`, (path, object) in the order of the paths.
    left_out: images that an error names.
    """

    as_json: bool
    keep: bool = False
    left_out: int = 0
    told: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)

    def run(self, chosen: Callable[[str], Paths], settings: Settings, options: Options, *, yes: bool) -> None:
        """chosen: address of the account that registers -> files of images. Raises as `bulk.run.Bulk.run` does."""
        with goes_on():
            self._run(chosen, settings, options, yes=yes)

    def _run(self, chosen: Callable[[str], Paths], settings: Settings, options: Options, *, yes: bool) -> None:
        from gistchain.bulk.run import Bulk, Done
        from gistchain.opening import open_for_batches

        done, there = [], 0
        with open_for_batches(settings, password=ask_password, confirm=asker(yes=yes), waiting=note) as registry:
            store, owner = registry.required_book().checker.store, registry.ledger.owner
            bulk = Bulk(registry, settings, options)
            paths = chosen(owner)
            for path, outcome in bulk.run(paths, lambda items: progress(items, "comparing", self.as_json)):
                if isinstance(outcome, Done):
                    document = store.evidence(outcome.evidence) if outcome.evidence else None
                    done.append(outcome)
                    words = f"{path} was registered as token {outcome.token}"
                    told = outcome, owner, document
                    self._answer(path, told, lambda one: bulk_json(*one), lambda one: bulk_text(*one), words)
                    continue
                if isinstance(outcome, GistchainError):
                    self._failed(path, outcome)
                    continue
                try:
                    shown = registry.show(outcome)
                except PacketError as error:
                    self._failed(path, error)
                    continue
                there += 1
                before = Already(str(path), shown, document_of(settings.home, shown.signed, shown.token), False)
                self._answer(path, before, registered_json, registered_text, registered_words(before))
        if not self.as_json:
            say(summary(done, self.left_out, there, own_chain=not settings.rpc))

    def _answer(
        self,
        path: Path,
        value: Value,
        to_json: Callable[[Value], dict[str, Any]],
        to_text: Callable[[Value], str],
        words: str,
    ) -> None:
        if self.as_json and self.keep:
            self.told.append((path, to_json(value)))
        else:
            answer(value, to_json, to_text, self.as_json, done=words)

    def _failed(self, path: Path, error: GistchainError) -> None:
        self.left_out += 1
        kept = self.as_json and self.keep
        failure(path, error, self.as_json and not kept)
        if kept:
            self.told.append((path, failure_json(path, error)))
