"""The data of a batch, as registry.vy lays it out -> the image, the gist and the rating of one of its tokens.

    flags 1 byte (1: rated), count 2, width 1, size of common 1, common,
    if rated: evidence root 32, checker 2, block 5, images 4,
    hashes 32 each, sorted,
    if rated: score 2 and verdict 1 of each,
    gists of `width` bytes each; or with width 0 the end of each, 2 bytes, and the gists

`common` stands before each gist. Raises IndexError or ValueError for data that is cut.
"""

from __future__ import annotations

_HEAD = 5
_RATED = 43


def rated(data: bytes) -> bool:
    return bool(data[0] & 1)


def image(data: bytes, index: int) -> bytes:
    """SHA3-256 of the image of a token."""
    at = _hashes_at(data) + 32 * index
    return _cut(data, at, 32)


def gist(data: bytes, index: int) -> bytes:
    count, width, size = int.from_bytes(data[1:3], "big"), data[3], data[4]
    at = _hashes_at(data) + count * (32 + 3 * (data[0] & 1))
    common = _cut(data, _HEAD, size)
    if width:
        return common + _cut(data, at + index * width, width)
    start = int.from_bytes(_cut(data, at + 2 * (index - 1), 2), "big") if index else 0
    end = int.from_bytes(_cut(data, at + 2 * index, 2), "big")
    return common + _cut(data, at + 2 * count + start, end - start)


def rating(data: bytes, index: int) -> tuple[int, bytes]:
    """The rating of 14 bytes as a number, and the evidence root of the batch."""
    start = _HEAD + data[4]
    common = int.from_bytes(_cut(data, start + 32, 11), "big")
    count = int.from_bytes(data[1:3], "big")
    own = int.from_bytes(_cut(data, _hashes_at(data) + 32 * count + 3 * index, 3), "big")
    return own << 88 | common, _cut(data, start, 32)


def _hashes_at(data: bytes) -> int:
    return _HEAD + data[4] + _RATED * (data[0] & 1)


def _cut(data: bytes, start: int, size: int) -> bytes:
    part = data[start : start + size]
    if size < 0 or len(part) != size:
        raise ValueError("the data of a batch is cut")
    return part
