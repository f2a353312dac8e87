"""A transaction in a block, and what it registered -> the receipt of a token."""

from __future__ import annotations

from gistchain.digest import keccak
from gistchain.ledger.connection import Mined
from gistchain.ledger.node import Node
from gistchain.types import Receipt


def receipt_of(
    node: Node, mined: Mined, *, ledger: str, token: int, owner: str, image_sha3_256: bytes, gist: bytes
) -> Receipt:
    """The node is asked whether the block is final. ledger: `Ledger.name`."""
    return Receipt(
        ledger=ledger,
        token=token,
        size_bytes=len(gist),
        gas=mined.gas,
        tx=mined.tx,
        block=mined.block,
        block_hash=mined.block_hash,
        owner=owner,
        image_sha3_256=image_sha3_256,
        gist_keccak=keccak(gist),
        final=node.final(mined),
    )
