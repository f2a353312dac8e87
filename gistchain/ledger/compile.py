"""The contracts, *.vy -> the JSON files beside them. Run `python -m gistchain.ledger.compile` after a change.

    registry.input.json   the compiler's standard JSON input: what a block explorer verifies the contract with
    registry.json         what came of it: ABI, code, where the variables lie in storage, the address by CREATE2

Needs vyper, which users of the compiled contracts do not: pip install 'gistchain[contract]'.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from gistchain.digest import keccak
from gistchain.ledger.contracts import PROXY
from gistchain.ledger.recover import checksummed

NAMES = ("registry", "tables", "pictures", "token", "archive")
ARGUMENTS = {"token": ("registry", "tables", "pictures")}
"""The contracts whose addresses another contract is created with."""
# The oldest rules that this Vyper still serves well: no PUSH0, so that older chains take it too.
EVM = "paris"
OPTIMIZE = "gas"
FOLDER = Path(__file__).parent


def standard_input(name: str) -> str:
    """The compiler's standard JSON input for contract `name`."""
    file = f"{name}.vy"
    content = {
        "language": "Vyper",
        "sources": {source: {"content": (FOLDER / source).read_text("utf-8")} for source in _sources(file)},
        "settings": {
            "evmVersion": EVM,
            "optimize": OPTIMIZE,
            "outputSelection": {file: ["abi", "layout", "evm.bytecode.object", "evm.deployedBytecode.object"]},
        },
    }
    return json.dumps(content, indent=1) + "\n"


def _sources(file: str) -> list[str]:
    """The file, and those that it imports, each once."""
    found = [file]
    for source in found:
        imported = re.findall(r"^import (\w+)$", (FOLDER / source).read_text("utf-8"), re.M)
        found += [f"{name}.vy" for name in imported if f"{name}.vy" not in found]
    return found


@cache
def artifact(name: str) -> str:
    """The JSON text that the compiler makes of the standard JSON input of contract `name`."""
    import vyper  # type: ignore[import-untyped]
    from vyper.cli.vyper_json import compile_json  # type: ignore[import-untyped]

    asked = standard_input(name)
    made = compile_json(json.loads(asked))["contracts"][f"{name}.vy"][name]
    # What a contract is created with are addresses alone, and each becomes a word behind its code.
    arguments = b"".join(bytes(12) + bytes.fromhex(_address(other)[2:]) for other in ARGUMENTS.get(name, ())).hex()
    bytecode = made["evm"]["bytecode"]["object"] + arguments
    content: dict[str, Any] = {
        "vyper": vyper.__version__.split("+")[0],
        "evm": EVM,
        "source_sha256": hashlib.sha256((FOLDER / f"{name}.vy").read_bytes()).hexdigest(),
        "address": created(bytes.fromhex(bytecode[2:])),
        **({"arguments": arguments} if arguments else {}),
        "abi": made["abi"],
        "slots": {variable: place["slot"] for variable, place in _storage(made["layout"]).items()},
        "bytecode": bytecode,
        "runtime": made["evm"]["deployedBytecode"]["object"] + arguments,
    }
    return json.dumps(content, indent=1) + "\n"


def _address(name: str) -> str:
    return str(json.loads(artifact(name))["address"])


def _storage(layout: dict[str, Any]) -> dict[str, Any]:
    """Without what Vyper keeps for its lock."""
    return {name: place for name, place in layout.get("storage_layout", {}).items() if not name.startswith("$")}


def created(bytecode: bytes) -> str:
    """Where the proxy creates a contract with salt 0 (EIP-1014)."""
    return checksummed(keccak(b"\xff" + PROXY + bytes(32) + keccak(bytecode))[12:])


def main() -> None:
    for name in NAMES:
        for path, text in (
            (FOLDER / f"{name}.input.json", standard_input(name)),
            (FOLDER / f"{name}.json", artifact(name)),
        ):
            path.write_text(text, "utf-8")
            print(f"wrote {path.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
