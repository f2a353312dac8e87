"""Log-likelihood ratios of LDPC blocks -> bits, by passing messages between checks and bits, row by row.

Layered belief propagation: Hocevar, "A reduced complexity decoder architecture via layered decoding of LDPC codes"
(SiPS 2004). In a check, two magnitudes a <= b of its bits join to

    a + c(a + b) - c(b - a),  where c(x) = ln(1 + exp(-x)),

forwards and backwards, so that each bit hears what all others say. Without c this is min-sum. Here c is the largest of
three of its tangents and 0, in fixed point: Hu et al., "Efficient implementations of the sum-product algorithm for
decoding LDPC codes" (GLOBECOM 2001).

Rows go from the last to the first: those of few bits say what they know before the core rows, in which both columns
that are never sent stand, are asked. That takes fewer rounds than the order of the standard.

How it is laid out, so that every inner loop runs over neighbours in memory. Lanes are the `size` bits of a column,
of `slots` blocks in turn. A column is stored rotated as the last row that wrote it needed it, and a copy of its first
lanes follows the last one: the next row reads on over the end instead of turning the column. A slot takes the next
block as soon as its own is decoded, so that no block waits for others, and none depends on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.kernels.compiled import compiled
from gistchain.link.codes.crc import Bits
from gistchain.link.codes.ldpc_graph import Integers

Fixed = NDArray[np.int16]
Floats = NDArray[np.float32]
_UNIT = 16
"""What stands for a log-likelihood ratio of 1. int16 holds 30 messages, the most that a bit gets, and the channel's."""
_LARGEST_MESSAGE = 900
_LARGEST_RECEIVED = 2047
LARGEST_LLR = _LARGEST_RECEIVED / _UNIT
"""Log-likelihood ratios are cut off here."""
_LANES = 512
"""At most; the parts of the scratch memory are so far apart."""
_ALIGNED = 32
"""Loops run over a multiple of so many lanes, which fill vector registers; those after the last lane are idle."""


def slots_for(size: int, blocks: int) -> int:
    """How many blocks of this lifting size are decoded side by side: enough to fill some vectors."""
    return max(1, min(16, blocks, 256 // size))


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything lies in memory.

    edges: [edges, 4] in the order of work: where its column starts, where it is read, how many lanes are copied behind
    the last one after it is written, where its decisions are read. starts: the first edge of each row, and the end.
    columns: [columns, 2]: where each starts, how many lanes are copied when a block is put in.
    received, known, information: of slot 0, where each position of the circular buffer lies, each filler bit, and each
    information bit.
    """

    size: int
    slots: int
    edges: Integers
    starts: Integers
    columns: Integers
    received: Integers
    known: Integers
    information: Integers

    @property
    def pitch(self) -> int:
        """From one column to the next."""
        return 2 * self.width

    @property
    def width(self) -> int:
        return _width(self.size * self.slots)


def _width(lanes: int) -> int:
    return -(-lanes // _ALIGNED) * _ALIGNED


def plan(
    elements: Integers, size: int, slots: int, *, received: Integers, known: Integers, information: Integers
) -> Plan:
    """elements: [elements, 3] row, column and shift of those that are used, by row. The others number bits, from 0."""
    elements = elements[np.argsort(-elements[:, 0], kind="stable")]
    lanes = size * slots
    pitch = 2 * _width(lanes)
    count = int(max(elements[:, 1].max(), information.max() // size)) + 1
    edges = np.zeros((len(elements), 4), np.int64)
    columns = np.stack([np.arange(count) * pitch, np.zeros(count, np.int64)], axis=1)
    rotation = np.zeros(count, np.int64)
    for column in np.unique(elements[:, 1]):
        mine = np.flatnonzero(elements[:, 1] == column)
        wanted = elements[mine, 2] * slots
        rotation[column] = wanted[-1]
        # Each row finds the column as the one before it left it; the first, as the last one did.
        turns = (wanted - np.roll(wanted, 1)) % lanes
        edges[mine, 0] = edges[mine, 1] = edges[mine, 3] = column * pitch
        edges[mine, 1] += turns
        edges[mine, 2] = np.roll(turns, -1)
        edges[mine, 3] += (wanted - wanted[-1]) % lanes
        columns[column, 1] = turns[0]

    def place(bits: Integers) -> Integers:
        column = bits // size
        return column * pitch + (bits % size * slots - rotation[column]) % lanes

    starts = np.flatnonzero(np.diff(elements[:, 0], prepend=-1, append=-1)).astype(np.int64)
    return Plan(size, slots, edges, starts, columns, place(received), place(known), place(information))


def decoded(plan: Plan, llrs: Floats, positions: Integers, iterations: int) -> tuple[Bits, Bits]:
    """(information bits [blocks, bits], 1 for each block whose checks hold and leave no bit open).

    llrs: [blocks, n], log P(0)/P(1), finite. positions: [n], where in the circular buffer each belongs; those that
    meet are added up.
    """
    width, memory = plan.width, len(plan.columns) * plan.pitch
    bits, holds = np.empty((len(llrs), len(plan.information)), np.uint8), np.empty(len(llrs), np.uint8)
    _decode(
        llrs, positions, plan.received, plan.known, plan.information, plan.edges, plan.starts, plan.columns,
        plan.size * plan.slots, iterations,
        np.zeros(memory, np.int16), np.zeros((len(plan.edges), width), np.int16),
        np.empty((int(np.diff(plan.starts).max()), width), np.int16), np.empty(2 * _LANES, np.int16),
        np.zeros(memory, np.int8), np.empty(width, np.int8), np.zeros((plan.slots, 3), np.int64),
        np.empty(len(plan.received), np.float32), np.empty(len(plan.received), np.int16), bits, holds,
    )  # fmt: skip
    return bits, holds


@compiled(
    "f4[blocks, n], i8[n], i8[buffer], i8[fillers], i8[bits], i8[edges, 4], i8[starts], i8[columns, 2], i8, i8,"
    "out i2[memory], out i2[edges, width], out i2[degree, width], out i2[scratch], out i1[memory], out i1[width],"
    "out i8[slots, 3], out f4[buffer], out i2[buffer], out u1[blocks, bits], out u1[blocks]"
)
def _decode(
    llrs: Floats, positions: Integers, received: Integers, known: Integers, information: Integers,
    edges: Integers, starts: Integers, columns: Integers, lanes: int, iterations: int,
    values: Fixed, messages: Fixed, others: Fixed, scratch: Fixed, decisions: NDArray[np.int8],
    parity: NDArray[np.int8], state: Integers, sums: Floats, fixed: Fixed, bits: Bits, holds: Bits,
) -> None:  # fmt: skip
    """state: of each slot its block, or -1; the rounds that block has had; whether a check fails."""
    slots = state.shape[0]
    upcoming = working = 0
    for g in range(slots):
        state[g, 0] = -1
    while True:
        for g in range(slots):
            if state[g, 0] < 0 and upcoming < llrs.shape[0]:
                _collect(llrs[upcoming], positions, sums, fixed)
                _put_in(g, slots, lanes, fixed, received, known, columns, values, messages)
                state[g, 0] = upcoming
                state[g, 1] = 0
                upcoming += 1
                working += 1
        if working == 0:
            break
        for r in range(starts.shape[0] - 1):
            _row(edges, starts[r], starts[r + 1], lanes, values, messages, others, scratch)
        for c in range(columns.shape[0]):
            at = columns[c, 0]
            _decide(values[at:], decisions[at:], lanes)
            _decide(values[at:], decisions[at + lanes :], lanes)
        _check(edges, starts, lanes, decisions, parity, state)
        for g in range(slots):
            block = state[g, 0]
            if block < 0:
                continue
            state[g, 1] += 1
            sure = state[g, 2] == 0 and _all_known(values, information, g)
            if sure or state[g, 1] == iterations:
                for i in range(information.shape[0]):
                    bits[block, i] = decisions[information[i] + g] & 1
                holds[block] = 1 if sure else 0
                state[g, 0] = -1
                working -= 1


def _collect(llrs: Floats, positions: Integers, sums: Floats, fixed: Fixed) -> None:
    """A block's circular buffer in fixed point."""
    for i in range(sums.shape[0]):
        sums[i] = np.float32(0)
    for i in range(positions.shape[0]):
        sums[positions[i]] += llrs[i]
    for i in range(sums.shape[0]):
        value = sums[i] * np.float32(_UNIT)
        value = min(max(value, np.float32(-_LARGEST_RECEIVED)), np.float32(_LARGEST_RECEIVED))
        fixed[i] = np.int16(value + (np.float32(0.5) if value > 0 else np.float32(-0.5)))


def _put_in(
    g: int, slots: int, lanes: int, fixed: Fixed, received: Integers, known: Integers, columns: Integers,
    values: Fixed, messages: Fixed,
) -> None:  # fmt: skip
    for c in range(columns.shape[0]):
        at = columns[c, 0]
        for j in range(at + g, at + lanes, slots):
            values[j] = 0
    for i in range(known.shape[0]):
        values[known[i] + g] = _LARGEST_RECEIVED
    for i in range(received.shape[0]):
        values[received[i] + g] = fixed[i]
    for c in range(columns.shape[0]):
        at = columns[c, 0]
        _copy(values[at:], values[at + lanes :], columns[c, 1])
    for e in range(messages.shape[0]):
        for j in range(g, lanes, slots):
            messages[e, j] = 0


def _row(
    edges: Integers, first: int, last: int, lanes: int, values: Fixed, messages: Fixed, others: Fixed, scratch: Fixed
) -> None:
    """scratch: what the bits so far join to, then the product of all signs."""
    width = others.shape[1]
    for j in range(width):
        scratch[j] = _LARGEST_MESSAGE
        scratch[_LANES + j] = 0
    for e in range(first, last):
        _forwards(values[edges[e, 1] :], messages[e], others[e - first], scratch)
    for j in range(width):
        scratch[j] = _LARGEST_MESSAGE
    for e in range(last - 1, first - 1, -1):
        at = edges[e, 0]
        _backwards(values[at:], messages[e], others[e - first], scratch)
        _copy(values[at:], values[at + lanes :], edges[e, 2])


def _forwards(values: Fixed, messages: Fixed, others: Fixed, scratch: Fixed) -> None:
    """others: what a bit knows from elsewhere. Its message gives place to what the bits before it join to."""
    for j in range(others.shape[0]):
        other = np.int16(values[j] - messages[j])
        others[j] = other
        joined = scratch[j]
        messages[j] = joined
        scratch[j] = _joined(joined, _magnitude(other))
        scratch[_LANES + j] ^= other


def _backwards(values: Fixed, messages: Fixed, others: Fixed, scratch: Fixed) -> None:
    for j in range(others.shape[0]):
        other = others[j]
        joined = scratch[j]
        size = _joined(messages[j], joined)
        scratch[j] = _joined(joined, _magnitude(other))
        sign = np.int16(np.int16(scratch[_LANES + j] ^ other) >> 15)
        message = np.int16(np.int16(size ^ sign) - sign)
        messages[j] = message
        values[j] = np.int16(other + message)


# Every step is cut to 16 bits, which loses nothing: otherwise numba calculates in 64, and vectors hold a quarter.
def _magnitude(value: np.int16) -> np.int16:
    return np.int16(min(np.int16(abs(value)), np.int16(_LARGEST_MESSAGE)))


def _joined(a: np.int16, b: np.int16) -> np.int16:
    low, high = np.int16(min(a, b)), np.int16(max(a, b))
    return np.int16(low + np.int16(_correction(np.int16(high + low)) - _correction(np.int16(high - low))))


def _correction(x: np.int16) -> np.int16:
    """c(x), by its tangents of slope -1/2, -1/4 and -1/8."""
    near = max(np.int16(11 - (x >> 1)), np.int16(9 - (x >> 2)))
    return np.int16(max(np.int16(near), np.int16(max(np.int16(6 - (x >> 3)), np.int16(0)))))


def _copy(values: Fixed, behind: Fixed, count: int) -> None:
    for j in range(count):
        behind[j] = values[j]


def _decide(values: Fixed, decisions: NDArray[np.int8], lanes: int) -> None:
    """-1 where the bit is rather 1, otherwise 0."""
    for j in range(lanes):
        decisions[j] = np.int8(values[j] >> 15)


def _check(
    edges: Integers, starts: Integers, lanes: int, decisions: NDArray[np.int8], parity: NDArray[np.int8],
    state: Integers,
) -> None:  # fmt: skip
    """Notes in the state whether a check fails; a wrong block is mostly known after the first row."""
    slots = state.shape[0]
    left = 0
    for g in range(slots):
        state[g, 2] = 0
        left += 1 if state[g, 0] >= 0 else 0
    for r in range(starts.shape[0] - 1):
        for j in range(parity.shape[0]):
            parity[j] = 0
        for e in range(starts[r], starts[r + 1]):
            _add(decisions[edges[e, 3] :], parity)
        for g in range(slots):
            if state[g, 2] == 0 and state[g, 0] >= 0:
                wrong = np.int8(0)
                for j in range(g, lanes, slots):
                    wrong |= parity[j]
                if wrong != 0:
                    state[g, 2] = 1
                    left -= 1
        if left == 0:
            return


def _add(decisions: NDArray[np.int8], parity: NDArray[np.int8]) -> None:
    for j in range(parity.shape[0]):
        parity[j] ^= decisions[j]


def _all_known(values: Fixed, information: Integers, g: int) -> bool:
    """Whether something was heard of every bit: zeros fulfil all checks, too, and nothing received is no message."""
    for i in range(information.shape[0]):  # noqa: SIM110
        if values[information[i] + g] == 0:
            return False
    return True
