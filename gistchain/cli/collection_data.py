"""`gistchain collection caption` and `split`: data sets made of imported collections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gistchain.answers.collection_data import captions_json, captions_text, split_json, split_text
from gistchain.cli.options import AllowHost, Home, Json
from gistchain.cli.terminal import answer, busy
from gistchain.cli.usage import a_path
from gistchain.errors import CollectionError, SettingError
from gistchain.settings import load


def caption(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(help="An imported collection, by its name or its tokens'.", show_default=False)
    ],
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


def split(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Imported collections, by their names or their tokens'.", show_default=False),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All imported collections.")] = False,
    name: Annotated[
        str,
        typer.Option(
            help="NFT100-mini, NFT1000-mini or NFT1000, for their numbers of pairs; any other for 80/5/15 of all."
        ),
    ] = "collections",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", parser=a_path, help="A new folder for the data set.  [default: only tell the split]"
        ),
    ] = None,
    each: Annotated[int | None, typer.Option(min=1, help="Most pairs of a collection.")] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="FORMAT", help="webdataset or parquet.  [default: both]"),
    ] = None,
    together: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Two collections that are one family, whatever is found.")
    ] = None,
    apart: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Two collections that don't make a family by themselves.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Find families by fingerprints, hashes and names only.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Which tokens are taken, and which family comes first.")] = 0,
    replace: Annotated[bool, typer.Option("--replace", help="Let it take the place of an earlier data set.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Split captioned collections 80/5/15, those drawn from one another in one part, and write them as a data set."""
    from tempfile import TemporaryDirectory

    from gistchain.collection.imports.record import folder_of, imported
    from gistchain.collection.splits.make import FORMATS, How
    from gistchain.collection.splits.make import split as splitting
    from gistchain.systems import checker

    settings = load(ctx.params)
    if unknown := set(formats or ()) - set(FORMATS):
        raise SettingError(f"{sorted(unknown)[0]!r} is no format: give {' or '.join(FORMATS)}")
    if every and names:
        raise SettingError("names and --all were given: give one of them")
    if not every and not names:
        raise SettingError("no collection was named: give the names of imported ones, or --all")
    folders = imported(settings.home) if every else [folder_of(settings.home, one) for one in names or ()]

    def folders_of(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Names of folders, where captions' names of the tokens were given."""
        known = {folder.name for folder in folders}
        return tuple(
            (one if one in known else folder_of(settings.home, one).name,
             other if other in known else folder_of(settings.home, other).name)
            for one, other in pairs
        )  # fmt: skip

    if every and not folders:
        raise CollectionError("none was imported: `gistchain collection import` takes one in, `caption` words it")
    how = How(
        name, seed, each, tuple(formats or FORMATS), look=not quick, together=folders_of(_pairs(together)),
        apart=folders_of(_pairs(apart)), replace=replace,
    )  # fmt: skip
    with TemporaryDirectory(prefix="gistchain-", ignore_cleanup_errors=True) as empty, busy("split") as progress:
        done = splitting(folders, how, checker(settings, folder=Path(empty)), output=output, progress=progress)
    answer(done, split_json, split_text, as_json, done=f"the data set is in {output}" if output else "")


def _pairs(given: list[str] | None) -> tuple[tuple[str, str], ...]:
    """Raises SettingError for what is not two names with a comma between."""
    found = []
    for text in given or ():
        one, comma, other = (part.strip() for part in text.partition(","))
        if not (one and comma and other):
            raise SettingError(f"{text!r} is not two collections: give their names with a comma between")
        found.append((one, other))
    return tuple(found)
