"""The chains that a home folder has met: which one stood behind each address, and where its registry is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from gistchain.disk.files import write_atomically
from gistchain.errors import LedgerError, WrongChain


@dataclass(frozen=True, slots=True)
class Known:
    """chain_id and hash of block 0 tell chains apart; registry is the contract's address on it."""

    chain_id: int
    genesis: str
    registry: str


def recall(home: Path) -> dict[str, Known]:
    """All that home/ledgers.json says, by the name of the ledger."""
    path = home / "ledgers.json"
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text("utf-8"))
        return {
            str(name): Known(int(said["chain_id"]), str(said["genesis"]), str(said["registry"]))
            for name, said in content.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LedgerError(f"{path} can't be read: mend it, or remove it and pass --registry") from error


def remember(home: Path, name: str, known: Known) -> None:
    content = {**recall(home), name: known}
    text = json.dumps({key: asdict(value) for key, value in content.items()}, indent=1)
    write_atomically(home / "ledgers.json", f"{text}\n".encode())


def check_same_chain(name: str, *, before: Known, now: Known) -> None:
    """Raise WrongChain, naming both, if another chain answers than the one remembered."""
    if (before.chain_id, before.genesis) != (now.chain_id, now.genesis):
        raise WrongChain(
            f"{name} is on chain {now.chain_id} (genesis {now.genesis}), but was on chain {before.chain_id} "
            f"(genesis {before.genesis}): connect to the right node, or use another home folder for this one"
        )
