"""Images -> what papers measure with: LPIPS, the features under FID and KID, CLIP score. The published networks only.

Distances on other networks (models/packaged/perceptual.py) have other names: figures under these must be comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError, SettingError
from gistchain.models.transformers.loading import need
from gistchain.models.transformers.running import (
    batches,
    check_place,
    finite,
    memory,
    positive,
    quietly,
    running,
    torch_dtype,
)
from gistchain.models.transformers.statedict import fill, module, state_dict
from gistchain.types import JointEmbedder, Pixels

LPIPS_NETS = ("alex", "vgg")
_SMALLEST = 32  # pixels: below, the deepest layer of the trunk has nothing left to see
_LESS = "a smaller dtype or image"


class Lpips:
    """Fulfils PerceptualDistance by LPIPS 0.1 (Zhang et al. 2018), the package lpips with its linear heads.

    source: torchvision's AlexNet or VGG-16 weights (see statedict.py). net: 'alex' or 'vgg', the trunk. Images with a
    side below 32 pixels are enlarged to it.
    """

    def __init__(
        self,
        source: str = "alex",
        *,
        net: str = "alex",
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        if net not in LPIPS_NETS:
            raise SettingError(f"LPIPS has no net {net!r}: choose {' or '.join(LPIPS_NETS)}")
        self._who, self._device, self._dtype = "perceptual distance 'lpips'", device, dtype
        need(self._who, "torch", "transformers")
        check_place(device, dtype)
        models = module(self._who, "torchvision.models")
        own = models.AlexNet_Weights if net == "alex" else models.VGG16_Weights
        state = state_dict(
            self._who, source, lambda: str(own.DEFAULT.url), allow_download=allow_download, allow_pickle=allow_pickle
        )
        lpips = module(self._who, "lpips")
        with memory(self._who, device, _LESS), quietly():
            network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
            fill(self._who, source, network.net, _sliced(state, network.net))
            self._model = network.eval().requires_grad_(False).to(device, torch_dtype(dtype))

    def distance(self, a: Pixels, b: Pixels) -> float:
        if a.shape != b.shape:
            raise ModelError(
                f"images of {a.shape[1]}x{a.shape[0]} and {b.shape[1]}x{b.shape[0]} have no LPIPS: resize one"
            )
        with running(self._who, self._device, _LESS):
            distance = self._model(self._seen(a), self._seen(b))
            return max(0.0, finite(self._who, float(distance)))

    def _seen(self, image: Pixels) -> Any:
        import torch

        pixels = _channels_first([image]).to(self._device, torch_dtype(self._dtype)) / 127.5 - 1
        size = [max(_SMALLEST, side) for side in image.shape[:2]]
        return (
            torch.nn.functional.interpolate(pixels, size, mode="bilinear") if size != list(pixels.shape[2:]) else pixels
        )


class InceptionFeatures:
    """Fulfils FeatureExtractor by the Inception v3 of FID (Heusel et al. 2017), from the package pytorch-fid.

    2,048 numbers, the last average pooling. source: pt_inception-2015-12-05 (see statedict.py); torchvision's own
    Inception is another network and refused.
    """

    def __init__(
        self,
        source: str = "inception_v3",
        *,
        batch: int = 16,
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        self._who, self._device, self._dtype = "features 'inception'", device, dtype
        self._batch = positive(batch, "batch")
        need(self._who, "torch", "transformers")
        check_place(device, dtype)
        fid = module(self._who, "pytorch_fid.inception")
        state = state_dict(
            self._who,
            source,
            lambda: str(fid.FID_WEIGHTS_URL),
            allow_download=allow_download,
            allow_pickle=allow_pickle,
        )
        with memory(self._who, device, "a smaller dtype"):
            network = fill(self._who, source, _inception(fid), state)
            network.fc = _nothing()
            self._model = network.to(device, torch_dtype(dtype))

    def features(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        rows = [self._rows(few) for few in batches(images, self._batch)]
        return np.concatenate(rows) if rows else np.zeros((0, 2048), np.float32)

    def _rows(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        import torch

        with running(self._who, self._device, "a smaller batch or dtype"):
            # Resized as pytorch-fid does, so that figures compare; other resizing changes FID (Parmar et al. 2022).
            resized = [
                torch.nn.functional.interpolate(_channels_first([i]).float() / 255, (299, 299), mode="bilinear")
                for i in images
            ]
            pixels = (2 * torch.cat(resized) - 1).to(self._device, torch_dtype(self._dtype))
            rows: NDArray[np.float32] = self._model(pixels).float().cpu().numpy()
            return rows


class ClipScore:
    """How well texts describe images: max(100 cos, 0) of CLIP's vectors, 0..100 (Hessel et al. 2021).

    Hessel's own scale is 2.5 cos; 100 cos is what papers on generated images print. clip: any joint embedder, and a
    score counts as CLIP score only with a CLIP.
    """

    def __init__(self, clip: JointEmbedder) -> None:
        self._clip = clip

    def scores(self, images: Sequence[Pixels], texts: Sequence[str]) -> NDArray[np.float32]:
        """One number for each image and its text. Raises ModelError where there are not as many."""
        if len(images) != len(texts):
            raise ModelError(f"{len(images)} images and {len(texts)} texts: a CLIP score needs pairs")
        cosine = (self._clip.image.embed(images) * self._clip.text.embed(texts)).sum(1)
        return np.asarray(np.maximum(100 * cosine, 0), np.float32)


def _sliced(state: Any, trunk: Any) -> Any:
    """torchvision's `features.3.weight` as lpips calls it, `slice2.3.weight`; what the trunk lacks is left out."""
    if not isinstance(state, dict):
        return state
    names = {name: "features." + name.partition(".")[2] for name in trunk.state_dict()}
    return {ours: state[theirs] for ours, theirs in names.items() if theirs in state}


def _inception(fid: Any) -> Any:
    """FID's network without weights: the steps of pytorch_fid.inception.fid_inception_v3 before it downloads."""
    network = fid._inception_v3(num_classes=1008, aux_logits=False, weights=None)
    network.Mixed_5b = fid.FIDInceptionA(192, pool_features=32)
    network.Mixed_5c = fid.FIDInceptionA(256, pool_features=64)
    network.Mixed_5d = fid.FIDInceptionA(288, pool_features=64)
    network.Mixed_6b = fid.FIDInceptionC(768, channels_7x7=128)
    network.Mixed_6c = fid.FIDInceptionC(768, channels_7x7=160)
    network.Mixed_6d = fid.FIDInceptionC(768, channels_7x7=160)
    network.Mixed_6e = fid.FIDInceptionC(768, channels_7x7=192)
    network.Mixed_7b = fid.FIDInceptionE_1(1280)
    network.Mixed_7c = fid.FIDInceptionE_2(2048)
    network.transform_input = False
    return network


def _nothing() -> Any:
    import torch

    return torch.nn.Identity()


def _channels_first(images: Sequence[Pixels]) -> Any:
    import torch

    return torch.from_numpy(np.stack([np.ascontiguousarray(i.transpose(2, 0, 1)) for i in images]))
