"""The default chain: py-evm in this process, one SQLite file in the home folder, nothing to install or start.

A block is on the disk, whole, before its transaction is acknowledged; kill -9 leaves the block before or the one
after. One process at a time: a second one is told who holds it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from gistchain.disk.files import FileLock, damaged, disk_errors, sync_folder
from gistchain.errors import LedgerError
from gistchain.ledger.contracts import compiled

if TYPE_CHECKING:
    from gistchain.ledger.pyevm import LocalBackend, LocalProvider

# Public on purpose: this chain exists only in one folder of one machine, and its ether buys nothing.
FAUCET_KEY = bytes.fromhex("47495354" * 8)
FAUCET_WEI = 10**36
ALLOWANCE_WEI = 10**24

APPLICATION_ID = 0x47495354
FORMAT = 1


class EmbeddedChain:
    """The chain of a home folder, made if there is none (but never again once `expected`).

    provider: for web3. registry: where the contract stands. Raises LedgerBusy, LedgerDamaged, DiskFull.
    """

    def __init__(self, home: Path, *, wait_s: float = 10.0, expected: bool = False) -> None:
        self._lock = FileLock(home / "chain.lock", wait_s=wait_s)
        self._db: sqlite3.Connection | None = None
        self._path = home / "chain.sqlite"
        try:
            self._open(self._path, expected=expected)
        except BaseException:
            self.close()
            raise

    def _open(self, path: Path, *, expected: bool) -> None:
        from gistchain.ledger.pyevm import BlockStore, LocalBackend, LocalProvider

        if not path.exists():
            if expected or path.with_name(path.name + "-wal").exists():
                anew = f"remove 'embedded' from {path.with_name('ledgers.json')} and all {path.name}* to begin anew"
                raise damaged(path, "it is gone", instead=anew)
            _create(path)
        self._db = _connect(path)
        _check_format(self._db, path)
        with disk_errors(path):
            # EXCLUSIVE before WAL keeps the index of the log in memory: no third file.
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
                self._db.execute(f"PRAGMA {pragma}")
        backend = LocalBackend(BlockStore(self._db, path), path)
        self.provider: LocalProvider = LocalProvider(backend, path)
        self.registry = _registry_address()

    def fund(self, address: str) -> None:
        """Give a key that has nothing its allowance."""
        from eth_utils.address import to_canonical_address

        from gistchain.ledger.pyevm import missing_records

        backend = self.provider.backend
        with missing_records(self._path):
            if backend.get_balance(to_canonical_address(address)) == 0:
                _send_from_faucet(backend, {"to": address, "value": ALLOWANCE_WEI, "gas": 21_000})

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
        self._lock.close()


def _create(path: Path) -> None:
    """Genesis and the registry's block, built aside and renamed: the file is there complete or not at all."""
    from eth_account import Account

    from gistchain.ledger.pyevm import BlockStore, LocalBackend, write_genesis

    draft = path.with_name(path.name + ".new")
    with disk_errors(path):
        for leftover in (draft, draft.with_name(draft.name + "-journal")):
            leftover.unlink(missing_ok=True)
    with disk_errors(draft), contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as db:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {FORMAT}")
        db.execute("CREATE TABLE chain (key BLOB PRIMARY KEY, value BLOB NOT NULL, crc32 INTEGER NOT NULL)")
        store = BlockStore(db, draft)
        faucet = bytes.fromhex(Account.from_key(FAUCET_KEY).address[2:])
        write_genesis(store, rich=faucet, balance_wei=FAUCET_WEI)
        backend = LocalBackend(store, draft)
        _send_from_faucet(backend, {"to": b"", "data": compiled("registry").bytecode, "gas": 3_000_000})
    with disk_errors(path):
        os.replace(draft, path)
        sync_folder(path.parent)


def _connect(path: Path) -> sqlite3.Connection:
    # A question mark or hash sign in the path would end it in a URI.
    name = path.absolute().as_posix().replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    with disk_errors(path):
        db = sqlite3.connect(f"file:{name}?mode=rw", uri=True, isolation_level=None, check_same_thread=False)
    # Damage can turn a blob into text that is no text; its checksum is what finds it.
    db.text_factory = bytes
    return db


def _check_format(db: sqlite3.Connection, path: Path) -> None:
    with disk_errors(path):
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise damaged(path, "it is not a gistchain chain")
    if version != FORMAT:
        raise LedgerError(f"{path} has format {version}, this gistchain reads {FORMAT}: use the version that made it")


def _send_from_faucet(backend: LocalBackend, transaction: dict[str, object]) -> None:
    from eth_account import Account

    from gistchain.ledger.pyevm import CHAIN_ID

    faucet = Account.from_key(FAUCET_KEY)
    signed = faucet.sign_transaction(
        {
            "value": 0,
            "data": b"",
            "nonce": backend.get_nonce(bytes.fromhex(faucet.address[2:])),
            "chainId": CHAIN_ID,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 0,
            **transaction,
        }
    )
    backend.send_raw_transaction(bytes(signed.raw_transaction))
    backend.mine_blocks()


def _registry_address() -> str:
    """Where the faucet's first transaction put the contract."""
    from eth_account import Account
    from eth_utils.address import to_checksum_address
    from eth_utils.crypto import keccak

    faucet = bytes.fromhex(Account.from_key(FAUCET_KEY).address[2:])
    # rlp([faucet, 0]), as for every contract made by the first transaction of an account
    return str(to_checksum_address(keccak(b"\xd6\x94" + faucet + b"\x80")[12:]))
