"""Information bits -> the codeword of a lifted base graph: each parity bit is the sum of its check's other bits."""

from __future__ import annotations

import numpy as np

from gistchain.kernels.compiled import compiled
from gistchain.link.codes.crc import Bits
from gistchain.link.codes.ldpc_graph import CORE, Integers


def codewords(elements: Integers, size: int, information: int, bits: Bits) -> Bits:
    """bits: [blocks, up to information x size]; those that lack are zeros. Returns [blocks, columns x size].

    elements: [elements, 3], row, column and shift, by row: the core rows and all further ones that are wanted.
    """
    first = elements[(elements[:, 1] == information) & (elements[:, 0] < CORE), 2]
    values, times = np.unique(first, return_counts=True)
    # In the sum of the core rows one parity column is left, shifted by what stands an odd number of times there.
    shift = int(values[times % 2 == 1][0])
    starts = np.searchsorted(elements[:, 0], np.arange(elements[-1, 0] + 2)).astype(np.int64)
    # The rows in an order in which each has one parity column that is not known yet.
    order = np.array([0, 3, 2, *range(CORE, len(starts) - 1)])
    words = np.zeros((len(bits), (information + len(starts) - 1) * size), np.uint8)
    words[:, : bits.shape[1]] = bits
    _encode(np.ascontiguousarray(elements), starts, order, size, information, shift, np.empty(size, np.uint8), words)
    return words


@compiled("i8[elements, 3], i8[starts], i8[order], i8, i8, i8, out u1[size], out u1[blocks, length]")
def _encode(
    elements: Integers, starts: Integers, order: Integers, size: int, information: int, shift: int, sums: Bits,
    words: Bits,
) -> None:  # fmt: skip
    for b in range(words.shape[0]):
        word = words[b]
        sums[:] = 0
        for e in range(starts[4]):
            if elements[e, 1] < information:
                _add_turned(word[elements[e, 1] * size :], elements[e, 2], sums)
        for j in range(size):
            word[information * size + (j + shift) % size] = sums[j]
        for k in range(order.shape[0]):
            target = information + order[k]
            if order[k] < 4:  # parity column 0 is known: rows 0, 2 and 3 give columns 1, 2 and 3
                target = information + (1 if order[k] == 0 else order[k])
            parity = word[target * size : (target + 1) * size]
            for e in range(starts[order[k]], starts[order[k] + 1]):
                if elements[e, 1] != target:
                    _add_turned(word[elements[e, 1] * size :], elements[e, 2], parity)


def _add_turned(column: Bits, shift: int, sums: Bits) -> None:
    size = sums.shape[0]
    _add(column[shift:], sums[: size - shift])
    _add(column, sums[size - shift :])


def _add(column: Bits, sums: Bits) -> None:
    for j in range(sums.shape[0]):
        sums[j] ^= column[j]
