"""collection import --list: contracts one after the other, where one fails and where the command is interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gistchain.collection.imports.record import ImportedToken
from gistchain.collection.imports.sources import Contract, Obtained
from tests.support.anvil import Anvil, needs_anvil
from tests.support.localweb import Reply, Site, served
from tests.support.nfts import ERC721, Deployed
from tests.support.pictures import noun

Run = Callable[..., tuple[int, str, str]]
ALICE = "0x" + "aa" * 20
TOKENS = 3


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    started = Anvil(registry=False)
    yield started
    started.kill()


def cats(node: Anvil, site: Site, which: str, folder: Path) -> str:
    """Address of a contract whose tokens lie at the site, below this name."""
    made = Deployed(node, ERC721)
    for n in range(TOKENS):
        told = {"name": f"Cool Cat #{n}", "image": f"{site.url}/{which}/{n}.png", "attributes": []}
        site.routes[f"/{which}/{n}.json"] = Reply(json.dumps(told).encode(), "application/json")
        site.routes[f"/{which}/{n}.png"] = Reply(noun(n, folder / "drawn.png", 32).read_bytes(), "image/png")
        made.send("mint(address,uint256,string)", ALICE, n, f"{site.url}/{which}/{n}.json")
    return made.address.lower()


@needs_anvil
def test_finished_contracts_are_not_fetched_again_and_one_that_fails_stops_none(
    run: Run, node: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served() as site:
        first, second, third = (cats(node, site, name, tmp_path) for name in ("first", "second", "third"))
        (tmp_path / "list.txt").write_text("\n".join((first, ALICE, second, third)))
        words = "collection", "import", "--list", "list.txt", "--rpc", node.url, "--allow-host", "127.0.0.1", "--json"

        obtain = Contract.obtain

        def interrupted(self: Contract, token: ImportedToken) -> Obtained:
            if second in self.origin.lower() and token.id == "1":
                raise KeyboardInterrupt
            return obtain(self, token)

        with monkeypatch.context() as pressed:
            pressed.setattr(Contract, "obtain", interrupted)
            code, out, _ = run(*words)
        assert code == 130
        finished, failed = map(json.loads, out.splitlines())
        assert (finished["contract"].lower(), finished["tokens"]) == (first, {"complete": TOKENS})
        assert (failed["source"], failed["kind"]) == (ALICE, "LedgerError")

        asked = len(site.requests)
        code, out, err = run(*words)
        assert code == 1
        assert f"{ALICE}: no contract stands at" in err
        told = [one for line in out.splitlines() if "error" not in (one := json.loads(line))]
        assert [(one["contract"].lower(), one["tokens"]) for one in told] == [
            (one, {"complete": TOKENS}) for one in (first, second, third)
        ]
        assert (told[0]["fetched"], told[2]["fetched"]) == (0, TOKENS)
        assert not [path for path in site.asked()[asked:] if path.startswith("/first/")]
        wanted = {f"/{name}/{n}.png" for name in ("first", "second", "third") for n in range(TOKENS)}
        assert {path for path in site.asked() if path.endswith(".png")} == wanted

        asked = len(site.requests)
        code, out, _ = run(*words)
        assert [json.loads(line).get("fetched") for line in out.splitlines()] == [0, None, 0, 0]
        assert len(site.requests) == asked


@pytest.mark.parametrize("option", ["--name", "--subject"])
def test_what_one_collection_is_called_is_not_given_to_many(run: Run, option: str) -> None:
    code, _, err = run("collection", "import", "pfp-30", option, "mine")
    assert code == 2
    assert "here are 30" in err
