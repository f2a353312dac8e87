"""What holds for all tests: neither the speed of the machine nor the number of its cores decides."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Before numpy is imported, and for every child: threads of matrix products wait for each other by spinning, which on a
# machine that is busy costs five times the work itself.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
