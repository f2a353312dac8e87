"""What became of the database of registered images and of the index of the internet -> JSON and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from gistchain.collection.seeding import Seeded
    from gistchain.rareness.store.status import Status
    from gistchain.rareness.websearch.crawl import Crawled


@dataclass(frozen=True, slots=True)
class Indexed:
    """What sites and web archives added to an index. file: the index; indexed: images that it holds now."""

    read: Sequence[Crawled]
    indexed: int
    file: Path

    @property
    def empty(self) -> bool:
        """Whether nothing could be read."""
        return not any(crawled.pages + crawled.images for crawled in self.read)


def seeded_json(done: Seeded) -> dict[str, Any]:
    return {"new": done.new, "known": done.known, "failed": done.failed, "registered": done.registered}


def seeded_text(done: Seeded) -> str:
    return f"{done.new:,} new, {done.known:,} were there: {done.registered:,} images are registered"


def status_json(status: Status) -> dict[str, Any]:
    return {
        "registered": status.registered,
        "fingerprint_version": status.fingerprint_version,
        "bytes": status.size_bytes,
        "folder": str(status.folder),
        "tokens_missing": status.tokens_missing,
    }


def status_text(status: Status) -> str:
    lines = [
        f"{status.registered:,} images, fingerprints of version {status.fingerprint_version}",
        f"  {status.size_bytes:,} bytes in {status.folder}",
    ]
    if status.tokens_missing:
        lines += [
            f"  tokens of the chain here that are not among them: {status.tokens_missing:,}",
            "    register their images again: they keep their tokens, and later images are then compared with them",
        ]
    if not status.registered:
        lines.append("  every image is an original so far: fill it with `gistchain rareness seed`, or register images")
    return "\n".join(lines)


def indexed_json(done: Indexed) -> dict[str, Any]:
    names = ("pages", "images", "new", "left_out")
    counts = {name: sum(getattr(crawled, name) for crawled in done.read) for name in names}
    return {**counts, "indexed": done.indexed, "file": str(done.file)}


def indexed_text(done: Indexed) -> str:
    fields = indexed_json(done)
    read = f"{fields['pages']:,} pages, {fields['images']:,} images, {fields['new']:,} new"
    return f"{read}: {done.indexed:,} in {done.file}"


def aside_json(aside: Path | None) -> dict[str, Any]:
    """aside: the folder that the database lies in now; None where there was none."""
    return {"aside": None if aside is None else str(aside)}


def aside_text(aside: Path | None, home: Path) -> str:
    if aside is None:
        return f"there is no database in {home}: nothing was done"
    return (
        f"the database lies in {aside} now, and new images are compared with nothing:\n"
        "  fill it with `gistchain rareness seed`, and register your images again; those that have a token keep it,\n"
        "  and the command only says so, but later images are then compared with them"
    )
