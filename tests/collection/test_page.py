"""docs/collections.md has an entry for every row of NFT1000 that gistchain has to do with collections."""

from __future__ import annotations

from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "collections.md").read_text("utf-8")


@pytest.mark.parametrize("row", ["S3.1", "S3.2", "S3.3", "S3.4", "S3.5", "S3.6", "S3.8", "S3.10", "T3.2", "T1.6"])
def test_every_row_has_an_entry(row: str) -> None:
    assert any(f"{row}{end}" in PAGE for end in (",", ")", "."))
