"""The demo: real NFTs through a chain as a sentence, and beside them the classical formats on the same chain.

Figures are those of S0.8; the rivals those of S0.9 (and AVIF), in base64 parts of 100 KB (S0.5). Every distance is
scored twice: by the captioner that chose the isotope, and by a second one with other weights (T0.7).
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from gistchain.collection import dicebear, nouns, punks
from gistchain.errors import CaptionError, ModelError
from gistchain.image import Picture, read_image, write_png
from gistchain.pipeline import Registered, Registry
from gistchain.rebuild.isotope import Rebuilt, caption_distances
from gistchain.score.fidelity import ssim
from gistchain.score.storage import CODECS, decode, encode
from gistchain.types import Pixels

if TYPE_CHECKING:
    from gistchain.types import Captioner, TextEmbedder

SIZE = 512
GIST = "gist (ROSIS)"


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One image of the demo, all the way: registered, rebuilt, and what the rivals did to it."""

    registered: Registered
    rebuilt: Rebuilt
    rebuilding_s: float
    rivals: dict[str, Pixels]


@dataclass(frozen=True, slots=True)
class Row:
    """One method over all images. Times in seconds; distances are cosine distances of captions in [0, 2]."""

    method: str
    stored_bytes: int
    gas: int
    blocks: int
    tpt_s: float
    mwt_s: float
    wt_s: float
    max_wt_s: float
    dis_mean: float
    dis_min: float
    dis_max: float
    dis_second_captioner: float
    ssim_mean: float
    tss_s: float
    tsr_s: float


def run(*, report: Path, results: Path | None, images: int, home: Path | None, as_json: bool) -> None:
    """Registers, rebuilds, compares; prints the table and writes the report and, where asked, the figures."""
    from gistchain.ledger.evm import open_embedded
    from gistchain.models.captioner import TraitCaptioner
    from gistchain.rareness.gate import Gate
    from gistchain.report import write_report
    from gistchain.systems import rosis

    started = time.perf_counter()
    system, second = rosis(), TraitCaptioner("captioner-second")
    with tempfile.TemporaryDirectory() as folder, nullcontext(home or Path(folder) / "home") as where:
        where.mkdir(parents=True, exist_ok=True)
        with open_embedded(where) as ledger:
            registry = Registry(ledger, Gate(where / "hashes.sqlite"), system)
            samples, costs, skipped = _send_all(registry, Path(folder), images)
    rows = [_row(method, samples, costs[method], system.embedder, second) for method in costs]
    ablation = _ablation(samples, system.embedder, second)
    facts = {
        "images": len(samples),
        "collections": _by_collection(samples),
        "left_out": skipped,
        "seeds": len(samples[0].rebuilt.isotopes),
        "models": "captioner-default, painter-*, minilm; scored also by captioner-second",
        "seconds": round(time.perf_counter() - started, 1),
    }
    figures = {"facts": facts, "table": [asdict(r) for r in rows], "ablation": ablation}
    write_report(report, samples, rows, ablation, facts)
    if results is not None:
        results.parent.mkdir(parents=True, exist_ok=True)
        results.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    if as_json:
        typer.echo(json.dumps(figures))
    else:
        _print(rows, ablation, facts)
    typer.echo(f"report: {report.resolve()}", err=True)


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


def _send_all(
    registry: Registry, folder: Path, images: int
) -> tuple[list[Sample], dict[str, list[dict[str, float]]], list[str]]:
    """(samples, for every method each image's cost, what was left out and why)."""
    from rich.console import Console
    from rich.progress import track

    from gistchain.ledger.archive import deploy_archive

    archive = deploy_archive(registry.ledger.node)
    samples: list[Sample] = []
    costs: dict[str, list[dict[str, float]]] = {name: [] for name in (*CODECS, GIST)}
    skipped: list[str] = []
    console = Console(stderr=True)
    for name, image in track(_until_missing(images, skipped), "sending", total=images, console=console, transient=True):
        try:
            sample = _send(registry, _as_file(name, image, folder))
        except CaptionError as error:  # the captioner owns up to being unsure: nothing was registered
            skipped.append(str(error))
            continue
        receipt = sample.registered.receipt
        costs[GIST].append(
            {"bytes": receipt.size_bytes, "gas": receipt.cost, "blocks": 1, "s": sample.registered.persisting_s}
        )
        for codec in CODECS:
            costs[codec].append(_store(registry, archive, sample, codec))
        samples.append(sample)
    return samples, costs, skipped


def _until_missing(images: int, skipped: list[str]) -> Iterator[tuple[str, Pixels]]:
    try:
        yield from held_out(images)
    except ModelError as error:
        skipped.append(str(error))


def _as_file(name: str, image: Pixels, folder: Path) -> Picture:
    """The image as a user has it: a PNG of 512 pixels a side, pixel art enlarged without smoothing."""
    from PIL import Image

    large = Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.NEAREST)
    path = folder / f"{name}.png"
    write_png(np.asarray(large), path)
    return read_image(path, name)


def _send(registry: Registry, picture: Picture) -> Sample:
    registered = registry.register(picture)
    started = time.perf_counter()
    rebuilt = registry.rebuild(registered.token)
    rebuilding_s = time.perf_counter() - started
    rivals = {codec: decode(encode(picture.pixels, codec)) for codec in CODECS}
    return Sample(registered, rebuilt, rebuilding_s, rivals)


def _store(registry: Registry, archive: str, sample: Sample, codec: str) -> dict[str, float]:
    from gistchain.ledger.archive import put_file

    data = encode(sample.registered.picture.pixels, codec)
    started = time.perf_counter()
    receipts = put_file(registry.ledger.node, archive, data)
    return {
        "bytes": sum(r.size_bytes for r in receipts),
        "gas": sum(r.cost for r in receipts),
        "blocks": len({r.block for r in receipts}),
        "s": time.perf_counter() - started,
    }


def _row(
    method: str, samples: Sequence[Sample], costs: list[dict[str, float]], embedder: TextEmbedder, second: Captioner
) -> Row:
    from gistchain.models.captioner import TraitCaptioner

    first = TraitCaptioner()
    images = [s.rebuilt.chosen.image if method == GIST else s.rivals[method] for s in samples]
    distances = [_distance(s, i, first, embedder) for s, i in zip(samples, images, strict=True)]
    seen_again = [_distance(s, i, second, embedder) for s, i in zip(samples, images, strict=True)]
    waits = [c["s"] for c in costs]
    gist = method == GIST
    return Row(
        method=method,
        stored_bytes=int(sum(c["bytes"] for c in costs)),
        gas=int(sum(c["gas"] for c in costs)),
        blocks=int(sum(c["blocks"] for c in costs)),
        tpt_s=sum(waits),
        mwt_s=min(waits),
        wt_s=statistics.mean(waits),
        max_wt_s=max(waits),
        dis_mean=statistics.mean(distances),
        dis_min=min(distances),
        dis_max=max(distances),
        dis_second_captioner=statistics.mean(seen_again),
        ssim_mean=statistics.mean(ssim(s.registered.picture.pixels, i) for s, i in zip(samples, images, strict=True)),
        tss_s=statistics.mean(s.registered.sampling_s for s in samples) if gist else 0.0,
        tsr_s=statistics.mean(s.rebuilding_s for s in samples) if gist else 0.0,
    )


def _distance(sample: Sample, image: Pixels, captioner: Captioner, embedder: TextEmbedder) -> float:
    """What this captioner reads in the image, against what it reads in the original."""
    original = captioner.caption(sample.registered.picture.pixels).text
    return caption_distances(original, [captioner.caption(image).text], embedder=embedder)[0]


def _ablation(samples: Sequence[Sample], embedder: TextEmbedder, second: Captioner) -> list[dict[str, Any]]:
    """S0.13: the chosen isotope against a random and the worst one, by both captioners."""
    picks = {
        "ROSIS": [s.rebuilt.chosen for s in samples],
        "random": [s.rebuilt.isotopes[0] for s in samples],
        "worst": [max(s.rebuilt.isotopes, key=lambda i: i.distance) for s in samples],
    }
    return [
        {
            "choice": choice,
            "dis_mean": statistics.mean(i.distance for i in isotopes),
            "dis_min": min(i.distance for i in isotopes),
            "dis_max": max(i.distance for i in isotopes),
            "dis_second_captioner": statistics.mean(
                _distance(s, i.image, second, embedder) for s, i in zip(samples, isotopes, strict=True)
            ),
            "ssim_mean": statistics.mean(
                ssim(s.registered.picture.pixels, i.image) for s, i in zip(samples, isotopes, strict=True)
            ),
        }
        for choice, isotopes in picks.items()
    ]


def _by_collection(samples: Sequence[Sample]) -> dict[str, int]:
    subjects = [s.registered.gist.captions[0].removeprefix("A picture of ").partition(",")[0] for s in samples]
    return {subject: subjects.count(subject) for subject in dict.fromkeys(subjects)}


def _print(rows: Sequence[Row], ablation: Sequence[dict[str, Any]], facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    names = ", ".join(f"{n} {c}" for c, n in facts["collections"].items())
    table = Table(title=f"{facts['images']} held-out images ({names}) on the embedded chain", title_justify="left")
    costs = ("F.S. B", "gas", "blocks", "TPT s", "mWT ms", "MWT ms")
    for heading in ("method", *costs, "Dis. mean", "min", "max", "2nd", "SSIM", "TSS s", "TSR s"):
        table.add_column(heading, justify="left" if heading == "method" else "right", no_wrap=True)
    for r in rows:
        table.add_row(
            r.method,
            f"{r.stored_bytes:,}",
            f"{r.gas / 1e6:.1f}m",
            str(r.blocks),
            f"{r.tpt_s:.2f}",
            f"{1000 * r.mwt_s:.0f}",
            f"{1000 * r.max_wt_s:.0f}",
            f"{r.dis_mean:.4f}",
            f"{r.dis_min:.3f}",
            f"{r.dis_max:.3f}",
            f"{r.dis_second_captioner:.4f}",
            f"{r.ssim_mean:.3f}",
            f"{r.tss_s:.3f}" if r.tss_s else "-",
            f"{r.tsr_s:.3f}" if r.tsr_s else "-",
            style="bold" if r.method == GIST else None,
        )
    console.print(table)
    table = Table(title=f"Which of {facts['seeds']} isotopes", title_justify="left")
    for heading in ("choice", "Dis. mean", "min", "max", "2nd captioner", "SSIM"):
        table.add_column(heading, justify="left" if heading == "choice" else "right")
    for a in ablation:
        numbers = [f"{a[k]:.4f}" for k in ("dis_mean", "dis_min", "dis_max", "dis_second_captioner", "ssim_mean")]
        table.add_row(a["choice"], *numbers)
    console.print(table)
    for reason in facts["left_out"]:
        console.print(f"left out: {reason}", style="yellow")
