"""The folders that training reads and writes."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "gistchain" / "models" / "weights"
GOLDEN = ROOT / "tests" / "golden"
CACHE = ROOT / "training" / "cache"
"""Whatever can be drawn, fetched or computed again; git ignores it."""
