"""Files and folders as IPFS keeps them, and a gateway of them on loopback that can be told to fail, stall and lie."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

import dag_cbor
from multiformats import CID, multihash, varint

from gistchain.internet.gateways import CAR, RAW_BLOCK
from tests.support.localweb import Handler, Reply, Request, Site, served

CHUNK = 1_000


def raw_cid(data: bytes) -> CID:
    return CID("base32", 1, "raw", multihash.digest(data, "sha2-256"))


def node_cid(data: bytes) -> CID:
    return CID("base32", 1, "dag-pb", multihash.digest(data, "sha2-256"))


def _bytes(number: int, data: bytes) -> bytes:
    return varint.encode(number << 3 | 2) + varint.encode(len(data)) + data


def _number(number: int, value: int) -> bytes:
    return varint.encode(number << 3) + varint.encode(value)


def node(links: list[tuple[str, CID]], kind: int, data: bytes = b"") -> bytes:
    """A block of DAG-PB whose data is a UnixFS node of this kind."""
    inner = _number(1, kind) + (_bytes(2, data) if data else b"")
    return b"".join(_bytes(2, _bytes(1, bytes(cid)) + _bytes(2, name.encode())) for name, cid in links) + _bytes(
        1, inner
    )


@dataclass
class Store:
    """blocks: CID -> bytes."""

    blocks: dict[CID, bytes] = field(default_factory=dict)

    def raw(self, data: bytes) -> CID:
        cid = raw_cid(data)
        self.blocks[cid] = data
        return cid

    def _node(self, links: list[tuple[str, CID]], kind: int, data: bytes = b"") -> CID:
        block = node(links, kind, data)
        cid = node_cid(block)
        self.blocks[cid] = block
        return cid

    def file(self, data: bytes) -> CID:
        """In one raw block, or in a tree of several."""
        if len(data) <= CHUNK:
            return self.raw(data)
        return self._node([("", self.raw(data[at : at + CHUNK])) for at in range(0, len(data), CHUNK)], 2)

    def folder(self, entries: Mapping[str, bytes]) -> CID:
        return self._node([(name, self.file(data)) for name, data in sorted(entries.items())], 1)

    def sharded(self, entries: Mapping[str, bytes]) -> CID:
        """A folder in shards; which shard an entry is in matters to nobody who is sent all of them."""
        shards: dict[str, list[tuple[str, CID]]] = {}
        for number, (name, data) in enumerate(sorted(entries.items())):
            shards.setdefault(f"{number % 3:02X}", []).append((f"{number:02X}{name}", self.file(data)))
        return self._node([(prefix, self._node(links, 5)) for prefix, links in shards.items()], 5)


def car(root: CID, blocks: Mapping[CID, bytes]) -> bytes:
    head = dag_cbor.encode({"version": 1, "roots": [root]})
    sections = [varint.encode(len(head)) + head]
    for cid, data in blocks.items():
        section = bytes(cid) + data
        sections.append(varint.encode(len(section)) + section)
    return b"".join(sections)


@dataclass
class Gateway:
    """trustless: sends blocks. wrong: path -> what is answered to it, once for each reply in the list."""

    site: Site
    store: Store
    trustless: bool = True
    lies: bool = False
    wrong: dict[str, list[Reply]] = field(default_factory=dict)
    stalls: set[str] = field(default_factory=set)
    only_roots: set[str] = field(default_factory=set)
    """Where there are any: CIDs that it finds, and no others."""
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return self.site.url


@contextmanager
def gateway(store: Store, *, trustless: bool = True, lies: bool = False) -> Iterator[Gateway]:
    with served() as site:
        made = Gateway(site, store, trustless, lies)
        site.routes = _Routes(made)
        try:
            yield made
        finally:
            made.over.set()


class _Routes(dict[str, object]):
    def __init__(self, made: Gateway) -> None:
        super().__init__()
        self._made = made

    def get(self, key: str, default: object = None) -> object:  # type: ignore[override]
        return self._answer

    def _answer(self, handler: Handler, request: Request) -> Reply | None:
        made = self._made
        parts = urlsplit(request.path)
        path = unquote(parts.path)
        if path in made.stalls:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: ")
            made.over.wait(30)
            return None
        if made.wrong.get(path):
            return made.wrong[path].pop(0)
        wanted = parse_qs(parts.query).get("format", [""])[0] if made.trustless else ""
        _, _, name, *rest = path.split("/")
        if made.only_roots and name not in made.only_roots:
            return Reply(b"no provider", "text/plain", 504)
        cid = CID.decode(name)
        if wanted == "raw":
            data = made.store.blocks.get(cid)
            if data is None:
                return Reply(b"no", status=404)
            return Reply(_bent(data) if made.lies else data, RAW_BLOCK)
        content = _content(made.store, cid, rest)
        if content is None:
            return Reply(b"no such file", "text/plain", 404)
        if wanted == "car":
            blocks = dict(made.store.blocks)
            if made.lies:
                blocks[cid] = _bent(blocks[cid])
            return Reply(car(cid, blocks), f"{CAR}; version=1")
        return Reply(content, "application/octet-stream")


def _bent(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def _content(store: Store, cid: CID, path: list[str]) -> bytes | None:
    from gistchain.internet import ipfs

    read = ipfs.cid_of(str(cid))
    assert read is not None
    try:
        return ipfs.resolved(read, path, ipfs.blocks(car(cid, store.blocks)), most=1 << 30)
    except ipfs.NotProven:
        return None
