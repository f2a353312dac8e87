"""`gistchain rareness`: the database that tells how rare images are, and the index of the internet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gistchain.answers.database import (
    Indexed,
    anew_json,
    anew_text,
    indexed_json,
    indexed_text,
    seeded_json,
    seeded_text,
    status_json,
    status_text,
)
from gistchain.answers.rareness import nothing_words
from gistchain.cli.options import Home, Json
from gistchain.cli.terminal import (
    Verb,
    Verbs,
    answer,
    busy,
    complain,
    goes_on,
    say,
    stages,
)
from gistchain.cli.usage import a_path
from gistchain.errors import FileError, LedgerError, SettingError
from gistchain.settings import load
from gistchain.text import printable

if TYPE_CHECKING:
    from gistchain.settings import Settings

app = typer.Typer(
    help="The database of registered images: fill it, look at it.",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(cls=Verb)
def seed(
    ctx: typer.Context,
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=a_path,
            help="Folders of images.  [default: thirty real collections of the samples extra]",
            show_default=False,
        ),
    ] = None,
    each: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many of a folder or collection.  [default: 170, all of a folder]"),
    ] = None,
    collection: Annotated[
        str | None, typer.Option(help="Name of the folders' collection.  [default: each folder's own name]")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Fill the database with images that have no token; run again, it goes on where it was interrupted."""
    from gistchain.collection.seeding import fill, from_folders, from_samples
    from gistchain.systems import begin_loading, checker

    steps = from_samples(each)
    if folders:
        steps = from_folders(
            folders,
            each=each,
            collection=collection,
            skipped=lambda note: say(printable(f"gistchain: {note}"), err=True),
        )
    with goes_on(), begin_loading(), stages() as shown:
        done = fill(checker(load(ctx.params)), steps, progress=shown, failed=complain)
    answer(done, seeded_json, seeded_text, as_json, done="the database was filled")
    if done.failed:
        raise typer.Exit(1)


@app.command(cls=Verb)
def status(ctx: typer.Context, home: Home = None, as_json: Json = False) -> None:
    """Show how many images new ones are compared with, and how many tokens of this home's chain are not among them."""
    from gistchain.rareness.store.status import status as status_of
    from gistchain.systems import checker

    settings = load(ctx.params)
    judge = checker(settings)
    on_chain = _images_on_chain(settings)
    state = status_of(judge.store, settings.home, judge.fingerprint_version, on_chain, judge.trust)
    if nothing := nothing_words(state.registered, settings.home):
        say(printable(f"gistchain: {nothing}"), err=True)
    answer(state, status_json, status_text, as_json)


@app.command(cls=Verb)
def crawl(
    ctx: typer.Context,
    sites: Annotated[
        list[str] | None,
        typer.Argument(help="Addresses to begin at; only pages of their hosts are read.", show_default=False),
    ] = None,
    warc: Annotated[
        list[Path] | None,
        typer.Option(
            "--warc", parser=a_path, metavar="FILE", help="Read this web archive instead; more than one can be given."
        ),
    ] = None,
    pages: Annotated[int, typer.Option(min=1, help="Most pages that are read.")] = 1_000,
    images: Annotated[int, typer.Option(min=1, help="Most images that are read.")] = 10_000,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Index the images of web sites, for --web to search; obeys robots.txt and goes to public addresses only."""
    from gistchain.rareness.websearch.crawl import Limits
    from gistchain.rareness.websearch.crawl import crawl as crawling
    from gistchain.rareness.websearch.index import Index
    from gistchain.rareness.websearch.warc import ArchiveLimits, index_warc

    if bool(sites) == bool(warc):
        raise SettingError("give sites to crawl or --warc FILE, one of the two")
    settings = load(ctx.params)
    path = (settings.crawl_index or settings.home / "crawl.sqlite").absolute()
    index = Index(path)
    with busy("crawling"):
        crawled = [index_warc(file, index, limits=ArchiveLimits(images=images)) for file in warc or ()]
        if sites:
            crawled.append(crawling(sites, index, limits=Limits(pages=pages, images=images)))
    for part in crawled:
        for note in part.notes:
            say(printable(f"gistchain: {note}"), err=True)
    done = Indexed(crawled, len(index), path)
    answer(done, indexed_json, indexed_text, as_json, done="the index was filled")
    if done.empty:
        raise typer.Exit(1)


@app.command(cls=Verb)
def rebuild(
    ctx: typer.Context,
    keep: Annotated[bool, typer.Option("--keep", help="Go on with the database that is there, and what it lacks.")] = (
        False
    ),
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Set the database aside, where it is damaged, lost or of another version, and begin an empty one."""
    from gistchain.ledger.state import images, name
    from gistchain.rareness.store.trust import set_up

    folder = load(ctx.params).home
    done = set_up(folder, keep=keep, chain=name(folder).casefold(), tokens=images(folder))
    answer(done, anew_json, lambda done: anew_text(done, folder), as_json, done="the database was set up anew")


def _images_on_chain(settings: Settings) -> list[bytes] | None:
    """SHA3-256 of each token's image on the embedded chain.

    None where the chain is a node's, on which most tokens are other people's, or can't be read, which is said.
    """
    from gistchain.ledger.state import images

    if settings.rpc:
        return None
    try:
        return images(settings.home)
    except (LedgerError, FileError) as error:  # of the database there is something to show all the same
        complain(error)
        return None
