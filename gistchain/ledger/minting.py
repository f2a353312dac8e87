"""A node and a token of the registry on it -> an NFT of token.vy, which wallets show."""

from __future__ import annotations

from collections.abc import Callable

from gistchain.errors import LedgerError
from gistchain.ledger import abi
from gistchain.ledger.connection import Call, Mined, edge
from gistchain.ledger.contracts import compiled
from gistchain.ledger.deployed import checked, deploying
from gistchain.ledger.node import Node
from gistchain.types import Minted, NftLink


def mint(node: Node, registry: str, token: int, run: Callable[[Call], Mined]) -> Minted:
    """The NFT with the token's number, made if there is none. run: brings a call into a block.

    Raises LedgerError and its kinds, as `run` does.
    """
    contract = compiled("token")
    usual = compiled("registry").address
    if registry != usual:
        raise LedgerError(f"wallets show tokens of the registry at {usual}, and this one is at {registry}")
    for name in ("token", "pictures"):
        checked(node, compiled(name).address, deploying(node, "--token"), name=name)
    nft = NftLink(node.chain_id, contract.address, token)
    with edge(node.name):
        asked = Call(contract.address, abi.calldata(contract, "minted", token))
        there = abi.returned(contract, "minted", node.connection.call(asked, node.sender))
        call = Call(contract.address, abi.calldata(contract, "mint", token))
    if there:
        return Minted(nft)
    done = run(call)
    return Minted(nft, done.gas, done.tx)
