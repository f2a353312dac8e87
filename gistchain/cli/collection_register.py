"""The `--register` of `gistchain collection import`: one's own tokens, through the batch of `register --batch`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gistchain.answers.imports import done_json, forms_text, others_text, registered_json
from gistchain.cli.bulk import Batch, usual_gist
from gistchain.cli.terminal import answer, note, say
from gistchain.errors import SettingError

if TYPE_CHECKING:
    from gistchain.collection.imports.own import Own
    from gistchain.collection.imports.run import Done
    from gistchain.settings import Settings
    from gistchain.types import Guarantee

_ITS_OPTIONS = ("guarantee", "jobs", "key", "registry", "chain_id", "max_fee", "replace_after", "yes")


def check_given(given: dict[str, Any]) -> None:
    """given: the command's parameters. Raises SettingError for an option of registering where nothing is registered."""
    if given["register"]:
        return
    for name in _ITS_OPTIONS:
        if given[name] not in (None, False, "state"):
            raise SettingError(f"--{name.replace('_', '-')} is for --register: an import alone registers nothing")


def register_imported(
    imports: Sequence[Done], settings: Settings, guarantee: Guarantee, jobs: int, *, yes: bool, as_json: bool
) -> bool:
    """Register what is the account's own of these collections; whether all that was meant to be registered is.

    With as_json, prints an object a collection, with what became of its tokens. Raises as `bulk.run.Bulk.run` does;
    the same command goes on from there.
    """
    from gistchain.bulk.run import Options
    from gistchain.collection.imports.own import own

    owned: list[Own] = []

    def chosen(account: str) -> list[Path]:
        owned.extend(own(done.folder, account) for done in imports)
        return [path for one in owned for path in one.pictures]

    batch = Batch(as_json, keep=True)
    # A painter is not needed, and takes minutes to load. The rest is as of `register --batch`, so that either goes on
    # where the other ended.
    batch.run(chosen, replace(settings, painter=None), Options(guarantee, usual_gist(), (), jobs), yes=yes)
    told: dict[Path, list[dict[str, Any]]] = {}
    for path, became in batch.told:
        told.setdefault(path, []).append(became)
    for done, one in zip(imports, owned, strict=True):
        if as_json:
            objects = [told[path].pop(0) for path in one.pictures]
            both = done, registered_json(one, objects)
            answer(both, lambda it: done_json(*it), lambda it: "", True, done=f"{one.name} was imported and registered")
        else:
            if one.others:
                say(others_text(one))
            if one.pictures:
                say(forms_text(done, one))
    if any(one.pictures for one in owned):
        return not batch.left_out
    why = f"none of the tokens is owned by {owned[0].account}" if any(one.others for one in owned) else "none is there"
    note(f"nothing was registered: {why}")
    return False
