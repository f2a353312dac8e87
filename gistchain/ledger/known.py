"""ledgers.json: which chain was behind each address that a home folder has used, and where its registry is."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from gistchain.disk.write import make_folder, write_whole
from gistchain.errors import LedgerError, WrongChain
from gistchain.safejson import parsed

EMBEDDED = "embedded"
"""Name of the chain in the home folder itself."""


@dataclass(frozen=True, slots=True)
class Known:
    """One chain. chain_id and genesis, the hash of block 0, tell chains apart; registry: the contract's address."""

    chain_id: int
    genesis: str
    registry: str


def recall(home: Path) -> dict[str, Known]:
    """The chains by the name of their ledger; empty where there is no such file. Raises LedgerError."""
    path = home / "ledgers.json"
    if not path.exists():
        return {}
    try:
        content = parsed(path.read_bytes())
        return {str(name): _known(chain) for name, chain in content.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LedgerError(f"{path} can't be read: mend it, or remove it and pass --registry") from error


def _known(chain: dict[str, object]) -> Known:
    chain_id, genesis, registry = chain["chain_id"], chain["genesis"], chain["registry"]
    if type(chain_id) is not int or not isinstance(genesis, str) or not isinstance(registry, str):
        raise TypeError("a field is of another type")
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", registry):
        raise ValueError(f"{registry!r} is not an address")
    return Known(chain_id, genesis, registry)


def remember(home: Path, name: str, known: Known) -> None:
    """Write down a chain under the name of its ledger, in place of an earlier one. Raises FileError, LedgerError."""
    content = {**recall(home), name: known}
    text = json.dumps({key: asdict(value) for key, value in content.items()}, indent=1)
    make_folder(home)
    write_whole(home / "ledgers.json", f"{text}\n".encode())


def check_same_chain(name: str, *, before: Known, now: Known) -> None:
    """Raise WrongChain, naming both, if another chain answers than the one remembered."""
    if (before.chain_id, before.genesis) != (now.chain_id, now.genesis):
        raise WrongChain(
            f"{name} is on chain {now.chain_id} (genesis {now.genesis}), but was on chain {before.chain_id} "
            f"(genesis {before.genesis}): connect to the right node, or use another home folder for this one"
        )
