"""NFT contracts of strangers, as small as they can be: ERC-721, ERC-1155 and one that is like CryptoPunks'."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.support.anvil import Anvil

ERC721 = """
# pragma version 0.4.3
event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    token: indexed(uint256)
event ConsecutiveTransfer:
    first: indexed(uint256)
    last: uint256
    sender: indexed(address)
    receiver: indexed(address)
event MetadataUpdate:
    token: uint256
event BatchMetadataUpdate:
    first: uint256
    last: uint256
owners: HashMap[uint256, address]
uris: HashMap[uint256, String[8000]]
broken: HashMap[uint256, bool]
@view
@external
def supportsInterface(which: bytes4) -> bool:
    return which in [0x80ac58cd, 0x01ffc9a7]
@view
@external
def name() -> String[20]:
    return "Cool Cats"
@external
def mint(to: address, token: uint256, uri: String[8000]):
    log Transfer(sender=self.owners[token], receiver=to, token=token)
    self.owners[token] = to
    self.uris[token] = uri
@external
def consecutive(to: address, first: uint256, last: uint256, made: uint256):
    for token: uint256 in range(first, first + made, bound=1000):
        self.owners[token] = to
    log ConsecutiveTransfer(first=first, last=last, sender=empty(address), receiver=to)
@external
def move(to: address, token: uint256):
    log Transfer(sender=self.owners[token], receiver=to, token=token)
    self.owners[token] = to
@external
def change(token: uint256, uri: String[8000]):
    self.uris[token] = uri
    log MetadataUpdate(token=token)
@external
def change_all(last: uint256):
    log BatchMetadataUpdate(first=0, last=last)
@external
def break_it(token: uint256):
    self.broken[token] = True
@view
@external
def ownerOf(token: uint256) -> address:
    assert self.owners[token] != empty(address), "none"
    return self.owners[token]
@view
@external
def tokenURI(token: uint256) -> String[8000]:
    assert not self.broken[token], "out of order"
    return self.uris[token]
"""

ENUMERABLE = (
    ERC721.replace("[0x80ac58cd,", "[0x780e9d63, 0x80ac58cd,")
    .replace("broken: ", "all: DynArray[uint256, 100]\nbroken: ", 1)
    .replace("    self.uris[token] = uri\n", "    self.uris[token] = uri\n    self.all.append(token)\n", 1)
    + """
@view
@external
def totalSupply() -> uint256:
    return len(self.all)
@view
@external
def tokenByIndex(index: uint256) -> uint256:
    return self.all[index]
"""
)

LOGGING = (
    ERC721
    + """
@external
def log_1(a: bytes32, data: Bytes[1000]):
    raw_log([a], data)
@external
def log_2(a: bytes32, b: bytes32, data: Bytes[1000]):
    raw_log([a, b], data)
@external
def log_3(a: bytes32, b: bytes32, c: bytes32, data: Bytes[1000]):
    raw_log([a, b, c], data)
@external
def log_4(a: bytes32, b: bytes32, c: bytes32, d: bytes32, data: Bytes[1000]):
    raw_log([a, b, c, d], data)
"""
)
"""Logs whatever it is told to."""

ERC1155 = """
# pragma version 0.4.3
event TransferSingle:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    token: uint256
    amount: uint256
event TransferBatch:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    tokens: DynArray[uint256, 100]
    amounts: DynArray[uint256, 100]
text: String[500]
@deploy
def __init__(text: String[500]):
    self.text = text
@view
@external
def supportsInterface(which: bytes4) -> bool:
    return which in [0xd9b67a26, 0x01ffc9a7]
@external
def mint(to: address, tokens: DynArray[uint256, 100]):
    log TransferSingle(operator=msg.sender, sender=empty(address), receiver=to, token=tokens[0], amount=1)
    log TransferBatch(operator=msg.sender, sender=empty(address), receiver=to, tokens=tokens, amounts=tokens)
@view
@external
def uri(token: uint256) -> String[500]:
    return self.text
"""

COIN = """
# pragma version 0.4.3
@view
@external
def name() -> String[10]:
    return "Coin"
@view
@external
def decimals() -> uint8:
    return 18
@view
@external
def totalSupply() -> uint256:
    return 1000
"""

PUNKS = """
# pragma version 0.4.3
@view
@external
def totalSupply() -> uint256:
    return 3
@view
@external
def punkIndexToAddress(index: uint256) -> address:
    return 0x00000000000000000000000000000000000000AA
@view
@external
def punkImageSvg(index: uint16) -> String[300]:
    head: String[100] = 'data:image/svg+xml;utf8,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
    return concat(head, '<rect width="12" height="24" fill="#123"/></svg>')
@view
@external
def punkAttributes(index: uint16) -> String[60]:
    return "Male 1, Smile, Mohawk"
"""


@cache
def compiled(source: str) -> bytes:
    from vyper import compile_code
    from vyper.compiler.settings import Settings

    made = compile_code(source, output_formats=["bytecode"], settings=Settings(evm_version="paris"))
    return bytes.fromhex(made["bytecode"].removeprefix("0x"))


class Deployed:
    """One of them on a node; the node's first account sends what is called."""

    def __init__(self, node: Anvil, source: str, *arguments: tuple[str, object]) -> None:
        self.node, self.sender = node, node.ask("eth_accounts")[0]
        data = compiled(source) + encode([kind for kind, _ in arguments], [value for _, value in arguments])
        self.address = str(self._sent({"data": "0x" + data.hex()})["contractAddress"])

    def send(self, function: str, *values: object) -> None:
        kinds = function[function.index("(") + 1 : -1].split(",")
        data = keccak(function.encode())[:4] + encode(kinds, values)
        self._sent({"to": self.address, "data": "0x" + data.hex()})

    def _sent(self, call: dict[str, str]) -> Any:
        tx = self.node.ask("eth_sendTransaction", {"from": self.sender, "gas": hex(100_000_000), **call})
        for _ in range(2_000):  # mined at once, but after the answer
            if (receipt := self.node.ask("eth_getTransactionReceipt", tx)) is not None:
                assert receipt["status"] == "0x1"
                return receipt
            time.sleep(0.01)
        raise AssertionError("not mined")
