"""A registry's batches behind a node: whose they are, where an image is in them, and what those of proofs consist of.

Of a batch of proofs the state holds the root alone. Its data comes from the home that sent it, or from the transaction
where the node still has it, and counts where it gives that root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gistchain.ledger import batch
from gistchain.ledger.leaves import Leaves
from gistchain.ledger.node import Node
from gistchain.ledger.proof import BATCH, Found, batch_sent
from gistchain.ledger.recover import checksummed

MOST = 64
"""Batches that are gone through, the newest: for an account's tokens, as a node may have pruned the logs that name its
batches, and for an image's, as no log names the images of a batch."""
_AT_ONCE = 64
"""Records of a batch that are asked for at a time; for each the contract reads the whole batch."""


@dataclass(frozen=True, slots=True)
class Range:
    """The tokens of a batch. root: of the Merkle tree, empty where the state holds the gists."""

    number: int
    owner: str
    first: int
    count: int
    root: bytes


class Batches:
    """read: a view of the registry and its arguments -> what it returns."""

    def __init__(self, node: Node, registry: str, read: Callable[..., Any], leaves: Leaves | None) -> None:
        self._node, self._registry, self._read, self._leaves = node, registry, read, leaves
        self._ranges: dict[int, Range] = {}
        self._counted, self._seen = 0, (0, "")  # how many batches there were, and the block (number, hash) after that
        self._last: tuple[int, bytes, bytes | None] = (0, b"", None)  # number, root and data that were asked for last

    def range(self, number: int) -> Range:
        if number in self._ranges:
            return self._ranges[number]
        owner, first, count, root = self._read("batchOf", number)
        address = checksummed(bytes.fromhex(owner[2:]))
        found = Range(number, address, first, count, bytes(root) if any(root) else b"")
        if int(owner, 16):  # a node that lags behind knows nothing of it yet
            self._ranges[number] = found
        return found

    def forget(self) -> None:
        """Read the ranges anew: the chain may have replaced the blocks that they are of."""
        self._ranges = {}

    def _forget_replaced(self, last: int) -> None:
        """Forget the ranges that may be of blocks which the chain has replaced. last: how many batches there are."""
        connection = self._node.connection
        holds = bool(self._counted) and connection.block_hash(self._seen[0]) == self._seen[1]
        whole = self._counted if holds else 0
        self._ranges = {number: found for number, found in self._ranges.items() if number <= min(whole, last)}
        if not holds or last != self._counted:
            number = connection.block_number()
            self._counted, self._seen = last, (number, connection.block_hash(number) or "")

    def record(self, token: int) -> tuple[Any, ...]:
        """As the registry's `record` returns it."""
        found: tuple[Any, ...] = self._read("record", token)
        return found

    def images(self, each: Range) -> Iterator[bytes]:
        """SHA3-256 of each image of a batch whose gists the state holds, in the order of the tokens."""
        done = 0
        while done < each.count:
            page = self._read("records", each.first + done, min(_AT_ONCE, each.count - done))
            if not page:
                return
            yield from (bytes(record[1]) for record in page)
            done += len(page)

    def index_of(self, number: int, image: bytes) -> int:
        """The token of an image in a batch whose gists the state holds, 0 for none."""
        return int(self._read("indexOf", number, image))

    def all_for(self, image: bytes) -> list[int]:
        """The tokens for an image, whoever's, in the newest batches whose gists the state holds; a request for each."""
        last = int(self._read("batches"))
        found = (self.index_of(number, image) for number in range(last, max(0, last - MOST), -1))
        return [token for token in found if token]

    def gist_of(self, token: int) -> bytes:
        """The gist that the state holds, empty for none."""
        return bytes(self._read("gistOf", token))

    def newest(self, owner: str, most: int = MOST) -> list[Range]:
        """The owner's among the last batches of all, the newest first."""
        return [each for each in self._newest(most) if each.owner == owner]

    def _newest(self, most: int) -> Iterator[Range]:
        last = int(self._read("batches"))
        self._forget_replaced(last)
        return (self.range(number) for number in range(last, max(0, last - most), -1))

    def of_owner(self, owner: str) -> list[Range]:
        """Those of the owner's that the logs name, that are among the newest or that the home knows, oldest first."""
        found = {each.number for each in self._newest(MOST)}
        if not found:
            return []
        told = self._node.connection.logs(self._registry, (BATCH, None, bytes(12) + bytes.fromhex(owner[2:])))
        found |= {int.from_bytes(log.topics[1]) for log in told or () if len(log.topics) == 3}
        found |= set() if self._leaves is None else self._leaves.numbers()
        ranges = (self.range(number) for number in sorted(found) if 0 < number < 2**80)
        return [each for each in ranges if each.owner == owner]

    def token_of(self, owner: str, image: bytes) -> int:
        """The owner's token for the image in a batch, 0 for none."""
        for each in self.of_owner(owner):
            if not each.root:
                if token := self.index_of(each.number, image):
                    return token
            elif (data := self.data(each)) is not None and (index := batch.index_of(data, image)) is not None:
                return each.first + index
        return 0

    def data(self, wanted: Range) -> bytes | None:
        """What a batch of proofs consists of; None where neither home nor node has it."""
        if self._last[:2] == (wanted.number, wanted.root):
            return self._last[2]
        data = None if self._leaves is None else self._leaves.find(wanted.number)
        if data is None or not batch.gives(data, wanted.root, wanted.count):
            found = self.found(wanted.number)
            sent = None if found is None or found.raw is None else batch_sent(found.raw, self._registry)
            data = None if sent is None else sent.data
        if data is not None and not batch.gives(data, wanted.root, wanted.count):
            data = None
        self._last = wanted.number, wanted.root, data
        return data

    def found(self, number: int) -> Found | None:
        """The transaction that made the batch; None where the node doesn't tell."""
        told = self._node.connection.logs(self._registry, (BATCH, number.to_bytes(32)))
        if not told or told[0].topics[:2] != (BATCH, number.to_bytes(32)):
            return None
        return Found(told[0].tx, self._node.connection.transaction(told[0].tx), None)

    def keep(self, number: int, data: bytes) -> None:
        """So that a batch of proofs can be read when nodes have forgotten it."""
        if self._leaves is not None:
            self._leaves.keep(number, data)
            self._last = (0, b"", None)
