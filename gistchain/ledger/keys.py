"""A key file -> the account that signs."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from gistchain.disk.write import is_full, no_space, write_whole
from gistchain.errors import SettingError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


def account(home: Path, key_file: Path | None, password: str | None) -> LocalAccount:
    """The account whose key is in key_file: 64 hex digits, or a JSON keystore, which needs its password.

    Without key_file: the key in `home`, made at first use and readable by its owner only.
    Raises SettingError for a file that can't be read or holds no key, FileError where none can be made.
    """
    path = key_file if key_file is not None else _default(home)
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"key file {path} can't be read: give a file with 64 hex digits or a keystore") from error
    return _from_keystore(path, text, password) if text.startswith("{") else _from_hex(path, text)


def _default(home: Path) -> Path:
    path = home / "keys" / "default.key"
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            if is_full(error):
                raise no_space(path, error.strerror) from error
            raise SettingError(f"no key can be made in {home} ({error.strerror}): give another --home") from error
        write_whole(path, f"{secrets.token_hex(32)}\n".encode(), mode=0o600, keep_existing=True)
    return path


def _from_hex(path: Path, text: str) -> LocalAccount:
    from eth_account import Account
    from eth_utils.exceptions import ValidationError

    try:
        key = bytes.fromhex(text.removeprefix("0x"))
        if len(key) != 32:
            raise ValueError("wrong length")
        made: LocalAccount = Account.from_key(key)
    except (ValueError, ValidationError):
        # `from None`: the original error may quote the key.
        raise SettingError(f"key file {path} holds no private key: give 64 hex digits or a JSON keystore") from None
    return made


def _from_keystore(path: Path, text: str, password: str | None) -> LocalAccount:
    from eth_account import Account

    if password is None:
        raise SettingError(f"key file {path} is a keystore: give its password too")
    try:
        made: LocalAccount = Account.from_key(Account.decrypt(json.loads(text), password))
    except (ValueError, KeyError, TypeError) as error:
        raise SettingError(f"keystore {path} can't be opened: wrong password, or not a keystore") from error
    return made
