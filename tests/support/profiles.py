"""ICC profiles for tests, written by hand (ICC.1:2022), and their colours in sRGB without a CMS."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Adapted to D50, as profiles want: http://www.brucelindbloom.com/index.html?Eqn_RGB_XYZ_Matrix.html
SRGB = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
"""Columns: the XYZ of red, green and blue."""
DISPLAY_P3 = np.array([[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]])
ADOBE_RGB = np.array(
    [[0.6097559, 0.2052401, 0.1492240], [0.3111242, 0.6256560, 0.0632197], [0.0194811, 0.0608902, 0.7448387]]
)
_D50 = (0.9642, 1.0, 0.8249)


def rgb_profile(matrix: NDArray[np.float64], gamma: float) -> bytes:
    """A display whose primaries are the columns of the matrix."""
    columns = {name: _xyz(matrix[:, k]) for k, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    curves = {name: _curve(gamma) for name in (b"rTRC", b"gTRC", b"bTRC")}
    return _profile(b"mntr", b"RGB ", b"XYZ ", {b"wtpt": _xyz(_D50), **columns, **curves})


def grey_profile(gamma: float) -> bytes:
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(_D50), b"kTRC": _curve(gamma)})


def cmyk_profile(lab: NDArray[np.float64]) -> bytes:
    """A printer. lab: (2, 2, 2, 2, 3), the CIELAB of each combination of no ink and full ink of C, M, Y, K."""
    corners = np.concatenate([lab[..., :1] * 255 / 100, lab[..., 1:] + 128], axis=-1)
    same = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + b"".join(_s15(v) for v in np.eye(3).ravel())
    table += same * 4 + corners.round().astype(np.uint8).tobytes() + same * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(_D50), b"A2B0": table})


def srgb_of(colours: NDArray[np.float64], matrix: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:
    """What colours (..., 3) in 0..255 of such a display are in sRGB, 0..255 (IEC 61966-2-1), cut off at the gamut."""
    return _encoded((colours / 255) ** gamma @ matrix.T)


def srgb_of_lab(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB under D50 (CIE 15:2004, 8.2.1) in sRGB, 0..255, cut off at the gamut."""
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    return _encoded(np.where(f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2) * _D50)


def _encoded(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.clip(xyz @ np.linalg.inv(SRGB).T, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _profile(kind: bytes, space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    directory, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        directory += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s12x4s", size, bytes(4), 0x02400000, kind, space, pcs, b"acsp")
    return header.ljust(68, b"\0") + b"".join(map(_s15, _D50)) + bytes(48) + directory + body


def _xyz(values: Sequence[float] | NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_s15, values))


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def _s15(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))
