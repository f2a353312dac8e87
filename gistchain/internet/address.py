"""URL -> one spelling for all the URLs that mean the same place (RFC 3986, section 6.2).

What comes out is ASCII without user, password or fragment, so that it can be asked for, compared and kept.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

MAX_LENGTH = 2_048
_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_KEPT = "%/:@!$&'()*+,;=~-._?[]"
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_.])?|\[[0-9a-f:.]{2,45}\]")


def normal(url: str, base: str | None = None) -> str:
    """The address that a URL means, seen from the page at `base`. Raises ValueError where it is none of http(s)."""
    if len(url) > MAX_LENGTH:
        raise ValueError(f"a URL of {len(url)} characters: at most {MAX_LENGTH} are read")
    # Browsers strip the same: a URL in a page may be broken over lines.
    url = _CONTROL.sub("", url.strip())
    parts = urlsplit(urljoin(base, url) if base else url)
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"{parts.scheme or 'no scheme'}: only http and https are read")
    if "@" in parts.netloc or "\\" in parts.netloc:
        raise ValueError("a user or password in a URL is not sent")
    host = _host(parts.hostname or "")
    port = parts.port  # raises ValueError for one that is no number
    where = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    query = f"?{_escaped(parts.query)}" if parts.query else ""
    address = f"{parts.scheme}://{where}{_without_dots(_escaped(parts.path)) or '/'}{query}"
    if len(address) > MAX_LENGTH:
        raise ValueError(f"a URL of {len(address)} characters: at most {MAX_LENGTH} are read")
    return address


def key(url: str) -> str:
    """What is compared: the address without its scheme, as sites serve the same over both; odd URLs as they stand."""
    try:
        return normal(url).partition("://")[2]
    except ValueError:
        return url.strip()


def _host(name: str) -> str:
    if len(name) > 253:
        raise ValueError("the name of the host is too long")
    host = f"[{name.lower()}]" if ":" in name else name.lower()
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise ValueError(f"{name!r} is no name of a host") from error
    if not _HOST.fullmatch(host):
        raise ValueError(f"{name!r} is no name of a host")
    return host


def _escaped(part: str) -> str:
    """Percent escapes of unreserved characters undone, all others in capitals, the rest escaped where it must be."""

    def one(found: re.Match[str]) -> str:
        if found[1] is None:
            return "%25"
        character = chr(int(found[1], 16))
        return character if character in _UNRESERVED else f"%{found[1].upper()}"

    return _ESCAPE.sub(one, quote(part, safe=_KEPT, errors="replace"))


def _without_dots(path: str) -> str:
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            del kept[max(1, len(kept) - 1) :]  # the first is the empty one before the leading slash
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)
