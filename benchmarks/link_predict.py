"""How often blocks are really lost beside what gistchain/link/predict.py says, and the gaps that it says it by.

    python -m benchmarks.link_predict                  # writes results/link_predict.json; about 20 CPU-minutes
    python -m benchmarks.link_predict --only points    # or: held_out, start, fading, plans

points: the SNR at which 10%, 1% (and 0.1% of short) blocks are lost on AWGN: a probit line through the losses at four
SNRs or more, and its standard error; gap_db: that SNR less the one of the normal approximation (bounds.error_rate_for),
at which a block in segments is lost where one of them is. Sizes and rates of TRAINING were fitted
(benchmarks/link_predict_fit.py); those of HELD_OUT were not.

held_out: of blocks at the SNR where 1% are predicted, how many are lost, by that line. start: the same of the start
words of frames, by another simulation. fading: the same where the gain varies, at the SNR where so many are predicted.
plans: benchmarks/link_predict_plans.py.

A block is lost where the decoder has not found what was sent: what passes a check by chance is not counted.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from benchmarks import report
from benchmarks.link_first import with_wilson
from benchmarks.link_predict_plans import plans
from gistchain.link.blockcode import LIST_SIZES, BlockCode
from gistchain.link.bounds import error_rate_for
from gistchain.link.channel import Awgn, Radio, RayleighBlock, RayleighFast
from gistchain.link.frame import _STARTS_TRIED, START_BITS, _start_code, start_uses
from gistchain.link.predict import clear_db, error_rate, start_error_rate
from gistchain.types import Bits, Segment, SoftValues

Figures = dict[str, Any]
Floats = NDArray[np.float64]
Loss = tuple[float, int, int]
"""SNR in dB, blocks lost, blocks sent."""
Part = tuple[Sequence[int], Sequence[float]]
TRAINING: tuple[Part, ...] = (
    ((56, 80, 120, 200, 280, 360, 400), (0.1, 0.25, 0.6, 1.05, 1.15, 1.4, 2.5, 2.7, 4.0, 4.4, 5.2, 6.0, 7.0)),
    (
        (408, 640, 1000, 2000, 4000, 8400, 20_000),
        (0.1, 0.25, 0.6, 1.05, 1.15, 1.4, 2.5, 2.7, 4.0, 4.4, 5.2, 6.0, 7.0),
    ),
)
HELD_OUT: tuple[Part, ...] = (
    ((64, 96, 160, 240, 320, 384), (0.16, 0.4, 0.8, 1.8, 3.2, 4.6, 6.2)),
    ((496, 800, 1400, 3000, 6000, 12_000), (0.16, 0.4, 0.8, 1.8, 3.2, 4.6, 6.2)),
)
"""Bits, and bits a use."""
COARSE, MOST_BITS_SENT, MOST_USES = 50, 600_000, 60_000
FRAMES = 1_000, 500
"""At each SNR: of blocks of up to SHORT_BITS, and of longer ones."""
FIRST_GUESS_DB = 0.5
RATES = 0.2, 0.05, 0.01, 0.003
SHORT_BITS, SHORT_FRAMES, SHORT_RATE = 120, 10_000, 0.001
CHECKED, MOST_BITS_CHECKED = 3_000, 2_000_000
WITHIN = 0.003, 0.02
ROOMS, STARTS = (96, 256, 384, 1024, 4096), 64
"""Of frames; the list that their start word is read by."""
FADED = (64, 100), (120, 480), (320, 160), (800, 800), (3000, 1000)


def main() -> None:
    parts: dict[str, Callable[[], Figures]] = {
        "points": points, "held_out": held_out, "start": start, "fading": fading, "plans": plans,
    }  # fmt: skip
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", choices=parts, default=list(parts))
    path = report.RESULTS / "link_predict.json"
    for part in parser.parse_args().only:
        found = parts[part]()
        figures = (json.loads(path.read_text("utf-8"))["figures"] if path.exists() else {}) | {part: found}
        report.write("link_predict", command="python -m benchmarks.link_predict", figures=figures, data="random blocks")


# Blocks over a channel


def lost(code: BlockCode, link: Radio, count: int, seed: int) -> int:
    """How many of so many random blocks the decoder does not find."""
    step = max(1, min(count, (1 << 21) // code.uses))
    return sum(_lost_at_once(code, link, min(step, count - start), (seed, start)) for start in range(0, count, step))


def _lost_at_once(code: BlockCode, link: Radio, count: int, seed: tuple[int, int]) -> int:
    words = np.random.default_rng([code.bits, code.uses, *seed]).integers(0, 2, (count, code.bits), np.uint8)
    came = link.carry_bits(
        [Segment(_encoded(code, words).ravel(), code.modulation)], seed=(code.bits, code.uses, *seed)
    ).llrs[0]
    llrs = came.reshape(count, -1)
    return _lost_polar(code, words, llrs) if code.is_polar else _lost_ldpc(code, words, llrs)


def _encoded(code: BlockCode, words: Bits) -> Bits:
    if code.is_polar:
        return code._polar.encode(words)
    parts = np.split(words, np.cumsum([part.bits for part in code._segments])[:-1], axis=1)
    return np.concatenate([part.encode(bits) for part, bits in zip(code._segments, parts, strict=True)], axis=1)


def _lost_polar(code: BlockCode, words: Bits, llrs: SoftValues) -> int:
    """As `BlockCode.decode` does: longer lists where shorter ones don't hold what was sent."""
    for size in LIST_SIZES:
        candidates, _ = code._polar.decode(llrs, size)
        missing = ~(candidates == words[:, None]).all(2).any(1)
        words, llrs = words[missing], llrs[missing]
        if not len(words):
            return 0
    return len(words)


def _lost_ldpc(code: BlockCode, words: Bits, llrs: SoftValues) -> int:
    wrong, at, bit = np.zeros(len(words), bool), 0, 0
    for part in code._segments:
        found, _ = part.decode(llrs[:, at : at + part.coded_bits])
        wrong |= (found != words[:, bit : bit + part.bits]).any(1)
        at, bit = at + part.coded_bits, bit + part.bits
    return int(wrong.sum())


# What is predicted


def held_out() -> Figures:
    """Where 1% are predicted: how many are lost, by the line through the losses that were measured (`points`)."""
    measured_points = json.loads((report.RESULTS / "link_predict.json").read_text("utf-8"))["figures"]["points"]
    rows = []
    for row in measured_points["held_out"]:
        code = BlockCode(row["bits"], row["uses"])
        a, b = probit([loss for loss in row["losses"] if loss[2] != SHORT_FRAMES], _slope(code))
        snr_db = told_db(code, "awgn", 0.01)
        named = {key: row[key] for key in ("bits", "uses", "modulation")}
        rows.append(
            named | {"snr_db": round(snr_db, 2), "told": 0.01, "lost": round(float(norm.sf(a + b * snr_db)), 5)}
        )
    within = sum(WITHIN[0] <= row["lost"] <= WITHIN[1] for row in rows)
    return {"rows": rows, "within": [within, len(rows)], "limits": WITHIN}


def fading() -> Figures:
    rows = []
    for bits, uses in FADED:
        code = BlockCode(bits, uses)
        rows.append(_checked(code, "rayleigh-fast", told_db(code, "rayleigh-fast", 0.01), 0.01))
        for pilots in (0, 4):
            for rate in (0.1, 0.02):
                snr_db = float(brentq(_gap_to("rayleigh-block", code, rate, pilots), -20, 60, xtol=1e-2))
                rows.append(_checked(code, "rayleigh-block", snr_db, rate, pilots))
    return {"rows": rows}


def start() -> Figures:
    """Start words at the SNR where 1% are predicted to be lost: those that are not among the four that are tried."""
    rows = []
    for room in ROOMS:
        code = _start_code(room)
        snr_db = float(brentq(lambda snr, room=room: start_error_rate(room, "awgn", snr) - 0.01, -25, 60, xtol=1e-3))
        words = np.random.default_rng(room).integers(0, 2, (CHECKED, START_BITS), np.uint8)
        came = Awgn(snr_db).carry_bits([Segment(code.encode(words).ravel(), "qpsk")], seed=room)
        tried, _ = code.decode(came.llrs[0].reshape(CHECKED, -1), STARTS)
        missed = int((~(tried[:, :_STARTS_TRIED] == words[:, None]).all(2).any(1)).sum())
        row = {"room": room, "uses": start_uses(room), "snr_db": round(snr_db, 2), "told": 0.01, "frames": CHECKED}
        rows.append(row | {"lost": with_wilson(missed, CHECKED)})
    print(rows, flush=True)
    return {"rows": rows}


def told_db(code: BlockCode, channel: str, rate: float) -> float:
    """The SNR where so many are predicted to be lost."""
    return float(brentq(_gap_to(channel, code, rate, 0), -25, 60, xtol=1e-3))


def _gap_to(channel: str, code: BlockCode, rate: float, pilots: int) -> Callable[[float], float]:
    return lambda snr_db: error_rate(code.bits, code.uses, channel, clear_db(snr_db, pilots)) - rate


def _checked(code: BlockCode, channel: str, snr_db: float, told: float, pilots: int = 0) -> Figures:
    count = max(500, min(CHECKED, MOST_BITS_CHECKED // code.bits))
    wrong = lost(code, _link(code, channel, snr_db, pilots), count, 5)
    found = {
        "bits": code.bits, "uses": code.uses, "modulation": code.modulation, "channel": channel, "pilots": pilots,
        "snr_db": round(snr_db, 2), "told": told, "frames": count, "lost": with_wilson(wrong, count),
    }  # fmt: skip
    print(found, flush=True)
    return found


def _link(code: BlockCode, channel: str, snr_db: float, pilots: int) -> Radio:
    if channel == "rayleigh-block":
        return RayleighBlock(snr_db, block_uses=code.uses + pilots, pilots=pilots)
    return Awgn(snr_db) if channel == "awgn" else RayleighFast(snr_db)


# Where so many are lost


def bound_db(code: BlockCode, rate: float) -> float:
    """The SNR at which the normal approximation loses so many."""
    bits, uses = code.bits / code.segments, max(1, round(code.uses / code.segments))

    def beyond(snr_db: float) -> float:
        one = error_rate_for(bits, uses, snr_db, modulation=code.modulation)
        return (1 - (1 - one) ** code.segments) - rate

    return float(brentq(beyond, -30, 70, xtol=1e-3))


def points() -> Figures:
    return {
        name: [{"rate": rate} | measured(code) for code, rate in codes(part)]
        for name, part in (("training", TRAINING), ("held_out", HELD_OUT))
    }


def codes(parts: Sequence[Part]) -> Iterator[tuple[BlockCode, float]]:
    """Those in at most MOST_USES, each with its bits a use before they were rounded."""
    for sizes, rates in parts:
        for bits in sizes:
            for rate in rates:
                code = BlockCode(bits, math.ceil(bits / rate))
                if code.uses <= MOST_USES:
                    yield code, rate


def measured(code: BlockCode) -> Figures:
    said = {rate: bound_db(code, rate) for rate in (0.1, 0.01, SHORT_RATE)}
    slope = _slope(code)
    losses = _searched(code, said[0.1] + FIRST_GUESS_DB, slope)
    for rate in RATES:
        losses.append(_lost_at(code, _at(probit(losses, slope), rate), frames_of(code), 2))
    line = probit(losses, slope)
    needed = {0.1: _at(line, 0.1), 0.01: _at(line, 0.01)}
    if code.bits <= SHORT_BITS:
        losses.append(_lost_at(code, _at(line, SHORT_RATE), SHORT_FRAMES, 3))
        needed[SHORT_RATE] = _at(probit(losses[-3:], slope), SHORT_RATE)
    found = {
        "bits": code.bits, "uses": code.uses, "modulation": code.modulation, "segments": code.segments,
        "losses": [[round(snr, 3), wrong, n] for snr, wrong, n in losses],
        "needed_db": {f"{rate:.3g}": round(snr, 3) for rate, snr in needed.items()},
        "gap_db": {f"{rate:.3g}": round(snr - said[rate], 3) for rate, snr in needed.items()},
        "error_db": round(_error(losses, slope), 3),
    }  # fmt: skip
    print(found, flush=True)
    return found


def _slope(code: BlockCode) -> float:
    """By which z, share lost = q(z), grows with a dB, by the normal approximation."""
    return float(norm.isf(0.01) - norm.isf(0.1)) / (bound_db(code, 0.01) - bound_db(code, 0.1))


def frames_of(code: BlockCode) -> int:
    return max(100, min(FRAMES[code.bits > SHORT_BITS], MOST_BITS_SENT // code.bits))


def _lost_at(code: BlockCode, snr_db: float, count: int, seed: int) -> Loss:
    return snr_db, lost(code, Awgn(snr_db), count, seed), count


def _searched(code: BlockCode, snr_db: float, slope: float) -> list[Loss]:
    """Losses of few blocks each, until a tenth to a half of them is lost at one SNR."""
    losses: list[Loss] = []
    for _ in range(30):
        losses.append(_lost_at(code, snr_db, COARSE, 1))
        share = losses[-1][1] / COARSE
        if 0.1 <= share <= 0.5:
            break
        snr_db += (0.6 - float(np.clip(norm.isf(min(max(share, 0.01), 0.99)), -1.5, 1.5))) / slope
    return losses[-3:]


def probit(losses: Sequence[Loss], slope: float) -> tuple[float, float]:
    """(a, b) of the likeliest line, share lost = q(a + b snr): Newton's steps on the two numbers.

    slope: that of the normal approximation, from which b is half as far as its own size at one standard deviation.
    """
    snr, wrong, count = (np.array(column, float) for column in zip(*losses, strict=True))
    middle = float(snr[-1])
    share = float(np.clip(wrong[-1] / count[-1], 0.5 / count[-1], 1 - 0.5 / count[-1]))
    line, expected = np.array([norm.isf(share), slope]), np.array([0.0, slope])
    doubt = np.diag([0.0, 1 / (0.5 * slope) ** 2])
    x = np.stack([np.ones_like(snr), snr - middle])
    for _ in range(40):
        weight, pull = _score(line @ x, wrong, count)
        step = np.linalg.solve((x * weight) @ x.T + doubt, x @ pull + doubt @ (expected - line))
        line = line + np.clip(step, [-0.5, -0.3 * slope], [0.5, 0.3 * slope])
        line[1] = max(line[1], slope / 5)
    return float(line[0] - line[1] * middle), float(line[1])


def _score(z: Floats, wrong: Floats, count: Floats) -> tuple[Floats, Floats]:
    """Fisher's information of each point's z, and the slope of the log-likelihood."""
    chance = np.clip(norm.sf(z), 1e-9, 1 - 1e-9)
    density = norm.pdf(z)
    return count * density**2 / (chance * (1 - chance)), -density * (wrong - count * chance) / (chance * (1 - chance))


def _at(line: tuple[float, float], rate: float) -> float:
    return float((norm.isf(rate) - line[0]) / line[1])


def _error(losses: Sequence[Loss], slope: float) -> float:
    """Standard error of the SNR at 1%, in dB."""
    a, b = probit(losses, slope)
    snr, wrong, count = (np.array(column, float) for column in zip(*losses, strict=True))
    weight, _ = _score(a + b * snr, wrong, count)
    x = np.stack([np.ones_like(snr), snr - _at((a, b), 0.01)])
    return float(math.sqrt(np.linalg.inv((x * weight) @ x.T + 1e-6 * np.eye(2))[0, 0]) / b)


if __name__ == "__main__":
    main()
