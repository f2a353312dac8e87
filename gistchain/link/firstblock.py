"""The bytes of a frame's first block: list of what follows ‖ size where zeros may follow ‖ own bytes ‖ zeros."""

from __future__ import annotations

import binascii
import math
from collections.abc import Sequence
from typing import NamedTuple

from gistchain.errors import LinkError

MOST_BLOCKS = 8
LENGTH_BITS = 10
EXACT_LENGTHS = 512
"""Lengths up to here are told to the byte, longer ones to a part in 144: zeros fill them up."""
FURTHER_SHARES = 16
NUMBERS = 7
"""The kind of a list's entry for numbers: its length is their scale, its share their halvings."""


class Entry(NamedTuple):
    """Of the list of what follows the first block. length: of numbers, their scale; share: their halvings."""

    kind: int
    share: int
    length: int


def length_of(number: int) -> int:
    if number < EXACT_LENGTHS:
        return number + 1
    return round(EXACT_LENGTHS * math.exp2((number - EXACT_LENGTHS + 1) / 100))


def length_number(length: int) -> int:
    """The first that is long enough."""
    for number in range(min(length, EXACT_LENGTHS) - 1, 1 << LENGTH_BITS):
        if length_of(number) >= length:
            return number
    raise LinkError(f"a first block of {length} bytes can't be sent: at most {length_of((1 << LENGTH_BITS) - 1)}")


def filled(data: bytes, entries: Sequence[Entry]) -> bytes:
    """The first block: what it says of the others, its own length where zeros may follow, its bytes, zeros."""
    listing = b"".join(
        bytes([(index < len(entries) - 1) << 7 | kind << 4 | share]) + number_bytes(length)
        for index, (kind, share, length) in enumerate(entries)
    )
    listing += _check_of(listing) if entries else b""
    whole = listing + data
    if len(whole) > EXACT_LENGTHS:
        whole = listing + number_bytes(len(data)) + data
    return whole.ljust(length_of(length_number(len(whole))), b"\0")


def read_first(block: bytes, listed: bool) -> tuple[list[Entry], bytes]:
    """(the list of what follows; the first one's own bytes). Raises LinkError for another one."""
    further: list[Entry] = []
    at, more = 0, listed
    while more:
        if at >= len(block) or len(further) == MOST_BLOCKS - 1:
            raise LinkError("the list of further blocks has no end")
        head = block[at]
        length, at = _read_number(block, at + 1)
        more = bool(head & 128)
        further.append(Entry(head >> 4 & NUMBERS, head % FURTHER_SHARES, length))
    if listed:
        if block[at : at + 1] != _check_of(block[:at]):
            raise LinkError("the list of further blocks is damaged: its check differs")
        at += 1
    if len(block) <= EXACT_LENGTHS:
        return further, block[at:]
    length, at = _read_number(block, at)
    if at + length > len(block):
        raise LinkError("the first block is longer than it is")
    return further, block[at : at + length]


def _check_of(listing: bytes) -> bytes:
    """The low byte of the CRC-16 that captions have (docs/packet.md)."""
    return binascii.crc_hqx(listing, 0xFFFF).to_bytes(2)[1:]


def number_bytes(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit of a byte says that another follows."""
    written = bytearray()
    while value >= 128:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    """(a number above 0, where it ends)."""
    value = 0
    for shift in range(0, 28, 7):
        if at >= len(data):
            break
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128 and value:
            return value, at
    raise LinkError("a length has no end, or is 0")
