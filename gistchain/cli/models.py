"""`gistchain models`: what there is, what is missing to run it, and whether it does what its kind must do."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gistchain.answers.models import model_json, model_text, size_words, verified_json, verified_text
from gistchain.cli.completion import kinds_of_models, models_of
from gistchain.cli.options import AllowDownload, AllowPickle, Device, Dtype, Json
from gistchain.cli.terminal import Verb, Verbs, answer, busy, complain, print_json, say
from gistchain.errors import GistchainError, ModelError
from gistchain.settings import load
from gistchain.text import printable

if TYPE_CHECKING:
    from gistchain.models.zoo.table import ModelRow
    from gistchain.types import Pixels

app = typer.Typer(
    help="The models that can be chosen: list them, check one.",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
)

_SEED = 7  # of the Noun that models are tried on


@app.command("list", cls=Verb)
def list_models(as_json: Json = False) -> None:
    """List the models, and what is missing to run them."""
    from gistchain.models.zoo.inventory import missing, size_bytes
    from gistchain.models.zoo.registry import entries

    rows = [(entry, size_bytes(entry), missing(entry)) for entry in entries()]
    if as_json:
        for entry, size, lacking in rows:
            print_json(model_json(entry, size, lacking))
    elif sys.stdout.isatty():
        _print_table(rows)
    else:
        for entry, size, lacking in rows:
            say(model_text(entry, size, lacking))


@app.command(cls=Verb)
def check(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(help="A name of `gistchain models list`.", autocompletion=models_of(None), show_default=False),
    ],
    kind: Annotated[
        str | None,
        typer.Option(help="Its kind, where several have a model of this name.", autocompletion=kinds_of_models()),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Hub id or folder, of a model that takes one.")] = None,
    caption: Annotated[str | None, typer.Option(help="What painters paint.  [default: the caption of a Noun]")] = None,
    device: Device = None,
    dtype: Dtype = None,
    allow_download: AllowDownload = None,
    allow_pickle: AllowPickle = None,
    as_json: Json = False,
) -> None:
    """Load a model, hold its weights against their sha256, run it once and look at what comes out."""
    from gistchain.models.zoo.registry import named, parse

    settings = load(ctx.params)
    place = {n: getattr(settings, n) for n in ("device", "dtype", "allow_download", "allow_pickle")}
    name, given = parse(name)
    image, words = _noun()
    failed = False
    for entry in named(name, kind):
        try:
            with busy(f"checking {entry.kind} {entry.name}"):
                done = _checked(entry, image, caption or words, source or given, place)
        except GistchainError as error:
            failed = True
            complain(error)
            if as_json:
                print_json({"kind": entry.kind, "name": entry.name, "ok": False, "error": str(error)})
        else:
            answer(done, partial(verified_json, entry), partial(verified_text, entry), as_json)
    if failed:
        raise typer.Exit(1)


def _checked(entry: ModelRow, image: Pixels, caption: str, source: str | None, place: dict[str, Any]) -> dict[str, Any]:
    from gistchain.models.zoo import conformance, registry
    from gistchain.models.zoo.inventory import verify

    files = verify(entry)
    started = time.perf_counter()
    model = registry.load(entry.kind, entry.name, source=source, **place)
    loaded = time.perf_counter()
    try:
        result = conformance.check(entry.kind, model, image, caption)
    except Exception as error:  # whatever a model raises here is what was to be found out
        why = str(error) if isinstance(error, GistchainError) else f"{type(error).__name__}: {error}"
        raise ModelError(f"{entry.kind} {entry.name!r} fails: {why}") from error
    ran = time.perf_counter()
    return {"files_verified": files, "load_s": loaded - started, "run_s": ran - loaded, "result": result}


def _noun() -> tuple[Pixels, str]:
    """A real image that comes with gistchain, 128x128, and its caption."""
    import numpy as np

    from gistchain.collection.known import nouns

    token = nouns.tokens(nouns.sample(1, rng=np.random.default_rng(_SEED), held=False))
    return token.image(0).repeat(4, 0).repeat(4, 1), token.caption(0)


def _print_table(rows: list[tuple[ModelRow, int | None, str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("kind", "name", "size", "licence", "to run it", box=None, pad_edge=False, header_style="bold")
    last = ""
    for entry, size, lacking in rows:
        cells = ["" if entry.kind == last else entry.kind, entry.name, size_words(entry, size), entry.licence]
        # As plain text: a plugin's words are neither markup nor for the terminal to obey.
        texts = [Text(printable(cell)) for cell in cells]
        # For our own rows show only the advice after the last colon; for plugins the whole text.
        shown = lacking.rpartition(": ")[2] if entry.distribution == "gistchain" else lacking
        table.add_row(*texts, Text(printable(shown) or "ready", style="" if lacking else "green"))
        last = entry.kind
    table.columns[2].justify = "right"
    for column in table.columns[:3]:
        column.no_wrap = True
    Console(file=sys.stdout).print(table)
