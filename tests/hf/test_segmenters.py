"""A SegFormer on a tiny random checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from gistchain.models.transformers import HfSegmenter
from gistchain.models.transformers.segmenters import subject
from tests.conformance.checks import check_segmenter, shapes
from tests.hf import checkpoints


def test_any_segmenter_of_transformers_is_one(folder: Callable[[str], Path]) -> None:
    check_segmenter(HfSegmenter(str(folder("segformer"))))


def test_the_mask_is_what_is_not_background(folder: Callable[[str], Path]) -> None:
    image = shapes(1, (64, 64))
    model = transformers.SegformerForSemanticSegmentation.from_pretrained(folder("segformer")).eval()
    images = transformers.SegformerImageProcessorPil.from_pretrained(folder("segformer"))
    with torch.no_grad():
        logits = model(**images(Image.fromarray(image), return_tensors="pt")).logits
    coarse = 1 - torch.softmax(logits, 1)[:, :1]
    expected = torch.nn.functional.interpolate(coarse, (64, 64), mode="bilinear")[0, 0].numpy()
    mask = HfSegmenter(str(folder("segformer"))).mask(image)
    np.testing.assert_allclose(mask, expected, atol=1e-5)
    assert mask.std() > 0.01


def test_without_a_background_the_class_in_the_middle_is_the_subject(tmp_path: Path) -> None:
    check_segmenter(HfSegmenter(str(checkpoints.segformer(tmp_path, ("sky", "ball", "dog")))))
    logits = torch.zeros(1, 3, 8, 8)
    logits[0, 2, 2:6, 2:6] = 9.0
    logits[0, 0, :2] = 9.0
    mask = subject("a test", logits, np.zeros((8, 8, 3), np.uint8), None)
    assert (mask[2:6, 2:6] > 0.99).all()
    assert (mask[:2] < 0.01).all()


@pytest.mark.parametrize("shape", [(7, 300), (300, 7)])
def test_the_mask_has_the_shape_of_the_image(folder: Callable[[str], Path], shape: tuple[int, int]) -> None:
    assert HfSegmenter(str(folder("segformer"))).mask(np.zeros((*shape, 3), np.uint8)).shape == shape
