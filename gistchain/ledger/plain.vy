# pragma version 0.4.3
# @license Apache-2.0
"""
@title Plain words
@notice Bytes that a stranger chose in, text out that a page shows and does not obey: valid UTF-8, and its escapes for
        JSON and XML.
"""

MOST: constant(uint256) = 4096
SHOWN_WORDS: constant(uint256) = MOST // 32 + 1
ESCAPED: constant(uint256) = 2 * MOST
ESCAPED_WORDS: constant(uint256) = ESCAPED // 32 + 1
ONES: constant(uint256) = max_value(uint256) // 255  # the lowest bit of each byte of a word
HIGHS: constant(uint256) = 128 * ONES
REPLACEMENT: constant(uint256) = 15712189  # U+FFFD in UTF-8, ef bf bd


@pure
@internal
def shown(raw: Bytes[MOST]) -> Bytes[MOST]:
    """
    @return The text as UTF-8. Line ends and tabs become spaces; U+FFFD stands for each run of bytes that are no UTF-8
            and of characters that are not seen or turn the direction of reading. Cut where it would exceed MOST.
    """
    text: Bytes[MOST + 32] = concat(raw, empty(bytes32))
    words: uint256[SHOWN_WORDS] = empty(uint256[SHOWN_WORDS])
    size: uint256 = 0  # bytes written, of which `held` has those of the last word
    held: uint256 = 0
    at: uint256 = 0
    lost: bool = False
    for _: uint256 in range(MOST):
        if at >= len(raw):
            break
        word: uint256 = convert(extract32(text, at), uint256)
        width: uint256 = 1
        seen: bool = True
        piece: uint256 = word >> 248
        if at % 32 == 0 and at + 32 <= len(raw) and self._all_seen(word):
            width = 32
            piece = word
        elif piece < 32 or piece > 126:
            width = self._width(word)
            piece = word >> (256 - 8 * width)
            if width == 1 and (piece == 9 or piece == 10 or piece == 13):
                piece = 32
            else:
                seen = width > 0 and self._seen(piece, width)
        at += max(width, 1)
        if not seen:
            if lost:
                continue
            piece = REPLACEMENT
            width = 3
            lost = True
        else:
            lost = False
        if size + width > MOST:
            break
        over: uint256 = (size + width) % 32
        if over < width:
            words[size // 32] = (held << (8 * (width - over))) | (piece >> (8 * over))
            held = piece
        else:
            held = (held << (8 * width)) | piece
        size += width
    words[size // 32] = held << (8 * (32 - size % 32))
    return convert(slice(abi_encode(words), 0, size), Bytes[MOST])


@pure
@internal
def escaped(text: Bytes[MOST], xml: bool) -> Bytes[ESCAPED]:
    """
    @param text As `shown` returns it; for XML at most 1,638 bytes.
    @return What stands for it between the quotes of a JSON string, or between tags and quotes of XML.
    """
    padded: Bytes[MOST + 32] = concat(text, empty(bytes32))
    words: uint256[ESCAPED_WORDS] = empty(uint256[ESCAPED_WORDS])
    size: uint256 = 0
    held: uint256 = 0
    for k: uint256 in range((len(text) + 31) // 32, bound=MOST // 32):
        word: uint256 = convert(extract32(padded, 32 * k), uint256)
        count: uint256 = min(len(text) - 32 * k, 32)  # bytes of this word
        if count == 32 and not xml and not self._has(word, 34) and not self._has(word, 92):
            words[size // 32] = (held << (8 * (32 - size % 32))) | (word >> (8 * (size % 32)))
            held = word
            size += 32
            continue
        for _: uint256 in range(count, bound=32):
            piece: uint256 = word >> 248
            width: uint256 = 1
            word = unsafe_mul(word, 256)
            if xml:
                # " & ' < > as &#34; and so on
                if piece == 34 or piece == 38 or piece == 39 or piece == 60 or piece == 62:
                    piece = 163799117883 + ((piece // 10) << 16) + ((piece % 10) << 8)
                    width = 5
            elif piece == 34 or piece == 92:
                # " and the backslash behind a backslash
                piece += 92 << 8
                width = 2
            over: uint256 = (size + width) % 32
            if over < width:
                words[size // 32] = (held << (8 * (width - over))) | (piece >> (8 * over))
                held = piece
            else:
                held = (held << (8 * width)) | piece
            size += width
    words[size // 32] = held << (8 * (32 - size % 32))
    return convert(slice(abi_encode(words), 0, size), Bytes[ESCAPED])


@pure
@internal
def hexadecimal(data: Bytes[32]) -> Bytes[64]:
    digits: Bytes[16] = b"0123456789abcdef"
    found: Bytes[64] = b""
    for k: uint256 in range(len(data), bound=32):
        byte: uint256 = convert(slice(data, k, 1), uint256)
        found = convert(concat(found, slice(digits, byte >> 4, 1), slice(digits, byte & 15, 1)), Bytes[64])
    return found


@pure
@internal
def decimal(number: uint256) -> Bytes[78]:
    return convert(uint2str(number), Bytes[78])


@pure
@internal
def _width(word: uint256) -> uint256:
    # Bytes of the character of UTF-8 (RFC 3629) at the start of a word; 0 where there is none.
    first: uint256 = word >> 248
    if first < 128:
        return 1
    if (word >> 240) & 192 != 128 or first < 194:
        return 0
    if first < 224:
        return 2
    second: uint256 = (word >> 240) & 255
    if (word >> 232) & 192 != 128:
        return 0
    if first < 240:
        # Not in its shortest form; surrogates
        if (first == 224 and second < 160) or (first == 237 and second > 159):
            return 0
        return 3
    if (word >> 224) & 192 != 128 or first > 244:
        return 0
    if (first == 240 and second < 144) or (first == 244 and second > 143):
        return 0
    return 4


@pure
@internal
def _all_seen(word: uint256) -> bool:
    # Whether all 32 bytes are of ASCII, from the space to the tilde.
    if word & HIGHS != 0:
        return False
    return unsafe_add(word, 96 * ONES) & HIGHS == HIGHS and unsafe_add(word, ONES) & HIGHS == 0


@pure
@internal
def _has(word: uint256, byte: uint256) -> bool:
    other: uint256 = word ^ unsafe_mul(byte, ONES)
    return unsafe_sub(other, ONES) & ~other & HIGHS != 0


@pure
@internal
def _seen(piece: uint256, width: uint256) -> bool:
    if width == 1:
        return False  # what is seen of these was found before
    if width == 2:
        # controls to U+009F, the soft hyphen, U+061C
        return piece >= 49824 and piece != 49837 and piece != 55452
    if width == 4:
        # planes 14 to 16: tags, private
        return piece < 4087382144
    # U+200B, U+200E and U+200F, U+2028 to U+202E, U+2060 to U+206F, private, U+FEFF, U+FFF0 to U+FFFC, U+FFFE, U+FFFF
    if piece == 14844043 or (14844046 <= piece and piece <= 14844047) or (14844072 <= piece and piece <= 14844078):
        return False
    if (14844320 <= piece and piece <= 14844335) or (15630464 <= piece and piece <= 15705023) or piece == 15711167:
        return False
    return piece < 15712176 or piece == 15712189
