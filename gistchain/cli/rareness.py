"""`gistchain check` and `gistchain watch`: how rare images are."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from gistchain.answers.rareness import (
    Checked,
    checked_json,
    checked_text,
    doubt_words,
    event_json,
    event_text,
    groups_json,
    groups_text,
    nothing_words,
)
from gistchain.cli.options import Home, Json, Web
from gistchain.cli.sources import check_stdin, expanded, read
from gistchain.cli.terminal import (
    answer,
    complain,
    failure,
    print_json,
    progress,
    say,
    skipped,
)
from gistchain.cli.usage import a_path
from gistchain.disk.write import check_writable, write_whole
from gistchain.errors import GistchainError, SettingError
from gistchain.rareness.words import TOLD
from gistchain.settings import load
from gistchain.text import printable
from gistchain.types import Verdict

if TYPE_CHECKING:
    from gistchain.ledger.followed import Followed
    from gistchain.rareness.among import Among
    from gistchain.rareness.check import Checker
    from gistchain.settings import Settings
    from gistchain.types import Picture

Tokens = Callable[[bytes], tuple[int, ...]]
"""SHA3-256 of an image file -> tokens."""
FOUND = 3
"""Exit code where an image has a verdict of --fail-on."""


def check(
    ctx: typer.Context,
    images: Annotated[
        list[str], typer.Argument(help="Image files or folders; - reads one image from stdin.", show_default=False)
    ],
    among: Annotated[
        bool, typer.Option("--among", help="Compare the images with each other too; name pairs and groups.")
    ] = False,
    other: Annotated[
        str | None, typer.Option("--with", metavar="FILE", help="Compare with this file alone; no database is needed.")
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            metavar="VERDICTS",
            help="End with exit code 3 where an image is one of these, such as copy,derivative,unsure.",
        ),
    ] = None,
    explain: Annotated[
        Path | None, typer.Option(parser=a_path, metavar="FILE.html", help="Show why, in one page with pictures.")
    ] = None,
    web: Web = False,
    sense: Annotated[bool, typer.Option("--sense", help="Print exactly Sense's object, one per line.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Tell how rare images are among all that are registered; nothing is registered."""
    from gistchain.image import start_reading
    from gistchain.pipeline import each
    from gistchain.systems import begin_loading

    _check_forms(sense, as_json, among, other, web)
    unwanted = _verdicts(fail_on)
    settings = load(ctx.params)
    check_stdin([*images, *([] if other is None else [other])])
    if explain is not None:
        check_writable(explain)
    start_reading()
    quiet, failed, found = as_json or sense, False, False
    beside = None if other is None else read(other)
    cards: list[dict[str, Any]] = []
    doubts: set[str] = set()
    with (
        begin_loading(),
        _judges(settings, among, beside) as (judge, others),
        _tokens(settings, beside) as tokens,
    ):
        if beside is None:
            _warn(nothing_words(len(judge.store), settings.home), doubts)
        sources = progress(expanded(images, skipped(as_json)), "checking", quiet)
        for source, result in each(sources, lambda source: _checked(judge, others, beside, tokens, read(source), web)):
            if isinstance(result, GistchainError):
                failed = True
                failure(source, result, quiet)
                continue
            found |= bool(unwanted & _said(result))
            _warn(result.rareness.doubt or doubt_words(result.rareness.lacking), doubts)
            failed |= bool(unwanted) and result.rareness.doubt is not None  # a copy may well be an "original" here
            _print_checked(result, sense, as_json)
            if explain is not None:
                cards += _cards(result)
        if others is not None:
            answer(others, groups_json, groups_text, as_json)
    if explain is not None and cards:
        _write_page(explain, cards)
    if failed or found:
        raise typer.Exit(1 if failed else FOUND)


def _warn(doubt: str, said: set[str]) -> None:
    """Say once, and before the results that it is about, what they leave out: --sense has no field for it."""
    if doubt and doubt not in said:
        said.add(doubt)
        say(printable(f"gistchain: {doubt}"), err=True)


def _check_forms(sense: bool, as_json: bool, among: bool, other: str | None, web: bool) -> None:
    if sense and as_json:
        raise SettingError("--json and --sense are two forms of the answer: choose one")
    if among and sense:
        raise SettingError("--sense has no words for --among: take --json")
    if other is not None and (among or web):
        raise SettingError("--with compares two files and nothing else: leave out --among and --web")


def _verdicts(words: str | None) -> set[str]:
    """The verdicts that were named, separated by commas. Raises SettingError for what is none."""
    wanted = set() if words is None else {word.strip() for word in words.split(",")}
    if unknown := wanted - set(get_args(Verdict)):
        raise SettingError(
            f"--fail-on {words}: {sorted(unknown)[0]!r} is not a verdict; give some of {', '.join(get_args(Verdict))}"
        )
    return wanted


@contextmanager
def _judges(settings: Settings, among: bool, other: Picture | None) -> Iterator[tuple[Checker, Among | None]]:
    """(what tells how rare an image is, what compares the images with each other, if that is wanted)."""
    from gistchain.systems import checker

    if other is not None:
        from gistchain.rareness.among import beside

        # The other file alone, in a folder that is deleted: the home need not have a database.
        with TemporaryDirectory() as folder, beside(checker(settings, folder=Path(folder)), [other]) as judge:
            yield judge, None
    elif among:
        from gistchain.rareness.among import Among

        judge = checker(settings)
        with Among(judge) as others:
            yield judge, others
    else:
        yield checker(settings), None


@contextmanager
def _tokens(settings: Settings, other: Picture | None) -> Iterator[Tokens]:
    """Which tokens the home's own chain has for an image file, or the chain at --rpc as far as it was followed.

    One that can't be read is complained about.
    """
    from gistchain.ledger.followed import Followed
    from gistchain.ledger.snapshot import Snapshot

    if other is not None:
        yield lambda image_sha3_256: ()
        return
    try:
        chain = Followed(settings.home) if settings.rpc else Snapshot(settings.home)
    except GistchainError as error:
        complain(error)
        yield lambda image_sha3_256: ()
        return
    with chain:
        yield chain.all_for if isinstance(chain, Snapshot) else _followed(settings, chain)


def _followed(settings: Settings, kept: Followed) -> Tokens:
    from gistchain.ledger.dialled import public_name

    names = {kept.registry_of(public_name(url)[1]) for url in settings.endpoints} - {None}
    return lambda image: tuple(sorted({token for name in names if name for token in kept.all_for(name, image)}))


def _checked(
    judge: Checker, others: Among | None, other: Picture | None, tokens: Tokens, picture: Picture, web: bool
) -> Checked:
    rareness = judge.check(picture, web=web)
    if other is not None:
        from gistchain.rareness.among import other_way

        back = other_way(judge, picture, rareness, other)
        return Checked(picture, rareness, other=other.name, other_way=back)
    among = None if others is None else others.add(picture, rareness)
    return Checked(picture, rareness, among, tokens=tokens(picture.sha3_256))


def _said(checked: Checked) -> set[str]:
    """The verdicts on an image."""
    more = (more for more in (checked.among, checked.other_way) if more is not None)
    return {checked.rareness.verdict, *(rareness.verdict for rareness in more)}


def _print_checked(checked: Checked, sense: bool, as_json: bool) -> None:
    from gistchain.rareness.service.sense import sense as sense_json

    if sense:
        print_json(sense_json(checked.picture.sha3_256, checked.rareness))
    else:
        answer(checked, checked_json, checked_text, as_json)


def _cards(checked: Checked) -> list[dict[str, Any]]:
    """What the page shows of an image: beside the registered ones, and beside the one it was made from among these."""
    from gistchain.rareness.explain import card

    cards = [card(checked.picture, checked.rareness)]
    if checked.among is not None and checked.among.verdict in TOLD:
        cards.append(card(checked.picture, checked.among))
    return cards


def _write_page(path: Path, cards: Sequence[dict[str, Any]]) -> None:
    from gistchain.rareness.explain import page

    write_whole(path, page(cards).encode())
    say(f"explained: {path.resolve()}", err=True)


def watch(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(parser=a_path, help="Folder that images are put into.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            parser=a_path,
            help="Folder of results.  [default: dupe_detection_output_files beside FOLDER]",
            show_default=False,
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
    settings = load(ctx.params)
    judge = checker(settings)
    _warn(nothing_words(len(judge.store), settings.home), set())
    with _until_interrupted() as stop:
        if not once:
            say(f"watching {folder}; Ctrl-C ends it after the image in work", err=True)
        for event in watching(
            folder, lambda picture: judge.check(picture, web=web), output=output, once=once,
            settle_s=settle, timeout_s=patient, stop=stop,
        ):  # fmt: skip
            good &= event.kind in ("written", "known")
            if as_json:
                print_json(event_json(event))
            elif event.path is None:
                say(printable(f"gistchain: {event.text}"), err=True)
            else:
                say(event_text(event, event.path))
    if once and not good:
        raise typer.Exit(1)


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
