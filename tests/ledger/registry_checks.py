"""Every view of the registry against the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from tests.ledger.registry_model import NO_RATING, NOBODY, PAGE, ZERO, Model, Token
from tests.ledger.vypers import Contract


@dataclass
class Checks:
    registry: Contract
    model: Model

    def totals(self) -> None:
        assert self.registry.ask("count") == self.model.count
        assert self.registry.ask("batches") == self.model.older_batches + len(self.model.batches)

    def page(self, start: int, count: int) -> None:
        start = max(start, self.model.older_tokens + 1)
        there = [self.model.token(start + k) for k in range(min(count, PAGE))]
        wanted = [record(token) for token in there if token]
        assert [plain(each) for each in self.registry.ask("records", start, count)] == wanted

    def token(self, id: int) -> None:
        token = self.model.token(id)
        assert self.registry.ask("gistOf", id) == (token.gist if token else b"")
        assert plain(self.registry.ask("record", id)) == record(token)
        assert plain(self.registry.ask("ratingOf", id)) == (token.rating if token else NO_RATING)
        assert plain(self.registry.ask("linkOf", id)) == self.model.links.get(id, (0, NOBODY, 0))
        if token:
            owner, image = token.owner, token.image
            assert self.registry.ask("tokenOf", owner, image) == self.model.token_of(owner, image)
            assert self.registry.ask("firstOf", image) == self.model.first_of(image)

    def batch(self, number: int) -> None:
        batch = self.model.batch(number)
        found = plain(self.registry.ask("batchOf", number))
        assert found == ((batch.owner, batch.first, batch.count, batch.root) if batch else (NOBODY, 0, 0, ZERO))
        wanted = [ZERO, keccak(b"not there"), b"\xff" * 32]
        if batch:
            wanted += [batch.data.items[k].image for k in {0, batch.count // 3, batch.count - 1}]
        for image in wanted:
            assert self.registry.ask("indexOf", number, image) == self.model.index_of(number, image)

    def singles(self) -> None:
        """Tokens of their own. py-evm needs milliseconds for one of a batch."""
        for id, token in zip(self.model.ids(), self.model.tokens, strict=True):
            if not token.batch:
                self.token(id)


def plain(value: Any) -> Any:
    """eth-abi's addresses as bytes."""
    if isinstance(value, list | tuple):
        return type(value)(plain(each) for each in value)
    if isinstance(value, str):
        return bytes.fromhex(value[2:])
    return value


def record(token: Token | None) -> tuple[bytes, bytes, int, int, int]:
    return (token.owner, token.image, token.block, token.time, token.batch) if token else (NOBODY, ZERO, 0, 0, 0)
