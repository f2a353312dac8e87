"""A WARC file, an archive of what a crawler once read -> its images in an index. Nothing is fetched.

    file ── _unpacked (gzip) ── _Stream ── _records (cut out, bounded) ── _parsed (warcio) ── _keep ──> index

The file is untrusted. Its records are cut out here, within bounds, and warcio reads each of them alone: given the whole
file, it would read a header of any length into memory and stop at the first broken record.
"""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gistchain.errors import ImageError, SearchError
from gistchain.internet.address import normal
from gistchain.internet.body import decoded
from gistchain.internet.page import directives_of, forbids_images, read_page
from gistchain.rareness.websearch.crawl import PAGES, Crawled
from gistchain.rareness.websearch.index import Index

if TYPE_CHECKING:
    from warcio.recordloader import ArcWarcRecord

_MARK = b"WARC/1."
_GZIP = b"\x1f\x8b\x08"
_HEAD_BYTES = 64 * 1024
_PIECE = 64 * 1024
# What warcio and the parsers above it raise at records that are broken.
_BROKEN = (ValueError, KeyError, AttributeError, EOFError, OSError, AssertionError, TypeError, IndexError)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much of an archive is read. total_bytes: after unpacking."""

    total_bytes: int = 64 * 1024**3
    record_bytes: int = 24 * 1024 * 1024
    page_bytes: int = 4 * 1024 * 1024
    image_bytes: int = 20 * 1024 * 1024
    images: int = 1_000_000
    total_s: float = 24 * 3_600.0


def index_warc(path: Path, index: Index, *, limits: ArchiveLimits = ArchiveLimits()) -> Crawled:
    """Index the images of a WARC file, plain or gzipped, and which pages show them.

    Records that are broken or too large are noted and skipped. Raises SearchError where the file can't be read or is
    not a WARC file, FileError where the index can't be used.
    """
    result = Crawled()
    ends = time.monotonic() + limits.total_s
    try:
        with path.open("rb") as file:
            start = file.read(len(_MARK))
            if not start.startswith((_MARK[:5], _GZIP)):
                raise SearchError(f"{path} is not a WARC file: give one, plain or gzipped (ARC files are not read)")
            file.seek(0)
            source = _unpacked(file, result) if start.startswith(_GZIP) else iter(lambda: file.read(_PIECE), b"")
            for record in _records(_Stream(source, limits.total_bytes), limits, result):
                if result.images >= limits.images or time.monotonic() > ends:
                    result.note(f"{path} is read only in part: a limit was reached")
                    break
                _keep(record, index, limits, result)
    except OSError as error:
        raise SearchError(f"can't read {path}: {error.strerror or error}") from error
    return result


class _Stream:
    """Bytes that come in pieces, with a bound on their sum. A piece that is None is a gap: bytes were lost there.

    cut: whether the bound was reached.
    """

    def __init__(self, pieces: Iterator[bytes | None], most: int) -> None:
        self._pieces, self._left = pieces, most
        self._buffer = bytearray()
        self._gap = False
        self.cut = False

    def fill(self, size: int) -> bytearray:
        """The buffer, with at least `size` bytes unless the end or a gap has come."""
        while len(self._buffer) < size and not self._gap:
            piece = next(self._pieces, b"")
            if piece == b"":
                break
            self._gap = piece is None
            self._left -= len(piece or b"")
            if self._left < 0:
                self.cut = True
                self._pieces = iter(())
                break
            self._buffer += piece or b""
        return self._buffer

    def take(self, size: int) -> bytes:
        taken = bytes(self.fill(size)[:size])
        del self._buffer[:size]
        return taken

    def to_mark(self) -> bool:
        """Go on to the next record that starts on a new line, or after a gap. False where there is none."""
        while len(self.fill(_PIECE)) > len(_MARK):
            at = self._buffer.find(b"\n" + _MARK)
            if at >= 0:
                del self._buffer[: at + 1]
                return True
            del self._buffer[: -len(_MARK)]
            if len(self.fill(_PIECE)) <= len(_MARK):
                break
        return self.past_gap()

    def past_gap(self) -> bool:
        """Drop what is left before a gap. False where there was none."""
        gap, self._gap = self._gap, False
        if gap:
            self._buffer.clear()
        return gap


def _unpacked(file: BinaryIO, result: Crawled) -> Iterator[bytes | None]:
    """The content of the members of a gzip file, in pieces; a broken member is noted and leaves a gap."""
    packed = file.read(_PIECE)
    while packed:
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            while not member.eof and (packed or (packed := file.read(_PIECE))):
                piece = member.decompress(packed, _PIECE)
                packed = member.unconsumed_tail
                if piece:
                    yield piece
            if not member.eof:
                result.note("the archive is cut short: its last record is left out")
            packed = member.unused_data
        except zlib.error as error:
            result.note(f"a record is left out: its gzip is broken ({error})")
            yield None
            packed = _to_next_member(file, packed[1:])
        packed = packed.lstrip(b"\0") or file.read(_PIECE)


def _to_next_member(file: BinaryIO, packed: bytes) -> bytes:
    while True:
        at = packed.find(_GZIP)
        if at >= 0:
            return packed[at:]
        more = file.read(_PIECE)
        if not more:
            return b""
        packed = packed[-2:] + more


def _records(stream: _Stream, limits: ArchiveLimits, result: Crawled) -> Iterator[ArcWarcRecord]:
    """The records that are whole and within the limits; the others are noted."""
    going = True
    while going:
        while stream.fill(4)[:2] == b"\r\n":
            stream.take(2)
        head = stream.fill(_HEAD_BYTES)[:_HEAD_BYTES]
        size = _size(head)
        if not head:
            going = stream.past_gap()
        elif size is None or size[1] > limits.record_bytes:
            result.note("a record is left out: " + ("its header is broken" if size is None else f"{size[1]:,} bytes"))
            stream.take(1)
            going = stream.to_mark()
        elif len(data := stream.take(sum(size))) < sum(size):
            result.note("a record is left out: it ends too early")
            going = stream.past_gap()
        elif bytes(stream.fill(4)[:2]) not in (b"\r\n", b""):
            result.note("a record is left out: its length is wrong")
            going = stream.to_mark()
        elif (record := _parsed(data, result)) is not None:
            yield record
    if stream.cut:
        result.note(f"the archive is read only in part: it unpacks to more than {limits.total_bytes:,} bytes")


def _size(head: bytearray) -> tuple[int, int] | None:
    """(bytes of the header, bytes of the block) of the record that starts here; None where none does."""
    end = head.find(b"\r\n\r\n")
    if not head.startswith(_MARK) or end < 0:
        return None
    for line in bytes(head[:end]).split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            value = value.strip()
            return (end + 4, int(value)) if value.isdigit() and len(value) < 16 else None
    return None


def _parsed(data: bytes, result: Crawled) -> ArcWarcRecord | None:
    from warcio.exceptions import ArchiveLoadFailed
    from warcio.recordloader import ArcWarcRecordLoader
    from warcio.statusandheaders import StatusAndHeadersParserException

    try:
        loader = ArcWarcRecordLoader(verify_http=False, arc2warc=False)
        return loader.parse_record_stream(io.BytesIO(data), known_format="warc")
    except (ArchiveLoadFailed, StatusAndHeadersParserException, *_BROKEN) as error:
        result.note(f"a record is left out: it can't be read ({error or type(error).__name__})")
        return None


def _keep(record: ArcWarcRecord, index: Index, limits: ArchiveLimits, result: Crawled) -> None:
    if record.rec_type not in ("response", "resource"):
        return
    uri = str(record.rec_headers.get_header("WARC-Target-URI") or "").strip("<>")
    try:
        url = normal(uri)
        seen_at = _time(str(record.rec_headers.get_header("WARC-Date") or ""))
        kind, robots = _kind(record)
        if kind.startswith("image/"):
            if not forbids_images(directives_of(robots)):
                new = index.add(url, _content(record, limits.image_bytes, url), seen_at=seen_at)
                result.images += 1
                result.new += new
        elif kind in PAGES:
            page = read_page(_content(record, limits.page_bytes, url), url)
            result.pages += 1
            if page.images_may_be_indexed and not forbids_images(directives_of(robots)):
                index.link(url, {image: text or page.title for image, text in page.images.items()})
    except (ImageError, SearchError, *_BROKEN) as error:
        result.note(f"{uri[:200]!r} is left out: {error or type(error).__name__}")


def _kind(record: ArcWarcRecord) -> tuple[str, str]:
    """Content type and X-Robots-Tag of a record; no type for a response with another status than 200."""
    http = record.http_headers
    if http is None:
        return (str(record.content_type or "") if record.rec_type == "resource" else ""), ""
    if http.get_statuscode() != "200":
        return "", ""
    kind = str(http.get_header("content-type") or "").partition(";")[0].strip().lower()
    return kind, str(http.get_header("x-robots-tag") or "")


def _content(record: ArcWarcRecord, most: int, url: str) -> bytes:
    from warcio.bufferedreaders import ChunkedDataReader

    http = record.http_headers
    data: bytes = record.raw_stream.read()
    if http is None:
        return data
    if str(http.get_header("transfer-encoding") or "").lower() == "chunked":
        # Many archives keep this header though the body is not chunked any more: warcio tells which.
        data = ChunkedDataReader(io.BytesIO(data)).read()
    return decoded(data, str(http.get_header("content-encoding") or ""), most=most, what=url)


def _time(date: str) -> int:
    """Unix time of a WARC-Date. Raises ValueError where it is not a date."""
    return int(datetime.fromisoformat(date).timestamp())
