"""A node behind a URL, by web3 and NodeProvider; web3's errors as ours. Imported only for --rpc: web3 takes a second.

A method per question: what web3 makes of the answers is turned into the values of connection.py here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eth_utils.crypto import keccak
from web3 import Web3
from web3.exceptions import BlockNotFound, ContractLogicError, TransactionNotFound, Web3Exception, Web3RPCError
from web3.middleware import ExtraDataToPOAMiddleware

from gistchain.errors import LedgerError, NodeDown
from gistchain.ledger import connection
from gistchain.ledger.connection import Call, Log, Mined, Topics
from gistchain.ledger.provider import NodeProvider
from gistchain.ledger.transaction import raw_of


class Remote:
    """Fulfils Connection. name: the node's, without credentials."""

    def __init__(self, provider: NodeProvider, *, name: str) -> None:
        self.w3 = Web3(provider)
        self.w3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        # It asks for the chain's id twice with each call, to compare it with one that our calls don't name.
        self.w3.middleware_onion.remove("validation")
        self._name = name

    def chain_id(self) -> int:
        with self._edge():
            return self.w3.eth.chain_id

    def block_hash(self, number: int) -> str | None:
        with self._edge():
            try:
                return self.w3.to_hex(self.w3.eth.get_block(number)["hash"])
            except BlockNotFound:
                return None

    def base_fee(self) -> int | None:
        with self._edge():
            return self.w3.eth.get_block("latest").get("baseFeePerGas")

    def gas_price(self) -> int:
        with self._edge():
            return self.w3.eth.gas_price

    def tip(self) -> int | None:
        with self._edge():
            try:
                return self.w3.eth._max_priority_fee()  # the public one would go on to guess from eth_feeHistory
            except Web3RPCError:  # not every node has the method
                return None

    def nonce(self, address: str, block: str) -> int:
        with self._edge():
            return self.w3.eth.get_transaction_count(address, block)  # type: ignore[arg-type]

    def balance(self, address: str) -> int:
        with self._edge():
            return self.w3.eth.get_balance(address)  # type: ignore[arg-type]

    def code(self, address: str) -> bytes:
        with self._edge():
            return bytes(self.w3.eth.get_code(address))  # type: ignore[arg-type]

    def call(self, call: Call, sender: str | None, block: int | None = None) -> bytes:
        with self._edge():
            return bytes(self.w3.eth.call(_told(call, sender), "latest" if block is None else block))

    def estimate_gas(self, call: Call, sender: str) -> int:
        with self._edge():
            return self.w3.eth.estimate_gas(_told(call, sender))

    def send(self, raw: bytes) -> str | None:
        try:
            with self._edge(reraise=(Web3RPCError,)):
                answered = bytes(self.w3.eth.send_raw_transaction(raw))
        except NodeDown:
            raise
        except (Web3RPCError, LedgerError) as error:
            return str(error)
        return None if answered == keccak(raw) else "it answers with the hash of another transaction"

    def knows(self, tx: str) -> bool:
        with self._edge():
            try:
                self.w3.eth.get_transaction(tx)  # type: ignore[arg-type]
            except TransactionNotFound:
                return False
            return True

    def receipt(self, tx: str) -> Mined | None:
        with self._edge():
            try:
                told = self.w3.eth.get_transaction_receipt(tx)  # type: ignore[arg-type]
            except TransactionNotFound:
                return None
            contract = told.get("contractAddress")
            return Mined(
                tx,
                succeeded=told["status"] == 1,
                gas=int(told["gasUsed"]),
                block=int(told["blockNumber"]),
                block_hash=self.w3.to_hex(told["blockHash"]),
                contract=str(contract) if contract else None,
            )

    def transaction(self, tx: str) -> bytes | None:
        with self._edge():
            try:
                told = self.w3.eth.get_transaction(tx)  # type: ignore[arg-type]
                raw = raw_of(told)
            except (TransactionNotFound, ValueError, KeyError, TypeError):
                return None
        if "0x" + keccak(raw).hex() != tx.lower():
            raise LedgerError(f"{self._name} shows another transaction for {tx}: ask another node")
        return raw

    def block_number(self) -> int:
        with self._edge():
            return int(self.w3.eth.block_number)

    def finalized(self) -> int | None:
        with self._edge():
            try:
                return int(self.w3.eth.get_block("finalized")["number"])
            except (BlockNotFound, Web3RPCError):  # before its first final block, or without the notion
                return None

    def block_time(self, number: int) -> int | None:
        with self._edge():
            try:
                return int(self.w3.eth.get_block(number)["timestamp"])
            except BlockNotFound:
                return None

    def logs(self, address: str, topics: Topics, blocks: range | None = None) -> list[Log] | None:
        wanted: Any = {
            "address": address,
            "fromBlock": 0 if blocks is None else blocks.start,
            "toBlock": "latest" if blocks is None else blocks.stop - 1,
            "topics": [_topic(topic) for topic in topics],
        }
        try:
            with self._edge(reraise=(Web3RPCError,)):
                found: Any = self.w3.eth.get_logs(wanted)
                return [_log(log) for log in found]
        except NodeDown:
            raise
        except (Web3RPCError, LedgerError):  # it refuses in words of its own, or tells more than can be read
            return None

    @contextmanager
    def _edge(self, reraise: tuple[type[Exception], ...] = ()) -> Iterator[None]:
        # web3 lets a malformed answer fail wherever it is first used, with an error of any kind.
        with connection.edge(self._name):
            try:
                yield
            except reraise:
                raise
            except ContractLogicError as error:
                raise connection.refused(self._name, error) from error
            except Web3Exception as error:
                raise connection.unusable(self._name, error) from error


def _log(told: Any) -> Log:
    tx, block = (f"0x{bytes(told[name]).hex()}" for name in ("transactionHash", "blockHash"))
    topics, number = tuple(map(bytes, told["topics"])), int(told["blockNumber"])
    return Log(topics, bytes(told["data"]), tx, number, block, str(told["address"]))


def _topic(topic: bytes | tuple[bytes, ...] | None) -> Any:
    if topic is None:
        return None
    return "0x" + topic.hex() if isinstance(topic, bytes) else ["0x" + one.hex() for one in topic]


def _told(call: Call, sender: str | None) -> Any:
    """As web3 takes it."""
    told: dict[str, Any] = {"data": call.data}
    if call.to is not None:
        told["to"] = call.to
    if call.value_wei:
        told["value"] = call.value_wei
    return told if sender is None else {**told, "from": sender}
