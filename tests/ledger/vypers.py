"""Contracts on a Machine: ours as they ship, and small ones that the tests need, from their Vyper sources.

That ours as they ship are what their sources compile to is a test of test_ledger.py; Vyper takes seconds for each.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from gistchain.ledger.compile import EVM, FOLDER
from gistchain.ledger.contracts import Compiled, compiled
from tests.ledger.machines import Done, Machine

DEPLOYER = bytes([0xDE]) * 20

WALLET = """
# pragma version 0.4.3
signer: address
mode: public(uint256)  # 0 as ERC-1271 says, 1 always yes, 2 never, 3 a wrong word, 4 a word with more than 4 bytes
@deploy
def __init__(signer: address):
    self.signer = signer
@external
def set_mode(mode: uint256):
    self.mode = mode
@view
@external
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes32:
    good: bytes32 = convert(0x1626ba7e, bytes32)
    if self.mode == 1:
        return good
    if self.mode == 2:
        assert False, "never"
    if self.mode == 3:
        return empty(bytes32)
    if self.mode == 4:
        return convert(convert(good, uint256) | 1, bytes32)
    if len(signature) != 70 or slice(signature, 65, 5) != b"owner":
        return empty(bytes32)
    who: address = ecrecover(
        digest, convert(slice(signature, 64, 1), uint256), extract32(signature, 0), extract32(signature, 32))
    return good if who == self.signer else empty(bytes32)
"""

NFT = """
# pragma version 0.4.3
owners: HashMap[uint256, address]
@external
def give(tokenId: uint256, owner: address):
    self.owners[tokenId] = owner
@view
@external
def ownerOf(tokenId: uint256) -> address:
    assert self.owners[tokenId] != empty(address), "no such NFT"
    return self.owners[tokenId]
"""

_SELF_CALLING = """
# pragma version 0.4.3
# Whoever asks it is answered only after it has tried to write to the registry, and told whether that went through.
registry: address
writing: Bytes[2048]
@deploy
def __init__(registry: address):
    self.registry = registry
@external
def prepare(writing: Bytes[2048]):
    self.writing = writing
@external
def ownerOf(tokenId: uint256) -> address:
    if raw_call(self.registry, self.writing, revert_on_failure=False):
        return tx.origin
    return empty(address)
@external
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4:
    if raw_call(self.registry, self.writing, revert_on_failure=False):
        return 0x1626ba7e
    return 0x00000000
"""


@cache
def built(source: str) -> Compiled:
    """What Vyper makes of it, for no address. Skips the test where Vyper is missing."""
    vyper = pytest.importorskip("vyper", reason="no vyper: pip install 'gistchain[contract]'")
    from vyper.compiler.settings import Settings

    formats = ["abi", "bytecode", "bytecode_runtime", "layout"]
    made = vyper.compile_code(source, output_formats=formats, settings=Settings(evm_version=EVM))
    slots = {name: place["slot"] for name, place in made["layout"].get("storage_layout", {}).items()}
    creation, runtime = (bytes.fromhex(made[each][2:]) for each in ("bytecode", "bytecode_runtime"))
    return Compiled(made["abi"], creation, runtime, "", slots)


@cache
def shipped(name: str) -> Compiled:
    """One of ours. What it was created with is left out, so that it can be given others."""
    ours = compiled(name)
    words = 32 * len(_created_with(ours))
    return replace(ours, bytecode=ours.bytecode[:-words]) if words else ours


def source_of(name: str) -> str:
    return (FOLDER / f"{name}.vy").read_text("utf-8")


def _created_with(made: Compiled) -> list[str]:
    of = [each for each in made.abi if each["type"] == "constructor"]
    return [_type(each) for each in of[0]["inputs"]] if of else []


class Contract:
    """A contract's functions by name. Its ABI is not read by gistchain's own coder, but by eth-abi."""

    def __init__(self, machine: Machine, made: Compiled, *arguments: Any) -> None:
        self.machine, self.made = machine, made
        self._functions = {each["name"]: each for each in made.abi if each["type"] == "function"}
        done = machine.send(DEPLOYER, None, made.bytecode + encode(_created_with(made), arguments))
        assert done.ok, done
        self.address = done.contract
        self.deployed_gas = done.gas

    @classmethod
    def at(cls, machine: Machine, name: str) -> Contract:
        """One that is shipped, and stands at its address already."""
        found = cls.__new__(cls)
        found.machine, found.made, found.deployed_gas = machine, compiled(name), 0
        found._functions = {each["name"]: each for each in found.made.abi if each["type"] == "function"}
        found.address = bytes.fromhex(found.made.address[2:])
        return found

    def data(self, name: str, *arguments: Any) -> bytes:
        types = [_type(each) for each in self._functions[name]["inputs"]]
        return self.selector(name) + encode(types, arguments)

    def selector(self, name: str) -> bytes:
        types = ",".join(_type(each) for each in self._functions[name]["inputs"])
        return keccak(f"{name}({types})".encode())[:4]

    def send(self, sender: bytes, name: str, *arguments: Any) -> Done:
        return self.machine.send(sender, self.address, self.data(name, *arguments))

    def ask(self, name: str, *arguments: Any) -> Any:
        """What a view returns, as eth-abi decodes it; one value alone."""
        done = self.machine.call(self.address, self.data(name, *arguments))
        assert done.ok, f"{name}{arguments} reverted: {done.reason}"
        return self.decoded(name, done.output)

    def decoded(self, name: str, output: bytes) -> Any:
        values = decode([_type(each) for each in self._functions[name]["outputs"]], output)
        return values[0] if len(values) == 1 else values

    def slot(self, variable: str) -> int:
        return self.made.slots[variable]


def self_calling(machine: Machine, registry: Contract) -> Contract:
    return Contract(machine, built(_SELF_CALLING), registry.address)


def _type(each: dict[str, Any]) -> str:
    kind = str(each["type"])
    if kind.startswith("tuple"):
        return f"({','.join(_type(part) for part in each['components'])}){kind[5:]}"
    return kind
