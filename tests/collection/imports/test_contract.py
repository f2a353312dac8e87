"""A real contract on a real node, and gateways that fail, stall and lie: imported, moved on, and imported again."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyarrow import parquet

from gistchain.collection.imports import sources
from gistchain.collection.imports.record import ImportedToken, Record
from gistchain.collection.imports.run import run
from gistchain.collection.imports.sources import Contract, Obtained
from gistchain.errors import CollectionError, LedgerError
from gistchain.ledger import nft as nft_module
from gistchain.ledger.nft import MOST_IDS
from tests.collection.imports.scene import ALICE, BOB, LOGS, data_uri, fetching, imported, nft, png, rows, told
from tests.support.anvil import Anvil, needs_anvil
from tests.support.faults import changed, faulty
from tests.support.ipfs import Store, gateway
from tests.support.localweb import Reply, served
from tests.support.nfts import COIN, ERC721, ERC1155, LOGGING, PUNKS, Deployed

pytestmark = needs_anvil
FOREVER = 2**256 - 1


def test_a_contract_is_imported_interrupted_moved_on_and_imported_again(node: Anvil, tmp_path: Path) -> None:
    store = Store()
    images = store.folder({f"{n}.png": png(n) for n in range(6)})
    texts = store.folder({f"{n}.json": told(n, f"ipfs://{images}/{n}.png") for n in range(6)})
    cats = Deployed(node, ERC721)
    for n in range(6):
        cats.send("mint(address,uint256,string)", ALICE, n, f"ipfs://{texts}/{n}.json")
    cats.send("mint(address,uint256,string)", ALICE, 10**40, "")  # sparse ids, an empty URI
    cats.send("break_it(uint256)", 3)
    cats.send("move(address,uint256)", "0x" + "00" * 20, 5)  # burnt
    folder = tmp_path / "imports" / "cats"
    with gateway(store, lies=True) as liar, gateway(store) as honest:
        for path in (f"{images}/2.png", store.file(png(2))):  # below its folder, or by itself
            honest.wrong[f"/ipfs/{path}"] = [Reply(b"", status=504)]
        for path in (f"{texts}/1.json", store.file(told(1, f"ipfs://{images}/1.png"))):
            honest.stalls.add(f"/ipfs/{path}")
        with fetching(liar.url, honest.url) as gateways:
            first = imported(node, cats.address, folder, gateways)
        assert first.counts == {"complete": 2, "failed": 4, "burnt": 1}
        assert first.about.subject == "Cool Cats"
        with Record(folder) as record:
            problems = {token.id: token.problem for token in record.tokens("failed", "burnt")}
            zero = record.get("0")
        assert zero is not None
        assert zero.attributes == (("Hat", "hat 0"), ("Level", "0"))
        assert (zero.owner.lower(), zero.width, zero.height) == (ALICE, 512, 768)
        assert zero.media is not None
        assert (zero.media.verified, zero.media.kind) == ("verified", "PNG")
        assert "more than" in problems["1"]
        assert "status 504" in problems["2"]
        assert "refuses to tell its URI" in problems["3"]
        assert "burnt" in problems["5"]
        assert "its URI is empty" in problems[str(10**40)]
        # Only what failed is tried again, and only where that is asked for.
        honest.stalls.clear()
        with fetching(honest.url) as gateways:
            assert imported(node, cats.address, folder, gateways).fetched == 0
            again = imported(node, cats.address, folder, gateways, retry=True)
        assert (again.fetched, again.counts["complete"]) == (2, 4)
        # Transferred and changed since.
        cats.send("move(address,uint256)", BOB, 0)
        cats.send("change(uint256,string)", 4, f"ipfs://{texts}/5.json")
        with fetching(honest.url) as gateways:
            later = imported(node, cats.address, folder, gateways)
        assert later.fetched == 2
        assert rows(folder)["0"][1].lower() == BOB
        with Record(folder) as record:
            four = record.get("4")
        assert four is not None
        assert four.title == "Cool Cat #5"
    table = parquet.read_table(folder / "manifest.parquet")
    assert sorted(table["id"].to_pylist(), key=int) == ["0", "1", "2", "3", "4", "5", str(10**40)]
    assert set(table["state"].to_pylist()) == {"complete", "failed", "burnt"}
    assert all((folder / path).exists() for path in table["picture"].to_pylist() if path)


def test_a_limit_that_is_raised_later_fetches_the_rest_and_nothing_twice(node: Anvil, tmp_path: Path) -> None:
    cats = Deployed(node, ERC721)
    for n in range(5):
        cats.send("mint(address,uint256,string)", ALICE, n, f"data:application/json,{told(n, data_uri(n)).decode()}")
    folder = tmp_path / "imports" / "cats"
    with fetching() as gateways:
        for limit, fetched in ((2, 2), (2, 0), (4, 2), (None, 1), (None, 0)):
            done = imported(node, cats.address, folder, gateways, limit=limit)
            assert (done.fetched, done.failed) == (fetched, 0), limit


def test_an_import_that_ended_half_way_does_not_fetch_again_what_it_has(node: Anvil, tmp_path: Path) -> None:
    cats = Deployed(node, ERC721)
    for n in range(4):
        cats.send("mint(address,uint256,string)", ALICE, n, f"data:application/json,{told(n, data_uri(n)).decode()}")
    folder = tmp_path / "imports" / "cats"

    class Interrupted(Contract):
        def obtain(self, token: ImportedToken) -> Obtained:
            if token.id == "3":
                raise KeyboardInterrupt
            return super().obtain(token)

    with fetching() as gateways:
        with pytest.raises(KeyboardInterrupt):
            run(folder, Interrupted(nft(node, cats.address), gateways, name="cats"))
        with Record(folder) as record:
            there = record.counts().get("complete", 0)
        assert imported(node, cats.address, folder, gateways).fetched == 4 - there


def test_huge_ranges_are_bounded_and_all_can_be_stale(node: Anvil, tmp_path: Path) -> None:
    cats = Deployed(node, ERC721)
    cats.send("consecutive(address,uint256,uint256,uint256)", ALICE, 0, FOREVER, 5)
    folder = tmp_path / "imports" / "cats"
    with fetching() as gateways:
        done = imported(node, cats.address, folder, gateways, limit=5)
        assert done.counts == {"failed": 5}
        assert any("more than are read" in note for note in done.notes)
        contract = nft(node, cats.address)
        (only,) = contract.changes(0, contract.last()[0])
        assert (only.ids, only.too_many > 0) == ([range(MOST_IDS)], True)
        for n in range(5):
            cats.send("change(uint256,string)", n, f"data:application/json,{told(n, data_uri(n)).decode()}")
        assert imported(node, cats.address, folder, gateways, retry=True).counts == {"complete": 5}
        cats.send("change_all(uint256)", FOREVER)
        assert imported(node, cats.address, folder, gateways, limit=5).fetched == 5


def test_a_contract_has_so_many_tokens_however_many_logs_name_more(
    node: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (nft_module, sources):
        monkeypatch.setattr(module, "MOST_IDS", 60)
    cats = Deployed(node, ERC721)
    for k in range(4):
        cats.send("consecutive(address,uint256,uint256,uint256)", ALICE, 10 * k, FOREVER, 1)
        cats.send("consecutive(address,uint256,uint256,uint256)", ALICE, 1_000 * k, 1_000 * k + 39, 1)
    folder = tmp_path / "imports" / "cats"
    with fetching() as gateways:
        done = imported(node, cats.address, folder, gateways)
        assert sum(done.counts.values()) == 60
        assert any("tokens more than are read: at most 60 of one contract" in note for note in done.notes)
        for n in range(70, 75):
            cats.send("mint(address,uint256,string)", ALICE, n, "")
        assert sum(imported(node, cats.address, folder, gateways).counts.values()) == 60


def test_logs_of_another_form_are_passed_over_and_counted(node: Anvil, tmp_path: Path) -> None:
    cats = Deployed(node, LOGGING)
    cats.send("mint(address,uint256,string)", ALICE, 5, f"data:application/json,{told(5, data_uri(5)).decode()}")
    words = [number.to_bytes(32, "big") for number in (7, 9, 11)]
    odd = 0
    for event in (nft_module._CONSECUTIVE, nft_module._UPDATES, nft_module._TRANSFER, nft_module._UPDATE):
        for topics in range(4):
            for data in (b"", b"\x01", bytes(64)):
                kinds = ",".join(["bytes32"] * (topics + 1))
                if (event, topics, len(data)) == (nft_module._UPDATES, 0, 64):
                    continue
                if event == nft_module._TRANSFER and (topics == 3 or len(data) == 64):
                    continue
                if event == nft_module._UPDATE and (topics or len(data) == 64):
                    continue
                cats.send(f"log_{topics + 1}({kinds},bytes)", event, *words[:topics], data)
                odd += 1
    with fetching() as gateways:
        done = imported(node, cats.address, tmp_path / "imports" / "cats", gateways)
    assert rows(done.folder).keys() == {"5"}
    assert done.notes == (f"{odd} logs were passed over: their fields are not where the standard has them",)


def test_an_erc1155_s_logs_of_another_form_are_passed_over(node: Anvil) -> None:
    strange = Deployed(node, LOGGING.replace("[0x80ac58cd,", "[0xd9b67a26,"))
    for event in (nft_module._SINGLE, nft_module._BATCH, nft_module._URI):
        for data in (b"", bytes(31), b"\xff" * 64):
            strange.send("log_1(bytes32,bytes)", event, data)
            strange.send("log_4(bytes32,bytes32,bytes32,bytes32,bytes)", event, *[bytes(32)] * 3, data[:63])
    contract = nft(node, strange.address)
    (only,) = contract.changes(0, contract.last()[0])
    assert (only.ids, only.stale, only.odd) == ([], [], 18)


def test_a_log_of_another_contract_is_the_node_s_lie(node: Anvil) -> None:
    cats = Deployed(node, ERC721)
    cats.send("mint(address,uint256,string)", ALICE, 5, "")
    with faulty(node.url) as liar:
        contract = nft(liar, cats.address)
        assert [one.ids for one in contract.changes(0, contract.last()[0])] == [[range(5, 6)]]
        liar.faults[LOGS] = changed(lambda logs: [{**log, "address": "0x" + "22" * 20} for log in logs])
        with pytest.raises(LedgerError, match="shows another log than those asked for"):
            list(contract.changes(0, contract.last()[0]))


def test_what_is_burnt_or_has_lost_its_content_keeps_its_picture_and_says_so(node: Anvil, tmp_path: Path) -> None:
    cats = Deployed(node, ERC721)
    for n in range(2):
        cats.send("mint(address,uint256,string)", ALICE, n, f"data:application/json,{told(n, data_uri(n)).decode()}")
    cats.send("mint(address,uint256,string)", ALICE, 2, "")
    folder = tmp_path / "imports" / "cats"
    with fetching() as gateways:
        assert imported(node, cats.address, folder, gateways).counts == {"complete": 2, "failed": 1}
        cats.send("change(uint256,string)", 0, "")
        cats.send("move(address,uint256)", "0x" + "00" * 20, 1)
        assert imported(node, cats.address, folder, gateways).counts == {"failed": 2, "burnt": 1}
    kept = "; the picture of an earlier import is kept"
    for row in parquet.read_table(folder / "manifest.parquet").to_pylist():
        assert row["problem"].endswith(kept) == (row["id"] != "2"), row
        assert bool(row["picture"]) == (row["id"] != "2")


def test_ids_of_an_erc1155_without_logs_are_not_guessed(node: Anvil, tmp_path: Path) -> None:
    items = Deployed(node, ERC1155, ("string", "https://nowhere.example/{id}"))
    with fetching() as gateways:
        assert imported(node, items.address, tmp_path / "imports" / "items", gateways).counts == {}


def test_an_erc1155_has_its_id_in_hex_in_the_uri(node: Anvil, tmp_path: Path) -> None:
    with served() as site:
        items = Deployed(node, ERC1155, ("string", f"{site.url}/{{id}}.json"))
        items.send("mint(address,uint256[])", ALICE, [255, 7])
        for token in (7, 255):
            site.routes[f"/{token:064x}.json"] = Reply(told(token, f"{site.url}/{token}.png"))
            site.routes[f"/{token}.png"] = Reply(png(token), "image/png")
        with fetching() as gateways:
            done = imported(node, items.address, tmp_path / "imports" / "items", gateways)
    assert (done.counts, done.about.standard) == ({"complete": 2}, "erc1155")


def test_punks_are_read_from_their_own_contract(node: Anvil, tmp_path: Path) -> None:
    punks = Deployed(node, PUNKS)
    folder = tmp_path / "imports" / "punks"
    with fetching() as gateways:
        done = imported(node, punks.address, folder, gateways)
    assert done.problems == ()
    assert (done.counts, done.about.standard, done.about.supply) == ({"complete": 3}, "cryptopunks", 3)
    with Record(folder) as record:
        one = record.get("1")
    assert one is not None
    assert one.attributes == (("type", "Male"), ("accessory", "Smile"), ("accessory", "Mohawk"))
    assert one.media is not None
    assert (one.media.kind, one.media.verified) == ("SVG", "verified")


def test_what_is_no_contract_of_tokens_is_told(node: Anvil, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no contract stands at"):
        nft(node, ALICE)
    with pytest.raises(LedgerError, match="no address"):
        nft(node, "0x12")
    with pytest.raises(LedgerError, match="neither ERC-721 nor ERC-1155"):
        nft(node, Deployed(node, COIN).address)
    cats = Deployed(node, ERC721)
    other = Deployed(node, ERC721)
    folder = tmp_path / "imports" / "cats"
    with fetching() as gateways:
        imported(node, cats.address, folder, gateways)
        with pytest.raises(CollectionError, match="give --name for another"):
            imported(node, other.address, folder, gateways)
