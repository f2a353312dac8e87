"""One image all the way, and beside it the classical formats on the same chain -> the figures of S0.8.

The rivals are those of S0.9 (and AVIF), in base64 parts of 100 KB (S0.5). Every distance is scored twice: by the
captioner that chose the isotope, and by a second one with other weights (T0.7).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gistchain.rebuild.isotope import caption_distances
from gistchain.score.fidelity import ssim
from gistchain.score.storage import CODECS, decode, encode
from gistchain.types import Pixels, Rebuilt

if TYPE_CHECKING:
    from gistchain.ledger.evm import EvmLedger
    from gistchain.pipeline import Registered, Registry
    from gistchain.types import Captioner, Picture, TextEmbedder

GIST = "gist (ROSIS)"


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One image all the way: registered, rebuilt, and what the rivals made of it."""

    registered: Registered
    rebuilt: Rebuilt
    rebuilding_s: float
    rivals: dict[str, Pixels]


@dataclass(frozen=True, slots=True)
class Cost:
    """What the chain took for one image; seconds from sending the first transaction to the last one's block."""

    size_bytes: int
    gas: int
    blocks: int
    seconds: float


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


def send(registry: Registry, picture: Picture) -> Sample:
    """Raises CaptionError where the captioner is not sure of the picture: then nothing was registered."""
    registered = registry.register(picture)
    started = time.perf_counter()
    rebuilt = registry.rebuild(registered.token)
    rebuilding_s = time.perf_counter() - started
    rivals = {codec: decode(encode(picture.pixels, codec)) for codec in CODECS}
    return Sample(registered, rebuilt, rebuilding_s, rivals)


def cost_of_gist(sample: Sample) -> Cost:
    receipt = sample.registered.receipt
    return Cost(receipt.size_bytes, receipt.gas, 1, sample.registered.persisting_s)


def store(ledger: EvmLedger, archive: str, sample: Sample, codec: str) -> Cost:
    """What it cost to put the image on the chain in a classical format."""
    from gistchain.ledger.archive import put_file

    data = encode(sample.registered.picture.pixels, codec)
    started = time.perf_counter()
    parts = put_file(ledger, archive, data)
    seconds = time.perf_counter() - started
    return Cost(sum(p.size_bytes for p in parts), sum(p.gas for p in parts), len({p.block for p in parts}), seconds)


def row(
    method: str,
    samples: Sequence[Sample],
    costs: Sequence[Cost],
    *,
    captioners: tuple[Captioner, Captioner],
    embedder: TextEmbedder,
) -> Row:
    """One line of the comparison; captioners: the one that chose the isotopes, and one that did not."""
    first, second = captioners
    images = [s.rebuilt.chosen.image if method == GIST else s.rivals[method] for s in samples]
    distances = [_distance(s, i, first, embedder) for s, i in zip(samples, images, strict=True)]
    seen_again = [_distance(s, i, second, embedder) for s, i in zip(samples, images, strict=True)]
    waits = [c.seconds for c in costs]
    gist = method == GIST
    return Row(
        method=method,
        stored_bytes=sum(c.size_bytes for c in costs),
        gas=sum(c.gas for c in costs),
        blocks=sum(c.blocks for c in costs),
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


def ablation(samples: Sequence[Sample], *, second: Captioner, embedder: TextEmbedder) -> list[dict[str, Any]]:
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
