"""`gistchain link compare`: several systems over the same noise, and one page that compares them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from gistchain.cli.options import Captioner, Home, Json, Painter
from gistchain.cli.radio import Budget, Channel, Pilots, spare
from gistchain.cli.sources import expanded, read
from gistchain.cli.terminal import answer, counted, failure, print_json, say, skipped
from gistchain.cli.usage import a_path
from gistchain.errors import CaptionError, ImageError, SettingError
from gistchain.settings import load
from gistchain.types import ChannelName, SenderName

if TYPE_CHECKING:
    from gistchain.answers.compared import Comparison
    from gistchain.sending.adaptive import PreparedGist
    from gistchain.sending.compare import OpenLink, Terms
    from gistchain.systems import Rosis
    from gistchain.types import Link, Picture, Sender

_MOST_SNRS = 100
_MOST_BUDGETS = 12
_MOST_STRENGTHS = 12
_MOST_USES = 1 << 20
_RESTART_SNRS = 5
_OURS = "gist"
_RESTARTED, _RESTARTS = "img2img_sc_analogue", "0,0.25,0.5,0.75,1"
_SYSTEMS = "gist", "text_coded", "text_only", "image_ldpc"
_QUICK_IMAGES = 4
_SNRS, _QUICK_SNRS = "-5:20:2.5", "-5,0,5,10,20"


def compare(
    ctx: typer.Context,
    images: Annotated[list[str], typer.Argument(help="Image files or folders.", show_default=False)],
    snrs_db: Annotated[
        str | None,
        typer.Option(
            "--snr-db",
            metavar="FROM:TO:STEP",
            help="Es/N0 in dB: one, several with commas, or a range.  [default: -5:20:2.5]",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", parser=a_path, help="The page.  [default: compare.html]")
    ] = None,
    systems: Annotated[
        list[str] | None,
        typer.Option(
            "--system",
            metavar="NAME",
            help=f"Again for each: {', '.join(get_args(SenderName))}.  [default: {', '.join(_SYSTEMS)}]",
        ),
    ] = None,
    channel: Channel = "awgn",
    budget: Budget = 1024,
    budgets: Annotated[
        str | None,
        typer.Option(
            metavar="USES,...",
            help="Further budgets, for the curve against channel uses; '' for no curve.  [default: a quarter and four "
            "times --budget]",
        ),
    ] = None,
    at_db: Annotated[
        float | None, typer.Option(help="SNR of that curve.  [default: that nearest to the middle of --snr-db]")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, max=100, help="How often each picture is sent, with other noise.  [default: 3]")
    ] = None,
    block_runs: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=100_000,
            help="How often the blocks of gist are sent to count the lost ones; 0 leaves that out.  [default: 200]",
        ),
    ] = None,
    restart: Annotated[
        str | None,
        typer.Option(
            metavar="STRENGTH,...",
            help=f"Of the first image, by {_RESTARTED}: how much of what arrived is painted anew, from 0 to 1; ''"
            f" leaves that out.  [default: {_RESTARTS}]",
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="A first look: 4 images, and by default 5 SNRs, 1 seed, 50 block runs.", show_default=False
        ),
    ] = False,
    pilots: Pilots = 0,
    captioner: Captioner = None,
    painter: Painter = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Send images by several systems over the same noise at several SNRs, and write one page that compares them."""
    from gistchain.answers.compared import compared_json, compared_page, compared_text
    from gistchain.disk.write import check_writable, write_whole
    from gistchain.link.channel import open_link
    from gistchain.senders import sender
    from gistchain.systems import rosis

    place = output or Path("compare.html")
    if place.suffix.lower() not in (".html", ".htm"):
        raise SettingError(f"{place} is no name of a page: give one that ends in .html")
    check_writable(place)
    default = _QUICK_SNRS if quick else _SNRS
    terms = _terms(
        channel, numbers(default if snrs_db is None else snrs_db, "--snr-db"), budget, budgets, at_db,
        seeds or (1 if quick else 3), pilots,
    )  # fmt: skip

    def link(snr_db: float) -> Link:
        return open_link(channel, snr_db, pilots=pilots)

    for snr_db, _ in terms.points:
        link(snr_db)  # what can't be used is told before the work
    models = rosis(load(ctx.params))
    named = {name: sender(name, system=models) for name in systems or _SYSTEMS}
    restarts = _restarting(restart, models)
    pictures, failed = _pictures(images, place, _QUICK_IMAGES if quick else None, as_json)
    runs = block_runs if block_runs is not None else 50 if quick else 200
    made = _made(pictures, named, terms, link, runs, restarts, models, as_json)
    write_whole(place, compared_page(made).encode())
    answer(
        made,
        compared_json,
        lambda done: f"{compared_text(done)}\n{place}",
        as_json,
        done=f"the page is {place}",
    )
    if failed:
        raise typer.Exit(1)


def numbers(text: str, option: str, most: int = _MOST_SNRS) -> list[float]:
    """Those of "-5:20:2.5", "0,5,10" or "3". Raises SettingError for anything else, and for more than `most`."""
    try:
        if ":" in text:
            first, last, step = map(float, text.split(":"))
            count = int((last - first) / step + 1e-9) + 1
            found = [first + k * step for k in range(count)] if 0 < count <= most else []
        else:
            found = [float(part) for part in text.split(",")]
    except (ValueError, ZeroDivisionError, OverflowError):
        found = []
    if not 0 < len(found) <= most:
        raise SettingError(
            f"{option} {text!r} can't be read: give a number, several with commas, or FROM:TO:STEP, at most {most} of "
            "them"
        )
    return list(dict.fromkeys(found))


def uses(text: str) -> list[int]:
    """The budgets of a list; none of "". Raises SettingError for what is no whole number of uses."""
    found = numbers(text, "--budgets", _MOST_BUDGETS) if text else []
    for value in found:
        if not (1 <= value <= _MOST_USES and value == int(value)):
            raise SettingError(f"--budgets: {value:g} can't be used: give whole numbers from 1 to {_MOST_USES:,}")
    return [int(value) for value in found]


def strengths(text: str) -> list[float]:
    """Those of a list; none of "". Raises SettingError for what does not lie from 0 to 1."""
    found = numbers(text, "--restart", _MOST_STRENGTHS) if text else []
    for value in found:
        if not 0 <= value <= 1:
            raise SettingError(f"--restart: a strength of {value:g} can't be: give numbers from 0 to 1")
    return found


def _restarting(given: str | None, models: Rosis) -> list[float]:
    """The strengths; none by default where the painter can't go on from a latent, which is said."""
    from gistchain.senders import sender

    wanted = strengths(_RESTARTS if given is None else given)
    try:
        for strength in wanted[:1]:
            sender(_RESTARTED, strength=strength, system=models)
    except SettingError as error:
        if given is not None:
            raise
        say(f"gistchain: the page has no restarts: {error}", err=True)
        return []
    return wanted


def _terms(
    channel: ChannelName, snrs_db: Sequence[float], budget: int, budgets: str | None, at_db: float | None, seeds: int,
    pilots: int,
) -> Terms:  # fmt: skip
    from gistchain.link.snr import noise_density
    from gistchain.sending.compare import Terms

    further = uses(budgets) if budgets is not None else [max(1, budget // 4), min(_MOST_USES, 4 * budget)]
    middle = (min(snrs_db) + max(snrs_db)) / 2
    at = min(snrs_db, key=lambda snr_db: abs(snr_db - middle)) if at_db is None else at_db
    noise_density(at)  # what can't be used is refused
    return Terms(channel, tuple(snrs_db), budget, at, tuple(further), seeds, pilots)


def _pictures(images: Sequence[str], place: Path, most: int | None, as_json: bool) -> tuple[list[Picture], bool]:
    """(those that can be read, at most so many; whether any can't). Ends the program where none can."""
    from gistchain.image.reading import start_reading

    start_reading()
    sources = expanded(images, skipped(as_json))
    spare(sources, place)
    pictures: list[Picture] = []
    failed = False
    for number, source in enumerate(sources):
        if len(pictures) == most:
            _left_out(sources[number:], as_json)
            break
        try:
            pictures.append(read(source))
        except ImageError as error:
            failed = True
            failure(source, error, as_json)
    if not pictures:
        raise typer.Exit(1)
    return pictures, failed


def _left_out(sources: Sequence[str | Path], as_json: bool) -> None:
    say(f"gistchain: --quick leaves out {', '.join(map(str, sources))}", err=True)
    for source in sources if as_json else ():
        print_json({"image": str(source), "skipped": f"--quick takes {_QUICK_IMAGES} images"})


def _made(
    pictures: Sequence[Picture], named: dict[str, Sender], terms: Terms, link: OpenLink, runs: int,
    restarts: Sequence[float], models: Rosis, as_json: bool,
) -> Comparison:  # fmt: skip
    """Everything that the page shows."""
    from gistchain.answers.compared import Comparison
    from gistchain.senders import sender
    from gistchain.sending.compare import compared
    from gistchain.sending.losses import losses
    from gistchain.sending.restart import few, restarted
    from gistchain.systems import fidelity

    ours = _prepared(named.get(_OURS), pictures[0]) if runs else None
    lost = [] if ours is None else list(
        counted(losses(ours, terms, link=link, runs=runs), len(terms.snrs_db), "counting lost blocks", as_json)
    )  # fmt: skip
    ready = {} if ours is None else {_OURS: ours}
    total = len(pictures) * len(named) * len(terms.points) * terms.seeds
    rows = compared(pictures, named, terms, link=link, fidelity=fidelity, ready=ready)
    made = list(counted(rows, total, "sending", as_json))
    some = few(terms.snrs_db, _RESTART_SNRS)
    again = restarted(
        pictures[0], lambda strength: sender(_RESTARTED, strength=strength, system=models), restarts, terms,
        snrs_db=some, link=link, fidelity=fidelity,
    )  # fmt: skip
    return Comparison(terms, made, lost, list(counted(again, len(restarts) * len(some), "restarting", as_json)))


def _prepared(sender: Sender | None, picture: Picture) -> PreparedGist | None:
    """The picture as our own sender has it; None where that is not asked for, or can't have it."""
    from gistchain.sending.adaptive import Adaptive

    try:
        return sender.prepare(picture) if isinstance(sender, Adaptive) else None
    except CaptionError:
        return None
