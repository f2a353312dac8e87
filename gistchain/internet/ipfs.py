"""A CID, and blocks that a stranger says are its -> the content, proven block by block.

    CAR ── blocks(): each block hashed ──> Blocks ── resolved(): the path walked from the CID ──> file's bytes

A trustless gateway (https://specs.ipfs.tech/http-gateways/trustless-gateway/) sends the blocks; who hashes them need
not believe it. Block formats: CARv1 (https://ipld.io/specs/transport/car/carv1/), DAG-PB
(https://ipld.io/specs/codecs/dag-pb/spec/) and UnixFS (https://specs.ipfs.tech/unixfs/).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from multiformats import CID, multihash

from gistchain.errors import SearchError

RAW, DAG_PB = 0x55, 0x70
_IDENTITY = 0x00
_HASHES = frozenset({"sha2-256", "sha2-512", "sha3-256", "blake2b-256"})
_MOST_CID_BYTES, _MOST_IDENTITY = 127, 127  # so that the length takes one byte
_MOST_HEADER = 4_096
_MOST_BLOCK = 4 << 20
_MOST_BLOCKS = 100_000
_MOST_FIELDS = 1_000_000
"""Of all nodes that a path goes through; a link has four."""
_DEEPEST = 32
_LONGEST = 200
_RAW_TYPE, _DIRECTORY, _FILE, _SYMLINK, _SHARD = 0, 1, 2, 4, 5  # of UnixFS
_CID = re.compile(r"(Qm[1-9A-HJ-NP-Za-km-z]{44}|b[a-z2-7]{50,200}|z[1-9A-HJ-NP-Za-km-z]{40,200}|f[0-9a-f]{60,400})")
Blocks = Mapping[bytes, bytes]
"""Key of a block (`Cid.key`) -> its bytes, which have been hashed."""
Links = tuple[tuple[str, "Cid"], ...]


class NotProven(SearchError):
    """Blocks that are not those of the CID, or not all of them."""


class WrongBlock(NotProven):
    """A block whose hash is not the one it was sent for: who sends it lies, or is broken."""


@dataclass(frozen=True, slots=True)
class Cid:
    """Of some content. text: as it was written, '' for one of a link. codec: RAW, DAG_PB or another.

    digest: its multihash in bytes.
    """

    text: str
    codec: int
    digest: bytes

    @property
    def key(self) -> bytes:
        return bytes([self.codec & 0xFF, self.codec >> 8 & 0xFF]) + self.digest

    @property
    def name(self) -> str:
        """As it was written, or in base32 as version 1."""
        codec = bytes([self.codec]) if self.codec < 0x80 else bytes([self.codec & 0x7F | 0x80, self.codec >> 7])
        return self.text or "b" + base64.b32encode(b"\x01" + codec + self.digest).decode().lower().rstrip("=")

    @property
    def inline(self) -> bytes | None:
        """The content itself, where the CID holds it in place of a hash (identity)."""
        return self.digest[2:] if self.digest[:1] == b"\0" else None


def cid_of(text: str) -> Cid | None:
    """The CID that the text is; None for none that can be read here."""
    if not _CID.fullmatch(text):
        return None
    try:
        raw = bytes(CID.decode(text))
        cid, end = _binary_cid(memoryview(raw), 0)
        return replace(cid, text=text) if end == len(raw) else None
    except (ValueError, KeyError, IndexError, TypeError):
        return None


def raw_content(cid: Cid, data: bytes) -> bytes:
    """The data, if it is the block of the CID. Raises NotProven."""
    _check(cid, data)
    return data


def blocks(car: bytes) -> Blocks:
    """The blocks of a CARv1, each hashed. Raises NotProven for a block of another hash and for what is no CAR."""
    import dag_cbor
    from dag_cbor.encoding.err import CBORError

    view, found, count = memoryview(car), {}, 0
    try:
        length, at = _varint(view, 0)
        if not 0 < length <= _MOST_HEADER:
            raise NotProven("it is no CAR: its header has no length that can be")
        header = dag_cbor.decode(bytes(view[at : at + length]))
        if not isinstance(header, dict) or header.get("version") != 1:
            raise NotProven("it is no CAR of version 1")
        at += length
        while at < len(view):
            length, at = _varint(view, at)
            end = at + length
            count += 1
            if length > _MOST_BLOCK + _MOST_CID_BYTES or end > len(view) or count > _MOST_BLOCKS:
                raise NotProven("the CAR is cut short, or a block of it is too large")
            cid, start = _binary_cid(view, at)
            data = bytes(view[start:end])
            if start > end:
                raise NotProven("a block of the CAR is shorter than its CID")
            _check(cid, data)
            found[cid.key] = data
            at = end
    except (CBORError, ValueError, KeyError, IndexError, TypeError) as error:
        raise NotProven(f"the CAR can't be read ({str(error)[:_LONGEST]})") from error
    return found


def resolved(
    cid: Cid,
    path: Sequence[str],
    there: Blocks,
    *,
    most: int,
    seen: Callable[[Cid, Links], None] = lambda folder, links: None,
) -> bytes:
    """The file at the path below the CID. most: bytes of it. seen: is told each folder on the path that is one block.

    Raises NotProven where a block is missing, the path leads nowhere, or it is a folder.
    """
    nodes = _Nodes(there)
    for number, name in enumerate(path):
        folder = cid
        cid = _child(folder, name, nodes, "/".join(path[: number + 1]))
        node = nodes.node(folder, nodes.block(folder) or b"")
        if node.kind == _DIRECTORY:
            seen(folder, node.links)
    content = bytearray()
    for number, piece in enumerate(_pieces(cid, nodes, 0)):
        content += piece
        if len(content) > most:
            raise NotProven(f"it has more than {most:,} bytes: not read")
        if number > _MOST_BLOCKS:  # blocks may be used again and again, and be empty
            raise NotProven(f"it has more than {_MOST_BLOCKS:,} blocks: not read")
    return bytes(content)


def _check(cid: Cid, data: bytes) -> None:
    inline = cid.inline
    if inline is not None:
        if inline != data:
            raise WrongBlock("a block differs from what its CID holds")
        return
    try:
        name = _hash_name(cid)
        hashed = multihash.digest(data, name, size=len(multihash.unwrap(cid.digest)))
    except (ValueError, LookupError) as error:  # a hash that nobody knows, or one with more bytes than it can have
        raise NotProven(f"a CID's hash can't be ({str(error)[:_LONGEST]})") from error
    if hashed != cid.digest:
        raise WrongBlock(f"a block has another {name} than its CID {cid.text or cid.digest.hex()}")


def _hash_name(cid: Cid) -> str:
    name = str(multihash.from_digest(cid.digest).name)
    if name not in _HASHES or len(multihash.unwrap(cid.digest)) < 20:
        raise NotProven(f"a block is hashed by {name}, which proves nothing here")
    return name


@dataclass(frozen=True, slots=True)
class _Node:
    """kind: type in UnixFS. links: with their names. inner: the bytes of the file that stand in the node itself."""

    kind: int
    links: Links
    inner: bytes


class _Nodes:
    """The nodes of blocks, each parsed once however many links lead to it: a root may name one of 4 MB 20,000 times."""

    def __init__(self, there: Blocks) -> None:
        self._there, self._read, self._left = there, dict[bytes, _Node](), _MOST_FIELDS

    def block(self, cid: Cid, *, optional: bool = False) -> bytes | None:
        data = cid.inline if cid.inline is not None else self._there.get(cid.key)
        if data is None and not optional:
            raise NotProven("a block is missing in what was sent")
        return data

    def node(self, cid: Cid, data: bytes) -> _Node:
        """data: its block. Raises NotProven for what is no node, and for more fields in all than are read."""
        if cid.codec != DAG_PB:
            return _Node(_RAW_TYPE if cid.codec == RAW else -1, (), b"")
        if cid.key not in self._read:
            try:
                self._read[cid.key] = self._parsed(data)
            except (ValueError, KeyError, IndexError, TypeError) as error:
                raise NotProven(f"a block is no node of UnixFS ({str(error)[:_LONGEST]})") from error
        return self._read[cid.key]

    def _parsed(self, data: bytes) -> _Node:
        links: list[tuple[str, Cid]] = []
        kind, inner = -1, b""
        for field, value in self._fields(data):
            if field == 2 and isinstance(value, bytes):
                links.append(self._link(value))
            elif field == 1 and isinstance(value, bytes):
                parts = dict(self._fields(value))
                told, held = parts.get(1), parts.get(2, b"")
                kind = told if isinstance(told, int) else -1
                inner = held if isinstance(held, bytes) else b""
        return _Node(kind, tuple(links), inner)

    def _link(self, value: bytes) -> tuple[str, Cid]:
        parts = dict(self._fields(value))
        hashed, name = parts.get(1), parts.get(2, b"")
        if not isinstance(hashed, bytes) or not isinstance(name, bytes):
            raise ValueError("a link without a hash")
        link, end = _binary_cid(memoryview(hashed), 0)
        if end != len(hashed):
            raise ValueError("a link's hash has more than a CID")
        return name.decode("utf-8"), link

    def _fields(self, message: bytes) -> Iterator[tuple[int, int | bytes]]:
        for found in _fields(message):
            self._left -= 1
            if self._left < 0:
                raise ValueError(f"more than {_MOST_FIELDS:,} fields in all")
            yield found


def _child(cid: Cid, name: str, nodes: _Nodes, path: str) -> Cid:
    """The entry of a folder. Large folders are split into shards (HAMT), each with a prefix of two hex digits."""
    found: dict[bytes, Cid] = {}
    waiting, known = [(cid, 0)], {cid.key}
    while waiting:
        folder, depth = waiting.pop()
        if depth > _DEEPEST:
            raise NotProven("the folder is nested too deeply")
        data = nodes.block(folder, optional=depth > 0)
        if data is None:  # a shard that the path does not go through
            continue
        node = nodes.node(folder, data)
        kind = node.kind
        if kind not in (_DIRECTORY, _SHARD):
            raise NotProven(f"{path!r} leads through something that is no folder")
        for link_name, link in node.links:
            if (link_name if kind == _DIRECTORY else link_name[2:]) == name and (kind == _DIRECTORY or link_name[2:]):
                found[link.key] = link
            elif kind == _SHARD and len(link_name) == 2 and link.key not in known:  # one shard is looked into once
                known.add(link.key)
                waiting.append((link, depth + 1))
    if not found:
        raise NotProven(f"there is no {path!r} among the blocks that were sent")
    if len(found) > 1:
        raise NotProven(f"the folder has {path!r} more than once")
    return next(iter(found.values()))


def _pieces(cid: Cid, nodes: _Nodes, depth: int) -> Iterator[bytes]:
    """The file's bytes, in order."""
    if depth > _DEEPEST:
        raise NotProven("the file is nested too deeply")
    data = nodes.block(cid)
    if data is None:
        raise NotProven("a block of the file is missing")
    if cid.codec == RAW:
        yield data
        return
    if cid.codec != DAG_PB:
        raise NotProven(f"its blocks are of codec {cid.codec:#x}: only files of UnixFS are read")
    node = nodes.node(cid, data)
    if node.kind not in (_FILE, _RAW_TYPE):
        raise NotProven("it is a folder, not a file" if node.kind in (_DIRECTORY, _SHARD) else "it is no file")
    yield node.inner
    for _, link in node.links:
        yield from _pieces(link, nodes, depth + 1)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of a message's fields (https://protobuf.dev/programming-guides/encoding/). Raises ValueError."""
    view, at = memoryview(message), 0
    while at < len(view):
        tag, at = _varint(view, at)
        if tag & 7 == 0:
            number, at = _varint(view, at)
            yield tag >> 3, number
        elif tag & 7 == 2:
            length, at = _varint(view, at)
            if at + length > len(view):
                raise ValueError("a field is cut short")
            yield tag >> 3, bytes(view[at : at + length])
            at += length
        else:
            raise ValueError("a field of a type that UnixFS does not have")


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    """An integer and where it ends. Raises ValueError, IndexError.

    By hand: a folder has hundreds of them, and the library's checks of types took two thirds of a token's time.
    """
    number, shift = 0, 0
    while shift < 63:
        byte = view[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
    raise ValueError("a number of more than 63 bits")


def _binary_cid(view: memoryview, at: int) -> tuple[Cid, int]:
    """The CID that stands at `at`, and where it ends. Raises ValueError."""
    if bytes(view[at : at + 2]) == b"\x12\x20":
        return Cid("", DAG_PB, _whole(view, at, 34)), at + 34
    version, start = _varint(view, at)
    if version != 1:
        raise ValueError("a CID of another version than 0 and 1")
    codec, start = _varint(view, start)
    kind, end = _varint(view, start)
    length, end = _varint(view, end)
    if length > (_MOST_IDENTITY if kind == _IDENTITY else _MOST_CID_BYTES) or codec > 0xFFFF:
        raise ValueError("a CID that can't be")
    return Cid("", codec, _whole(view, start, end - start + length)), end + length


def _whole(view: memoryview, at: int, length: int) -> bytes:
    if at + length > len(view):
        raise ValueError("a CID is cut short")
    return bytes(view[at : at + length])
