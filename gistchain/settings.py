"""One frozen Settings, built once by the command line: flags > environment > TOML file > defaults.

Nothing else in the project reads the environment for settings of its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path

import platformdirs

from gistchain import safetoml
from gistchain.disk.read import read_regular
from gistchain.errors import SettingError
from gistchain.text import is_key

_MOST_BYTES = 2**20  # of settings.toml


@dataclass(frozen=True, slots=True)
class Settings:
    """home: folder of chain, keys and databases. rpc: a JSON-RPC endpoint, or several of one chain; none = the embedded
    chain in `home`.
    key: file with the private key (hex) or keystore, None = one made in `home` at first use.
    registry: address of the contract on `rpc`, None = the one this home deployed there.
    chain_id: what `rpc` must say it is, None = whatever it was the first time. max_fee: most that one transaction on
    `rpc` may cost in all without a question, in coins of its chain; all of an opened registry may cost ten times that.
    replace_after: in how many blocks a transaction may be left out before a higher fee is offered for it.
    seeds: isotopes to rebuild, n of S0.2.
    captioner, painter: NAME or NAME=SOURCE of the table of models, None = the default one. query: what a captioner that
    can be asked is asked, None = its own question. device, dtype: where and in
    which numbers models from a hub run. allow_download: they may be fetched; allow_pickle: theirs may be pickles.
    vision_key, tineye_key: of the services that search the internet for an image. crawl_index: file of the images that
    `gistchain rareness crawl` has seen. neuralhash: compute Apple's hash too, where its extra is installed.
    language_url: of an OpenAI-compatible service that rewords and translates captions, up to its version, such as
    https://host/v1. language_model: its name there. language_key: for it, None where it asks for none."""

    home: Path
    rpc: str | Sequence[str] | None = field(default=None, repr=False)  # its path or password can be a secret
    key: Path | None = field(default=None, repr=False)  # and so can what was taken for a file's name
    registry: str | None = None
    chain_id: int | None = None
    max_fee: Decimal = Decimal("0.01")
    replace_after: int = 5
    seeds: int = 4
    captioner: str | None = None
    painter: str | None = None
    query: str | None = None
    device: str = "cpu"
    dtype: str = "float32"
    allow_download: bool = False
    allow_pickle: bool = False
    vision_key: str | None = field(default=None, repr=False)
    tineye_key: str | None = field(default=None, repr=False)
    crawl_index: Path | None = None
    neuralhash: bool = False
    language_url: str | None = None
    language_model: str | None = None
    language_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("home", "key", "crawl_index"):  # a library user's "folder" is as good as Path("folder")
            if isinstance(place := getattr(self, name), str):
                object.__setattr__(self, name, _folder(place))
        object.__setattr__(self, "rpc", _urls(self.rpc))
        object.__setattr__(self, "max_fee", _coins("max_fee", self.max_fee))

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The URLs of `rpc`."""
        return _urls(self.rpc)

    @property
    def collections(self) -> Path:
        """Where the models of the user's own collections are kept."""
        return self.home / "collections"


def load(flags: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in force. `flags`: a command's parameters; those that are no settings, or None, count for nothing.

    GISTCHAIN_HOME, GISTCHAIN_RPC ... name the same fields; `settings.toml` in the home folder too.
    Raises SettingError for an unknown key or a value of the wrong kind.
    """
    environ = os.environ if environ is None else environ
    names = {f.name for f in fields(Settings)}
    given: dict[str, object] = {
        n: environ[f"GISTCHAIN_{n.upper()}"] for n in names if f"GISTCHAIN_{n.upper()}" in environ
    }
    # An option that may be given several times and was not is an empty tuple or list.
    given |= {name: value for name, value in flags.items() if name in names and value not in (None, (), [])}
    home = _folder(given.get("home") or platformdirs.user_data_dir("gistchain", appauthor=False))
    merged = {**_from_toml(home / "settings.toml"), **given, "home": home}
    unknown = merged.keys() - names
    if unknown:
        known = ", ".join(sorted(names - {"home"}))
        raise SettingError(
            f"unknown setting {sorted(unknown)[0]!r} in {home / 'settings.toml'}: remove it, or write one of {known}"
        )
    return Settings(
        home=home,
        rpc=_urls(merged.get("rpc")),
        key=_key_file(merged["key"]) if merged.get("key") else None,
        registry=_text(merged.get("registry")),
        chain_id=None if merged.get("chain_id") is None else _positive("chain_id", merged["chain_id"]),
        max_fee=_coins("max_fee", merged.get("max_fee", Decimal("0.01"))),
        replace_after=_positive("replace_after", merged.get("replace_after", 5)),
        seeds=_positive("seeds", merged.get("seeds", 4), at_most=256),
        captioner=_text(merged.get("captioner")),
        painter=_text(merged.get("painter")),
        query=_text(merged.get("query")),
        device=_text(merged.get("device")) or "cpu",
        dtype=_text(merged.get("dtype")) or "float32",
        allow_download=_yes("allow_download", merged.get("allow_download", False)),
        allow_pickle=_yes("allow_pickle", merged.get("allow_pickle", False)),
        vision_key=_text(merged.get("vision_key")),
        tineye_key=_text(merged.get("tineye_key")),
        crawl_index=_folder(merged["crawl_index"]) if merged.get("crawl_index") else None,
        neuralhash=_yes("neuralhash", merged.get("neuralhash", False)),
        language_url=_text(merged.get("language_url")),
        language_model=_text(merged.get("language_model")),
        language_key=_text(merged.get("language_key")),
    )


def _from_toml(path: Path) -> dict[str, object]:
    try:
        if path.parent.exists() and not path.parent.is_dir():
            raise SettingError(f"{path.parent} is not a folder: give another home")
        return safetoml.parsed(read_regular(path, at_most=_MOST_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:  # a name that is too long, no permission, a pipe
        raise SettingError(f"{path} can't be read ({error.strerror}): give another home, or mend this one") from error
    except ValueError as error:  # of TOML, of UTF-8
        raise SettingError(f"{path} can't be read as TOML ({error}): mend or remove it") from error


def _folder(given: object) -> Path:
    """Raises SettingError for the home of a user that isn't there."""
    try:
        return Path(str(given)).expanduser()
    except RuntimeError as error:
        raise SettingError(f"{given} names no folder: there is no such user") from error


def _key_file(given: object) -> Path:
    """Raises SettingError for a key in place of a file, without repeating it: others may read the screen or a log."""
    if is_key(str(given)) and not os.path.isfile(str(given)):  # of a name that can't be, Path's own would raise
        raise SettingError(
            "the key itself was given, where the name of a file belongs: write it to a file that only you can read, "
            "and give that; think of this key as known to others if anyone could see the command"
        )
    return _folder(given)


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)


def _urls(value: object) -> tuple[str, ...]:
    """Of a text, where commas part them, or of a list. A comma inside of a URL is its own."""
    texts = value if isinstance(value, (list, tuple)) else re.split(r",\s*(?=https?://)", _text(value) or "")
    return tuple(dict.fromkeys(str(text).strip() for text in texts if str(text).strip()))


def _positive(name: str, value: object, at_most: int = 2**256) -> int:
    try:
        number = int(str(value), 0)
    except ValueError as error:
        raise SettingError(f"{name} is {value!r}: give a whole number") from error
    if not 1 <= number <= at_most:
        raise SettingError(f"{name} is {number}: give a number from 1 to {at_most}")
    return number


def _coins(name: str, value: object) -> Decimal:
    try:
        amount = Decimal(str(value))
    except ArithmeticError as error:
        raise SettingError(f"{name} is {value!r}: give a number of coins, such as 0.01") from error
    if not (amount.is_finite() and 0 < amount <= 10**9):
        raise SettingError(f"{name} is {value}: give a number of coins above 0, such as 0.01")
    return amount


def _yes(name: str, value: object) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    answer = known.get(str(value).strip().casefold()) if value != "" else False
    if answer is None:
        raise SettingError(f"{name} is {value!r}: give true or false")
    return answer
