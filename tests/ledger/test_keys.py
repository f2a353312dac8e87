"""Key files: what is read, what is refused and in which words, and that no key is ever repeated."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from gistchain.errors import SettingError
from gistchain.ledger.evm import open_embedded
from gistchain.ledger.keys import account, is_keystore
from gistchain.settings import Settings

SECRET = hashlib.sha256(b"a key that is used for nothing").hexdigest()
MNEMONIC = "test test test test test test test test test test test junk"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    from eth_account import Account

    path = tmp_path / "UTC--2026-01-01--f39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    path.write_text(json.dumps(Account.encrypt(bytes.fromhex(SECRET), "correct horse", iterations=2)))
    return path


@pytest.mark.parametrize("given", [SECRET, f"0x{SECRET}", SECRET[:-3], f"{SECRET}77", MNEMONIC])
def test_a_key_given_in_place_of_a_file_is_not_repeated(home: Path, given: str) -> None:
    with pytest.raises(SettingError, match=r"looks like a key itself.*shell's history") as refused:
        account(home, Path(given), None)
    told = "".join(map(str, (refused.value, refused.value.__cause__, Settings(home, key=Path(given)))))
    assert SECRET[:8] not in told
    assert "junk" not in told
    assert not is_keystore(Path(given))


def test_a_file_may_have_a_name_that_looks_like_a_key(tmp_path: Path, home: Path) -> None:
    path = tmp_path / SECRET
    path.write_text(SECRET)
    assert account(home, path, None).key.hex() == SECRET


def test_neither_a_pipe_nor_a_device_nor_a_huge_file_is_read(tmp_path: Path, home: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(1 << 40)
    for path, words in (
        (tmp_path / "pipe", "it is not a regular file"),
        (Path("/dev/zero"), "it is not a regular file"),
        (tmp_path, "it is a folder"),
        (tmp_path / "huge", "it has more than 65,536 bytes"),
    ):
        with pytest.raises(SettingError, match=words):
            account(home, path, None)
        assert not is_keystore(path)


def test_no_password_a_wrong_one_and_no_keystore_are_told_apart(keystore: Path, home: Path, tmp_path: Path) -> None:
    assert is_keystore(keystore)
    assert account(home, keystore, "correct horse").key.hex() == SECRET
    for password, words in (
        (None, "is a keystore: give its password too"),
        ("", "no password was given for keystore"),
        ("wrong", "that is not the password of keystore"),
    ):
        with pytest.raises(SettingError, match=words):
            account(home, keystore, password)
    whole = json.loads(keystore.read_text())
    del whole["crypto"]["kdfparams"]
    for content, words in (
        ('{"a": 1}', "is JSON, but no keystore"),
        ("{" * 5000, "is JSON, but no keystore"),
        ('{"version": 7}', "is JSON, but no keystore"),
        (json.dumps(whole), "is damaged: restore it"),
        ('{"version": 3, "crypto": 7}', "is damaged: restore it"),
    ):
        (tmp_path / "other").write_text(content)
        with pytest.raises(SettingError, match=words):
            account(home, tmp_path / "other", "correct horse")


def test_an_empty_password_can_be_the_right_one(home: Path, tmp_path: Path) -> None:
    from eth_account import Account

    (tmp_path / "open").write_text(json.dumps(Account.encrypt(bytes.fromhex(SECRET), "", iterations=2)))
    assert account(home, tmp_path / "open", "").key.hex() == SECRET


def test_a_key_that_vanished_from_a_home_is_not_replaced_in_silence(home: Path, tmp_path: Path) -> None:
    with open_embedded(home) as ledger:
        owner = ledger.owner
    path = home / "keys" / "default.key"
    kept = path.read_text()
    path.unlink()
    with pytest.raises(SettingError, match=rf"default\.key is gone, the key of {owner}.*restore it.*--key"):
        open_embedded(home)
    assert not path.exists()
    (tmp_path / "own.key").write_text(SECRET)
    with open_embedded(home, tmp_path / "own.key") as ledger:
        assert ledger.owner != owner
    path.write_text(kept)
    with open_embedded(home) as ledger:
        assert ledger.owner == owner
    path.unlink()
    known = home / "ledgers.json"  # what the message says helps
    known.write_text(re.sub(r',\s*"account": "0x\w+"', "", known.read_text()))
    with open_embedded(home) as ledger:
        assert ledger.owner != owner


def test_another_key_in_its_place_is_noticed(home: Path) -> None:
    with open_embedded(home) as ledger:
        owner = ledger.owner
    path, known = home / "keys" / "default.key", home / "ledgers.json"
    path.write_text(SECRET)
    before = known.read_text()
    with pytest.raises(SettingError, match=rf"default\.key is the key of 0x\w+.*that of {owner}: restore it.*--key"):
        open_embedded(home)
    assert known.read_text() == before
    with open_embedded(home, path) as ledger:  # what the message says helps
        assert ledger.owner != owner


def test_a_home_that_was_used_with_a_key_of_ones_own_makes_one_later(home: Path, tmp_path: Path) -> None:
    (tmp_path / "own.key").write_text(SECRET)
    open_embedded(home, tmp_path / "own.key").close()
    assert not (home / "keys").exists()
    open_embedded(home).close()
    assert (home / "keys" / "default.key").exists()


def test_a_keystore_whose_numbers_can_not_be_is_damaged(tmp_path: Path) -> None:
    keystore = Account.encrypt(SECRET, "secret", kdf="scrypt", iterations=2)
    keystore["crypto"]["kdfparams"]["r"] = 0
    (tmp_path / "key").write_text(json.dumps(keystore))
    with pytest.raises(SettingError, match="damaged"):
        account(tmp_path, tmp_path / "key", "secret")


@pytest.mark.parametrize(
    ("kdf", "asked", "told"),
    [
        ("scrypt", {"n": 2**24, "r": 8, "p": 1}, "n = 16,777,216, r = 8, p = 1"),
        ("scrypt", {"n": 2, "r": 8, "p": 2**20}, "p = 1,048,576"),
        ("scrypt", {"n": 2, "r": 2**11, "p": 1}, "r = 2,048"),
        ("scrypt", {"n": 2, "r": 2**24, "p": 1}, "r = 16,777,216"),
        ("scrypt", {"n": 2, "r": 8, "p": 1, "dklen": 2**31}, "dklen = 2,147,483,648"),
        ("pbkdf2", {"c": 10**9}, "c = 1,000,000,000"),
        ("pbkdf2", {"c": 10**90}, r"c = more than 10\^18"),
        ("pbkdf2", {"C": 3_000_000, "dklen": 64}, "c = 3,000,000, dklen = 64"),
    ],
)
@pytest.mark.parametrize("version", [3, 4])
def test_a_keystore_that_asks_for_too_much_work_is_refused_before_it(
    tmp_path: Path, kdf: Any, asked: dict[str, int], told: str, version: int
) -> None:
    _keystore(tmp_path / "key", kdf, asked, version)
    before = time.process_time()
    with pytest.raises(SettingError, match=rf"asks for more work .*\({kdf} with .*{told}.*at most"):
        account(tmp_path, tmp_path / "key", "secret")
    assert time.process_time() - before < 5


@pytest.mark.parametrize(
    ("kdf", "asked"),
    [("scrypt", {"n": 262_144, "r": 8, "p": 1}), ("scrypt", {"n": 4096, "p": 6}), ("pbkdf2", {"c": 10**6})],
)
def test_what_wallets_ask_for_is_done(tmp_path: Path, kdf: Any, asked: dict[str, int]) -> None:
    _keystore(tmp_path / "key", kdf, asked, 3)
    with pytest.raises(SettingError, match="not the password"):  # their sum was made with other numbers
        account(tmp_path, tmp_path / "key", "secret")


def _keystore(path: Path, kdf: Any, asked: dict[str, int], version: int) -> None:
    made: dict[str, Any] = Account.encrypt(SECRET, "secret", kdf=kdf, iterations=2)
    if version == 4:
        made["crypto"]["kdf"] = {"function": kdf, "params": made["crypto"]["kdfparams"], "message": ""}
    params = made["crypto"]["kdf"]["params"] if version == 4 else made["crypto"]["kdfparams"]
    if "C" in asked:
        del params["c"]
    params.update(asked)
    path.write_text(json.dumps(made | {"version": version}))
