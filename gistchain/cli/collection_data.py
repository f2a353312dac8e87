"""`gistchain collection caption` and `split`: data sets made of imported collections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gistchain.answers.collection_data import captions_json, captions_text
from gistchain.cli.options import Home, Json
from gistchain.cli.terminal import answer, busy
from gistchain.errors import SettingError
from gistchain.settings import load

AllowHost = Annotated[
    list[str] | None,
    typer.Option("--allow-host", metavar="HOST", help="Also ask this host that is not public: localhost, an address."),
]


def caption(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="An imported collection.", show_default=False)],
    paraphrases: Annotated[int, typer.Option(min=0, max=8, help="Other wordings of each caption.")] = 3,
    translate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TABLE",
            help="Traits into English: words (a small table that is here), a CSV, JSON or TOML file, or endpoint (the "
            "language model of the settings). Given more than once, the first that knows a word counts.",
        ),
    ] = None,
    abstract: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPE", help="A trait type that pixels can't show, beside the usual ones."),
    ] = None,
    rules: Annotated[
        bool, typer.Option("--rules", help="Reword by rule, though the settings name a language model.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Which wordings the rules take.")] = 0,
    allow_host: AllowHost = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write captions of an imported collection's tokens by template, their paraphrases and traits in English."""
    from gistchain.collection.captions.endpoint import language
    from gistchain.collection.captions.make import How, caption_collection
    from gistchain.collection.captions.translate import PACKAGED, packaged, table_of
    from gistchain.collection.imports.record import folder_of
    from gistchain.internet.allowed import networks

    settings = load(ctx.params)
    folder = folder_of(settings.home, name)
    wanted = translate or []
    by_model = "endpoint" in wanted
    model = language(settings, allow=networks(allow_host or ())) if by_model or not rules else None
    if by_model and model is None:
        raise SettingError("no language model is set: give language_url and language_model in settings.toml")
    tables = [packaged() if one == PACKAGED else table_of(Path(one)) for one in wanted if one != "endpoint"]
    how = How(paraphrases, tuple(tables), model, by_model, not rules, tuple(abstract or ()), seed)
    with busy("captions") as progress:
        done = caption_collection(folder, how, progress)
    answer(done, captions_json, captions_text, as_json, done=f"the captions are in {done.file}")
