"""`gistchain collection`: learn a collection of one's own, and see which are known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from gistchain.cli.options import Home, Json
from gistchain.cli.terminal import Verb, print_json, say, stages
from gistchain.errors import SettingError
from gistchain.settings import load
from gistchain.traits import Traits

app = typer.Typer(
    help="Collections: learn your own, list those that are known.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command(cls=Verb)
def train(
    folder: Annotated[Path, typer.Argument(help="Images and ERC-721 metadata of one collection.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="Short name for files.  [default: that of the folder]")] = None,
    subject: Annotated[
        str, typer.Option(help="What captions call a token.  [default: from the metadata's names]", show_default=False)
    ] = "",
    skip: Annotated[bool, typer.Option("--skip", help="Leave out images or metadata without the other.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Learn to caption and paint a collection from its tokens; run again, it goes on where it was interrupted."""
    from gistchain.collection.train import train as learn

    settings = load({"home": home})
    called = _name(name, folder)
    try:
        with stages() as progress:
            done = learn(folder, settings.collections, name=called, subject=subject, skip=skip, progress=progress)
    except KeyboardInterrupt:
        say("gistchain: interrupted; the same command goes on from here", err=True)
        raise typer.Exit(130) from None
    judged, notes = done.judged, [*done.notes, *_hidden(done.traits)]
    fields: dict[str, Any] = {
        "collection": done.traits.collection,
        "subject": done.traits.subject,
        "model": str(done.model),
        "report": str(done.report),
        "cpu_minutes": round(done.cpu_minutes, 2),
        "resumed": done.resumed,
        "held_out": judged.tokens,
        "exact_match": round(judged.exact, 4),
        "ssim": round(judged.ssim, 4),
        "confident": round(judged.confident, 4),
        "wrong_though_confident": round(judged.wrong_though_confident, 4),
        "by_type": {t: round(share, 4) for t, share in judged.by_type.items()},
        "guessed": {t: round(share, 4) for t, share in judged.guessed.items()},
        "unreadable": list(done.unreadable),
        "notes": notes,
    }
    if as_json:
        print_json(fields)
        return
    say(f"{done.traits.subject}: learnt in {done.cpu_minutes:.1f} CPU-minutes -> {done.model}")
    right = f"{judged.exact:.1%} have their whole caption right, SSIM {judged.ssim:.3f}"
    say(f"  of {judged.tokens} held-out tokens {right}")
    for note in [*notes, *(f"the pixels do not show: {t}" for t in done.unreadable)]:
        say(f"  note: {note}")
    say(f"  report with pictures: {done.report}")


@app.command("list", cls=Verb)
def list_collections(home: Home = None, as_json: Json = False) -> None:
    """List the collections that captions and pictures can be of."""
    from gistchain.systems import damaged_collections, known_collections

    folder = load({"home": home}).collections
    for wrong in damaged_collections(folder):
        say(f"gistchain: left out: {wrong}", err=True)
    for known in known_collections(folder):
        if as_json:
            print_json({"collection": known.collection, "subject": known.subject, "own": known.own, "data": known.data})
        else:
            say(f"{known.collection:<16} {known.subject:<20} {'your own' if known.own else known.data}")


def _hidden(traits: Traits) -> list[str]:
    """Of the collections that ship: by its name, or because captions call it the same."""
    from gistchain.systems import known_collections

    return [
        f"it takes the place of {known.collection!r} ({known.subject}), which ships with gistchain"
        for known in known_collections()
        if known.collection == traits.collection or known.subject.casefold() == traits.subject.casefold()
    ]


def _name(given: str | None, folder: Path) -> str:
    name = given if given is not None else re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.casefold()).strip("-")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
        raise SettingError(f"{name!r} can't name a collection's files: give --name with letters a-z, digits and dashes")
    return name
