"""The adapters of the hf extra where it is not installed: they are there, and say what to install."""

from __future__ import annotations

import importlib
import importlib.util

import pytest

from gistchain.errors import ModelError
from gistchain.models.zoo.table import TABLE, ModelRow

ROWS = [row for row in TABLE if row.extra == "hf"]


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed in this environment")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.kind}-{row.name}")
def test_the_error_names_the_extra(row: ModelRow) -> None:
    module, _, name = row.target.partition(":")
    with pytest.raises(ModelError, match=r"needs (torch|diffusers).*pip install 'gistchain\[hf\]'"):
        getattr(importlib.import_module(module), name)(row.source)
