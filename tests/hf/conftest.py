"""Tiny checkpoints, each made once a session, and nothing but what is on disk."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Networks this small only wait for their threads."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Name of a checkpoint, one of checkpoints.MAKERS -> its folder, which tests leave as it is."""
    from tests.hf import (
        checkpoints,  # not above: test_torchvision.py can't have transformers' networks loaded before its fixture
    )

    @functools.cache
    def made(name: str) -> Path:
        return checkpoints.MAKERS[name](tmp_path_factory.mktemp(name))

    return made
