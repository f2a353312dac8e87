"""Where tokens come from: a contract, or a list of URIs -> which there are, and the content of each.

A source is asked in two steps: `discover` writes down which tokens there are, `obtain` gives the content of one.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from gistchain.collection.imports import metadata
from gistchain.collection.imports.logs import LogsRead
from gistchain.collection.imports.numbers import Numbers
from gistchain.collection.imports.record import About, Content, ImportedToken, Record
from gistchain.errors import CollectionError, LedgerError, NodeDown, SearchError
from gistchain.image.kinds import HEAD_BYTES, kind_of
from gistchain.image.reading import MAX_FILE_BYTES
from gistchain.internet.gateways import Fetched, Gateways
from gistchain.ledger.nft import MOST_IDS, Changes, NftContract
from gistchain.safejson import parsed
from gistchain.text import well_formed

_AT_ONCE = 500
_ASKED_AT_ONCE = 50
"""Ids that take a call each: what was asked for is written down before many more are."""
_LIMITED = "limited"
"""Note of a record: the limit has cut off tokens that logs named."""
_TRIED = "tried"
"""Note of a record: ids were tried one by one, when the contract told this supply."""


class NotObtained(CollectionError):
    """One token's content can't be had; the message says why. token: with what is known by then."""

    def __init__(self, message: str, token: ImportedToken) -> None:
        super().__init__(message)
        self.token = token


@dataclass(frozen=True, slots=True)
class Note:
    """What a source tells while it is asked: notes, by a call, and how far it is. progress: as that of `run`."""

    keep: Callable[[str], None]
    progress: Callable[[str, float], None] = lambda what, share: None

    def __call__(self, text: str) -> None:
        self.keep(text)


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
        self._lock = threading.Lock()
        self._looked = Numbers()
        self._left_out = 0
        self.origin = f"{contract.address} on {contract.chain}"

    def discover(self, record: Record, limit: int | None, note: Note) -> About:
        contract = self._contract
        before = record.about()
        last, digest = contract.last()
        supply = contract.supply() or 0
        logs = LogsRead.of(record)
        if logs.last >= 0 and contract.block_hash(logs.last) != logs.digest:
            logs = LogsRead()  # the chain was replaced, and its logs are read anew
        old, new = range(self._start, logs.last + 1), range(max(self._start, logs.last + 1), last + 1)
        self._block = last
        # Its own list takes a call a token. Where all of it was taken before, logs tell what came since.
        known = before is not None and logs.last >= 0 and before.supply == supply
        listed = not known or bool(record.note(_LIMITED)) or sum(record.counts().values()) < supply
        if listed:
            self._listed(record, limit, supply, note)
        moved = self._logged(record, logs, old, new, limit, note)
        news_lost = bool(logs.blocks.missing(new))
        if not listed and news_lost:
            self._listed(record, limit, supply, note)
        self._untold(record, logs.blocks.missing(range(self._start, last + 1)), supply, limit, note, again=news_lost)
        reached = limit is not None and sum(record.counts().values()) >= limit
        record.set_note(_LIMITED, "yes" if reached else "")
        LogsRead(last, digest, logs.blocks).write(record)
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
        block, owner, uri = self._told(token)
        token = replace(token, owner=owner or "", block=block, uri=_kept(uri or ""))
        if owner is None:
            raise NotObtained("it has no owner: it was burnt, or never made", replace(token, state="burnt"))
        if not uri:
            raise NotObtained("the contract refuses to tell its URI" if uri is None else "its URI is empty", token)
        return fetched(token, self._gateways, uri)

    def _told(self, token: ImportedToken) -> tuple[int, str | None, str | None]:
        """(block, owner, URI) after that block. Raises NotObtained.

        A full node keeps the state of the last 128 blocks, which an import outlives, and each says so in words of its
        own: whatever it is, it is asked once more at the newest block, and so are the tokens that follow.
        """
        number, block = int(token.id), self._block
        try:
            try:
                return block, self._contract.owner(number, block), self._contract.uri(number, block)
            except NodeDown:  # that is no fault of this token's
                raise
            except LedgerError:
                block = self._newer(block)
                return block, self._contract.owner(number, block), self._contract.uri(number, block)
        except NodeDown:
            raise
        except LedgerError as error:
            raise NotObtained(str(error), token) from error

    def _newer(self, block: int) -> int:
        """The newest block, or one that another thread has gone on to meanwhile."""
        with self._lock:
            if self._block == block:
                self._block = max(block, self._contract.last()[0])
            return self._block

    def _logged(self, record: Record, logs: LogsRead, old: range, new: range, limit: int | None, note: Note) -> int:
        """Read what logs tell. old: blocks up to the last import's, new: those since. How many tokens changed."""
        gaps = logs.blocks.missing(old)
        # What the log of a gap tells is no news of a token that was read after it.
        gaps_end = max((gap.stop for gap in gaps), default=0)
        again = [old] if record.note(_LIMITED) and old else gaps  # some tokens of these blocks were not wanted then
        moved = odd = self._left_out = 0
        for parts, before in ((again, gaps_end - 1), ([new] if new else [], None)):
            self._looked = Numbers()
            for part in parts:
                for changes in self._contract.changes(part.start, part.stop - 1):
                    moved += self._noted(record, changes, limit, before)
                    note.progress(f"logs up to block {changes.blocks.stop - 1:,}", _share(changes.blocks, again, new))
                    odd += changes.odd if logs.blocks.add(changes.blocks) else 0
        if self._left_out:
            note(f"logs name {self._left_out:,} tokens more than are read: at most {MOST_IDS:,} of one contract")
        if odd:
            note(f"{odd:,} logs were passed over: their fields are not where the standard has them")
        return moved

    def _untold(
        self, record: Record, unread: list[range], supply: int, limit: int | None, note: Note, *, again: bool
    ) -> None:
        """Find tokens that no log told of. unread: blocks whose logs were not served. again: some came since."""
        known = _alive(record)
        if unread:
            note(f"logs of {sum(map(len, unread)):,} blocks were not served: the next import asks for them again")
        may_lack = unread and (not supply or known < supply) and (again or record.note(_TRIED) != str(supply))
        if _room(record, limit) and (not known or may_lack):
            if self._contract.standard != "erc1155":
                note("no log names a token: its ids are tried one by one" if not known else "ids are tried one by one")
            ids = self._contract.tried(
                lambda token: record.get(str(token)) is not None, supply - known if supply else None
            )
            if _wanted(record, ids, limit, supply - known, note):
                record.set_note(_TRIED, str(supply))
        known, burnt = _alive(record), record.counts().get("burnt", 0)
        if known < supply and _room(record, limit):
            and_burnt = f" beside {burnt:,} that were burnt" if burnt else ""
            note(f"the contract says that it has {supply:,} tokens, {known:,} are known{and_burnt}")

    def _listed(self, record: Record, limit: int | None, supply: int, note: Note) -> None:
        """What the contract lists by itself, which no node can leave out."""
        contract = self._contract
        if contract.enumerable or contract.standard == "cryptopunks":
            most = min(supply, MOST_IDS if limit is None else limit)
            _wanted(record, islice(contract.counted(), limit), limit, most, note)

    def _noted(self, record: Record, changes: Changes, limit: int | None, before: int | None) -> int:
        """Tokens of logs: new ones are wanted, known ones are asked for again. How many of these.

        before: only those known ones that were read before this block; None for all.

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
                count += _mark(record, known, before)
                if not room and not known:
                    self._left_out += max(0, some.stop - start - _AT_ONCE) if bounded else 0
                    break
        every = {token.id: token for token in record.tokens("complete", "failed")} if changes.stale else {}
        stale = Numbers(changes.stale)
        changed = [token for token in every.values() if int(token.id) in stale]
        return count + _mark(record, changed, before)


def _room(record: Record, limit: int | None) -> int:
    """How many tokens more may be wanted."""
    most = MOST_IDS if limit is None else min(limit, MOST_IDS)
    return max(0, most - sum(record.counts().values()))


def _share(done: range, again: list[range], new: range) -> float:
    """How much of the blocks has been read with these."""
    every = [*again, new]
    return sum(max(0, min(done.stop, one.stop) - one.start) for one in every) / max(1, sum(map(len, every)))


def _alive(record: Record) -> int:
    """Tokens that are known, without the burnt ones."""
    counts = record.counts()
    return sum(counts.values()) - counts.get("burnt", 0)


def _wanted(record: Record, ids: Iterator[int], limit: int | None, most: int, note: Note) -> bool:
    """Add ids as they come, some at a time, up to the limit; whether none is left. most: how many may come."""
    room, count = _room(record, limit), 0
    while room and (some := [str(one) for one in islice(ids, _ASKED_AT_ONCE)]):
        room -= record.want([one for one in some if record.get(one) is None][:room])
        count += len(some)
        note.progress(f"{count:,} ids", min(1.0, count / max(most, count)))
    return room > 0


def _mark(record: Record, tokens: list[ImportedToken], before: int | None) -> int:
    """Stale are those that were fetched, before a block if one is given; the others are asked for anyway."""
    fetched = [token for token in tokens if token.state in ("complete", "burnt")]
    old = [replace(token, state="stale") for token in fetched if before is None or token.block < before]
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
