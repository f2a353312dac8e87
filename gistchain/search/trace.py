"""A hit -> what the chain says of it now, and what differs from the index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

from gistchain.errors import GistchainError, LedgerError, PacketError, UnknownToken
from gistchain.ledger.nft import NftContract, open_nft
from gistchain.opening import Waiting, open_ledger
from gistchain.pipeline import Registry
from gistchain.search.items import Item
from gistchain.settings import Settings

State = Literal["same", "differs", "gone", "not asked"]


@dataclass(frozen=True, slots=True)
class Traced:
    """What the chain says. state: 'same' where all that the index says of owner and gist is so; 'gone' where it has no
    such token any more. said: in words, what differs or why nothing was asked. owner: now, '' where nobody tells. tx:
    of the registration, '' where it is not known. signed: whether the owner's signature of this gist was found."""

    state: State
    said: tuple[str, ...] = ()
    owner: str = ""
    tx: str = ""
    signed: bool = False


class Tracer:
    """Asks the home's chain, or the node of the settings."""

    def __init__(self, settings: Settings, waiting: Waiting, undo: ExitStack) -> None:
        self._settings, self._waiting, self._undo = settings, waiting, undo
        self._registry: Registry | None = None
        self._contracts: dict[str, NftContract] = {}

    def traced(self, item: Item) -> Traced:
        """What the chain says of an item; a node that fails is told, too."""
        try:
            return self._token(item) if item.kind == "token" else self._reference(item)
        except UnknownToken:
            return Traced("gone", ("the chain has no such token any more",))
        except GistchainError as error:
            return Traced("not asked", (str(error),))

    def _token(self, item: Item) -> Traced:
        if self._registry is None:
            self._registry = Registry(
                self._undo.enter_context(open_ledger(self._settings, waiting=self._waiting, write=False))
            )
        ledger = self._registry.ledger
        if ledger.name != item.source:
            return Traced("not asked", (f"it is registered in {item.source}: give --rpc of {item.chain}",))
        number = int(item.token)
        token, signed = ledger.token(number), ledger.rareness_of(number)
        try:
            caption = self._registry.read(ledger.gist_of(number)).caption
        except PacketError:
            caption = ""
        differs = _differences(
            owner=(item.owner, token.owner),
            caption=(item.caption, caption),
            file=(item.media, token.image_sha3_256.hex()),
        )
        tx = "" if signed is None else signed.tx or ""
        is_signed = signed is not None and signed.verified
        return Traced("differs" if differs else "same", differs, token.owner, tx, is_signed)

    def _reference(self, item: Item) -> Traced:
        if not item.contract:
            return Traced("not asked", ("it is on no chain: it was imported from a package, a folder or a list",))
        if not self._settings.rpc:
            return Traced("not asked", (f"give --rpc of {item.chain}, where it was imported from",))
        if item.contract not in self._contracts:
            urls = self._settings.rpc
            opened = open_nft(urls, item.contract, told=self._waiting, undo=self._undo)
            self._contracts[item.contract] = opened
        contract = self._contracts[item.contract]
        if contract.chain != item.chain:
            raise LedgerError(f"it is on {item.chain}, and --rpc is a node of {contract.chain}")
        owner = contract.owner(int(item.token), None)
        if owner is None:
            return Traced("gone", ("nobody owns it any more",))
        differs = _differences(owner=(item.owner, owner)) if owner else ()
        return Traced("differs" if differs else "same", differs, owner)


@contextmanager
def tracing(settings: Settings, waiting: Waiting) -> Iterator[Tracer]:
    """A tracer whose connections are closed at the end."""
    with ExitStack() as undo:
        yield Tracer(settings, waiting, undo)


def _differences(**told: tuple[str, str]) -> tuple[str, ...]:
    """name = (in the index, on the chain) -> those that are not the same."""
    return tuple(
        f"{name}: {on_chain or 'none'} on the chain, {indexed or 'none'} in the index"
        for name, (indexed, on_chain) in told.items()
        if indexed.casefold() != on_chain.casefold()
    )
