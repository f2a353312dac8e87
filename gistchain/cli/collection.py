"""`gistchain collection`: learn a collection of one's own, and see which are known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from gistchain.answers.collection import (
    exported_json,
    exported_text,
    known_json,
    known_text,
    published_json,
    published_text,
    shelved_json,
    shelved_text,
    there_json,
    there_text,
    trained_json,
    trained_text,
)
from gistchain.cli.collection_lora import check_lora, learn_lora
from gistchain.cli.options import (
    AllowDownload,
    AllowPickle,
    ChainId,
    Contract,
    Device,
    Dtype,
    Home,
    Json,
    Key,
    MaxFee,
    ReplaceAfter,
    Rpc,
    Yes,
)
from gistchain.cli.terminal import Verb, Verbs, answer, ask_password, asker, goes_on, note, say, stages
from gistchain.cli.usage import a_path
from gistchain.errors import CollectionError, FileError, SettingError
from gistchain.settings import load
from gistchain.text import printable

app = typer.Typer(
    help="Collections: import, caption, split, train, make (mint-plan), list.",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(cls=Verb)
def train(
    ctx: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(
            parser=a_path,
            help="Images and ERC-721 metadata of one collection, or the name of an imported one.",
            show_default=False,
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Short name for files.  [default: that of the folder]")] = None,
    subject: Annotated[
        str, typer.Option(help="What captions call a token.  [default: from the metadata's names]", show_default=False)
    ] = "",
    skip: Annotated[bool, typer.Option("--skip", help="Leave out images or metadata without the other.")] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Let it take the place of one of the same name: that one's tokens change. Learns again what was "
            "learnt from the same folder.",
        ),
    ] = False,
    lora: Annotated[
        str | None,
        typer.Option(
            metavar="BASE",
            help="Learn a LoRA of this checkpoint of Stable Diffusion instead (folder or hub id; extra hf), which "
            "prompts turn on by <lora:NAME:1>.",
        ),
    ] = None,
    rank: Annotated[int | None, typer.Option(help="With --lora: its rank.  [default: 8]")] = None,
    steps: Annotated[int | None, typer.Option(help="With --lora: pictures to learn from.  [default: 1000]")] = None,
    seed: Annotated[int | None, typer.Option(help="With --lora: of its chance.  [default: 0]")] = None,
    device: Device = None,
    dtype: Dtype = None,
    allow_download: AllowDownload = None,
    allow_pickle: AllowPickle = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Learn to caption and paint a collection of at least 50 tokens; run again, it goes on where it was interrupted."""
    from gistchain.collection.train import train as learn
    from gistchain.collection.trained import AlreadyThere

    settings = load(ctx.params)
    check_lora(lora, rank=rank, steps=steps, seed=seed)
    if not folder.exists():
        from gistchain.collection.imports.record import named

        folder = named(settings.home, str(folder)) or folder
    called = _name(name, folder)
    if lora is not None:
        asked = {key: value for key, value in (("rank", rank), ("steps", steps), ("seed", seed)) if value is not None}
        learn_lora(settings, folder, lora, called, asked, as_json, subject=subject, skip=skip, replace=replace)
        return
    with goes_on(), stages() as progress:
        done = learn(
            folder,
            settings.collections,
            name=called,
            subject=subject,
            skip=skip,
            replace=replace,
            progress=progress,
        )
    if isinstance(done, AlreadyThere):
        answer(done, there_json, there_text, as_json)
    else:
        answer(done, trained_json, trained_text, as_json, done=f"the collection {called} was learnt")


@app.command("export", cls=Verb)
def export_collection(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(help="One of your own collections, by its name or its tokens'.", show_default=False)
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", parser=a_path, help="The file.  [default: NAME.collection]")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write a collection of your own to one file, with which others rebuild its tokens."""
    from gistchain.collection.exchange import exported, own_name
    from gistchain.disk.write import check_writable, write_whole

    shelf = load(ctx.params).collections
    own = own_name(name, shelf)
    path = output or Path(f"{own}.collection")
    check_writable(path)
    content = exported(own, shelf)
    write_whole(path, content)
    told = own, path, len(content)
    answer(
        told,
        lambda done: exported_json(*done),
        lambda done: exported_text(*done),
        as_json,
        done=f"{own} was exported as {path}",
    )


@app.command("list", cls=Verb)
def list_collections(ctx: typer.Context, home: Home = None, as_json: Json = False) -> None:
    """List the collections that captions and pictures can be of, then those that were imported."""
    from gistchain.collection.imports.record import imported, looked_at
    from gistchain.models.known import damaged_collections, known_collections

    settings = load(ctx.params)
    for wrong in damaged_collections(settings.collections):
        say(printable(f"gistchain: left out: {wrong}"), err=True)
    for known in known_collections(settings.collections):
        answer(known, known_json, known_text, as_json)
    for folder in imported(settings.home):
        try:
            one = looked_at(folder)
        except (CollectionError, FileError) as error:
            note(f"left out: {error}")
            continue
        answer(one, shelved_json, shelved_text, as_json)


@app.command(cls=Verb)
def publish(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A known collection, by its name or its tokens'.", show_default=False)],
    home: Home = None,
    rpc: Rpc = None,
    key: Key = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    max_fee: MaxFee = None,
    replace_after: ReplaceAfter = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put what a collection's traits are called on the chain, once for everybody: its tokens are 2 to 7 bytes there."""
    from gistchain.gist.traitcode import Table
    from gistchain.models.known import known_traits
    from gistchain.opening import open_ledger
    from gistchain.pipeline import Registry
    from gistchain.traits import is_called

    settings = load(ctx.params)
    known = known_traits(settings.collections)
    traits = next((one for one in known if name == one.collection or is_called(name, one.subject)), None)
    if traits is None:
        raise SettingError(f"there is no collection {name!r}: `gistchain collection list` shows which there are")
    with open_ledger(settings, password=ask_password, confirm=asker(yes=yes), waiting=note) as ledger:
        done = Registry(ledger).publish(Table(traits))
    answer(done, published_json, published_text, as_json, done=f"the table of {traits.collection} is on the chain")


def _name(given: str | None, folder: Path) -> str:
    return given if given is not None else re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.casefold()).strip("-")
