"""Measured gaps of results/link_predict.json -> the table in gistchain/link/gaps.py.

    python -m benchmarks.link_predict_fit        # prints the table; --check: fails where gaps.py has another one

gap_db at 1% of the points of TRAINING, by modulation, bits a use and bits of a segment; blocks in several segments
count as one of them where there is no other of that size.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from benchmarks.report import RESULTS
from gistchain.link.blockcode import MOST_POLAR_BITS
from gistchain.link.gaps import GAPS_DB, Gaps

ORDER = "qpsk", "16qam", "64qam", "256qam"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    found = measured(json.loads((RESULTS / "link_predict.json").read_text("utf-8"))["figures"]["points"])
    if not parser.parse_args().check:
        print("\n".join(_lines(found)))
    elif found != GAPS_DB:
        sys.exit("gistchain/link/gaps.py is not what was measured: python -m benchmarks.link_predict_fit")


def measured(points: dict[str, Any]) -> Gaps:
    found: Gaps = {name: {} for name in ORDER}
    for row in sorted(points["training"], key=lambda row: (row["segments"], row["rate"], row["bits"])):
        line = found[row["modulation"]].setdefault(row["rate"], {})
        line.setdefault(round(row["bits"] / row["segments"]), round(row["gap_db"]["0.01"], 2))
    return {
        name: {rate: dict(sorted(line.items())) for rate, line in sorted(rows.items())} for name, rows in found.items()
    }


def _lines(gaps: Gaps) -> list[str]:
    lines = ["GAPS_DB: Gaps = {"]
    for name, rows in gaps.items():
        lines.append(f'    "{name}": {{')
        for rate, line in rows.items():
            short = {bits: gap for bits, gap in line.items() if bits <= MOST_POLAR_BITS}
            lines += [f"        {rate}: {short}", f"        | { ({k: v for k, v in line.items() if k not in short}) },"]
        lines.append("    },")
    return [*lines, "}  # fmt: skip"]


if __name__ == "__main__":
    main()
