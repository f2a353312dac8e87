"""The registry's address, which follows from its code, and what puts it there: proxy, transaction, retry."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gistchain.errors import LedgerError, NotConfirmed, OutOfGas
from gistchain.ledger.compile import ARGUMENTS, standard_input
from gistchain.ledger.contracts import DEPLOYED, FOR_WALLETS, PROXY, PROXY_RUNTIME, compiled
from gistchain.ledger.deployed import PROXY_SIGNER, PROXY_TRANSACTION, PROXY_WEI, Deployed, deploy
from gistchain.ledger.evm import open_embedded, open_rpc
from gistchain.ledger.recover import checksummed
from gistchain.ledger.transaction import call_of, sender_of
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.places import ROOT

LEDGER = ROOT / "gistchain" / "ledger"


OURS = (*DEPLOYED, *FOR_WALLETS)


@pytest.mark.parametrize("name", OURS)
def test_the_address_follows_from_the_bytecode(name: str) -> None:
    from eth_utils import keccak, to_checksum_address

    contract = compiled(name)
    digest = keccak(b"\xff" + PROXY + bytes(32) + keccak(contract.bytecode))
    assert contract.address == to_checksum_address(digest[12:])
    assert f"`{contract.address}`" in (ROOT / "docs" / "contract.md").read_text("utf-8")


def test_the_proxys_transaction_is_the_well_known_one() -> None:
    import rlp
    from eth_utils import keccak

    assert sender_of(PROXY_TRANSACTION) == PROXY_SIGNER
    call = call_of(PROXY_TRANSACTION)
    assert (call.to, call.value_wei) == (None, 0)
    assert PROXY_RUNTIME in call.data
    assert keccak(rlp.encode([bytes.fromhex(PROXY_SIGNER[2:]), b""]))[12:] == PROXY


@pytest.mark.parametrize("name", OURS)
def test_what_an_explorer_is_given_is_what_is_compiled(name: str) -> None:
    """That it compiles to the contract is told by test_ledger.py."""
    given = (LEDGER / f"{name}.input.json").read_text("utf-8")
    assert given == standard_input(name)
    for file, source in json.loads(given)["sources"].items():
        assert source["content"] == (LEDGER / file).read_text("utf-8")
    arguments = b"".join(
        bytes.fromhex(compiled(other).address[2:]).rjust(32, b"\0") for other in ARGUMENTS.get(name, ())
    )
    assert compiled(name).bytecode.endswith(arguments)


@pytest.mark.parametrize("name", [*OURS, "base64", "card", "layers", "plain"])
def test_nothing_in_the_sources_is_what_vypers_advisories_are_about(name: str) -> None:
    source = (LEDGER / f"{name}.vy").read_bytes()
    assert source.isascii()
    assert b"\f" not in source
    code = [line.split(b"#")[0] for line in source.splitlines()]
    for word in (b"create_from_blueprint", b" if ", b"msg.value", b"sqrt", b"@raw_return"):
        lines = [line for line in code if word in line and not line.lstrip().startswith(b"if ") and b"@" not in line]
        assert not [line for line in lines if word != b" if " or b" else " in line], word


def test_the_embedded_chain_has_both_from_its_genesis(tmp_path: Path) -> None:
    with open_embedded(tmp_path) as ledger:
        connection = ledger.node.connection
        assert ledger.registry == compiled("registry").address
        assert connection.code(checksummed(PROXY)) == PROXY_RUNTIME
        assert connection.nonce(ledger.registry, "latest") == 1


@pytest.fixture
def node() -> Iterator[Anvil]:
    started = Anvil(registry=False)
    yield started
    started.kill()


Deploy = Callable[..., Deployed]


@pytest.fixture
def deploying(node: Anvil, tmp_path: Path) -> Deploy:
    (tmp_path / "rich.key").write_text(RICH_KEY)
    usual: dict[str, Any] = {"chain_id": CHAIN_ID, "max_fee": Decimal(1), "timeout_s": 20}
    return lambda home="home", **more: deploy(node.url, tmp_path / home, tmp_path / "rich.key", **{**usual, **more})[0]


@needs_anvil
def test_it_is_deployed_once_for_everybody(node: Anvil, deploying: Deploy, tmp_path: Path) -> None:
    wanted = r"is not on chain 31337 .*'gistchain deploy --rpc URL --key FILE --chain-id 31337 --max-fee (0\.\d+)'"
    with pytest.raises(LedgerError, match=wanted) as missing:
        open_rpc(node.url, tmp_path / "home")
    with pytest.raises(NotConfirmed, match="--max-fee"):
        deploying(max_fee=Decimal("0.001"))
    advised = re.search(wanted, str(missing.value))
    assert advised is not None
    done = deploying(max_fee=Decimal(advised[1]))
    assert (done.address, done.already, done.block) == (compiled("registry").address, False, 1)
    assert deploying("another").already
    with open_rpc(node.url, tmp_path / "third") as ledger:
        assert (ledger.registry, ledger.count()) == (done.address, 0)


@needs_anvil
def test_a_missing_proxy_is_put_there_where_its_signer_can_pay(node: Anvil, deploying: Deploy) -> None:
    proxy = checksummed(PROXY)
    node.ask("anvil_setCode", proxy, "0x")
    node.ask("anvil_setNonce", proxy, "0x0")
    with pytest.raises(OutOfGas, match=rf"proxy {proxy} is not on .* account {PROXY_SIGNER}.*send it 0\.01000"):
        deploying()
    node.ask("anvil_setBalance", PROXY_SIGNER, hex(PROXY_WEI))
    assert not deploying().already
    assert node.ask("eth_getCode", proxy, "latest") == f"0x{PROXY_RUNTIME.hex()}"


@needs_anvil
def test_another_contract_in_the_proxys_place_is_not_used(node: Anvil, deploying: Deploy) -> None:
    node.ask("anvil_setCode", checksummed(PROXY), "0x00")
    with pytest.raises(LedgerError, match=r"another contract stands in place of the deployment proxy .*--registry"):
        deploying()


@needs_anvil
def test_a_registry_elsewhere_is_named(node: Anvil, deploying: Deploy, tmp_path: Path) -> None:
    elsewhere = "0x" + "77" * 20
    node.ask("anvil_setCode", elsewhere, f"0x{compiled('registry').runtime.hex()}")
    node.ask("anvil_setNonce", elsewhere, "0x1")
    home, key = tmp_path / "home", tmp_path / "rich.key"
    with open_rpc(node.url, home, key, chain_id=CHAIN_ID, registry=elsewhere) as ledger:
        token = ledger.put(b"elsewhere" * 20, image_sha3_256=b"\1" * 32).token
    with open_rpc(node.url, home, key) as again:
        assert again.registry.lower() == elsewhere, "remembered"
        assert again.gist_of(token) == b"elsewhere" * 20
