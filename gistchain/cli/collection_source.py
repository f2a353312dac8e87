"""A SOURCE of `gistchain collection import` that can't be imported -> what was meant by it, and what to give."""

from __future__ import annotations

import difflib
import re
import shlex
from pathlib import Path

from gistchain.cli.usage import about_address
from gistchain.errors import ModelError, SettingError

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
SOURCES = (
    "SOURCE is the 0x address of a contract, with --rpc; a folder of images and their JSON; cryptopunks, nouns, "
    "dicebear:STYLE, robohash:1, robohash:4 or pfp-30; or a file that `gistchain collection export` wrote"
)
_SHOWN = 60
_HEX = re.compile(r"0x[0-9a-z]*", re.I)
_INSIDE = re.compile(r"(?<![0-9a-zA-Z])0x[0-9a-fA-F]{40}(?![0-9a-zA-Z])")
_PACKAGED = ("cryptopunks", "nouns", "pfp-30", "robohash:1", "robohash:4")
_MEANT = {"punks": "cryptopunks", "pfp": "pfp-30"}


def check_source(given: str) -> None:
    """Raises SettingError for an address of the internet, and for half of a contract's."""
    if about_address(given) is not None:
        raise SettingError(_about_url(given))
    if _HEX.fullmatch(given) and not ADDRESS.fullmatch(given) and not Path(given).exists():
        raise SettingError(
            f"{given[:_SHOWN]} is no address of a contract, which has 40 hex digits after 0x, and this {len(given) - 2}"
        )


def no_folder(given: str) -> SettingError:
    """Of what is no folder, no file and nothing that is packaged."""
    wanted = given.casefold()
    known = [*_PACKAGED, *_MEANT, *_styles()]
    if near := difflib.get_close_matches(wanted, known, 1, 0.7):
        meant = near[0] if near[0] in _PACKAGED or ":" in near[0] else _MEANT.get(near[0], f"dicebear:{near[0]}")
        return SettingError(f"{given[:_SHOWN]!r} is not there: did you mean {meant}?")
    return SettingError(f"{given[:_SHOWN]!r} is not there, and is no packaged collection: {SOURCES}")


def no_export(path: Path) -> SettingError:
    """Of a file that `collection export` has not written."""
    above = path.absolute().parent
    shown = shlex.quote(str(path))
    match path.suffix.lower():
        case ".toml":
            more = f"; of rules `gistchain collection mint-plan {shown}` makes a collection"
        case ".txt" | ".csv" | ".json":
            more = f"; a file with an address or a URI a line is given as --list {shown}"
        case _:
            more = f"; of one token's file give the folder: {shlex.quote(str(above))}"
    return SettingError(f"{path} can't be imported: {SOURCES}{more}")


def _about_url(given: str) -> str:
    shown = given if len(given) <= _SHOWN else f"{given[:_SHOWN]}..."
    if given[:4].casefold() == "file":
        return about_address(given) or given
    if given[:4].casefold() != "http":
        return f"{shown} is a URI: write it into a file, the URIs of one collection's metadata a line each: --list FILE"
    inside = _INSIDE.search(given)
    contract = inside[0] if inside else "0xADDRESS"
    which = "" if inside else "; the site shows the contract's address where it tells of the collection"
    return (
        f"{shown} is a page, and tokens are read from their contract: give `gistchain collection import {contract} "
        f"--rpc URL`, with a node of the contract's chain{which}. URIs of metadata stand in a file: --list FILE"
    )


def _styles() -> list[str]:
    from gistchain.collection.known import dicebear

    try:
        return [name for style in dicebear.installed() for name in (f"dicebear:{style}", style)]
    except ModelError:
        return []
