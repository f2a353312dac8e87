"""`gistchain register` and `rebuild`: an image to the chain, and back from it.

A body parses, makes one call and prints; what takes time to import is imported where it is used. Whatever comes from
files or a chain is printed without control characters: a public registry holds anyone's words.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gistchain.answers.path import (
    Already,
    picture_texts,
    rebuilt_json,
    rebuilt_text,
    registered_json,
    registered_text,
    registered_words,
)
from gistchain.cli.bulk import MIN_CONFIDENCE, register_batch, usual_gist
from gistchain.cli.options import (
    AllowDownload,
    AllowPickle,
    Captioner,
    ChainId,
    Contract,
    Device,
    DryRun,
    Dtype,
    EthPrice,
    GasPrice,
    Guaranteed,
    Home,
    Jobs,
    Json,
    Key,
    MaxFee,
    Painter,
    ReplaceAfter,
    Rollup,
    Rpc,
    TokenId,
    Web,
    Yes,
)
from gistchain.cli.prices import prices_of, tell_costs
from gistchain.cli.sources import check_stdin, expanded, read
from gistchain.cli.terminal import answer, ask_password, asker, busy, failure, note, progress, say, skipped
from gistchain.cli.tokens import document_of
from gistchain.cli.usage import STDIN, a_path
from gistchain.disk.write import check_folder, make_folder
from gistchain.errors import AlreadyRegistered, GistchainError, SettingError
from gistchain.opening import is_keystore, nothing_registered, open
from gistchain.settings import load

if TYPE_CHECKING:
    from gistchain.pipeline import Registered, Registry
    from gistchain.types import Picture, Pixels, Verdict

STDOUT = Path("-")


def register(
    ctx: typer.Context,
    images: Annotated[
        list[str], typer.Argument(help="Image files or folders; - reads one image from stdin.", show_default=False)
    ],
    caption: Annotated[
        str | None, typer.Option(help="Your own words for the gist of one image, in place of the captioner's.")
    ] = None,
    caption_only: Annotated[
        bool, typer.Option("--caption-only", help="Add no picture to any caption; a photo can't be rebuilt then.")
    ] = False,
    latent_bytes: Annotated[
        int | None,
        typer.Option(
            min=64,
            max=8192,
            help="Bytes of the picture that is added to all but sure tokens of known collections.  [default: 1000]",
        ),
    ] = None,
    latent: Annotated[
        bool, typer.Option("--latent", help="Add 8x8 colours in 192 bytes to every caption instead.")
    ] = False,
    form: Annotated[
        Literal["subject", "exact", "file"] | None,
        typer.Option(
            help="Add what is finer than a caption: the main subject cut out, every pixel, or the image file as it is. "
            "`gistchain forms` compares them."
        ),
    ] = None,
    refuse_copies: Annotated[
        bool,
        typer.Option(
            "--refuse-copies",
            help="Don't register what is judged a copy or a derivative; 'cannot tell' is registered.",
        ),
    ] = False,
    min_confidence: Annotated[
        float,
        typer.Option(min=0, max=1, help="Leave out words that the captioner is less sure of."),
    ] = MIN_CONFIDENCE,
    readable: Annotated[
        bool,
        typer.Option(
            "--readable",
            help="Write the caption as plain text, or by its trait table, so that wallets show it, for more gas.",
        ),
    ] = False,
    batch: Annotated[
        bool,
        typer.Option("--batch", help="All images in a few transactions, a tenth of the gas; a process for each core."),
    ] = False,
    guarantee: Guaranteed = "state",
    jobs: Jobs = None,
    web: Web = False,
    captioner: Captioner = None,
    device: Device = None,
    dtype: Dtype = None,
    allow_download: AllowDownload = None,
    allow_pickle: AllowPickle = None,
    home: Home = None,
    rpc: Rpc = None,
    key: Key = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    max_fee: MaxFee = None,
    replace_after: ReplaceAfter = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    gas_price: GasPrice = None,
    eth_price: EthPrice = None,
    l2: Rollup = None,
    as_json: Json = False,
) -> None:
    """Put the gist of images on the chain, and how rare they are; each becomes a token."""
    from gistchain.bulk.run import Options
    from gistchain.image import start_reading
    from gistchain.pipeline import each
    from gistchain.rareness.words import JOINING
    from gistchain.systems import rosis

    settings = load(ctx.params)
    prices = prices_of(gas_price, eth_price, l2, dry_run=dry_run)
    _check_stdin(images, None if dry_run else settings.key)
    start_reading()
    if latent + caption_only + (latent_bytes is not None) > 1:
        raise SettingError("of --caption-only, --latent-bytes and --latent give one: a gist has at most one latent")
    if form in ("exact", "file") and (latent or latent_bytes is not None):
        raise SettingError(f"--form {form} gives every pixel: leave --latent and --latent-bytes out")
    sources = expanded(images, skipped(as_json))
    if caption is not None and len(sources) > 1:
        raise SettingError(f"--caption is for one image, {len(sources)} were given: register them one by one")
    # Models that are set but not needed here are not loaded: that can take minutes.
    needed = replace(settings, painter=None, captioner=settings.captioner if caption is None else None)
    wanted = usual_gist() | {"min_confidence": min_confidence, "form": form}
    if latent:
        wanted |= {"latent": "always", "latent_coder": "thumb8", "latent_bytes": 192}
    elif caption_only:
        wanted["latent"] = "never"
    elif latent_bytes is not None:
        wanted["latent_bytes"] = latent_bytes
    # Where the judge can't tell a copy from a sibling, the image is registered.
    refuse = JOINING if refuse_copies else ()
    if batch and (caption is not None or web or readable):
        raise SettingError("--batch takes no --caption, --web or --readable: register such images one by one")
    if not batch and (guarantee != "state" or jobs is not None):
        raise SettingError("--guarantee and --jobs are for --batch")
    if dry_run:
        ways = guarantee if batch else None
        first = nothing_registered(settings)
        tell_costs(sources, rosis(needed, **wanted), caption, prices, as_json, ways, readable, first)
        return
    if batch:
        register_batch(sources, needed, Options(guarantee, wanted, refuse, jobs or 0), yes=yes, as_json=as_json)
        return
    failed = False
    system = rosis(needed, **wanted)
    with open(settings, password=ask_password, confirm=asker(yes=yes), waiting=note, system=system) as opened:
        for source, done in each(
            progress(sources, "registering", as_json),
            lambda source: _registered(
                opened, read(source), caption, refuse, settings.home, web=web, readable=readable
            ),
        ):
            if isinstance(done, GistchainError):
                failed = True
                failure(source, done, as_json)
            else:
                answer(done, registered_json, registered_text, as_json, done=registered_words(done))
    if failed:
        raise typer.Exit(1)


def _registered(
    opened: Registry,
    picture: Picture,
    caption: str | None,
    refuse: Collection[Verdict],
    home: Path,
    *,
    web: bool,
    readable: bool,
) -> Registered | Already:
    try:
        return opened.register(picture, caption=caption, web=web, refuse=refuse, readable=readable)
    except AlreadyRegistered as error:
        shown = opened.show(error.token)
        unused = caption is not None and caption != shown.gist.caption
        return Already(picture.name, shown, document_of(home, shown.signed, shown.token), unused)


def rebuild(
    ctx: typer.Context,
    token: TokenId,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            parser=a_path,
            help="A .png, .jpg, .webp or .avif; - writes a PNG to stdout.  [default: token-ID.png]",
        ),
    ] = None,
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
    full_size: Annotated[
        bool, typer.Option("--full-size", help="As large as it was registered; without it no side exceeds 1024 pixels.")
    ] = False,
    every: Annotated[
        Path | None, typer.Option("--isotopes", parser=a_path, help="Folder for all the candidates.")
    ] = None,
    captioner: Captioner = None,
    painter: Painter = None,
    device: Device = None,
    dtype: Dtype = None,
    allow_download: AllowDownload = None,
    allow_pickle: AllowPickle = None,
    home: Home = None,
    rpc: Rpc = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    as_json: Json = False,
) -> None:
    """Rebuild the image of a token from what the chain holds."""
    from gistchain.image import write_png

    settings = load(ctx.params)
    path = output or Path(f"token-{token}.png")
    _check_outputs(path, every, as_json)
    with (
        open(settings, waiting=note, write=False) as opened,
        busy(f"rebuilding token {token}") as shown,
    ):
        rebuilt = opened.rebuild(token, choice=choice, strength=strength, full_size=full_size, progress=shown)
        texts = picture_texts(token, opened.gist(token).caption, opened.ledger.name)
    _write(rebuilt.chosen.image, path, texts)
    if every is not None:
        make_folder(every)
        for isotope in rebuilt.isotopes:
            write_png(isotope.image, every / f"token-{token}-seed-{isotope.seed}.png")
    if path == STDOUT:
        say(rebuilt_text(token, path, rebuilt), err=True)
        return
    answer(
        rebuilt,
        lambda done: rebuilt_json(token, path, done),
        lambda done: rebuilt_text(token, path, done),
        as_json,
        done=f"token {token} was rebuilt as {path}",
    )


def _check_outputs(path: Path, every: Path | None, as_json: bool) -> None:
    """Before the work: what can't be written to would only be found after it."""
    from gistchain.image import check_output

    if path != STDOUT:
        check_output(path)
    elif as_json:
        raise SettingError("-o - writes the picture to stdout, where --json writes too: choose one")
    elif sys.stdout.isatty():
        raise SettingError("-o - writes the picture to stdout, which is a terminal: send it to a file or a program")
    if every is not None:
        check_folder(every)


def _write(picture: Pixels, path: Path, texts: dict[str, str]) -> None:
    from gistchain.image import png_bytes, write_image

    if path == STDOUT:
        sys.stdout.buffer.write(png_bytes(picture, texts))
    else:
        write_image(picture, path, texts)


def _check_stdin(images: list[str], key: Path | None) -> None:
    check_stdin(images)
    if STDIN in images and key is not None and is_keystore(key):
        raise SettingError(f"stdin can't hold both the image and the password of {key}: give the image as a file")
