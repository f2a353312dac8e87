"""The command line: one verb per thing a person does. Results on stdout, talk on stderr; exit 0 ok, 1 failed, 2 usage.

A body parses, makes one call and prints; what takes time to import is imported where it is used. Whatever comes from
files or a chain is printed without control characters: a public registry holds anyone's words.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gistchain.answers.path import (
    listed_json,
    rareness_words,
    rated_words,
    rebuilt_json,
    rebuilt_text,
    registered_json,
    registered_text,
    ticket_json,
    token_json,
    utc,
)
from gistchain.cli import collection as cli_collection
from gistchain.cli import models as cli_models
from gistchain.cli import rareness as cli_rareness
from gistchain.cli.options import (
    AllowDownload,
    AllowPickle,
    Captioner,
    ChainId,
    Contract,
    Device,
    Dtype,
    Home,
    Json,
    Key,
    Painter,
    Rpc,
)
from gistchain.cli.sources import STDIN, check_stdin, files_of, read
from gistchain.cli.terminal import Verb, busy, complain, print_json, progress, say
from gistchain.errors import (
    AlreadyRegistered,
    CaptionError,
    FileError,
    GistchainError,
    ImageError,
    PacketError,
    RarenessError,
    SettingError,
)
from gistchain.opening import is_keystore, make_folder, opened
from gistchain.settings import load

if TYPE_CHECKING:
    from gistchain.ledger.ticket import SignedRareness

app = typer.Typer(
    help="The meaning of an image on a blockchain instead of its pixels.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(cli_models.app, name="models")
app.add_typer(cli_collection.app, name="collection")
app.add_typer(cli_rareness.app, name="rareness")

# What is wrong with one image does not stop the others; what is wrong with the chain stops all.
_OF_THIS_IMAGE = (ImageError, CaptionError, PacketError, AlreadyRegistered)

TokenId = Annotated[int, typer.Argument(help="Id of a token.", show_default=False)]

_NO_TICKETS = (
    "gistchain: registry {} was made by an earlier gistchain and keeps no rareness tickets: images are registered "
    "without one; a new --home begins a registry that keeps them"
)


def _print_version(wanted: bool) -> None:
    from gistchain import __version__

    if wanted:
        typer.echo(f"gistchain {__version__}")
        raise typer.Exit


@app.callback()
def _every_command(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


@app.command(cls=Verb)
def register(
    images: Annotated[
        list[str], typer.Argument(help="Image files or folders; - reads one image from stdin.", show_default=False)
    ],
    caption: Annotated[
        str | None, typer.Option(help="Your own words for the gist of one image, in place of the captioner's.")
    ] = None,
    latent: Annotated[
        bool, typer.Option("--latent", help="Add a small latent to the gist: 8x8 colours, 192 bytes.")
    ] = False,
    latent_bytes: Annotated[
        int | None,
        typer.Option(min=64, max=8192, help="Or a picture in that many bytes, to rebuild a photo from: 64 to 8192."),
    ] = None,
    min_confidence: Annotated[float, typer.Option(min=0, max=1, help="Refuse captions less sure than this.")] = 0.5,
    captioner: Captioner = None,
    device: Device = None,
    dtype: Dtype = None,
    allow_download: AllowDownload = None,
    allow_pickle: AllowPickle = None,
    home: Home = None,
    rpc: Rpc = None,
    key: Key = None,
    contract: Contract = None,
    chain_id: ChainId = None,
    as_json: Json = False,
) -> None:
    """Put the gist of images on the chain, and how rare they are; each becomes a token."""
    models = {"captioner": captioner, "device": device, "dtype": dtype}
    allowed = {"allow_download": allow_download, "allow_pickle": allow_pickle}
    chain = {"home": home, "rpc": rpc, "key": key, "registry": contract, "chain_id": chain_id}
    settings = load({**chain, **models, **allowed})
    _check_stdin(images, settings.key)
    if latent and latent_bytes is not None:
        raise SettingError("--latent and --latent-bytes are two latents: a gist has one, choose")
    sources: list[str | Path] = []
    failed = False
    for given in images:
        try:
            sources += files_of(given)
        except ImageError as error:
            failed = True
            _failed(given, error, as_json)
    if caption is not None and len(sources) > 1:
        raise SettingError(f"--caption words one image, these are {len(sources)}: register them one by one")
    # Models that are set but not needed here are not loaded: that can take minutes.
    needed = settings.captioner if caption is None else None
    with opened(settings, captioner=needed, rated=True) if sources else nullcontext() as registry:
        if registry is not None and not registry.ledger.takes_tickets:
            say(_NO_TICKETS.format(registry.ledger.registry), err=True)
        # The lines themselves are the progress where they are JSON on a terminal: a bar would wrap them.
        for source in sources if as_json and sys.stdout.isatty() else progress(sources, "registering"):
            assert registry is not None
            try:
                done = registry.register(
                    read(source), caption=caption, latent=latent_bytes or latent, min_confidence=min_confidence
                )
            except _OF_THIS_IMAGE as error:
                failed = True
                _failed(source, error, as_json)
            else:
                print_json(registered_json(done)) if as_json else say(registered_text(done))
    if failed:
        raise typer.Exit(1)


@app.command(cls=Verb)
def rebuild(
    token: TokenId,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="PNG file.  [default: token-ID.png]")] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, max=256, help="How many isotopes to choose from.  [default: 4]")
    ] = None,
    choice: Annotated[
        Literal["best", "random", "worst"], typer.Option(help="best is ROSIS; the others are for comparison.")
    ] = "best",
    strength: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="0 decodes the gist's latent, 1 paints from noise.  [default: what is there]"),
    ] = None,
    every: Annotated[Path | None, typer.Option("--isotopes", help="Folder for all the candidates.")] = None,
    captioner: Captioner = None,
    painter: Painter = None,
    device: Device = None,
    dtype: Dtype = None,
    allow_download: AllowDownload = None,
    allow_pickle: AllowPickle = None,
    home: Home = None,
    rpc: Rpc = None,
    key: Key = None,
    contract: Contract = None,
    chain_id: ChainId = None,
    as_json: Json = False,
) -> None:
    """Rebuild the image of a token from what the chain holds."""
    from gistchain.image import write_png

    models = {"captioner": captioner, "painter": painter, "device": device, "dtype": dtype}
    allowed = {"allow_download": allow_download, "allow_pickle": allow_pickle}
    chain = {"home": home, "rpc": rpc, "key": key, "registry": contract, "chain_id": chain_id}
    settings = load({**chain, **models, **allowed, "seeds": seeds})
    path = output or Path(f"token-{token}.png")
    with (
        opened(settings, captioner=settings.captioner, painter=settings.painter) as registry,
        busy(f"painting {settings.seeds} isotopes"),
    ):
        rebuilt = registry.rebuild(token, seeds=settings.seeds, choice=choice, strength=strength)
    write_png(rebuilt.chosen.image, path)
    if every is not None:
        make_folder(every)
        for isotope in rebuilt.isotopes:
            write_png(isotope.image, every / f"token-{token}-seed-{isotope.seed}.png")
    if as_json:
        print_json(rebuilt_json(token, path, rebuilt))
    else:
        say(rebuilt_text(token, path, rebuilt))


@app.command(cls=Verb)
def show(
    token: TokenId,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Print the evidence document of its rareness, byte for byte.")
    ] = False,
    home: Home = None,
    rpc: Rpc = None,
    key: Key = None,
    contract: Contract = None,
    chain_id: ChainId = None,
    as_json: Json = False,
) -> None:
    """Show what the chain holds of a token."""
    settings = load({"home": home, "rpc": rpc, "key": key, "registry": contract, "chain_id": chain_id})
    with opened(settings) as registry:
        signed = registry.ledger.rareness_of(token)
        document = _document(settings.home, signed)
        fields = None if evidence else token_json(registry, token)
    if fields is None:
        typer.echo(_required(token, signed, document, settings.home), nl=False)  # so that its hash is the ticket's
        return
    rated = ticket_json(signed, document)
    if as_json:
        here = None if signed is None else document is not None
        print_json({**fields, "rareness": rated, "evidence_here": here})
        return
    for name, value in fields.items():
        shown = ", ".join(value) or "caption only" if isinstance(value, list) else value
        say(f"{name.replace('_', ' '):>15}  {shown}")
    if rated is None:
        say(f"{'rareness':>15}  no ticket")
        return
    say(f"{'verdict':>15}  {rated_words(rated)}")
    say(f"{'rareness':>15}  {rareness_words(rated).removeprefix('rareness ')}")
    say(f"{'evidence':>15}  {rated['evidence']} ({'here: --evidence prints it' if document else 'not in this home'})")


def _document(home: Path, signed: SignedRareness | None) -> bytes | None:
    """The evidence behind a ticket, where this home has it. Nothing of rareness is loaded for it."""
    from gistchain.rareness.store.database import FILE, Database

    if signed is None:
        return None
    for folder in (home, *sorted(home.glob("old-*"))):  # where `gistchain rareness rebuild` sets databases aside
        try:
            document = Database(folder / FILE).evidence(signed.ticket.evidence)
        except (RarenessError, FileError) as error:  # what the chain holds can be shown all the same
            complain(error)
            continue
        if document is not None:
            return document
    return None


def _required(token: int, signed: SignedRareness | None, document: bytes | None, home: Path) -> bytes:
    if signed is None:
        raise RarenessError(f"token {token} has no rareness ticket, so that there is no evidence to show")
    if document is None:
        raise RarenessError(
            f"the evidence {signed.ticket.evidence.hex()} of token {token} is not in {home}: it stays with whoever "
            f"registered the image; ask {signed.signer} for the document with this SHA3-256"
        )
    return document


@app.command("list", cls=Verb)
def list_tokens(
    home: Home = None,
    rpc: Rpc = None,
    key: Key = None,
    contract: Contract = None,
    chain_id: ChainId = None,
    as_json: Json = False,
) -> None:
    """List the tokens on the chain, oldest first."""
    settings = load({"home": home, "rpc": rpc, "key": key, "registry": contract, "chain_id": chain_id})
    with opened(settings) as registry:
        for token in registry.tokens():
            try:
                caption = next(iter(registry.gist(token.id).captions), "(no caption)")
            except PacketError as error:  # anyone may write to a public registry
                caption = f"(no gist: {error})"
            if as_json:
                print_json(listed_json(token, caption))
            else:
                say(f"{token.id:>6}  {token.size_bytes:>6} B  {utc(token.block_time)}  {caption}")


app.command(cls=Verb)(cli_rareness.check)
app.command(cls=Verb)(cli_rareness.watch)


@app.command(cls=Verb)
def demo(
    report: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("report.html"),
    results: Annotated[Path | None, typer.Option(help="Also write every figure to this JSON file.")] = None,
    images: Annotated[int, typer.Option(min=4, max=200, help="How many images; half of them punks.")] = 48,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Send real NFTs through a chain as a sentence, and compare with the classical formats on the same chain."""
    from gistchain.demo.run import run

    run(report=report, results=results, images=images, home=home, as_json=as_json)


def _check_stdin(images: list[str], key: Path | None) -> None:
    check_stdin(images)
    if STDIN in images and key is not None and is_keystore(key):
        raise SettingError(f"stdin can't hold both the image and the password of {key}: give the image as a file")


def _failed(source: str | Path, error: GistchainError, as_json: bool) -> None:
    """One image of several could not be registered; the others go on."""
    complain(error)
    if as_json:
        token = getattr(error, "token", None)
        print_json({"image": str(source), "error": str(error), "kind": type(error).__name__, "token": token})


def main() -> None:
    """Entry point."""
    app()


if __name__ == "__main__":
    main()
