"""What registry.vy promises, in plain Python: lists and dictionaries, and no thought of words, places and gas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from eth_utils.crypto import keccak

ZERO = bytes(32)
NOBODY = bytes(20)
MAX_GIST = 24_565
INLINE_MAX = 64
RATED_INLINE_MAX = 18
TICKET_BYTES = 46
MAX_COMMON = 32
PAGE = 256

Rating = tuple[int, int, int, int, int, bytes]
"""score, verdict, checker, as of block, compared with, evidence."""
NO_RATING: Rating = (0, 0, 0, 0, 0, ZERO)


def rating_of(number: int, evidence: bytes) -> Rating:
    data = number.to_bytes(14, "big")
    parts = data[:2], data[2:3], data[3:5], data[5:10], data[10:]
    score, verdict, checker, block, compared = (int.from_bytes(part, "big") for part in parts)
    return score, verdict, checker, block, compared, evidence


@dataclass(frozen=True)
class Token:
    owner: bytes
    image: bytes
    gist: bytes
    rating: Rating
    block: int
    time: int
    batch: int = 0
    long: bool = False


@dataclass(frozen=True)
class Item:
    """One token of a batch. own: score and verdict."""

    image: bytes
    gist: bytes
    own: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class BatchData:
    """The parts of what registerBatch takes. width None: the gists have different lengths."""

    items: tuple[Item, ...]
    common: bytes = b""
    width: int | None = None
    rated: bool = False
    evidence: bytes = ZERO
    rest: tuple[int, int, int] = (0, 0, 0)
    ends: tuple[int, ...] | None = None
    """In place of the true ones."""

    def head(self) -> bytes:
        made = bytes([self.rated]) + len(self.items).to_bytes(2, "big") + bytes([self.width or 0, len(self.common)])
        made += self.common
        if self.rated:
            checker, block, compared = self.rest
            made += self.evidence + checker.to_bytes(2, "big") + block.to_bytes(5, "big") + compared.to_bytes(4, "big")
        return made

    def encoded(self) -> bytes:
        made = self.head() + b"".join(item.image for item in self.items)
        if self.rated:
            made += b"".join(item.own[0].to_bytes(2, "big") + bytes([item.own[1]]) for item in self.items)
        if self.width is None:
            made += b"".join(end.to_bytes(2, "big") for end in self._ends())
        return made + b"".join(item.gist for item in self.items)

    def leaf(self, k: int) -> bytes:
        item = self.items[k]
        own = item.own[0].to_bytes(2, "big") + bytes([item.own[1]]) if self.rated else b""
        return self.head() + item.image + own + item.gist

    def gist(self, k: int) -> bytes:
        """Item k's, as it is read; b"" where its ends can't be."""
        if self.width is not None:
            return self.common + self.items[k].gist
        ends, gists = (0, *self._ends()), b"".join(item.gist for item in self.items)
        start, end = ends[k], ends[k + 1]
        return self.common + gists[start:end] if start <= end <= len(gists) else b""

    def rating(self, k: int) -> Rating:
        score, verdict = self.items[k].own
        if not self.rated or self.evidence == ZERO or score > 10_000 or verdict > 4:
            return NO_RATING
        return (score, verdict, *self.rest, self.evidence)

    def _ends(self) -> tuple[int, ...]:
        if self.ends is not None:
            return self.ends
        ends, end = [], 0
        for item in self.items:
            end += len(item.gist)
            ends.append(end)
        return tuple(ends)


class Merkle:
    """The tree of a batch of proofs. An odd node at the end of a level goes up as it is."""

    def __init__(self, items: Sequence[bytes]) -> None:
        self.levels = [[keccak(b"\0" + k.to_bytes(2, "big") + item) for k, item in enumerate(items)]]
        while len(self.levels[-1]) > 1:
            level = self.levels[-1]
            pairs = [level[k : k + 2] for k in range(0, len(level), 2)]
            self.levels.append([keccak(b"\1" + pair[0] + pair[1]) if len(pair) == 2 else pair[0] for pair in pairs])

    @property
    def root(self) -> bytes:
        return self.levels[-1][0]

    def proof(self, k: int) -> list[bytes]:
        found = []
        for level in self.levels[:-1]:
            if (k ^ 1) < len(level):
                found.append(level[k ^ 1])
            k //= 2
        return found


@dataclass(frozen=True)
class Batch:
    owner: bytes
    first: int
    count: int
    root: bytes
    data: BatchData


@dataclass
class Model:
    """Of a registry that had so many tokens, data contracts and batches before anyone looked."""

    older_tokens: int = 0
    older_batches: int = 0
    tokens: list[Token] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    attestations: dict[tuple[int, bytes], Rating] = field(default_factory=dict)
    links: dict[int, tuple[int, bytes, int]] = field(default_factory=dict)
    linked: dict[tuple[int, bytes, int], list[int]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return self.older_tokens + len(self.tokens)

    def ids(self) -> range:
        return range(self.older_tokens + 1, self.count + 1)

    def token(self, id: int) -> Token | None:
        return self.tokens[id - self.older_tokens - 1] if id in self.ids() else None

    def token_of(self, owner: bytes, image: bytes) -> int:
        own = ((id, self.token(id)) for id in self.ids())
        return next((id for id, t in own if t and not t.batch and (t.owner, t.image) == (owner, image)), 0)

    def first_of(self, image: bytes) -> int:
        return next((id for id in self.ids() if (t := self.token(id)) and not t.batch and t.image == image), 0)

    def batch(self, number: int) -> Batch | None:
        k = number - self.older_batches - 1
        return self.batches[k] if 0 <= k < len(self.batches) else None

    def index_of(self, number: int, image: bytes) -> int:
        """The id in a batch whose hashes are sorted."""
        batch = self.batch(number)
        if batch is None or batch.root != ZERO:
            return 0
        images = [item.image for item in batch.data.items]
        return batch.first + images.index(image) if image in images else 0

    def add_batch(self, owner: bytes, data: BatchData, root: bytes, block: int, time: int) -> int:
        """The first id."""
        first, number = self.count + 1, self.older_batches + len(self.batches) + 1
        self.batches.append(Batch(owner, first, len(data.items), root, data))
        for k, item in enumerate(data.items):
            there = root == ZERO
            self.tokens.append(
                Token(
                    owner,
                    item.image if there else ZERO,
                    data.gist(k) if there else b"",
                    data.rating(k) if there else NO_RATING,
                    block,
                    time,
                    number,
                )
            )
        return first


def wrong_ticket(evidence: bytes, rating: int) -> set[str]:
    """Why a rating of its own is refused: the contract gives one of these reasons."""
    reasons = set()
    if evidence == ZERO:
        reasons.add("no evidence")
    if rating >= 1 << 112 or rating >> 96 > 10_000:
        reasons.add("score above 10000")
    if rating >> 88 & 255 > 4:
        reasons.add("unknown verdict")
    return reasons


def wrong_registration(evidence: bytes, rating: int, gist: bytes, *, long: bool) -> set[str]:
    """Why a registration is refused whoever sends it; '' stands for no reason given."""
    rated = evidence != ZERO
    reasons = wrong_ticket(evidence, rating) if rated else {"no evidence"} if rating else set()
    if not gist:
        reasons.add("empty gist")
    if len(gist) > (MAX_GIST if long else INLINE_MAX):
        reasons.add("")  # no such argument
    elif long and rated and len(gist) > MAX_GIST - TICKET_BYTES:
        reasons.add("")  # no such code
    elif not long and rated and len(gist) > RATED_INLINE_MAX:
        reasons.add("too long for words")
    return reasons


def wrong_batch(data: bytes) -> bool:
    """Whether registerBatch refuses these bytes."""
    if not 5 <= len(data) <= MAX_GIST:
        return True
    rated, count, width, common = data[0], int.from_bytes(data[1:3], "big"), data[3], data[4]
    if rated > 1 or count == 0 or common > MAX_COMMON:
        return True
    size = 5 + common + 43 * rated + count * (32 + 3 * rated)
    return len(data) != size + count * width if width else len(data) < size + 2 * count
