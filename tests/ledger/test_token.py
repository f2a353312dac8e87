"""token.vy as ERC-721 and ERC-165 say, on two EVMs, against a model of a few lines."""

from __future__ import annotations

import random
from functools import reduce

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from gistchain.ledger.contracts import PROXY, PROXY_RUNTIME, compiled
from tests.ledger.machines import Done, Machine, PyEvm
from tests.ledger.registry_model import NOBODY
from tests.ledger.token_scene import ALICE, BOB, CAROL, Scene
from tests.ledger.vypers import Contract, built

ERC_165 = ("supportsInterface(bytes4)",)
ERC_721 = (
    "balanceOf(address)",
    "ownerOf(uint256)",
    "safeTransferFrom(address,address,uint256,bytes)",
    "safeTransferFrom(address,address,uint256)",
    "transferFrom(address,address,uint256)",
    "approve(address,uint256)",
    "setApprovalForAll(address,bool)",
    "getApproved(uint256)",
    "isApprovedForAll(address,address)",
)
METADATA = ("name()", "symbol()", "tokenURI(uint256)")
ERC_7572 = ("contractURI()",)
TRANSFER = keccak(b"Transfer(address,address,uint256)")
APPROVAL = keccak(b"Approval(address,address,uint256)")
FOR_ALL = keccak(b"ApprovalForAll(address,address,bool)")

RECEIVER = """
# pragma version 0.4.3
interface Token:
    def ownerOf(tokenId: uint256) -> address: view
    def transferFrom(sender: address, receiver: address, tokenId: uint256): nonpayable
event Received:
    operator: address
    sender: address
    tokenId: uint256
    data: Bytes[4096]
mode: public(uint256)  # 0 takes tokens, 1 reverts, 2 says another word, 3 passes the token on to whoever it came from
@external
def set_mode(mode: uint256):
    self.mode = mode
@external
def onERC721Received(operator: address, sender: address, tokenId: uint256, data: Bytes[4096]) -> bytes4:
    assert self.mode != 1, "not this one"
    if self.mode == 2:
        return 0x12345678
    assert staticcall Token(msg.sender).ownerOf(tokenId) == self
    log Received(operator=operator, sender=sender, tokenId=tokenId, data=data)
    if self.mode == 3:
        extcall Token(msg.sender).transferFrom(self, sender, tokenId)
    return 0x150b7a02
"""


@pytest.fixture(scope="module")
def scene(machine: Machine) -> Scene:
    return Scene(machine)


@pytest.fixture
def minted(scene: Scene) -> int:
    """A new NFT of Alice's."""
    id = scene.register(b"a gist")
    assert scene.token.send(ALICE, "mint", id).ok
    return id


def safely(scene: Scene, sender: bytes, *arguments: object) -> Done:
    """safeTransferFrom without data."""
    data = keccak(b"safeTransferFrom(address,address,uint256)")[:4]
    return scene.machine.send(
        sender, scene.token.address, data + encode(["address", "address", "uint256"], list(arguments))
    )


def transfer(sender: bytes, receiver: bytes, id: int) -> tuple[tuple[bytes, ...], bytes]:
    return (TRANSFER, sender.rjust(32, b"\0"), receiver.rjust(32, b"\0"), id.to_bytes(32)), b""


def owner(scene: Scene, id: int) -> bytes:
    return bytes.fromhex(scene.token.ask("ownerOf", id)[2:])


def test_the_interfaces_are_those_whose_functions_it_has(scene: Scene) -> None:
    for functions in (ERC_165, ERC_721, METADATA, ERC_7572):
        selectors = [int.from_bytes(keccak(function.encode())[:4]) for function in functions]
        assert scene.token.ask("supportsInterface", reduce(int.__xor__, selectors).to_bytes(4))
    assert not scene.token.ask("supportsInterface", b"\xff" * 4)
    assert not scene.token.ask("supportsInterface", bytes(4))
    has = {
        f"{each['name']}({','.join(value['type'] for value in each['inputs'])})"
        for each in compiled("token").abi
        if each["type"] == "function"
    }
    assert has.issuperset((*ERC_165, *ERC_721, *METADATA, *ERC_7572))
    events = {
        each["name"]: [value["indexed"] for value in each["inputs"]]
        for each in compiled("token").abi
        if each["type"] == "event"
    }
    assert events == {"Transfer": [True] * 3, "Approval": [True] * 3, "ApprovalForAll": [True, True, False]}
    assert (scene.token.ask("name"), scene.token.ask("symbol")) == ("gistchain", "GIST")


def test_only_who_registered_mints_and_only_once(scene: Scene) -> None:
    id = scene.register(b"a red bus")
    assert scene.token.send(BOB, "mint", id).reason == "not the token's owner"
    for who in (BOB, NOBODY):
        assert scene.token.send(who, "mint", id + 1).reason == "no such token"
    before = scene.token.ask("balanceOf", ALICE)
    assert not scene.token.ask("minted", id)
    done = scene.token.send(ALICE, "mint", id)
    assert done.logs == (transfer(NOBODY, ALICE, id),)
    assert owner(scene, id) == ALICE
    assert scene.token.ask("minted", id)
    assert scene.token.ask("balanceOf", ALICE) == before + 1
    assert scene.token.send(ALICE, "mint", id).reason == "minted"
    assert scene.token.send(ALICE, "transferFrom", ALICE, BOB, id).ok
    assert scene.token.send(ALICE, "mint", id).reason == "minted"


def test_tokens_of_batches_are_minted_as_well(scene: Scene) -> None:
    for id in (scene.batch([b"ab", b"cd"], width=2) + 1, scene.proofs([b"ab", b"cd"])):
        assert scene.token.send(BOB, "mint", id).reason == "not the token's owner"
        assert scene.token.send(ALICE, "mint", id).ok
        assert owner(scene, id) == ALICE


def test_what_is_not_minted_is_no_nft(scene: Scene) -> None:
    id = scene.register(b"a blue bus")
    for name, arguments in (
        ("ownerOf", (id,)),
        ("getApproved", (id,)),
        ("tokenURI", (id,)),
        ("approve", (BOB, id)),
        ("transferFrom", (ALICE, BOB, id)),
        ("safeTransferFrom", (ALICE, BOB, id, b"")),
    ):
        done = scene.machine.call(scene.token.address, scene.token.data(name, *arguments))
        assert (done.ok, done.reason) == (False, "not minted"), name
    refused = scene.machine.call(scene.token.address, scene.token.data("balanceOf", NOBODY))
    assert refused.reason == "zero address"


def test_a_safe_transfer_asks_the_contract_that_receives(scene: Scene, minted: int) -> None:
    receiver = Contract(scene.machine, built(RECEIVER))
    deaf = scene.tables.address
    assert not safely(scene, ALICE, ALICE, deaf, minted).ok
    for mode, reason in ((1, "not this one"), (2, "receiver refuses")):
        receiver.send(ALICE, "set_mode", mode)
        for done in (
            safely(scene, ALICE, ALICE, receiver.address, minted),
            scene.token.send(ALICE, "safeTransferFrom", ALICE, receiver.address, minted, b"data"),
        ):
            assert (done.ok, done.reason) == (False, reason)
    assert owner(scene, minted) == ALICE
    receiver.send(ALICE, "set_mode", 3)
    assert safely(scene, ALICE, ALICE, receiver.address, minted).ok
    assert owner(scene, minted) == ALICE
    receiver.send(ALICE, "set_mode", 0)
    assert scene.token.send(ALICE, "setApprovalForAll", CAROL, True).ok
    data = bytes(range(256)) * 16
    done = scene.token.send(CAROL, "safeTransferFrom", ALICE, receiver.address, minted, data)
    assert done.logs[0] == transfer(ALICE, receiver.address, minted)
    assert done.logs[1][1] == encode(["address", "address", "uint256", "bytes"], [CAROL, ALICE, minted, data])
    assert scene.token.send(ALICE, "setApprovalForAll", CAROL, False).ok


def test_a_plain_transfer_and_a_safe_one_to_a_person_ask_nobody(scene: Scene, minted: int) -> None:
    assert safely(scene, ALICE, ALICE, BOB, minted).logs == (transfer(ALICE, BOB, minted),)
    assert scene.token.send(BOB, "transferFrom", BOB, scene.tables.address, minted).ok
    assert owner(scene, minted) == scene.tables.address


class Model:
    """What ERC-721 promises, in dictionaries."""

    def __init__(self, ids: list[int]) -> None:
        self.owner = dict.fromkeys(ids, ALICE)
        self.approved: dict[int, bytes] = {}
        self.operators: set[tuple[bytes, bytes]] = set()

    def may_transfer(self, who: bytes, sender: bytes, receiver: bytes, id: int) -> bool:
        held = self.owner[id]
        allowed = who in (held, self.approved.get(id)) or (held, who) in self.operators
        return held == sender and receiver != NOBODY and allowed

    def may_approve(self, who: bytes, id: int) -> bool:
        return who == self.owner[id] or (self.owner[id], who) in self.operators


def test_every_step_of_a_random_walk_is_that_of_the_model(scene: Scene) -> None:
    rng = random.Random(721)
    people = ALICE, BOB, CAROL
    ids = [scene.register(b"one of three") for _ in range(3)]
    already = {who: scene.token.ask("balanceOf", who) for who in people}
    for id in ids:
        assert scene.token.send(ALICE, "mint", id).ok
    model = Model(ids)
    for _ in range(250):
        who, id, other = rng.choice(people), rng.choice(ids), rng.choice((*people, NOBODY))
        step = rng.randrange(6)
        if step < 3:
            sender = rng.choice((model.owner[id], model.owner[id], rng.choice(people)))
            allowed = model.may_transfer(who, sender, other, id)
            if step == 2:
                done = safely(scene, who, sender, other, id)
            else:
                done = scene.token.send(who, "transferFrom", sender, other, id)
            logs = (transfer(sender, other, id),)
            if allowed:
                model.owner[id] = other
                model.approved.pop(id, None)
        elif step < 5:
            allowed = model.may_approve(who, id)
            done = scene.token.send(who, "approve", other, id)
            held = model.owner[id]
            logs = (((APPROVAL, *(each.rjust(32, b"\0") for each in (held, other)), id.to_bytes(32)), b""),)
            if allowed:
                model.approved[id] = other
        else:
            yes, allowed = rng.random() < 0.4, True
            done = scene.token.send(who, "setApprovalForAll", other, yes)
            logs = (((FOR_ALL, *(each.rjust(32, b"\0") for each in (who, other))), int(yes).to_bytes(32)),)
            (model.operators.add if yes else model.operators.discard)((who, other))
        assert done.ok == allowed
        assert done.logs == (logs if allowed else ())
        assert owner(scene, id) == model.owner[id]
        assert bytes.fromhex(scene.token.ask("getApproved", id)[2:]) == model.approved.get(id, NOBODY)
        assert scene.token.ask("isApprovedForAll", who, other) == ((who, other) in model.operators)
    for who in people:
        assert scene.token.ask("balanceOf", who) == already[who] + list(model.owner.values()).count(who)


def test_the_proxy_creates_what_is_shipped_at_the_address_that_is_named() -> None:
    machine = PyEvm()
    machine.set_code(PROXY, PROXY_RUNTIME)
    for name in ("pictures", "token"):
        contract = compiled(name)
        place = bytes.fromhex(contract.address[2:])
        assert len(contract.runtime) <= 24_576
        assert machine.send(ALICE, PROXY, bytes(32) + contract.bytecode).ok
        assert machine.code(place) == contract.runtime
    token = Contract.at(machine, "token")
    for name in ("registry", "tables", "pictures"):
        assert token.ask(name) == compiled(name).address.lower()
