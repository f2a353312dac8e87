"""The hashes of all registered images -> those that are near to a candidate's, as it is or turned and mirrored.

All of them lie in memory, 56 bytes an image: comparing 100,000 images with 8 turns takes about 30 ms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gistchain.rareness.hashes import BITS
from gistchain.types import Hash, Hashes

MIN_PDQ_QUALITY = 50
"""Below it a PDQ hash says little (flat drawings, pixel art): its authors advise to ignore it."""

Near = tuple[int, Hash, int, int]
"""Row, the hash that is nearest, how many of its bits differ, the number of the candidate's turn."""


class HashIndex:
    """Hashes in the order of the rows. It never changes: `extended` returns another one."""

    def __init__(self, hashes: Mapping[Hash, NDArray[np.uint64]], pdq_qualities: NDArray[np.uint8]) -> None:
        self._hashes = dict(hashes)
        self._qualities = pdq_qualities

    @classmethod
    def of(cls, rows: Sequence[tuple[bytes | int, ...]]) -> HashIndex:
        """From rows of the hashes as bytes, in the order of BITS, and PDQ's quality."""
        columns = list(zip(*rows, strict=True)) or [()] * (len(BITS) + 1)
        hashes: dict[Hash, NDArray[np.uint64]] = {}
        for (name, bits), column in zip(BITS.items(), columns, strict=False):
            hashes[name] = words(b"".join(column), bits)
        return cls(hashes, np.array(columns[len(BITS)], np.uint8))

    def __len__(self) -> int:
        return len(self._qualities)

    def extended(self, more: HashIndex) -> HashIndex:
        """Both, one after the other."""
        hashes = {name: np.concatenate([mine, more._hashes[name]]) for name, mine in self._hashes.items()}
        return HashIndex(hashes, np.concatenate([self._qualities, more._qualities]))

    def near(self, turns: Sequence[Hashes], thresholds: Mapping[Hash, int]) -> list[Near]:
        """Every row that has a hash within its threshold of one turn, with its nearest such hash; nearest row first.

        Distance is the share of bits that differ. At the same share the longer hash comes first, then the earlier turn.
        PDQ counts only where both images have enough quality.
        """
        share = np.full(len(self), np.inf)
        best: dict[int, Near] = {}
        for name in sorted(thresholds, key=lambda name: -BITS[name]):
            for turn, hashes in enumerate(turns):
                bits = self._distances(name, hashes)
                nearer = np.flatnonzero((bits <= thresholds[name]) & (bits / BITS[name] < share))
                share[nearer] = bits[nearer] / BITS[name]
                best.update((row, (row, name, int(bits[row]), turn)) for row in nearer.tolist())
        return sorted(best.values(), key=lambda near: (near[2] / BITS[near[1]], -BITS[near[1]], near[0]))

    def _distances(self, name: Hash, hashes: Hashes) -> NDArray[np.int64]:
        """Differing bits between one hash and that of each row; BITS + 1 where the pair doesn't count."""
        wanted = words(bytes.fromhex(getattr(hashes, name)), BITS[name])
        bits: NDArray[np.int64] = np.bitwise_count(self._hashes[name] ^ wanted).sum(axis=1, dtype=np.int64)
        if name == "pdq":
            trusted = (self._qualities >= MIN_PDQ_QUALITY) & (hashes.pdq_quality >= MIN_PDQ_QUALITY)
            bits[~trusted] = BITS[name] + 1
        return bits


def words(data: bytes, bits: int) -> NDArray[np.uint64]:
    """Hashes of `bits` bits each, one after the other, as words of 64 bits, shape (N, bits / 64)."""
    return np.frombuffer(data, np.uint64).reshape(-1, bits // 64)
