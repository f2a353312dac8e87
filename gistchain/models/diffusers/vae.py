"""Image -> the latent of Stable Diffusion's autoencoder in a few bytes -> image (S2.1).

The image is made so small that its latent, an eighth of the side and four channels, fits the bytes (latentbytes.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError, RebuildError, SettingError, TooFewBytes
from gistchain.models.diffusers.latentbytes import pack, unpack
from gistchain.models.diffusers.pipelines import files, silently
from gistchain.models.sizes import fitted
from gistchain.models.transformers.loading import Checkpoint, need, reading, whole
from gistchain.models.transformers.running import memory, running, torch_dtype
from gistchain.types import Latent, Pixels

CODER = "sd-vae"
SIDE = 512
"""Pixels of the longest side that is coded: what Stable Diffusion 1.5 was trained on."""
_FEWEST_BITS = 6  # a number takes about 7: sizes are tried from where 6 would fit, each costs a run of the encoder
_LESS = "a smaller side or dtype"


class SdVae:
    """Fulfils LatentCoder by an AutoencoderKL: Stable Diffusion's, or any other of diffusers.

    source: its folder or hub id, or that of a pipeline with one. side: pixels of the longest side that is coded.
    The latent is the mean of the encoder's distribution, so that the same image gives the same bytes.
    """

    name = CODER

    def __init__(
        self,
        source: str,
        *,
        side: int = SIDE,
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        who = f"latent coder {CODER!r}"
        need(who, "diffusers")
        vae = _load(Checkpoint(who, source, device, dtype, allow_download, allow_pickle))
        self._set(vae, side)

    @classmethod
    def of(cls, vae: Any, side: int = SIDE) -> SdVae:
        """A coder around a loaded AutoencoderKL, which it shares with whoever loaded it."""
        made = cls.__new__(cls)
        made._set(vae, side)
        return made

    def _set(self, vae: Any, side: int) -> None:
        self._vae = vae
        self.factor = int(2 ** (len(vae.config.block_out_channels) - 1))
        if side < self.factor:
            raise SettingError(f"side is {side}: one number of the latent covers {self.factor} pixels, give more")
        self._longest = side // self.factor

    def encode(self, image: Pixels, size_bytes: int) -> Latent:
        """The largest latent that fits. Raises TooFewBytes where not even one number for each channel fits."""
        smallest = 0
        for width, height in self._sizes(image, size_bytes):
            size = width * self.factor, height * self.factor
            data = pack(self.latent_of(image, size))
            if len(data) <= size_bytes:
                return Latent(CODER, data)
            smallest = len(data)
        raise TooFewBytes(
            f"{size_bytes} bytes are too few for latent coder {CODER!r}: it needs at least {smallest or 'some tens'}"
        )

    def decode(self, latent: Latent, size: tuple[int, int]) -> Pixels:
        return fitted(self.pixels_of(self.values(latent)), size)

    def values(self, latent: Latent) -> NDArray[np.float32]:
        """(channels, height, width) of an encoded latent. Raises RebuildError for that of another coder."""
        if latent.coder != CODER:
            raise RebuildError(f"the latent was written by {latent.coder!r}; this painter and coder read {CODER!r}")
        values = unpack(latent.data, channels=int(self._vae.config.latent_channels))
        if max(values.shape[1:]) > self._longest:
            raise RebuildError(
                f"the latent is for {values.shape[2] * self.factor} x {values.shape[1] * self.factor} pixels; "
                f"at most {self._longest * self.factor} a side are decoded"
            )
        return values

    def latent_of(self, image: Pixels, size: tuple[int, int]) -> NDArray[np.float32]:
        """(channels, height, width): the latent of the image at (width, height) pixels, scaled for the denoiser."""
        import torch

        scaled = fitted(image, size).astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
        with self._running():
            mean = self._vae.encode(torch.from_numpy(scaled).to(self._vae.device, self._vae.dtype)).latent_dist.mode()
            values = (mean.float() - self._shift) * float(self._vae.config.scaling_factor)
            latent: NDArray[np.float32] = values[0].cpu().numpy()
        if not np.isfinite(latent).all():
            raise ModelError(
                "the autoencoder computed numbers that are not finite: try dtype float32, or another checkpoint"
            )
        return latent

    @property
    def channels(self) -> int:
        return int(self._vae.config.latent_channels)

    def pixels_of(self, values: NDArray[np.float32], noise: float = 0.0) -> Pixels:
        """The image that the decoder makes of a latent, `factor` pixels for each number; it knows of no noise."""
        import torch

        with self._running():
            latent = torch.from_numpy(values[None]) / float(self._vae.config.scaling_factor) + self._shift
            decoded = self._vae.decode(latent.to(self._vae.device, self._vae.dtype)).sample
            pixels = decoded[0].float().cpu().numpy().transpose(1, 2, 0)
        if not np.isfinite(pixels).all():
            raise RebuildError("the latent gives no picture: it is damaged, or the autoencoder's dtype is too narrow")
        return np.asarray(((pixels + 1) * 127.5).round().clip(0, 255), np.uint8)

    @property
    def _shift(self) -> float:
        return float(getattr(self._vae.config, "shift_factor", None) or 0)

    def _running(self) -> Any:
        return running(f"latent coder {CODER!r}", str(self._vae.device), _LESS)

    def _sizes(self, image: Pixels, size_bytes: int) -> Iterator[tuple[int, int]]:
        """(width, height) of latents, largest first, from the first that could fit."""
        height, width = image.shape[:2]
        longest = min(self._longest, -(-max(width, height) // self.factor))
        for side in range(longest, 0, -1):
            size = _at_least_one(width, height, side)
            bits = size[0] * size[1] * int(self._vae.config.latent_channels) * _FEWEST_BITS
            if bits <= 8 * size_bytes or side == 1:
                yield size


def _at_least_one(width: int, height: int, longest: int) -> tuple[int, int]:
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _load(checkpoint: Checkpoint) -> Any:
    """The autoencoder of a folder or id, or that of a pipeline there."""
    with reading(checkpoint.who, checkpoint.source), silently(), memory(checkpoint.who, checkpoint.device, _LESS):
        import diffusers

        where = {"local_files_only": not checkpoint.allow_download}
        within: dict[str, Any] = {}
        try:
            config = diffusers.AutoencoderKL.load_config(checkpoint.source, **where)
        except OSError:  # without config.json it may be a pipeline's folder
            within = {"subfolder": "vae"}
            config = diffusers.AutoencoderKL.load_config(checkpoint.source, **where, **within)
        kind = config.get("_class_name") or config.get("model_type") or "something else"
        if kind != "AutoencoderKL":
            raise ModelError(f"{checkpoint.source} is {kind}; {checkpoint.who} wants an AutoencoderKL of diffusers")
        vae, report = diffusers.AutoencoderKL.from_pretrained(
            checkpoint.source, dtype=torch_dtype(checkpoint.dtype), output_loading_info=True,
            **files(checkpoint), **within
        )  # fmt: skip
        whole(checkpoint.who, checkpoint.source, report)
        return vae.to(checkpoint.device).eval().requires_grad_(False)
