"""Many tokens in one transaction: what registry.vy takes as `data`, written and read, and the tree of proofs.

    flags 1 byte (1: rated), count 2, width 1, size of common 1, common,
    if rated: evidence 32, checker 2, block 5, images 4,
    hashes 32 each, sorted,
    if rated: score 2 and verdict 1 of each,
    gists of `width` bytes each; or with width 0 the end of each, 2 bytes, and the gists

`common` stands before each gist. What stands before the hashes is the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from gistchain.digest import keccak

MOST_TOKENS = 65_535
HEAD_BYTES = 5
RATED_BYTES = 43
"""Of the head: up to what is common, and what a batch with tickets has after that."""
_RATING_BITS = 88
"""Of a rating, what the whole batch shares: checker, block, images."""


@dataclass(frozen=True, slots=True)
class Item:
    """One token. image: SHA3-256 of its file. gist: without what all have in common.

    rating: of 14 bytes, as a number (ticket.kept); 0 in a batch that is not rated.
    """

    image: bytes
    gist: bytes
    rating: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Items in the order of their images, which the tokens have too. evidence: 32 bytes, zeros in one without ratings.

    All ratings have the same checker, block and number of images.
    """

    items: tuple[Item, ...]
    common: bytes = b""
    evidence: bytes = bytes(32)

    @classmethod
    def of(cls, items: Sequence[Item], common: bytes = b"", evidence: bytes = bytes(32)) -> Batch:
        """Raises ValueError for what is no batch: an image twice, ratings that differ in what they should share."""
        batch = cls(tuple(sorted(items, key=lambda item: item.image)), common, evidence)
        if not 0 < len(items) <= MOST_TOKENS or len({item.image for item in items}) < len(items):
            raise ValueError("a batch has 1 to 65,535 different images")
        if len({item.rating & (1 << _RATING_BITS) - 1 for item in items}) > 1 or (not batch.rated and items[0].rating):
            raise ValueError("the ratings of a batch share checker, block and number of images")
        return batch

    @property
    def rated(self) -> bool:
        return any(self.evidence)

    @property
    def head(self) -> bytes:
        lengths = {len(item.gist) for item in self.items}
        width = lengths.pop() if len(lengths) == 1 else 0
        start = bytes([self.rated]) + len(self.items).to_bytes(2) + bytes([width if width < 256 else 0])
        start += bytes([len(self.common)]) + self.common
        if not self.rated:
            return start
        return start + self.evidence + (self.items[0].rating & (1 << _RATING_BITS) - 1).to_bytes(11)

    @property
    def data(self) -> bytes:
        """What registerBatch takes, and registerProofs for those who read its transaction."""
        head, ends = self.head, b""
        if head[3] == 0:
            ends = b"".join(end.to_bytes(2) for end in accumulate(len(item.gist) for item in self.items))
        images, ratings = b"".join(item.image for item in self.items), b"".join(map(self._rating, self.items))
        return head + images + ratings + ends + b"".join(item.gist for item in self.items)

    @property
    def root(self) -> bytes:
        """Of the Merkle tree."""
        return _levels(self._leaves())[-1][0]

    def leaf(self, index: int) -> bytes:
        """What `verify` takes of an item: head, image, its rating, its gist."""
        item = self.items[index]
        return self.head + item.image + self._rating(item) + item.gist

    def proof(self, index: int) -> list[bytes]:
        """The other hash of each pair on the way to the root."""
        found = []
        for level in _levels(self._leaves())[:-1]:
            if index ^ 1 < len(level):
                found.append(level[index ^ 1])
            index //= 2
        return found

    def _leaves(self) -> list[bytes]:
        head = self.head
        return [
            keccak(b"\0" + index.to_bytes(2) + head + item.image + self._rating(item) + item.gist)
            for index, item in enumerate(self.items)
        ]

    def _rating(self, item: Item) -> bytes:
        return (item.rating >> _RATING_BITS).to_bytes(3) if self.rated else b""


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    """From the leaves to the root; an odd node at the end of a level goes up as it is."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        level = levels[-1]
        pairs = [level[k : k + 2] for k in range(0, len(level), 2)]
        levels.append([keccak(b"\1" + b"".join(pair)) if len(pair) == 2 else pair[0] for pair in pairs])
    return levels


def read(data: bytes) -> Batch:
    """The batch of what `Batch.data` gave. Raises IndexError or ValueError for anything else."""
    count = int.from_bytes(data[1:3])
    if not count or len(data) < 33 * count:
        raise ValueError("the data of a batch is cut")
    common = _cut(data, HEAD_BYTES, data[4])
    evidence = _cut(data, HEAD_BYTES + data[4], 32) if rated(data) else bytes(32)
    items = []
    for index in range(count):
        number = rating(data, index)[0] if rated(data) else 0
        items.append(Item(image(data, index), gist(data, index)[len(common) :], number))
    batch = Batch(tuple(items), common, evidence)
    if batch.data != data:
        raise ValueError("the data of a batch is not in the form that is written")
    return batch


def gives(data: bytes, root: bytes, count: int) -> bool:
    """Whether this is the data of so many tokens with that root."""
    try:
        found = read(data)
    except (ValueError, IndexError):
        return False
    return len(found.items) == count and found.root == root


def rated(data: bytes) -> bool:
    return bool(data[0] & 1)


def image(data: bytes, index: int) -> bytes:
    """SHA3-256 of the image of a token. Raises IndexError or ValueError for data that is cut, as what follows does."""
    at = _hashes_at(data) + 32 * index
    return _cut(data, at, 32)


def gist(data: bytes, index: int) -> bytes:
    count, width, size = int.from_bytes(data[1:3], "big"), data[3], data[4]
    at = _hashes_at(data) + count * (32 + 3 * (data[0] & 1))
    common = _cut(data, HEAD_BYTES, size)
    if width:
        return common + _cut(data, at + index * width, width)
    start = int.from_bytes(_cut(data, at + 2 * (index - 1), 2), "big") if index else 0
    end = int.from_bytes(_cut(data, at + 2 * index, 2), "big")
    return common + _cut(data, at + 2 * count + start, end - start)


def rating(data: bytes, index: int) -> tuple[int, bytes]:
    """The rating of 14 bytes as a number, and the evidence of the batch."""
    start = HEAD_BYTES + data[4]
    common = int.from_bytes(_cut(data, start + 32, 11), "big")
    count = int.from_bytes(data[1:3], "big")
    own = int.from_bytes(_cut(data, _hashes_at(data) + 32 * count + 3 * index, 3), "big")
    return own << _RATING_BITS | common, _cut(data, start, 32)


def index_of(data: bytes, wanted: bytes) -> int | None:
    """The place of an image among the sorted ones, as the contract's indexOf finds it; None where it isn't there."""
    low, high = 0, int.from_bytes(data[1:3], "big")
    while low < high:
        middle = (low + high) // 2
        found = image(data, middle)
        if found == wanted:
            return middle
        low, high = (middle + 1, high) if found < wanted else (low, middle)
    return None


def _hashes_at(data: bytes) -> int:
    return HEAD_BYTES + data[4] + RATED_BYTES * (data[0] & 1)


def _cut(data: bytes, start: int, size: int) -> bytes:
    part = data[start : start + size]
    if size < 0 or len(part) != size:
        raise ValueError("the data of a batch is cut")
    return part
