"""The body of an HTTP message as it was sent -> its content, unpacked within a bound."""

from __future__ import annotations

import zlib

from gistchain.errors import SearchError

_WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class TooLarge(SearchError):
    """More bytes than are read."""


def decoded(body: bytes, encoding: str, *, most: int, what: str) -> bytes:
    """The body without its Content-Encoding. what: its name in messages.

    Raises TooLarge for more than `most` bytes, SearchError for an encoding that is unknown or broken.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _WINDOW:
        raise SearchError(f"{what} is encoded as {encoding[:40]!r}: only gzip and deflate are read")
    stream = zlib.decompressobj(_WINDOW[encoding])
    try:
        data = stream.decompress(body, most + 1)
    except zlib.error as error:
        raise SearchError(f"{what} is broken: its {encoding} can't be read ({error})") from error
    if len(data) > most:
        raise TooLarge(f"{what} grows to more than {most:,} bytes: not read")
    if not stream.eof:
        raise SearchError(f"{what} is cut short: its {encoding} has no end")
    return data
