"""registry.vy and archive.vy -> the JSON files beside them. Run `python -m gistchain.ledger.compile` after a change.

Needs vyper, which users of the compiled contracts do not: pip install 'gistchain[contract]'.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

NAMES = ("registry", "archive")
# The oldest rules that this Vyper still serves well: no PUSH0, so that older chains take it too.
EVM = "paris"
FOLDER = Path(__file__).parent


def artifact(name: str) -> str:
    """The JSON text that belongs to the source of contract `name`."""
    import vyper  # type: ignore[import-untyped]
    from vyper.compiler.settings import Settings  # type: ignore[import-untyped]

    source = (FOLDER / f"{name}.vy").read_text("utf-8")
    made = vyper.compile_code(
        source, output_formats=["abi", "bytecode", "bytecode_runtime"], settings=Settings(evm_version=EVM)
    )
    content = {
        "vyper": vyper.__version__.split("+")[0],
        "evm": EVM,
        "source_sha256": hashlib.sha256(source.encode()).hexdigest(),
        "abi": made["abi"],
        "bytecode": made["bytecode"],
        "runtime": made["bytecode_runtime"],
    }
    return json.dumps(content, indent=1) + "\n"


def main() -> None:
    for name in NAMES:
        path = FOLDER / f"{name}.json"
        path.write_text(artifact(name), "utf-8")
        print(f"wrote {path.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
