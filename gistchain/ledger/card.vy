# pragma version 0.4.3
# @license Apache-2.0
"""
@title Pictures of a gist
@notice What a contract can show of a gist as SVG: its thumbnail and its subject, or else a card with caption and
        colours.
"""

import plain

MOST_TEXT: constant(uint256) = 4096
MOST_FOOT: constant(uint256) = 256
MOST_FILE: constant(uint256) = 32864  # the data URI of an image file of 24,597 bytes
CARD: constant(uint256) = 8192
PICTURE: constant(uint256) = 38400
LINES: constant(uint256) = 4096
BAND: constant(uint256) = 2048
THUMB: constant(uint256) = 4096
SWATCHES: constant(uint256) = 6
LOOKED_AT: constant(uint256) = 512  # bytes of a caption in which colours are looked for
# gistchain/colours.py, sorted: of each name the first 3 bytes of the keccak256 of its letters in a word, then R, G, B.
COLOURS: constant(Bytes[450]) = x"09fb5bb2d9f20af6d166b1e80b0b91abefd215da758a4fd81a5f46dfaf2b1b38d4fdcfa61ea531fa5a9d21ebc9da2cc423831ffae23227eec1dfcfae2809421a2f86282c1025e1f32a871ffa5a9d2d10b49aaa842e005c127a7a2e0248c3c4c62e6e338350302f009b371a49355414fafafa35a68a46474a3ad27e71818f3c3585c3b4e63ef61dc59f6b4573d8dfcfae46f0375d6b8e479a14fbf39b4b9ae82f9b3c4c63fd70172250148dd9202a50282cd9202a502eef127a7a58196a0c0c0e58f11f38cfc2590e52371a495ad69446474a5bf958fdf3d05d91728485875e460ec3c4c669c6e5fdcfa66cc34617462a6e515ec59f6b711f7866b1e8724c4571818f7386d03bdc3a7c5be525e1f37ef93fdfaf2b812a3dfdf3d08395c2f2a38d8a0fb7b3e02b8a1abe0f14428b49aafab9cb961e9c1c45f09a5e3cad43189b7de19edc909ed0aafab9cba5caf4ad4318a90cbac3b4e6abb0f5dfaf2babf243c3c4c6b14258fb775cb37500767728b979b1da2cc4bf1eab9aaa84c26837fb775cd0a01146474ad1dfa1f98914d1e36f701722d4a9da6b2386d4bd5da1748fd7ed71c3b4e6daf8c4d9202ae0eb57701722e17a663f2618e9c373848587f9c4f62f9b3c"


@pure
@internal
def card(text: Bytes[MOST_TEXT], foot: Bytes[MOST_FOOT], imageHash: bytes32) -> Bytes[CARD]:
    """
    @param text As plain.shown returns it.
    @param foot XML of the last line.
    @param imageHash Drawn as bars where the text names no colour.
    """
    # Letters of a monospaced font are 0.6 as wide as high: all lines are at most 442 wide.
    columns: uint256 = 28
    size: uint256 = 26
    lead: uint256 = 34
    most: uint256 = 7
    if len(text) > 240:
        columns = 46
        size = 16
        lead = 21
        most = 12
    elif len(text) > 150:
        columns = 36
        size = 20
        lead = 27
        most = 9
    lines: Bytes[LINES] = b""
    count: uint256 = 0
    lines, count = self._lines(text, columns, most, lead)
    return concat(
        b'<svg xmlns="http://www.w3.org/2000/svg" width="512" height="512" viewBox="0 0 512 512">',
        b'<rect width="512" height="512" fill="#f7f5f0"/>', self._band(text, imageHash),
        b'<g font-family="ui-monospace,Menlo,Consolas,monospace" text-anchor="middle" fill="#1d2433"><text y="',
        plain.decimal(322 - lead * (count + 1) // 2 + size // 3), b'" font-size="', plain.decimal(size), b'">', lines,
        b'</text><text x="256" y="490" font-size="15" fill="#5d6778">', foot, b'</text></g></svg>')


@pure
@internal
def picture(
    width: uint256, height: uint256, cells: Bytes[192], file: Bytes[MOST_FILE],
    left: uint256, top: uint256, across: uint256, down: uint256
) -> Bytes[PICTURE]:
    """
    @param width And height, of the image in pixels; the picture is scaled to 512 on its longer side.
    @param cells Mean colours of an 8x8 grid, RGB, rows from the top; empty for none.
    @param file Data URI of the subject, empty for none, to be laid at left and top over `across` x `down` pixels.
    """
    longer: uint256 = max(width, height)
    subject: Bytes[MOST_FILE + 512] = b""
    if len(file) > 0:
        subject = concat(
            b'<image x="', plain.decimal(left), b'" y="', plain.decimal(top), b'" width="', plain.decimal(across),
            b'" height="', plain.decimal(down), b'" preserveAspectRatio="none" href="', file, b'"/>')
    return concat(
        b'<svg xmlns="http://www.w3.org/2000/svg" width="', plain.decimal(max(512 * width // longer, 1)),
        b'" height="', plain.decimal(max(512 * height // longer, 1)), b'" viewBox="0 0 ', plain.decimal(width), b' ',
        plain.decimal(height), b'"><rect width="100%" height="100%" fill="#f7f5f0"/>', self._thumbnail(cells), subject,
        b'</svg>')


@pure
@internal
def _thumbnail(cells: Bytes[192]) -> Bytes[THUMB]:
    if len(cells) < 192:
        return b""
    drawn: Bytes[THUMB] = b""
    for k: uint256 in range(64):
        # Cells reach under those right and below, and beyond the edge, so that no seam shows when they are blurred.
        x: uint256 = k % 8
        y: uint256 = k // 8
        drawn = convert(concat(
            drawn, b'<path fill="#', plain.hexadecimal(slice(cells, 3 * k, 3)), b'" d="M', self._reach(x), b' ',
            self._reach(y), b'h4v4h-4z"/>'), Bytes[THUMB])
    return convert(concat(
        b'<filter id="b" color-interpolation-filters="sRGB" filterUnits="userSpaceOnUse" ',
        b'x="-2" y="-2" width="12" height="12">',
        b'<feGaussianBlur stdDeviation=".45"/></filter>',
        b'<svg width="100%" height="100%" viewBox="0 0 8 8" preserveAspectRatio="none"><g filter="url(#b)">', drawn,
        b'</g></svg>'), Bytes[THUMB])


@pure
@internal
def _reach(place: uint256) -> Bytes[2]:
    if place == 0:
        return b"-2"
    return slice(b"01234567", place, 1)


@pure
@internal
def _lines(text: Bytes[MOST_TEXT], columns: uint256, most: uint256, lead: uint256) -> (Bytes[LINES], uint256):
    # The first lines of the text as XML, and how many there are; an ellipsis ends the last where more would follow.
    drawn: Bytes[LINES] = b""
    start: uint256 = 0
    end: uint256 = 0
    next: uint256 = 0
    for k: uint256 in range(most, bound=12):
        end, next = self._line(text, start, columns)
        more: Bytes[7] = b""
        if k + 1 == most and next < len(text):
            more = b"&#8230;"
        drawn = convert(concat(
            drawn, b'<tspan x="256" dy="', plain.decimal(lead), b'">',
            plain.escaped(slice(text, start, end - start), True), more, b'</tspan>'), Bytes[LINES])
        if next >= len(text):
            return drawn, k + 1
        start = next
    return drawn, most


@pure
@internal
def _line(text: Bytes[MOST_TEXT], start: uint256, columns: uint256) -> (uint256, uint256):
    # Where a line of at most so many columns ends, at its last space if it has one, and where the next begins
    at: uint256 = start
    used: uint256 = 0
    space: uint256 = 0
    for _: uint256 in range(64):
        if at >= len(text):
            return len(text), len(text)
        byte: uint256 = convert(slice(text, at, 1), uint256)
        if byte == 32:
            space = at
        used += 1
        if byte > 226:
            # Roughly: letters are wide from U+3000 on, those of China, Japan and Korea, and pictures.
            used += 1
        if used > columns:
            break
        if byte > 239:
            at += 4
        elif byte > 223:
            at += 3
        elif byte > 191:
            at += 2
        else:
            at += 1
    if space > start:
        return space, space + 1
    return at, at


@pure
@internal
def _band(text: Bytes[MOST_TEXT], imageHash: bytes32) -> Bytes[BAND]:
    # The upper part of a card: the colours side by side, or the hash
    colours: DynArray[uint256, SWATCHES] = self._colours(text)
    drawn: Bytes[BAND] = b""
    if len(colours) == 0:
        for k: uint256 in range(32):
            high: uint256 = 8 + convert(slice(imageHash, k, 1), uint256) * 152 // 255
            drawn = convert(concat(
                drawn, b'M', plain.decimal(16 * k), b' 176v-', plain.decimal(high), b'h15v', plain.decimal(high),
                b'z'), Bytes[BAND])
        return convert(concat(b'<path fill="#a3a9b4" d="', drawn, b'"/>'), Bytes[BAND])
    for k: uint256 in range(len(colours), bound=SWATCHES):
        left: uint256 = 512 * k // len(colours)
        drawn = convert(concat(
            drawn, b'<rect x="', plain.decimal(left), b'" width="', plain.decimal(512 - left),
            b'" height="176" fill="#', plain.hexadecimal(slice(convert(colours[k], bytes32), 29, 3)),
            b'"/>'), Bytes[BAND])
    return drawn


@pure
@internal
def _colours(text: Bytes[MOST_TEXT]) -> DynArray[uint256, SWATCHES]:
    # The first different colours that are named, in one or two words, the longer name first, as colours_in finds them.
    found: DynArray[uint256, SWATCHES] = []
    pending: uint256 = 0  # letters of the word before, where nothing but a space lies between
    word: uint256 = 0
    size: uint256 = 0
    for at: uint256 in range(LOOKED_AT + 1):
        byte: uint256 = 0
        if at < len(text):
            byte = convert(slice(text, at, 1), uint256)
        if 65 <= byte and byte <= 90:
            byte += 32
        if byte > 96 or byte == 95 or (48 <= byte and byte <= 57):
            # Beyond 12 letters no colour has such a name, and none has other letters than a to z.
            word = (word << 8) | byte
            size += 1
            continue
        colour: uint256 = 0
        if size > 0 and size <= 12:
            if pending > 0:
                colour = self._colour((pending << (8 * size + 8)) | (32 << (8 * size)) | word)
                if colour == 0:
                    found = self._with_colour(found, self._colour(pending))
            pending = 0
            if colour == 0:
                pending = word
        elif size > 0 or pending > 0:
            found = self._with_colour(found, self._colour(pending))
            pending = 0
        if byte != 32:
            colour = max(colour, self._colour(pending))
            pending = 0
        found = self._with_colour(found, colour)
        word = 0
        size = 0
        if at >= len(text):
            break
    return found


@pure
@internal
def _with_colour(colours: DynArray[uint256, SWATCHES], colour: uint256) -> DynArray[uint256, SWATCHES]:
    if colour == 0 or len(colours) == SWATCHES or colour in colours:
        return colours
    more: DynArray[uint256, SWATCHES] = colours
    more.append(colour)
    return more


@pure
@internal
def _colour(name: uint256) -> uint256:
    # R, G, B of the colour with these letters, by bisection; 0 for none. No colour of the table is 0.
    if name == 0:
        return 0
    wanted: uint256 = convert(keccak256(convert(name, bytes32)), uint256) >> 232
    low: uint256 = 0
    high: uint256 = len(COLOURS) // 6
    for _: uint256 in range(8):
        if low >= high:
            break
        middle: uint256 = (low + high) // 2
        row: uint256 = convert(slice(COLOURS, 6 * middle, 6), uint256)
        if row >> 24 == wanted:
            return row & (2**24 - 1)
        if row >> 24 < wanted:
            low = middle + 1
        else:
            high = middle
    return 0
