"""The command line on a node: what is asked before money or a secret goes out, and what needs neither."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gistchain.ledger.contracts import compiled
from gistchain.ledger.deployed import DEPLOY_GAS
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, free_port, needs_anvil
from tests.support.faults import faulty
from tests.support.forks import HANGS_S
from tests.support.pictures import noun

pytestmark = needs_anvil
Run = Callable[..., tuple[int, str, str]]
SEPOLIA = 11155111


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    node = Anvil()
    yield node
    node.kill()


@pytest.fixture(scope="module")
def sepolia() -> Iterator[Anvil]:
    node = Anvil("--chain-id", str(SEPOLIA))
    yield node
    node.kill()


@pytest.fixture
def key(tmp_path: Path) -> str:
    (tmp_path / "rich.key").write_text(RICH_KEY)
    return "rich.key"


def test_a_node_is_used_with_a_key_and_read_without(run: Run, anvil: Anvil, key: str, tmp_path: Path) -> None:
    image, to = noun(1, tmp_path / "a.png"), ("--rpc", anvil.url)
    code, _, err = run("register", image, *to, "--key", key)
    assert code == 2
    assert f"give --chain-id {CHAIN_ID}" in err
    code, out, err = run("register", image, *to, "--key", key, "--chain-id", CHAIN_ID, "--json")
    assert (code, lines(out)[0]["rareness"]["verified"]) == (0, True), err
    assert run("register", noun(2, tmp_path / "b.png"), *to, "--key", key)[0] == 0, "the chain is known by now"
    assert [row["token"] for row in lines(run("list", *to, "--json")[1])] == [1, 2]
    assert ", signed" in run("show", 1, *to)[1]
    assert run("rebuild", 1, *to, "-o", "back.png")[0] == 0
    assert not (tmp_path / "home" / "keys").exists(), "none was needed"


def test_an_endpoint_that_is_gone_is_done_without(run: Run, anvil: Anvil, key: str, tmp_path: Path) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    image, to = noun(7, tmp_path / "a.png"), ("--rpc", gone, "--rpc", anvil.url)
    code, out, err = run("register", image, *to, "--key", key, "--chain-id", CHAIN_ID, "--json")
    assert code == 0, err
    assert f"{gone} is left alone for now: {gone} doesn't answer" in err
    token = lines(out)[0]["token"]
    assert run("show", token, *to)[0] == 0
    code, _, err = run("list", "--rpc", gone)
    assert code == 1
    assert "doesn't answer" in err


def test_what_was_followed_is_not_asked_again(run: Run, bare: Anvil, key: str, tmp_path: Path) -> None:
    writing = ("--rpc", bare.url, "--key", key, "--chain-id", CHAIN_ID)
    assert run("deploy", *writing, "--max-fee", 1)[0] == 0
    assert run("register", *(noun(k, tmp_path / f"{k}.png") for k in (1, 2)), *writing)[0] == 0
    with faulty(bare.url) as node:
        to = ("--rpc", node.url, "--home", "another")
        asked_first = run("list", *to, "--json")[1]
        before = node.asked.count("eth_call")
        code, out, err = run("follow", *to, "--json")
        assert code == 0, err
        assert [(line["event"], line["token"]) for line in lines(out)] == [("registered", 1), ("registered", 2)]
        code, out, err = run("follow", *to)
        assert (code, out, err) == (0, "", "nothing is new\n")
        node.asked.clear()
        assert run("list", *to, "--json")[1] == asked_first
        assert node.asked.count("eth_call") == 2 < before  # how many there are, and their records
        (tmp_path / "another" / "settings.toml").write_text(f'rpc = "{node.url}"\n')
        code, out, err = run("check", tmp_path / "1.png", "--home", "another", "--json")
        assert (code, lines(out)[0]["tokens"]) == (0, [1]), err
        bare.ask("anvil_reorg", 1, [])
        assert [row["token"] for row in lines(run("list", *to, "--json")[1])] == [1]
        assert run("follow", *to)[1] == "1 token undone: the chain has replaced the blocks after 3\n"
    assert run("follow", "--home", "another2")[0] == 2


@pytest.fixture
def bare() -> Iterator[Anvil]:
    """A node on whose chain nobody has put the registry."""
    node = Anvil(registry=False)
    yield node
    node.kill()


def test_nothing_is_deployed_without_being_asked(run: Run, bare: Anvil, key: str, tmp_path: Path) -> None:
    to = ("--rpc", bare.url)
    writing = (*to, "--key", key, "--chain-id", CHAIN_ID)
    for words in (("list", *to), ("register", noun(1, tmp_path / "a.png"), *writing)):
        code, _, err = run(*words)
        assert code == 1
        assert "is not on chain 31337" in err
        assert "gistchain deploy --rpc URL --key FILE" in err
        assert "5,500,000 gas, up to 0.0" in err
    assert bare.ask("eth_blockNumber") == "0x0"
    assert run("deploy")[0] == 2
    code, _, err = run("deploy", *writing)
    assert code == 1
    assert "allow it with --max-fee" in err
    code, out, err = run("deploy", *writing, "--max-fee", 1, "--json")
    assert code == 0, err
    done = lines(out)[0]
    assert (done["contract"], done["address"], done["already"]) == ("registry", compiled("registry").address, False)
    assert abs(sum(one["gas"] for one in lines(out)) - DEPLOY_GAS) < DEPLOY_GAS // 50
    code, out, _ = run("deploy", *to, "--key", key)
    places = (f"already there: {name} {compiled(name).address} on chain 31337\n" for name in ("registry", "tables"))
    assert (code, out) == (0, "".join(places))
    assert run("register", tmp_path / "a.png", *writing)[0] == 0
    assert bare.ask("eth_blockNumber") == "0x3"


def test_a_token_is_linked_to_an_nft(run: Run, bare: Anvil, key: str, tmp_path: Path) -> None:
    writing = ("--rpc", bare.url, "--key", key, "--chain-id", CHAIN_ID)
    assert run("deploy", *writing, "--max-fee", 1)[0] == 0
    assert run("register", noun(1, tmp_path / "a.png"), *writing)[0] == 0
    for wrong in ("1:0x12:7", "1", "0:0x" + "12" * 20 + ":7", "x:0x" + "12" * 20 + ":7"):
        code, _, err = run("link-nft", 1, "--nft", wrong, *writing)
        assert code == 2
        assert "give chain id, contract and token id" in err
    nft = "1:0x" + "12" * 20 + ":77"
    code, out, err = run("link-nft", 1, "--nft", nft, *writing, "--json")
    assert (code, lines(out)) == (0, [{"token": 1, "nft": nft}]), err
    assert lines(run("show", 1, "--rpc", bare.url, "--json")[1])[0]["nft"] == nft
    assert run("link-nft", 1, "--nft", nft, *writing)[0] == 0, "said again it changes nothing"
    assert run("link-nft", 1, "--nft", nft[:-1], *writing)[0] == 1


def test_what_a_reorganisation_took_back_is_there_again(run: Run, bare: Anvil, key: str, tmp_path: Path) -> None:
    writing = ("--rpc", bare.url, "--key", key, "--chain-id", CHAIN_ID)
    assert run("deploy", *writing, "--max-fee", 1)[0] == 0
    code, out, err = run("register", noun(1, tmp_path / "a.png"), *writing, "--json", "--replace-after", 3)
    assert code == 0, err
    first = lines(out)[0]
    assert first["final"] is False
    bare.ask("anvil_reorg", 1, [])
    assert lines(run("list", "--rpc", bare.url, "--json")[1]) == []
    code, out, err = run("receipts", *writing, "--json")
    assert code == 0, err
    (again,) = lines(out)
    assert {name: again[name] for name in ("token", "tx", "owner", "gist_keccak", "final")} == {
        name: first[name] for name in ("token", "tx", "owner", "gist_keccak", "final")
    }
    assert again["block_hash"] != first["block_hash"]
    assert "token 1  block" in run("receipts", *writing)[1]
    bare.ask("anvil_mine", "0x60")
    assert "  final" in run("receipts", *writing)[1]
    assert "nothing is left to be final" in run("receipts", *writing)[2]


def test_a_token_is_minted_where_somebody_has_put_the_contracts(
    run: Run, bare: Anvil, key: str, tmp_path: Path
) -> None:
    writing = ("--rpc", bare.url, "--key", key, "--chain-id", CHAIN_ID)
    assert run("deploy", *writing, "--max-fee", 1)[0] == 0
    assert run("register", noun(1, tmp_path / "a.png"), *writing)[0] == 0
    code, _, err = run("mint", 1, *writing)
    assert code == 1
    assert "there is no contract at" in err
    assert "'gistchain deploy --token' puts it there" in err
    code, out, err = run("deploy", "--token", *writing, "--max-fee", 1, "--json")
    assert code == 0, err
    assert [(done["contract"], done["already"]) for done in lines(out)] == [
        ("registry", True), ("tables", True), ("pictures", False), ("token", False),
    ]  # fmt: skip
    code, out, err = run("mint", 1, *writing, "--json")
    done = lines(out)[0]
    assert (code, done["already"], done["token"]) == (0, False, 1), err
    assert done["nft"] == f"{CHAIN_ID}:{compiled('token').address}:1"
    code, out, _ = run("mint", 1, *writing)
    assert (code, out) == (0, f"already minted: NFT {done['nft']}\n")
    code, _, err = run("mint", 7, *writing)
    assert code == 1
    assert "7" in err
    (tmp_path / "other.key").write_text(f"{2:064x}")
    code, _, err = run("mint", 1, "--rpc", bare.url, "--key", tmp_path / "other.key")
    assert code == 1
    assert "only its owner can mint it" in err


def test_reading_makes_no_home(run: Run, anvil: Anvil, tmp_path: Path) -> None:
    before = anvil.ask("eth_blockNumber")
    assert run("list", "--rpc", anvil.url)[0] == 0
    assert anvil.ask("eth_blockNumber") == before
    assert not (tmp_path / "home").exists()


def test_a_cost_above_the_limit_is_refused_where_nobody_can_be_asked(
    run: Run, anvil: Anvil, key: str, tmp_path: Path
) -> None:
    words = ("register", noun(3, tmp_path / "a.png"), "--rpc", anvil.url, "--key", key, "--chain-id", CHAIN_ID)
    before = anvil.ask("eth_blockNumber")
    code, _, err = run(*words, "--max-fee", "0.0000001", "--yes")
    assert code == 1
    assert "the limit is 0.0000001" in err
    assert "allow it with --max-fee 0.0" in err
    assert anvil.ask("eth_blockNumber") == before
    for wrong in ("dear", "-1", "0", "nan", "1e99"):
        code, _, err = run(*words, f"--max-fee={wrong}")
        assert code == 2
        assert "give a number of coins" in err
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "settings.toml").write_text("max_fee = 0.5\n")
    assert run(*words)[0] == 0


def test_a_public_chain_needs_a_yes(run: Run, sepolia: Anvil, key: str, tmp_path: Path) -> None:
    words = ("register", noun(4, tmp_path / "a.png"), "--rpc", sepolia.url, "--key", key, "--chain-id", SEPOLIA)
    code, out, err = run(*words, "--json")
    assert code == 1
    assert lines(out)[0]["kind"] == "NotConfirmed"
    assert "nobody can take it back; say yes to that with --yes" in err
    assert sepolia.ask("eth_blockNumber") == "0x0"
    assert run(*words, "--yes")[0] == 0
    assert run("register", noun(5, tmp_path / "b.png"), *words[2:])[0] == 0, "asked once"


@pytest.mark.parametrize(("typed", "code"), [("n", 1), ("y", 0)])
def test_a_person_at_a_terminal_is_asked(
    run: Run, sepolia: Anvil, key: str, tmp_path: Path, typed: str, code: int
) -> None:
    image = noun(6, tmp_path / f"{typed}.png")
    words = ["register", str(image), "--rpc", sepolia.url, "--key", key, "--chain-id", str(SEPOLIA)]
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{typed}\n".encode())  # before it is asked: the terminal keeps it
        done = subprocess.run(
            [sys.executable, "-m", "gistchain", *words],
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=HANGS_S,
            check=False,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    assert done.returncode == code, done.stderr
    assert "nobody can take it back. Go on? [y/N]" in done.stderr


def test_a_key_on_the_command_line_is_not_repeated(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = noun(7, tmp_path / "a.png")
    for secret in (RICH_KEY, f"0x{RICH_KEY}"):
        code, out, err = run("register", image, "--key", secret, "--json")
        assert code == 2
        assert "the key itself was given, where the name of a file belongs" in err
        assert RICH_KEY[:8] not in out + err
    monkeypatch.setenv("GISTCHAIN_KEY", RICH_KEY)
    code, out, err = run("register", image)
    assert code == 2
    assert RICH_KEY[:8] not in out + err


def test_an_empty_chain_is_told_without_the_secrets_of_its_url(run: Run, bare: Anvil, key: str) -> None:
    url = bare.url.replace("http://", "http://user:hunter2@") + "/?key=hush"
    assert run("deploy", "--rpc", url, "--key", key, "--chain-id", CHAIN_ID, "--max-fee", 1)[0] == 0
    code, out, err = run("list", "--rpc", url)
    assert (code, out) == (0, "")
    assert "no tokens yet in http://127.0.0.1" in err
    assert "hunter2" not in err
    assert "hush" not in err


def test_an_endpoint_of_the_environment_or_the_settings_is_used(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = "http://127.0.0.1:1"
    monkeypatch.setenv("GISTCHAIN_RPC", nobody)
    for words in (("list",), ("register", noun(1, tmp_path / "a.png")), ("receipts",)):
        code, _, err = run(*words)
        assert code != 0, "not the embedded chain in silence"
        assert nobody in err
    monkeypatch.delenv("GISTCHAIN_RPC")
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "settings.toml").write_text(f'rpc = "{nobody}"')
    code, _, err = run("list")
    assert code != 0
    assert nobody in err
