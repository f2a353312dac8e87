"""A node's reply, as bytes that nobody vouches for -> the same as JSON, with every field that is used checked.

Types, ranges and lengths: what a node may say at all. Whether it is true is for others to doubt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gistchain.errors import LedgerError
from gistchain.safejson import parsed

MOST_GAS = 2**53
MOST_NONCE = 2**64 - 2  # EIP-2681
MOST_WEI = 2**128
MOST_TIME = 2**53
_MOST_CALL_BYTES = 2 << 20  # a page of 256 records has 40 KB, the URI of an NFT whose picture stands in it far more
_MOST_CODE_BYTES = 1 << 20
_MOST_INPUT_BYTES = 1 << 18
_MOST_LOGS = 20_000  # of one block, in which a whole collection was minted
_MOST_ERROR = 500
Check = Callable[[Any], None]


@contextmanager
def usable(name: str) -> Iterator[None]:
    """A reply that is not what it should be, as LedgerError. name: the node's, without secrets."""
    try:
        yield
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise LedgerError(f"{name} gave an answer that can't be used: {str(error)[:200]}") from error


def checked(body: bytes, method: str, params: Any) -> dict[str, Any]:
    """The reply to `method`, with a result or an error. Raises ValueError, TypeError, KeyError, RecursionError."""
    try:
        reply = parsed(body)
    except ValueError:
        raise ValueError("it is no JSON; is that the address of a node?") from None
    if not isinstance(reply, dict):
        raise TypeError("it is no JSON-RPC reply")
    if reply.get("error") is not None:
        return {"jsonrpc": "2.0", "id": 0, "error": _error(reply["error"])}
    result = reply.get("result")
    try:
        _RESULTS[method](result)
        _same(method, params, result)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{method}: {error}") from error
    return {"jsonrpc": "2.0", "id": 0, "result": result}


def is_checked(method: str) -> bool:
    """Whether it is known what a reply to this method looks like: no other is asked."""
    return method in _RESULTS


def _error(error: Any) -> dict[str, Any]:
    if not isinstance(error, dict):
        raise TypeError("its error is no object")
    code, data = error.get("code"), error.get("data")
    told: dict[str, Any] = {
        "code": code if type(code) is int and abs(code) < 1 << 31 else -32000,
        "message": str(error.get("message") or "no reason given")[:_MOST_ERROR],
    }
    if isinstance(data, str) and len(data) <= 4 * _MOST_ERROR and re.fullmatch(r"0x([0-9a-fA-F]{2})*", data):
        told["data"] = data
    return told


def _same(method: str, params: Any, result: Any) -> None:
    """That the answer is about what was asked for."""
    if result is None:
        return
    if method == "eth_getTransactionReceipt" and result["transactionHash"].lower() != _hex(params[0]):
        raise ValueError("the receipt is of another transaction")
    if method == "eth_getTransactionByHash" and result["hash"].lower() != _hex(params[0]):
        raise ValueError("it is another transaction")


def _hex(given: Any) -> str:
    return given.lower() if isinstance(given, str) else "0x" + bytes(given).hex()


def quantity(most: int) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value):
            raise ValueError(f"{str(value)[:60]!r} is no number")
        if int(value, 16) > most:
            raise ValueError(f"{value} is more than there can be")

    return check


def data(least: int, most: int) -> Check:
    """Hex digits for `least` to `most` bytes."""

    def check(value: Any) -> None:
        if not isinstance(value, str) or len(value) % 2 or not re.fullmatch(r"0x[0-9a-fA-F]*", value):
            raise ValueError(f"{str(value)[:60]!r} is no hex data")
        if not least <= len(value) // 2 - 1 <= most:
            raise ValueError(f"{len(value) // 2 - 1} bytes are too few or too many")

    return check


def fields(**checks: Check) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise TypeError("it is no object")
        for name, of_one in checks.items():
            try:
                of_one(value.get(name))
            except (ValueError, TypeError) as error:
                raise ValueError(f"{name}: {error}") from error

    return check


def optional(of_it: Check) -> Check:
    def check(value: Any) -> None:
        if value is not None:
            of_it(value)

    return check


def rows(of_one: Check, most: int) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, list) or len(value) > most:
            raise TypeError(f"it is no list of at most {most}")
        for one in value:
            of_one(one)

    return check


_HASH, _ADDRESS, _NUMBER = data(32, 32), data(20, 20), quantity(MOST_TIME)
_LOG = fields(
    address=_ADDRESS,
    topics=rows(_HASH, 4),
    data=data(0, _MOST_CALL_BYTES),
    blockNumber=_NUMBER,
    blockHash=_HASH,
    transactionHash=_HASH,
    logIndex=_NUMBER,
)
_RESULTS: dict[str, Check] = {
    "eth_chainId": quantity(2**63),
    "eth_blockNumber": _NUMBER,
    "eth_getTransactionCount": quantity(MOST_NONCE),
    "eth_getBalance": quantity(2**256 - 1),
    "eth_estimateGas": quantity(MOST_GAS),
    "eth_gasPrice": quantity(MOST_WEI),
    "eth_maxPriorityFeePerGas": quantity(MOST_WEI),
    "eth_sendRawTransaction": _HASH,
    "eth_getCode": data(0, _MOST_CODE_BYTES),
    "eth_call": data(0, _MOST_CALL_BYTES),
    "eth_getLogs": rows(_LOG, _MOST_LOGS),
    "eth_getBlockByNumber": optional(
        fields(hash=_HASH, number=_NUMBER, timestamp=_NUMBER, baseFeePerGas=optional(quantity(MOST_WEI)))
    ),
    "eth_getTransactionByHash": optional(
        fields(
            hash=_HASH,
            nonce=quantity(MOST_NONCE),
            blockNumber=optional(_NUMBER),
            input=optional(data(0, _MOST_INPUT_BYTES)),
        )
    ),
    "eth_getTransactionReceipt": optional(
        fields(
            transactionHash=_HASH,
            blockHash=_HASH,
            blockNumber=_NUMBER,
            gasUsed=quantity(MOST_GAS),
            status=quantity(1),
            contractAddress=optional(_ADDRESS),
            logs=optional(rows(_LOG, _MOST_LOGS)),
        )
    ),
}
