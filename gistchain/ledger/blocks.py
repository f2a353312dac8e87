"""The embedded chain's blocks -> what its registry logged of a token, and the transactions that did it."""

from __future__ import annotations

from collections.abc import Iterator

from gistchain.digest import keccak
from gistchain.ledger import chainfile
from gistchain.ledger.patricia import Item, Trie, big_endian, encoded, rlp
from gistchain.ledger.proof import ATTESTED, BATCH, REGISTERED, RELAYED, Found

_TRANSACTIONS_ROOT, _RECEIPTS_ROOT, _BLOOM = 4, 5, 6  # fields of a block's header (Yellow Paper, 4.3)
_LOGS = 3  # of a receipt
_MOST_TRANSACTIONS = 1 << 16


class Blocks:
    """Raises KeyError, ValueError, IndexError or TypeError where the records don't hold what they should."""

    def __init__(self, records: chainfile.Records, registry: bytes) -> None:
        self._records, self._registry = records, registry

    def registration(self, block: int, token: int) -> Found | None:
        """The transaction in this block that made the token; None where there is none."""
        header = self._header(block)
        relayed: tuple[int, bytes] | None = None
        made = None
        for index, topics, data in self._logs(header):
            if topics[1:2] != [_word(token)]:
                continue
            if topics[0] == REGISTERED:
                made = index
            elif topics[0] == RELAYED:  # deadline, offset, size, signature
                size = int.from_bytes(data[64:96], "big")
                relayed = int.from_bytes(data[:32], "big"), data[96 : 96 + size]
        return None if made is None else self._transaction(header, made, relayed)

    def batch(self, block: int, number: int) -> Found | None:
        """The transaction in this block that made the batch; None where there is none."""
        header = self._header(block)
        for index, topics, _ in self._logs(header):
            if topics[:2] == [BATCH, _word(number)]:
                return self._transaction(header, index)
        return None

    def _transaction(self, header: list[Item], index: int, relayed: tuple[int, bytes] | None = None) -> Found:
        raw = Trie(self._records, header[_TRANSACTIONS_ROOT]).get(encoded(big_endian(index)))
        return Found("0x" + keccak(raw).hex(), raw, relayed)

    def attesters(self, first: int, last: int, token: int) -> list[bytes]:
        """Who attested the token in these blocks, in the order of the first time."""
        found: dict[bytes, None] = {}
        for number in range(first, last + 1):
            header = self._header(number)
            if _in_bloom(header[_BLOOM], ATTESTED) and _in_bloom(header[_BLOOM], _word(token)):
                for _, topics, _ in self._logs(header):
                    if topics[:2] == [ATTESTED, _word(token)]:
                        found[topics[2][12:]] = None
        return list(found)

    def _header(self, number: int) -> list[Item]:
        return header_of(self._records, rlp(self._records[b"block-number-to-hash:%d" % number]))

    def _logs(self, header: list[Item]) -> Iterator[tuple[int, list[bytes], bytes]]:
        """(number of the transaction, topics, data) of what the registry logged in a block."""
        receipts = Trie(self._records, header[_RECEIPTS_ROOT])
        for index in range(_MOST_TRANSACTIONS):
            raw = receipts.get(encoded(big_endian(index)))
            if not raw:
                return
            receipt = rlp(raw if raw[0] >= 0xC0 else raw[1:])  # a typed one begins with its type (EIP-2718)
            for address, topics, data in receipt[_LOGS]:
                if address == self._registry:
                    yield index, topics, data


def header_of(records: chainfile.Records, digest: bytes) -> list[Item]:
    """The fields of the block with this hash."""
    header = rlp(records[digest])
    if not isinstance(header, list):
        raise TypeError("bytes stand in place of a header")
    return header


def _in_bloom(bloom: bytes, value: bytes) -> bool:
    """Whether a log with this topic may be in the block (Yellow Paper, 4.3.1)."""
    digest = keccak(value)
    bits = (int.from_bytes(digest[at : at + 2], "big") & 2047 for at in (0, 2, 4))
    return all(bloom[255 - bit // 8] >> bit % 8 & 1 for bit in bits)


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
