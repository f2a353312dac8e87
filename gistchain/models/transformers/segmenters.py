"""Image -> its main subject, by networks for semantic segmentation.

The mask is 1 - P(background) where one of the classes is the background, as in VOC. Where none is (ADE20K, Cityscapes),
the subject is taken to be the class that is likeliest in the middle of the image (half its width and height).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.models.transformers.loading import Checkpoint, need
from gistchain.models.transformers.running import check_place, memory, positive, rgb, running, torch_dtype
from gistchain.models.transformers.statedict import fill, module, state_dict
from gistchain.types import Pixels

_LESS = "a smaller dtype or checkpoint"
# What torchvision's weights were trained with: mean and deviation of ImageNet's colours.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LARGEST_ASPECT = 2  # beyond, the long side decides: a strip of 500 x 3 pixels must not become 86,667 x 520


class HfSegmenter:
    """Fulfils Segmenter by any network for semantic segmentation of transformers: SegFormer, BEiT, DPT, UperNet ..."""

    def __init__(
        self,
        source: str,
        *,
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        self._checkpoint = Checkpoint("segmenter 'segformer'", source, device, dtype, allow_download, allow_pickle)
        self._model = self._checkpoint.model("AutoModelForSemanticSegmentation", _kinds())
        self._images = self._checkpoint.part("AutoImageProcessor", backend="pil")
        names = {int(k): str(name).strip().casefold() for k, name in self._model.config.id2label.items()}
        self._background = next((k for k, name in names.items() if name == "background"), None)

    def mask(self, image: Pixels) -> NDArray[np.float32]:
        with self._checkpoint.running(_LESS):
            pixels = self._images(images=rgb(image), return_tensors="pt").pixel_values
            pixels = pixels.to(self._checkpoint.device, torch_dtype(self._checkpoint.dtype))
            return subject(self._checkpoint.who, self._model(pixel_values=pixels).logits, image, self._background)


class FcnSegmenter:
    """Fulfils Segmenter by torchvision's FCN (Long et al. 2015; S4.1), on ResNet-50 or -101 as the weights are.

    source: see statedict.py. side: pixels of the shorter side that the network sees, 520 as in its training.
    """

    def __init__(
        self,
        source: str = "fcn_resnet50",
        *,
        side: int = 520,
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        self._who, self._device, self._dtype, self._side = "segmenter 'fcn'", device, dtype, positive(side, "side")
        need(self._who, "torch", "transformers")
        check_place(device, dtype)
        nets = module(self._who, "torchvision.models.segmentation")
        state = state_dict(
            self._who, source, lambda: str(nets.FCN_ResNet50_Weights.DEFAULT.url),
            allow_download=allow_download, allow_pickle=allow_pickle,
        )  # fmt: skip
        with memory(self._who, device, _LESS):
            self._model = _fcn(self._who, source, nets, state).to(device, torch_dtype(dtype))

    def mask(self, image: Pixels) -> NDArray[np.float32]:
        with running(self._who, self._device, "a smaller side"):
            pixels = normalised(_fitted(image, self._side)).to(self._device, torch_dtype(self._dtype))
            return subject(self._who, self._model(pixels)["out"], image, background=0)


def subject(who: str, logits: Any, image: Pixels, background: int | None) -> NDArray[np.float32]:
    """The mask, of the image's size, of a network's (1, classes, h, w) logits."""
    import torch

    chances = torch.softmax(logits.float(), 1)
    if background is None:
        height, width = chances.shape[2:]
        middle = chances[0, :, height // 4 : height - height // 4, width // 4 : width - width // 4]
        chance = chances[:, [int(middle.mean((1, 2)).argmax())]]
    else:
        chance = 1 - chances[:, [background]]
    full = torch.nn.functional.interpolate(chance, image.shape[:2], mode="bilinear", align_corners=False)
    mask: NDArray[np.float32] = full[0, 0].clamp(0, 1).cpu().numpy()
    if not np.isfinite(mask).all():
        raise ModelError(f"{who} computed a mask that is not finite: its weights are broken, or the dtype too narrow")
    return mask


def normalised(image: Pixels) -> Any:
    """Tensor (1, 3, H, W), float32, in standard deviations from the mean colour of ImageNet."""
    import torch

    pixels = (image / 255 - np.array(MEAN)) / np.array(DEVIATION)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32))


def _fitted(image: Pixels, side: int) -> Pixels:
    height, width = image.shape[:2]
    scale = min(side / min(height, width), _LARGEST_ASPECT * side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(rgb(image).resize(size, 2))  # bilinear, as in the training


def _kinds() -> tuple[str, ...]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES as NETWORKS

    return ("segformer", *sorted(NETWORKS.keys() - {"segformer"}))


def _fcn(who: str, source: str, nets: Any, state: Any) -> Any:
    if not isinstance(state, dict) or "classifier.4.weight" not in state:
        raise ModelError(f"{source} holds no FCN of torchvision: {who} wants weights of fcn_resnet50 or fcn_resnet101")
    deep = "backbone.layer3.22.conv1.weight" in state
    make = nets.fcn_resnet101 if deep else nets.fcn_resnet50
    classes = int(state["classifier.4.weight"].shape[0])
    network = make(weights=None, weights_backbone=None, num_classes=classes, aux_loss=False)
    return fill(who, source, network, state, unused=("aux_classifier.",))
