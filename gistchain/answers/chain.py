"""A contract that was deployed, a link, an NFT, a receipt, an event of a chain, a proof -> their JSON, and words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gistchain.text import lines

if TYPE_CHECKING:
    from gistchain.ledger.deployed import Deployed
    from gistchain.ledger.follow import Event
    from gistchain.types import Minted, NftLink, Receipt


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
    """'1:0x12...:77', as `gistchain link-nft --nft` takes it."""
    return f"{link.chain_id}:{link.contract}:{link.token_id}"


def linked_json(token: int, link: NftLink) -> dict[str, Any]:
    return {"token": token, "nft": nft_words(link)}


def linked_text(token: int, link: NftLink) -> str:
    return f"token {token} is linked to NFT {nft_words(link)}"


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """final: whether the chain will never replace the block; null where it has no word for that."""
    return {
        "token": receipt.token,
        "owner": receipt.owner,
        "image_sha3_256": receipt.image_sha3_256.hex(),
        "gist_bytes": receipt.size_bytes,
        "gist_keccak": receipt.gist_keccak.hex(),
        "gas": receipt.gas,
        "tx": receipt.tx,
        "block": receipt.block,
        "block_hash": receipt.block_hash,
        "final": receipt.final,
    }


def receipt_text(receipt: Receipt) -> str:
    return f"token {receipt.token}  block {receipt.block}  transaction {receipt.tx}  {finality_words(receipt)}"


def finality_words(receipt: Receipt) -> str:
    if receipt.final is None:
        return "the chain does not say when a block is final"
    return "final" if receipt.final else "not final yet: the chain can still replace the block"


def event_json(event: Event) -> dict[str, Any]:
    """event: registered, batch, attested, linked; state where no log told of the tokens; undone where the chain has
    replaced their blocks. token: the first of `count`, null where that is not told."""
    return {
        "event": event.kind,
        "block": event.block,
        "token": event.token or None,
        "count": event.count,
        "by": event.by or None,
    }


def event_text(event: Event) -> str:
    last = event.token + event.count - 1
    which = f"token {event.token}" if event.count == 1 else f"tokens {event.token} to {last}"
    if event.kind == "undone":
        which = "1 token" if event.count == 1 else f"{event.count:,} tokens"
        return f"{which} undone: the chain has replaced the blocks after {event.block}"
    if event.kind == "state":
        return f"{which} read from the registry's state: no log tells of {'it' if event.count == 1 else 'them'}"
    done = {"registered": "registered", "batch": "registered", "attested": "attested", "linked": "linked to an NFT"}
    by = f" by {event.by}" if event.by else ""
    return f"{which} {done[event.kind]}{by} in block {event.block}"


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
