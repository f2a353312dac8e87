"""Files of a home, of a collection that someone sends, and answers of a node: seeds, changes and readers of each."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from fuzz.mutate import json_value, mutated

_PASSWORD = "p"
_HASH, _ADDRESS = "0x" + "ab" * 32, "0x" + "cd" * 20
_LOG = {
    "address": _ADDRESS,
    "topics": [_HASH],
    "data": "0x00",
    "blockNumber": "0x1",
    "transactionHash": _HASH,
    "logIndex": "0x0",
}
_RECEIPT = {
    "transactionHash": _HASH, "blockHash": _HASH, "blockNumber": "0x1", "gasUsed": "0x5208", "status": "0x1",
    "contractAddress": None, "logs": [_LOG],
}  # fmt: skip
_RESULTS: dict[str, object] = {
    "eth_chainId": "0x1",
    "eth_getCode": "0x6001",
    "eth_call": "0x" + "00" * 64,
    "eth_getLogs": [_LOG],
    "eth_getBlockByNumber": {"hash": _HASH, "number": "0x1", "timestamp": "0x5", "baseFeePerGas": "0x7"},
    "eth_getTransactionByHash": {"hash": _HASH, "nonce": "0x0", "blockNumber": None},
    "eth_getTransactionReceipt": _RECEIPT,
}
Read = Callable[[bytes], object]


def fields(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A JSON object with changed bytes, or with one field, at any depth, of another kind."""
    raw = rng.choice(seeds)
    if rng.random() < 0.5:
        return mutated(raw, rng)
    whole = json.loads(raw)
    place = whole
    while isinstance(place, dict) and place:
        key = rng.choice(list(place))
        if not isinstance(place[key], dict) or rng.random() < 0.4:
            place[key] = json_value(rng)
            break
        place = place[key]
    return json.dumps(whole).encode()


def collections() -> list[bytes]:
    """A shipped collection, as `collection export` writes one's own."""
    from gistchain.models.zoo.weights import WEIGHTS

    path = min(WEIGHTS.glob("collection-*.layers"), key=lambda path: path.stat().st_size)
    layers, card = path.read_bytes(), json.loads(path.with_suffix(".json").read_text())
    head = json.dumps({**card, "sha256": hashlib.sha256(layers).hexdigest()}).encode()
    return [_signed(b"GCL1" + len(head).to_bytes(4, "little") + head + layers)]


def collection(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Changed bytes, mostly of the card, under the hash that belongs to them."""
    raw = seeds[0][:-32]
    stop = 8 + int.from_bytes(raw[4:8], "little")
    if rng.random() < 0.8:
        head = fields(rng, [raw[8:stop]])
        changed = raw[:4] + len(head).to_bytes(4, "little") + head + raw[stop:]
    else:
        changed = mutated(raw, rng)
    return _signed(changed) if rng.random() < 0.9 else mutated(seeds[0], rng)


def _signed(content: bytes) -> bytes:
    return content + hashlib.sha256(content).digest()


def read_collection() -> Read:
    from gistchain.collection.exchange import imported

    return _file("a.gcl", lambda path: imported(path, path.parent / "shelf", replace=True))


def ledgers() -> list[bytes]:
    known = {"chain_id": 1, "genesis": _HASH, "registry": _ADDRESS, "confirmed": True, "account": _ADDRESS}
    return [json.dumps({"embedded": known, "http://127.0.0.1:8545": known}).encode()]


def read_ledgers() -> Read:
    from gistchain.ledger.known import NAME, recall

    return _file(NAME, lambda path: recall(path.parent))


def memories() -> list[bytes]:
    return [json.dumps({"store": "ab", "rows": 3, "chain": "evm:1", "tokens": 2, "missing": ["cd" * 32]}).encode()]


def read_memory() -> Read:
    from gistchain.rareness.store.trust import NAME, Trust

    return _file(NAME, lambda path: Trust(path.parent).lacking())


def keystores() -> list[bytes]:
    from eth_account import Account

    key = b"\1" * 32
    made = [Account.encrypt(key, _PASSWORD, kdf=kdf, iterations=2) for kdf in ("scrypt", "pbkdf2")]
    return [json.dumps(keystore).encode() for keystore in made]


def read_key() -> Read:
    from gistchain.ledger.keys import account

    return _file("a.key", lambda path: account(path.parent, path, _PASSWORD))


def nodes() -> list[bytes]:
    """Nodes of a trie, in RLP: a branch, an extension, a leaf, one with its child inside."""
    child = b"\xa0" + b"\7" * 32
    leaf = b"\xc5\x82\x20\x12\x81\xff"
    return [
        bytes([0xC0 + 36]) + b"\x82\x00\x12" + child,
        leaf,
        b"\xf9" + (16 * 33 + 1).to_bytes(2, "big") + 16 * child + b"\x80",
        bytes([0xC0 + 3 + len(leaf)]) + b"\x82\x00\x12" + leaf,
        bytes([0xC0 + 34]) + b"\x00" + child,
    ]


def read_node() -> Read:
    from gistchain.ledger.patricia import Trie

    class Everywhere:
        def __init__(self, node: bytes) -> None:
            self._node = node

        def __getitem__(self, key: bytes) -> bytes:
            return self._node

    return lambda data: Trie(Everywhere(data), b"\1" * 32).get(b"\x12" * 32)


def transactions() -> list[bytes]:
    """Signed ones of the three types that are read, each with the call of a registration in it."""
    from gistchain.ledger.patricia import encoded

    call = bytes.fromhex("00000000") + b"\1" * 32 + bytes(64) + (128).to_bytes(32) + (3).to_bytes(32) + b"abc"
    to = [b"\xcd" * 20, b"", call]
    signed = [b"\1", b"\2" * 32, b"\3" * 32]
    access = [[b"\xcd" * 20, [b"\4" * 32]]]
    return [
        encoded([b"", b"\7", b"\7", *to, b"\x25", *signed[1:]]),
        b"\1" + encoded([b"\1", b"", b"\7", b"\7", *to, access, *signed]),
        b"\2" + encoded([b"\1", b"", b"\7", b"\7", b"\7", *to, [], *signed]),
    ]


def read_transaction() -> Read:
    from gistchain.ledger.proof import registered
    from gistchain.ledger.transaction import call_of, sender_of

    return lambda data: (sender_of(data), registered(call_of(data).data))


def batches() -> list[bytes]:
    """The data of a batch of two, with and without tickets, of one width and of several."""
    hashes = b"\1" * 32 + b"\2" * 32
    return [
        bytes([0, 0, 2, 2, 1]) + b"c" + hashes + b"abcd",
        bytes([1, 0, 2, 0, 0]) + b"\5" * 43 + hashes + b"\6" * 6 + b"\0\1\0\3" + b"abc",
    ]


def read_batch() -> Read:
    from gistchain.ledger import batch

    def read(data: bytes) -> object:
        return batch.image(data, 1), batch.gist(data, 1), batch.rating(data, 1) if batch.rated(data) else None

    return read


def replies() -> list[bytes]:
    return [
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "result": result}).encode()
        for method, result in _RESULTS.items()
    ]


def read_reply() -> Read:
    """Reads it as the answer to each question in turn."""
    from gistchain.errors import LedgerError
    from gistchain.ledger.replies import checked, usable

    def read(data: bytes) -> object:
        refused: LedgerError | None = None
        for method in _RESULTS:
            try:
                with usable("node"):
                    return checked(data, method, [_HASH])
            except LedgerError as error:
                refused = error
        raise refused or LedgerError("no question")

    return read


def _file(name: str, reader: Callable[[Path], object]) -> Read:
    """Reads the input as a file of this name in a folder of its own."""
    kept = tempfile.TemporaryDirectory(prefix="gistchain-fuzz-")

    def read(data: bytes) -> object:
        path = Path(kept.name) / name  # `kept`: the folder lives as long as the reader
        path.write_bytes(data)
        return reader(path)

    return read
