"""Gists -> groups whose packets begin with the same bytes, which a batch writes once.

    one caption, no more ──> bare packets of one size and one coder (and trait table): common start, short items
    anything else ────────> whole packets without a common start

Which coder a group takes is what makes the whole group shortest. docs/packet.md has the formats.
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
    """The groups of gists of one size, by the table that all of them share or without it."""
    by_words = _by_words(size, codes_of)
    if not all(TABLE in codes for codes in codes_of.values()):
        return by_words
    name = next(iter(codes_of.values()))[TABLE][:NAME_BYTES]
    items = tuple(codes[TABLE][NAME_BYTES:] for codes in codes_of.values())
    by_table = Group(pack_bare(size, TABLE, name), items, tuple(codes_of))
    words_bytes = sum(len(group.common) + group.item_bytes for group in by_words)
    return [by_table] if len(by_table.common) + by_table.item_bytes <= words_bytes else by_words


def _by_words(size: tuple[int, int], codes_of: dict[int, _Codes]) -> list[Group]:
    by_coder: dict[int, dict[int, bytes]] = defaultdict(dict)
    for place, codes in codes_of.items():
        coder = next(coder for coder in codes if coder != TABLE)
        by_coder[coder][place] = codes[coder]
    return [_filled(pack_bare(size, coder, b""), coder, of) for coder, of in by_coder.items()]


def _filled(common: bytes, coder: int, code_of: dict[int, bytes]) -> Group:
    """Codes of the dictionary are filled up to one length where that takes no more than saying where each ends."""
    codes, longest = tuple(code_of.values()), max(map(len, code_of.values()))
    if coder == textcode.DICTIONARY and longest * len(codes) <= sum(map(len, codes)) + _END_BYTES * len(codes):
        codes = tuple(code.ljust(longest, b"\0") for code in codes)
    return Group(common, codes, tuple(code_of))
