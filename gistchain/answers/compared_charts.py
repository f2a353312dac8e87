"""Means and lost blocks of a comparison -> its three charts; None for one that has nothing to show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gistchain.answers.charts import Axis, Line, Point, chart, snr_axis

if TYPE_CHECKING:
    from gistchain.sending.compare import Mean, Terms
    from gistchain.sending.losses import Loss, Losses

_QUALITY = Axis("mean SSIM", 0.0, 1.0, [(level, f"{level:g}") for level in (0, 0.25, 0.5, 0.75, 1)])
_COLOURS = 10
_SHIFT = 7.0
"""Pixels between the marks of two layers at one SNR."""
_LEAST = 1e-30
_LOWEST = -6
"""Decade that the chart of lost blocks ends with, however little is predicted."""


def against_snr(found: Sequence[Mean], systems: Sequence[str], terms: Terms) -> dict[str, Any]:
    snrs = sorted(terms.snrs_db)
    of = {(mean.system, mean.snr_db): mean for mean in found if mean.budget == terms.budget}
    drawn = [
        _line(system, number, [_point(of[system, snr], snr, f"{snr:g} dB") for snr in snrs])
        for number, system in enumerate(systems)
    ]
    return chart("Quality against SNR", drawn, snr_axis(snrs), _QUALITY)


def against_uses(found: Sequence[Mean], systems: Sequence[str], terms: Terms) -> dict[str, Any] | None:
    """A system has no point where it refused every picture."""
    of = {(mean.system, mean.snr_db, mean.budget): mean for mean in found}
    drawn, taken = [], []
    for number, system in enumerate(systems):
        cells = [of[system, *key] for key in terms.curve]
        points = [
            _point(mean, math.log2(mean.uses), f"{mean.uses:,.0f} of {mean.budget:,} uses")
            for mean in cells
            if mean.uses
        ]
        taken += [point.x for point in points]
        drawn.append(_line(system, number, sorted(points, key=lambda point: point.x)))
    return chart("Quality against channel uses", drawn, _uses_axis(taken), _QUALITY) if taken else None


def block_chart(losses: Sequence[Losses]) -> dict[str, Any] | None:
    """Measured, predicted and bound of each layer by SNR, on a logarithmic axis."""
    found = sorted((one for one in losses if one.blocks), key=lambda one: one.snr_db)
    if not found:
        return None
    names = list(dict.fromkeys(loss.block.layers for one in found for loss in one.blocks))
    drawn = []
    for number, name in enumerate(names):
        mine = [(one.snr_db, next((loss for loss in one.blocks if loss.block.layers == name), None)) for one in found]
        shift = (number - (len(names) - 1) / 2) * _SHIFT
        colour = f"of-{name.split()[0]}"
        drawn += [
            Line(name, colour, [_worked_out(snr, None if x is None else x.bound) for snr, x in mine], "dotted"),
            Line(name, colour, [_worked_out(snr, None if x is None else x.predicted) for snr, x in mine], "dashed"),
            Line(name, colour, [None if x is None else _measured(snr, x) for snr, x in mine], "whiskers", shift),
        ]
    runs = max(loss.sent for one in found for loss in one.blocks)
    least = min(rate for one in found for loss in one.blocks for rate in (loss.predicted, loss.bound or 1))
    lowest = max(_LOWEST, min(-math.ceil(math.log10(runs)) - 1, math.floor(_log(least))))
    ticks = [(power, f"{10.0**power:.{-power}f}" if power > -4 else f"1e{power}") for power in range(lowest, 1)]
    return chart(
        "Lost blocks against SNR", drawn, snr_axis([one.snr_db for one in found]), Axis("share lost", lowest, 0, ticks)
    )


def _line(name: str, number: int, points: Sequence[Point]) -> Line:
    return Line(name, f"c{number % _COLOURS}", points)


def _point(mean: Mean, x: float, where: str) -> Point:
    words = f"{mean.system}, {where}: {mean.fidelity:.3f} [{mean.low:.3f}, {mean.high:.3f}]"
    return Point(x, mean.fidelity, mean.low, mean.high, words)


def _measured(snr_db: float, loss: Loss) -> Point:
    low, high = (_log(edge) for edge in loss.interval)
    words = f"{loss.block.layers}, {snr_db:g} dB: {loss.lost} of {loss.sent} lost"
    return Point(snr_db, _log(loss.rate), low, high, words, limit=not loss.lost)


def _worked_out(snr_db: float, rate: float | None) -> Point | None:
    return None if rate is None else Point(snr_db, _log(rate), _log(rate), _log(rate))


def _log(rate: float) -> float:
    return math.log10(max(rate, _LEAST))


def _uses_axis(taken: Sequence[float]) -> Axis:
    """From one power of two to another. taken: logarithms."""
    first, last = math.floor(min(taken)), math.ceil(max(taken))
    if first == last:
        first, last = first - 1, last + 1
    ticks = [(power, f"{2**power:,}") for power in range(first, last + 1)]
    return Axis("channel uses taken (complex symbols), each tick twice the last", first, last, ticks)
