"""docs/search.md has an entry for every row of NFT1000 that search is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "search.md").read_text("utf-8")


@pytest.mark.parametrize("row", ["S3.2", "S3.9", "S3.11"])
def test_every_row_has_an_entry(row: str) -> None:
    assert any(f"{row}{end}" in PAGE for end in (",", ")", "."))
