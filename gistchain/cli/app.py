"""The command line: one verb per thing a person does.

Results go to stdout, talk and progress to stderr; exit code 0 is done, 1 failed, 2 wrong words, 3 a verdict that
`check --fail-on` named, 4 done but the answer could not be printed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated

if __name__ == "__main__":  # before what takes time to import, so that Ctrl-C is answered meanwhile
    from gistchain.cli.start import start

    start()

import typer

from gistchain.cli import (
    chain,
    collection,
    collection_data,
    collection_import,
    collection_make,
    compare,
    database,
    forms,
    models,
    path,
    radio,
    rareness,
    search,
    tokens,
)
from gistchain.cli.options import Home, Json
from gistchain.cli.terminal import Verb, Verbs
from gistchain.cli.usage import a_path

app = typer.Typer(
    help="The meaning of an image on a blockchain instead of its pixels.",
    cls=Verbs,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command(cls=Verb)(path.register)
app.command(cls=Verb)(path.rebuild)
app.command(cls=Verb)(forms.forms)
app.command(cls=Verb)(tokens.show)
app.command("list", cls=Verb)(tokens.list_tokens)
app.command(cls=Verb)(search.search)
app.command(cls=Verb)(search.ask)
app.command("index", cls=Verb)(search.build)
app.command(cls=Verb)(chain.receipts)
app.command(cls=Verb)(chain.follow)
app.command("link-nft", cls=Verb)(chain.link)
app.command(cls=Verb)(chain.proof)
app.command(cls=Verb)(chain.attest)
app.command(cls=Verb)(chain.mint)
app.command(cls=Verb)(chain.deploy)
app.command(cls=Verb)(radio.send)
app.command(cls=Verb)(rareness.check)
app.command(cls=Verb)(rareness.watch)
radio.app.command(cls=Verb)(compare.compare)
collection.app.command("import", cls=Verb)(collection_import.import_collection)
app.add_typer(radio.app, name="link")
app.add_typer(models.app, name="models")
collection.app.command(cls=Verb)(collection_data.caption)
collection.app.command(cls=Verb)(collection_data.split)
collection.app.command("mint-plan", cls=Verb)(collection_make.mint_plan)
app.add_typer(collection.app, name="collection")
app.add_typer(database.app, name="rareness")


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
def demo(
    report: Annotated[Path, typer.Option(parser=a_path, help="Where the report goes.")] = Path("report.html"),
    results: Annotated[
        Path | None, typer.Option(parser=a_path, help="Also write every figure to this JSON file.")
    ] = None,
    images: Annotated[int, typer.Option(min=4, max=200, help="How many images; half of them punks.")] = 48,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Send real NFTs through a chain as a sentence, and compare with the classical formats on the same chain."""
    from gistchain.demo.run import run

    run(report=report, results=results, images=images, home=home, as_json=as_json)


def main() -> None:
    """Run the words of the command line; ends with SystemExit. The program itself begins in `start`."""
    _commands()(prog_name="gistchain")


@cache
def _commands() -> Callable[..., object]:
    """All of them as the parser has them: to make it of their signatures takes longer than many a command does."""
    return typer.main.get_command(app)
