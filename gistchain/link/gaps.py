"""Bits and uses of a block -> dB that its code needs more than the normal approximation.

Measured at 1% of blocks lost on AWGN, by `python -m benchmarks.link_predict`; `python -m benchmarks.link_predict_fit`
prints the table. Between its points the gap is in proportion to the logarithms of the bits and of the bits a use,
beyond them it is that of the nearest point.
"""

from __future__ import annotations

import bisect
import functools
import math
from collections.abc import Sequence

from gistchain.link.blockcode import BlockCode
from gistchain.types import ModulationName

Gaps = dict[ModulationName, dict[float, dict[int, float]]]
"""By modulation, bits a use, and bits of a block, or of each segment of a long one."""

GAPS_DB: Gaps = {
    "qpsk": {
        0.1: {56: -0.24, 80: 0.19, 120: 0.52, 200: 0.77, 280: 1.19, 360: 1.36, 400: 1.67}
        | {408: 1.15, 640: 1.14, 1000: 1.07, 2000: 1.03},
        0.25: {56: -0.32, 80: -0.02, 120: 0.24, 200: 0.73, 280: 1.01, 360: 1.27, 400: 1.46}
        | {408: 0.99, 640: 0.87, 1000: 0.88, 2000: 0.81, 2800: 0.78},
        0.6: {56: -0.43, 80: 0.05, 120: 0.26, 200: 0.44, 280: 0.48, 360: 0.91, 400: 1.05}
        | {408: 0.76, 640: 0.65, 1000: 0.67, 2000: 0.54, 4000: 0.61, 6667: 0.62, 8400: 0.67},
        1.05: {56: -0.53, 80: -0.12, 120: 0.17, 200: 0.53, 280: 0.43, 360: 0.67, 400: 0.54}
        | {408: 0.82, 640: 0.69, 1000: 0.6, 2000: 0.52, 4000: 0.5, 6667: 0.47, 8400: 0.49},
    },
    "16qam": {
        1.15: {56: 0.09, 80: 0.47, 120: 0.9, 200: 1.03, 280: 0.96, 360: 1.54, 400: 1.6}
        | {408: 1.3, 640: 1.26, 1000: 1.22, 2000: 1.11, 4000: 1.27, 6667: 1.21, 8400: 1.21},
        1.4: {56: 0.09, 80: 0.47, 120: 0.94, 200: 1.02, 280: 0.95, 360: 0.91, 400: 1.19}
        | {408: 1.16, 640: 1.24, 1000: 1.12, 2000: 1.04, 4000: 1.07, 6667: 1.0, 8400: 1.01},
        2.5: {56: -0.66, 80: -0.5, 120: -0.03, 200: 0.3, 280: 0.44, 360: 0.65, 400: 0.6}
        | {408: 0.87, 640: 0.77, 1000: 0.71, 2000: 0.64, 4000: 0.64, 6667: 0.59, 8400: 0.53},
    },
    "64qam": {
        2.7: {56: -0.14, 80: 0.63, 120: 1.09, 200: 1.32, 280: 1.75, 360: 1.66, 400: 1.44}
        | {408: 1.35, 640: 1.32, 1000: 1.33, 2000: 1.15, 4000: 1.33, 6667: 1.24, 8400: 1.28},
        4.0: {56: -1.17, 80: -0.65, 120: -0.19, 200: 0.27, 280: 0.22, 360: 0.94, 400: 0.89}
        | {408: 1.01, 640: 1.03, 1000: 0.96, 2000: 0.83, 4000: 0.8, 6667: 0.74, 8400: 0.64},
        4.4: {80: -0.84, 120: -0.41}
        | {},
    },
    "256qam": {
        4.4: {56: -0.63, 200: 1.42, 280: 1.18, 360: 2.03, 400: 2.08}
        | {408: 1.69, 640: 1.58, 1000: 1.38, 2000: 1.35, 4000: 1.3, 6667: 1.35, 8400: 1.25},
        5.2: {56: -0.9, 80: -0.51, 120: 0.17, 200: 0.75, 280: 0.69, 360: 1.44, 400: 1.37}
        | {408: 1.32, 640: 1.25, 1000: 1.25, 2000: 1.16, 4000: 0.91, 6667: 0.91, 8400: 0.86},
        6.0: {56: -1.4, 80: -1.16, 120: -0.54, 200: 0.26, 280: 0.4, 360: 0.22, 400: 0.74}
        | {408: 1.2, 640: 0.8, 1000: 0.83, 2000: 0.79, 4000: 0.75, 6667: 0.68, 8400: 0.57},
        7.0: {56: -2.44, 80: -1.68, 120: -1.01, 200: -0.74, 280: -0.23, 360: 0.07, 400: 0.05}
        | {408: 1.0, 640: 0.86, 1000: 0.76, 2000: 0.63, 4000: 0.6, 6667: 0.49, 8400: 0.51},
    },
}  # fmt: skip


@functools.lru_cache(1 << 14)
def gap_db(bits: int, uses: int) -> float:
    """Of a block of so many bits in so many uses. Raises LinkError for bits that don't fit."""
    code = BlockCode(bits, uses)
    lines = GAPS_DB[code.modulation]
    each = [_between(list(line), list(line.values()), bits / code.segments) for line in lines.values()]
    return _between(list(lines), each, bits / uses)


def _between(places: Sequence[float], values: Sequence[float], place: float) -> float:
    """In proportion to the logarithm of the place; at the ends the nearest value."""
    above = bisect.bisect_left(places, place)
    if above in (0, len(places)):
        return values[min(above, len(places) - 1)]
    low, high = places[above - 1], places[above]
    share = math.log(place / low) / math.log(high / low)
    return values[above - 1] + share * (values[above] - values[above - 1])
