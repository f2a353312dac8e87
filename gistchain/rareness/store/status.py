"""A store and the chain's images -> how much the database holds, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gistchain.rareness.store.trust import Trust


class Rows(Protocol):
    """The registered images: a Store."""

    def __len__(self) -> int: ...

    def find(self, sha3_256: bytes) -> int | None:
        """Row of the image file with this SHA3-256; None where it is not registered."""
        ...


@dataclass(frozen=True, slots=True)
class Status:
    """registered: images. size_bytes: of the files in `folder`. tokens_missing: tokens of the chain whose image is not
    registered; None where that is not known. lacking: of those that are knowingly not in the database. doubt: why
    the database can't be trusted, if so."""

    registered: int
    fingerprint_version: str
    size_bytes: int
    folder: Path
    tokens_missing: int | None
    lacking: int = 0
    doubt: str | None = None


def status(
    rows: Rows, folder: Path, fingerprint_version: str, tokens: Iterable[bytes] | None, trust: Trust | None = None
) -> Status:
    """tokens: SHA3-256 of each token's image; None where the chain's tokens are not known."""
    size_bytes = sum(path.stat().st_size for path in folder.glob("rareness.*"))
    missing = None if tokens is None else sum(rows.find(image) is None for image in tokens)
    lacking, doubt = (0, None) if trust is None else trust.state()
    return Status(len(rows), fingerprint_version, size_bytes, folder, missing, lacking, doubt)
