"""The demo: real NFTs through a chain as a sentence, and beside them the classical formats on the same chain."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from gistchain.collection.known import dicebear, nouns, punks
from gistchain.demo.comparison import GIST, Cost, Row, Sample, ablation, cost_of_gist, row, send, store
from gistchain.disk.write import check_writable, write_whole
from gistchain.errors import AlreadyRegistered, CaptionError, ModelError
from gistchain.image import read_image, write_png
from gistchain.pipeline import Registry
from gistchain.score.storage import CODECS
from gistchain.text import printable
from gistchain.types import Picture, Pixels

if TYPE_CHECKING:
    from rich.table import Table

    from gistchain.ledger.evm import EvmLedger
    from gistchain.systems import Rosis
    from gistchain.types import Captioner

SIZE = 512


def run(*, report: Path, results: Path | None, images: int, home: Path | None, as_json: bool) -> None:
    """Registers, rebuilds, compares; prints the table and writes the report and, where asked, the figures."""
    from gistchain.demo.report import write_report
    from gistchain.ledger.evm import open_embedded
    from gistchain.models.traitnet.captioner import TraitCaptioner
    from gistchain.systems import rosis

    for path in (report, results):
        if path is not None:
            check_writable(path)
    started = time.perf_counter()
    system, second = rosis(), TraitCaptioner("captioner-second")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_embedded(home or Path(folder) / "home") as ledger,
    ):
        # Without rareness: the figures are of the gist alone.
        registry = Registry(ledger, system)
        sent = _send_all(registry, ledger, Path(folder), images)
    if not sent.samples:
        raise CaptionError("none of the images could be sent: " + "; ".join(sent.left_out[:3]))
    compared = _compare(sent, system, second, images, started)
    write_report(report, sent.samples, compared.rows, compared.choices, compared.facts)
    if results is not None:
        write_whole(results, (json.dumps(compared.figures, indent=1) + "\n").encode())
    if as_json:
        typer.echo(json.dumps(compared.figures))
    else:
        _print(compared)
    typer.echo(printable(f"report: {report.resolve()}"), err=True)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """All the way: the samples, for every method each image's cost, and what was left out and why."""

    samples: list[Sample]
    costs: dict[str, list[Cost]]
    left_out: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """What came of it. figures: all of it, as it is kept in benchmarks/results."""

    rows: list[Row]
    choices: list[dict[str, Any]]
    facts: dict[str, Any]
    figures: dict[str, Any]


def _compare(sent: Outcome, system: Rosis, second: Captioner, images: int, started: float) -> Compared:
    captioners, embedder = (system.captioner, second), system.embedder
    rows = [row(m, sent.samples, sent.costs[m], captioners=captioners, embedder=embedder) for m in sent.costs]
    choices = ablation(sent.samples, second=second, embedder=embedder)
    facts = {
        "images": len(sent.samples),
        "collections": _by_collection(sent.samples),
        "left_out": sent.left_out,
        "seeds": len(sent.samples[0].rebuilt.isotopes),
        "models": "captioner-default, painter-*, minilm; scored also by captioner-second",
        "seconds": round(time.perf_counter() - started, 1),
    }
    figures = {
        "command": f"gistchain demo --images {images}",
        "data": "held-out tokens at 512 px; see docs/data.md",
        "facts": facts,
        "table": [asdict(r) for r in rows],
        "ablation": choices,
    }
    return Compared(rows, choices, facts, figures)


def held_out(images: int) -> Iterator[tuple[str, Pixels]]:
    """Names and images that no model has seen: half punks, a quarter Nouns, the rest from four DiceBear styles.

    Raises ModelError, after those that can be had, where a package is missing.
    """
    quarter = images // 4
    missing: ModelError | None = None
    try:
        every = punks.tokens()
        step = len(punks.HELD_OUT) // (images - 2 * quarter)
        for k in range(images - 2 * quarter):
            index = punks.HELD_OUT.start + k * step
            yield every.names[index], every.image(index)
    except ModelError as error:
        missing = error
    picked = nouns.tokens(nouns.sample(quarter, rng=np.random.default_rng(1), held=True))
    for k in range(quarter):
        yield picked.names[k], picked.image(k)
    for k in range(quarter):
        style, seed = dicebear.STYLES[k % len(dicebear.STYLES)], f"heldout-{k // len(dicebear.STYLES)}"
        drawn = dicebear.tokens(style, [seed], size=SIZE)
        yield drawn.names[0], drawn.image(0)
    if missing is not None:
        raise missing


def _send_all(registry: Registry, ledger: EvmLedger, folder: Path, images: int) -> Outcome:
    from rich.console import Console
    from rich.progress import track

    from gistchain.ledger.archive import deploy_archive

    archive = deploy_archive(ledger)
    sent = Outcome([], {name: [] for name in (*CODECS, GIST)}, [])
    console = Console(stderr=True)
    for name, image in track(
        _until_missing(images, sent.left_out), "sending", total=images, console=console, transient=True
    ):
        try:
            sample = send(registry, _as_file(name, image, folder))
        except (CaptionError, AlreadyRegistered) as error:  # unsure and says so, or an earlier demo in this home
            sent.left_out.append(str(error))
            continue
        sent.costs[GIST].append(cost_of_gist(sample))
        for codec in CODECS:
            sent.costs[codec].append(store(ledger, archive, sample, codec))
        sent.samples.append(sample)
    return sent


def _until_missing(images: int, left_out: list[str]) -> Iterator[tuple[str, Pixels]]:
    try:
        yield from held_out(images)
    except ModelError as error:
        left_out.append(str(error))


def _as_file(name: str, image: Pixels, folder: Path) -> Picture:
    """The image as a user has it: a PNG of 512 pixels a side, pixel art enlarged without smoothing."""
    from PIL import Image

    large = Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.NEAREST)
    path = folder / f"{name}.png"
    write_png(np.asarray(large), path)
    return read_image(path, name)


def _by_collection(samples: Sequence[Sample]) -> dict[str, int]:
    subjects = [s.registered.gist.caption.removeprefix("A picture of ").partition(",")[0] for s in samples]
    return {subject: subjects.count(subject) for subject in dict.fromkeys(subjects)}


def _print(compared: Compared) -> None:
    from rich.console import Console

    facts = compared.facts
    console = Console()
    names = ", ".join(f"{n} {c}" for c, n in facts["collections"].items())
    console.print(f"{facts['images']} held-out images: {names}")
    on_chain = _table("On the embedded chain", "method", "F.S. bytes", "gas", "blocks", "TPT s", "mWT ms", "MWT ms")
    back = _table("What comes back", "method", "Dis. mean", "min", "max", "2nd", "SSIM", "TSS s", "TSR s")
    for r in compared.rows:
        style = "bold" if r.method == GIST else None
        waits = f"{r.tpt_s:.2f}", f"{1000 * r.mwt_s:.0f}", f"{1000 * r.max_wt_s:.0f}"
        on_chain.add_row(r.method, f"{r.stored_bytes:,}", f"{r.gas:,}", str(r.blocks), *waits, style=style)
        distances = f"{r.dis_mean:.4f}", f"{r.dis_min:.3f}", f"{r.dis_max:.3f}", f"{r.dis_second_captioner:.4f}"
        times = (f"{r.tss_s:.3f}", f"{r.tsr_s:.3f}") if r.tss_s else ("-", "-")
        back.add_row(r.method, *distances, f"{r.ssim_mean:.3f}", *times, style=style)
    which = _table(f"Which of {facts['seeds']} isotopes", "choice", "Dis. mean", "min", "max", "2nd captioner", "SSIM")
    for a in compared.choices:
        numbers = [f"{a[k]:.4f}" for k in ("dis_mean", "dis_min", "dis_max", "dis_second_captioner", "ssim_mean")]
        which.add_row(a["choice"], *numbers)
    for table in (on_chain, back, which):
        console.print(table)
    for reason in facts["left_out"]:
        console.print(f"left out: {reason}", style="yellow")


def _table(title: str, first: str, *others: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
