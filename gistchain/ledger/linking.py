"""A token and the NFT that it is to be linked to -> whether the registry takes that, and why not."""

from __future__ import annotations

from gistchain.errors import LedgerError
from gistchain.ledger import abi
from gistchain.ledger.connection import Call, Refusal, edge
from gistchain.ledger.contracts import compiled
from gistchain.ledger.networks import called
from gistchain.ledger.node import Node
from gistchain.ledger.recover import checksummed
from gistchain.types import NftLink, Token


def check_linkable(node: Node, token: Token, there: NftLink | None, wanted: NftLink) -> None:
    """Raises LedgerError for what the contract would refuse. there: what the token is linked to, None for nothing."""
    if token.owner != node.owner:
        raise LedgerError(
            f"token {token.id} is {token.owner}'s: only its owner can link it, and this account is {node.owner}"
        )
    if there is not None:
        raise LedgerError(f"token {token.id} is linked to {_named(there)}: a link is for good and can't be changed")
    if not int(wanted.contract, 16):
        raise LedgerError(f"{_named(wanted)} is no NFT: give the address of its contract")
    if wanted.chain_id != node.chain_id:
        return  # nobody can look there
    owner = _owner_of(node, wanted)
    if owner is None:
        raise LedgerError(f"there is no {_named(wanted)}: correct contract and token id")
    if owner != node.owner:
        raise LedgerError(
            f"{_named(wanted)} is {owner}'s: on the same chain only the NFT's owner can link a token to it, and this "
            f"account is {node.owner}"
        )


def _named(nft: NftLink) -> str:
    return f"NFT {nft.token_id} of {nft.contract} on {called(nft.chain_id)}"


def _owner_of(node: Node, nft: NftLink) -> str | None:
    """None where no such NFT is there (ERC-721)."""
    with edge(node.name):
        asked = Call(nft.contract, abi.calldata(compiled("token"), "ownerOf", nft.token_id))
    try:
        answer = node.connection.call(asked, node.sender)
    except Refusal:
        return None
    return checksummed(answer[12:]) if len(answer) == 32 and any(answer) and not any(answer[:12]) else None
