"""Gists -> groups whose packets begin with the same bytes, which a batch writes once.

    one caption, no more ──> bare packets of one size and one coder (and trait table): common start, short items
    anything else ────────> whole packets without a common start

Which coder a group takes, and how many groups there are, is what costs least. docs/packet.md has the formats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from gistchain.gist import textcode
from gistchain.gist.packet import TABLE, caption_codes, pack, pack_bare
from gistchain.gist.traitcode import NAME_BYTES, Table
from gistchain.types import Gist

LEAST = 4
"""Gists of a group of their own; fewer go with those that have nothing in common."""
_GROUP_BYTES = 350
"""What a batch more costs: some 75,000 gas, at 216 gas a byte."""
_END_BYTES = 2
"""What an item costs beside itself where not all have one length."""
_Codes = dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Group:
    """common: stands before every item. places: of its gists in what was given, in the order of the items."""

    common: bytes
    items: tuple[bytes, ...]
    places: tuple[int, ...]

    @property
    def width(self) -> int:
        """The length of every item, 0 where they differ, or are too long for a byte."""
        lengths = {len(item) for item in self.items}
        return lengths.pop() if len(lengths) == 1 and max(lengths) < 256 else 0

    @property
    def item_bytes(self) -> int:
        """Of all items, with what tells where each ends."""
        return sum(map(len, self.items)) + (0 if self.width else _END_BYTES * len(self.items))


def grouped(gists: Sequence[Gist], tables: Sequence[Table | None]) -> list[Group]:
    """Every gist in one group. tables: for each, the trait table that readers have, if any.

    Raises PacketError for a gist that does not fit a packet.
    """
    alike: dict[tuple[tuple[int, int], bytes], dict[int, _Codes]] = defaultdict(dict)
    alone: dict[int, bytes] = {}
    for place, (gist, table) in enumerate(zip(gists, tables, strict=True)):
        if gist == Gist((gist.caption,), gist.size) and gist.caption:
            codes = caption_codes(gist.caption, table)
            name = codes[TABLE][:NAME_BYTES] if TABLE in codes else b""
            alike[gist.size, name][place] = codes
        else:
            alone[place] = pack(gist, table)
    groups = []
    for (size, _), codes_of in alike.items():
        for group in _shortest(size, codes_of):
            if len(group.items) >= LEAST:
                groups.append(group)
            else:
                alone |= {place: group.common + item for place, item in zip(group.places, group.items, strict=True)}
    if alone:
        places = sorted(alone)
        groups.append(Group(b"", tuple(alone[place] for place in places), tuple(places)))
    return groups


def _shortest(size: tuple[int, int], codes_of: dict[int, _Codes]) -> list[Group]:
    """The groups of gists of one size that take least, by the table that all of them share or without it.

    Most stand in one group; those whose code is so much shorter that it pays stand in groups of their own.
    """
    by_coder: dict[int, dict[int, bytes]] = defaultdict(dict)
    for place, codes in codes_of.items():
        coder = next(coder for coder in codes if coder != TABLE)
        by_coder[coder][place] = codes[coder]
    words = (_ways(pack_bare(size, coder, b""), coder, of) for coder, of in by_coder.items())
    found = [group for ways in words for group in min(ways, key=_cost)]
    if not all(TABLE in codes for codes in codes_of.values()):
        return found
    name = next(iter(codes_of.values()))[TABLE][:NAME_BYTES]
    base = Group(
        pack_bare(size, TABLE, name),
        tuple(codes[TABLE][NAME_BYTES:] for codes in codes_of.values()),
        tuple(codes_of),
    )
    short = by_coder.get(textcode.DICTIONARY, {})
    return min(found, _split(base, pack_bare(size, textcode.DICTIONARY, b""), short), key=_cost)


def _ways(common: bytes, coder: int, code_of: dict[int, bytes]) -> list[list[Group]]:
    """Items with their ends; and, of the dictionary, filled up to one length."""
    codes, places = tuple(code_of.values()), tuple(code_of)
    base = Group(common, codes, places)
    if coder != textcode.DICTIONARY:
        return [[base]]
    longest = max(map(len, codes))
    filled = Group(common, tuple(code.ljust(longest, b"\0") for code in codes), places)
    return [_split(base, common, code_of), _split(filled, common, code_of)]


def _split(base: Group, common: bytes, code_of: dict[int, bytes]) -> list[Group]:
    """A group, less those of one length for which a group of their own takes less. code_of: their shorter codes."""
    price = {
        place: len(item) + (0 if base.width else _END_BYTES)
        for place, item in zip(base.places, base.items, strict=True)
    }
    alike: dict[int, list[int]] = defaultdict(list)
    for place, code in code_of.items():
        alike[len(code)].append(place)
    groups, moved = [], set[int]()
    for length, places in sorted(alike.items()):
        if sum(price[place] - length for place in places) > _GROUP_BYTES + len(common):
            groups.append(Group(common, tuple(code_of[place] for place in places), tuple(places)))
            moved |= set(places)
    rest = [(place, item) for place, item in zip(base.places, base.items, strict=True) if place not in moved]
    if rest:
        groups.append(Group(base.common, tuple(item for _, item in rest), tuple(place for place, _ in rest)))
    return groups


def _cost(groups: list[Group]) -> int:
    """In bytes of calldata and code, or what costs as much."""
    return sum(len(group.common) + group.item_bytes + _GROUP_BYTES for group in groups)
