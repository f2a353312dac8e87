"""Image <-> four numbers for each 8 x 8 pixels: the shape of Stable Diffusion's latent, by a small network of ours.

It stands in for that latent where its weights are not at hand (S2.1). Each channel has mean 0 and variance 1 over many
photos, so that its numbers can be sent as they are. The decoder is told how much noise lies on them.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import RebuildError
from gistchain.models.sizes import fitted, grid
from gistchain.models.strength import strength_or
from gistchain.models.zoo.onnx import session
from gistchain.types import Gist, LatentSpace, Pixels

NAME = "autoencoder"
CHANNELS, FACTOR = 4, 8


class Autoencoder:
    """Fulfils LatentSpace."""

    name = NAME
    channels, factor = CHANNELS, FACTOR

    def __init__(self) -> None:
        self._nothing = {
            "image": np.zeros((1, 3, FACTOR, FACTOR), np.float32),
            "latent": np.zeros((1, CHANNELS, 1, 1), np.float32),
            "noise": np.zeros((1, 1, 1, 1), np.float32),
        }

    def latent_of(self, image: Pixels, size: tuple[int, int]) -> NDArray[np.float32]:
        """(4, height / 8, width / 8): the numbers of the image at (width, height), multiples of 8."""
        from PIL import Image

        gap = 3.0 if image.shape[0] > 2 * size[1] else None
        scaled = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=gap))
        x = scaled.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - 1
        latent: NDArray[np.float32] = self._run("clean", image=x)
        return latent

    def pixels_of(self, values: NDArray[np.float32], noise: float = 0.0) -> Pixels:
        """The picture of a latent, 8 pixels for each number. noise: standard deviation of what lies on the numbers.

        Raises RebuildError for numbers that are not finite.
        """
        if not np.isfinite(values).all():
            raise RebuildError("the latent has numbers that are not finite: it arrived damaged")
        level = np.full((1, 1, *values.shape[1:]), min(noise, 1.0), np.float32)
        pixels = self._run("pixels", latent=values[None].astype(np.float32), noise=level)
        return np.asarray(((pixels.transpose(1, 2, 0) + 1) * 127.5).round().clip(0, 255), np.uint8)

    def _run(self, output: str, **given: NDArray[np.float32]) -> NDArray[np.float32]:
        result: NDArray[np.float32] = self._session.run([output], {**self._nothing, **given})[0][0]
        return result

    @functools.cached_property
    def _session(self) -> Any:
        return session(NAME)


class AutoencoderPainter:
    """The numbers of an autoencoder as those of a AnaloguePainter, without a denoiser of its own: they are decoded."""

    def __init__(self, space: LatentSpace) -> None:
        self.space = space

    def count(self, gist: Gist, most: int) -> int:
        width, height = grid(gist.size, most // self.space.channels, self.space.factor)
        return self.space.channels * width * height

    def numbers(self, image: Pixels, gist: Gist, most: int) -> NDArray[np.float32]:
        width, height = grid(gist.size, most // self.space.channels, self.space.factor)
        return self.space.latent_of(image, (width * self.space.factor, height * self.space.factor)).reshape(-1)

    def from_numbers(
        self, numbers: NDArray[np.float32], noise: float, gist: Gist, seed: int, strength: float | None = None
    ) -> Pixels:
        if strength_or(0.0, strength):
            raise RebuildError(
                "the default models go on from noise for punks and Nouns alone; the latents of other pictures are "
                "decoded: leave the strength out, or give a --painter img2img=FOLDER of the hf extra"
            )
        width, height = grid(gist.size, numbers.size // self.space.channels, self.space.factor)
        return fitted(self.space.pixels_of(numbers.reshape(-1, height, width), noise), gist.size)
