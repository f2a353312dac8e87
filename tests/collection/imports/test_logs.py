"""Nodes that serve no logs, or not all, or forget: what they kept back is asked for again, and nothing is lost."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from gistchain.collection.imports import sources
from gistchain.collection.imports.record import Record
from gistchain.collection.imports.run import Done, run
from gistchain.collection.imports.sources import Contract
from gistchain.digest import keccak
from gistchain.errors import NodeDown
from tests.collection.imports.scene import BOB, LOGS, fetching, imported, minted, nft, rows
from tests.support.anvil import Anvil, needs_anvil
from tests.support.faults import Asked, Fault, faulty, hangs_up, refuses
from tests.support.nfts import ENUMERABLE, ERC721, Deployed

pytestmark = needs_anvil


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
        assert (done.failed, words in done.problems[0].problem) == (1, True), "it is asked twice and no more"
