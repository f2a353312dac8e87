"""An imported collection -> what speaks against using it, each with counts and a reason (S3.4).

Nothing is deleted: a finding says what was found, and who uses the collection decides.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from gistchain.collection.imports.record import Record, imported
from gistchain.errors import CollectionError, FileError

LEAST_TOKENS = 500
"""NFT1000 leaves out collections with fewer."""
_DUPLICATED = 0.9
_NONE = frozenset({"", "none", "n/a", "null", "nothing", "unknown", "hidden", "unrevealed"})
Kind = Literal["duplicated", "few", "empty", "foreign"]


@dataclass(frozen=True, slots=True)
class Finding:
    """kind: which filter. tokens: of how many it holds, of all `of`. reason: what is so of them, in words.
    Of the kind foreign, tokens are those of the other collection.

    excludes: whether the filters of NFT1000 would leave the whole collection out for it.
    """

    kind: Kind
    tokens: int
    of: int
    reason: str
    excludes: bool


def findings(record: Record) -> tuple[Finding, ...]:
    """Of one collection; beside the others of its home, whose pictures it may show."""
    media: Counter[str] = Counter()
    pictures: list[str] = []
    empty = 0
    for token in record.tokens("complete"):
        if token.media is not None:
            media[token.media.sha256] += 1
            pictures.append(token.media.sha256)
        empty += all(value.casefold().strip() in _NONE or not type_ for type_, value in token.attributes)
    count = sum(media.values())
    found = []
    if media and (shared := sum(times for times in media.values() if times > 1)):
        most = media.most_common(1)[0][1]
        whole = most >= _DUPLICATED * count and count > 1
        why = f"{most:,} show one picture, as before a reveal" if whole else f"{len(media):,} pictures are different"
        found.append(Finding("duplicated", shared, count, f"share their picture with others ({why})", whole))
    if count < LEAST_TOKENS:
        found.append(Finding("few", count, count, f"fewer than {LEAST_TOKENS} tokens", True))
    if empty:
        found.append(Finding("empty", empty, count, "have no trait that says anything in their JSON", empty == count))
    found += _foreign(record, set(pictures), count)
    return tuple(found)


def _foreign(record: Record, pictures: set[str], count: int) -> list[Finding]:
    """Pictures that stand in another imported collection, byte by byte: the metadata promises what is not its own."""
    found = []
    for folder in imported(record.folder.parent.parent):
        if folder == record.folder or not pictures:
            continue
        try:
            with Record(folder) as other:
                same = other.showing(pictures)
        except (CollectionError, FileError):  # being made, or damaged: it says so when it is used
            continue
        if same:
            why = f"tokens of {folder.name!r} show pictures that stand here too, byte by byte"
            found.append(Finding("foreign", same, count, why, False))
    return found
