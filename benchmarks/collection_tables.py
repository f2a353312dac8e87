"""benchmarks/results of imports -> the tables of docs/collections.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.markdown import table


def _imports(figures: dict[str, Any]) -> str:
    rows = [
        [
            "fetched and proven, metadata and image",
            str(figures["tokens"]),
            f"{figures['fetched_per_s']:.0f} tokens a second",
        ],
        ["standard form of PNG of 800 x 800", str(figures["drawn"]), f"{figures['standard_forms_per_s']:.0f} a second"],
        ["whole import, small PNG", str(figures["imported"]), f"{figures['imported_per_s']:.0f} tokens a second"],
        [
            "memory, after a tenth of them and at the end",
            str(figures["imported"]),
            f"{figures['peak_mib_at_a_tenth']:.0f} and {figures['peak_mib_at_the_end']:.0f} MiB",
        ],
    ]
    return table(["on two cores", "N", "measured"], rows)


def _mint_plan(figures: dict[str, Any]) -> str:
    same = "the same bytes" if figures["same_bytes"] else "OTHER BYTES"
    rows = [
        [
            "made, faster and slower run",
            f"{figures['tokens']:,}",
            " and ".join(f"{s:.0f} s" for s in figures["seconds"]),
        ],
        ["two runs", f"{figures['tokens']:,}", f"{same}, {figures['different_pictures']:,} different pictures"],
        [
            f"--check beside {figures['registered']} images, a token more",
            f"{figures['checked']:,}",
            f"{figures['seconds_more_a_token']:.2f} s",
        ],
    ]
    return table(["on two cores", "N", "measured"], rows)


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {"imports": _imports, "mint_plan": _mint_plan}
