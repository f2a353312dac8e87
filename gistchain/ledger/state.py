"""The embedded chain's records -> what its registry holds, read without web3 and py-evm.

Those take more than a second to load. No contract runs here: the registry's variables are looked up in the state of
the last block, what was signed and logged in the blocks (blocks.py). Where Vyper lays the variables stands
in registry.json; the tests compare what is read here with what the contract answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gistchain.digest import keccak
from gistchain.errors import LedgerError, PacketError
from gistchain.ledger import batch, chainfile, proof, ticket
from gistchain.ledger.blocks import Blocks, header_of
from gistchain.ledger.contracts import compiled
from gistchain.ledger.gas import INLINE_BYTES, TICKET_BYTES
from gistchain.ledger.known import EMBEDDED, recall
from gistchain.ledger.patricia import Item, Trie, big_endian, encoded, rlp
from gistchain.ledger.proof import BatchSent
from gistchain.ledger.recover import checksummed
from gistchain.types import Attestation, NftLink, RarenessTicket, SignedRareness, Token

_STATE_ROOT, _NUMBER = 3, 8  # fields of a block's header (Yellow Paper, 4.3)
_STORAGE_ROOT, _CODE_HASH = 2, 3  # of an account (4.1)
_PREFIX_BYTES = 11  # of the code of a data contract, before what it holds
_ELSEWHERE = 2**21 - 1
_MOST_PROOFS = 256  # whose data, of 32 KB at most, is kept: to find and check it takes 12 ms


def name(home: Path) -> str:
    """The name of the home's own chain and contract, as `Ledger.name` gives it but for capitals; '' for none yet.

    Raises LedgerError.
    """
    known = recall(home).get(EMBEDDED)
    return "" if known is None else f"evm:{known.chain_id}:{known.registry}"


@dataclass(frozen=True, slots=True)
class Head:
    """What one word says of a token, or of its batch.

    inline_bytes: of a gist in storage words, 0 for one in the code of contract number `data`. batch, index: of a token
    of a batch, and its place there; data is 0 where the batch keeps proofs alone.
    """

    owner: str
    block: int
    block_time: int
    data: int
    rated: bool
    inline_bytes: int = 0
    batch: int = 0
    index: int = 0


class State:
    """The registry as the last block left it.

    Every call raises FileDamaged where the records don't hold what they should.
    """

    def __init__(self, records: chainfile.Records, proofs: dict[int, bytes | None] | None = None) -> None:
        """proofs: batches of proofs that were read before, by number. Raises LedgerError for another contract there."""
        self._records = records
        contract = compiled("registry")
        self._slots, self.registry = contract.slots, contract.address
        self._proofs = {} if proofs is None else proofs
        self._last = (0, b"")  # the data contract that was read last: its token's record, gist and ticket follow
        with self._damage():
            header = header_of(records, records[b"v1:canonical_head_hash"])
            self._head_number = int.from_bytes(header[_NUMBER], "big")
            self._accounts = Trie(records, header[_STATE_ROOT])
            account = self._account(bytes.fromhex(self.registry[2:]))
            self._storage = Trie(records, account[_STORAGE_ROOT])
        if account[_CODE_HASH] != keccak(contract.runtime):
            raise LedgerError(f"{records.file.path} has another registry: use the gistchain that made this chain")

    @contextlib.contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except (KeyError, ValueError, IndexError, TypeError, RecursionError) as error:
            what = f"its last state can't be read: {type(error).__name__}"
            raise self._records.file.damaged(what) from error

    def block(self) -> int:
        """The number of the last block."""
        return self._head_number

    def count(self) -> int:
        """How many tokens there are; their ids are 1 to count."""
        with self._damage():
            return self._number(_word(self._slots["totals"])) & (1 << 96) - 1

    def image(self, token: int) -> bytes:
        """SHA3-256 of the token's image; zeros for one of proofs whose transaction does not give their root."""
        with self._damage():
            image = self._get("hashes", token)
            if image == 0 and (head := self._head_in_batch(token)) is not None:
                data = self._batch_data(head)
                return bytes(32) if data is None else batch.image(data, head.index)
            return _word(image)

    def head(self, token: int) -> Head | None:
        """None where there is no such token."""
        with self._damage():
            head = self._get("heads", token)
            if head == 0:
                return self._head_in_batch(token)
            place = head >> 2 & _ELSEWHERE
            inline = place if place <= INLINE_BYTES else 0
            number = self._get("words", 2 * token) if place == _ELSEWHERE else place - INLINE_BYTES
            return Head(*_who_and_when(head), 0 if inline else number, bool(head & 1), inline)

    def _head_in_batch(self, token: int) -> Head | None:
        low, high = 1, (self._number(_word(self._slots["totals"])) >> 176) + 1
        while low < high:
            middle = (low + high) // 2
            reach = self._get("batchRanges", middle)
            first, count = reach >> 16 & (1 << 96) - 1, reach & 65535
            if token < first:
                high = middle
            elif token >= first + count:
                low = middle + 1
            else:
                found = Head(
                    *_who_and_when(self._get("batchHeads", middle)), reach >> 112, False, 0, middle, token - first
                )
                data = self._batch_data(found)
                return replace(found, rated=data is not None and batch.rated(data))
        return None

    def gist(self, token: int, head: Head) -> bytes:
        """Raises PacketError for a token of proofs, and where the data of its batch is nonsense."""
        if head.batch:
            with self._damage():
                data = self._batch_data(head)
            if data is None:
                raise not_in_state(token, head.batch)
            try:
                return batch.gist(data, head.index)
            except (ValueError, IndexError) as error:
                raise nonsense(token) from error
        with self._damage():
            start = TICKET_BYTES if head.rated else 0
            if head.inline_bytes == 0:
                return self._data(head.data)[start:]
            return self._words(token)[start : start + head.inline_bytes]

    def ticket(self, token: int, head: Head) -> RarenessTicket | None:
        """Of a token that is rated, as the contract's ratingOf tells it."""
        if not head.rated:
            return None
        if head.batch:
            return self._ticket_in_batch(head)
        with self._damage():
            raw = self._data(head.data) if head.inline_bytes == 0 else self._words(token)
            return ticket.from_rating(int.from_bytes(raw[32:TICKET_BYTES], "big"), raw[:32])

    def _ticket_in_batch(self, head: Head) -> RarenessTicket | None:
        """None for one that is no ticket: the contract checks none of a batch."""
        with self._damage():
            data = self._batch_data(head)
        try:
            return None if data is None else ticket.from_rating(*batch.rating(data, head.index))
        except (ValueError, IndexError, LedgerError):
            return None

    def token(self, token: int, head: Head) -> Token:
        return Token(token, head.owner, self.image(token), head.block, head.block_time, head.batch)

    def rareness(self, token: int, head: Head) -> SignedRareness | None:
        """The ticket, and whether its owner's signature is in the token's block."""
        found = self.ticket(token, head)
        if found is None:
            return None
        if head.batch:
            with self._damage():
                sent = self._sent(head)
                data = self._batch_data(head)
            tx, by = ("", None) if sent is None else (sent[0], sent[1])
            signed = sent is not None and by is not None and by.sender == head.owner and by.data == data
            return SignedRareness(found, head.owner, signed, tx or None)
        with self._damage():
            kept = self._blocks().registration(head.block, token)
        return proof.proven(
            self.token(token, head),
            self.gist(token, head),
            found,
            kept,
            chain_id=chainfile.CHAIN_ID,
            registry=self.registry,
            source=str(self._records.file.path),
            ask_owner=lambda owner, digest, signature: False,  # that would need the contract to run
        )

    def attestations(self, token: int, head: Head) -> tuple[Attestation, ...]:
        """What others say of the token, each as the state holds it now."""
        with self._damage():
            found = []
            for by in self._blocks().attesters(head.block, self._head_number, token):
                rating = self._number(_inner(_place(self._slots["attestations"], token), by)) & (1 << 112) - 1
                evidence = _word(self._number(_inner(_place(self._slots["attested"], token), by)))
                said = ticket.from_rating(rating, evidence)
                if said is not None:
                    found.append(Attestation(checksummed(by), said))
            return tuple(found)

    def link(self, token: int) -> NftLink | None:
        """The NFT that the token is linked to."""
        with self._damage():
            linked = self._get("links", token)
            if linked == 0:
                return None
            contract = checksummed((linked & (1 << 160) - 1).to_bytes(20, "big"))
            return NftLink(linked >> 160, contract, self._get("linkTokens", token))

    def first_of(self, image_sha3_256: bytes) -> int:
        """The first token for this image, 0 for none."""
        with self._damage():
            return self._number(keccak(_word(self._slots["first"]) + image_sha3_256))

    def token_of(self, owner: str, image_sha3_256: bytes) -> int:
        """The owner's token for this image, 0 for none."""
        first = self.first_of(image_sha3_256)
        if first == 0:
            return 0
        with self._damage():
            address = bytes.fromhex(owner[2:])
            if self._get("heads", first) >> 96 == int.from_bytes(address, "big"):
                return first
            return self._number(keccak(_inner(_word(self._slots["later"]), address) + image_sha3_256))

    def proof_of(self, token: int, head: Head) -> tuple[bytes, list[bytes]]:
        """Leaf and proof of a token of proofs; raises LedgerError for any other, PacketError where they are gone."""
        if not head.batch or head.data:
            raise proof.none(token)
        with self._damage():
            data = self._batch_data(head)
        if data is None:
            raise not_in_state(token, head.batch)
        whole = batch.read(data)
        return whole.leaf(head.index), whole.proof(head.index)

    def batched(self, owner: str, image: bytes) -> int:
        """The owner's token for the image in a batch, 0 for none."""
        return next(self._batched(image, owner), 0)

    def all_for(self, image: bytes, owner: str | None) -> tuple[int, ...]:
        """The first token for the image, the owner's, all in batches: to look for more, all blocks would be read."""
        own = self.token_of(owner, image) if owner else 0
        return tuple(sorted({self.first_of(image), own, *self._batched(image)} - {0}))

    def _batched(self, image: bytes, owner: str | None = None) -> Iterator[int]:
        """The tokens for the image in batches: of the owner, None for those of all."""
        with self._damage():
            for first, data in self._batches_of(owner):
                if (index := batch.index_of(data, image)) is not None:
                    yield first + index

    def tokens_of(self, owner: str, images: Collection[bytes]) -> dict[bytes, int]:
        """The owner's tokens for these images, alone or in batches; those without are left out."""
        found = {image: token for image in images if (token := self.token_of(owner, image))}
        with self._damage():
            for first, data in self._batches_of(owner):
                for index in range(int.from_bytes(data[1:3])):
                    image = batch.image(data, index)
                    if image in images:
                        found.setdefault(image, first + index)
        return found

    def _batches_of(self, owner: str | None) -> Iterator[tuple[int, bytes]]:
        """The first token and the data of each batch, of the owner's or of all, that can be read."""
        for number in range(1, (self._number(_word(self._slots["totals"])) >> 176) + 1):
            reach = self._get("batchRanges", number)
            who = _who_and_when(self._get("batchHeads", number))
            wanted = owner is None or who[0] == owner
            data = self._batch_data(Head(*who, reach >> 112, False, batch=number)) if wanted else None
            if data is not None:
                yield reach >> 16 & (1 << 96) - 1, data

    def table(self, name: bytes) -> bytes:
        """The trait table of this name (4 bytes) in tables.vy; empty for none."""
        contract = compiled("tables")
        with self._damage():
            known = self._accounts.get(keccak(bytes.fromhex(contract.address[2:])))
            if not known:
                return b""
            place = keccak(_word(contract.slots["places"]) + name.ljust(32, b"\0"))
            value = Trie(self._records, rlp(known)[_STORAGE_ROOT]).get(keccak(place))
            return self._held(rlp(value)) if value else b""

    def _blocks(self) -> Blocks:
        return Blocks(self._records, bytes.fromhex(self.registry[2:]))

    def _get(self, variable: str, key: int) -> int:
        """The value of a key of a mapping."""
        return self._number(_place(self._slots[variable], key))

    def _number(self, place: bytes) -> int:
        """The value of a storage word."""
        value = self._storage.get(keccak(place))
        return int.from_bytes(rlp(value), "big") if value else 0

    def _batch_data(self, head: Head) -> bytes | None:
        """What the token's batch consists of; None for one of proofs whose transaction does not give its root."""
        if head.data:
            return self._data(head.data)
        if head.batch not in self._proofs:
            if len(self._proofs) >= _MOST_PROOFS:
                self._proofs.clear()
            sent, root = self._sent(head), _word(self._get("roots", head.batch))
            count = self._get("batchRanges", head.batch) & 65535
            data = None if sent is None or sent[1] is None else sent[1].data
            self._proofs[head.batch] = data if data is not None and batch.gives(data, root, count) else None
        return self._proofs[head.batch]

    def _sent(self, head: Head) -> tuple[str, BatchSent | None] | None:
        """The transaction that made the token's batch: its hash, and what it gave to the registry."""
        made = self._blocks().batch(head.block, head.batch)
        if made is None or made.raw is None:
            return None
        return made.tx, proof.batch_sent(made.raw, self.registry)

    def _words(self, token: int) -> bytes:
        return b"".join(_word(self._get("words", 2 * token + half)) for half in (0, 1))

    def _account(self, address: bytes) -> list[Item]:
        account = rlp(self._accounts.get(keccak(address)))
        if not isinstance(account, list):
            raise TypeError("bytes stand in place of an account")
        return account

    def _data(self, number: int) -> bytes:
        """What the data contract with this number holds."""
        if self._last[0] == number:
            return self._last[1]
        # keccak(rlp([creator, nonce])): where a contract's contract is.
        made = encoded([bytes.fromhex(self.registry[2:]), big_endian(number)])
        self._last = number, self._held(keccak(made)[12:])
        return self._last[1]

    def _held(self, address: bytes) -> bytes:
        """What the data contract at this address holds."""
        return self._records[self._account(address)[_CODE_HASH]][_PREFIX_BYTES:]


def not_in_state(token: int, number: int) -> PacketError:
    """The error for a gist of a batch of proofs."""
    return PacketError(
        f"token {token} is of batch {number}, whose gists the chain's state does not hold: its owner has gist and proof"
    )


def nonsense(token: int) -> PacketError:
    """The error for a gist of a batch whose data was not what it should be: the contract looks at it later."""
    return PacketError(f"token {token} has no gist that can be read: the data of its batch is nonsense")


def images(home: Path) -> list[bytes]:
    """SHA3-256 of each token's image, oldest token first; empty where the home has no chain.

    Raises FileDamaged, FileError, LedgerError.
    """
    return images_after(home, 0)[1]


def images_after(home: Path, token: int) -> tuple[int, list[bytes]]:
    """(how many tokens the home's chain has, SHA3-256 of the images of those after this one); raises as `images`."""
    path = home / chainfile.NAME
    if not path.exists():
        return 0, []
    with contextlib.closing(chainfile.opened(path, write=False)) as records:
        state = State(records)
        count = state.count()
        return count, [state.image(number) for number in range(1 + token, 1 + count)]


def _who_and_when(head: int) -> tuple[str, int, int]:
    """Owner, block and time."""
    return checksummed((head >> 96).to_bytes(20, "big")), head >> 56 & (1 << 40) - 1, head >> 23 & (1 << 33) - 1


def _place(variable: int, key: int) -> bytes:
    """Where a mapping keeps the value of a key: at keccak(slot of the mapping, key)."""
    return keccak(_word(variable) + _word(key))


def _inner(place: bytes, address: bytes) -> bytes:
    """Where a mapping that lies at `place` keeps what is an address's."""
    return keccak(place + bytes(12) + address)


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
