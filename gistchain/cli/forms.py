"""`gistchain forms`: what an image could be on the chain, and what would come back from it."""

from __future__ import annotations

from typing import Annotated

import typer

from gistchain.answers.forms import forms_json, forms_text
from gistchain.cli.options import Captioner, Home, Json
from gistchain.cli.sources import expanded, read
from gistchain.cli.terminal import answer, failure, progress, skipped
from gistchain.errors import GistchainError
from gistchain.settings import load


def forms(
    ctx: typer.Context,
    images: Annotated[list[str], typer.Argument(help="Image files or folders.", show_default=False)],
    caption: Annotated[str | None, typer.Option(help="Your own words, in place of the captioner's.")] = None,
    captioner: Captioner = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Compare the forms that the gist of an image can have: bytes on the chain, and what comes back from them.

    Nothing is registered.
    """
    from gistchain.pipeline import each
    from gistchain.systems import rosis

    settings = load(ctx.params)
    sources = expanded(images, skipped(as_json))
    system = rosis(settings)
    failed = False
    for source, done in each(
        progress(sources, "comparing", as_json),
        lambda source: (picture := read(source), list(system.forms(picture, caption=caption))),
    ):
        if isinstance(done, GistchainError):
            failed = True
            failure(source, done, as_json)
        else:
            answer(done, lambda found: forms_json(*found), lambda found: forms_text(*found), as_json)
    if failed:
        raise typer.Exit(1)
