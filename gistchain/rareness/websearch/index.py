"""Images that were seen on the internet -> one SQLite file -> the addresses at which a given image was seen.

An image is kept as hashes and, where a Fingerprinter is given, as a fingerprint in 8 bits; its pixels are not kept. A
copy that was turned or mirrored is found, because the candidate's hashes are computed in all 8 positions.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.disk.sqlite import SqliteFile
from gistchain.disk.write import make_folder
from gistchain.errors import OtherFingerprint, SearchError
from gistchain.image import read_image
from gistchain.rareness.hashes import TURNS, hashes, turn, turned
from gistchain.types import Fingerprinter, Pixels, WebMatch, WebSearch

PAGE = 10
"""Matches on one page of results."""
PDQ_BITS = 31
"""The most bits, out of 256, in which two copies of a picture differ; recommended by PDQ's authors."""
FLAT_PDQ_BITS, FLAT_PHASH_BITS = 10, 4
"""The same for pictures of PDQ quality below 50 (flat drawings, pixel art), whose hashes say less."""
MIN_QUALITY = 50
MIN_SIDE = 16
"""Smaller pictures are buttons and dots."""
MIN_COSINE = 0.96
"""The least cosine of two fingerprints of one picture, more than siblings have: of 450 pairs in ten collections the
nearest have .953, of 780 pairs of photos .843. Crops to 90% have .93 to .97: some are found, most are not."""
MOST = 1_000
"""Matches of one search."""
_ROWS = 1_000
_TABLES = """
create table if not exists images (
    pixels blob primary key check (length(pixels) = 32), pdq blob not null, quality integer not null,
    phash blob not null, fingerprint blob, version text
) without rowid;
create table if not exists seen (
    url text primary key, pixels blob not null, sha3_256 blob not null, time integer not null
) without rowid;
create index if not exists seen_pixels on seen (pixels);
create table if not exists links (url text, page text, title text not null, primary key (url, page)) without rowid;
"""


class Index:
    """Images of the web in one SQLite file: one process writes at a time, any number read.

    Every call raises FileBusy, FileDamaged, DiskFull or FileError.
    """

    def __init__(self, path: Path, fingerprinter: Fingerprinter | None = None, *, busy_timeout_s: float = 10.0) -> None:
        """Open the index, or make it. Raises OtherFingerprint where it has fingerprints of another version."""
        self._file = SqliteFile(path, "remove it and crawl again", timeout_s=busy_timeout_s)
        self._fingerprinter = fingerprinter
        if not path.exists() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
            make_folder(path.parent)
            with self._file.opened("rwc") as database:
                database.execute("pragma journal_mode = wal")
                database.executescript(_TABLES)
        self._check_version()

    def __len__(self) -> int:
        """How many different images it holds."""
        with self._reading() as database:
            return int(database.execute("select count(*) from images").fetchone()[0])

    def add(self, url: str, data: bytes, *, seen_at: int) -> bool:
        """Keep the image file that lies at `url`; returns whether its pixels are new.

        seen_at: Unix time. Raises ImageError where the data is not a usable image.
        """
        picture = read_image(data, url)
        pixels = picture.pixels
        if min(picture.size) < MIN_SIDE or not np.ptp(pixels.reshape(-1, 3), axis=0).any():
            return False
        name = _name(pixels)
        with self._reading() as database:
            known = database.execute("select 1 from images where pixels = ?", (name,)).fetchone() is not None
        row = None if known else self._row(name, pixels)
        with self._writing() as database:
            if row is not None:
                database.execute("insert or ignore into images values (?, ?, ?, ?, ?, ?)", row)
            database.execute("insert or replace into seen values (?, ?, ?, ?)", (url, name, picture.sha3_256, seen_at))
        return not known

    def link(self, page: str, images: Mapping[str, str]) -> None:
        """Keep that the page shows these images. images: URL -> the text that goes with it."""
        rows = [(url, page, text) for url, text in images.items()]
        with self._writing() as database:
            database.executemany("insert or replace into links values (?, ?, ?)", rows)

    def search(self, image: Pixels) -> list[WebMatch]:
        """The addresses at which this image, or a copy of it, was seen: best first, at most MOST.

        The order is the same for the same index.
        """
        similarities = self._similar(image)
        matches = []
        with self._reading() as database:
            for name, similarity in sorted(similarities.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST]:
                rows = database.execute(
                    "select seen.url, min(page), title from seen left join links on links.url = seen.url"
                    " where pixels = ? group by seen.url order by seen.url limit ?",
                    (name, MOST),
                )
                matches += [WebMatch(url, page, title or None, round(similarity, 4)) for url, page, title in rows]
        return sorted(matches, key=lambda match: (-(match.similarity or 0.0), match.url))[:MOST]

    def _similar(self, image: Pixels) -> dict[bytes, float]:
        """Images that show the same picture: their name -> similarity in 0..1."""
        positions = turned(image)
        names = {_name(turn(image, number)) for number in range(len(TURNS))}
        pdq = np.array([list(bytes.fromhex(position.pdq)) for position in positions], np.uint8)
        phash = np.array([list(bytes.fromhex(position.phash)) for position in positions], np.uint8)
        fingerprint = None if self._fingerprinter is None else _direction(self._fingerprinter.fingerprint([image])[0])
        similarities: dict[bytes, float] = {}
        for rows in self._batches():
            for row, pdq_bits, phash_bits in zip(rows, _bits(pdq, rows, 1), _bits(phash, rows, 3), strict=True):
                flat = min(positions[0].pdq_quality, row[2]) < MIN_QUALITY
                if row[0] in names:
                    similarities[row[0]] = 1.0
                elif (pdq_bits <= FLAT_PDQ_BITS and phash_bits <= FLAT_PHASH_BITS) if flat else pdq_bits <= PDQ_BITS:
                    similarities[row[0]] = 1 - (pdq_bits + 1) / 257
            if fingerprint is not None:
                _add_alike(similarities, fingerprint, rows)
        return similarities

    def _batches(self) -> Iterator[list[tuple[bytes, bytes, int, bytes, bytes | None]]]:
        columns = "pixels, pdq, quality, phash, " + ("fingerprint" if self._fingerprinter is not None else "null")
        with self._reading() as database:
            cursor = database.execute(f"select {columns} from images order by pixels")
            while rows := cursor.fetchmany(_ROWS):
                yield rows

    def _row(self, name: bytes, pixels: Pixels) -> tuple[object, ...]:
        kept = hashes(pixels)
        packed = version = None
        if self._fingerprinter is not None:
            direction = _direction(self._fingerprinter.fingerprint([pixels])[0])
            packed = np.rint(direction * (127 / max(float(np.abs(direction).max()), 1e-12))).astype(np.int8).tobytes()
            version = self._fingerprinter.version
        return name, bytes.fromhex(kept.pdq), kept.pdq_quality, bytes.fromhex(kept.phash), packed, version

    def _check_version(self) -> None:
        if self._fingerprinter is None:
            return
        with self._reading() as database:
            versions = [row[0] for row in database.execute("select distinct version from images where version notnull")]
        if any(version != self._fingerprinter.version for version in versions):
            raise OtherFingerprint(
                f"{self._file.path} has fingerprints of version {', '.join(versions)}, "
                f"this is {self._fingerprinter.version}: remove it and crawl again"
            )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._file.errors(), closing(self._file.snapshot()) as database:
            yield database

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: kept when the body ends, undone where it raises an error."""
        # Not `full`: after a loss of power the last images may be missing, and are found by the next crawl.
        with self._file.opened("rw", ("synchronous = normal",)) as database:
            database.execute("begin immediate")
            yield database
            database.execute("commit")


class CrawlSearch:
    """ReverseSearch in an index of what was crawled before; no request is made."""

    def __init__(self, index: Index, *, now: Callable[[], float] = time.time) -> None:
        self._index = index
        self._now = now

    @property
    def name(self) -> str:
        return "crawl"

    def search(self, image: Pixels) -> WebSearch:
        """Raises SearchError where nothing is indexed: that would say nothing about the image."""
        if not len(self._index):
            raise SearchError("the index of crawled images is empty: crawl some sites or an archive first")
        matches = self._index.search(image)
        return WebSearch(self.name, int(self._now()), tuple(matches[:PAGE]), -(-len(matches) // PAGE))


def _name(pixels: NDArray[np.uint8]) -> bytes:
    height, width, _ = pixels.shape
    return hashlib.sha3_256(b"%d x %d " % (width, height) + np.ascontiguousarray(pixels).tobytes()).digest()


def _bits(ours: NDArray[np.uint8], rows: list[Any], column: int) -> list[int]:
    """For each row the bits in which its hash differs from the candidate's, in the position where they are fewest."""
    theirs = np.frombuffer(b"".join(row[column] for row in rows), np.uint8).reshape(len(rows), -1)
    differing = np.bitwise_count(theirs[:, None] ^ ours[None]).sum(axis=2, dtype=np.int64)
    return [int(bits) for bits in differing.min(axis=1)]


def _direction(fingerprint: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(fingerprint.astype(np.float64)))
    return (fingerprint / max(length, 1e-12)).astype(np.float32)


def _add_alike(similarities: dict[bytes, float], fingerprint: NDArray[np.float32], rows: list[Any]) -> None:
    """Add images whose fingerprint points the same way: crops and overlays that hashes miss."""
    rows = [row for row in rows if row[4] is not None]
    if not rows:
        return
    theirs = np.frombuffer(b"".join(row[4] for row in rows), np.int8).reshape(len(rows), -1).astype(np.float32)
    cosines = theirs @ fingerprint / np.maximum(np.linalg.norm(theirs, axis=1), 1e-12)
    for row, cosine in zip(rows, cosines, strict=True):
        if cosine >= MIN_COSINE:
            similarities[row[0]] = max(similarities.get(row[0], 0.0), min(1.0, float(cosine)))
