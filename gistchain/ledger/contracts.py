"""A contract's name -> its compiled ABI and bytecode, as `python -m gistchain.ledger.compile` wrote them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Compiled:
    """bytecode creates the contract; runtime is what then stands at its address."""

    abi: list[dict[str, Any]]
    bytecode: bytes
    runtime: bytes


@cache
def compiled(name: str) -> Compiled:
    """The contract 'registry' or 'archive'."""
    text = files("gistchain.ledger").joinpath(f"{name}.json").read_text("utf-8")
    artifact = json.loads(text)
    return Compiled(
        abi=artifact["abi"],
        bytecode=bytes.fromhex(artifact["bytecode"].removeprefix("0x")),
        runtime=bytes.fromhex(artifact["runtime"].removeprefix("0x")),
    )
