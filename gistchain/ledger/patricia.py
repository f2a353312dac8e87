"""A root hash and a key -> the value that a Merkle Patricia trie of Ethereum holds (Yellow Paper, appendices B and D).

Written out here because the libraries for it take half a second to load, which is all the time that `list` has.
"""

from __future__ import annotations

from typing import Any, Protocol

Item = Any
"""What RLP encodes: bytes, or a list of items."""


EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
"""Of a trie without entries: keccak of the RLP of no bytes."""


def rlp(raw: bytes) -> Item:
    """What the RLP encodes. Raises ValueError or IndexError where it is none."""
    item, end = _item(raw, 0)
    if end != len(raw):
        raise ValueError("bytes are left over")
    return item


def _item(raw: bytes, at: int) -> tuple[Item, int]:
    """The item that begins at `at`, and where it ends."""
    first = raw[at]
    if first < 0x80:
        return raw[at : at + 1], at + 1
    listed = first >= 0xC0
    size, at = first - (0xC0 if listed else 0x80), at + 1
    if size > 55:  # the size itself is written, in size - 55 bytes
        size, at = int.from_bytes(raw[at : at + size - 55], "big"), at + size - 55
    end = at + size
    if end > len(raw):
        raise ValueError("it is cut short")
    if not listed:
        return raw[at:end], end
    items = []
    while at < end:
        item, at = _item(raw, at)
        items.append(item)
    if at != end:
        raise ValueError("an item is longer than its list")
    return items, end


def encoded(item: Item) -> bytes:
    """The RLP of bytes, or of a list of items."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _sized(0x80, item)
    return _sized(0xC0, b"".join(map(encoded, item)))


def _sized(kind: int, content: bytes) -> bytes:
    size = len(content)
    if size < 56:
        return bytes([kind + size]) + content
    digits = big_endian(size)
    return bytes([kind + 55 + len(digits)]) + digits + content


def big_endian(number: int) -> bytes:
    """A number as RLP takes it: without leading zeros, b"" for 0."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


class Nodes(Protocol):
    """Encoded nodes by their hash. Raises KeyError for one that is missing."""

    def __getitem__(self, key: bytes) -> bytes: ...


class Trie:
    """The entries below a root. Nodes are kept once read: the upper ones lie on the way to every key."""

    def __init__(self, nodes: Nodes, root: bytes) -> None:
        self._nodes, self._root = nodes, root
        self._read: dict[bytes, Item] = {EMPTY_ROOT: b""}

    def get(self, key: bytes) -> bytes:
        """The value of the key, b"" for none. Raises KeyError, ValueError, IndexError where the trie is broken."""
        node: Item = self._root
        path = key.hex()
        while node != b"":
            if isinstance(node, bytes):
                node = self._node(node)
                continue
            if len(node) == 17:  # a branch: a child for each digit, and the value of the path that ends here
                if not path:
                    return _bytes(node[16])
                node, path = node[int(path[0], 16)], path[1:]
                continue
            part, leaf = _path(_bytes(node[0]))
            if leaf:
                return _bytes(node[1]) if part == path else b""
            if not part:  # it would go round for ever where it names itself
                raise ValueError("an extension without a path")
            if not path.startswith(part):
                return b""
            node, path = node[1], path[len(part) :]
        return b""

    def _node(self, digest: bytes) -> Item:
        if digest not in self._read:
            node = rlp(self._nodes[digest])
            if not isinstance(node, list) or len(node) not in (2, 17):
                raise ValueError("a node is neither branch nor leaf")
            self._read[digest] = node
        return self._read[digest]


def _path(encoded: bytes) -> tuple[str, bool]:
    """The hex digits of a shortened path, and whether it ends there."""
    digits = encoded.hex()
    flags = int(digits[0], 16)
    return digits[1 if flags & 1 else 2 :], bool(flags & 2)


def _bytes(value: Item) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a value is a list")
    return value
