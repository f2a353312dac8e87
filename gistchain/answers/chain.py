"""A contract that was deployed, a token that was linked or minted -> the JSON of --json, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gistchain.text import lines

if TYPE_CHECKING:
    from gistchain.ledger.deployed import Deployed
    from gistchain.types import Minted, NftLink


def deployed_json(done: Deployed) -> dict[str, Any]:
    """already: whether it was there, so that nothing was spent."""
    return {
        "contract": done.contract,
        "address": done.address,
        "chain_id": done.chain_id,
        "gas": done.gas,
        "tx": done.tx,
        "block": done.block,
        "already": done.already,
    }


def deployed_text(done: Deployed) -> str:
    where = f"{done.contract} {done.address} on chain {done.chain_id}"
    return f"already there: {where}" if done.already else f"{where}, {done.gas:,} gas, transaction {done.tx}"


def nft_words(link: NftLink) -> str:
    """'1:0x12...:77', as `gistchain link --nft` takes it."""
    return f"{link.chain_id}:{link.contract}:{link.token_id}"


def linked_json(token: int, link: NftLink) -> dict[str, Any]:
    return {"token": token, "nft": nft_words(link)}


def linked_text(token: int, link: NftLink) -> str:
    return f"token {token} is linked to NFT {nft_words(link)}"


def minted_json(done: Minted) -> dict[str, Any]:
    """already: whether it was an NFT before, so that nothing was spent."""
    nft = nft_words(done.nft)
    return {"token": done.nft.token_id, "nft": nft, "gas": done.gas, "tx": done.tx, "already": done.tx is None}


def minted_text(done: Minted) -> str:
    where = f"NFT {nft_words(done.nft)}"
    if done.tx is None:
        return f"already minted: {where}"
    return f"token {done.nft.token_id} is {where}, {done.gas:,} gas, transaction {done.tx}"


def proof_json(token: int, ledger: str, leaf: bytes, proof: Sequence[bytes]) -> dict[str, Any]:
    """leaf, proof: as the registry's `verify` takes them, in hex."""
    return {
        "token": token,
        "ledger": ledger,
        "leaf": f"0x{leaf.hex()}",
        "proof": [f"0x{other.hex()}" for other in proof],
    }


def proof_text(token: int, ledger: str, leaf: bytes, proof: Sequence[bytes]) -> str:
    fields = proof_json(token, ledger, leaf, proof)
    told = [f"token {token} of {ledger}", f"  leaf   {fields['leaf']}"]
    told += [f"  proof  {other}" for other in fields["proof"]]
    return lines([*told, f"verify({token}, leaf, proof) of the registry says whether this is so"])
