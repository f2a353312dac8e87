"""Rules of sixty tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collection.making.drawings import grid, layers, rules


@pytest.fixture
def things(tmp_path: Path) -> Path:
    layers(tmp_path / "layers", grid(4, 4))
    path = rules(
        tmp_path,
        60,
        '[[trait]]\ntype = "T1"\nnone = "20%"\nvalues = { v3 = { count = 9 } }\n'
        '[[number]]\ntype = "Luck"\nfrom = 3\nto = 5\ndisplay_type = "boost_number"\n'
        '[prompts]\nlora = "things"\n',
    )
    path.write_text('base_uri = "ipfs://CID/"\n' + path.read_text("utf-8"), "utf-8")
    return path
