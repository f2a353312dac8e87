"""Gist -> images by a diffusion pipeline: from the caption alone, or from a latent too.

A seed's noise is drawn on the CPU, so that it gives the same picture on every device, but for the last bits.
Pictures are painted at the size that the checkpoint was trained on, in the shape of the gist, and then resized.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError, RebuildError, SettingError
from gistchain.models.diffusers.loras import own_lora, own_loras
from gistchain.models.diffusers.pipelines import add_lora, load, lora_name, silently
from gistchain.models.diffusers.prompts import Prompt, parse
from gistchain.models.diffusers.vae import SIDE, SdVae
from gistchain.models.diffusers.words import conditioning
from gistchain.models.sizes import fitted, grid
from gistchain.models.strength import strength_or
from gistchain.models.transformers.loading import Checkpoint, need, reading
from gistchain.models.transformers.running import batches, positive, running
from gistchain.types import Gist, Pixels

_LESS = "a smaller batch, side or dtype"
_LONGEST_ASPECT = 2.0  # in longer pictures networks draw the same thing twice


class TextToImage:
    """Fulfils Painter by any text-to-image pipeline of diffusers, Stable Diffusion 1.5 by default; reads captions only.

    Several captions are joined. steps, guidance_scale, negative: as in diffusers. side: that of a square with as many
    pixels as are painted; 0 for what the checkpoint was trained on. lora: LoRAs, each a file, folder or hub id; all are
    on at `lora_scale`, or, where the caption names some (prompts.py), those at the scales that it gives. folder: of the
    user's own collections, where captions find the LoRAs that were trained here (loras.py). batch: seeds painted
    together; above 1 a picture's last bits depend on the others. Weights in prompts, and captions longer than the text
    encoder reads, need one CLIP text encoder and the package compel; other pipelines cut long captions.
    """

    _name = "painter 'stable-diffusion'"

    def __init__(
        self,
        source: str,
        *,
        steps: int = 30,
        guidance_scale: float = 7.5,
        negative: str = "",
        side: int = 0,
        lora: str | Sequence[str] = (),
        lora_scale: float = 1.0,
        batch: int = 1,
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
        folder: Path | None = None,
    ) -> None:
        need(self._name, "diffusers")
        self._checkpoint = Checkpoint(self._name, source, device, dtype, allow_download, allow_pickle)
        self._steps, self._batch = positive(steps, "steps"), positive(batch, "batch")
        self._guidance, self._negative, self._lora_scale = guidance_scale, negative, lora_scale
        self._pipe = load(self._checkpoint)
        self._side, self._multiple = native(self._pipe, side)
        self._loras = self._add_loras((lora,) if isinstance(lora, str) else lora)
        self._given, self._folder = tuple(self._loras), folder

    def varies(self, gist: Gist, strength: float | None = None) -> bool:
        return True

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float | None = None) -> list[Pixels]:
        strength_or(1.0, strength)
        return self._drawn(self._pipe, gist, seeds)

    def _drawn(
        self, pipe: Any, gist: Gist, seeds: Sequence[int], start: Any = None, *, wordless: bool = False, **more: Any
    ) -> list[Pixels]:
        """One image for each seed. start: tensor (1, C, h, w) that img2img starts from; without it, from noise.

        wordless: whether there is something else than a caption to paint from. So there is with `start`.
        """
        import torch

        if not (wordless or has_words(gist) or start is not None):
            raise RebuildError(f"the gist has no caption, and {self._name} paints from captions")
        prompt = parse(". ".join(caption.strip().rstrip(".") for caption in gist.captions if caption.strip()))
        self._turn_on(prompt)
        painted: list[Pixels] = []
        with running(self._name, self._checkpoint.device, _LESS), silently():
            words = conditioning(self._pipe, prompt, self._negative, self._name)
            width, height = self._canvas(gist.size)
            for few in batches(seeds, self._batch):
                where = {"image": start.repeat(len(few), 1, 1, 1)} if start is not None else {}
                done = pipe(
                    **words, **more, **(where or {"width": width, "height": height}),
                    num_inference_steps=self._steps, guidance_scale=self._guidance, num_images_per_prompt=len(few),
                    generator=[torch.Generator("cpu").manual_seed(int(seed)) for seed in few], output_type="np",
                )  # fmt: skip
                _not_withheld(done, few)
                painted += [fitted(_pixels(image), gist.size) for image in done.images]
        return painted

    def _add_loras(self, sources: Sequence[str]) -> dict[str, str]:
        """What prompts call each LoRA -> what peft calls it."""
        names: dict[str, str] = {}
        for k, source in enumerate(sources):
            if lora_name(source) in names:
                raise SettingError(f"two LoRAs are called {lora_name(source)!r}: rename one of the files")
            add_lora(self._pipe, self._checkpoint, source, f"lora{k}")
            names[lora_name(source)] = f"lora{k}"
        return names

    def _turn_on(self, prompt: Prompt) -> None:
        wanted = dict(prompt.loras) or dict.fromkeys(self._given, self._lora_scale)
        for name in sorted(wanted.keys() - self._loras.keys()):
            self._add_own(name)
        on = {self._loras[name]: scale for name, scale in wanted.items() if scale}
        if on:
            self._pipe.enable_lora()
            self._pipe.set_adapters(list(on), list(on.values()))
        elif self._loras:
            self._pipe.disable_lora()

    def _add_own(self, name: str) -> None:
        """Put a LoRA that was trained here on the pipeline; from then on it is one that captions may name."""
        file = None if self._folder is None else own_lora(self._folder, name)
        if file is None:
            known = ", ".join(sorted(self._given)) or "none"
            own = ", ".join(own_loras(self._folder)) if self._folder is not None else ""
            raise RebuildError(
                f"the caption asks for the LoRA {name!r}; given are {known} (lora=FILE), trained here are "
                f"{own or 'none'} (by `gistchain collection train --lora`)"
            )
        add_lora(self._pipe, self._checkpoint, str(file), f"lora{len(self._loras)}")
        self._loras[name] = f"lora{len(self._loras)}"

    def _canvas(self, size: tuple[int, int]) -> tuple[int, int]:
        return canvas(size, self._side, self._multiple)


class ImageToImage(TextToImage):
    """Fulfils Painter: noise is added to the latent of the gist up to a step t, and taken away from there (S2.2).

    strength is t divided by the number of steps: 0, the default, and anything below half a step only decodes the
    latent; 1 starts from noise, and so does a gist without a latent. The latent is one of SdVae; where it is smaller
    than the painting, its image is enlarged and coded again.
    """

    _name = "painter 'img2img'"

    def varies(self, gist: Gist, strength: float | None = None) -> bool:
        return gist.latent is None or round(strength_or(0.0, strength) * self._steps) > 0

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float | None = None) -> list[Pixels]:
        denoised = round(strength_or(0.0, strength) * self._steps)
        if gist.latent is None or denoised == self._steps:
            return self._drawn(self._pipe, gist, seeds)
        if denoised == 0:
            return [self.coder.decode(gist.latent, gist.size) for _ in seeds]
        start = self._tensor(self._on_canvas(self.coder.values(gist.latent), gist.size))
        # diffusers rounds strength * steps down.
        return self._drawn(self._from_image, gist, seeds, start, strength=(denoised + 0.5) / self._steps)

    def count(self, gist: Gist, most: int) -> int:
        """As in AnaloguePainter; so are the next two."""
        width, height = grid(gist.size, most // self.coder.channels, self.coder.factor)
        return self.coder.channels * width * height

    def numbers(self, image: Pixels, gist: Gist, most: int) -> NDArray[np.float32]:
        width, height = grid(gist.size, most // self.coder.channels, self.coder.factor)
        return self.coder.latent_of(image, (width * self.coder.factor, height * self.coder.factor)).reshape(-1)

    def from_numbers(
        self, numbers: NDArray[np.float32], noise: float, gist: Gist, seed: int, strength: float | None = None
    ) -> Pixels:
        width, height = grid(gist.size, numbers.size // self.coder.channels, self.coder.factor)
        values = numbers.reshape(-1, height, width)
        return (
            self._from_noise_of(values, noise, gist, seed)
            if strength is None
            else self.from_latent(values, gist, seed, strength)
        )

    def from_latent(self, values: NDArray[np.float32], gist: Gist, seed: int, strength: float) -> Pixels:
        denoised = round(strength_or(0.0, strength) * self._steps)
        if denoised == 0:
            return fitted(self.coder.pixels_of(values), gist.size)
        if denoised == self._steps:
            return self._drawn(self._pipe, gist, [seed])[0]
        start = self._tensor(self._on_canvas(values, gist.size))
        return self._drawn(self._from_image, gist, [seed], start, strength=(denoised + 0.5) / self._steps)[0]

    def _from_noise_of(self, values: NDArray[np.float32], noise: float, gist: Gist, seed: int) -> Pixels:
        """From the step t whose noise is the channel's: sqrt((1 - a) / a) for a = alphas_cumprod[t].

        Of a latent that is smaller than the painting, which is decoded with its noise and coded again, that is a guess.
        """
        pipe = self._from_latent
        kept = pipe.scheduler.alphas_cumprod.numpy()
        at = int(np.searchsorted(np.sqrt((1 - kept) / kept), noise))
        left = round(self._steps * at / len(kept))
        if left == 0:
            return fitted(self.coder.pixels_of(values), gist.size)
        at = min(at, len(kept) - 1)
        start = self._tensor(self._on_canvas(values, gist.size) * np.float32(np.sqrt(kept[at])))
        times = np.linspace(at, 0, left, endpoint=False).round().astype(int).tolist()
        return self._drawn(pipe, gist, [seed], latents=start, timesteps=times)[0]

    @property
    def space(self) -> SdVae:
        return self.coder

    @functools.cached_property
    def _from_latent(self) -> Any:
        """The pipeline with a scheduler that starts at any step. Raises RebuildError where steps have no noise."""
        with reading(self._name, self._checkpoint.source), silently():
            import diffusers

            if getattr(self._pipe.scheduler, "alphas_cumprod", None) is None:
                raise RebuildError(
                    f"{type(self._pipe).__name__} does not say how much noise its steps have: give a strength, so that "
                    "noise of its own is laid over the latent"
                )
            scheduler = diffusers.DPMSolverMultistepScheduler.from_config(self._pipe.scheduler.config)
            pipe = diffusers.AutoPipelineForText2Image.from_pipe(self._pipe, scheduler=scheduler)
            pipe.set_progress_bar_config(disable=True)
            return pipe

    def _tensor(self, values: NDArray[np.float32]) -> Any:
        import torch

        return torch.from_numpy(values[None]).to(self._pipe.device, self._pipe.vae.dtype)

    @functools.cached_property
    def coder(self) -> SdVae:
        """The coder of the latents of gists; its network is the pipeline's."""
        return SdVae.of(self._pipe.vae, max(SIDE, self._side))

    @functools.cached_property
    def _from_image(self) -> Any:
        with reading(self._name, self._checkpoint.source), silently():
            import diffusers

            pipe = diffusers.AutoPipelineForImage2Image.from_pipe(self._pipe)
            pipe.set_progress_bar_config(disable=True)
            return pipe

    def _on_canvas(self, values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
        """The latent at the size that is painted for a gist of `size`, (C, h, w)."""
        width, height = self._canvas(size)
        if (values.shape[2] * self.coder.factor, values.shape[1] * self.coder.factor) == (width, height):
            return values
        return self.coder.latent_of(self.coder.pixels_of(values), (width, height))


def canvas(size: tuple[int, int], side: int, multiple: int) -> tuple[int, int]:
    """(width, height) that is painted: about side x side pixels in the shape of `size`, in steps of the network."""
    if min(size) < 1:
        raise RebuildError(f"an image of {size[0]} x {size[1]} pixels can't be painted")
    aspect = min(_LONGEST_ASPECT, max(1 / _LONGEST_ASPECT, size[0] / size[1]))
    wide, high = side * math.sqrt(aspect), side / math.sqrt(aspect)
    return _multiple(wide, multiple), _multiple(high, multiple)


def has_words(gist: Gist) -> bool:
    """Whether one of its captions says anything."""
    return any(caption.strip() for caption in gist.captions)


def native(pipe: Any, side: int) -> tuple[int, int]:
    """(side of the square that is painted, what both its sides are multiples of), in pixels."""
    net: Any = getattr(pipe, "unet", None) or getattr(pipe, "transformer", None)
    factor = int(getattr(pipe, "vae_scale_factor", 8))
    halved = len(getattr(net.config, "block_out_channels", (1, 1))) - 1
    trained = getattr(net.config, "sample_size", None) or 0
    largest = int(max(trained) if isinstance(trained, (tuple, list)) else trained)
    if side < 0 or (side == 0 and largest == 0):
        raise SettingError("this checkpoint doesn't say what size it paints: give side, in pixels")
    return side or largest * factor, factor * 2**halved


def _multiple(length: float, of: int) -> int:
    return max(1, round(length / of)) * of


def _not_withheld(done: Any, seeds: Sequence[int]) -> None:
    flagged = getattr(done, "nsfw_content_detected", None) or []
    withheld = [seed for seed, bad in zip(seeds, flagged, strict=False) if bad]
    if withheld:
        raise RebuildError(
            f"the checkpoint's own safety checker blackened the picture of seed {withheld[0]}: choose other seeds"
        )


def _pixels(image: Any) -> Pixels:
    """float (H, W, 3) in 0..1 -> uint8."""
    if not np.isfinite(image).all():
        raise ModelError("the picture is not finite: the weights are broken, or too large for this dtype; try float32")
    return np.asarray((image * 255).round().clip(0, 255), np.uint8)
