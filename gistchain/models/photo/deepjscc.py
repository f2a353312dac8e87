"""Image <-> the numbers that a deep joint source-channel coder puts on the air (Bourtsoulatze, Kurka, Gunduz 2019).

There is no code and no check: a picture is a number for each half of a channel use, and noise on them is noise in the
picture. Networks of two rates, each trained over all SNRs or at 19 dB alone, as in S4.6.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import RebuildError
from gistchain.models.zoo.onnx import session
from gistchain.types import Pixels

FACTOR = 4
"""Pixels of a side that one number of a filter covers."""
SMALLEST_DB, LARGEST_DB = -5.0, 20.0
"""SNRs that were trained for; beyond them the nearest is taken."""
_LEAST_POWER = 1e-6


@dataclass(frozen=True, slots=True)
class JsccKind:
    """filters: of the last layer, so that a picture of n values takes n * filters / 96 channel uses. snr_db: that it is
    trained and run at; None for all."""

    filters: int
    snr_db: float | None = None


NETWORKS = {
    "deepjscc-sixth": JsccKind(16),
    "deepjscc-twelfth": JsccKind(8),
    "deepjscc-sixth-19db": JsccKind(16, 19.0),
    "deepjscc-twelfth-19db": JsccKind(8, 19.0),
}
"""Channel uses for each value of the picture: 1/6 and 1/12."""


class DeepJscc:
    """Fulfils JointCoder: one of NETWORKS, by name."""

    factor = FACTOR

    def __init__(self, name: str) -> None:
        self.name, self._kind = name, NETWORKS[name]
        self._nothing = {
            "image": np.zeros((1, 3, FACTOR, FACTOR), np.float32),
            "values": np.zeros((1, self.filters, 1, 1), np.float32),
        }

    @property
    def filters(self) -> int:
        return self._kind.filters

    def values_of(self, image: Pixels, size: tuple[int, int], snr_db: float) -> NDArray[np.float32]:
        """(filters, height / 4, width / 4) of mean square 1: the image at (width, height), multiples of 4."""
        from PIL import Image

        gap = 3.0 if image.shape[0] > 2 * size[1] else None
        scaled = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=gap))
        x = scaled.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - 1
        values = self._run("sent", snr_db, image=x)
        power = max(float(np.square(values, dtype=np.float64).mean()), _LEAST_POWER)
        sent: NDArray[np.float32] = (values / np.sqrt(power)).astype(np.float32)
        return sent

    def pixels_of(self, values: NDArray[np.float32], snr_db: float) -> Pixels:
        """The picture of numbers that arrived at this SNR. Raises RebuildError for numbers that are not finite."""
        if not np.isfinite(values).all():
            raise RebuildError("numbers that are not finite arrived: they give no picture")
        pixels = self._run("pixels", snr_db, values=values[None].astype(np.float32))
        return np.asarray(((pixels.transpose(1, 2, 0) + 1) * 127.5).round().clip(0, 255), np.uint8)

    def _run(self, output: str, snr_db: float, **given: NDArray[np.float32]) -> NDArray[np.float32]:
        snr_db = float(np.clip(snr_db, SMALLEST_DB, LARGEST_DB)) if self._kind.snr_db is None else self._kind.snr_db
        known = {"snr_db": np.full((1, 1), snr_db, np.float32)}
        result: NDArray[np.float32] = self._session.run([output], {**self._nothing, **known, **given})[0][0]
        return result

    @functools.cached_property
    def _session(self) -> Any:
        return session(self.name)
