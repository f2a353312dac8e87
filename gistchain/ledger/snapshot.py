"""The embedded chain of a home -> a ledger that is only read: no lock, no key, no virtual machine, nothing written.

What another process registers meanwhile is not seen: it shows the chain as it was when it was opened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from gistchain.errors import LedgerError, UnknownToken
from gistchain.ledger import chainfile
from gistchain.ledger.contracts import compiled
from gistchain.ledger.known import EMBEDDED, own_account, recall
from gistchain.ledger.state import Head, State
from gistchain.types import (
    Attestation,
    BatchItem,
    BatchReceipt,
    Guarantee,
    Minted,
    NftLink,
    RarenessTicket,
    Receipt,
    SignedRareness,
    Token,
)


class Snapshot:
    """Fulfils Ledger but for `put`. A home without a chain has no tokens, and none is made there."""

    public, owner = False, ""

    def __init__(self, home: Path) -> None:
        """Raises FileDamaged, FileError, LedgerError."""
        path = home / chainfile.NAME
        self._home = home
        self._records: chainfile.Records | None = None
        self._state: State | None = None
        if not path.exists():
            if EMBEDDED in recall(home):
                raise chainfile.gone(path)
            return
        self._records = chainfile.opened(path, write=False)
        try:
            self._state = State(self._records)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """'evm:CHAIN_ID:ADDRESS' of the registry."""
        return f"evm:{chainfile.CHAIN_ID}:{compiled('registry').address}"

    def put(self, payload: bytes, *, image_sha3_256: bytes, rareness: RarenessTicket | None = None) -> Receipt:
        raise LedgerError(f"the chain in {self._home} was opened to be read: open it for writing to register")

    def receipts(self) -> list[Receipt]:
        return []

    def put_batch(
        self, items: Sequence[BatchItem], *, common: bytes, evidence: bytes, guarantee: Guarantee
    ) -> BatchReceipt:
        raise LedgerError(f"the chain in {self._home} was opened to be read: open it for writing to register")

    def gist_of(self, token: int) -> bytes:
        """The bytes registered as this token; raises UnknownToken, PacketError for one of a batch of proofs."""
        state, head = self._found(token)
        return state.gist(token, head)

    def token(self, token: int) -> Token:
        """The record of a token; raises UnknownToken."""
        state, head = self._found(token)
        return state.token(token, head)

    def rareness_of(self, token: int) -> SignedRareness | None:
        """The rareness that was registered with this token, None if none was; raises UnknownToken."""
        state, head = self._found(token)
        return state.rareness(token, head)

    def ticket_of(self, token: int) -> RarenessTicket | None:
        """The ticket alone, without a look at who signed it; raises UnknownToken."""
        state, head = self._found(token)
        return state.ticket(token, head)

    def attestations(self, token: int) -> tuple[Attestation, ...]:
        """What others say of the token's rareness; raises UnknownToken."""
        state, head = self._found(token)
        return state.attestations(token, head)

    def attest(self, token: int, ticket: RarenessTicket) -> str | None:
        raise LedgerError(f"the chain in {self._home} was opened to be read: open it for writing to attest a token")

    def proof_of(self, token: int) -> tuple[bytes, list[bytes]]:
        """Leaf and proof of a token of proofs; raises as RegistryReader.proof_of."""
        state, head = self._found(token)
        return state.proof_of(token, head)

    def link_of(self, token: int) -> NftLink | None:
        """The NFT that the token is linked to; raises UnknownToken."""
        state, _ = self._found(token)
        return state.link(token)

    def mint(self, token: int) -> Minted:
        raise LedgerError(f"the chain in {self._home} was opened to be read: open it for writing to mint a token")

    def table(self, name: bytes) -> bytes:
        """The bytes of the trait table of this name (4 bytes); empty for none."""
        return b"" if self._state is None else self._state.table(name)

    def add_table(self, table: bytes) -> tuple[int, str | None]:
        raise LedgerError(f"the chain in {self._home} was opened to be read: open it for writing to add a trait table")

    def link(self, token: int, nft: NftLink) -> None:
        raise LedgerError(f"the chain in {self._home} was opened to be read: open it for writing to link a token")

    def block(self) -> int:
        """The number of the last block."""
        return 0 if self._state is None else self._state.block()

    def tokens(self, start: int = 1) -> Iterator[Token]:
        """All tokens from id `start` on, oldest first."""
        for token in range(start, self.count() + 1):
            yield self.token(token)

    def count(self) -> int:
        """How many tokens there are; ids are 1 to count."""
        return 0 if self._state is None else self._state.count()

    def find(self, image_sha3_256: bytes) -> int | None:
        """The first token that anyone registered for the image."""
        return None if self._state is None else self._state.first_of(image_sha3_256) or None

    def all_for(self, image_sha3_256: bytes) -> tuple[int, ...]:
        """As State.all_for, of the home's own account."""
        return () if self._state is None else self._state.all_for(image_sha3_256, own_account(self._home))

    def token_of(self, image_sha3_256: bytes) -> int:
        """0: without a key there is no account."""
        return 0

    def tokens_of(self, images: Collection[bytes]) -> dict[bytes, int]:
        """Empty: without a key there is no account."""
        return {}

    def unanswered(self, image_sha3_256: bytes) -> bool:
        return False

    def _found(self, token: int) -> tuple[State, Head]:
        head = self._state.head(token) if self._state is not None and 1 <= token < 2**255 else None
        if self._state is None or head is None:
            _unknown(token)
        return self._state, head

    def close(self) -> None:
        """Let go of the file."""
        if self._records is not None:
            self._records.close()
            self._records = self._state = None

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _unknown(token: int) -> NoReturn:
    raise UnknownToken(f"there is no token {token} in this registry: list them to see which there are")
