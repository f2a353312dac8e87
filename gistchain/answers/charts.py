"""Lines of measured points -> where a template draws them, in pixels of an SVG.

Values come on a linear scale: who wants a logarithmic one gives logarithms and says so in the ticks. Colours are names
of classes of the page's style, which has them for light and dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

WIDTH, HEIGHT = 860, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, WIDTH - 20, 26, HEIGHT - 52
_APART = 34
"""Pixels from one tick of the x axis to the next that has words."""


@dataclass(frozen=True, slots=True)
class Point:
    """low, high: ends of its interval. limit: nothing is known but that it lies below `high`."""

    x: float
    y: float
    low: float
    high: float
    words: str = ""
    limit: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """points: from left to right; None leaves a gap. look: a curve with its interval as an area, points with theirs as
    whiskers, or a line of what was worked out. shift: pixels to the right, so that marks don't lie on one another."""

    name: str
    colour: str
    points: Sequence[Point | None]
    look: Literal["area", "whiskers", "dashed", "dotted"] = "area"
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Axis:
    """first, last: the values at its ends. ticks: value and words of each."""

    title: str
    first: float
    last: float
    ticks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        return (value - self.first) / (self.last - self.first)


def chart(name: str, lines: Sequence[Line], x: Axis, y: Axis) -> dict[str, Any]:
    """name: what the chart shows, for those who can't see it and, as an id, for its clip path."""

    def at(point: Point, value: float, shift: float) -> tuple[float, float]:
        across = _LEFT + x.share(point.x) * (_RIGHT - _LEFT) + shift
        return round(across, 1), round(_BOTTOM - y.share(max(value, y.first)) * (_BOTTOM - _TOP), 1)

    def free(point: Point, value: float) -> str:
        across, _ = at(point, value, 0.0)
        return f"{across},{_BOTTOM - y.share(value) * (_BOTTOM - _TOP):.1f}"

    def drawn(line: Line) -> dict[str, Any]:
        runs = list(_runs(line.points))
        seen = [point for run in runs for point in run]
        marked = line.look in ("area", "whiskers")
        return {
            "colour": line.colour,
            "look": line.look,
            "lines": [" ".join(free(p, p.y) for p in run) for run in runs] if line.look != "whiskers" else [],
            "areas": [_area(run, free) for run in runs] if line.look == "area" else [],
            "dots": [(*at(p, p.y, line.shift), p.words) for p in seen if marked and not p.limit],
            "limits": [(*at(p, p.high, line.shift), p.words) for p in seen if p.limit],
            "whiskers": [
                (at(p, p.low, line.shift)[0], at(p, p.low, 0)[1], at(p, p.high, 0)[1])
                for p in seen
                if line.look == "whiskers" and not p.limit
            ],
        }

    return {
        "name": name,
        "id": "".join(letter for letter in name.lower() if letter.isalnum()),
        # The first line lies on top, and what it hides stands out a little on both sides.
        "lines": [{**drawn(line), "width": 2 + 0.8 * min(number, 4)} for number, line in enumerate(lines)][::-1],
        "key": list(dict.fromkeys((line.colour, line.name) for line in lines)),
        "x_title": x.title,
        "y_title": y.title,
        "x_ticks": _apart([(_LEFT + x.share(value) * (_RIGHT - _LEFT), words) for value, words in x.ticks]),
        "y_ticks": [(_BOTTOM - y.share(value) * (_BOTTOM - _TOP), words) for value, words in y.ticks],
        "box": {"left": _LEFT, "right": _RIGHT, "top": _TOP, "bottom": _BOTTOM, "width": WIDTH, "height": HEIGHT},
    }


def snr_axis(snrs_db: Sequence[float]) -> Axis:
    first, last = snrs_db[0], snrs_db[-1]
    if first == last:
        first, last = first - 1, last + 1
    return Axis("SNR (Es/N0), dB", first, last, [(snr, f"{snr:g}") for snr in snrs_db])


def _runs(points: Sequence[Point | None]) -> Iterator[list[Point]]:
    """The parts between the gaps."""
    run: list[Point] = []
    for point in (*points, None):
        if point is not None:
            run.append(point)
        elif run:
            yield run
            run = []


def _area(run: Sequence[Point], place: Any) -> str:
    return " ".join([*(place(p, p.high) for p in run), *(place(p, p.low) for p in reversed(run))])


def _apart(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Those whose words don't touch."""
    kept: list[tuple[float, str]] = []
    for place, words in ticks:
        if not kept or place - kept[-1][0] >= _APART:
            kept.append((round(place, 1), words))
    return kept
