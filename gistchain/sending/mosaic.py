"""The texts of pieces and a slice of the subject -> one picture (S4.4).

one text, or a painter that takes any prompt ──> painted whole, from the fused text
several texts for painters of colours and places ──> each piece from its own text, their borders blended
    └ the slice ──> laid over it with weight lambda, or given to the painter that looks at it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import RebuildError
from gistchain.gist.fusion import Fused
from gistchain.gist.painted import BASE_SEED
from gistchain.gist.pieces import Box, boxes, grid, nearest, piece
from gistchain.gist.subject import laid_over
from gistchain.rebuild.isotope import MAX_PIXELS, caption_distances, middle_isotope
from gistchain.types import Captioner, Gist, Painter, Pixels, Subject, TextEmbedder

_BLENDED = 1 / 6
"""Share of a piece's side by which it reaches into its neighbours."""
_GREY = 128
_SEEDS = 4


@dataclass(frozen=True, slots=True)
class Reread:
    """How the best of several isotopes is found: the captioner's words for its pieces beside those that arrived."""

    captioner: Captioner
    embedder: TextEmbedder


@dataclass(frozen=True, slots=True)
class Mosaic:
    """painter: of captions. otherwise: of those that it can't paint, None for none. by_piece: whether each piece is
    painted from its own text. looks: whether `painter` looks at the slice itself. weight: lambda of the slice, 0 for
    a picture of texts alone. isotopes: painted with as many seeds, of which `reread` takes one (ROSIS), by what is
    painted from the texts, before a slice is laid over it."""

    painter: Painter
    otherwise: Painter | None
    by_piece: bool
    looks: bool = False
    weight: float = 1.0
    isotopes: int = 1
    reread: Reread | None = None

    def picture(self, fused: Fused, subject: Subject | None, size: tuple[int, int]) -> Pixels | None:
        """Of (width, height); None where neither a text nor a slice arrived, or nothing paints what did.

        A piece without a text is painted from its nearest neighbour's; a slice without any text stands on grey.
        """
        if (not any(fused.texts) and subject is None) or size[0] * size[1] > MAX_PIXELS:
            return None
        made: list[Pixels] = []
        try:
            for number in range(self.isotopes):
                made.append(self._seeded(fused, subject, size, BASE_SEED + number))
                if number and np.array_equal(made[0], made[1]):  # nothing is left to chance
                    break
        except RebuildError:
            return None
        best = made[0] if self.reread is None or len(made) == 1 else min(made, key=lambda one: self._apart(one, fused))
        if self.looks or subject is None or not self.weight:
            return best
        return laid_over(best, subject, size, self.weight)

    def _seeded(self, fused: Fused, subject: Subject | None, size: tuple[int, int], seed: int) -> Pixels:
        """What is painted from the texts, which a slice may be laid over; by a painter that looks at it, all of it."""
        if self.looks:
            return self.painter.paint(Gist((fused.caption,), size, subject=subject), [seed])[0]
        return self._from_texts(fused, size, seed)

    def _from_texts(self, fused: Fused, size: tuple[int, int], seed: int) -> Pixels:
        there = frozenset(number for number, text in enumerate(fused.texts) if text)
        if not there:
            return np.full((size[1], size[0], 3), _GREY, np.uint8)
        if len(fused.texts) == 1 or not self.by_piece:
            return self._painted(fused.caption, size, seed)
        columns, rows = grid(size, len(fused.texts))
        texts = [text or fused.texts[nearest(columns, rows, k, there)] for k, text in enumerate(fused.texts)]
        return self._blended(texts, boxes(size, len(texts)), size, seed)

    def _blended(self, texts: Sequence[str], parts: Sequence[Box], size: tuple[int, int], seed: int) -> Pixels:
        width, height = size
        total, weights = np.zeros((height, width, 3), np.float32), np.zeros((height, width, 1), np.float32)
        for text, (left, top, across, down) in zip(texts, parts, strict=True):
            x, fade_x = _reach(left, across, width)
            y, fade_y = _reach(top, down, height)
            painted = self._painted(text, (x.stop - x.start, y.stop - y.start), seed)
            weight = (fade_y[:, None] * fade_x[None])[..., None]
            total[y, x] += weight * painted
            weights[y, x] += weight
        return np.asarray((total / weights).round(), np.uint8)

    def _painted(self, text: str, size: tuple[int, int], seed: int) -> Pixels:
        gist = Gist((text,), size)
        try:
            if self.by_piece and self.isotopes == 1:  # what a caption leaves open is as most seeds have it
                return middle_isotope(gist, painter=self.painter, seeds=range(_SEEDS))
            return self.painter.paint(gist, [seed])[0]
        except RebuildError:
            if self.otherwise is None:
                raise
            return self.otherwise.paint(gist, [seed])[0]

    def _apart(self, image: Pixels, fused: Fused) -> float:
        """Mean distance of what the captioner reads in the pieces to the texts that arrived for them."""
        assert self.reread is not None
        size = image.shape[1], image.shape[0]
        found = [
            caption_distances(
                text, [self.reread.captioner.caption(piece(image, box)).text], embedder=self.reread.embedder
            )[0]
            for text, box in zip(fused.texts, boxes(size, len(fused.texts)), strict=True)
            if text
        ]
        return sum(found) / len(found) if found else 0.0


def _reach(start: int, length: int, whole: int) -> tuple[slice, NDArray[np.float32]]:
    """(the piece with what it reaches into its neighbours, how much it counts in each row or column)."""
    reach = max(1, round(length * _BLENDED))
    first, last = max(0, start - reach), min(whole, start + length + reach)
    at = np.arange(first, last) + 0.5
    fade = np.ones(last - first, np.float32)
    if first > 0:
        fade = np.minimum(fade, (at - first) / (2 * reach))
    if last < whole:
        fade = np.minimum(fade, (last - at) / (2 * reach))
    return slice(first, last), np.maximum(fade, 1e-3).astype(np.float32)
