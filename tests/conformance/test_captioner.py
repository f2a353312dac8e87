"""What every Captioner must do."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.models.captioner import TraitCaptioner
from gistchain.types import Captioner

MODELS = {name: lambda name=name: TraitCaptioner(name) for name in ("captioner-default", "captioner-second")}


@pytest.fixture(params=MODELS, scope="module")
def captioner(request: pytest.FixtureRequest) -> Captioner:
    return MODELS[request.param]()


def test_it_is_a_captioner(captioner: Captioner) -> None:
    assert isinstance(captioner, Captioner)


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (64, 64), (700, 512)])
def test_it_says_something_of_any_size_with_a_confidence(captioner: Captioner, shape: tuple[int, int]) -> None:
    said = captioner.caption(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8))
    assert isinstance(said.text, str)
    assert 0 <= said.confidence <= 1


def test_it_says_the_same_again_and_leaves_the_image_alone(captioner: Captioner) -> None:
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    before = image.copy()
    assert captioner.caption(image) == captioner.caption(image)
    assert (image == before).all()


def test_it_takes_an_image_that_may_not_be_written_to(captioner: Captioner) -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image.setflags(write=False)
    captioner.caption(image)
