"""registry.vy against registry_model.py, step by step, on two EVMs.

GISTCHAIN_STEPS=5000 for so many steps on each; the default takes seconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from eth_abi.abi import decode
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from tests.ledger.machines import AnvilMachine, Done, Machine, PyEvm
from tests.ledger.registry_checks import Checks, plain
from tests.ledger.registry_draws import ages, batches, gists, images, tickets
from tests.ledger.registry_model import (
    NO_RATING,
    NOBODY,
    PAGE,
    ZERO,
    BatchData,
    Merkle,
    Model,
    Token,
    rating_of,
    wrong_batch,
    wrong_registration,
    wrong_ticket,
)
from tests.ledger.signing import WRONG, Wanted, wrongly
from tests.ledger.vypers import NFT, WALLET, Contract, built, shipped
from tests.support.anvil import needs_anvil

STEPS = int(os.environ.get("GISTCHAIN_STEPS", "90"))
STEPS_A_CHAIN = 50
KEYS = [PrivateKey(bytes([9]) * 31 + bytes([k])) for k in range(1, 4)]
PEOPLE = [key.public_key.to_canonical_address() for key in KEYS]
NOT_SIGNED = "signature is not the owner's"


class RegistryMachine(RuleBasedStateMachine):
    """Every step asks the contract what the model knows."""

    steps = 0

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine
        self.moves = 0

    @initialize(age=ages)
    def deploy(self, age: tuple[int, int, int]) -> None:
        self.registry = Contract(self.machine, shipped("registry"))
        self.wallet = Contract(self.machine, built(WALLET), PEOPLE[0])
        self.nft = Contract(self.machine, built(NFT))
        self.nft_owners: dict[int, bytes] = {}
        self.people = [*PEOPLE, self.wallet.address]
        self.wallet_mode = 0
        self.earlier: list[tuple[str, Wanted, bytes]] = []
        tokens, contracts, batches = age
        self.model = Model(tokens, batches)
        self.checks = Checks(self.registry, self.model)
        if any(age):
            self.machine.set_storage(
                self.registry.address, self.registry.slot("totals"), tokens | contracts << 96 | batches << 176
            )
            self.machine.set_nonce(self.registry.address, contracts + 1)

    def _outcome(self, done: Done, refused: set[str]) -> bool:
        """True if it was done; refused: the reasons of which the contract has to give one."""
        assert done.ok == (not refused), f"{done.reason!r}, and not {refused}"
        assert done.ok or done.reason in refused, f"{done.reason!r}, and not {refused}"
        return done.ok

    def _registered(self, done: Done, token: Token) -> int:
        self.model.tokens.append(token)
        id = self.model.count
        topics = keccak(b"Registered(uint256,address,bytes32)"), id.to_bytes(32, "big"), bytes(12) + token.owner
        assert done.logs[0] == ((*topics, token.image), b"")
        assert not done.output or int.from_bytes(done.output, "big") == id
        self.checks.token(id)
        return id

    @rule(who=st.integers(0, 3), image=images, ticket=tickets, gist=gists, long=st.booleans(), again=st.integers(0, 9))
    def register(self, who: int, image: bytes, ticket: tuple[bytes, int], gist: bytes, long: bool, again: int) -> None:
        if again > 4 and self.model.tokens:
            image = self.model.tokens[-1 - again % min(4, len(self.model.tokens))].image
        evidence, rating = ticket
        owner, name = self.people[who], "registerLong" if long else "register"
        refused = wrong_registration(evidence, rating, gist, long=long)
        if self.model.token_of(owner, image):
            refused.add("registered")
        done = self.registry.send(owner, name, image, evidence, rating, gist)
        if self._outcome(done, refused):
            found = rating_of(rating, evidence)
            self._registered(done, Token(owner, image, gist, found, done.block, done.time, long=long))

    @rule(
        who=st.integers(0, 3),
        sender=st.integers(0, 3),
        image=images,
        ticket=tickets,
        gist=gists,
        long=st.booleans(),
        late=st.sampled_from([-1, -1, 0, 10**6, 2**255]),
        wrong=st.one_of(st.none(), st.none(), st.sampled_from(WRONG)),
    )
    def register_for(
        self,
        who: int,
        sender: int,
        image: bytes,
        ticket: tuple[bytes, int],
        gist: bytes,
        long: bool,
        late: int,
        wrong: str | None,
    ) -> None:
        owner, name = self.people[who], "registerLongFor" if long else "registerFor"
        evidence, rating = ticket
        deadline = self.machine.now() + (late if late < 0 else 1000 + late)
        wanted = Wanted(owner, image, evidence, rating, gist, deadline, self.machine.chain_id, self.registry.address)
        key = KEYS[0] if who == 3 else KEYS[who]
        signature = wrongly(wrong, wanted, key, KEYS[(who + 1) % 3]) if wrong else wanted.signed(key)
        if who == 3:
            signature += b"owner"
        self._relay(sender, name, wanted, signature, self._signed(who, wrong, len(signature)))

    def _signed(self, who: int, wrong: str | None, size: int) -> bool:
        if who == 3 and self.wallet_mode:
            return self.wallet_mode == 1
        return wrong is None and (who != 3 or size == 70)

    def _relay(self, sender: int, name: str, wanted: Wanted, signature: bytes, signed: bool) -> None:
        long = name == "registerLongFor"
        refused = wrong_registration(wanted.evidence, wanted.rating, wanted.gist, long=long)
        if not signed:
            refused |= {NOT_SIGNED, *({"never", ""} if wanted.owner == self.wallet.address else ())}
        known = self.model.token_of(wanted.owner, wanted.image)
        found = rating_of(wanted.rating & (1 << 112) - 1, wanted.evidence)
        if known:
            there = self.model.token(known)
            assert there
            if (there.gist, there.rating, there.long) != (wanted.gist, found, long):
                refused.add("registered")
        elif wanted.deadline < self.machine.now() + 60:  # no block is so far from the one before
            refused.add("deadline passed")
        done = self.registry.send(self.people[sender], name, *wanted.arguments(signature))
        if not self._outcome(done, refused):
            return
        self.earlier.append((name, wanted, signature))
        if known:
            assert done.logs == ()
            assert not done.output or int.from_bytes(done.output, "big") == known
            return
        id = self._registered(
            done, Token(wanted.owner, wanted.image, wanted.gist, found, done.block, done.time, long=long)
        )
        topics, data = done.logs[1]
        assert topics == (keccak(b"Relayed(uint256,uint256,bytes)"), id.to_bytes(32, "big"))
        assert decode(["uint256", "bytes"], data) == (wanted.deadline, signature)

    @precondition(lambda self: self.earlier)
    @rule(sender=st.integers(0, 3), which=st.integers(0, 99), other=st.booleans())
    def send_again(self, sender: int, which: int, other: bool) -> None:
        name, wanted, signature = self.earlier[which % len(self.earlier)]
        if other:  # as if the gist were of the other length
            name = {"registerFor": "registerLongFor", "registerLongFor": "registerFor"}[name]
        signed = True
        if wanted.owner == self.wallet.address:  # what it took in another mode counts no more
            signed = self.wallet_mode == 1 or (not self.wallet_mode and signature == wanted.signed(KEYS[0]) + b"owner")
        self._relay(sender, name, wanted, signature, signed)

    @rule(mode=st.sampled_from([0, 0, 1, 2, 3, 4]))
    def another_wallet(self, mode: int) -> None:
        assert self.wallet.send(PEOPLE[0], "set_mode", mode).ok
        self.wallet_mode = mode

    @rule(who=st.integers(0, 3), data=batches())
    def register_batch(self, who: int, data: BatchData) -> None:
        encoded = data.encoded()
        done = self.registry.send(self.people[who], "registerBatch", encoded)
        assert done.ok == (not wrong_batch(encoded)), done.reason
        if done.ok:
            self._batch_done(done, self.people[who], data, ZERO)

    @rule(who=st.integers(0, 3), data=batches(), cut=st.integers(0, 60), at=st.integers(0, 4), byte=st.integers(0, 255))
    def register_broken_batch(self, who: int, data: BatchData, cut: int, at: int, byte: int) -> None:
        encoded = bytearray(data.encoded())
        encoded = encoded[: len(encoded) - cut]
        if at < len(encoded):
            encoded[at] = byte
        if not wrong_batch(bytes(encoded)):
            return
        done = self.registry.send(self.people[who], "registerBatch", bytes(encoded))
        assert not done.ok
        assert done.reason in ("empty batch", "unknown batch", "wrong size", "")

    @rule(who=st.integers(0, 3), data=batches(), ids=st.sampled_from([None, None, 0, 65_535, 65_536]))
    def register_proofs(self, who: int, data: BatchData, ids: int | None) -> None:
        root = Merkle([data.leaf(k) for k in range(len(data.items))]).root
        owner = self.people[who]
        if ids is not None:
            done = self.registry.send(owner, "registerProofs", root, ids, data.encoded())
            self._outcome(done, {"empty batch", "wrong size"})
            assert self.registry.send(owner, "registerProofs", ZERO, 1, data.encoded()).reason == "no root"
            return
        done = self.registry.send(owner, "registerProofs", root, len(data.items), data.encoded())
        if self._outcome(done, set()):
            self._batch_done(done, owner, data, root)

    def _batch_done(self, done: Done, owner: bytes, data: BatchData, root: bytes) -> None:
        first = self.model.add_batch(owner, data, root, done.block, done.time)
        number = self.model.older_batches + len(self.model.batches)
        topics, values = done.logs[0]
        assert topics == (
            keccak(b"Batch(uint256,address,uint256,uint256,bytes32)"),
            number.to_bytes(32, "big"),
            bytes(12) + owner,
        )
        assert decode(["uint256", "uint256", "bytes32"], values) == (first, len(data.items), root)
        for k in {0, len(data.items) // 2, len(data.items) - 1}:
            self.checks.token(first + k)

    def _some(self, which: int) -> int:
        ids = [0, self.model.count + 1, *self.model.ids()[:3], *self.model.ids()[-5:]]
        return ids[which % len(ids)]

    @rule(by=st.integers(0, 3), which=st.integers(0, 10**6), ticket=tickets)
    def attest(self, by: int, which: int, ticket: tuple[bytes, int]) -> None:
        evidence, rating = ticket
        id = self._some(which)
        refused = wrong_ticket(evidence, rating)
        if not 0 < id <= self.model.count:
            refused.add("no such token")
        done = self.registry.send(self.people[by], "attest", id, evidence, rating)
        if self._outcome(done, refused):
            self.model.attestations[id, self.people[by]] = rating_of(rating, evidence)
            topics, values = done.logs[0]
            assert topics[1:] == (id.to_bytes(32, "big"), bytes(12) + self.people[by])
            assert decode(["uint256", "bytes32"], values) == (rating, evidence)
        for person in self.people:
            assert plain(self.registry.ask("attestationOf", id, person)) == self.model.attestations.get(
                (id, person), NO_RATING
            )

    @rule(token=st.integers(1, 3), who=st.integers(0, 3))
    def give_nft(self, token: int, who: int) -> None:
        assert self.nft.send(NOBODY[:-1] + b"\1", "give", token, self.people[who]).ok
        self.nft_owners[token] = self.people[who]

    @rule(
        who=st.one_of(st.none(), st.integers(0, 3)),
        which=st.integers(0, 10**6),
        here=st.booleans(),
        chain=st.sampled_from([0, 1, 2**64 - 1, 2**64]),
        real=st.booleans(),
        token=st.integers(1, 3),
    )
    def link(self, who: int | None, which: int, here: bool, chain: int, real: bool, token: int) -> None:
        id = self._some(which)
        there, chain = self.model.token(id), self.machine.chain_id if here else chain
        owner = there.owner if there and who is None else self.people[who or 0]
        nft = self.nft.address if real else (NOBODY if chain % 2 else PEOPLE[1])
        refused = set()
        if there is None or there.owner != owner:
            refused.add("not the token's owner")
        if id in self.model.links:
            refused.add("linked")
        if not 0 < chain < 2**64 or nft == NOBODY:
            refused.add("no NFT")
        if here and self.nft_owners.get(token if real else -1) != owner:
            refused |= {"not the NFT's owner", "no such NFT", ""}
        done = self.registry.send(owner, "link", id, chain, nft, token)
        if self._outcome(done, refused):
            self.model.links[id] = chain, nft, token
            self.model.linked.setdefault((chain, nft, token), []).append(id)
        linked = self.model.linked.get((chain, nft, token), [])
        for start in {0, 1, len(linked), 2**256 - 1}:
            assert list(self.registry.ask("linkedTo", chain, nft, token, start)) == linked[start : start + PAGE]
        self.checks.token(id)

    @precondition(lambda self: any(batch.root != ZERO for batch in self.model.batches))
    @rule(
        which=st.integers(0, 99),
        k=st.integers(0, 10**6),
        wrong=st.sampled_from(["", "", "item", "place", "short", "long", "node", "swapped"]),
    )
    def prove(self, which: int, k: int, wrong: str) -> None:
        batch = [each for each in self.model.batches if each.root != ZERO]
        found = batch[which % len(batch)]
        k %= found.count
        items = [found.data.leaf(j) for j in range(found.count)]
        item, proof = items[k], Merkle(items).proof(k)
        id = found.first + k
        if (wrong in ("short", "node") and not proof) or (wrong == "swapped" and len(set(proof)) < 2):
            wrong = "item"
        if wrong == "item":
            item = item[:-1] + bytes([item[-1] ^ 1])
        elif wrong == "place":
            id += 1
        elif wrong == "short":
            proof.pop()
        elif wrong == "long":
            proof.append(found.root)
        elif wrong == "node":
            proof[0] = keccak(proof[0])
        elif wrong == "swapped":
            proof.reverse()
        assert self.registry.ask("verify", id, item, proof) == (not wrong)

    @rule(changed=st.sampled_from(["owner", "offset", "far", "size", "cut", "value", "selector"]), image=images)
    def send_unusual_bytes(self, changed: str, image: bytes) -> None:
        """What no encoder writes: it fails, or is one token of the sender, with the bytes that are not there zeros."""
        owner = PEOPLE[2]
        data = bytearray(self.registry.data("register", image, ZERO, 0, b"g" * 40))
        if changed == "owner":
            data = bytearray(self.registry.data("tokenOf", owner, image))
            data[4] = 1
            assert not self.machine.call(self.registry.address, bytes(data)).ok
            return
        if changed == "selector":
            data[:4] = b"none"
        elif changed == "offset":
            data[4 + 96 : 4 + 128] = (32).to_bytes(32, "big")  # the size of the gist is the evidence, which is 0
        elif changed == "far":
            data[4 + 96 : 4 + 128] = b"\xff" * 32
        elif changed == "size":
            data[4 + 128 : 4 + 160] = (65).to_bytes(32, "big")
        elif changed == "cut":
            data = data[:-34]  # 34 bytes of the gist are left
        elif changed == "value":
            data[4 + 64] = 1
        done = self.machine.send(owner, self.registry.address, bytes(data))
        if done.ok:
            assert changed == "cut"
            assert not self.model.token_of(owner, image)
            gist = b"g" * 30 + bytes(10)
            self._registered(done, Token(owner, image, gist, NO_RATING, done.block, done.time))

    @invariant()
    def counts(self) -> None:
        RegistryMachine.steps += self.moves > 0
        self.moves += 1
        self.checks.totals()
        if tokens := len(self.model.tokens):
            self.checks.token(self.model.ids()[self.moves * 7919 % tokens])
            self.checks.page(self.model.ids()[self.moves * 104_729 % tokens], 300 if self.moves == 40 else 3)
        for id in (0, self.model.count + 1, 2**256 - 1):
            self.checks.token(id)
        self.checks.batch(self.model.older_batches + self.moves % (len(self.model.batches) + 2))

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.checks.singles()
            if self.model.tokens:
                self.checks.page(self.model.ids()[-1] - 20, PAGE)


def run(machine: Callable[[], Machine]) -> None:
    RegistryMachine.steps = 0
    while (left := STEPS - RegistryMachine.steps) > 0:  # a chain may end early
        run_machine(  # type: ignore[no-untyped-call]
            lambda: RegistryMachine(machine()),
            settings=settings(
                max_examples=-(-left // STEPS_A_CHAIN),
                stateful_step_count=STEPS_A_CHAIN,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    print(f"{RegistryMachine.steps} steps")


@pytest.mark.timeout(900 + STEPS)
def test_the_contract_is_its_model_on_py_evm() -> None:
    run(PyEvm)


@pytest.fixture
def anvil() -> Iterator[AnvilMachine]:
    machine = AnvilMachine()
    yield machine
    machine.close()


@needs_anvil
@pytest.mark.timeout(900 + STEPS)
def test_the_contract_is_its_model_on_anvil(anvil: AnvilMachine) -> None:
    run(lambda: anvil)
