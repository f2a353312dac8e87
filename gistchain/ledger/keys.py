"""A key file -> the account that signs."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from gistchain.disk.read import read_regular
from gistchain.disk.write import is_full, no_space, write_whole
from gistchain.errors import SettingError
from gistchain.ledger.account import Account
from gistchain.ledger.known import NAME, own_account
from gistchain.ledger.pairings import deferred
from gistchain.safejson import parsed
from gistchain.text import is_key

_MOST_BYTES = 64 * 1024
_MOST_SCRYPT = 2 * 262_144 * 8
"""n x r x p of a keystore's scrypt: twice what geth and Foundry write. At 128 bytes each it takes 512 MiB at most."""
_MOST_LANES = 1024
"""r x p: PyCryptodome's scrypt makes its blocks with these in Python. Wallets write 8."""
_MOST_ROUNDS = 4_000_000
"""c of a keystore's PBKDF2, for each 32 bytes that it makes: four times what eth_account writes."""
_LONGEST_DERIVED = 64
"""Bytes that are derived from the password; 32 of them are used."""


def account(home: Path, key_file: Path | None, password: str | None) -> Account:
    """The account whose key is in key_file: 64 hex digits, or a JSON keystore, which needs its password.

    Without key_file: the key in `home`, made at first use and readable by its owner only.
    Raises SettingError for a file that can't be read or holds no key, or a key of the home that is gone or another than
    before; FileError where none can be made; LedgerError.
    """
    path = key_file if key_file is not None else _default(home)
    text = _text(path)
    made = _from_keystore(path, text, password) if text.startswith("{") else _from_hex(path, text)
    owner = own_account(home) if key_file is None else None
    if owner is not None and owner.lower() != made.address.lower():
        raise SettingError(
            f"{path} is the key of {made.address}, and this home has registered with that of {owner}: "
            f"{_back(home, 'give this one with --key')}"
        )
    return made


def is_keystore(key_file: Path) -> bool:
    """Whether the key's password has to be told. False where there is no such file: `account` says so."""
    try:
        return _text(key_file).startswith("{")
    except SettingError:
        return False


def _text(path: Path) -> str:
    try:
        return read_regular(path, at_most=_MOST_BYTES).decode().strip()
    except (OSError, ValueError) as error:
        if is_key(str(path)):
            # `from None`, too: the original error quotes the path, which may be the key itself.
            raise SettingError(
                "--key was given what looks like a key itself and not the name of a file: write it to a file that only "
                "you can read, and give that file's name; what was typed on a command line is in the shell's history"
            ) from None
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingError(
            f"key file {path} can't be read ({reason}): give a file with 64 hex digits or a keystore"
        ) from error


def own_file(home: Path) -> Path:
    """Where the key is that a home makes for itself."""
    return home / "keys" / "default.key"


def _default(home: Path) -> Path:
    path = own_file(home)
    if not path.exists():
        if (owner := own_account(home)) is not None:
            raise SettingError(
                f"{path} is gone, the key of {owner}, with which this home has registered: "
                f"{_back(home, 'give another with --key')}"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            if is_full(error):
                raise no_space(path, error) from error
            raise SettingError(f"no key can be made in {home} ({error.strerror}): give another --home") from error
        write_whole(path, f"{secrets.token_hex(32)}\n".encode(), mode=0o600, keep_existing=True)
    return path


def _back(home: Path, otherwise: str) -> str:
    return (
        f"restore it from a backup, or {otherwise}; to go on with a new one, put null in place of the address after "
        f"each 'account' in {home / NAME}"
    )


def _from_hex(path: Path, text: str) -> Account:
    try:
        return Account(bytes.fromhex(text.removeprefix("0x")))
    except ValueError:
        # `from None`: the original error may quote the key.
        raise SettingError(f"key file {path} holds no private key: give 64 hex digits or a JSON keystore") from None


def _from_keystore(path: Path, text: str, password: str | None) -> Account:
    with deferred():
        from eth_keyfile.keyfile import decode_keyfile_json

    try:
        keystore = _lowered(parsed(text.encode()))
        if keystore["version"] not in (3, 4):
            raise ValueError("unknown version")
    except (ValueError, KeyError, AttributeError):
        raise SettingError(f"key file {path} is JSON, but no keystore: give a keystore or 64 hex digits") from None
    if password is None:
        raise SettingError(f"key file {path} is a keystore: give its password too")
    try:
        _check_work(path, keystore)
        return Account(decode_keyfile_json(keystore, password.encode()))
    except ValueError as error:
        if "mismatch" not in str(error):
            raise SettingError(f"keystore {path} is damaged: restore it from a backup") from None
        if not password:
            raise SettingError(f"no password was given for keystore {path}, and it has one") from None
        raise SettingError(f"that is not the password of keystore {path}") from None
    except (
        KeyError,
        TypeError,
        AttributeError,
        AssertionError,
        NotImplementedError,
        ArithmeticError,
    ):  # what eth_keyfile meets in it
        raise SettingError(f"keystore {path} is damaged: restore it from a backup") from None


def _lowered(fields: dict[str, Any]) -> dict[str, Any]:
    """With all names in lower case, as eth_keyfile reads them."""
    return {str(name).lower(): _lowered(value) if isinstance(value, dict) else value for name, value in fields.items()}


def _check_work(path: Path, keystore: dict[str, Any]) -> None:
    """Raises SettingError where checking the password would take seconds or gigabytes; else as a damaged one does."""
    crypto = keystore["crypto"]
    version_4 = isinstance(crypto["kdf"], dict)
    kdf, asked = (
        (crypto["kdf"]["function"], crypto["kdf"]["params"]) if version_4 else (crypto["kdf"], crypto["kdfparams"])
    )
    names = ("n", "r", "p", "dklen") if kdf == "scrypt" else ("c", "dklen")
    numbers = {name: asked[name] for name in names}
    if not all(isinstance(number, int) and number > 0 for number in numbers.values()):
        raise ValueError("no numbers")
    length = numbers["dklen"]
    if kdf == "scrypt":
        lanes = numbers["r"] * numbers["p"]
        too_much = numbers["n"] * lanes > _MOST_SCRYPT or lanes > _MOST_LANES
        bound = f"n x r x p of at most {_MOST_SCRYPT:,}, r x p of at most {_MOST_LANES:,}"
    else:
        too_much = numbers["c"] * -(-length // 32) > _MOST_ROUNDS
        bound = f"c of at most {_MOST_ROUNDS:,} for each 32 bytes"
    if too_much or length > _LONGEST_DERIVED:
        told = ", ".join(f"{name} = {_told(number)}" for name, number in numbers.items())
        raise SettingError(
            f"keystore {path} asks for more work than any wallet does to check its password ({kdf} with {told}): "
            f"{bound} and a dklen of at most {_LONGEST_DERIVED} are done, write the key anew with its wallet"
        )


def _told(number: int) -> str:
    return f"{number:,}" if number < 10**18 else "more than 10^18"
