"""Received amplitudes -> log-likelihood ratios: the loops of modem.py, as kernels.

An axis of the constellation carries m bits on 2^m levels. For each bit the levels fall into those that say 0 and those
that say 1, and

    LLR = log sum exp(-(y - l)^2 w) over levels of 0  -  the same over levels of 1,     w = 1 / N0

From each sum the term of its nearest level is taken out. The terms give w (near1 - near0) (near1 + near0), a product of
differences, which keeps its digits where distances alone lose them (60 dB); what is left of a sum lies between 1 and
half the number of levels.

exp and log are made of sums, products and quotients, so that every machine finds the same bits (kernels/compiled.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gistchain.kernels.compiled import compiled

BLOCK = 512
"""Amplitudes that are worked on at a time: their sums stay in the processor's nearest cache."""
CONSTANTS = np.array(
    [0, 1, -20, 1 / 32, 1 / 2, 1 / 6, 1 / 24, 2, 4, np.log(4), 1 / 3, 1 / 5, 1 / 7, 1 / 9, 1 / 11], np.float32
)
"""As float32: a number written in a kernel would be float64, and so would all that it touches."""


@compiled("f4[k], f4[k], f4[m, h], f4[m, h], i8, f4[c], out f4[5, b], out f4[n, m, a]")
def soft(y: Any, weight: Any, zeros: Any, ones: Any, exact: int, constants: Any, work: Any, llrs: Any) -> None:
    """LLRs of every bit of every axis.

    y, weight: amplitude and 1 / N0 of each axis of each symbol, in the order of symbols. zeros, ones: of each bit of an
    axis, the levels that say 0 and 1. exact: 0 leaves the sums out (max-log). work: room for some amplitudes.
    """
    axes = llrs.shape[2]
    room = work.shape[1] // axes
    for start in range(0, llrs.shape[0], room):
        symbols = min(room, llrs.shape[0] - start)
        size = symbols * axes
        amplitude, scale = y[start * axes : start * axes + size], weight[start * axes : start * axes + size]
        near0, near1, total0, total1, llr = (
            work[0, :size],
            work[1, :size],
            work[2, :size],
            work[3, :size],
            work[4, :size],
        )
        written = llrs[start : start + symbols]
        for bit in range(zeros.shape[0]):
            _nearest(near0, amplitude, zeros[bit])
            _nearest(near1, amplitude, ones[bit])
            for i in range(size):
                llr[i] = (near1[i] - near0[i]) * (near1[i] + near0[i]) * scale[i]
            if exact:
                _sums(total0, near0, amplitude, scale, zeros[bit], constants)
                _sums(total1, near1, amplitude, scale, ones[bit], constants)
                _add_log_ratio(llr, total0, total1, constants)
            for s in range(symbols):
                for axis in range(axes):
                    written[s, bit, axis] = llr[s * axes + axis]


def _nearest(near: Any, amplitude: Any, levels: Any) -> None:
    """The distance of the nearest level."""
    for i in range(amplitude.size):
        near[i] = abs(amplitude[i] - levels[0])
    for k in range(1, levels.size):
        level = levels[k]
        for i in range(amplitude.size):
            distance = abs(amplitude[i] - level)
            near[i] = distance if distance < near[i] else near[i]


def _sums(total: Any, near: Any, amplitude: Any, scale: Any, levels: Any, constants: Any) -> None:
    """Over the levels, the sum of exp(-(distance^2 - near^2) scale), of which the nearest gives 1."""
    zero, one, least, shrink = constants[0], constants[1], constants[2], constants[3]
    half, sixth, last = constants[4], constants[5], constants[6]
    if levels.size == 2:
        first, second = levels[0], levels[1]
        for i in range(amplitude.size):
            a, b = abs(amplitude[i] - first), abs(amplitude[i] - second)
            far = a if a > b else b
            x = (near[i] - far) * (near[i] + far) * scale[i]
            total[i] = one + _exp(x, one, least, shrink, half, sixth, last)
        return
    for i in range(amplitude.size):
        total[i] = zero
    for k in range(levels.size):
        level = levels[k]
        for i in range(amplitude.size):
            distance = abs(amplitude[i] - level)
            x = (near[i] - distance) * (near[i] + distance) * scale[i]
            total[i] += _exp(x, one, least, shrink, half, sixth, last)


def _exp(x: Any, one: Any, least: Any, shrink: Any, half: Any, sixth: Any, last: Any) -> Any:
    """(1 + z + z^2/2 + z^3/6 + z^4/24)^32, z = x/32, x <= 0: off by less than 3e-7. Below -20 it is 2e-9."""
    z = (x if x > least else least) * shrink
    e = (((last * z + sixth) * z + half) * z + one) * z + one
    e = e * e
    e = e * e
    e = e * e
    e = e * e
    return e * e


def _add_log_ratio(llr: Any, total0: Any, total1: Any, constants: Any) -> None:
    """Adds log(total0 / total1), of numbers from 1 to 8: the series of 2 artanh once their ratio is from 1/2 to 2."""
    zero, one, two, four, log_four = constants[0], constants[1], constants[7], constants[8], constants[9]
    c3, c5, c7, c9, c11 = constants[10], constants[11], constants[12], constants[13], constants[14]
    for i in range(llr.size):
        larger0, larger1 = total0[i] > two * total1[i], total1[i] > two * total0[i]
        above = total0[i] * (four if larger1 else one)
        below = total1[i] * (four if larger0 else one)
        whole = (log_four if larger0 else zero) - (log_four if larger1 else zero)
        # np.divide, because / would look for a zero first, and take amplitudes one by one.
        z = np.divide(above - below, above + below)
        u = z * z
        part = z * (one + u * (c3 + u * (c5 + u * (c7 + u * (c9 + u * c11)))))
        llr[i] += whole + part + part


@compiled("u1[n, m, 2], f4[l], out f4[n, 2]")
def mapped(bits: Any, levels: Any, symbols: Any) -> None:
    """The level of each axis by the number that its m bits make, first bit highest."""
    for s in range(bits.shape[0]):
        for axis in range(2):
            label = 0
            for bit in range(bits.shape[1]):
                label = 2 * label + bits[s, bit, axis]
            symbols[s, axis] = levels[label]
