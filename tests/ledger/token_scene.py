"""Registry, trait tables, pictures and tokens on a Machine, and what a wallet makes of a token's URI."""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from eth_utils.crypto import keccak
from PIL import Image

from gistchain.gist import traitcode
from gistchain.gist.crc32c import crc32c
from gistchain.gist.header import written_number, written_size
from tests.ledger.machines import Machine
from tests.ledger.registry_model import ZERO, BatchData, Item, Merkle
from tests.ledger.vypers import Contract, shipped

ALICE, BOB, CAROL = bytes([0xA1]) * 20, bytes([0xB0]) * 20, bytes([0xCA]) * 20
RATING = 9_701 << 96 | 1 << 88 | 3 << 72 | 123 << 32 | 45
PLAIN, DICTIONARY, TABLE = 0x10, 0x11, 0x12
THUMB8, PHOTO, EXACT = 0x21, 0x22, 0x41
URI_GAS = 25_000_000
"""What docs/contract.md promises that a token's URI stays below."""
MEDIA = {"png": 1, "jpeg": 2, "webp": 3, "avif": 4, "gif": 5}


class Scene:
    """Alice registers; `uri` is what any wallet would show."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.registry = Contract(machine, shipped("registry"))
        self.tables = Contract(machine, shipped("tables"))
        self.pictures = Contract(machine, shipped("pictures"))
        made = self.registry.address, self.tables.address, self.pictures.address
        self.token = Contract(machine, shipped("token"), *made)

    def register(self, gist: bytes, *, rated: bool = False, image: bytes = b"") -> int:
        """A token of Alice's."""
        image = image or keccak(self.registry.ask("count").to_bytes(32) + gist)
        name = "register" if len(gist) <= (18 if rated else 64) else "registerLong"
        evidence, rating = (keccak(b"evidence"), RATING) if rated else (ZERO, 0)
        done = self.registry.send(ALICE, name, image, evidence, rating, gist)
        assert done.ok, done
        return int(self.registry.ask("count"))

    def batch(self, gists: Sequence[bytes], **more: Any) -> int:
        """The first of a batch of Alice's whose gists the state has."""
        start = int(self.registry.ask("count")) + 1
        done = self.registry.send(ALICE, "registerBatch", _batch(start, gists, **more).encoded())
        assert done.ok, done
        return start

    def proofs(self, gists: Sequence[bytes]) -> int:
        """The first of a batch of Alice's of which the state has a root alone."""
        start = int(self.registry.ask("count")) + 1
        data = _batch(start, gists)
        root = Merkle([data.leaf(k) for k in range(len(gists))]).root
        done = self.registry.send(ALICE, "registerProofs", root, len(gists), data.encoded())
        assert done.ok, done
        return start

    def table(self, table: bytes) -> bytes:
        """Its name, once it is on the chain."""
        done = self.tables.send(BOB, "add", table)
        assert done.ok, done
        return traitcode.name(table)

    def uri(self, id: int, view: str = "preview") -> dict[str, Any]:
        """The JSON of a token's URI; fails for any that is not strict, or that needs more than URI_GAS."""
        done = self.machine.call(self.token.address, self.token.data(view, id), URI_GAS)
        assert done.ok, done.reason or "it ran out of gas"
        return strict(self.token.decoded(view, done.output))


def _batch(start: int, gists: Sequence[bytes], **more: Any) -> BatchData:
    items = [Item(keccak((start + k).to_bytes(32)), gist) for k, gist in enumerate(gists)]
    return BatchData(tuple(sorted(items, key=lambda item: item.image)), **more)


def packet(size: tuple[int, int], *layers: tuple[int, bytes]) -> bytes:
    """A packet of these layers, each a tag and its data, as docs/packet.md says."""
    head = written_size(size)
    made = head
    for tag, data in layers:
        part = bytes([tag | 0x80]) if len(layers) == 1 else bytes([tag]) + written_number(len(data))
        part += data
        short = tag >> 4 <= 1
        made += part + (binascii.crc_hqx(head + part, 0xFFFF).to_bytes(2) if short else crc32c(head + part).to_bytes(4))
    return made


def content(uri: str, kind: str) -> bytes:
    """The bytes of a data URI of this media type in base64, without anything that is no base64."""
    start = f"data:{kind};base64,"
    assert uri.startswith(start), uri[:60]
    return base64.b64decode(uri[len(start) :], validate=True)


def strict(uri: str) -> dict[str, Any]:
    """The JSON object of a data URI: UTF-8, each key once, no NaN."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({key for key, _ in found}) == len(found), found
        return dict(found)

    def constant(name: str) -> Any:
        raise AssertionError(f"{name} is no JSON")

    text = content(uri, "application/json").decode("utf-8")
    read: dict[str, Any] = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    return read


def file_of(pixels: np.ndarray[Any, Any], kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def noise(side: int, colours: int = 256) -> np.ndarray[Any, Any]:
    return np.random.default_rng(side).integers(0, colours, (side, side, 3), dtype=np.uint8)
