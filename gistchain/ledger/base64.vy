# pragma version 0.4.3
# @license Apache-2.0
"""
@title Base64
@notice Bytes in, their base64 out (RFC 4648), 24 of them at a time: six bits in each byte of a word, then all 32
        letters at once.
"""

MOST: constant(uint256) = 73728
WORDS: constant(uint256) = MOST // 24
LETTERS: constant(uint256) = 32 * WORDS
ALL: constant(uint256) = max_value(uint256)
ONES: constant(uint256) = ALL // (2**8 - 1)  # the lowest bit of each byte of a word
HIGHS: constant(uint256) = 128 * ONES
# The lower half of the bits that are kept, in each part of 128, 64, 32 and 16 bits.
OF_128: constant(uint256) = (2**48 - 1) * (ALL // (2**128 - 1))
OF_64: constant(uint256) = (2**24 - 1) * (ALL // (2**64 - 1))
OF_32: constant(uint256) = (2**12 - 1) * (ALL // (2**32 - 1))
OF_16: constant(uint256) = (2**6 - 1) * (ALL // (2**16 - 1))


@pure
@internal
def encoded(data: Bytes[MOST]) -> Bytes[LETTERS]:
    words: uint256[WORDS] = empty(uint256[WORDS])
    size: uint256 = len(data)
    whole: uint256 = 0
    if size >= 32:
        whole = (size - 32) // 24 + 1
    for k: uint256 in range(whole, bound=WORDS):
        words[k] = self._letters(convert(extract32(data, 24 * k), uint256) >> 64)
    # Up to 31 bytes are left.
    at: uint256 = 24 * whole
    for k: uint256 in range(2):
        if at == size:
            break
        part: uint256 = 0
        for _: uint256 in range(24):
            part <<= 8
            if at < size:
                part |= convert(slice(data, at, 1), uint256)
                at += 1
        words[whole + k] = self._letters(part)
    count: uint256 = 4 * ((size + 2) // 3)
    for k: uint256 in range((3 - size % 3) % 3, bound=2):
        last: uint256 = count - 1 - k
        words[last // 32] -= 4 << (8 * (31 - last % 32))  # from A, as it is of no bits, to =
    return slice(abi_encode(words), 0, count)


@pure
@internal
def _letters(bits: uint256) -> uint256:
    # The 192 bits are halved and moved apart until there are six in each byte.
    v: uint256 = ((bits & ((2**96 - 1) << 96)) << 32) | (bits & (2**96 - 1))
    v = ((v & (OF_128 << 48)) << 16) | (v & OF_128)
    v = ((v & (OF_64 << 24)) << 8) | (v & OF_64)
    v = ((v & (OF_32 << 12)) << 4) | (v & OF_32)
    v = ((v & (OF_16 << 6)) << 2) | (v & OF_16)
    # 1 in each byte that is at least 26, 52, 62, 63. No byte ever carries into the next.
    small: uint256 = (unsafe_add(v, 102 * ONES) & HIGHS) >> 7
    digit: uint256 = (unsafe_add(v, 76 * ONES) & HIGHS) >> 7
    plus: uint256 = (unsafe_add(v, 66 * ONES) & HIGHS) >> 7
    slash: uint256 = (unsafe_add(v, 65 * ONES) & HIGHS) >> 7
    v = unsafe_add(unsafe_add(v, 65 * ONES), unsafe_mul(6, small))
    v = unsafe_sub(unsafe_sub(v, unsafe_mul(75, digit)), unsafe_mul(15, plus))
    return unsafe_add(v, unsafe_mul(3, slash))
