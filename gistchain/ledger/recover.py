"""A digest and its signature -> the address whose key made it (secp256k1; SEC 1, 4.1.6), without eth-keys.

That takes half a second to load, and `show` has no more. Nothing here is secret, so that the time it takes may tell
everything about the numbers.
"""

from __future__ import annotations

from gistchain.digest import keccak

_P = 2**256 - 2**32 - 977
_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
_Point = tuple[int, int, int]
"""(X, Y, Z) for the point (X / Z^2, Y / Z^3); Z = 0 is infinity."""
_INFINITY: _Point = (0, 1, 0)


def address(digest: bytes, signature: bytes) -> str | None:
    """Who signed the digest (32 bytes), with a checksum (EIP-55). None where it is no signature.

    signature: 65 bytes: r, s, v; v is 27 or 28.
    """
    if len(digest) != 32 or len(signature) != 65 or signature[64] not in (27, 28):
        return None
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not (0 < r < _N and 0 < s < _N):
        return None
    square = (pow(r, 3, _P) + 7) % _P
    y = pow(square, (_P + 1) // 4, _P)
    if y * y % _P != square:
        return None
    if y % 2 != signature[64] - 27:
        y = _P - y
    inverse = pow(r, -1, _N)
    z = int.from_bytes(digest, "big")
    x, y, scale = _sum_of_multiples(-z * inverse % _N, _G, s * inverse % _N, (r, y))
    if scale == 0:
        return None
    scale = pow(scale, -1, _P)
    public = (x * scale**2 % _P).to_bytes(32, "big") + (y * scale**3 % _P).to_bytes(32, "big")
    return checksummed(keccak(public)[12:])


def checksummed(raw: bytes) -> str:
    """An address of 20 bytes as it is written, with its checksum (EIP-55)."""
    digits = raw.hex()
    shade = keccak(digits.encode()).hex()
    return "0x" + "".join(d.upper() if int(s, 16) > 7 else d for d, s in zip(digits, shade, strict=False))


def _sum_of_multiples(a: int, p: tuple[int, int], b: int, q: tuple[int, int]) -> _Point:
    """a * p + b * q, bit by bit with p, q and p + q (Shamir's trick)."""
    first, second = (*p, 1), (*q, 1)
    both = _add(first, second)
    total = _INFINITY
    for bit in range(255, -1, -1):
        total = _double(total)
        here = (a >> bit & 1, b >> bit & 1)
        if here != (0, 0):
            total = _add(total, both if here == (1, 1) else first if here[0] else second)
    return total


def _double(point: _Point) -> _Point:
    x, y, z = point
    if z == 0 or y == 0:
        return _INFINITY
    yy = y * y % _P
    s, m = 4 * x * yy % _P, 3 * x * x % _P
    x = (m * m - 2 * s) % _P
    return x, (m * (s - x) - 8 * yy * yy) % _P, 2 * y * z % _P


def _add(one: _Point, other: _Point) -> _Point:
    if one[2] == 0:
        return other
    if other[2] == 0:
        return one
    zz1, zz2 = one[2] * one[2] % _P, other[2] * other[2] % _P
    u1, u2 = one[0] * zz2 % _P, other[0] * zz1 % _P
    s1, s2 = one[1] * zz2 * other[2] % _P, other[1] * zz1 * one[2] % _P
    if u1 == u2:
        return _double(one) if s1 == s2 else _INFINITY
    h, r = u2 - u1, s2 - s1
    hh = h * h % _P
    hhh, v = h * hh % _P, u1 * hh % _P
    x = (r * r - hhh - 2 * v) % _P
    return x, (r * (v - x) - s1 * hhh) % _P, h * one[2] * other[2] % _P
