"""`gistchain collection import`: an exported file, or a collection of others from where it lies."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gistchain.answers.collection import imported_json, imported_text
from gistchain.answers.imports import done_json, done_text
from gistchain.cli.collection_register import check_given, register_imported
from gistchain.cli.collection_source import ADDRESS, check_source, no_export, no_folder
from gistchain.cli.options import (
    AllowHost,
    ChainId,
    Contract,
    Guaranteed,
    Home,
    Jobs,
    Json,
    Key,
    MaxFee,
    ReplaceAfter,
    Rpc,
    Yes,
)
from gistchain.cli.terminal import answer, busy, goes_on, note, print_json
from gistchain.cli.usage import a_path
from gistchain.errors import GistchainError, SettingError
from gistchain.settings import Settings, load

if TYPE_CHECKING:
    from gistchain.collection.imports.run import Done, Progress
    from gistchain.collection.imports.sources import Source
    from gistchain.internet.gateways import Gateways

_LIST_BYTES = 64 << 20


def import_collection(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Address of a contract behind --rpc; a folder of images and ERC-721 metadata; cryptopunks, nouns, "
            "dicebear:STYLE or robohash:SET, or pfp-30 for thirty of these; or a file that `collection export` wrote.",
            show_default=False,
        ),
    ] = "",
    many: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            parser=a_path,
            help="A line for each: addresses of contracts behind --rpc, or URIs of metadata, such as Solana's.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Short name for its folder.  [default: from the source]")] = None,
    subject: Annotated[
        str, typer.Option(help="What captions call a token.  [default: what contract or metadata says]")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Tokens at most, in all.")] = None,
    retry: Annotated[
        str | None, typer.Option(metavar="failed", help="Try again exactly those tokens that failed.")
    ] = None,
    from_block: Annotated[
        int, typer.Option(min=0, help="Read logs from here on, where the contract is not older.")
    ] = 0,
    gateway: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Gateway of IPFS, in place of the public ones.")
    ] = None,
    arweave: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Gateway of Arweave, in place of the public ones.")
    ] = None,
    allow_host: AllowHost = None,
    rate: Annotated[float, typer.Option(min=0, help="Requests a second to one host; 0 for no limit.")] = 20.0,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Of an exported file: let it take the place of another that is called the same; one of your own is "
            "removed.",
        ),
    ] = False,
    register: Annotated[
        bool,
        typer.Option(
            "--register",
            help="For a collection of your own: then register its standard forms, HOME/imports/NAME/images, as "
            "`register --batch` does; don't register the source folder, too. Of a contract, only tokens whose recorded "
            "owner is the account that registers; the others are named.",
        ),
    ] = False,
    guarantee: Guaranteed = "state",
    jobs: Jobs = None,
    rpc: Rpc = None,
    key: Key = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    max_fee: MaxFee = None,
    replace_after: ReplaceAfter = None,
    yes: Yes = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take in a collection: its tokens as references. Nothing is registered without --register.

    Who imports is not the author: a token's picture, traits and owner are kept beside its contract and id.

    Run again, it goes on where it was interrupted, and reads what was transferred or changed since. What can't be had
    is written down with the reason; the manifest has every token.
    """
    check_given(ctx.params)
    settings = load(ctx.params)
    if retry not in (None, "failed"):
        raise SettingError(f"--retry {retry}: only 'failed' can be tried again")
    if bool(source) == (many is not None):
        raise SettingError("give one SOURCE, or --list FILE")
    if source:
        check_source(source)
    if source and (path := _path(source)).is_file():
        from gistchain.collection.exchange import imported, is_exported

        if not is_exported(path):
            raise no_export(path)
        if register:
            raise SettingError(f"--register: {path} is an exported file, which holds no pictures to register")

        came = imported(path, settings.collections, replace=replace)
        answer(came, imported_json, imported_text, as_json, done=f"{came.collection} was imported")
        return
    from gistchain.collection.imports.packaged import each_of
    from gistchain.internet.allowed import networks
    from gistchain.internet.gateways import ARWEAVE, IPFS, Gateways

    with (
        goes_on(),
        Gateways(
            ipfs=gateway or IPFS, arweave=arweave or ARWEAVE, allow=networks(allow_host or ()), per_s=rate
        ) as gateways,
    ):
        wanted = list[str | list[str]](each_of(source)) if source else _listed(many)
        if len(wanted) > 1 and (name or subject):
            raise SettingError(f"--name and --subject are those of one collection, and here are {len(wanted)}")
        failed = False
        came_in: list[Done] = []
        for one in wanted:
            try:
                with busy("importing") as progress:
                    done = _imported(
                        one, gateways, settings, name, subject, limit, retry is not None, from_block, many, progress
                    )
            except GistchainError as error:
                if len(wanted) == 1:
                    raise
                failed = True
                note(f"{one}: {error}")
                if as_json:
                    print_json({"source": one, "error": str(error), "kind": type(error).__name__})
                continue
            came_in.append(done)
            if not (register and as_json):  # one object tells both
                answer(done, done_json, done_text, as_json, done=f"{done.about.name} was imported")
        for host, why in gateways.liars().items():
            note(f"{host} was left alone: {why}")
    if register and came_in:  # all in one run: the password of a keystore is asked for once
        failed |= not register_imported(came_in, settings, guarantee, jobs or 0, yes=yes, as_json=as_json)
    if failed:
        raise typer.Exit(1)


def _imported(
    one: str | list[str],
    gateways: Gateways,
    settings: Settings,
    name: str | None,
    subject: str,
    limit: int | None,
    retry: bool,
    start: int,
    many: Path | None,
    progress: Progress,
) -> Done:
    from gistchain.collection.imports.record import FOLDER
    from gistchain.collection.imports.run import run

    with ExitStack() as undo:
        called, source = _source(one, gateways, settings, name, subject, start, many, undo)
        folder = settings.home / FOLDER / called
        return run(folder, source, limit=limit, retry=retry, progress=progress, note=note)


def _source(
    one: str | list[str],
    gateways: Gateways,
    settings: Settings,
    name: str | None,
    subject: str,
    start: int,
    many: Path | None,
    undo: ExitStack,
) -> tuple[str, Source]:
    from gistchain.collection.imports import packaged, sources

    if isinstance(one, list):
        called = _called(name or (many.stem if many else "list"))
        origin = str(many.resolve()) if many else "a list"
        return called, sources.Uris(one, gateways, name=called, subject=subject, origin=origin)
    if ADDRESS.fullmatch(one):
        if not settings.rpc:
            raise SettingError(f"{one} is a contract: give the --rpc of a node of its chain")
        from gistchain.ledger.nft import open_nft

        contract = open_nft(settings.rpc, one, told=note, undo=undo)
        called = _called(name or f"{contract.name() or 'contract'}-{contract.address[2:8]}")
        return called, sources.Contract(contract, gateways, name=called, subject=subject, start=start)
    if packaged.is_packaged(one):
        called = _called(name or one)
        return called, packaged.Packaged(one, name=called, subject=subject)
    if not _path(one).is_dir():
        raise no_folder(one)
    called = _called(name or _path(one).resolve().name)
    return called, packaged.Folder(_path(one), name=called, subject=subject)


def _path(given: str) -> Path:
    """Raises SettingError for what no file can be called."""
    try:
        return a_path(given)
    except ValueError as error:
        raise SettingError(str(error)) from None


def _listed(many: Path | None) -> list[str | list[str]]:
    """Contracts one by one, or all URIs together as one collection."""
    from gistchain.collection.imports.sources import uris_in
    from gistchain.disk.read import read_regular

    if many is None:
        return []
    try:
        lines = list(uris_in(many, read_regular(many, at_most=_LIST_BYTES)))
    except OSError as error:
        raise SettingError(f"{many} can't be read ({error.strerror}): give a file with a line for each") from error
    contracts = [line for line in lines if ADDRESS.fullmatch(line)]
    if not lines:
        raise SettingError(f"{many} names nothing: give an address or a URI a line")
    for line in lines:
        if line[:2].casefold() == "0x":
            check_source(line)
    if contracts and len(contracts) < len(lines):
        raise SettingError(f"{many} has both addresses and URIs: give two files")
    return list(contracts) if contracts else [lines]


def _called(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:40].strip("-")
    if not name:
        raise SettingError(f"{text[:60]!r} can't name a folder: give --name with letters a-z, digits and dashes")
    return name
