"""Blocks and topics -> a contract's logs, in ranges that are halved wherever the node refuses one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gistchain.errors import NodeDown
from gistchain.ledger.connection import Connection, Log, Topics


@dataclass(frozen=True, slots=True)
class Served:
    """What a node told of a range. block_hash: of its last block, asked before the logs; None where it is gone."""

    blocks: range
    block_hash: str | None
    logs: list[Log]


def in_ranges(connection: Connection, address: str, topics: Topics, at: int, last: int) -> Iterator[Served]:
    """The logs from block `at` to `last`. Where a single block is refused, it goes on with one that is served.

    Nodes have limits that they don't tell: of blocks, of logs, of seconds. What is in no range that is yielded was not
    read: the caller knows from the ranges what that is. Raises NodeDown, LedgerError.
    """
    width = last + 1 - at
    while at <= last:
        end = min(at + width, last + 1) - 1
        digest = connection.block_hash(end)
        found = _logs(connection, address, topics, range(at, end + 1))
        if found is None and end > at:
            width = (end + 1 - at) // 2
            continue
        if found is None:
            at = _next_served(connection, address, topics, at + 1, last)
            width = last + 1 - at
            continue
        yield Served(range(at, end + 1), digest, found)
        at, width = end + 1, 2 * width


def _logs(connection: Connection, address: str, topics: Topics, blocks: range) -> list[Log] | None:
    try:
        return connection.logs(address, topics, blocks)
    except NodeDown:
        if len(blocks) == 1:
            raise
        connection.block_number()  # it answers, so that the range was too much for it; else this raises
        return None


def _next_served(connection: Connection, address: str, topics: Topics, low: int, last: int) -> int:
    """A block from `low` on whose logs the node tells, right after one of which it doesn't; after the last for none.

    A node that has kept no logs refuses millions of blocks: steps are doubled until one is served, and that one's
    neighbours searched. A block that is refused by itself costs only itself.
    """

    def served(block: int) -> bool:
        return connection.logs(address, topics, range(block, block + 1)) is not None

    step, high = 1, low
    while high <= last and not served(high):
        low, high, step = high + 1, min(high + step, last) if high < last else last + 1, 2 * step
    while low < high <= last:
        middle = (low + high) // 2
        if served(middle):
            high = middle
        else:
            low = middle + 1
    return high
