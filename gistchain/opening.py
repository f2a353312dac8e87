"""Settings -> an open registry: the chain, the key that signs, and the models that are needed.

The one opener for the library, the command line and a later web app. It never prompts: a password, and a person's yes,
come from the caller's functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from gistchain.disk.write import make_folder
from gistchain.errors import SettingError

if TYPE_CHECKING:
    from gistchain.ledger.deployed import Deployed
    from gistchain.ledger.follow import Event
    from gistchain.pipeline import Registry
    from gistchain.settings import Settings
    from gistchain.types import Confirm, Ledger, System

Password = Callable[[Path], str]
"""The key file, a keystore -> its password."""
Waiting = Callable[[str], None]
"""Is told what is waited for, where it takes longer than a second, and which of several nodes is left alone."""


@contextmanager
def open_for_batches(
    settings: Settings,
    *,
    password: Password | None = None,
    confirm: Confirm | None = None,
    waiting: Waiting | None = None,
) -> Iterator[Registry]:
    """The registry that the settings name, for bulk.Bulk: its own process loads no model. The rest as for `open`."""
    from gistchain.pipeline import Registry
    from gistchain.rareness.book import Book
    from gistchain.systems import checker, collections

    with open_ledger(settings, password=password, confirm=confirm, waiting=waiting) as ledger:
        book = Book(checker(settings), ledger, name=ledger.name, own=not settings.rpc)
        yield Registry(ledger, None, book, confirm=confirm, traits_of=collections(settings))


@contextmanager
def open(  # as gistchain.open
    settings: Settings | Path | str,
    *,
    password: Password | None = None,
    confirm: Confirm | None = None,
    waiting: Waiting | None = None,
    system: System | None = None,
    rated: bool = True,
    write: bool = True,
) -> Iterator[Registry]:
    """The registry that the settings name, made at first use, and closed at the end of the `with`.

    settings: or the home folder alone. password: asked where the key file is a keystore. confirm: asked before what a
    person has to allow, such as the first registration on a public chain; without it, that is refused.
    waiting: is told, after a second, which process has the chain of the home; ten seconds are waited.
    system: ROSIS with the models of the settings unless another is given.
    rated: images are registered with a ticket that says how rare they are; its models take a second to load.
    write: False to show and rebuild tokens only, as for `open_ledger`.
    Raises SettingError, ModelError, LedgerError, RarenessError, FileError.
    """
    from gistchain.pipeline import Registry
    from gistchain.settings import Settings
    from gistchain.systems import begin_loading, checker, collections, rosis

    if not isinstance(settings, Settings):
        settings = Settings(Path(settings).expanduser())
    system = rosis(settings) if system is None else system
    loading = begin_loading() if rated and write else nullcontext()
    with loading, open_ledger(settings, password=password, confirm=confirm, waiting=waiting, write=write) as ledger:
        if not (rated and write):
            yield Registry(ledger, system, isotopes=settings.seeds, confirm=confirm, traits_of=collections(settings))
            return
        from gistchain.rareness.book import Book

        book = Book(checker(settings), ledger, name=ledger.name, own=not settings.rpc)
        yield Registry(ledger, system, book, isotopes=settings.seeds, confirm=confirm, traits_of=collections(settings))


def open_ledger(
    settings: Settings,
    *,
    password: Password | None = None,
    confirm: Confirm | None = None,
    waiting: Waiting | None = None,
    write: bool = True,
) -> Ledger:
    """The ledger that the settings name, without any model: enough to show and list. Close it, or use `with`.

    write: False where nothing is to be registered. The embedded chain is then read as it is now, while another process
    registers and in a folder that can't be written; no home, key or chain is made. password, confirm,
    waiting: as for `open`.
    """
    if not settings.rpc:
        _check_embedded(settings)
    if not write and not settings.rpc:
        from gistchain.ledger.snapshot import Snapshot

        return Snapshot(settings.home)
    from gistchain.ledger.evm import open_embedded, open_rpc, open_rpc_to_read

    if not write and settings.rpc:
        return open_rpc_to_read(
            settings.endpoints, settings.home, registry=settings.registry, chain_id=settings.chain_id, told=waiting
        )
    make_folder(settings.home)
    key, secret = settings.key, _secret(settings, password)
    if not settings.rpc:
        return open_embedded(settings.home, key, password=secret, waiting=waiting)
    return open_rpc(
        settings.endpoints,
        settings.home,
        key,
        password=secret,
        registry=settings.registry,
        chain_id=settings.chain_id,
        max_fee=settings.max_fee,
        replace_after=settings.replace_after,
        confirm=confirm,
        told=waiting,
    )


def nothing_registered(settings: Settings) -> bool:
    """Whether the home's own chain has no token yet; False for a chain behind a node, which is not asked.

    Raises LedgerError, FileError.
    """
    from gistchain.ledger.snapshot import Snapshot

    if settings.rpc:
        return False
    with Snapshot(settings.home) as snapshot:
        return snapshot.count() == 0


def deploy(
    settings: Settings,
    *,
    wallets: bool = False,
    password: Password | None = None,
    confirm: Confirm | None = None,
    waiting: Waiting | None = None,
) -> list[Deployed]:
    """Put registry and trait tables on the chain behind `settings.rpc`, if they are not there.

    wallets: also the contracts that make tokens NFTs. The rest as for `open`. Raises SettingError,
    LedgerError, FileError.
    """
    from gistchain.ledger.deployed import deploy as deploying

    if not settings.rpc:
        raise SettingError("the embedded chain has its registry: give --rpc URL of the chain that lacks one")
    make_folder(settings.home)
    return deploying(
        settings.endpoints,
        settings.home,
        settings.key,
        password=_secret(settings, password),
        chain_id=settings.chain_id,
        max_fee=settings.max_fee,
        replace_after=settings.replace_after,
        confirm=confirm,
        wallets=wallets,
        told=waiting,
    )


def follow(settings: Settings, *, waiting: Waiting | None = None) -> Iterator[Event]:
    """Read on from where it ended the last time what the registry behind `settings.rpc` has, into the home.

    Each event is told when it is kept. waiting: as for `open`. Raises SettingError, LedgerError, FileError.
    """
    from gistchain.disk.lock import FileLock
    from gistchain.ledger.dialled import public_name
    from gistchain.ledger.evm import open_rpc_to_read
    from gistchain.ledger.follow import follow as following
    from gistchain.ledger.followed import NAME, Followed

    if not settings.rpc:
        raise SettingError("the chain of the home is always read as it is: give --rpc URL of the chain to follow")
    with (
        open_rpc_to_read(
            settings.endpoints, settings.home, registry=settings.registry, chain_id=settings.chain_id, told=waiting
        ) as reader,
        FileLock(settings.home / f"{NAME}.lock", wait_s=10, use="following a chain", waiting=waiting),
        Followed(settings.home, write=True) as kept,
    ):
        yield from following(reader, kept, [public_name(url)[1] for url in settings.endpoints])


def _secret(settings: Settings, password: Password | None) -> str | None:
    """The password of the key, where it needs one and there is somebody to ask."""
    key = settings.key
    return password(key) if password is not None and key is not None and is_keystore(key) else None


def _check_embedded(settings: Settings) -> None:
    """Raises SettingError where the settings speak of a chain that is not the home's own: --rpc was forgotten."""
    from gistchain.ledger.chainfile import CHAIN_ID

    if settings.registry is not None or settings.chain_id not in (None, CHAIN_ID):
        given = "--registry" if settings.registry is not None else f"--chain-id {settings.chain_id}"
        raise SettingError(
            f"{given} is for a chain behind --rpc URL, which was not given: the chain in {settings.home} would be used"
        )


def is_keystore(key: Path) -> bool:
    """Whether its password has to be told."""
    from gistchain.ledger import keys

    return keys.is_keystore(key)
