"""py-evm over the records of one SQLite file: transactions in, blocks out, each written whole or not at all.

    node.py ── InProcess ── LocalChain (py-evm) ── BlockStore ── chainfile.Records

Imported only when the embedded chain is opened: py-evm takes a third of a second to load.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from eth._utils.address import generate_contract_address
from eth.abc import BlockAPI, BlockHeaderAPI, SignedTransactionAPI, StateAPI
from eth.chains.base import MiningChain
from eth.constants import BLANK_ROOT_HASH, POST_MERGE_DIFFICULTY, POST_MERGE_MIX_HASH, POST_MERGE_NONCE
from eth.db.atomic import AtomicDB
from eth.db.backends.base import BaseDB
from eth.exceptions import (
    CanonicalHeadNotFound,
    HeaderNotFound,
    PyEVMError,
    Revert,
    TransactionNotFound,
    UnrecognizedTransactionType,
    VMError,
)
from eth.vm.forks import PragueVM
from eth.vm.forks.byzantium.constants import EIP658_TRANSACTION_STATUS_CODE_SUCCESS
from eth.vm.spoof import SpoofTransaction
from eth_bloom.bloom import BloomFilter
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException
from trie.exceptions import MissingTrieNode

from gistchain.errors import FileDamaged, LedgerError
from gistchain.ledger.chainfile import CHAIN_ID, Records
from gistchain.ledger.connection import Call, Log, Mined, Refusal, Topics, short
from gistchain.ledger.fees import GWEI
from gistchain.ledger.gas import BLOCK_GAS_LIMIT
from gistchain.ledger.recover import checksummed
from gistchain.text import utc

LAST_TIME = 2**33 - 2
"""In registry.vy a token's time has 33 bits, and py-evm estimates gas for the second after the last block's."""
_ERROR = bytes.fromhex("08c379a0")
"""The selector of Error(string), in which a contract says why it refuses."""


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

    Raises LedgerError beyond the year 2242, which the registry's 33 bits for a time can't tell: no later block could go
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


class InProcess:
    """Fulfils Connection over a BlockStore: every block is committed before anyone hears of it.

    One question at a time; turn: for whoever reads the store beside it. name: the chain's, for messages.
    """

    def __init__(self, store: BlockStore, *, name: str) -> None:
        self._store, self._name = store, name
        self.chain = self._chain_at_head()
        self.turn = threading.RLock()

    def _chain_at_head(self) -> LocalChain:
        try:
            return LocalChain(AtomicDB(self._store))
        except (CanonicalHeadNotFound, HeaderNotFound) as error:
            raise self._store.damaged("its last block is missing") from error

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """One question; what py-evm raises when the store lacks what a block refers to becomes FileDamaged."""
        with self.turn:
            try:
                yield
            except VMError as error:  # the transaction's own failure
                raise Refusal(f"the registry on {self._name} refused: {_reason(error)}") from error
            except ValidationError as error:
                raise LedgerError(f"{self._name} refused: {short(error)}") from error
            except (PyEVMError, MissingTrieNode, KeyError) as error:
                raise self._store.damaged(f"a record is missing: {error}") from error

    def chain_id(self) -> int:
        return CHAIN_ID

    def block_hash(self, number: int) -> str | None:
        with self._asked():
            if number > self._head().block_number:
                return None
            return f"0x{self.chain.get_canonical_block_header_by_number(BlockNumber(number)).hash.hex()}"

    def base_fee(self) -> int | None:
        with self._asked():
            fee: int = self._head().base_fee_per_gas
            return fee

    def gas_price(self) -> int:
        return GWEI

    def tip(self) -> int | None:
        return GWEI

    def nonce(self, address: str, block: str) -> int:
        """The same for every `block`: here no transaction waits."""
        with self._asked():
            nonce: int = self._state().get_nonce(_address(address))
            return nonce

    def balance(self, address: str) -> int:
        with self._asked():
            wei: int = self._state().get_balance(_address(address))
            return wei

    def code(self, address: str) -> bytes:
        with self._asked():
            code: bytes = self._state().get_code(_address(address))
            return code

    def call(self, call: Call, sender: str | None, block: int | None = None) -> bytes:
        if block not in (None, self.block_number()):
            raise LedgerError(f"the embedded chain is asked for its last state only, not for that of block {block}")
        with self._asked():
            head = self.chain.header
            asked = self._unsigned(call, sender, gas=head.gas_limit - head.gas_used)
            computation = self._state().apply_transaction(asked)
            computation.raise_if_error()
            return bytes(computation.output)

    def estimate_gas(self, call: Call, sender: str) -> int:
        with self._asked():
            block_time(self._head().timestamp)  # refused before anything is signed
            needed: int = self.chain.estimate_gas(self._unsigned(call, sender, gas=21_000))
            return needed

    def _unsigned(self, call: Call, sender: str | None, *, gas: int) -> SpoofTransaction:
        """A transaction that runs as if it had been signed by the sender."""
        who = _address(sender or "0x" + "00" * 20)
        transaction = (
            self.chain.get_vm()
            .get_transaction_builder()
            .new_unsigned_dynamic_fee_transaction(
                chain_id=CHAIN_ID,
                nonce=self._state().get_nonce(who),
                max_priority_fee_per_gas=GWEI,
                max_fee_per_gas=GWEI,
                gas=gas,
                to=b"" if call.to is None else _address(call.to),
                value=call.value_wei,
                data=call.data,
                access_list=(),
            )
        )
        return SpoofTransaction(transaction, from_=who)

    def send(self, raw: bytes) -> str | None:
        """In a block of its own when this returns None; else nothing was written."""
        try:
            transaction = LocalVM.get_transaction_builder().decode(raw)
        except (UnrecognizedTransactionType, ValidationError, RLPException) as error:
            return f"that is no transaction: {short(error)}"
        try:
            with self._asked():
                with self._undone():
                    self.chain.set_header_timestamp(block_time(self._head().timestamp))
                    self.chain.apply_transaction(transaction)
                self.mine()
        except LedgerError as refused:
            return str(refused)
        return None

    def mine(self) -> None:
        """What was applied becomes a block, on the disk when this returns. Raises LedgerError if it failed in it."""
        with self._undone():
            block = self.chain.mine_block(coinbase=Address(bytes(20)), mix_hash=os.urandom(32), blob_gas_used=0)
            receipts = block.get_receipts(self.chain.chaindb)
            if not all(each.state_root == EIP658_TRANSACTION_STATUS_CODE_SUCCESS for each in receipts):
                raise LedgerError(f"the registry on {self._name} refused: the transaction would fail")
            self._store.commit()

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Back to the last block on any error."""
        try:
            yield
        except BaseException:
            self._store.discard()
            self.chain = self._chain_at_head()
            raise

    def knows(self, tx: str) -> bool:
        with self._asked():
            return self._find(tx) is not None

    def receipt(self, tx: str) -> Mined | None:
        with self._asked():
            if (found := self._find(tx)) is None:
                return None
            block, index = found
            transaction, receipts = block.transactions[index], block.get_receipts(self.chain.chaindb)
            made = None
            if not transaction.to:
                made = checksummed(generate_contract_address(transaction.sender, transaction.nonce))
            return Mined(
                tx,
                succeeded=receipts[index].state_root == EIP658_TRANSACTION_STATUS_CODE_SUCCESS,
                gas=receipts[index].gas_used - (receipts[index - 1].gas_used if index else 0),
                block=block.number,
                block_hash=f"0x{block.hash.hex()}",
                contract=made,
            )

    def _find(self, tx: str) -> tuple[BlockAPI, int] | None:
        try:
            number, index = self.chain.get_canonical_transaction_index(Hash32(bytes.fromhex(tx[2:])))
        except TransactionNotFound:
            return None
        return self.chain.get_canonical_block_by_number(number), index

    def transaction(self, tx: str) -> bytes | None:
        with self._asked():
            if (found := self._find(tx)) is None:
                return None
            block, index = found
            raw: bytes = block.transactions[index].encode()
            return raw

    def block_number(self) -> int:
        with self._asked():
            number: int = self._head().block_number
            return number

    def finalized(self) -> int | None:
        """The last block: nothing takes one back."""
        return self.block_number()

    def block_time(self, number: int) -> int | None:
        with self._asked():
            if number > self._head().block_number:
                return None
            header = self.chain.get_canonical_block_header_by_number(BlockNumber(number))
            time_s: int = header.timestamp
            return time_s

    def logs(self, address: str, topics: Topics, blocks: range | None = None) -> list[Log] | None:
        """All blocks are gone through: state.py has what is asked often."""
        with self._asked():
            last = self._head().block_number
            numbers = range(last + 1) if blocks is None else range(blocks.start, min(blocks.stop, last + 1))
            return [log for number in numbers for log in self._logs(number, _address(address)) if log.has(topics)]

    def _logs(self, number: int, address: Address) -> Iterator[Log]:
        block = self.chain.get_canonical_block_by_number(BlockNumber(number))
        if address not in BloomFilter(block.header.bloom):
            return
        for transaction, receipt in zip(block.transactions, block.get_receipts(self.chain.chaindb), strict=True):
            for log in receipt.logs:
                if log.address == address:
                    where = f"0x{transaction.hash.hex()}", number, f"0x{block.header.hash.hex()}", f"0x{address.hex()}"
                    yield Log(tuple(topic.to_bytes(32, "big") for topic in log.topics), log.data, *where)

    def _head(self) -> BlockHeaderAPI:
        return self.chain.get_canonical_head()

    def _state(self) -> StateAPI:
        """As the last block left it, for reading: what is changed in it is lost."""
        return self.chain.get_vm(self._head()).state


def _address(written: str) -> Address:
    return Address(bytes.fromhex(written[2:]))


def _reason(error: VMError) -> str:
    """Why a contract refused: in its own words where it gives any, as an ABI's Error(string)."""
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError

    told = error.args[0] if isinstance(error, Revert) and error.args else b""
    if isinstance(told, bytes) and told[:4] == _ERROR:
        try:
            return str(decode(["string"], told[4:])[0])[:200]
        except DecodingError:
            pass
    return short(error)


def write_genesis(store: BlockStore, *, rich: bytes, balance_wei: int, contracts: Mapping[bytes, bytes]) -> None:
    """Block 0 in an empty store: the account `rich` owns everything, and contracts stand there: code by address."""
    params = {
        "coinbase": Address(bytes(20)),
        "difficulty": POST_MERGE_DIFFICULTY,
        "extra_data": b"",
        "gas_limit": BLOCK_GAS_LIMIT,
        "mix_hash": POST_MERGE_MIX_HASH,
        "nonce": POST_MERGE_NONCE,
        "receipt_root": BLANK_ROOT_HASH,
        "timestamp": block_time(0),
        "transaction_root": BLANK_ROOT_HASH,
    }
    accounts = {Address(rich): {"balance": balance_wei, "nonce": 0, "code": b"", "storage": {}}}
    for address, code in contracts.items():  # a contract's nonce begins at 1 (EIP-161)
        accounts[Address(address)] = {"balance": 0, "nonce": 1, "code": code, "storage": {}}
    LocalChain.from_genesis(AtomicDB(store), params, accounts)
    store.commit()
