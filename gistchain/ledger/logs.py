"""A node's logs -> the transaction that made a token, who attested it, which tokens name an image.

They are asked for by what is indexed, in all blocks. A node that refuses so many is asked for the blocks of the token's
time: the contract's own block number would be another chain's on Arbitrum. What logs say is checked by whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable

from gistchain.errors import LedgerError
from gistchain.ledger import abi
from gistchain.ledger.connection import Log, edge
from gistchain.ledger.contracts import compiled
from gistchain.ledger.node import Node
from gistchain.ledger.proof import ATTESTED, REGISTERED, RELAYED, Found
from gistchain.ledger.recover import checksummed
from gistchain.types import Token

_MOST_BLOCKS = 100
"""Of one second, on a chain with several blocks in it."""


def registration(node: Node, registry: str, record: Token, near: int | None = None) -> Found | None:
    """What the node has kept of a token's registration. near: its block, where that is known.

    Raises LedgerError where the node shows what was not asked for.
    """
    kinds, token = (REGISTERED, RELAYED), record.id.to_bytes(32, "big")
    there = node.connection.logs(registry, (kinds, token))
    if there is None:
        blocks = range(near, near + 1) if near is not None else blocks_at(node, record)
        there = node.connection.logs(registry, (kinds, token), blocks) if blocks else None
    made = relayed = None
    for log in there or ():
        if log.topics[0] not in kinds or log.topics[1:2] != (token,):
            raise LedgerError(f"{node.name} shows another log than that of token {record.id}: ask another node")
        if log.topics[0] == REGISTERED:
            made = log
        else:
            relayed = log
    if made is None:
        return None
    return Found(made.tx, node.connection.transaction(made.tx), None if relayed is None else _relayed(node, relayed))


def _relayed(node: Node, log: Log) -> tuple[int, bytes]:
    with edge(node.name):
        deadline, signature = abi.logged(compiled("registry"), "Relayed", log.data)
        return int(deadline), bytes(signature)


def blocks_at(node: Node, record: Token) -> range:
    """The blocks of the second in which the token was made; none where the node has not kept them."""
    time_of = node.connection.block_time
    if time_of(record.block) == record.block_time:  # on most chains it is this one
        return range(record.block, record.block + 1)
    last = node.connection.block_number()
    first = _first(0, last + 1, lambda number: (time_of(number) or 0) >= record.block_time)
    end = _first(first, min(first + _MOST_BLOCKS, last + 1), lambda n: (time_of(n) or 0) > record.block_time)
    return range(first, end)


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first number from `low` on of which it holds, `high` for none; it holds of all that follow."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def attesters(node: Node, registry: str, token: int) -> list[str] | None:
    """Who attested the token, in the order of the first time; None where the node doesn't tell."""
    found = node.connection.logs(registry, (ATTESTED, token.to_bytes(32, "big")))
    if found is None:
        return None
    return list(dict.fromkeys(checksummed(log.topics[2][12:]) for log in found if len(log.topics) == 3))


def named(node: Node, registry: str, image_sha3_256: bytes) -> set[int]:
    """The tokens that logs name for an image; none where the node doesn't tell."""
    found = node.connection.logs(registry, (REGISTERED, None, None, image_sha3_256))
    return {int.from_bytes(log.topics[1], "big") for log in found or () if len(log.topics) == 4}
