"""The traits of a token -> one small number, by a table of what its collection's traits are called; and back.

    Traits ── written ──> the table's bytes, once on a chain (ledger/tables.vy) ──> its name, 4 bytes
    caption, Traits ────> a number of 2 to 8 bytes, always as many ──> the caption

The number is in mixed radix, so that a contract decodes it by division. docs/packet.md is the specification.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gistchain.digest import keccak
from gistchain.errors import PacketError, SettingError
from gistchain.traits import Traits, parts

NAME_BYTES = 4
VERSION = 1
MAX_TYPES = 64
MAX_VALUES = 4096
MAX_NAME_BYTES = 64
MAX_TABLE_BYTES = 24_565
"""As many as a data contract holds."""


@dataclass(frozen=True)
class Table:
    """The traits of a collection, and what a packet calls the table of them."""

    traits: Traits

    @cached_property
    def data(self) -> bytes:
        """As they stand on a chain. Raises SettingError for a collection beyond the limits."""
        return written(self.traits)

    @cached_property
    def name(self) -> bytes:
        """4 bytes."""
        return name(self.data)

    def encode(self, caption: str) -> bytes | None:
        """Name of the table and number of the token; None for a caption that no choice of the traits has."""
        number = encode(self.traits, caption)
        return None if number is None else self.name + number


Tables = Callable[[bytes], Traits]
"""A table's name -> its traits. Raises PacketError where it is not known."""


def decode_named(data: bytes, tables: Tables | None) -> str:
    """The caption of name and number. Raises PacketError for a table that is not known."""
    if len(data) <= NAME_BYTES:
        raise PacketError("a caption by a trait table is cut")
    if tables is None:
        raise PacketError(f"the caption is by the trait table {data[:NAME_BYTES].hex()}, which only its chain has")
    return decode(tables(data[:NAME_BYTES]), data[NAME_BYTES:])


def written(traits: Traits, version: int = VERSION) -> bytes:
    """The bytes of the table. version: 1 to 255, where another table has the same name; it means nothing else.

    Raises SettingError for a collection beyond the limits.
    """
    if not 1 <= version <= 255:
        raise SettingError(f"a trait table has a version from 1 to 255, not {version}")
    if not 1 <= len(traits.types) <= MAX_TYPES:
        raise SettingError(f"{traits.subject!r} has {len(traits.types)} trait types: a table has 1 to {MAX_TYPES}")
    out = bytes([version]) + _named(traits.subject) + bytes([len(traits.types)])
    for kind, values in traits.values.items():
        if len(values) > MAX_VALUES:
            raise SettingError(f"{kind!r} of {traits.subject!r} has {len(values)} values: a table has {MAX_VALUES}")
        out += _named(kind) + len(values).to_bytes(2) + b"".join(map(_named, values))
    if len(out) > MAX_TABLE_BYTES:
        raise SettingError(f"the traits of {traits.subject!r} take {len(out):,} bytes: at most {MAX_TABLE_BYTES:,} fit")
    return out


def read(table: bytes) -> Traits:
    """The traits of a table's bytes; the collection has its subject's name. Raises PacketError: not a table."""
    try:
        subject, at = _name_at(table, 1)
        count = table[at]
        at += 1
        values: dict[str, tuple[str, ...]] = {}
        for _ in range(count):
            kind, at = _name_at(table, at)
            size = int.from_bytes(table[at : at + 2])
            at += 2
            names = []
            for _ in range(size):
                name, at = _name_at(table, at)
                names.append(name)
            if kind in values:
                raise ValueError(f"{kind!r} is there twice")
            values[kind] = tuple(names)
        traits = Traits(subject, subject, values)
        if at != len(table) or written(traits, table[0]) != table:
            raise ValueError("it is not in the form that is written")
    except (IndexError, ValueError, SettingError) as error:
        raise PacketError(f"{len(table)} bytes are no trait table: {error}") from error
    return traits


def name(table: bytes) -> bytes:
    """What a packet calls the table: the first 4 bytes of its keccak-256."""
    return keccak(table)[:NAME_BYTES]


def width(traits: Traits) -> int:
    """Bytes of every token's number."""
    most = math.prod(len(values) + 1 for values in traits.values.values()) - 1
    return max(1, (most.bit_length() + 7) // 8)


def encode(traits: Traits, caption: str) -> bytes | None:
    """The number of a token with this caption; None for a caption that no choice of the traits has."""
    labels = _labels(traits, caption)
    if labels is None:
        return None
    number = 0
    for label, values in zip(labels, traits.values.values(), strict=True):
        number = number * (len(values) + 1) + label
    return number.to_bytes(width(traits))


def decode(traits: Traits, code: bytes) -> str:
    """The caption of a token with this number. Raises PacketError for one that no token has."""
    number, labels = int.from_bytes(code), []
    for values in reversed(traits.values.values()):
        number, label = divmod(number, len(values) + 1)
        labels.append(label)
    if number or len(code) != width(traits):
        raise PacketError(f"{code.hex()} is no number of a token of {traits.subject!r}: the layer is damaged")
    return traits.caption(labels[::-1])


def _labels(traits: Traits, caption: str) -> Sequence[int] | None:
    subject, phrases = parts(caption)
    if subject != traits.subject:
        return None
    wanted = {
        f"{value} {kind}": (kind, k) for kind, values in traits.values.items() for k, value in enumerate(values, 1)
    }
    found = dict(wanted[phrase] for phrase in phrases if phrase in wanted)
    labels = [found.get(kind, 0) for kind in traits.types]
    return labels if traits.caption(labels) == caption else None


def _named(name: str) -> bytes:
    raw = name.encode()
    if not 1 <= len(raw) <= MAX_NAME_BYTES:
        raise SettingError(f"the name {name[:40]!r} has {len(raw)} bytes: 1 to {MAX_NAME_BYTES} fit a trait table")
    return bytes([len(raw)]) + raw


def _name_at(table: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + table[at]
    if end > len(table):
        raise ValueError("it is cut off")
    return table[at + 1 : end].decode(), end
