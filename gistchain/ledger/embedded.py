"""The default chain: py-evm in this process, one SQLite file in the home folder, nothing to install or start.

A block is on the disk, whole, before its transaction is acknowledged; kill -9 leaves the block before or the one
after. One process at a time: a second one is told who holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gistchain.errors import LedgerError
from gistchain.ledger import chainfile
from gistchain.ledger.account import Account
from gistchain.ledger.connection import Call
from gistchain.ledger.contracts import DEPLOYED, FOR_WALLETS, PROXY, PROXY_RUNTIME, compiled
from gistchain.ledger.fees import Price
from gistchain.ledger.state import State

if TYPE_CHECKING:
    from gistchain.ledger.pyevm import InProcess

# Public on purpose: this chain exists only in one folder of one machine, and its ether buys nothing.
FAUCET_KEY = bytes.fromhex("47495354" * 8)
FAUCET_WEI = 10**36
ALLOWANCE_WEI = 10**24


class EmbeddedChain:
    """The chain of a home folder, made if there is none. expected: there was one before, so that no new one is made.

    waiting: is told which other process is waited for. connection: to the chain. registry: the address of the contract.
    Raises FileBusy, FileDamaged, DiskFull, LedgerError.
    """

    def __init__(
        self,
        home: Path,
        *,
        wait_s: float = 10.0,
        expected: bool = False,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        self._lock = chainfile.lock(home, wait_s, waiting)
        self._records: chainfile.Records | None = None
        self._proofs: dict[int, bytes | None] = {}  # nothing in a block of this chain is ever replaced
        try:
            self._open(home / chainfile.NAME, expected=expected)
        except BaseException:
            self.close()
            raise

    def _open(self, path: Path, *, expected: bool) -> None:
        from gistchain.ledger.pyevm import BlockStore, InProcess

        if not path.exists():
            if expected or path.with_name(path.name + "-wal").exists():
                raise chainfile.gone(path)
            _create(path)
        self._records = chainfile.opened(path)
        self._records.write_durably()
        self.connection: InProcess = InProcess(BlockStore(self._records), name=f"the chain in {path.parent}")
        self.registry = compiled("registry").address

    def fund(self, address: str) -> None:
        """Give an account that has nothing its allowance."""
        if self.connection.balance(address) == 0:
            _send_from_faucet(self.connection, Call(address, value_wei=ALLOWANCE_WEI), gas=21_000)

    @contextmanager
    def state(self) -> Iterator[State]:
        """The registry's state as the last block left it: asking the contract takes 30 times as long."""
        assert self._records is not None
        with self.connection.turn:
            yield State(self._records, self._proofs)

    def close(self) -> None:
        if self._records is not None:
            self._records.close()
            self._records = None
        self._lock.close()


def _create(path: Path) -> None:
    """Block 0, in which the faucet owns everything, and deployment proxy and contracts stand where they always do."""
    from gistchain.ledger.pyevm import BlockStore, write_genesis

    ours = (compiled(name) for name in (*DEPLOYED, *FOR_WALLETS))
    contracts = {PROXY: PROXY_RUNTIME} | {bytes.fromhex(one.address[2:]): one.runtime for one in ours}
    with chainfile.made(path) as records:
        rich = bytes.fromhex(Account(FAUCET_KEY).address[2:])
        write_genesis(BlockStore(records), rich=rich, balance_wei=FAUCET_WEI, contracts=contracts)


def _send_from_faucet(connection: InProcess, call: Call, *, gas: int) -> None:
    faucet = Account(FAUCET_KEY)
    nonce = connection.nonce(faucet.address, "latest")
    raw, _ = faucet.sign_transaction(call, Price(10**10, 0), gas=gas, nonce=nonce, chain_id=chainfile.CHAIN_ID)
    if (refused := connection.send(raw)) is not None:
        raise LedgerError(f"the chain refused its own faucet's transaction: {refused}")
