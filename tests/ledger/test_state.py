"""The tokens' images as they lie in the state, against what the contract itself says."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gistchain.disk.lock import FileLock
from gistchain.errors import FileBusy, FileDamaged
from gistchain.ledger.evm import open_embedded
from gistchain.ledger.state import images
from gistchain.types import RarenessTicket


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """A home with forty tokens, and the images that the contract says they are of."""
    home = tmp_path_factory.mktemp("kept")
    ticket = RarenessTicket(0.5, "original", b"\1" * 32)
    with open_embedded(home) as ledger:
        for n in range(40):
            image = b"\0" * (n % 3) + os.urandom(32 - n % 3)  # the state leaves leading zeros out
            ledger.put(b"." * (10 + 4 * n), image_sha3_256=image, rareness=ticket if n % 2 else None)
        return home, [token.image_sha3_256 for token in ledger.tokens()]


@pytest.fixture
def home(kept: tuple[Path, list[bytes]], tmp_path: Path) -> Path:
    return shutil.copytree(kept[0], tmp_path / "a home? #1%")


def test_the_state_holds_the_images_that_the_contract_tells(kept: tuple[Path, list[bytes]], home: Path) -> None:
    assert len(kept[1]) == 40
    assert images(home) == kept[1]
    with open_embedded(home) as ledger:
        ledger.put(b"one more", image_sha3_256=b"\7" * 32)
    assert images(home) == [*kept[1], b"\7" * 32]


def test_without_a_chain_there_are_none_and_none_is_made(tmp_path: Path) -> None:
    assert images(tmp_path / "nowhere") == []
    assert not (tmp_path / "nowhere").exists()
    with open_embedded(tmp_path / "empty"):
        pass
    assert images(tmp_path / "empty") == []


def test_a_chain_in_use_is_said_to_be(home: Path) -> None:
    with FileLock(home / "chain.lock", wait_s=0), pytest.raises(FileBusy):
        images(home, wait_s=0)
    assert len(images(home)) == 40


@pytest.mark.parametrize("statement", [
    "DELETE FROM chain WHERE key = CAST('v1:canonical_head_hash' AS BLOB)",
    "DELETE FROM chain WHERE length(key) = 32 AND length(value) > 500",
    "UPDATE chain SET value = zeroblob(length(value)) WHERE length(key) = 32",
    "DROP TABLE chain",
])  # fmt: skip
def test_damage_is_told(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / "chain.sqlite")) as db, db:
        assert db.execute(statement).rowcount
    with pytest.raises(FileDamaged, match=r"chain\.sqlite is damaged"):
        images(home)


def test_another_file_is_not_taken_for_a_chain(home: Path) -> None:
    (home / "chain.sqlite").unlink()
    with closing(sqlite3.connect(home / "chain.sqlite")) as db:
        db.execute("CREATE TABLE chain (key BLOB PRIMARY KEY, value BLOB, crc32 INTEGER)")
    with pytest.raises(FileDamaged, match="not a gistchain chain"):
        images(home)


def test_neither_web3_nor_py_evm_is_loaded(home: Path) -> None:
    code = """
import sys
from pathlib import Path
from gistchain.ledger.state import images
print(len(images(Path(sys.argv[1]))), [name for name in ("web3", "eth", "eth_account") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=True)
    assert done.stdout == "40 []\n"
