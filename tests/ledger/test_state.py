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

from gistchain.errors import FileDamaged, LedgerError, UnknownToken
from gistchain.ledger.evm import EvmLedger, open_embedded
from gistchain.ledger.snapshot import Snapshot
from gistchain.ledger.state import images
from gistchain.types import Ledger, RarenessTicket
from tests.support.forks import Child
from tests.support.rights import without_rights


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """A home with forty tokens, and the images that the contract says they are of."""
    home = tmp_path_factory.mktemp("kept")
    ticket = RarenessTicket(0.5, "original", b"\1" * 32, 1, 2, 3)
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


def test_a_chain_is_read_while_another_process_has_it(home: Path) -> None:
    with open_embedded(home) as ledger:
        assert len(images(home)) == 40
        with Snapshot(home) as before:
            ledger.put(b"meanwhile", image_sha3_256=b"\7" * 32)
            assert before.count() == 40, "it shows the chain as it was"
            assert before.find(b"\7" * 32) is None
        with Snapshot(home) as after:
            assert after.gist_of(41) == b"meanwhile"


def test_a_snapshot_says_what_the_contract_says(home: Path) -> None:
    with open_embedded(home) as ledger:
        said = [
            (t, ledger.gist_of(t.id), ledger.rareness_of(t.id), ledger.find(t.image_sha3_256)) for t in ledger.tokens()
        ]
        name = ledger.name
    with Snapshot(home) as snapshot:
        assert isinstance(snapshot, Ledger)
        assert [
            (t, snapshot.gist_of(t.id), snapshot.rareness_of(t.id), snapshot.find(t.image_sha3_256))
            for t in snapshot.tokens()
        ] == said
        assert snapshot.name == name
        for token in (0, -1, 41, 2**255, 2**256):
            for ask in (snapshot.gist_of, snapshot.token, snapshot.rareness_of):
                with pytest.raises(UnknownToken):
                    ask(token)
        with pytest.raises(LedgerError, match="opened to be read"):
            snapshot.put(b"x", image_sha3_256=b"\1" * 32)
    rated = [rareness for _, _, rareness, _ in said if rareness is not None]
    assert len(rated) == 20
    assert all(rareness.verified for rareness in rated)


@pytest.mark.parametrize("left", ["closed", "log without index", "log with index"])
def test_a_home_that_can_not_be_written_is_read(home: Path, left: str) -> None:
    if left == "closed":
        open_embedded(home).close()
    else:
        with open_embedded(home) as ledger:
            ledger.put(b"in the log", image_sha3_256=b"\7" * 32)
            copies = {path.name: path.read_bytes() for path in home.glob("chain.sqlite*")}
        for name, content in copies.items():
            if left == "log with index" or not name.endswith("-shm"):
                (home / name).write_bytes(content)
    before = sorted(path.name for path in home.rglob("*"))
    home.chmod(0o555)
    for path in home.glob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert Child(count_without_rights, home, 40 if left == "closed" else 41).finish() == 0
    finally:
        home.chmod(0o755)
    assert sorted(path.name for path in home.rglob("*")) == before


def count_without_rights(home: Path, tokens: int) -> None:
    without_rights()
    with pytest.raises(PermissionError):
        (home / "new").touch()
    with Snapshot(home) as snapshot:
        assert len(list(snapshot.tokens())) == tokens
    assert len(images(home)) == tokens


def test_reading_makes_no_home_and_no_key(tmp_path: Path) -> None:
    with Snapshot(tmp_path / "nowhere") as snapshot:
        assert list(snapshot.tokens()) == []
        assert snapshot.find(b"\1" * 32) is None
        with pytest.raises(UnknownToken):
            snapshot.token(1)
    assert list(tmp_path.iterdir()) == []


def test_a_chain_that_is_gone_is_not_taken_for_an_empty_one(home: Path) -> None:
    (home / "chain.sqlite").unlink()
    with pytest.raises(FileDamaged, match="it is gone"):
        Snapshot(home)


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
from gistchain.ledger.snapshot import Snapshot
tickets = [Snapshot(Path(sys.argv[1])).rareness_of(token + 1) for token in range(40)]
heavy = ("web3", "eth", "eth_account", "eth_utils", "eth_keys", "rlp", "trie", "requests")
print(len(tickets), [name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=True)
    assert done.stdout == "40 []\n"


def test_an_open_chain_finds_images_in_its_state_as_the_contract_does(
    home: Path, kept: tuple[Path, list[bytes]]
) -> None:
    with open_embedded(home) as ledger:
        for image in (*kept[1], b"\1" * 32):
            assert ledger.find(image) == EvmLedger.find(ledger, image)
        ledger.put(b"one more", image_sha3_256=b"\1" * 32)
        assert ledger.find(b"\1" * 32) == EvmLedger.find(ledger, b"\1" * 32) == 41
