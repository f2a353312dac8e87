"""What someone might try on registry.vy, on two EVMs, and what comes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import rlp
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ledger.machines import Done, Machine
from tests.ledger.registry_model import NOBODY, PAGE, ZERO, BatchData, Item, Merkle, wrong_batch
from tests.ledger.signing import WRONG, Wanted, wrongly
from tests.ledger.vypers import NFT, WALLET, Contract, built, self_calling, shipped

KEY = PrivateKey(bytes([7]) * 32)
OWNER = KEY.public_key.to_canonical_address()
STRANGER = bytes([0x57]) * 20
IMAGE = keccak(b"an image")
EVIDENCE = keccak(b"evidence")
RATING = 9_700 << 96 | 1 << 88 | 3 << 72 | 123 << 32 | 45
NOT_SIGNED = "signature is not the owner's"


@pytest.fixture
def registry(machine: Machine) -> Contract:
    return Contract(machine, shipped("registry"))


def wanted(registry: Contract, owner: bytes = OWNER, image: bytes = IMAGE) -> Wanted:
    deadline = registry.machine.now() + 1000
    return Wanted(owner, image, EVIDENCE, RATING, b"a red bus", deadline, registry.machine.chain_id, registry.address)


def relay(registry: Contract, what: Wanted, signature: bytes, sender: bytes = STRANGER) -> Done:
    return registry.send(sender, "registerFor", *what.arguments(signature))


def grown_old(registry: Contract, contracts: int) -> None:
    """As if there were so many data contracts."""
    registry.machine.set_storage(registry.address, registry.slot("totals"), contracts << 96)
    registry.machine.set_nonce(registry.address, contracts + 1)


def items(count: int, seed: bytes = b"") -> tuple[Item, ...]:
    images = sorted(keccak(seed + bytes([k >> 8, k & 255])) for k in range(count))
    return tuple(Item(image, image[:4], (image[4], image[5] % 5)) for image in images)


NUMBERS = 1, 127, 128, 255, 256, 65_535, 65_536, 2**24 - 1, 2**24, 2**32 - 1, 2**32, 2**40, 2**56 - 1, 2**56, 2**64 - 2
"""Of data contracts: where the size of the number changes."""
PLACES = 2**21 - 66, 2**21 - 65, 2**21
"""Where it no longer fits in the word of a token."""


@pytest.mark.parametrize("number", [*NUMBERS, *PLACES])
def test_a_data_contract_lies_where_rlp_says(registry: Contract, number: int) -> None:
    grown_old(registry, number - 1)
    gist = b"a gist of data contract %d" % number
    assert registry.send(OWNER, "registerLong", IMAGE, EVIDENCE, RATING, gist).ok
    address = keccak(rlp.encode([registry.address, number]))[12:]
    assert registry.machine.code(address)[11:] == EVIDENCE + RATING.to_bytes(14, "big") + gist
    assert registry.ask("gistOf", 1) == gist
    assert registry.ask("ratingOf", 1) == (9_700, 1, 3, 123, 45, EVIDENCE)
    if number < 2**64 - 2:  # EIP-2681: there is no later one
        assert registry.send(OWNER, "registerBatch", BatchData(items(3)).encoded()).ok
        assert registry.ask("gistOf", 3) == items(3)[1].gist


def test_whoever_is_asked_while_a_token_is_made_can_make_none(registry: Contract) -> None:
    attacker = self_calling(registry.machine, registry)
    writing = registry.data("register", keccak(b"another"), ZERO, 0, b"gist")
    assert attacker.send(OWNER, "prepare", writing).ok
    assert relay(registry, wanted(registry, attacker.address), b"signature").reason == NOT_SIGNED
    assert registry.send(OWNER, "register", IMAGE, ZERO, 0, b"gist").ok
    linked = registry.send(OWNER, "link", 1, registry.machine.chain_id, attacker.address, 1)
    assert linked.reason == "not the NFT's owner"
    assert registry.ask("count") == 1


@given(
    rated=st.booleans(),
    width=st.integers(0, 3),
    common=st.binary(max_size=32),
    count=st.integers(1, 5),
    noise=st.binary(max_size=100),
    byte=st.sampled_from([0, 1, 255]),
)
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def test_no_batch_makes_a_view_fail_or_touches_another_token(
    machine: Machine, rated: bool, width: int, common: bytes, count: int, noise: bytes, byte: int
) -> None:
    registry = Contract(machine, shipped("registry"))
    good = BatchData(items(3), rated=True, evidence=EVIDENCE)
    assert registry.send(OWNER, "register", IMAGE, ZERO, 0, b"before").ok
    assert registry.send(OWNER, "registerBatch", good.encoded()).ok
    size = 43 * rated + count * (32 + 3 * rated) + count * (width or 2)
    crafted = bytes([rated]) + count.to_bytes(2, "big") + bytes([width, len(common)]) + common
    crafted += noise[:size] + bytes([byte]) * (size - len(noise))
    assert not wrong_batch(crafted)
    before = [registry.ask(name, id) for name in ("gistOf", "record", "ratingOf") for id in range(1, 5)]
    assert registry.send(STRANGER, "registerBatch", crafted).ok
    assert registry.send(OWNER, "register", keccak(b"after"), ZERO, 0, b"after").ok
    assert [registry.ask(name, id) for name in ("gistOf", "record", "ratingOf") for id in range(1, 5)] == before
    page = registry.ask("records", 1, PAGE)
    assert len(page) == 5 + count
    assert page[0][1] == IMAGE
    assert page[-1][1] == keccak(b"after")
    for id in range(5, 5 + count):
        registry.ask("gistOf", id)
        score, verdict, *_, evidence = registry.ask("ratingOf", id)
        assert score <= 10_000
        assert verdict <= 4
        assert evidence != ZERO or (score, verdict) == (0, 0)
    assert registry.ask("indexOf", 2, good.items[0].image) == 0
    assert [registry.ask("indexOf", 1, item.image) for item in good.items] == [2, 3, 4]


def test_a_plain_signature_counts_for_an_account_that_has_code(registry: Contract) -> None:
    """EIP-7702: the code of an account of a person is the address of a contract whose code it runs."""
    machine = registry.machine
    wallet = Contract(machine, built(WALLET), STRANGER)
    machine.set_code(OWNER, b"\xef\x01\x00" + wallet.address)
    mode, what = wallet.slot("mode"), wanted(registry)
    machine.set_storage(OWNER, mode, 2)  # that contract refuses every signature
    assert relay(registry, what, what.signed(KEY)).ok
    other = replace(what, image=keccak(b"another image"))
    assert not relay(registry, other, what.signed(KEY)).ok
    machine.set_storage(OWNER, mode, 1)  # it takes every signature
    assert relay(registry, other, what.signed(KEY)).ok
    assert registry.ask("tokenOf", OWNER, other.image) == 2
    machine.set_code(OWNER, b"")


@pytest.mark.parametrize("signature", [bytes(65), bytes(64) + b"\x1b", b"\xff" * 64 + b"\x1b", b"\1" * 65, b""])
def test_nobody_signs_for_the_zero_address(registry: Contract, signature: bytes) -> None:
    assert relay(registry, wanted(registry, NOBODY), signature).reason == NOT_SIGNED
    for precompile in (1, 2, 4, 9):
        assert relay(registry, wanted(registry, bytes(19) + bytes([precompile])), signature).reason == NOT_SIGNED


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_signature_registers_nothing(registry: Contract, how: str) -> None:
    what = wanted(registry)
    assert relay(registry, what, wrongly(how, what, KEY, PrivateKey(bytes([8]) * 32))).reason == NOT_SIGNED
    assert relay(registry, what, what.signed(KEY)).ok


def test_a_gist_that_starts_like_a_ticket_is_not_the_rated_one(registry: Contract) -> None:
    """Both would be the same code."""
    gist = b"a red bus"
    assert registry.send(OWNER, "registerLong", IMAGE, EVIDENCE, RATING, gist).ok
    same = EVIDENCE + RATING.to_bytes(14, "big") + gist
    what = replace(wanted(registry), evidence=ZERO, rating=0, gist=same)
    done = registry.send(STRANGER, "registerLongFor", *what.arguments(what.signed(KEY)))
    assert done.reason == "registered"


def test_a_second_owner_registers_once_too(registry: Contract) -> None:
    for sender, refused in ((OWNER, ""), (STRANGER, ""), (STRANGER, "registered"), (OWNER, "registered")):
        assert registry.send(sender, "register", IMAGE, ZERO, 0, b"gist").reason == refused
    assert (registry.ask("tokenOf", OWNER, IMAGE), registry.ask("tokenOf", STRANGER, IMAGE)) == (1, 2)


def test_a_wallet_may_sign_with_65_bytes_that_are_no_signature_of_its_address(registry: Contract) -> None:
    wallet = Contract(registry.machine, built(WALLET), OWNER)
    what = wanted(registry, wallet.address)
    assert relay(registry, what, what.signed(KEY)).reason == NOT_SIGNED
    assert wallet.send(OWNER, "set_mode", 1).ok
    assert relay(registry, what, what.signed(KEY)).ok
    assert registry.ask("tokenOf", wallet.address, IMAGE) == 1


def test_whoever_runs_ahead_takes_nothing_from_the_owner(registry: Contract) -> None:
    copied = registry.send(STRANGER, "register", IMAGE, ZERO, 0, b"gist")
    assert copied.ok
    what = wanted(registry)
    signature = what.signed(KEY)
    assert relay(registry, what, signature, STRANGER).ok  # the relayed one is the owner's, whoever sends it
    assert relay(registry, what, signature, OWNER).ok
    assert registry.ask("count") == 2
    assert (registry.ask("tokenOf", STRANGER, IMAGE), registry.ask("tokenOf", OWNER, IMAGE)) == (1, 2)
    assert registry.ask("firstOf", IMAGE) == 1  # a hint
    assert registry.ask("ratingOf", 1)[5] == ZERO


def test_a_hash_of_zeros_is_a_hash(registry: Contract) -> None:
    assert registry.ask("tokenOf", OWNER, ZERO) == registry.ask("firstOf", ZERO) == 0
    assert registry.send(OWNER, "register", ZERO, ZERO, 0, b"gist").ok
    assert registry.send(OWNER, "register", ZERO, ZERO, 0, b"other").reason == "registered"
    assert registry.ask("tokenOf", OWNER, ZERO) == registry.ask("firstOf", ZERO) == 1
    assert registry.ask("tokenOf", NOBODY, ZERO) == 0


def test_ids_of_proofs_cost_their_bytes(registry: Contract) -> None:
    assert registry.send(OWNER, "registerProofs", EVIDENCE, 65_535, b"").reason == "wrong size"
    call = bytearray(registry.data("registerProofs", EVIDENCE, 900, b""))
    call[-32:] = (32_768).to_bytes(32, "big")  # says that it has bytes which aren't there
    assert not registry.machine.send(OWNER, registry.address, bytes(call)).ok
    data = BatchData(items(500))
    root = Merkle([data.leaf(k) for k in range(500)]).root
    assert registry.send(OWNER, "registerProofs", root, 500, data.encoded()).ok
    assert registry.ask("count") == 500


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 8, 9, 31, 33, 100, 255])
def test_a_proof_holds_for_one_token_and_one_item(registry: Contract, count: int) -> None:
    data = BatchData(items(count), b"common", rated=True, evidence=EVIDENCE)
    leaves = [data.leaf(k) for k in range(count)]
    tree = Merkle(leaves)
    assert registry.send(OWNER, "registerProofs", tree.root, count, data.encoded()).ok
    for k in {0, count // 2, count - 1}:
        proof = tree.proof(k)
        assert registry.ask("verify", 1 + k, leaves[k], proof)
        for wrong in ((1 + k + 1, leaves[k], proof), (1 + k, leaves[k] + b"\0", proof), (0, leaves[k], proof)):
            assert not registry.ask("verify", *wrong)
        # A node in the place of a leaf, with the rest of its proof.
        if proof:
            pair = b"\1" + tree.levels[0][k] + proof[0]
            assert not registry.ask("verify", 1 + k, pair[1:], proof[1:])
    assert registry.ask("gistOf", 1) == b""


def test_an_nft_of_this_chain_is_linked_by_its_owner_alone(registry: Contract) -> None:
    nft, chain = Contract(registry.machine, built(NFT)), registry.machine.chain_id
    assert nft.send(STRANGER, "give", 5, STRANGER).ok
    assert registry.send(OWNER, "register", IMAGE, ZERO, 0, b"gist").ok
    assert registry.send(OWNER, "link", 1, chain, nft.address, 5).reason == "not the NFT's owner"
    assert registry.send(STRANGER, "link", 1, chain, nft.address, 5).reason == "not the token's owner"
    assert not registry.send(OWNER, "link", 1, chain, STRANGER, 5).ok  # no contract there
    assert nft.send(STRANGER, "give", 5, OWNER).ok
    assert registry.send(OWNER, "link", 1, chain, nft.address, 5).ok
    assert registry.ask("linkedTo", chain, nft.address, 5, 0) == (1,)


def test_many_may_link_to_one_nft_of_another_chain(registry: Contract) -> None:
    assert registry.send(OWNER, "registerBatch", BatchData(items(5)).encoded()).ok
    for id in (4, 2, 5):
        assert registry.send(OWNER, "link", id, 10, STRANGER, 7).ok
    assert registry.send(OWNER, "link", 2, 10, STRANGER, 8).reason == "linked"
    assert [registry.ask("linkedTo", 10, STRANGER, 7, start) for start in range(4)] == [(4, 2, 5), (2, 5), (5,), ()]
    assert registry.ask("linkedTo", 11, STRANGER, 7, 0) == registry.ask("linkedTo", 10, STRANGER, 8, 0) == ()


def test_no_coin_is_taken(registry: Contract) -> None:
    payable = [each["name"] for each in registry.made.abi if each.get("stateMutability") == "payable"]
    assert payable == []
    assert not registry.machine.send(OWNER, registry.address, b"").ok
