"""A node with contracts of strangers, for the tests of one module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.collection.imports.scene import CONNECTIONS
from tests.support.anvil import Anvil


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    started = Anvil(registry=False)
    yield started
    started.kill()


@pytest.fixture(autouse=True)
def hung_up() -> Iterator[None]:
    with CONNECTIONS:
        yield
