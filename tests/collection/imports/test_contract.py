"""A real contract on a real node, and gateways that fail, stall and lie: imported, moved on, and imported again."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

from gistchain.collection.imports import sources
from gistchain.collection.imports.record import ImportedToken, Record
from gistchain.collection.imports.run import Done, run
from gistchain.collection.imports.sources import Contract, Obtained
from gistchain.digest import keccak
from gistchain.errors import CollectionError, LedgerError, NodeDown
from gistchain.internet.gateways import Gateways
from gistchain.ledger import nft as nft_module
from gistchain.ledger.dialled import to_read
from gistchain.ledger.nft import MOST_IDS, NftContract
from tests.support.anvil import Anvil, needs_anvil
from tests.support.faults import Asked, Fault, FaultyNode, changed, faulty, hangs_up, refuses
from tests.support.ipfs import Store, gateway
from tests.support.localweb import LOOPBACK, Reply, served
from tests.support.nfts import COIN, ENUMERABLE, ERC721, ERC1155, LOGGING, PUNKS, Deployed

pytestmark = needs_anvil
ALICE, BOB = "0x" + "aa" * 20, "0x" + "bb" * 20
FOREVER = 2**256 - 1
LOGS = "eth_getLogs"
_CONNECTIONS = ExitStack()


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    started = Anvil(registry=False)
    yield started
    started.kill()


def png(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 16, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def told(number: int, image: str) -> bytes:
    attributes = [{"trait_type": "Hat", "value": f"hat {number}"}, {"trait_type": "Level", "value": number}]
    return json.dumps({"name": f"Cool Cat #{number}", "image": image, "attributes": attributes}).encode()


@pytest.fixture(autouse=True)
def hung_up() -> Iterator[None]:
    with _CONNECTIONS:
        yield


def nft(node: Anvil | FaultyNode, address: str) -> NftContract:
    made, _ = to_read([node.url], None, 20.0, None, _CONNECTIONS)
    return NftContract(made, address, punks_data=address)


def imported(node: Anvil | FaultyNode, address: str, folder: Path, gateways: Gateways, **options: object) -> Done:
    return run(folder, Contract(nft(node, address), gateways, name=folder.name), **options)  # type: ignore[arg-type]


def fetching(*urls: str) -> Gateways:
    return Gateways(ipfs=urls, arweave=(), allow=LOOPBACK, per_s=0, within_s=2.0, rounds=1, pause=lambda s: None)


def rows(folder: Path) -> dict[str, tuple[str, str]]:
    with Record(folder) as record:
        return {token.id: (token.state, token.owner) for token in record.tokens()}


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


def test_a_contract_s_own_list_is_asked_for_once_and_again_where_logs_are_missing(node: Anvil, tmp_path: Path) -> None:
    cats, folder = Deployed(node, ENUMERABLE), tmp_path / "imports" / "cats"
    asked, listing = 0, "0x" + keccak(b"tokenByIndex(uint256)").hex()[:8]

    def counting(one: Asked) -> Any:
        nonlocal asked
        asked += str(one.params[0]["data"]).startswith(listing)
        return one.passed_on()

    with faulty(node.url) as before, fetching() as gateways:
        before.faults["eth_call"] = counting

        def again(limit: int | None = None) -> tuple[int, int]:
            """(tokens that were fetched, ids that were asked for)"""
            nonlocal asked
            asked = 0
            return imported(before, cats.address, folder, gateways, limit=limit).fetched, asked

        minted(cats, *range(3))
        assert again(2) == (2, 2)
        assert again() == (1, 3), "the limit has cut the list"
        assert again() == (0, 0)
        cats.send("move(address,uint256)", BOB, 0)
        assert again() == (1, 0), "which a log tells"
        minted(cats, 3)
        assert again() == (1, 4), "the supply is another"
        cats.send("move(address,uint256)", BOB, 1)
        before.faults[LOGS] = refuses("pruned history unavailable")
        assert again() == (0, 4), "the node has no logs of the last blocks"
        assert again() == (0, 0), "nothing has come since"
        del before.faults[LOGS]
        assert again() == (1, 0), "it tells them later"


def minted(cats: Deployed, *tokens: int) -> None:
    for n in tokens:
        cats.send("mint(address,uint256,string)", ALICE, n, f"data:application/json,{told(n, data_uri(n)).decode()}")


def keeps_no_logs_before(block: int) -> Fault:
    """A node that refuses every range in which there is an earlier one."""

    def fault(asked: Asked) -> dict[str, Any]:
        if int(asked.params[0]["fromBlock"], 16) < block:
            return {"jsonrpc": "2.0", "error": {"code": 4444, "message": "pruned history unavailable"}}
        return asked.passed_on()

    return fault


def test_blocks_whose_logs_were_not_served_are_asked_for_again(node: Anvil, tmp_path: Path) -> None:
    cats = Deployed(node, ERC721)
    minted(cats, 5_000, 7_000)  # no id that trying finds
    node.ask("anvil_mine", "0x20")
    minted(cats, 9_000)
    folder, last = tmp_path / "imports" / "cats", int(node.ask("eth_blockNumber"), 16)
    with fetching() as gateways, faulty(node.url) as pruned:
        pruned.faults[LOGS] = keeps_no_logs_before(last)
        for _ in range(2):
            done = imported(pruned, cats.address, folder, gateways)
            assert done.counts == {"complete": 1}
            assert f"logs of {last:,} blocks were not served: the next import asks for them again" in done.notes
        cats.send("move(address,uint256)", BOB, 9_000)
        pruned.faults.clear()
        done = imported(pruned, cats.address, folder, gateways)
        assert (done.counts, done.fetched) == ({"complete": 3}, 3), "two that are new, and the one that was moved"
        asked = len(pruned.asked)
        assert imported(pruned, cats.address, folder, gateways).fetched == 0
        assert pruned.asked[asked:].count(LOGS) == 0
    assert rows(folder)["9000"][1].lower() == BOB


def test_a_single_block_that_is_refused_costs_no_other(node: Anvil, tmp_path: Path) -> None:
    cats = Deployed(node, ERC721)
    minted(cats, *range(5_000, 5_012))
    last = int(node.ask("eth_blockNumber"), 16)
    bad = {last - 10, last - 4}

    def fault(asked: Asked) -> dict[str, Any]:
        first, end = (int(asked.params[0][name], 16) for name in ("fromBlock", "toBlock"))
        if bad & {*range(first, end + 1)}:
            return {"jsonrpc": "2.0", "error": {"code": -32005, "message": "too many results"}}
        return asked.passed_on()

    with fetching() as gateways, faulty(node.url) as full:
        full.faults[LOGS] = fault
        done = imported(full, cats.address, tmp_path / "imports" / "cats", gateways)
    assert done.counts == {"complete": 10}
    assert "logs of 2 blocks were not served: the next import asks for them again" in done.notes


def test_a_block_to_start_from_that_is_too_high_is_not_remembered_as_read(node: Anvil, tmp_path: Path) -> None:
    cats = Deployed(node, ERC721)
    minted(cats, 5_000, 5_001, 5_002)
    folder, last = tmp_path / "imports" / "cats", int(node.ask("eth_blockNumber"), 16)

    def since(start: int) -> Done:
        with fetching() as gateways:
            return run(folder, Contract(nft(node, cats.address), gateways, name="cats", start=start))

    assert since(last).counts == {"complete": 1}
    assert (since(last - 1).fetched, since(0).fetched, since(0).fetched) == (1, 1, 0)


@pytest.mark.parametrize("source", [ERC721, ENUMERABLE])
def test_ids_that_were_asked_for_before_the_node_went_away_are_kept(
    source: str, node: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_ASKED_AT_ONCE", 2)
    cats = Deployed(node, source)
    minted(cats, *range(6))
    folder = tmp_path / "imports" / "cats"
    of_one = ("0x" + keccak(b"ownerOf(uint256)").hex()[:8], "0x" + keccak(b"tokenByIndex(uint256)").hex()[:8])
    seen, shares = 0, list[tuple[str, float]]()

    def dies(asked: Asked) -> Any:
        nonlocal seen
        seen += str(asked.params[0]["data"]).startswith(of_one)
        return hangs_up(although_taken=False)(asked) if seen > 5 else asked.passed_on()

    with fetching() as gateways, faulty(node.url) as mortal:
        mortal.faults = {LOGS: refuses("pruned history unavailable"), "eth_call": dies}
        with pytest.raises(NodeDown):
            imported(mortal, cats.address, folder, gateways, progress=lambda what, share: shares.append((what, share)))
        assert rows(folder).keys() == {"0", "1", "2", "3"}
        assert any(what.startswith("4 ids") and 0 < share <= 1 for what, share in shares)
        mortal.faults.clear()
        assert imported(mortal, cats.address, folder, gateways).counts == {"complete": 6}


def test_ids_are_tried_one_by_one_beside_those_that_logs_name(node: Anvil, tmp_path: Path) -> None:
    cats = Deployed(node, ENUMERABLE.replace("0x780e9d63, ", ""))  # it tells its supply, and lists nothing
    minted(cats, 0, 1, 2, 5_000)
    node.ask("anvil_mine", "0x10")
    minted(cats, 4)
    folder, last = tmp_path / "imports" / "cats", int(node.ask("eth_blockNumber"), 16)
    with fetching() as gateways, faulty(node.url) as pruned:
        pruned.faults[LOGS] = keeps_no_logs_before(last)
        done = imported(pruned, cats.address, folder, gateways)
        assert rows(folder).keys() == {"0", "1", "2", "4"}
        assert "the contract says that it has 5 tokens, 4 are known" in done.notes
        asked = len(pruned.asked)
        imported(pruned, cats.address, folder, gateways)
        assert pruned.asked[asked:].count("eth_call") < 10, "that was tried"


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


@pytest.mark.parametrize("words", ["missing trie node 1234 (path )", "header not found", "state is not available"])
def test_a_node_that_forgets_the_state_of_the_block_is_asked_at_a_newer_one(
    words: str, node: Anvil, tmp_path: Path
) -> None:
    cats = Deployed(node, ERC721)
    minted(cats, 0, 1, 2, 3)
    folder, pinned = tmp_path / "imports" / "cats", int(node.ask("eth_blockNumber"), 16)
    served, lock = [0], threading.Lock()

    def forgets(asked: Asked) -> Any:
        at = asked.params[1]
        if at != "latest" and int(at, 16) == pinned:
            with lock:
                served[0] += 1
                if served[0] > 3:  # two calls a token: the second token's URI is asked for too late
                    if served[0] == 4:
                        node.ask("anvil_mine", "0x2")
                    return {"jsonrpc": "2.0", "error": {"code": -32000, "message": words}}
        return asked.passed_on()

    with fetching() as gateways, faulty(node.url) as full:
        full.faults["eth_call"] = forgets
        assert imported(full, cats.address, folder, gateways).counts == {"complete": 4}
        with Record(folder) as record:
            blocks = {token.block for token in record.tokens()}
            about = record.about()
        assert blocks <= {pinned, pinned + 2}
        assert pinned + 2 in blocks
        assert about is not None
        assert about.block == pinned, "logs were read to there"
        full.faults["eth_call"] = lambda asked: (
            refuses(words)(asked) if asked.params[1] != "latest" else asked.passed_on()
        )
        cats.send("move(address,uint256)", BOB, 0)
        done = imported(full, cats.address, folder, gateways)
        assert (done.failed, words in done.problems[0][0]) == (1, True), "it is asked twice and no more"


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


def data_uri(seed: int) -> str:
    import base64

    return "data:image/png;base64," + base64.b64encode(png(seed)).decode()


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
