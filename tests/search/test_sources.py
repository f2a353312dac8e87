"""The index follows what it is made of: imports that change or go, a chain that grows, is replaced or is put back."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from dataclasses import replace
from pathlib import Path

from gistchain.collection.imports.record import Record as ImportRecord
from gistchain.gist.packet import pack
from gistchain.ledger.evm import EvmLedger, open_embedded, open_rpc
from gistchain.search.index import Index
from gistchain.search.sources import Brought
from gistchain.settings import Settings
from gistchain.types import Gist
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.collections import put_plain

CATS = ((("hat", "Red"),), (("hat", "Blue"), ("eyes", "Green")), ())
_images = itertools.count(1)


def bring(home: Path, rpc: str | None = None) -> Brought:
    with Index(Settings(home, rpc=(rpc,) if rpc else ())) as index:
        return index.bring(lambda text: None)


def captions(home: Path) -> list[str]:
    with Index(Settings(home)) as index:
        return [item.caption for item in index.record.items(list(range(index.record.highest() + 1)))]


def put(ledger: EvmLedger, caption: str) -> int:
    image = hashlib.sha3_256(b"image %d" % next(_images)).digest()
    return ledger.put(pack(Gist((caption,), (24, 24))), image_sha3_256=image).token


def test_an_import_that_changes_is_read_again_and_one_that_goes_is_forgotten(tmp_path: Path) -> None:
    folder = put_plain(tmp_path, "cats", CATS, subject="Cats")
    put_plain(tmp_path, "dogs", CATS[:1], subject="Dogs")
    assert (bring(tmp_path).added, bring(tmp_path)) == (4, Brought())
    with ImportRecord(folder, write=True) as record:
        token = record.get("2")
        assert token is not None
        record.put([replace(token, owner="0x" + "ab" * 20)])
    assert bring(tmp_path) == Brought(added=1)
    with Index(Settings(tmp_path)) as index:
        number = index.record.number("reference", "cats", "2")
        assert number is not None
        (item,) = index.record.items([number])
        assert item.owner == "0x" + "ab" * 20
        assert (item.traits, item.caption) == (CATS[1], "A picture of Cats, containing Blue hat, Green eyes")
    shutil.rmtree(folder)
    assert bring(tmp_path) == Brought(forgotten=3)
    assert captions(tmp_path) == ["A picture of Dogs, containing Red hat"]


def test_a_damaged_import_is_named_and_left_as_it_was(tmp_path: Path) -> None:
    folder = put_plain(tmp_path, "cats", CATS, subject="Cats")
    bring(tmp_path)
    (folder / "record.sqlite").write_bytes(b"no database" * 1000)
    for log in folder.glob("record.sqlite-*"):
        log.unlink()
    said: list[str] = []
    with Index(Settings(tmp_path)) as index:
        assert index.bring(said.append).failed == ["cats"]
    assert "cats was left as it was" in said[0]
    assert len(captions(tmp_path)) == 3


def test_the_homes_own_chain_is_read_on_and_anew_where_an_older_one_was_put_back(tmp_path: Path) -> None:
    home, older = tmp_path / "home", tmp_path / "older"
    with open_embedded(home, None) as ledger:
        put(ledger, "A picture of Cats, containing Red hat")
    assert bring(home) == Brought(added=1)
    shutil.copytree(home, older)
    with open_embedded(home, None) as ledger:
        put(ledger, "two")
        put(ledger, "three")
    assert bring(home) == Brought(added=2)
    for file in home.glob("chain*"):
        file.unlink()
    for file in older.glob("chain*"):
        shutil.copy(file, home)
    assert bring(home) == Brought(added=1, forgotten=3)
    assert captions(home) == ["A picture of Cats, containing Red hat"]


@needs_anvil
def test_tokens_of_orphaned_blocks_go_and_their_followers_come(tmp_path: Path) -> None:
    anvil, home = Anvil(), tmp_path / "home"
    try:
        (tmp_path / "rich.key").write_text(RICH_KEY)
        with open_rpc(anvil.url, tmp_path / "own", tmp_path / "rich.key", chain_id=CHAIN_ID, timeout_s=60) as ledger:
            put(ledger, "first")
            put(ledger, "second")
            assert bring(home, anvil.url).added == 2
            put(ledger, "gone")
            assert bring(home, anvil.url).added == 1
            assert captions(home) == ["first", "second", "gone"]
            anvil.ask("anvil_reorg", 1, [])
            brought = bring(home, anvil.url)
            assert brought.forgotten >= 1
            assert captions(home) == ["first", "second"]
            put(ledger, "third")  # what the chain took back is sent again before
            bring(home, anvil.url)
            assert sorted(captions(home)) == ["first", "gone", "second", "third"]
            assert bring(home, anvil.url) == Brought()
    finally:
        anvil.kill()
