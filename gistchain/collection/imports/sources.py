"""Where tokens come from: a contract, or a list of URIs -> which there are, and the content of each.

A source is asked in two steps: `discover` writes down which tokens there are, `obtain` gives the content of one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from gistchain.collection.imports import metadata
from gistchain.collection.imports.numbers import Numbers
from gistchain.collection.imports.record import About, Content, ImportedToken, Record
from gistchain.errors import CollectionError, LedgerError, NodeDown, SearchError
from gistchain.image.kinds import HEAD_BYTES, kind_of
from gistchain.image.reading import MAX_FILE_BYTES
from gistchain.internet.gateways import Fetched, Gateways
from gistchain.ledger.nft import MOST_IDS, Changes, NftContract
from gistchain.safejson import parsed
from gistchain.text import well_formed

Note = Callable[[str], None]
_AT_ONCE = 500
_LIMITED = "limited"
"""Note of a record: the limit has cut off tokens that logs named."""


class NotObtained(CollectionError):
    """One token's content can't be had; the message says why. token: with what is known by then."""

    def __init__(self, message: str, token: ImportedToken) -> None:
        super().__init__(message)
        self.token = token


@dataclass(frozen=True, slots=True)
class Obtained:
    """token: with what is known by now. metadata: the JSON; media: the bytes of the file, and what it is called."""

    token: ImportedToken
    metadata: bytes
    media: bytes
    called: str = ""


class Source(Protocol):
    """Where one collection comes from. origin: the same at every import of it, another for any other."""

    @property
    def origin(self) -> str: ...

    def discover(self, record: Record, limit: int | None, note: Note) -> About:
        """Write down which tokens there are, `limit` at most in all, and which have changed."""

    def prepare(self) -> None:
        """In place of `discover`, where known tokens are to be obtained and none is to be added."""

    def obtain(self, token: ImportedToken) -> Obtained:
        """The content of one. Raises NotObtained. Threads may ask at the same time."""


class Uris:
    """Metadata by URIs, one a token: Solana's, or any list (S3.11)."""

    def __init__(
        self, uris: Iterable[str], gateways: Gateways, *, name: str, subject: str = "", origin: str = "a list"
    ) -> None:
        self.origin = origin
        self._uris = list(dict.fromkeys(well_formed(uri.strip()) for uri in uris if uri.strip()))
        self._gateways, self._name, self._subject = gateways, name, subject

    def discover(self, record: Record, limit: int | None, note: Note) -> About:
        uris = self._uris[:limit]
        record.want(uris)
        return About(self._name, self._subject, "list", supply=len(self._uris))

    def prepare(self) -> None:
        pass

    def obtain(self, token: ImportedToken) -> Obtained:
        return fetched(replace(token, uri=token.id), self._gateways)


class Contract:
    """Tokens of an NFT contract (S3.3)."""

    def __init__(
        self, contract: NftContract, gateways: Gateways, *, name: str, subject: str = "", start: int = 0
    ) -> None:
        """start: the block from which logs are read, where the contract is known not to be older."""
        self._contract, self._gateways, self._name, self._subject = contract, gateways, name, subject
        self._start = start
        self._block = -1
        self._looked = Numbers()
        self._left_out = 0
        self.origin = f"{contract.address} on {contract.chain}"

    def discover(self, record: Record, limit: int | None, note: Note) -> About:
        contract = self._contract
        before = record.about()
        last, digest = contract.last()
        supply = contract.supply() or 0
        read_to = self._start - 1
        if before is not None and before.block >= 0 and contract.block_hash(before.block) == before.block_hash:
            read_to = before.block  # else the chain was replaced, and its logs are read anew
        self._block = last
        # Its own list takes a call a token. Where all of it was taken before, logs tell what came since.
        known = before is not None and read_to == before.block and before.supply == supply
        listed = not known or bool(record.note(_LIMITED)) or sum(record.counts().values()) < supply
        if listed:
            self._listed(record, limit)
        moved = served = odd = self._left_out = 0
        if read_to >= self._start and record.note(_LIMITED):  # some tokens of these blocks were not wanted then
            self._looked = Numbers()
            for changes in contract.changes(self._start, read_to):
                self._noted(record, replace(changes, stale=[]), limit, known_too=False)
        self._looked = Numbers()
        for changes in contract.changes(read_to + 1, last):
            served += len(changes.blocks)
            moved += self._noted(record, changes, limit)
            odd += changes.odd
        if self._left_out:
            note(f"logs name {self._left_out:,} tokens more than are read: at most {MOST_IDS:,} of one contract")
        if odd:
            note(f"{odd:,} logs were passed over: their fields are not where the standard has them")
        if not listed and served < last - read_to:  # some of these logs the node has not kept
            self._listed(record, limit)
        reached = limit is not None and sum(record.counts().values()) >= limit
        record.set_note(_LIMITED, "yes" if reached else "")
        if not record.counts():
            note("no log names a token: its ids are tried one by one")
            record.want(str(one) for one in islice(contract.tried(), limit))
        if moved:
            note(f"{moved:,} tokens were transferred or changed since the last import")
        return About(
            self._name,
            self._subject or contract.name(),
            "contract",
            contract.chain,
            contract.address,
            contract.standard,
            last,
            digest,
            supply,
        )

    def prepare(self) -> None:
        self._block, _ = self._contract.last()

    def obtain(self, token: ImportedToken) -> Obtained:
        number = int(token.id)
        try:
            owner = self._contract.owner(number, self._block)
            uri = self._contract.uri(number, self._block)
        except NodeDown:  # that is no fault of this token's
            raise
        except LedgerError as error:
            raise NotObtained(str(error), token) from error
        token = replace(token, owner=owner or "", block=self._block, uri=_kept(uri or ""))
        if owner is None:
            raise NotObtained("it has no owner: it was burnt, or never made", replace(token, state="burnt"))
        if not uri:
            raise NotObtained("the contract refuses to tell its URI" if uri is None else "its URI is empty", token)
        return fetched(token, self._gateways, uri)

    def _listed(self, record: Record, limit: int | None) -> None:
        """What the contract lists by itself, which no node can leave out."""
        contract = self._contract
        if contract.enumerable or contract.standard == "cryptopunks":
            ids, room = islice(contract.counted(), limit), _room(record, limit)
            while room and (some := [str(one) for one in islice(ids, _AT_ONCE)]):
                room -= record.want([one for one in some if record.get(one) is None][:room])

    def _noted(self, record: Record, changes: Changes, limit: int | None, *, known_too: bool = True) -> int:
        """Tokens of logs: new ones are wanted, known ones are asked for again. How many of these.

        A log costs its contract little, and may name a million tokens: no number is looked at twice, and `MOST_IDS` are
        wanted in all.
        """
        count = 0
        room = _room(record, limit)
        bounded = limit is None or limit >= MOST_IDS
        self._left_out += changes.too_many
        for some in (part for one in changes.ids for part in self._looked.add(one)):
            for start in range(some.start, some.stop, _AT_ONCE):
                part = [str(one) for one in range(start, min(start + _AT_ONCE, some.stop))]
                known = [token for one in part if (token := record.get(one)) is not None]
                fresh = [one for one in part if one not in {token.id for token in known}]
                added = record.want(fresh[:room])
                room -= added
                self._left_out += len(fresh) - added if bounded else 0
                count += _mark(record, known) if known_too else 0
                if not room and not known:
                    self._left_out += max(0, some.stop - start - _AT_ONCE) if bounded else 0
                    break
        every = {token.id: token for token in record.tokens("complete", "failed")} if changes.stale else {}
        stale = Numbers(changes.stale)
        changed = [token for token in every.values() if int(token.id) in stale]
        return count + _mark(record, changed)


def _room(record: Record, limit: int | None) -> int:
    """How many tokens more may be wanted."""
    most = MOST_IDS if limit is None else min(limit, MOST_IDS)
    return max(0, most - sum(record.counts().values()))


def _mark(record: Record, tokens: list[ImportedToken]) -> int:
    """Stale are those that were fetched; the others are asked for anyway."""
    old = [replace(token, state="stale") for token in tokens if token.state in ("complete", "burnt")]
    record.put(old)
    return len(old)


def fetched(token: ImportedToken, gateways: Gateways, uri: str | None = None) -> Obtained:
    """Metadata and media of a token by its URI. uri: where it is too long to be kept. Raises NotObtained."""
    try:
        raw = gateways.get(uri or token.uri, most=metadata.MOST_BYTES, usable=metadata.unusable)
    except SearchError as error:
        raise NotObtained(f"metadata: {error}", token) from error
    try:
        told = metadata.told(raw.content)
    except CollectionError as error:
        raise NotObtained(f"metadata: {error}", token) from error
    token = replace(
        token,
        title=told.title,
        attributes=told.attributes,
        image_uri=_kept(told.image),
        metadata=content_of(raw, "JSON"),
    )
    if not told.image:
        raise NotObtained("metadata: it names no image", token)
    if told.image.lstrip()[:4].lower() == "<svg":
        media = Fetched(told.image.encode(), "data", "", raw.proven)
    else:
        try:
            media = gateways.get(told.image, most=MAX_FILE_BYTES, usable=_no_picture)
        except SearchError as error:
            raise NotObtained(f"image: {error}", token) from error
    kind = kind_of(media.content[:HEAD_BYTES]) or "unknown"
    return Obtained(replace(token, media=content_of(media, kind)), raw.content, media.content)


def content_of(fetched: Fetched, kind: str) -> Content:
    return Content(
        hashlib.sha256(fetched.content).hexdigest(),
        len(fetched.content),
        kind,
        fetched.source,
        fetched.cid,
        "verified" if fetched.proven else "unverified",
    )


def _no_picture(content: bytes) -> str | None:
    head = content[:HEAD_BYTES].lstrip().lower()
    if not content:
        return "it is empty"
    if head.startswith((b"<!doctype html", b"<html")):
        return "a page stands in place of the image"
    return "its answer is no picture" if kind_of(content[:HEAD_BYTES]) is None else None


def _kept(uri: str) -> str:
    """As it is written down: what stands in a data: URI is kept as a file."""
    return uri if len(uri) <= 2_048 else f"{uri[:40]}... ({len(uri):,} characters)"


def uris_in(path: Path, raw: bytes) -> Iterator[str]:
    """The URIs of a list: a line each, or a JSON list of them. Raises CollectionError."""
    if raw.lstrip()[:1] == b"[":
        try:
            content = parsed(raw)
        except ValueError as error:
            raise CollectionError(f"{path} is no JSON list ({error})") from error
        yield from (str(one) for one in content if isinstance(one, str))
        return
    for line in raw.decode("utf-8", "replace").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()
