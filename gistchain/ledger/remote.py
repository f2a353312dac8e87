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
from gistchain.ledger.connection import Call, Log, Mined
from gistchain.ledger.provider import NodeProvider


class Remote:
    """Fulfils Connection. name: the node's, without credentials."""

    def __init__(self, provider: NodeProvider, *, name: str) -> None:
        self.w3 = Web3(provider)
        self.w3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
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

    def call(self, call: Call, sender: str | None) -> bytes:
        with self._edge():
            return bytes(self.w3.eth.call(_told(call, sender)))

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
            done = told["status"] == 1
            return Mined(tx, done, int(told["gasUsed"]), int(told["blockNumber"]), str(contract) if contract else None)

    def logs(self, address: str, block: int, topics: tuple[bytes, ...]) -> list[Log] | None:
        wanted: Any = {
            "address": address,
            "fromBlock": block,
            "toBlock": block,
            "topics": [self.w3.to_hex(topic) for topic in topics],
        }
        with self._edge():
            try:
                found: Any = self.w3.eth.get_logs(wanted)
            except Web3RPCError:  # nodes that prune refuse in words of their own
                return None
            return [Log(tuple(map(bytes, log["topics"])), bytes(log["data"])) for log in found]

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


def _told(call: Call, sender: str | None) -> Any:
    """As web3 takes it."""
    told: dict[str, Any] = {"data": call.data}
    if call.to is not None:
        told["to"] = call.to
    if call.value_wei:
        told["value"] = call.value_wei
    return told if sender is None else {**told, "from": sender}
