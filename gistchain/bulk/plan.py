"""Checked images -> batches whose bytes are fixed -> batches in blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from gistchain.bulk.journal import Checked, Journal, Row
from gistchain.errors import NotConfirmed, PacketError
from gistchain.gist.grouped import Group, grouped
from gistchain.ledger.batch import HEAD_BYTES, RATED_BYTES, Batch, Item
from gistchain.ledger.batching import MAX_DATA_BYTES
from gistchain.ledger.estimate import Plan, registering_batch, registering_proofs
from gistchain.ledger.gas import MAX_RATED_GIST_BYTES
from gistchain.pipeline import Registry
from gistchain.rareness import evidence
from gistchain.types import BatchItem, Gist, Guarantee, RarenessTicket

_HASH_BYTES, _RATING_BYTES, _END_BYTES = 32, 3, 2


def plan(registry: Registry, journal: Journal, guarantee: Guarantee, wanted: Collection[bytes]) -> None:
    """Fix what waits of the wanted images: batches of those with a ticket, and of those without one."""
    waiting = [row for row in journal.waiting() if row.image in wanted]
    for rated in (True, False):
        rows = [row for row in waiting if (_of(row).verdict is not None) == rated]
        gists = [registry.read(row.gist) for row in rows]
        for group in grouped(gists, [registry.table_of(gist) for gist in gists]):
            for part in _parts(group, MAX_DATA_BYTES[guarantee], rated):
                _fix(registry, journal, guarantee, group.common, [(rows[place], item) for place, item in part], rated)


def check_size(gist: bytes, guarantee: Guarantee, name: str) -> None:
    """Raises PacketError for a gist that no batch holds."""
    most = min(MAX_DATA_BYTES[guarantee] - HEAD_BYTES - RATED_BYTES, MAX_RATED_GIST_BYTES)
    most -= _HASH_BYTES + _RATING_BYTES + _END_BYTES
    if len(gist) > most:
        raise PacketError(
            f"the gist of {name} has {len(gist):,} bytes: in a batch it may have {most:,}; register it alone"
        )


def send(registry: Registry, journal: Journal) -> None:
    """Bring every batch that is planned into a block; in what order they are sent again does not matter.

    Raises NotConfirmed where a person does not want to pay for one: it and those after it, of which nothing was sent,
    are planned no more.
    """
    store = registry.required_book().checker.store
    for batch in journal.planned():
        if batch.receipt is not None:
            continue
        rows = sorted(journal.of(batch.batch), key=lambda row: row.image)
        tickets = _tickets(rows, batch.evidence)
        items = [BatchItem(row.image, row.payload, ticket) for row, ticket in zip(rows, tickets, strict=True)]
        try:
            receipt = registry.ledger.put_batch(
                items, common=batch.common, evidence=batch.evidence, guarantee=batch.guarantee
            )
        except NotConfirmed:
            journal.unplan(batch.batch)
            raise
        store.name_tokens(registry.ledger.name, {row.image: receipt.first + k for k, row in enumerate(rows)})
        journal.registered(batch.batch, receipt)


@dataclass(frozen=True, slots=True)
class Estimated:
    """A batch that would be sent. gist_bytes: of all its tokens."""

    tokens: int
    gist_bytes: int
    plan: Plan


def estimated(gists: Sequence[Gist], guarantee: Guarantee, *, first: bool = False) -> Iterator[Estimated]:
    """The batches of these gists, all with tickets and without trait tables, on any chain.

    first: nothing was registered there before.
    """
    planned = registering_batch if guarantee == "state" else registering_proofs
    filled = 255  # hashes and tickets hardly have zeros, which cost less
    rating = int.from_bytes(bytes([filled]) * 14)
    for group in grouped(gists, [None] * len(gists)):
        for part in _parts(group, MAX_DATA_BYTES[guarantee], rated=True):
            items = [Item(bytes([filled]) * 32, item, rating) for _, item in part]
            data = Batch(tuple(items), group.common, bytes([filled]) * 32).data
            plan = planned(data, len(part), first=first)
            yield Estimated(len(part), sum(len(group.common) + len(item) for _, item in part), plan)
            first = False


def _fix(
    registry: Registry,
    journal: Journal,
    guarantee: Guarantee,
    common: bytes,
    part: Sequence[tuple[Row, bytes]],
    rated: bool,
) -> None:
    root = bytes(32)
    if rated:
        document = evidence.of_batch({row.image: _of(row).evidence for row, _ in part})
        root = hashlib.sha3_256(document).digest()
        registry.required_book().checker.store.keep_evidence(root, document)
    journal.plan(guarantee, common, root, [(row.image, item) for row, item in part])


def _parts(group: Group, most: int, rated: bool) -> Iterator[list[tuple[int, bytes]]]:
    """(place, item) of as many items as a batch holds, again and again."""
    room = most - HEAD_BYTES - len(group.common) - (RATED_BYTES if rated else 0)
    each = _HASH_BYTES + (_RATING_BYTES if rated else 0) + _END_BYTES
    part: list[tuple[int, bytes]] = []
    left = room
    for place, item in zip(group.places, group.items, strict=True):
        if part and len(item) + each > left:
            yield part
            part, left = [], room
        part.append((place, item))
        left -= len(item) + each
    if part:
        yield part


def _tickets(rows: Sequence[Row], root: bytes) -> list[RarenessTicket | None]:
    """What all share is what holds for each of them: the earliest block and the least number of images."""
    if not any(root):
        return [None] * len(rows)
    found = [_of(row) for row in rows]
    as_of = min(checked.as_of for checked in found)
    compared_with = min(checked.compared_with for checked in found)
    checker = min(checked.checker for checked in found)
    return [
        RarenessTicket(checked.score, checked.verdict, root, checker, as_of, compared_with)
        for checked in found
        if checked.verdict is not None
    ]


def _of(row: Row) -> Checked:
    if row.checked is None:
        raise AssertionError("a row that waits or is planned is checked")
    return row.checked
