"""One frozen Settings, built once by the command line: flags > environment > TOML file > defaults.

Nothing else in the project reads the environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import platformdirs

from gistchain.errors import SettingError


@dataclass(frozen=True, slots=True)
class Settings:
    """home: folder of chain, keys and databases. rpc: a JSON-RPC endpoint, None = the embedded chain in `home`.
    key: file with the private key (hex) or keystore, None = one made in `home` at first use.
    registry: address of the contract on `rpc`, None = the one this home deployed there.
    chain_id: what `rpc` must say it is, None = whatever it was the first time.
    seeds: isotopes to rebuild, n of S0.2."""

    home: Path
    rpc: str | None = None
    key: Path | None = None
    registry: str | None = None
    chain_id: int | None = None
    seeds: int = 4


def load(flags: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in force. `flags`: those given on the command line, None for those that were not.

    GISTCHAIN_HOME, GISTCHAIN_RPC ... name the same fields; `settings.toml` in the home folder too.
    Raises SettingError for an unknown key or a value of the wrong kind.
    """
    environ = os.environ if environ is None else environ
    given: dict[str, object] = {
        f.name: environ[name] for f in fields(Settings) if (name := f"GISTCHAIN_{f.name.upper()}") in environ
    }
    given |= {name: value for name, value in flags.items() if value is not None}
    home = Path(str(given.get("home") or platformdirs.user_data_dir("gistchain", appauthor=False))).expanduser()
    merged = {**_from_toml(home / "settings.toml"), **given, "home": home}
    unknown = merged.keys() - {f.name for f in fields(Settings)}
    if unknown:
        raise SettingError(f"unknown setting {sorted(unknown)[0]!r} in {home / 'settings.toml'}: remove it")
    return Settings(
        home=home,
        rpc=_text(merged.get("rpc")),
        key=Path(str(merged["key"])).expanduser() if merged.get("key") else None,
        registry=_text(merged.get("registry")),
        chain_id=None if merged.get("chain_id") is None else _positive("chain_id", merged["chain_id"]),
        seeds=_positive("seeds", merged.get("seeds", 4), at_most=256),
    )


def _from_toml(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingError(f"{path} can't be read as TOML ({error}): mend or remove it") from error


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)


def _positive(name: str, value: object, at_most: int = 2**256) -> int:
    try:
        number = int(str(value), 0)
    except ValueError as error:
        raise SettingError(f"{name} is {value!r}: give a whole number") from error
    if not 1 <= number <= at_most:
        raise SettingError(f"{name} is {number}: give a number from 1 to {at_most}")
    return number
