"""py-evm over the records of one SQLite file: transactions in, blocks out, each written whole or not at all.

    web3 ── LocalProvider ── LocalBackend (eth-tester) ── LocalChain (py-evm) ── BlockStore ── chainfile.Records

Imported only when the embedded chain is opened: py-evm and eth-tester take most of a second to load.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from eth.abc import BlockAPI, BlockHeaderAPI, SignedTransactionAPI, StateAPI, TransactionBuilderAPI
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.db.backends.base import BaseDB
from eth.exceptions import CanonicalHeadNotFound, HeaderNotFound, PyEVMError, TransactionNotFound, VMError
from eth.vm.forks import PragueVM
from eth.vm.forks.byzantium.constants import EIP658_TRANSACTION_STATUS_CODE_SUCCESS
from eth.vm.spoof import SpoofTransaction
from eth_tester import EthereumTester
from eth_tester.backends.pyevm.main import PyEVMBackend, get_default_genesis_params
from eth_tester.backends.pyevm.serializers import serialize_transaction, serialize_transaction_receipt
from eth_tester.exceptions import BlockNotFound, TransactionFailed
from eth_tester.exceptions import TransactionNotFound as TesterTransactionNotFound
from eth_tester.exceptions import ValidationError as TesterValidationError
from eth_typing import Address, BlockNumber, Hash32
from trie.exceptions import MissingTrieNode
from web3.exceptions import ContractLogicError, Web3ValidationError
from web3.providers.eth_tester import EthereumTesterProvider
from web3.providers.eth_tester.defaults import API_ENDPOINTS
from web3.types import RPCEndpoint, RPCResponse

from gistchain.errors import FileDamaged, LedgerError
from gistchain.ledger.chainfile import CHAIN_ID, Records
from gistchain.ledger.gas import BLOCK_GAS_LIMIT
from gistchain.text import utc

LAST_TIME = 2**32 - 2
"""In registry.vy a token's time has 32 bits, and py-evm estimates gas for the second after the last block's."""


class BlockStore(BaseDB):  # type: ignore[misc]  # py-evm's types are not read
    """py-evm's keys and values. What is written waits in memory for `commit`, which is one SQLite transaction."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._waiting: dict[bytes, bytes | None] = {}
        """Key -> value; None for one that is to be deleted."""

    def commit(self) -> None:
        """Everything written since the last commit is on the disk when this returns; on an error nothing is."""
        kept = [(key, value) for key, value in self._waiting.items() if value is not None]
        self._records.write(kept, gone=[key for key, value in self._waiting.items() if value is None])
        self._waiting.clear()

    def discard(self) -> None:
        """Forget what was written since the last commit."""
        self._waiting.clear()

    def damaged(self, what: str) -> FileDamaged:
        return self._records.file.damaged(what)

    def __getitem__(self, key: bytes) -> bytes:
        if key not in self._waiting:
            return self._records[key]
        value = self._waiting[key]
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._waiting[bytes(key)] = bytes(value)

    def __delitem__(self, key: bytes) -> None:
        self._waiting[bytes(key)] = None

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True


class LocalVM(PragueVM):  # type: ignore[misc]
    """Ethereum's Prague rules, except that two blocks may carry the same second."""

    @classmethod
    def validate_header(cls, header: BlockHeaderAPI, parent_header: BlockHeaderAPI) -> None:
        if parent_header is not None and header.timestamp == parent_header.timestamp:
            parent_header = parent_header.copy(timestamp=header.timestamp - 1)
        super().validate_header(header, parent_header)


def block_time(after: int) -> int:
    """Unix time of a block: that of the clock, or of the block before where the clock has gone back since.

    Raises LedgerError beyond the year 2106, which the registry's 32 bits for a time can't tell: no later block could go
    back, so that nothing could be registered ever again.
    """
    now = max(int(time.time()), after, 0)
    if now > LAST_TIME:
        whose = "the clock of this machine says" if now > after else "the last block of the chain says"
        raise LedgerError(
            f"{whose} {utc(now)}, and a chain counts time to {utc(LAST_TIME)}: nothing was written; set the clock right"
        )
    return now


def gas_in_one_run(state: StateAPI, transaction: SignedTransactionAPI) -> int:
    """A gas limit that is surely enough for the transaction; py-evm's own search would run it a dozen times."""
    generous = SpoofTransaction(transaction, gas=state.gas_limit, gas_price=0)
    snapshot = state.snapshot()
    try:
        computation = state.apply_transaction(generous)
        computation.raise_if_error()
        used = state.gas_limit - computation.get_gas_remaining()
    finally:
        state.revert(snapshot)
    zeros = transaction.data.count(0)
    floor = 21_000 + 10 * (zeros + 4 * (len(transaction.data) - zeros))  # EIP-7623
    # An inner call or creation gets 63/64 of the gas that is left (EIP-150): 1/32 more is enough for two levels.
    return int(max(used + used // 32, floor))


class LocalChain(MiningChain):  # type: ignore[misc]
    chain_id = CHAIN_ID
    vm_configuration = ((BlockNumber(0), LocalVM),)
    gas_estimator = staticmethod(gas_in_one_run)

    def create_header_from_parent(self, parent_header: BlockHeaderAPI, **params: Any) -> BlockHeaderAPI:
        params["gas_limit"] = parent_header.gas_limit
        return super().create_header_from_parent(parent_header, **params)

    def get_transaction_builder(self) -> type[TransactionBuilderAPI]:
        builder: type[TransactionBuilderAPI] = self.get_vm().get_transaction_builder()
        return builder


class LocalBackend(PyEVMBackend):  # type: ignore[misc]
    """eth-tester's backend over a BlockStore: every mined block is committed before anyone hears of it."""

    def __init__(self, store: BlockStore) -> None:
        self.account_keys = ()
        self._store = store
        self.chain = self._chain_at_head()

    @contextlib.contextmanager
    def missing_records(self) -> Iterator[None]:
        """Turn what py-evm raises when the store lacks what a block refers to into FileDamaged."""
        try:
            yield
        except VMError:  # the transaction's own failure
            raise
        except (PyEVMError, MissingTrieNode, KeyError) as error:
            raise self._store.damaged(f"a record is missing: {error}") from error

    def _chain_at_head(self) -> LocalChain:
        try:
            return LocalChain(AtomicDB(self._store))
        except (CanonicalHeadNotFound, HeaderNotFound) as error:
            raise self._store.damaged("its last block is missing") from error

    def send_raw_transaction(self, raw_transaction: bytes) -> bytes:
        try:
            if not self.chain.get_block().transactions:
                self.chain.set_header_timestamp(block_time(self.chain.get_canonical_head().timestamp))
            sent: bytes = super().send_raw_transaction(raw_transaction)
            return sent
        except BaseException:
            self._undo()
            raise

    def mine_blocks(self, num_blocks: int = 1, coinbase: bytes = b"\0" * 20) -> tuple[bytes, ...]:
        try:
            mined: tuple[bytes, ...] = super().mine_blocks(num_blocks, coinbase)
            if not all(self._succeeded(block) for block in mined):
                raise TransactionFailed("the transaction would fail")
            self._store.commit()
            return mined
        except BaseException:
            self._undo()
            raise

    def estimate_gas(self, *arguments: Any) -> int:
        block_time(self.chain.get_canonical_head().timestamp)  # refused before anything is signed
        needed: int = super().estimate_gas(*arguments)
        return needed

    def _succeeded(self, block_hash: bytes) -> bool:
        block = self.chain.get_block_by_hash(Hash32(block_hash))
        receipts = block.get_receipts(self.chain.chaindb)
        return all(receipt.state_root == EIP658_TRANSACTION_STATUS_CODE_SUCCESS for receipt in receipts)

    def _undo(self) -> None:
        self._store.discard()
        self.chain = self._chain_at_head()

    def get_block_by_number(self, block_number: int | str, full_transaction: bool = True) -> Any:
        try:
            return super().get_block_by_number(block_number, full_transaction)
        except BlockNotFound as error:
            if isinstance(block_number, str) or block_number < self.chain.header.block_number:
                raise self._store.damaged(f"block {block_number} is missing") from error
            raise

    def get_transaction_by_hash(self, transaction_hash: bytes) -> Any:
        block, transaction, index = self._find(transaction_hash)
        return serialize_transaction(block, transaction, index, False)

    def get_transaction_receipt(self, transaction_hash: bytes) -> Any:
        block, transaction, index = self._find(transaction_hash)
        receipts = block.get_receipts(self.chain.chaindb)
        return serialize_transaction_receipt(block, receipts, transaction, index, False, self.chain.get_vm())

    def _find(self, transaction_hash: bytes) -> tuple[BlockAPI, SignedTransactionAPI, int]:
        # eth-tester walks the whole chain backwards; py-evm keeps an index.
        try:
            number, index = self.chain.get_canonical_transaction_index(Hash32(transaction_hash))
        except TransactionNotFound as error:
            raise TesterTransactionNotFound(f"no transaction 0x{transaction_hash.hex()}") from error
        block = self.chain.get_canonical_block_by_number(number)
        return block, block.transactions[index], index


class LocalProvider(EthereumTesterProvider):
    """A web3 provider over a LocalBackend, one request at a time."""

    def __init__(self, backend: LocalBackend) -> None:
        eth = {**API_ENDPOINTS["eth"], "chainId": lambda *_: CHAIN_ID}
        super().__init__(EthereumTester(backend), {**API_ENDPOINTS, "eth": eth})
        self.backend = backend
        self.turn = threading.RLock()

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        with self.turn:
            try:
                with self.backend.missing_records():
                    return super().make_request(method, params)
            except (TransactionFailed, VMError) as error:
                raise ContractLogicError(str(error)) from error
            except TesterValidationError as error:
                raise Web3ValidationError(str(error)) from error


def write_genesis(store: BlockStore, *, rich: bytes, balance_wei: int) -> None:
    """Block 0 in an empty store: the account `rich` owns everything."""
    params = get_default_genesis_params({"gas_limit": BLOCK_GAS_LIMIT, "timestamp": block_time(0)})
    account = {"balance": balance_wei, "nonce": 0, "code": b"", "storage": {}}
    LocalChain.from_genesis(AtomicDB(store), params, {Address(rich): account})
    store.commit()
