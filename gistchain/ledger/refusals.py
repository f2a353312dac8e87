"""What a node says of a transaction that it does not take -> what that means, in the words of geth, Erigon, Nethermind,
Besu, reth and anvil. JSON-RPC has no codes for it."""

from __future__ import annotations

_HAS = ("already known", "already imported", "known transaction")
_CHEAP = (
    *("underpriced", "fee too low", "feetoolow", "fee cap", "gas price too low", "gas price below", "less than block"),
    *("below the minimum", "below chain minimum", "below configured minimum", "tip too low", "insufficient gas price"),
)
_FULL = ("pool is full", "pool limit", "mempool is full", "pool overflow", "too many transactions", "queue is full")


def has_it(refusal: str) -> bool:
    """Whether the node has the transaction already."""
    return _says(refusal, _HAS)


def calls_it_cheap(refusal: str) -> bool:
    """Whether the price is too low for the node, or to replace what it has."""
    return _says(refusal, _CHEAP)


def calls_itself_full(refusal: str) -> bool:
    """Whether the node has no room for transactions that wait, and may have some later."""
    return _says(refusal, _FULL)


def is_for_want_of_money(refusal: str) -> bool:
    return _says(refusal, ("insufficient funds", "intrinsic gas"))


def advice(refusal: str) -> str:
    """What to do, to be added to the refusal; '' where that is not known."""
    if _says(refusal, ("nonce too high", "nonce gap", "noncegap")):
        return "; one before it is missing there: end what else sends from this account, or ask another node"
    return "; wait until fees are lower, or allow more with --max-fee" if calls_it_cheap(refusal) else ""


def _says(refusal: str, words: tuple[str, ...]) -> bool:
    return any(each in refusal.lower() for each in words)
