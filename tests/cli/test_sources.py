"""What is named on the command line is read as far as it has to be."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from gistchain.cli import sources
from gistchain.errors import ImageError
from gistchain.image import MAX_FILE_BYTES


def test_of_a_stdin_that_does_not_end_no_more_is_read_than_an_image_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "endless").open("w+b") as file:
        file.truncate(10 * MAX_FILE_BYTES)  # has no blocks on the disk
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        with pytest.raises(ImageError, match=r"^stdin has more than 104,857,600 bytes: make it smaller"):
            sources.read("-")
        assert file.tell() == MAX_FILE_BYTES + 1
