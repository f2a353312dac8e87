"""The seams of the path, as Protocols: a system describes and rebuilds, a ledger keeps, a link carries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from gistchain.types.link import ArrivedBits, ArrivedSymbols, Segment, Symbols
from gistchain.types.path import (
    BatchItem,
    BatchReceipt,
    Choice,
    Described,
    Gist,
    Guarantee,
    Minted,
    NftLink,
    Picture,
    Rebuilt,
    Receipt,
    Token,
)
from gistchain.types.rareness import Attestation, RarenessTicket, SignedRareness
from gistchain.types.sending import Conditions, Sent


@runtime_checkable
class System(Protocol):
    """Image -> gist -> image: models that go together."""

    def describe(self, picture: Picture, *, caption: str | None = None, budget: int | None = None) -> Described:
        """The gist of the picture. caption: a person's own words in place of the captioner's.

        budget: most bytes that the packed gist may take; what is left after the caption goes to the other layers.
        Raises CaptionError for a picture of one colour, which shows nothing to describe, and where the system has no
        words that it is sure of; SettingError for a budget that is too small.
        """
        ...

    def rebuild(
        self,
        gist: Gist,
        *,
        seeds: Sequence[int] = range(4),
        choice: Choice = "best",
        strength: float | None = None,
        full_size: bool = False,
        progress: Callable[[str, float], None] | None = None,
    ) -> Rebuilt:
        """The picture that the gist alone gives; the same gist and seeds give the same picture.

        strength: from 0 (decode the gist's latent) to 1 (paint from noise); None leaves it to the system.
        full_size: as large as the original; else with no side longer than 1,024 pixels, because a few bytes hold no
        finer detail. progress: is told what is done, and the share of all that is.
        Raises RebuildError for a gist that gives no picture, and for a strength without a latent.
        """
        ...


@runtime_checkable
class Ledger(Protocol):
    """A registry on a chain, seen by one account: payloads go in and become tokens, tokens bring the payloads back.

    Every method raises LedgerError or one of its kinds, and FileError where a file of the ledger's own can't be used.
    """

    @property
    def name(self) -> str:
        """Chain and contract; the same for everyone who opens them."""
        ...

    @property
    def owner(self) -> str:
        """Address of the account that registers; '' where it is only read."""
        ...

    @property
    def public(self) -> bool:
        """Whether strangers read what is put there, and nobody can take it back."""
        ...

    def put(self, payload: bytes, *, image_sha3_256: bytes, rareness: RarenessTicket | None = None) -> Receipt:
        """Register the payload for the image with this hash (32 bytes); returns when it is in a block.

        Safe to repeat after any failure: never a second registration. Raises AlreadyRegistered where this account has a
        token for the image.
        """
        ...

    def receipts(self) -> list[Receipt]:
        """Of what this account registered from here and was not final when last looked at, as it is now, oldest first.

        What the chain has taken back is put there again first, as it was.
        """
        ...

    def put_batch(
        self, items: Sequence[BatchItem], *, common: bytes, evidence: bytes, guarantee: Guarantee
    ) -> BatchReceipt:
        """Register many payloads in one transaction; returns when it is in a block. Safe to repeat as `put` is.

        common: stands before every payload, at most 32 bytes. evidence: of all tickets, 32 bytes, zeros for none.
        """
        ...

    def gist_of(self, token: int) -> bytes:
        """The payload registered as this token.

        Raises UnknownToken; PacketError where the chain holds none that can be read, and nobody who is asked has it.
        """
        ...

    def token(self, token: int) -> Token:
        """The record of a token. Raises UnknownToken."""
        ...

    def tokens(self, start: int = 1) -> Iterator[Token]:
        """All of them from id `start` on, oldest first."""
        ...

    def block(self) -> int:
        """The number of the last block."""
        ...

    def rareness_of(self, token: int) -> SignedRareness | None:
        """The ticket that was registered with the token; None for none. Raises UnknownToken."""
        ...

    def ticket_of(self, token: int) -> RarenessTicket | None:
        """The ticket alone, for a long list: as the chain holds it, without a look at its signature."""
        ...

    def attestations(self, token: int) -> tuple[Attestation, ...] | None:
        """What others say of the token's rareness; None where that can't be told. Raises UnknownToken."""
        ...

    def attest(self, token: int, ticket: RarenessTicket) -> str | None:
        """Say how rare this account finds a token; said again it replaces what it said. Raises UnknownToken.

        Returns the transaction's hash, None where the account has said just this already, of whatever block, and
        nothing was sent.
        """
        ...

    def proof_of(self, token: int) -> tuple[bytes, list[bytes]]:
        """Leaf and proof of a token of proofs. Raises LedgerError for any other, PacketError where nobody has them."""
        ...

    def link_of(self, token: int) -> NftLink | None:
        """The NFT that the token is linked to; None for none."""
        ...

    def link(self, token: int, nft: NftLink) -> None:
        """Say, once and for good, which NFT a token of this account is of; said again it changes nothing.

        Raises UnknownToken; LedgerError where it is another's or linked to another NFT, or the NFT is another's.
        """
        ...

    def mint(self, token: int) -> Minted:
        """Make a token of this account an NFT, which wallets show; once it is one, nothing is changed.

        Raises UnknownToken; LedgerError where it is another's.
        """
        ...

    def table(self, name: bytes) -> bytes:
        """The bytes of the trait table of this name (4 bytes) on the chain; empty where there is none."""
        ...

    def add_table(self, table: bytes) -> tuple[int, str | None]:
        """Put a trait table on the chain: gas and transaction, 0 and None where it is there already."""
        ...

    def find(self, image_sha3_256: bytes) -> int | None:
        """The first token for the image, whoever registered it: a hint, since anyone may copy a hash and be first."""
        ...

    def all_for(self, image_sha3_256: bytes) -> tuple[int, ...]:
        """Tokens for the image, whoever registered them: the first, this account's, and others that can be found."""
        ...

    def token_of(self, image_sha3_256: bytes) -> int:
        """The token that this account registered for the image; 0 where there is none."""
        ...

    def tokens_of(self, images: Collection[bytes]) -> dict[bytes, int]:
        """The tokens that this account registered for these images, alone or in batches; those without are left out."""
        ...

    def close(self) -> None:
        """Let go of what it holds, such as the lock of a chain's file; also at the end of a `with`."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def unanswered(self, image_sha3_256: bytes) -> bool:
        """Whether a registration of the image was sent and its outcome never seen: `put` will tell it."""
        ...


@runtime_checkable
class Sender(Protocol):
    """A picture over a radio: what one system sends of it, and makes of what arrives."""

    def prepare(self, picture: Picture) -> Prepared:
        """What does not depend on the channel, such as the caption, made once. Raises as `System.describe`."""
        ...


@runtime_checkable
class Prepared(Protocol):
    """One picture, ready to be sent under any conditions."""

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        """Send the picture over the link, planned for the conditions that the sender believes in, and read it again.

        seed: of the noise. rounds: at most so many in which lost blocks are sent again, up to 4.
        Raises LinkError where the smallest form does not fit the budget, and says how many uses it needs.
        """
        ...


@runtime_checkable
class Link(Protocol):
    """A noisy radio channel. Whatever is carried costs uses; what arrives comes with how sure the receiver may be.

    A seed stands for the noise and the fading of one frame: whatever is sent with it meets the same ones, symbol by
    symbol, so that systems can be compared; another frame needs another seed. It is a number from 0, or several, such
    as (run, round).
    """

    @property
    def name(self) -> str:
        """Channel and SNR, for people."""
        ...

    def uses(self, symbols: int) -> int:
        """What a frame of so many symbols takes: these, and pilots."""
        ...

    def room(self, uses: int) -> int:
        """The most symbols that a frame of so many uses can hold."""
        ...

    def carry(self, symbols: Symbols, *, seed: int | tuple[int, ...], points: int = 0) -> ArrivedSymbols:
        """A frame of analogue symbols, of which the first `points` are those of constellations, whose mean power is 1
        over all frames, not in each.

        Raises LinkError unless the others have mean power 1, and for an empty frame.
        """
        ...

    def carry_bits(
        self, segments: Sequence[Segment], *, seed: int | tuple[int, ...], exact: bool = True
    ) -> ArrivedBits:
        """Bits, each segment in its modulation, one after the other in one frame. exact: else max-log soft values.

        Raises LinkError for an empty frame, for anything else than 0 and 1, and where a segment fills no whole symbols.
        """
        ...
