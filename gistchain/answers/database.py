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
        "lacking": status.lacking,
        "doubt": status.doubt,
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
    if status.doubt:
        lines.append(f"  do not trust it: {status.doubt}")
    elif not status.registered:
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


def anew_json(done: tuple[Path | None, int]) -> dict[str, Any]:
    """done: the folder that the database lies in now, None where nothing was moved; and tokens whose image it lacks."""
    aside, lacking = done
    return {"aside": None if aside is None else str(aside), "lacking": lacking}


def anew_text(done: tuple[Path | None, int], home: Path) -> str:
    aside, lacking = done
    lines = [f"the database of {home} begins anew" if aside is None else f"the database lies in {aside} now"]
    if aside is not None:
        lines.append("  new images are compared with nothing: fill it with `gistchain rareness seed`")
    if lacking:
        lines += [
            f"  tokens whose images it lacks: {lacking:,}; every ticket that is signed from now on says so",
            "    the chain has their hashes, captions and tickets, not their pixels: the very same files are still",
            "    recognised, copies of them are not, until their images are given to `register` again: they keep their",
            "    tokens, and later images are then compared with them",
        ]
    return "\n".join(lines)
