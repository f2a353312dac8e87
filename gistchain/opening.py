"""Settings -> an open registry: the chain, the key that signs, and the models that are needed.

The one opener for the library, the command line and a later web app. It never prompts: a password comes from the
caller's function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gistchain.errors import SettingError

if TYPE_CHECKING:
    from gistchain.pipeline import Registry
    from gistchain.settings import Settings
    from gistchain.types import Ledger, System

Password = Callable[[Path], str]
"""The key file, a keystore -> its password."""


@contextmanager
def open(  # as gistchain.open
    settings: Settings | Path | str,
    *,
    password: Password | None = None,
    system: System | None = None,
    rated: bool = True,
) -> Iterator[Registry]:
    """The registry that the settings name, made at first use, and closed at the end of the `with`.

    settings: or the home folder alone. password: asked where the key file is a keystore.
    system: ROSIS with the models of the settings unless another is given.
    rated: images are registered with a ticket that says how rare they are; its models take a second to load.
    Raises SettingError, ModelError, LedgerError, RarenessError, FileError.
    """
    from gistchain.pipeline import Registry
    from gistchain.settings import Settings
    from gistchain.systems import begin_loading, checker, rosis

    if not isinstance(settings, Settings):
        settings = Settings(Path(settings).expanduser())
    system = rosis(settings) if system is None else system
    if rated:
        begin_loading()
    with open_ledger(settings, password=password) as ledger:
        if not rated:
            yield Registry(ledger, system, isotopes=settings.seeds)
            return
        from gistchain.rareness.book import Book

        book = Book(checker(settings), ledger, name=ledger.name)
        yield Registry(ledger, system, book, isotopes=settings.seeds)


def open_ledger(settings: Settings, *, password: Password | None = None) -> Ledger:
    """The ledger that the settings name, without any model: enough to show and list. Close it, or use `with`."""
    from gistchain.ledger.evm import open_embedded, open_rpc

    make_folder(settings.home)
    key = settings.key
    secret = password(key) if password is not None and key is not None and is_keystore(key) else None
    if not settings.rpc:
        return open_embedded(settings.home, key, password=secret)
    return open_rpc(
        settings.rpc, settings.home, key, password=secret, registry=settings.registry, chain_id=settings.chain_id
    )


def is_keystore(key: Path) -> bool:
    """Whether its password has to be told."""
    try:
        return key.is_file() and key.read_bytes().lstrip()[:1] == b"{"
    except OSError:  # the ledger tells why
        return False


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"can't make the folder {folder}: {error.strerror}; give another") from error
