"""Settings -> an open registry: the chain, the key that signs, and the models that are needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gistchain.errors import SettingError

if TYPE_CHECKING:
    from gistchain.ledger.evm import EvmLedger
    from gistchain.pipeline import Registry
    from gistchain.settings import Settings


@contextmanager
def opened(
    settings: Settings, captioner: str | None = None, painter: str | None = None, rated: bool = False
) -> Iterator[Registry]:
    """rated: with the checker that tells how rare images are, which takes a second to load."""
    from gistchain.pipeline import Registry
    from gistchain.systems import checker, system

    place = {n: getattr(settings, n) for n in ("device", "dtype", "allow_download", "allow_pickle")}
    models = system(captioner=captioner, painter=painter, folder=settings.collections, **place)
    make_folder(settings.home)
    with _ledger(settings) as ledger, checker(settings) if rated else nullcontext() as judge:
        yield Registry(ledger, judge, models)


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


def _ledger(settings: Settings) -> EvmLedger:
    from gistchain.ledger.evm import open_embedded, open_rpc

    password = _password(settings.key)
    if not settings.rpc:
        return open_embedded(settings.home, settings.key, password=password)
    return open_rpc(
        settings.rpc,
        settings.home,
        settings.key,
        password=password,
        registry=settings.registry,
        chain_id=settings.chain_id,
    )


def _password(key: Path | None) -> str | None:
    """That of a keystore: asked for where a person is there to answer, otherwise the first line of stdin."""
    if key is None or not is_keystore(key):
        return None
    if sys.stdin.isatty():
        return str(typer.prompt(f"password of {key}", hide_input=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")
