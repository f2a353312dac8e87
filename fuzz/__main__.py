"""Reads one input again, which `make fuzz` found: python -m fuzz TARGET FILE"""

from __future__ import annotations

import sys
from pathlib import Path

from fuzz.targets import TARGETS

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"python -m fuzz TARGET FILE; targets: {', '.join(target.name for target in TARGETS)}")
    target = next(target for target in TARGETS if target.name == sys.argv[1])
    print(target.reader()(Path(sys.argv[2]).read_bytes()))
