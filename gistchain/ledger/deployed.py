"""A node, and what a user said of it -> the registry that stands there; and what puts missing contracts there.

Each has one address on every chain, which follows from its code: the deployment proxy creates it (CREATE2, EIP-1014).
The proxy itself was signed once for all chains, with a fixed price and without a chain's id.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from gistchain.disk.lock import FileLock
from gistchain.errors import LedgerError, NodeDown, OutOfGas, SettingError
from gistchain.ledger.connection import Call
from gistchain.ledger.consent import MAX_FEE, WEI, coins, enough
from gistchain.ledger.contracts import DEPLOYED, FOR_WALLETS, PROXY, PROXY_RUNTIME, compiled
from gistchain.ledger.dialled import REPLY_S, Dialled, Told, dialled, urls_of
from gistchain.ledger.fees import cost
from gistchain.ledger.known import Known, check_same_chain, recall, remember
from gistchain.ledger.networks import called
from gistchain.ledger.node import REPLACE_AFTER, Node
from gistchain.ledger.outbox import Outbox
from gistchain.ledger.recover import checksummed
from gistchain.ledger.sending import Sender
from gistchain.types import Confirm

DEPLOY_GAS = 5_500_000
"""About what the creation of registry and trait tables takes; the creation of no contract takes more."""
PROXY_TRANSACTION = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba02222222222222222222222222222"
    "222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222"
)
PROXY_SIGNER = "0x3fAB184622Dc19b6109349B94811493BF2a45362"
PROXY_WEI = WEI // 100
"""What the proxy's signer needs: its transaction offers 100 gwei for each of 100,000 gas."""
_SALT = bytes(32)


@dataclass(frozen=True, slots=True)
class Deployed:
    """Where a contract stands. already: it was there. gas, tx, block: of the transaction; None where it was there."""

    contract: str
    address: str
    chain_id: int
    already: bool
    gas: int | None = None
    tx: str | None = None
    block: int | None = None


def known_registry(node: Node, home: Path, keys: Sequence[str], given: str | None) -> str:
    """Address of the given registry, or of the one that `home` remembers, or the one that it has on every chain.

    keys: of `public_name`. Raises WrongChain, SettingError, LedgerError, also where it is not there.
    """
    known = recall(home)
    before = next((known[key] for key in keys if key in known), None)
    for key in keys:
        if key in known:
            check_same_chain(node.name, before=known[key], now=node.identity())
    usual = compiled("registry").address
    address = given or (before.registry if before is not None else usual)
    if address == usual and not node.connection.code(usual):
        raise _missing(node)
    return checked(node, address, "correct --registry, or connect to the chain where it is")


def remembered(dial: Dialled, home: Path, address: str, *, given: bool) -> None:
    """Write down where the registry was. given: it was named for this once, if another is known already."""
    now = replace(dial.node.identity(address), confirmed=dial.node.consent.agreed, account=dial.account)

    def beside(before: Known | None) -> Known:
        if before is None:
            return now
        return replace(
            now,
            registry=before.registry if given else address,
            confirmed=before.confirmed or now.confirmed,
            account=dial.account or before.account,
        )

    for key in dial.keys:
        remember(home, key, beside)


def deployed(node: Node, home: Path, name: str) -> Deployed:
    """A contract of `contracts.compiled` at its usual address, put there if it is not. Raises LedgerError."""
    contract = compiled(name)
    there = Deployed(name, contract.address, node.chain_id, already=True)
    if node.connection.code(contract.address):
        return there
    _put_proxy(node)
    creation = Call(checksummed(PROXY), _SALT + contract.bytecode)
    outbox = Outbox(home / "outbox.sqlite", chain_id=node.chain_id, registry="", owner=node.owner)
    with contextlib.closing(outbox):
        try:
            mined = Sender(node, outbox).run(creation)
        except LedgerError:
            # The proxy refuses where somebody else was faster.
            if node.connection.code(contract.address):
                return there
            raise
    for _ in node.patiently(f"transaction {mined.tx} is in block {mined.block}, the contract is not"):
        if node.connection.code(contract.address):
            break
    checked(node, contract.address, "ask another node", name=name)
    return replace(there, already=False, gas=mined.gas, tx=mined.tx, block=mined.block)


def _put_proxy(node: Node) -> None:
    """The deployment proxy, by its own signed transaction, where it is missing."""
    address = checksummed(PROXY)
    code = node.connection.code(address)
    if code == PROXY_RUNTIME:
        return
    where = f"{called(node.chain_id)} at {node.name}"
    if code:
        raise LedgerError(f"another contract stands in place of the deployment proxy {address} on {where}: {_ELSE}")
    balance = node.connection.balance(PROXY_SIGNER)
    if balance < PROXY_WEI:
        raise OutOfGas(
            f"the deployment proxy {address} is not on {where}, and the account {PROXY_SIGNER}, which signed its "
            f"creation for all chains, has {coins(balance)} of the {coins(PROXY_WEI)} coins that it takes: send it "
            f"{coins(PROXY_WEI - balance)} and run the same command again"
        )
    node.consent.to_write()
    refused = node.broadcast(PROXY_TRANSACTION)
    if refused is not None and node.connection.code(address) != PROXY_RUNTIME:
        raise LedgerError(
            f"{where} has no deployment proxy and does not take its transaction, which names no chain "
            f"({refused[:200]}): {_ELSE}"
        )
    for _ in node.patiently(f"the deployment proxy's transaction is in no block of {where}"):
        if node.connection.code(address) == PROXY_RUNTIME:
            return
        if node.connection.nonce(PROXY_SIGNER, "latest") and node.connection.code(address) != PROXY_RUNTIME:
            raise LedgerError(f"the creation of the deployment proxy failed on {where}: {_ELSE}")


NAMED = {
    "registry": "registry",
    "tables": "contract for trait tables",
    "pictures": "contract for pictures",
    "token": "contract for NFTs",
}

_ELSE = (
    "the registry can't have its usual address there; deploy the bytecode of gistchain/ledger/registry.json by other "
    "means and name its address with --registry"
)


def _missing(node: Node) -> LedgerError:
    """The error where the registry is not at its usual address."""
    # A home that knows no registry there does not know the URL either.
    return LedgerError(
        f"the registry {compiled('registry').address} is not on {called(node.chain_id)} at {node.name}: "
        f"{deploying(node, f'--chain-id {node.chain_id}')}; give --registry where it has another address"
    )


def deploying(node: Node, *options: str) -> str:
    """The command that puts what is missing there, with these options and what else it needs, and what it costs."""
    words = " ".join(["gistchain deploy --rpc URL --key FILE", *options])
    try:
        cost_wei = cost(node.name, DEPLOY_GAS, node.price())
    except NodeDown:
        raise
    except LedgerError:  # a chain that can't say is no reason to say less
        return f"'{words}' puts it there, once for everybody, for about {DEPLOY_GAS:,} gas"
    if cost_wei > MAX_FEE * WEI:
        words += f" --max-fee {enough(cost_wei)}"
    return (
        f"'{words}' puts it there, once for everybody, for about {DEPLOY_GAS:,} gas, up to {coins(cost_wei)} coins by "
        "the price that the node names"
    )


def checked(node: Node, address: str, otherwise: str, *, name: str = "registry") -> str:
    """The address with its checksum.

    Raises LedgerError where our contract `name` is not there; `otherwise` is what to do then.
    """
    from eth_utils.address import is_address, to_checksum_address

    if not is_address(address):
        raise SettingError(f"--registry {address!r} is not an address: give 0x and 40 hex digits")
    place = to_checksum_address(address)
    code = node.connection.code(place)
    if code != compiled(name).runtime:
        what = f"other code than our {NAMED[name]}'s" if code else "no contract"
        raise LedgerError(f"there is {what} at {address} on {node.name}, chain {node.chain_id}: {otherwise}")
    return str(place)


def deploy(
    url: str | Sequence[str],
    home: Path,
    key_file: Path | None = None,
    *,
    password: str | None = None,
    chain_id: int | None = None,
    max_fee: Decimal = MAX_FEE,
    confirm: Confirm | None = None,
    timeout_s: float = 120.0,
    replace_after: int = REPLACE_AFTER,
    reply_s: float = REPLY_S,
    told: Told | None = None,
    wallets: bool = False,
) -> list[Deployed]:
    """Put our contracts on the chain behind `url`, where they are missing, at the addresses that they have everywhere.

    wallets: also those that make tokens NFTs. Where the deployment proxy is missing too, it is sent first. Safe to
    repeat after any failure. The rest as for `evm.open_rpc`; raises what that does.
    """
    with ExitStack() as undo:
        dial = dialled(
            *(urls_of(url), home, key_file, password, chain_id, max_fee, confirm, timeout_s, replace_after, reply_s),
            *(told, undo),
        )
        with FileLock(home / "deploy.lock", wait_s=timeout_s):
            done = [deployed(dial.node, home, name) for name in (*DEPLOYED, *(FOR_WALLETS if wallets else ()))]
        remembered(dial, home, done[0].address, given=False)
        return done
