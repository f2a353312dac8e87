"""A chain's id -> its name, and whether it is public: nothing can be taken back there."""

from __future__ import annotations

import ipaddress

from gistchain.ledger.chainfile import CHAIN_ID

DEVELOPMENT = frozenset({1337, 31337, CHAIN_ID})
"""Ids of chains that are one person's: of development nodes (ganache and geth --dev; anvil and Hardhat), and ours."""
NAMES = {
    1: "Ethereum",
    10: "OP Mainnet",
    56: "BNB Smart Chain",
    100: "Gnosis",
    137: "Polygon",
    324: "ZKsync Era",
    8453: "Base",
    42161: "Arbitrum One",
    43114: "Avalanche",
    59144: "Linea",
    11155111: "Sepolia, a test network",
    17000: "Holesky, a test network",
    560048: "Hoodi, a test network",
}
"""As chainlist.org has them."""


def called(chain_id: int) -> str:
    """'chain 1 (Ethereum)'."""
    return f"chain {chain_id} ({NAMES[chain_id]})" if chain_id in NAMES else f"chain {chain_id}"


def is_public(chain_id: int) -> bool:
    """Whether strangers may read the chain. That the node is on this machine says nothing: it may be one of theirs."""
    return chain_id not in DEVELOPMENT


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
