"""The path: image -> gist -> bytes -> chain, and chain -> bytes -> gist -> isotopes -> the best image.

             system.describe        gist.pack         ledger.put
picture ──────────> gist ──────────────> bytes ──────────────> token
       └─ book.assess ─> rareness ─> ticket ──────────┘   └─ book.settle
             system.rebuild        gist.unpack       ledger.gist_of
picture <────────── gist <────────────── bytes <────────────── token
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from gistchain.errors import (
    AlreadyRegistered,
    CaptionError,
    ContentRefused,
    CopyRefused,
    GistchainError,
    ImageError,
    PacketError,
    RarenessError,
    SettingError,
)
from gistchain.gist import traitcode
from gistchain.gist.packet import pack, unpack
from gistchain.gist.traitcode import Table
from gistchain.traits import Traits, parts
from gistchain.types import (
    Attestation,
    Choice,
    Confirm,
    Content,
    Gist,
    Ledger,
    NftLink,
    Picture,
    Question,
    Rareness,
    RarenessTicket,
    Rebuilt,
    Receipt,
    SignedRareness,
    System,
    Token,
    Verdict,
)

if TYPE_CHECKING:
    from gistchain.rareness.book import Book

Source = TypeVar("Source")
Result = TypeVar("Result")

OF_ONE_IMAGE = (ImageError, CaptionError, PacketError, AlreadyRegistered, CopyRefused, ContentRefused)
"""What is wrong with one image does not stop the others; what is wrong with the chain stops all."""
UNSAFE = 0.8
"""From here on a person is asked: Open-NSFW's makers call scores above 0.8 highly probable."""


@dataclass(frozen=True, slots=True)
class Registered:
    """One image that has become a token. Seconds spent on the caption (TSS of S0.8) and on the chain (WT).

    others: tokens that other accounts have for the very same file; they change nothing.
    rareness: what was found now. signed: the ticket on the chain, which after a retry is that of the first try.
    evidence: the document behind the ticket, and of a blank image, which has none; None where this home does not have
    it. All three None for a registry without a book.
    """

    token: int
    picture: Picture
    gist: Gist
    confidence: float
    receipt: Receipt
    rareness: Rareness | None
    signed: SignedRareness | None
    evidence: bytes | None
    sampling_s: float
    persisting_s: float
    others: tuple[int, ...] = ()

    @property
    def ticket(self) -> RarenessTicket | None:
        return None if self.signed is None else self.signed.ticket


@dataclass(frozen=True, slots=True)
class Shown:
    """What the chain holds of one token. payload: the bytes that `gist` was read from.

    signed: what its creator found. attested: what others say of its rareness, None where that can't be told.
    others: tokens that other accounts have for the very same file.
    """

    token: Token
    payload: bytes
    gist: Gist
    signed: SignedRareness | None
    attested: tuple[Attestation, ...] | None = ()
    link: NftLink | None = None
    others: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Attested:
    """What this account has said of a token. tx: None where it had said just that before, and nothing was sent.

    rareness: what was found now. evidence: the document behind the ticket, which the home keeps.
    """

    token: int
    picture: Picture
    rareness: Rareness
    ticket: RarenessTicket
    evidence: bytes
    tx: str | None


@dataclass(frozen=True, slots=True)
class Published:
    """A trait table that is on the chain. gas, tx: of the transaction; 0 and None where it was there."""

    table: Table
    gas: int
    tx: str | None


class Registry:
    """A ledger, the system whose gists it keeps, and the book of how rare their images are."""

    def __init__(
        self,
        ledger: Ledger,
        system: System | None = None,
        book: Book | None = None,
        *,
        isotopes: int = 4,
        confirm: Confirm | None = None,
        traits_of: Callable[[str], Traits | None] | None = None,
    ) -> None:
        """system: None where tokens are only shown. book: None where images are registered without a ticket.

        isotopes: how many `rebuild` chooses from, n of S0.2. confirm: asked before a picture that is not safe for work
        goes to a public chain; without it none does. Whether it is safe is known where there is a book.
        traits_of: a caption -> the collection that it is of, whose table on the chain may make it shorter.
        """
        self.ledger, self.book, self.isotopes = ledger, book, isotopes
        self._confirm, self._traits_of = confirm, traits_of
        self._system = system
        self._tables: dict[bytes, Traits] = {}  # by their names, as this chain has them
        self._tables_of: dict[str, Table | None] = {}  # by what captions call a token
        self._here: dict[bytes, bool] = {}  # names of tables, and whether the chain has them

    @property
    def system(self) -> System:
        if self._system is None:
            raise SettingError("this registry was opened without a system: it can show tokens, no more")
        return self._system

    def register(
        self,
        picture: Picture,
        *,
        caption: str | None = None,
        budget: int | None = None,
        web: bool = False,
        refuse: Collection[Verdict] = (),
        readable: bool = False,
    ) -> Registered:
        """Put the gist of the picture on the chain, and how rare it is; a copy is registered too, its ticket says so.

        A picture that shows nothing gets no ticket.

        caption, budget: as for System.describe. web: search the internet too; what was found stands in the evidence.
        refuse: pictures with these verdicts are not registered; an earlier try that was already sent is finished all
        the same. readable: write the caption so that wallets can show it.
        Raises AlreadyRegistered where this account has a token for the image's SHA3-256, CaptionError where the system
        is unsure, SearchError where a search can't be made, which ends it before anything is registered; CopyRefused,
        ContentRefused, LedgerError, RarenessError, FileError.
        """
        started = time.perf_counter()
        self._check_new(picture)
        described = self.system.describe(picture, caption=caption, budget=budget)
        payload = self.packed(described.gist, readable=readable)
        sampling_s = time.perf_counter() - started
        if refuse and self.ledger.unanswered(picture.sha3_256):
            refuse = ()
        caption = described.gist.caption
        assessed = None if self.book is None else self.book.assess(picture, caption, web=web, refuse=refuse)
        if assessed is not None:
            self.check_content(picture.name, picture.sha3_256, assessed.rareness.content)
        sent = time.perf_counter()
        ticket = None if assessed is None else assessed.ticket
        receipt = self.ledger.put(payload, image_sha3_256=picture.sha3_256, rareness=ticket)
        persisting_s = time.perf_counter() - sent
        signed = document = None
        if self.book is not None:
            signed = self.ledger.rareness_of(receipt.token)
            document = self.book.settle(picture, receipt.token, signed)
        if assessed is not None and ticket is None:
            document = assessed.document  # of a blank image, which the chain says nothing of
        return Registered(
            receipt.token,
            picture,
            described.gist,
            described.confidence,
            receipt,
            None if assessed is None else assessed.rareness,
            signed,
            document,
            sampling_s,
            persisting_s,
            self._others(picture.sha3_256, receipt.token),
        )

    def _check_new(self, picture: Picture) -> None:
        own = self.ledger.token_of(picture.sha3_256)
        token = own or self.ledger.find(picture.sha3_256)
        # An earlier try that died before its answer came is answered by the ledger, as the success that it was.
        if not token or self.ledger.unanswered(picture.sha3_256):
            return
        if self.book is not None and not self.book.has(picture):
            self.book.settle(picture, token, None, caption=self._caption_of(token))
        if own:
            raise AlreadyRegistered(f"{picture.name} is already registered: it equals token {own}", own)

    def _others(self, image_sha3_256: bytes, token: int) -> tuple[int, ...]:
        """The other tokens for the same file: anyone can copy a hash, so that they are told and not obeyed."""
        return tuple(other for other in self.ledger.all_for(image_sha3_256) if other != token)

    def check_content(self, name: str, image_sha3_256: bytes, content: Content) -> None:
        """Ask a person before what is not safe for work goes to a public chain. Raises ContentRefused."""
        unsafe = content.unsafe
        if not self.ledger.public or unsafe < UNSAFE or self.ledger.unanswered(image_sha3_256):
            return
        text = f"{name} looks as if it were not safe for work ({unsafe:.0%} sure), and the chain is public"
        question = Question("content", text, "say yes to that with --yes, or confirm= in Python")
        if self._confirm is None or not self._confirm(question):
            raise ContentRefused(f"{text}: it was not registered; {question.otherwise}")

    def required_book(self) -> Book:
        """Raises SettingError for a registry without one."""
        if self.book is None:
            raise SettingError("this registry was opened without a book: batches need one")
        return self.book

    def _caption_of(self, token: int) -> str:
        try:
            return self.gist(token).caption
        except PacketError:  # anyone may write to a public registry
            return ""

    def gist(self, token: int) -> Gist:
        """Raises UnknownToken, or PacketError where the chain holds something else than a gist."""
        return self.read(self.ledger.gist_of(token))

    def read(self, payload: bytes) -> Gist:
        """The gist of bytes of this chain, whose trait tables are used. Raises PacketError where they are none."""
        return unpack(payload, tables=self._traits)

    def packed(self, gist: Gist, *, readable: bool = False) -> bytes:
        """The packet of a gist, by the trait table of its collection where the chain has it and that is shorter.

        readable: as for `pack`; the longer it is, the more gas it takes.
        """
        usual = pack(gist, readable=readable)
        table = self._known_table(gist)
        shorter = usual if table is None else pack(gist, table, readable=readable)
        return shorter if len(shorter) < len(usual) and table is not None and self._has(table) else usual

    def table_of(self, gist: Gist) -> Table | None:
        """The trait table of the collection that the gist is of, where it is known and on the chain."""
        table = self._known_table(gist)
        return table if table is not None and self._has(table) else None

    def _known_table(self, gist: Gist) -> Table | None:
        subject = parts(gist.caption)[0]
        if self._traits_of is None or not subject:
            return None
        if subject not in self._tables_of:
            traits = self._traits_of(gist.caption)
            self._tables_of[subject] = None if traits is None else Table(traits)
        return self._tables_of[subject]

    def _has(self, table: Table) -> bool:
        if table.name not in self._here or not self._here[table.name]:
            self._here[table.name] = self.ledger.table(table.name) == table.data
        return self._here[table.name]

    def publish(self, table: Table) -> Published:
        """Put a collection's trait table on the chain, for everybody, if it is not there. Raises LedgerError."""
        gas, tx = self.ledger.add_table(table.data)
        return Published(table, gas, tx)

    def _traits(self, table: bytes) -> Traits:
        if table not in self._tables:
            data = self.ledger.table(table)
            if not data:
                raise PacketError(f"the caption is by the trait table {table.hex()}, which is not on this chain")
            self._tables[table] = traitcode.read(data)
        return self._tables[table]

    def show(self, token: int) -> Shown:
        """Raises UnknownToken, or PacketError where the chain holds something else than a gist."""
        record, payload = self.ledger.token(token), self.ledger.gist_of(token)
        return Shown(
            record,
            payload,
            self.read(payload),
            self.ledger.rareness_of(token),
            self.ledger.attestations(token),
            self.ledger.link_of(token),
            self._others(record.image_sha3_256, token),
        )

    def attest(self, token: int, picture: Picture, *, web: bool = False) -> Attested:
        """Say, for all to read, how rare this account finds the picture of a token among the images before it.

        picture: the very file that was registered. web: search the internet too. Said again it replaces what was said.
        Raises UnknownToken; ImageError where the picture is another file; RarenessError where it shows nothing, or the
        database lacks images; SearchError, LedgerError, FileError; SettingError for a registry without a book.
        """
        if self.book is None:
            raise SettingError("this registry was opened without a book of rareness: it can't attest a verdict")
        record = self.ledger.token(token)
        if picture.sha3_256 != record.image_sha3_256:
            raise ImageError(
                f"{picture.name} is not the image of token {token}: its SHA3-256 is {picture.sha3_256.hex()}, the "
                f"token's {record.image_sha3_256.hex()}; give the very file that was registered"
            )
        assessed = self.book.assess(picture, self._caption_of(token), web=web, before=record)
        if assessed.ticket is None:
            raise RarenessError(f"{picture.name} shows nothing that could be compared: there is no verdict to attest")
        tx = self.ledger.attest(token, assessed.ticket)
        return Attested(token, picture, assessed.rareness, assessed.ticket, assessed.document, tx)

    def tokens(self, start: int = 1) -> Iterator[Token]:
        """All of them from id `start` on, oldest first."""
        return self.ledger.tokens(start)

    def rebuild(
        self,
        token: int,
        *,
        isotopes: int | None = None,
        choice: Choice = "best",
        strength: float | None = None,
        full_size: bool = False,
        progress: Callable[[str, float], None] | None = None,
    ) -> Rebuilt:
        """The picture that the chain's bytes alone give; the same token gives the same picture.

        isotopes: how many there are to choose from, None for the registry's own number.
        strength, full_size, progress: as for System.rebuild.
        """
        seeds = range(self.isotopes if isotopes is None else isotopes)
        return self.system.rebuild(
            self.gist(token), seeds=seeds, choice=choice, strength=strength, full_size=full_size, progress=progress
        )


def each(
    sources: Iterable[Source], work: Callable[[Source], Result]
) -> Iterator[tuple[Source, Result | GistchainError]]:
    """Every source with what `work` made of it, or with the error that is of this one image alone."""
    for source in sources:
        try:
            result = work(source)
        except OF_ONE_IMAGE as error:
            yield source, error
        else:
            yield source, result
