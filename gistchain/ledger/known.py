"""ledgers.json: which chain was behind each address that a home folder has used, and where its registry is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from gistchain.disk.lock import FileLock
from gistchain.disk.read import read_regular
from gistchain.disk.write import make_folder, write_whole
from gistchain.errors import LedgerError, WrongChain
from gistchain.safejson import parsed

NAME = "ledgers.json"
_WAIT_S = 30.0
_MOST_BYTES = 4 << 20  # ten thousand chains
EMBEDDED = "embedded"
"""Name of the chain in the home folder itself."""


@dataclass(frozen=True, slots=True)
class Known:
    """One chain. chain_id and genesis, the hash of block 0, tell chains apart; registry: the contract's address.

    confirmed: a person has allowed to write there for good. account: address of the home's own key, where that was
    used.
    """

    chain_id: int
    genesis: str
    registry: str
    confirmed: bool = False
    account: str | None = None


def recall(home: Path) -> dict[str, Known]:
    """The chains by the name of their ledger; empty where there is no such file. Raises LedgerError."""
    path = home / NAME
    try:
        content = parsed(read_regular(path, at_most=_MOST_BYTES))
        return {str(name): _known(chain) for name, chain in content.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not what was written"
        raise LedgerError(
            f"{path} can't be read ({reason}): mend it or restore it from a backup; without it this home would forget "
            "its account, so that a lost key is replaced unseen, and each --registry"
        ) from error


def _known(chain: dict[str, object]) -> Known:
    known = Known(**chain)  # type: ignore[arg-type]
    if type(known.chain_id) is not int or not isinstance(known.genesis, str) or type(known.confirmed) is not bool:
        raise TypeError("a field is of another type")
    _check_address(known.registry)
    if known.account is not None:
        _check_address(known.account)
    return known


def _check_address(address: object) -> None:
    if not isinstance(address, str) or not re.fullmatch(r"0x[0-9a-fA-F]{40}", address):
        raise ValueError(f"{address!r} is not an address")


def remember(home: Path, name: str, change: Callable[[Known | None], Known | None]) -> None:
    """Write down what `change` makes of the chain that is known by the name of its ledger; None is not written down.

    Raises FileError, LedgerError.
    """
    make_folder(home)
    # Another process may write at the same time, on this chain or another: all is read and written under one lock.
    with FileLock(home / f"{NAME}.lock", wait_s=_WAIT_S):
        content = recall(home)
        before = content.get(name)
        now = change(before)
        if now is None or now == before:
            return
        content[name] = now
        text = json.dumps({key: asdict(value) for key, value in content.items()}, indent=1)
        write_whole(home / NAME, f"{text}\n".encode())


def own_account(home: Path) -> str | None:
    """Address of the key that this home made for itself, None where it has used none yet. Raises LedgerError."""
    return next((known.account for known in recall(home).values() if known.account is not None), None)


def agreed_to(home: Path, now: Known) -> bool:
    """Whether a person has allowed to write to this chain for good, under whatever name. Raises LedgerError."""
    return any(
        known.confirmed and (known.chain_id, known.genesis) == (now.chain_id, now.genesis)
        for known in recall(home).values()
    )


def check_same_chain(name: str, *, before: Known, now: Known) -> None:
    """Raise WrongChain, naming both, if another chain answers than the one remembered."""
    if (before.chain_id, before.genesis) != (now.chain_id, now.genesis):
        raise WrongChain(
            f"{name} is on chain {now.chain_id} (genesis {now.genesis}), but was on chain {before.chain_id} "
            f"(genesis {before.genesis}): connect to the right node, or use another home folder for this one"
        )
