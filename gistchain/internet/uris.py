"""A URI of a token's metadata or media -> where it lies: on IPFS, on Arweave, on the web, or in the URI itself."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from gistchain.errors import SearchError
from gistchain.internet.address import normal
from gistchain.internet.ipfs import Cid, cid_of

LONGEST_URI = 2_048
"""Of all but data: URIs."""
_BASE64 = re.compile(rb"[^A-Za-z0-9+/=_-]")
_ARWEAVE_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_ARWEAVE_HOSTS = frozenset({"arweave.net", "www.arweave.net", "ar-io.dev", "g8way.io"})


class BadUri(SearchError):
    """A URI that leads nowhere that is read."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something lies. url: for the web, and of the gateway that the URI itself names.

    path: below the CID or the Arweave transaction, its parts unescaped.
    """

    kind: Literal["ipfs", "ar", "web"]
    url: str = ""
    cid: Cid | None = None
    transaction: str = ""
    path: tuple[str, ...] = ()


def place(uri: str) -> Place:
    """Where the URI leads. Raises BadUri for what is no URI, or of a scheme that is not read."""
    text = uri.strip()
    if not text:
        raise BadUri("there is no URI")
    if any("\ud800" <= letter <= "\udfff" for letter in text[:LONGEST_URI]):
        raise BadUri(f"{text[:100]!r} has half of a letter (a lone surrogate), which no server can be sent")
    if len(text) > LONGEST_URI:
        raise BadUri(f"a URI of {len(text):,} characters: at most {LONGEST_URI:,} are read")
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower() if rest else ""
    if scheme in ("http", "https"):
        return _web(text)
    if scheme in ("ipfs", "dweb"):
        return _ipfs(rest.removeprefix("ipfs/"), uri)
    if scheme == "ar":
        transaction, *path = _parts(rest)
        return Place("ar", transaction=_arweave(transaction, uri), path=tuple(path))
    if not scheme and (cid_of(_parts(text.removeprefix("/ipfs/").removeprefix("ipfs/"))[0]) is not None):
        return _ipfs(text.removeprefix("/ipfs/").removeprefix("ipfs/"), uri)
    raise BadUri(f"{uri[:100]!r} is of no scheme that is read: data, http, https, ipfs and ar are")


def is_data(uri: str) -> bool:
    return uri.lstrip()[:5].lower() == "data:"


def data_of(uri: str, *, most: int) -> bytes:
    """What stands in a data: URI (RFC 2397). most: bytes of it. Raises BadUri."""
    head, comma, body = uri.lstrip()[5:].partition(",")
    if not comma:
        raise BadUri("a data: URI without a comma holds nothing")
    if len(body) > 3 * most:
        raise BadUri(f"a data: URI of more than {most:,} bytes is not read")
    raw = body.encode("utf-8", "surrogatepass")
    if head.lower().rstrip().endswith(";base64"):
        # Some contracts leave out the padding, or write line ends.
        letters = _BASE64.sub(b"", unquote_to_bytes(raw)).replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
        try:
            data = base64.b64decode(letters + b"=" * (-len(letters) % 4), validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadUri(f"a data: URI whose base64 can't be read ({error})") from error
    else:
        data = unquote_to_bytes(raw) if b"%" in raw else raw
    if len(data) > most:
        raise BadUri(f"a data: URI of more than {most:,} bytes is not read")
    return data


def _web(text: str) -> Place:
    try:
        url = normal(text)
    except ValueError as error:
        raise BadUri(f"{text[:100]!r} is no address that can be read: {error}") from error
    parts = urlsplit(url)
    host, path = parts.hostname or "", _parts(parts.path.lstrip("/"))
    if path[0] == "ipfs" and len(path) > 1 and (cid := cid_of(path[1])) is not None:
        return Place("ipfs", url, cid, path=tuple(path[2:]))
    name, _, gateway = host.partition(".")
    if gateway.startswith("ipfs.") and (cid := cid_of(name)) is not None:
        return Place("ipfs", url, cid, path=tuple(part for part in path if part))
    if host in _ARWEAVE_HOSTS and _ARWEAVE_ID.fullmatch(path[0]):
        return Place("ar", url, transaction=path[0], path=tuple(path[1:]))
    return Place("web", url)


def _ipfs(rest: str, uri: str) -> Place:
    cid_text, *path = _parts(re.split("[?#]", rest, maxsplit=1)[0])
    cid = cid_of(cid_text)
    if cid is None:
        raise BadUri(f"{uri[:100]!r} names no content of IPFS: {cid_text[:60]!r} is no CID")
    return Place("ipfs", "", cid, path=tuple(part for part in path if part))


def _arweave(text: str, uri: str) -> str:
    if not _ARWEAVE_ID.fullmatch(text):
        raise BadUri(f"{uri[:100]!r} names no transaction of Arweave")
    return text


def _parts(path: str) -> list[str]:
    return [unquote(part) for part in path.split("/")]
