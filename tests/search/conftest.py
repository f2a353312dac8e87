"""A home with an imported collection, indexed with its pictures: made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gistchain.collection.known import punks
from gistchain.collection.tokens import Tokens
from gistchain.search.index import Index
from gistchain.settings import Settings
from tests.support.collections import put_tokens

COUNT = 40


def some_punks(count: int = COUNT) -> Tokens:
    every = punks.tokens()
    part = slice(0, count)
    return Tokens(every.traits, every.names[part], every.images[part], every.labels[part])


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("search") / "home"
    put_tokens(home, "cryptopunks", some_punks(), side=96)
    with Index(Settings(home)) as index:
        index.bring(lambda text: None)
        index.embed(None, lambda what, share: None, lambda text: None)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "home"))
