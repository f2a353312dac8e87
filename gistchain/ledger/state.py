"""The embedded chain's records -> what its registry holds, read without web3 and py-evm.

Those take more than a second to load. No contract runs here: the registry's variables are looked up in the state of
the last block, and the signatures in the logs. Vyper lays the variables out in the order of registry.vy; the tests
compare what is read here with what the contract answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gistchain.digest import keccak
from gistchain.errors import LedgerError
from gistchain.ledger import chainfile
from gistchain.ledger.contracts import compiled
from gistchain.ledger.gas import TICKET_BYTES
from gistchain.ledger.known import EMBEDDED, recall
from gistchain.ledger.patricia import Item, Trie, rlp
from gistchain.ledger.recover import checksummed
from gistchain.ledger.ticket import expanded
from gistchain.types import Token

# Slots of registry.vy's variables; slot 0 is Vyper's own, for its lock against reentrance.
_HEADS, _HASHES, _WORDS, _FIRST, _LATER, _TOTALS = range(1, 7)
_STATE_ROOT, _RECEIPTS_ROOT = 3, 5  # fields of a block's header (Yellow Paper, 4.3)
_STORAGE_ROOT, _CODE_HASH = 2, 3  # of an account (4.1)
_LOGS = 3  # of a receipt
_PREFIX_BYTES = 11  # of the code of a data contract, before what it holds
_RATED = 128


def name(home: Path) -> str:
    """The name of the home's own chain and contract, as `Ledger.name` gives it but for capitals; '' for none yet.

    Raises LedgerError.
    """
    known = recall(home).get(EMBEDDED)
    return "" if known is None else f"evm:{known.chain_id}:{known.registry}"


@dataclass(frozen=True, slots=True)
class Head:
    """What one word says of a token. inline_bytes: of a gist in storage words, 0 for one in the code of `data`."""

    owner: str
    block: int
    block_time: int
    data: int
    rated: bool
    inline_bytes: int


class State:
    """The registry as the last block left it.

    Every call raises FileDamaged where the records don't hold what they should.
    """

    def __init__(self, records: chainfile.Records) -> None:
        """Raises LedgerError where another contract stands there."""
        self._records = records
        self._last = (0, b"")  # the data contract that was read last: its token's record, gist and ticket follow
        with self._damage():
            header = _list(rlp(records[records[b"v1:canonical_head_hash"]]))
            self._accounts = Trie(records, header[_STATE_ROOT])
            account = self._account(bytes.fromhex(chainfile.REGISTRY[2:]))
            self._storage = Trie(records, account[_STORAGE_ROOT])
        if account[_CODE_HASH] != keccak(compiled("registry").runtime):
            raise LedgerError(f"{records.file.path} has another registry: use the gistchain that made this chain")

    @contextlib.contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except (KeyError, ValueError, IndexError, TypeError, RecursionError) as error:
            what = f"its last state can't be read: {type(error).__name__}"
            raise self._records.file.damaged(what) from error

    def count(self) -> int:
        """How many tokens there are; their ids are 1 to count."""
        with self._damage():
            return self._number(_word(_TOTALS)) & (1 << 128) - 1

    def image(self, token: int) -> bytes:
        """SHA3-256 of the token's image."""
        with self._damage():
            return _word(self._number(_place(_HASHES, token)))

    def head(self, token: int) -> Head | None:
        """None where there is no such token."""
        with self._damage():
            head = self._number(_place(_HEADS, token))
            if head == 0:
                return None
            place = head & 0xFFFFFFFF
            return Head(
                owner=checksummed((head >> 96).to_bytes(20, "big")),
                block=head >> 64 & 0xFFFFFFFF,
                block_time=head >> 32 & 0xFFFFFFFF,
                data=place >> 8,
                rated=bool(place & _RATED),
                inline_bytes=place & (_RATED - 1),
            )

    def gist(self, token: int, head: Head) -> bytes:
        with self._damage():
            start = TICKET_BYTES if head.rated else 0
            if head.inline_bytes == 0:
                return self._data(head.data)[start:]
            return self._words(token)[start : start + head.inline_bytes]

    def rating(self, token: int, head: Head) -> tuple[int, int, bytes]:
        """Score, verdict and evidence of a token that is rated, as the contract's rarenessOf tells them."""
        with self._damage():
            ticket = self._data(head.data) if head.inline_bytes == 0 else self._words(token)
            return int.from_bytes(ticket[32:34], "big"), ticket[34], ticket[:32]

    def token(self, token: int, head: Head) -> Token:
        size = len(self.gist(token, head))
        return Token(token, head.owner, self.image(token), size, head.block, head.block_time)

    def first_of(self, image_sha3_256: bytes) -> int:
        """The first token for this image, 0 for none."""
        with self._damage():
            return self._number(keccak(_word(_FIRST) + image_sha3_256))

    def logged(self, token: int, head: Head) -> tuple[int, bytes] | None:
        """Deadline and signature from the log of a rated token's registration; None where there is no such log."""
        kind = keccak(b"Rated(uint256,uint256,bytes32,bytes32)")
        with self._damage():
            header = _list(rlp(self._records[rlp(self._records[b"block-number-to-hash:%d" % head.block])]))
            receipts = Trie(self._records, header[_RECEIPTS_ROOT])
            for index in range(1 << 16):
                raw = receipts.get(_rlp_of(index))
                if not raw:
                    return None
                receipt = rlp(raw if raw[0] >= 0xC0 else raw[1:])  # a typed one begins with its type (EIP-2718)
                for address, topics, data in _list(receipt)[_LOGS]:
                    if address == bytes.fromhex(chainfile.REGISTRY[2:]) and topics == [kind, _word(token)]:
                        return int.from_bytes(data[:32], "big"), expanded(data[32:64], data[64:96])
        return None

    def _number(self, place: bytes) -> int:
        """The value of a storage word."""
        value = self._storage.get(keccak(place))
        return int.from_bytes(rlp(value), "big") if value else 0

    def _words(self, token: int) -> bytes:
        return b"".join(_word(self._number(_place(_WORDS, 2 * token + half))) for half in (0, 1))

    def _account(self, address: bytes) -> list[Item]:
        return _list(rlp(self._accounts.get(keccak(address))))

    def _data(self, number: int) -> bytes:
        """What the data contract with this number holds."""
        if self._last[0] == number:
            return self._last[1]
        # keccak(rlp([creator, nonce])): where a contract's contract is.
        made = bytes([0x94]) + bytes.fromhex(chainfile.REGISTRY[2:]) + _rlp_of(number)
        account = self._account(keccak(bytes([0xC0 + len(made)]) + made)[12:])
        self._last = number, self._records[account[_CODE_HASH]][_PREFIX_BYTES:]
        return self._last[1]


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


def _place(variable: int, key: int) -> bytes:
    """Where a mapping keeps the value of a key: at keccak(slot of the mapping, key)."""
    return keccak(_word(variable) + _word(key))


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _list(item: Item) -> list[Item]:
    if not isinstance(item, list):
        raise TypeError("bytes stand in place of a list")
    return item


def _rlp_of(number: int) -> bytes:
    if number == 0:
        return b"\x80"
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return raw if number < 128 else bytes([0x80 + len(raw)]) + raw
