"""What a painter makes of the words and the latent, with the other layers of the gist applied to it.

gist ─ file? ──────────────────────────────────────────────────────────> the image file's picture
     └ painter ─> picture ─ subject laid over it ─ residual added ─────> picture
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gistchain.errors import ImageError, RebuildError
from gistchain.gist import residual
from gistchain.gist.subject import laid_over
from gistchain.image import read_image
from gistchain.image.smallfile import enlarged, is_lossless
from gistchain.types import Gist, ImageFile, Painter, Pixels, Residual

BASE_SEED = 0
"""The isotope that a residual is written over."""


@dataclass(frozen=True, slots=True)
class LayerPainter:
    """Fulfils Painter for every layer of a gist; `painter` sees captions and latent.

    subjects: whether the subject is laid over what `painter` makes; not where that paints by the subject itself.
    weight: of the subject that is laid over it, 0 to 1.
    """

    painter: Painter
    subjects: bool = True
    weight: float = 1.0

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float | None = None) -> list[Pixels]:
        if gist.file is not None:
            return [_shown(gist.file, gist.size)] * len(seeds)
        if gist.residual is not None:
            return [self._exact(gist, gist.residual)] * len(seeds)
        below = self.painter.paint(gist, seeds, strength)
        if gist.subject is None or not self.subjects:
            return below
        return [laid_over(picture, gist.subject, gist.size, self.weight) for picture in below]

    def varies(self, gist: Gist, strength: float | None = None) -> bool:
        """False where there are pixels for all of the picture."""
        return gist.file is None and gist.residual is None and self.painter.varies(gist, strength)

    def _exact(self, gist: Gist, differences: Residual) -> Pixels:
        def below() -> Pixels:
            return self.paint(replace(gist, residual=None), [BASE_SEED])[0]

        return residual.decode(differences, gist.size, below)


def _shown(file: ImageFile, size: tuple[int, int]) -> Pixels:
    """The picture of an image file, in the size that the gist names. Raises RebuildError for a broken one."""
    try:
        picture = read_image(file.data, "the gist's image file")
    except ImageError as error:
        raise RebuildError(str(error)) from error
    return enlarged(picture.pixels, size, lossless=is_lossless(file.data))
