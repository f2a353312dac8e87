"""A chain's id and the host of its node -> its name, and whether it is public: nothing can be taken back there."""

from __future__ import annotations

import ipaddress

DEVELOPMENT = frozenset({1337, 31337})
"""Ids that development nodes give their chains (ganache and geth --dev; anvil and Hardhat): nobody else's are so."""
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


def is_public(chain_id: int, host: str) -> bool:
    """Whether strangers read the chain. A node on this machine may be one of theirs: then its id tells."""
    if chain_id in DEVELOPMENT:
        return False
    return chain_id in NAMES or not is_loopback(host)


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
