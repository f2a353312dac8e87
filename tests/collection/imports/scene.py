"""A contract on a node and what its tokens show, imported into a folder."""

from __future__ import annotations

import base64
import io
import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image

from gistchain.collection.imports.record import Record
from gistchain.collection.imports.run import Done, run
from gistchain.collection.imports.sources import Contract
from gistchain.internet.gateways import Gateways
from gistchain.ledger.dialled import to_read
from gistchain.ledger.nft import NftContract
from tests.support.anvil import Anvil
from tests.support.faults import FaultyNode
from tests.support.localweb import LOOPBACK
from tests.support.nfts import Deployed

ALICE, BOB = "0x" + "aa" * 20, "0x" + "bb" * 20
LOGS = "eth_getLogs"
CONNECTIONS = ExitStack()


def png(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 16, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def told(number: int, image: str) -> bytes:
    attributes = [{"trait_type": "Hat", "value": f"hat {number}"}, {"trait_type": "Level", "value": number}]
    return json.dumps({"name": f"Cool Cat #{number}", "image": image, "attributes": attributes}).encode()


def nft(node: Anvil | FaultyNode, address: str) -> NftContract:
    made, _ = to_read([node.url], None, 20.0, None, CONNECTIONS)
    return NftContract(made, address, punks_data=address)


def imported(node: Anvil | FaultyNode, address: str, folder: Path, gateways: Gateways, **options: object) -> Done:
    return run(folder, Contract(nft(node, address), gateways, name=folder.name), **options)  # type: ignore[arg-type]


def fetching(*urls: str) -> Gateways:
    return Gateways(ipfs=urls, arweave=(), allow=LOOPBACK, per_s=0, within_s=2.0, rounds=1, pause=lambda s: None)


def rows(folder: Path) -> dict[str, tuple[str, str]]:
    with Record(folder) as record:
        return {token.id: (token.state, token.owner) for token in record.tokens()}


def minted(cats: Deployed, *tokens: int) -> None:
    for n in tokens:
        cats.send("mint(address,uint256,string)", ALICE, n, f"data:application/json,{told(n, data_uri(n)).decode()}")


def data_uri(seed: int) -> str:
    return "data:image/png;base64," + base64.b64encode(png(seed)).decode()
