"""Two EVMs on which a contract is tested, called alike: py-evm in this process without a disk, and anvil.

Accounts need no key to send. Gas costs nothing, one transaction is one block.
"""

from __future__ import annotations

import http.client
import itertools
import json
import time
from dataclasses import dataclass
from typing import Any, Protocol

from eth.abc import StateAPI
from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_abi.abi import decode

from tests.support.anvil import CHAIN_ID, Anvil

GAS_LIMIT = 16_777_216
CALL_GAS = 100_000_000
_ERROR = bytes.fromhex("08c379a0")


@dataclass(frozen=True)
class Done:
    """What became of a transaction or a call. reason: in the contract's words, '' where it gave none."""

    ok: bool
    output: bytes = b""
    gas: int = 0
    block: int = 0
    time: int = 0
    logs: tuple[tuple[tuple[bytes, ...], bytes], ...] = ()
    contract: bytes = b""

    @property
    def reason(self) -> str:
        if self.output[:4] != _ERROR:
            return ""
        return str(decode(["string"], self.output[4:])[0])


class Machine(Protocol):
    """An EVM with a chain of one sender after another. Addresses have 20 bytes."""

    chain_id: int

    def send(self, sender: bytes, to: bytes | None, data: bytes) -> Done:
        """A transaction in a block of its own; to: None to create a contract."""

    def call(self, to: bytes, data: bytes, gas: int = CALL_GAS) -> Done:
        """What a call of so much gas would return, on the state after the last block."""

    def now(self) -> int:
        """Unix time of the last block."""

    def code(self, address: bytes) -> bytes: ...

    def set_nonce(self, address: bytes, nonce: int) -> None: ...

    def set_code(self, address: bytes, code: bytes) -> None: ...

    def set_storage(self, address: bytes, slot: int, value: int) -> None: ...


class PyEvm:
    """py-evm's state for Prague, with a block number and a time for each transaction, and no blocks kept."""

    chain_id = CHAIN_ID

    def __init__(self) -> None:
        self._block, self._time = 1, 1_700_000_000
        self.state: StateAPI = PragueVM._state_class(AtomicDB(), self._context(), BLANK_ROOT_HASH)

    def _context(self) -> ExecutionContext:
        return ExecutionContext(
            coinbase=bytes(20),
            timestamp=self._time,
            block_number=self._block,
            difficulty=0,
            mix_hash=bytes(32),
            gas_limit=150_000_000,
            prev_hashes=(),
            chain_id=self.chain_id,
            base_fee_per_gas=0,
            excess_blob_gas=0,
        )

    def _run(self, sender: bytes, to: bytes | None, data: bytes, gas: int) -> tuple[Any, Any]:
        plain = PragueVM.get_transaction_builder().new_unsigned_dynamic_fee_transaction(
            chain_id=self.chain_id,
            nonce=self.state.get_nonce(sender),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=0,
            gas=gas,
            to=to or b"",
            value=0,
            data=data,
            access_list=(),
        )
        transaction = SpoofTransaction(plain, from_=sender)
        return transaction, self.state.apply_transaction(transaction)

    def send(self, sender: bytes, to: bytes | None, data: bytes) -> Done:
        self._block += 1
        self._time += 1 + self._block % 3
        self.state.execution_context = self._context()
        self.state.lock_changes()
        transaction, done = self._run(sender, to, data, GAS_LIMIT)
        return Done(
            not done.is_error,
            done.output if to else b"",
            PragueVM.finalize_gas_used(transaction, done),
            self._block,
            self._time,
            tuple((tuple(t.to_bytes(32, "big") for t in topics), data) for _, topics, data in done.get_log_entries()),
            b"" if to or done.is_error else bytes(done.msg.storage_address),
        )

    def call(self, to: bytes, data: bytes, gas: int = CALL_GAS) -> Done:
        before = self.state.snapshot()
        transaction, done = self._run(bytes(20), to, data, gas)
        self.state.revert(before)
        return Done(not done.is_error, done.output, PragueVM.finalize_gas_used(transaction, done))

    def now(self) -> int:
        return self._time

    def code(self, address: bytes) -> bytes:
        return bytes(self.state.get_code(address))

    def set_nonce(self, address: bytes, nonce: int) -> None:
        self.state.set_nonce(address, nonce)

    def set_code(self, address: bytes, code: bytes) -> None:
        self.state.set_code(address, code)

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        self.state.set_storage(address, slot, value)


class AnvilMachine:
    """anvil's chain by JSON-RPC over one connection."""

    chain_id = CHAIN_ID

    def __init__(self) -> None:
        self.node = Anvil("--auto-impersonate", "--gas-price", "0", "--base-fee", "0", "--hardfork", "osaka")
        self._line = http.client.HTTPConnection("127.0.0.1", self.node.port, timeout=60)
        self._numbers = itertools.count(1)

    def close(self) -> None:
        self._line.close()
        self.node.kill()

    def _ask(self, method: str, *parameters: object) -> dict[str, Any]:
        question = {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": parameters}
        self._line.request("POST", "/", json.dumps(question), {"Content-Type": "application/json"})
        answer: dict[str, Any] = json.loads(self._line.getresponse().read())
        return answer

    def _result(self, method: str, *parameters: object) -> Any:
        answer = self._ask(method, *parameters)
        assert "error" not in answer, answer
        return answer["result"]

    def send(self, sender: bytes, to: bytes | None, data: bytes) -> Done:
        what = {"from": _hex(sender), "data": _hex(data), "gas": hex(GAS_LIMIT), "maxFeePerGas": "0x0"}
        if to:
            what["to"] = _hex(to)
        answer = self._ask("eth_sendTransaction", {**what, "maxPriorityFeePerGas": "0x0"})
        assert "result" in answer, answer
        for _ in range(1000):
            found = self._result("eth_getTransactionReceipt", answer["result"])
            if found is not None:
                break
            time.sleep(0.01)
        block = int(found["blockNumber"], 16)
        ok = int(found["status"], 16) == 1
        head = self._result("eth_getBlockByNumber", hex(block), False)
        return Done(
            ok,
            b"" if ok or not to else self._refusal(what, block - 1),
            int(found["gasUsed"], 16),
            block,
            int(head["timestamp"], 16),
            tuple((tuple(_bytes(t) for t in log["topics"]), _bytes(log["data"])) for log in found["logs"]),
            _bytes(found["contractAddress"]) if ok and not to else b"",
        )

    def _refusal(self, what: dict[str, str], block: int) -> bytes:
        return _told(self._ask("eth_call", what, hex(block)))[1]

    def call(self, to: bytes, data: bytes, gas: int = CALL_GAS) -> Done:
        return Done(*_told(self._ask("eth_call", {"to": _hex(to), "data": _hex(data), "gas": hex(gas)}, "latest")))

    def now(self) -> int:
        return int(self._result("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def code(self, address: bytes) -> bytes:
        return _bytes(self._result("eth_getCode", _hex(address), "latest"))

    def set_nonce(self, address: bytes, nonce: int) -> None:
        self._result("anvil_setNonce", _hex(address), hex(nonce))

    def set_code(self, address: bytes, code: bytes) -> None:
        self._result("anvil_setCode", _hex(address), _hex(code))

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        self._result("anvil_setStorageAt", _hex(address), hex(slot), f"0x{value:064x}")


def _told(answer: dict[str, Any]) -> tuple[bool, bytes]:
    if "result" in answer:
        return True, _bytes(answer["result"])
    data = answer["error"].get("data")
    return False, _bytes(data) if isinstance(data, str) else b""


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
