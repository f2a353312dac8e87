"""collection import --register: one's own tokens through the batch, once, and those of others named and left out."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.commands import Command, rehearsed
from tests.support.kills import aims
from tests.support.nfts import ERC721, ERC1155, Deployed
from tests.support.pictures import encoded, noun, sha3

Run = Callable[..., tuple[int, str, str]]
ALICE = "0x" + "aa" * 20
ONE_PROCESS = "--jobs", 1


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def document(out: str) -> dict[str, Any]:
    """The one JSON document of a command."""
    (only,) = lines(out)
    return only


@pytest.fixture
def cats(tmp_path: Path) -> Path:
    """A folder of five tokens; the picture of one can't be read, that of another shows nothing."""
    folder = tmp_path / "cats"
    folder.mkdir()
    for k in range(5):
        noun(k, folder / f"{k}.png")
        (folder / f"{k}.json").write_text(json.dumps({"name": f"Cat #{k}", "attributes": []}), "utf-8")
    (folder / "1.png").write_bytes(b"no picture")
    Image.new("RGB", (40, 40), "white").save(folder / "3.png")
    return folder


def test_a_folder_s_complete_tokens_are_registered_once(run: Run, cats: Path, tmp_path: Path) -> None:
    images = tmp_path / "home" / "imports" / "cats" / "images"
    words = "collection", "import", cats, "--register", *ONE_PROCESS, "--json"
    code, out, err = run(*words)
    assert code == 1, "the blank picture is left out"
    told = document(out)
    assert told["tokens"] == {"complete": 4, "failed": 1}, err
    registered = told["registered"]
    assert [Path(one["image"]) for one in registered["tokens"]] == [images / f"{k}.png" for k in (0, 2, 4)]
    assert sorted(one["token"] for one in registered["tokens"]) == [1, 2, 3]
    (blank,) = registered["left_out"]
    assert (Path(blank["image"]).name, "one colour" in blank["error"]) == ("3.png", True)
    assert registered["others"] == []
    assert registered["images"] == str(images)
    listed = lines(run("list", "--json")[1])
    assert sorted(one["image_sha3_256"] for one in listed) == sorted(sha3(images / f"{k}.png") for k in (0, 2, 4))
    assert {one["owner"] for one in listed} == {registered["account"]}

    # Again, a token more, and by the other command: nothing twice.
    (cats / "3.png").unlink()
    again = document(run(*words)[1])["registered"]
    assert all(one["already"] for one in again["tokens"])
    noun(7, cats / "7.png")
    (cats / "7.json").write_text('{"name": "Cat #7", "attributes": []}', "utf-8")
    more = document(run(*words)[1])["registered"]["tokens"]
    assert [(Path(one["image"]).stem, one["already"]) for one in more][-1] == ("7", False)
    by_hand = lines(run("register", images, "--batch", *ONE_PROCESS, "--json")[1])
    assert [one["already"] for one in by_hand if "error" not in one] == [True] * 4
    assert len(lines(run("list", "--json")[1])) == 4

    # Whoever gives the source folder to `register` too would have every token twice: the answer says so.
    out = run("collection", "import", cats, "--register", *ONE_PROCESS)[1]
    assert f"cats: what was registered are the standard forms in {images}\n" in out
    assert f"don't register {cats} as well: its files are other ones" in out


def test_one_that_is_killed_goes_on_and_does_nothing_twice(run: Run, cats: Path, tmp_path: Path) -> None:
    for k in (1, 3, 4):
        (cats / f"{k}.png").unlink()
        (cats / f"{k}.json").unlink()
    words = "collection", "import", cats, "--register", *ONE_PROCESS, "--json", "--home"
    steps = rehearsed(tmp_path / "rehearsal", *words, tmp_path / "other")
    (aim,) = aims([step for step in steps if "bulk" in step or "outbox" in step], 1, random.Random(16))
    home = tmp_path / "killed"
    command = Command(tmp_path / "said", *words, home, aim=aim)
    command.child.wait()
    command.child.kill()
    code, out, err = run(*words, home)
    assert code == 0, (aim, err)
    told = document(out)
    assert told["fetched"] == 0, "what was imported is not imported again"
    assert sorted(one["token"] for one in told["registered"]["tokens"]) == [1, 2]
    assert len(lines(run("list", "--json", "--home", home)[1])) == 2


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    started = Anvil()
    yield started
    started.kill()


def minted(nft: Deployed, owner: str, number: int, tmp_path: Path) -> None:
    image = base64.b64encode(noun(number, tmp_path / "drawn.png", 32).read_bytes()).decode()
    told = json.dumps({"name": f"Cool Cat #{number}", "image": f"data:image/png;base64,{image}", "attributes": []})
    nft.send("mint(address,uint256,string)", owner, number, f"data:application/json,{told}")


@needs_anvil
def test_of_a_contract_only_one_s_own_tokens_are_registered(run: Run, node: Anvil, tmp_path: Path) -> None:
    (tmp_path / "rich.key").write_text(RICH_KEY)
    nft = Deployed(node, ERC721)
    mine = nft.sender  # the account that is rich
    for number, owner in enumerate((mine, ALICE, mine)):
        minted(nft, owner, number, tmp_path)
    account = "--key", tmp_path / "rich.key", "--chain-id", CHAIN_ID, *ONE_PROCESS
    words = "collection", "import", nft.address, "--rpc", node.url, "--register", *account
    code, out, err = run(*words)
    assert code == 0, err
    assert "1 of 3 tokens are not known to be" in out
    assert f"  1: owned by {ALICE}" in out.lower()
    assert "2 tokens in 1 batch" in out
    # What was sold since is another's.
    nft.send("move(address,uint256)", ALICE, 2)
    code, out, err = run(*words, "--json")
    assert code == 0, err
    told = document(out)
    registered = told["registered"]
    assert [(Path(one["image"]).stem, one["already"]) for one in registered["tokens"]] == [("0", True)]
    assert [(one["id"], one["owner"].lower()) for one in registered["others"]] == [("1", ALICE), ("2", ALICE)]
    assert all(one["block"] <= told["block"] for one in registered["others"])
    nft.send("move(address,uint256)", ALICE, 0)
    code, out, err = run(*words, "--json")
    assert (code, document(out)["registered"]["tokens"]) == (1, [])
    assert "nothing was registered: none of the tokens is owned by 0x" in err


@needs_anvil
def test_a_list_of_contracts_is_registered_in_one_run_and_told_one_by_one(
    run: Run, node: Anvil, tmp_path: Path
) -> None:
    (tmp_path / "rich.key").write_text(RICH_KEY)
    first, second = Deployed(node, ERC721), Deployed(node, ERC721)
    for nft, numbers in ((first, (20, 21)), (second, (21, 22))):  # one picture stands in both
        for number in numbers:
            minted(nft, nft.sender, number, tmp_path)
    (tmp_path / "list.txt").write_text(f"{first.address}\n{ALICE}\n{second.address}\n")
    account = "--key", tmp_path / "rich.key", *ONE_PROCESS, "--json"
    words = "collection", "import", "--list", "list.txt", "--rpc", node.url, "--register", *account
    code, out, err = run(*words)
    assert code == 2
    assert "--chain-id" in err
    assert set(lines(out)[-1]) == {"error", "kind"}, "the import is done, and the registering is refused"
    code, out, err = run(*words, "--chain-id", CHAIN_ID)
    assert code == 1, "for the address without a contract"
    failed, *told = lines(out)
    assert failed["source"] == ALICE
    assert [one["contract"].lower() for one in told] == [first.address.lower(), second.address.lower()]
    assert [one["fetched"] for one in told] == [0, 0]
    became = [[(Path(of["image"]).stem, of["token"]) for of in one["registered"]["tokens"]] for one in told]
    assert [[stem for stem, _ in one] for one in became] == [["20", "21"], ["21", "22"]]
    assert became[0][1][1] == became[1][0][1], "the same picture is the same token"


@needs_anvil
def test_where_nobody_tells_the_owner_no_token_is_one_s_own(run: Run, node: Anvil, tmp_path: Path) -> None:
    (tmp_path / "rich.key").write_text(RICH_KEY)
    image = base64.b64encode(encoded(Image.new("RGB", (2, 2), "red"))).decode()
    told = json.dumps({"name": "Item", "image": f"data:image/png;base64,{image}", "attributes": []})
    nft = Deployed(node, ERC1155, ("string", f"data:application/json,{told}"))
    nft.send("mint(address,uint256[])", nft.sender, [7])
    account = "--key", tmp_path / "rich.key", "--chain-id", CHAIN_ID, *ONE_PROCESS
    code, out, _ = run("collection", "import", nft.address, "--rpc", node.url, "--register", *account)
    assert code == 1
    assert "  7: nobody tells its owner" in out


def test_what_registers_nothing_takes_no_options_of_registering(run: Run, cats: Path, tmp_path: Path) -> None:
    (tmp_path / "a.collection").write_bytes(b"GCL1 exported")
    for words, says in (
        ((cats, "--key", "k"), "--key is for --register"),
        ((cats, "--max-fee", "1"), "--max-fee is for --register"),
        ((cats, "--guarantee", "proof"), "--guarantee is for --register"),
        ((cats, "--yes"), "--yes is for --register"),
        (("a.collection", "--register"), "is an exported file"),
    ):
        code, _, err = run("collection", "import", *words)
        assert (code, says in err) == (2, True), err
    assert not (tmp_path / "home").exists()
