"""The embedded chain's file -> the hashes of the images its tokens stand for, read without web3 and py-evm.

Those take more than a second to load. No contract runs here: the registry's variables are looked up in the state of
the last block. Vyper lays them out in the order of registry.vy; the tests compare what is read here with what the
contract answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from gistchain.ledger import chainfile
from gistchain.ledger.known import recall

_HASHES, _TOTALS = 2, 6
"""Storage slots of `hashes` and `totals`: slot 0 is the lock against reentrance, `heads` is 1."""
_STATE_ROOT, _STORAGE_ROOT = 3, 2  # fields of a block's header and of an account (Yellow Paper, 4.3 and 4.1)


def name(home: Path) -> str:
    """The name of the home's own chain and contract, as `Ledger.name` gives it but for capitals; '' for none yet.

    Raises LedgerError.
    """
    known = recall(home).get("embedded")
    return "" if known is None else f"evm:{known.chain_id}:{known.registry}"


def images(home: Path, *, wait_s: float = 1.0) -> list[bytes]:
    """SHA3-256 of each token's image, oldest token first; empty where the home has no chain.

    Raises FileBusy where another process holds the chain for longer than wait_s, FileDamaged, FileError, LedgerError.
    """
    path = home / chainfile.NAME
    known = recall(home).get("embedded")
    if known is None or not path.exists():
        return []
    with chainfile.lock(home, wait_s), contextlib.closing(chainfile.opened(path)) as records:
        return list(_images(records, bytes.fromhex(known.registry.removeprefix("0x"))))


def _images(records: chainfile.Records, registry: bytes) -> Iterator[bytes]:
    import rlp
    from eth_utils.crypto import keccak
    from rlp.exceptions import RLPException
    from trie.exceptions import MissingTrieNode
    from trie.hexary import HexaryTrie

    try:
        header = rlp.decode(records[records[b"v1:canonical_head_hash"]])
        account = rlp.decode(HexaryTrie(records, header[_STATE_ROOT])[keccak(registry)])
        storage = HexaryTrie(records, account[_STORAGE_ROOT])

        def variable(slot: bytes) -> int:
            return int.from_bytes(rlp.decode(storage[keccak(slot)] or b"\x80"), "big")

        tokens = variable(_word(_TOTALS)) & (1 << 128) - 1  # the lower half counts them
        for token in range(1, 1 + tokens):
            # A mapping keeps the value of a key at keccak(slot of the mapping, key).
            yield _word(variable(keccak(_word(_HASHES) + _word(token))))
    except (MissingTrieNode, KeyError, RLPException, IndexError, TypeError) as error:
        raise records.file.damaged(f"its last state can't be read: {type(error).__name__}") from error


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
