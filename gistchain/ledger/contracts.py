"""A contract's name -> its compiled ABI and bytecode, as `python -m gistchain.ledger.compile` wrote them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

PROXY = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")
"""The deterministic deployment proxy (github.com/Arachnid/deterministic-deployment-proxy), on most chains at this
address: it creates contracts at addresses that follow from salt and code alone."""
PROXY_RUNTIME = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b"
    "8082525050506014600cf3"
)

DEPLOYED = ("registry", "tables")
"""What `gistchain deploy` puts on a chain, and the embedded chain has from its first block."""
FOR_WALLETS = ("pictures", "token")
"""What `gistchain deploy --token` adds, and the embedded chain has as well."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """bytecode creates the contract; runtime is what then stands at its address.

    address: where the deployment proxy creates it, on every chain. slots: of its variables in storage, by name.
    """

    abi: list[dict[str, Any]]
    bytecode: bytes
    runtime: bytes
    address: str
    slots: dict[str, int]


@cache
def compiled(name: str) -> Compiled:
    """The contract 'registry', 'tables', 'pictures', 'token' or 'archive'."""
    text = files("gistchain.ledger").joinpath(f"{name}.json").read_text("utf-8")
    artifact = json.loads(text)
    return Compiled(
        abi=artifact["abi"],
        bytecode=bytes.fromhex(artifact["bytecode"].removeprefix("0x")),
        runtime=bytes.fromhex(artifact["runtime"].removeprefix("0x")),
        address=artifact["address"],
        slots=artifact["slots"],
    )
