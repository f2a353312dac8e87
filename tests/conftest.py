"""What holds for all tests: neither the speed of the machine nor the number of its cores decides.

And their order: the files that take longest come first, so that at the end no process waits long for another.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Before numpy is imported, and for every child: threads of matrix products wait for each other by spinning, which on a
# machine that is busy costs five times the work itself.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

# Half a minute and more, the longest first. Their order is all that hangs on this list.
_LONGEST = (
    "cli/test_cli.py",
    "bulk/test_bulk.py",
    "models/test_layers.py",
    "collection/test_collection_train.py",
    "ledger/test_embedded_kill.py",
    "ledger/test_ledger.py",
    "ledger/test_evm_node.py",
    "ledger/test_follow.py",
    "ledger/test_storm.py",
    "cli/test_dry_run.py",
    "ledger/test_token_uri.py",
    "link/test_frame.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get("/".join(item.path.parts[-2:]), len(places)))
