# pragma version 0.4.3
# @license Apache-2.0
"""
@title Layers of a gist
@notice A gist packet in, where its layers lie out. docs/packet.md is the specification. Checks are not computed: what
        lies in the chain's state is whole.
"""

MOST: constant(uint256) = 24597
MOST_LAYERS: constant(uint256) = 64
# Width and height, 2 bytes each, of the usual sizes 1, 2 and so on.
USUAL: constant(Bytes[244]) = x"0010001000180018002000200030003000400040004800480060006000640064008000800096009600c000c000c800c800f000f000fa00fa01000100012c012c0140014001500150015e015e01680168018001800190019001a401a401e001e001f401f40200020002580258027702770280028002d002d002ee02ee03000300032003200384038403c003c003e803e8040004000438043804b004b00500050005dc05dc0640064007d007d0080008000bb80bb8028001e00320025804000300050002d0078004380f0008700fa00bb80fc00bd001e00280025803200300040002d005000438078008700f000bb80fa00bd00fc0"

struct Layer:
    reader: uint256  # coder or media type
    start: uint256  # of the data; 0 where there is no such layer
    size: uint256

struct Packet:
    width: uint256
    height: uint256
    captions: uint256
    caption: Layer  # the first
    latent: Layer
    subject: Layer  # its image file
    residual: Layer
    file: Layer
    left: uint256  # of the subject's box, in pixels of the image
    top: uint256
    across: uint256
    down: uint256


@pure
@internal
def read(gist: Bytes[MOST]) -> Packet:
    """@return What is in the packet. Reverts for bytes that are none."""
    found: Packet = empty(Packet)
    version: uint256 = convert(slice(gist, 0, 1), uint256) >> 6
    bare: bool = version == 3
    assert version > 1, "no gist"
    at: uint256 = 0
    found.width, found.height, at = self._picture_size(gist)
    first: uint256 = at
    last: uint256 = 0
    for _: uint256 in range(MOST_LAYERS):
        if at == len(gist) and at > first:
            return found
        byte: uint256 = convert(slice(gist, at, 1), uint256)
        tag: uint256 = byte & 127
        kind: uint256 = tag >> 4
        check: uint256 = 2
        if kind > 1:
            check = 4
        size: uint256 = 0
        if byte > 127:
            assert at == first, "not the only layer"
            if bare:
                assert kind == 1, "no caption"
                check = 0
            at += 1
            size = len(gist) - at - check
        else:
            assert not bare, "not the only layer"
            size, at = self._number(gist, at + 1)
        layer: Layer = Layer(reader=tag & 15, start=at, size=size)
        at += size + check
        assert at <= len(gist), "cut"
        if kind > 5:
            continue  # of a later version
        assert kind > last or (kind == 1 and last == 1) or kind == 0, "order"
        last = kind
        if kind == 0:
            assert size == 0 and at == len(gist), "order"
        elif kind == 1:
            assert size <= 4096, "long caption"
            if found.captions == 0:
                found.caption = layer
            found.captions += 1
        elif kind == 2:
            found.latent = layer
        elif kind == 3:
            start: uint256 = layer.start
            found.left, start = self._number(gist, start)
            found.top, start = self._number(gist, start)
            found.across, start = self._number(gist, start)
            found.down, start = self._number(gist, start)
            assert start <= layer.start + size and found.across > 0 and found.down > 0, "box"
            assert found.left + found.across <= found.width and found.top + found.down <= found.height, "box"
            found.subject = Layer(reader=layer.reader, start=start, size=layer.start + size - start)
        elif kind == 4:
            found.residual = layer
        else:
            found.file = layer
    assert at == len(gist), "many layers"
    return found


@pure
@internal
def media(gist: Bytes[MOST], file: Layer) -> Bytes[4]:
    """@return The name of the media type, image/..., where the file begins as such a file does; else empty."""
    if file.size < 12:
        return b""
    head: uint256 = convert(slice(gist, file.start, 12), uint256)
    if file.reader == 1 and head >> 64 == 2303741511:
        return b"png"
    if file.reader == 2 and head >> 72 == 16767231:
        return b"jpeg"
    if file.reader == 3 and head >> 64 == 1380533830 and head & (2**32 - 1) == 1464156752:
        return b"webp"
    if file.reader == 4 and (head >> 32) & (2**32 - 1) == 1718909296:
        return b"avif"
    if file.reader == 5 and head >> 64 == 1195984440:
        return b"gif"
    return b""


@pure
@internal
def _picture_size(gist: Bytes[MOST]) -> (uint256, uint256, uint256):
    number: uint256 = convert(slice(gist, 0, 1), uint256) & 63
    width: uint256 = 0
    height: uint256 = 0
    at: uint256 = 1
    if number == 0:
        width, at = self._number(gist, at)
        height, at = self._number(gist, at)
        if height == 0:
            height = width
        assert width > 0 and width < 65536 and height < 65536, "size"
        return width, height, at
    assert number <= len(USUAL) // 4, "size"
    both: uint256 = convert(slice(USUAL, 4 * (number - 1), 4), uint256)
    return both >> 16, both & 65535, at


@pure
@internal
def _number(gist: Bytes[MOST], at: uint256) -> (uint256, uint256):
    # LEB128 of up to four bytes, and the place behind it
    number: uint256 = 0
    for k: uint256 in range(4):
        byte: uint256 = convert(slice(gist, at + k, 1), uint256)
        number |= (byte & 127) << (7 * k)
        if byte < 128:
            return number, at + k + 1
    raise "number"
