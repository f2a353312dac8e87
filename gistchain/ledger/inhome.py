"""The ledger of the chain in this process: what can be read from its records is not asked of the contract."""

from __future__ import annotations

from collections.abc import Collection

from gistchain.ledger.embedded import EmbeddedChain
from gistchain.ledger.evm import EvmLedger
from gistchain.ledger.node import Node
from gistchain.ledger.outbox import Outbox
from gistchain.types import SignedRareness


class EmbeddedLedger(EvmLedger):
    """Made by `evm.open_embedded`."""

    def __init__(self, node: Node, chain: EmbeddedChain, *, outbox: Outbox) -> None:
        super().__init__(node, registry=chain.registry, outbox=outbox, close=chain.close)
        self._chain = chain

    def find(self, image_sha3_256: bytes) -> int | None:
        with self._chain.state() as state:
            return state.first_of(image_sha3_256) or None

    def all_for(self, image_sha3_256: bytes) -> tuple[int, ...]:
        with self._chain.state() as state:
            return state.all_for(image_sha3_256, self.owner)

    def token_of(self, image_sha3_256: bytes, owner: str | None = None) -> int:
        with self._chain.state() as state:
            who = owner or self.owner
            return state.token_of(who, image_sha3_256) or state.batched(who, image_sha3_256)

    def tokens_of(self, images: Collection[bytes]) -> dict[bytes, int]:
        with self._chain.state() as state:
            return state.tokens_of(self.owner, images)

    def table(self, name: bytes) -> bytes:
        with self._chain.state() as state:
            return state.table(name)

    def rareness_of(self, token: int) -> SignedRareness | None:
        with self._chain.state() as state:
            head = state.head(token) if 1 <= token < 2**255 else None
            signed = None if head is None else state.rareness(token, head)
        if head is None or (signed is not None and signed.signature is not None and not signed.verified):
            return super().rareness_of(token)  # a contract is the owner, and has to be asked
        return signed
