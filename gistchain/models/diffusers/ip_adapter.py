"""Gist -> images by a diffusion pipeline that looks at the caption and at a picture of the subject: IP-Adapter."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gistchain.errors import RebuildError, SettingError
from gistchain.image import flatten, subject_picture
from gistchain.models.diffusers.painters import TextToImage, has_words
from gistchain.models.diffusers.pipelines import files, silently
from gistchain.models.strength import strength_or
from gistchain.models.transformers.loading import located, reading, whole
from gistchain.models.transformers.running import torch_dtype
from gistchain.models.zoo.checkpointfiles import SAFE, check_safetensors, refuse_pickle
from gistchain.types import Gist, Pixels


class IpAdapter(TextToImage):
    """Fulfils SubjectPainter: Z = attention to the text + scale * attention to the subject, an image prompt (S4.4).

    adapter: folder or hub id with IP-Adapter's weights in `subfolder`/`weight_name` and the image encoder beside them.
    scale: lambda in 0..1; 0 paints what TextToImage paints, and so does a gist without a subject. A gist without words
    is painted from its subject alone. Raises SettingError for another scale; `paint` raises RebuildError for a gist
    with neither.
    """

    _name = "painter 'ip-adapter'"

    def __init__(
        self,
        source: str,
        *,
        adapter: str = "h94/IP-Adapter",
        subfolder: str = "models",
        weight_name: str = "ip-adapter_sd15.safetensors",
        scale: float = 0.6,
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
        self._scale = _in_range(scale)
        super().__init__(
            source, steps=steps, guidance_scale=guidance_scale, negative=negative, side=side, lora=lora,
            lora_scale=lora_scale, batch=batch, device=device, dtype=dtype, allow_download=allow_download,
            allow_pickle=allow_pickle, folder=folder,
        )  # fmt: skip
        self._add_adapter(adapter, subfolder, weight_name)

    def paint(self, gist: Gist, seeds: Sequence[int], strength: float | None = None) -> list[Pixels]:
        strength_or(1.0, strength)
        scale = 0.0 if gist.subject is None else self._scale
        if scale == 0 and not has_words(gist):
            raise RebuildError(
                f"the gist has no caption to paint from, and no subject that counts (scale {self._scale:g}): "
                "give it either"
            )
        subject = np.zeros((8, 8, 3), np.uint8)  # has no effect at a scale of 0
        if gist.subject is not None:
            subject = flatten(subject_picture(gist.subject), (255, 255, 255))
        self._pipe.set_ip_adapter_scale(scale)
        return self._drawn(self._pipe, gist, seeds, wordless=scale > 0, ip_adapter_image=_picture(subject))

    def weighted(self, weight: float) -> IpAdapter:
        """The same networks with another scale. Raises SettingError outside 0..1."""
        other = copy.copy(self)
        other._scale = _in_range(weight)
        return other

    def _add_adapter(self, adapter: str, subfolder: str, weight_name: str) -> None:
        import transformers

        here = self._checkpoint
        adapter = located(self._name, adapter, allow_download=here.allow_download)
        file = Path(adapter) / subfolder / weight_name
        refuse_pickle(file, allow=here.allow_pickle)
        if file.is_file() and file.suffix == SAFE:
            check_safetensors(file)
        with reading(self._name, adapter), silently():
            encoder, report = transformers.CLIPVisionModelWithProjection.from_pretrained(
                adapter, subfolder=f"{subfolder}/image_encoder", dtype=torch_dtype(here.dtype),
                output_loading_info=True, trust_remote_code=False, **files(here)
            )  # fmt: skip
            whole(self._name, f"{adapter} (image_encoder)", report)
            size = int(encoder.config.image_size)
            images = transformers.CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size=size)
            self._pipe.register_modules(image_encoder=encoder.eval().to(here.device), feature_extractor=images)
            self._pipe.load_ip_adapter(
                adapter, subfolder=subfolder, weight_name=weight_name, local_files_only=not here.allow_download
            )
            self._pipe.unet.to(here.device, torch_dtype(here.dtype))


def _in_range(scale: float) -> float:
    if not 0 <= scale <= 1:
        raise SettingError(
            f"the scale of painter 'ip-adapter' is {scale}: give a number from 0 (caption alone) to 1 (subject as much)"
        )
    return scale


def _picture(pixels: Pixels) -> Any:
    from PIL import Image

    return Image.fromarray(pixels)
