"""`gistchain check`, `gistchain watch` and `gistchain rareness`: how rare images are, and the database that tells."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gistchain.answers.rareness import checked_json, checked_text, event_json, event_text
from gistchain.cli.options import Home, Json
from gistchain.cli.sources import check_stdin, expanded, read
from gistchain.cli.terminal import Verb, answer, busy, complain, failure, print_json, progress, say, stages
from gistchain.disk.write import check_writable, write_whole
from gistchain.errors import FileError, GistchainError, ImageError, LedgerError, ModelError, SettingError
from gistchain.settings import load

if TYPE_CHECKING:
    from gistchain.collection.known.seeds import Seed
    from gistchain.rareness.check import Checker
    from gistchain.settings import Settings
    from gistchain.types import Picture, Rareness

app = typer.Typer(
    help="The database of registered images: fill it, look at it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Web = Annotated[bool, typer.Option("--web", help="Search the internet too, by the providers of the settings.")]


def check(
    ctx: typer.Context,
    images: Annotated[
        list[str], typer.Argument(help="Image files or folders; - reads one image from stdin.", show_default=False)
    ],
    explain: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Show why, in one page with pictures.")
    ] = None,
    web: Web = False,
    sense: Annotated[bool, typer.Option("--sense", help="Print exactly Sense's object, one per line.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Tell how rare images are among all that are registered; nothing is registered."""
    from gistchain.pipeline import each
    from gistchain.rareness.explain import card, page
    from gistchain.rareness.service.sense import sense as in_senses_words
    from gistchain.systems import checker

    if sense and as_json:
        raise SettingError("--json and --sense are two forms of the answer: choose one")
    settings = load(ctx.params)
    check_stdin(images)
    if explain is not None:
        check_writable(explain, "--explain")
    failed, cards = False, []
    checking = checker(settings)

    def checked(source: str | Path) -> tuple[Picture, Rareness]:
        picture = read(source)
        return picture, checking.check(picture, web=web)

    for source, done in each(progress(expanded(images), "checking", as_json or sense), checked):
        if isinstance(done, GistchainError):
            failed = True
            failure(source, done, as_json or sense)
            continue
        if sense:
            print_json(in_senses_words(done[0].sha3_256, done[1]))
        else:
            answer(done, lambda both: checked_json(*both), lambda both: checked_text(*both), as_json)
        if explain is not None:
            cards.append(card(*done))
    if explain is not None and cards:
        write_whole(explain, page(cards).encode())
        say(f"explained: {explain.resolve()}", err=True)
    if failed:
        raise typer.Exit(1)


def watch(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder that images are put into.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder of results.  [default: dupe_detection_output_files beside FOLDER]", show_default=False
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when what is there is done with.")] = False,
    web: Web = False,
    settle: Annotated[
        float, typer.Option(min=0.01, max=3600, help="Seconds that a file stands still before it counts as complete.")
    ] = 2.0,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds after which a file that still changes is reported.  [default: 600; with --once 10]",
            show_default=False,
        ),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write Sense's JSON for every image that is put into a folder, until Ctrl-C."""
    from gistchain.rareness.service.watch import watch as watching
    from gistchain.systems import checker

    patient = timeout if timeout is not None else 10.0 if once else 600.0
    good = True
    checking = checker(load(ctx.params))
    with _until_interrupted() as stop:
        if not once:
            say(f"watching {folder}; Ctrl-C ends it after the image in work", err=True)
        for event in watching(
            folder, lambda picture: checking.check(picture, web=web), output=output, once=once,
            settle_s=settle, timeout_s=patient, stop=stop,
        ):  # fmt: skip
            good &= event.kind in ("written", "known")
            if as_json:
                print_json(event_json(event))
            elif event.path is None:
                say(f"gistchain: {event.text}", err=True)
            else:
                say(event_text(event, event.path))
    if once and not good:
        raise typer.Exit(1)


@app.command(cls=Verb)
def seed(
    ctx: typer.Context,
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders of images.  [default: thirty real collections of the samples extra]", show_default=False
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
    from gistchain.systems import checker

    counts = {"new": 0, "known": 0, "failed": 0}
    checking = checker(load(ctx.params))
    with stages() as told:
        plan = _of_folders(folders, each, collection, counts) if folders else _of_samples(each, counts)
        for what, share, one in plan:
            told(what, share)
            if one is not None:
                counts[_remember(checking, one)] += 1
    total = len(checking.store)
    if as_json:
        print_json({**counts, "registered": total})
    else:
        say(f"{counts['new']:,} new, {counts['known']:,} were there: {total:,} images are registered")
    if counts["failed"]:
        raise typer.Exit(1)


@app.command(cls=Verb)
def status(ctx: typer.Context, home: Home = None, as_json: Json = False) -> None:
    """Show how many images new ones are compared with, and how many tokens of this home's chain are not among them."""
    from gistchain.systems import checker

    settings = load(ctx.params)
    checking = checker(settings)
    fields: dict[str, Any] = {
        "registered": len(checking.store),
        "fingerprint_version": checking.fingerprint_version,
        "bytes": sum(path.stat().st_size for path in settings.home.glob("rareness.*")),
        "folder": str(settings.home),
        "tokens_missing": _missing(checking, settings),
    }
    if as_json:
        print_json(fields)
        return
    say(f"{fields['registered']:,} images, fingerprints of version {fields['fingerprint_version']}")
    say(f"  {fields['bytes']:,} bytes in {fields['folder']}")
    if fields["tokens_missing"]:
        say(f"  tokens of the chain here that are not among them: {fields['tokens_missing']:,}")
        say("    register their images again: they keep their tokens, and from then on they are compared with")
    if not fields["registered"]:
        say("  every image is an original so far: fill it with `gistchain rareness seed`, or register images")


@app.command(cls=Verb)
def crawl(
    ctx: typer.Context,
    sites: Annotated[
        list[str] | None,
        typer.Argument(help="Addresses to begin at; only pages of their hosts are read.", show_default=False),
    ] = None,
    warc: Annotated[
        list[Path] | None,
        typer.Option("--warc", metavar="FILE", help="Read this web archive instead; more than one can be given."),
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
        found = [index_warc(file, index, limits=ArchiveLimits(images=images)) for file in warc or ()]
        if sites:
            found.append(crawling(sites, index, limits=Limits(pages=pages, images=images)))
    for note in (note for each in found for note in each.notes):
        say(f"gistchain: {note}", err=True)
    names = ("pages", "images", "new", "left_out")
    counts = {name: sum(getattr(each, name) for each in found) for name in names}
    if as_json:
        print_json({**counts, "indexed": len(index), "file": str(path)})
    else:
        say(f"{counts['pages']:,} pages, {counts['images']:,} images, {counts['new']:,} new: {len(index):,} in {path}")
    if settings.crawl_index is None:
        say(f'gistchain: --web searches it where settings.toml says crawl_index = "{path}"', err=True)
    if not counts["pages"] + counts["images"]:
        raise typer.Exit(1)


@app.command(cls=Verb)
def rebuild(ctx: typer.Context, home: Home = None, as_json: Json = False) -> None:
    """Set the database aside, where it is damaged or of another version, and begin an empty one."""
    from gistchain.rareness.store.store import set_aside

    settings = load(ctx.params)
    aside = set_aside(settings.home)
    if as_json:
        print_json({"aside": None if aside is None else str(aside)})
    elif aside is None:
        say(f"there is no database in {settings.home}: nothing was done")
    else:
        say(f"the database lies in {aside} now, and new images are compared with nothing:")
        say(
            "  fill it with `gistchain rareness seed`, and register your images again; those that have a token keep it,"
        )
        say("  and the command only says so, but from then on they are compared with")


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed or the process told to end; a second time ends it at once."""
    asked: list[int] = []

    def ask(number: int, _: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        say("gistchain: ending after the image in work", err=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _missing(checking: Checker, settings: Settings) -> int | None:
    """How many tokens of the embedded chain are of images that have no row here.

    None where the chain is a node's, on which most tokens are other people's, or can't be read, which is said.
    """
    from gistchain.ledger.state import images

    if settings.rpc:
        return None
    try:
        return sum(checking.store.find(image) is None for image in images(settings.home))
    except (LedgerError, FileError) as error:  # of the database there is something to show all the same
        complain(error)
        return None


def _of_samples(each: int | None, counts: dict[str, int]) -> Iterator[tuple[str, float, Seed | None]]:
    from gistchain.collection.known import pfp30
    from gistchain.collection.known.seeds import EACH, seeds

    wanted = min(each or EACH, EACH)
    for collection in pfp30.ALL:
        try:
            for number, one in enumerate(seeds(collection, wanted), 1):
                yield collection, number / wanted, one
        except ModelError as error:
            counts["failed"] += 1
            complain(error)


def _of_folders(
    folders: Sequence[Path], each: int | None, collection: str | None, counts: dict[str, int]
) -> Iterator[tuple[str, float, Seed | None]]:
    from gistchain.collection.known.seeds import Seed
    from gistchain.image import images_in, read_image

    for folder in folders:
        paths = list(images_in([folder]))[:each]
        name = collection if collection is not None else folder.resolve().name
        for number, path in enumerate(paths, 1):
            try:
                one = Seed(read_image(path, path.name), name, "")
            except ImageError as error:
                counts["failed"] += 1
                complain(error)
                yield name, number / len(paths), None
            else:
                yield name, number / len(paths), one


def _remember(checking: Checker, one: Seed) -> str:
    if checking.store.find(one.picture.sha3_256) is not None:
        return "known"
    checking.remember(
        one.picture, None, name=one.picture.name, collection=one.collection, caption=one.caption, seed=True
    )
    return "new"
