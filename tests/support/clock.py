"""How much work something may be, measured so that other programs on the machine don't count."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def costs_at_most(cpu_s: float) -> Iterator[None]:
    """Asserts that the block takes no more CPU seconds of this process."""
    began = time.process_time()
    yield
    assert time.process_time() - began < cpu_s
