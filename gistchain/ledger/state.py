"""The embedded chain's file -> the images that its tokens are of, read without web3 and py-evm.

Those take more than a second to load. Here no contract runs: the registry's storage is looked up in the state of the
last block, where Vyper lays its variables out in the order of registry.vy (tests hold it against the contract).
"""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path

from gistchain.disk.files import FileLock, damaged, disk_errors
from gistchain.errors import LedgerError
from gistchain.ledger.embedded import APPLICATION_ID, FORMAT
from gistchain.ledger.known import recall

_HASHES, _TOTALS = 2, 6
"""Places of `hashes` and `totals`: slot 0 is the lock against reentrance, `heads` is 1."""
_STATE_ROOT, _STORAGE_ROOT = 3, 2  # fields of a block's header and of an account (Yellow Paper, 4.3 and 4.1)


def images(home: Path, *, wait_s: float = 1.0) -> list[bytes]:
    """SHA3-256 of each token's image, oldest token first; empty where the home has no chain.

    Raises LedgerBusy where another process holds the chain for longer than wait_s, LedgerDamaged, LedgerError.
    """
    path = home / "chain.sqlite"
    known = recall(home).get("embedded")
    if known is None or not path.exists():
        return []
    with FileLock(home / "chain.lock", wait_s=wait_s), _records(path) as records:
        return list(_images(records, bytes.fromhex(known.registry.removeprefix("0x"))))


def _images(records: _Records, registry: bytes) -> Iterator[bytes]:
    import rlp
    from eth_utils.crypto import keccak
    from rlp.exceptions import RLPException
    from trie.exceptions import MissingTrieNode
    from trie.hexary import HexaryTrie

    try:
        header = rlp.decode(records[records[b"v1:canonical_head_hash"]])
        account = rlp.decode(HexaryTrie(records, header[_STATE_ROOT])[keccak(registry)])
        storage = HexaryTrie(records, account[_STORAGE_ROOT])

        def word(place: bytes) -> int:
            return int.from_bytes(rlp.decode(storage[keccak(place)] or b"\x80"), "big")

        for token in range(1, 1 + (word(_word(_TOTALS)) & (1 << 128) - 1)):
            yield _word(word(keccak(_word(_HASHES) + _word(token))))
    except (MissingTrieNode, KeyError, RLPException, IndexError, TypeError) as error:
        raise damaged(records.path, f"its last state can't be read: {type(error).__name__}") from error


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


class _Records:
    """What py-evm has written, by its keys."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db, self.path = db, path

    def __getitem__(self, key: bytes) -> bytes:
        with disk_errors(self.path):
            row = self._db.execute("SELECT value, crc32 FROM chain WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        value: bytes = row[0]
        if not isinstance(value, bytes) or zlib.crc32(value, zlib.crc32(key)) != row[1]:
            raise damaged(self.path, "a record fails its checksum")
        return value

    def __contains__(self, key: bytes) -> bool:
        with contextlib.suppress(KeyError):
            return bool(self[key])
        return False


@contextlib.contextmanager
def _records(path: Path) -> Iterator[_Records]:
    with disk_errors(path):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    with contextlib.closing(db):
        # Damage can turn a blob into text that is no text; its checksum is what finds it.
        db.text_factory = bytes
        with disk_errors(path):
            made_by = (*db.execute("PRAGMA application_id").fetchone(), *db.execute("PRAGMA user_version").fetchone())
        if made_by != (APPLICATION_ID, FORMAT):
            raise LedgerError(f"{path} is not what this gistchain writes: use the version that made it")
        yield _Records(db, path)
