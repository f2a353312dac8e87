"""URL -> one spelling for all the URLs that mean the same place (RFC 3986, section 6.2); which may be links.

The spelling is ASCII, without user, password or fragment: it can be requested, compared and kept.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

MAX_LENGTH = 2_048
_MAX_LINK = 4_096  # of an address that is only shown to a person, and read from what a provider answers
_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_KEPT = "%/:@!$&'()*+,;=~-._?[]"
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_.])?|\[[0-9a-f:.]{2,45}\]")


def normal(url: str, base: str | None = None) -> str:
    """The address that a URL means, relative to the page at `base`. Raises ValueError unless it is http or https."""
    if len(url) > MAX_LENGTH:
        raise ValueError(f"a URL of {len(url)} characters: at most {MAX_LENGTH} are read")
    # As browsers do: a URL in a page may be broken over lines.
    url = _CONTROL.sub("", url.strip())
    parts = urlsplit(urljoin(base, url) if base else url)
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"{parts.scheme or 'no scheme'}: only http and https are read")
    if "@" in parts.netloc or "\\" in parts.netloc:
        raise ValueError("it has a user or password, which is not sent")
    host = _host(parts.hostname or "")
    port = parts.port  # raises ValueError where it is not a number
    authority = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    query = f"?{_escaped(parts.query)}" if parts.query else ""
    address = f"{parts.scheme}://{authority}{_without_dots(_escaped(parts.path)) or '/'}{query}"
    if len(address) > MAX_LENGTH:
        raise ValueError(f"a URL of {len(address)} characters: at most {MAX_LENGTH} are read")
    return address


def key(url: str) -> str:
    """What is compared: the address without its scheme, because sites serve the same over both; odd URLs unchanged."""
    try:
        return normal(url).partition("://")[2]
    except ValueError:
        return url.strip()


def is_web_address(url: str) -> bool:
    """Whether a URL can be followed: http or https to some host, without unprintable characters."""
    if len(url) > _MAX_LINK or not url.isprintable() or " " in url or not url.startswith(("http://", "https://")):
        return False
    try:
        return bool(urlsplit(url).netloc)
    except ValueError:  # an IPv6 address without its closing bracket
        return False


def _host(name: str) -> str:
    if len(name) > 253:
        raise ValueError("the name of the host is too long")
    host = f"[{name.lower()}]" if ":" in name else name.lower()
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise ValueError(f"{name!r} is not the name of a host") from error
    if not _HOST.fullmatch(host):
        raise ValueError(f"{name!r} is not the name of a host")
    return host


def _escaped(part: str) -> str:
    """Percent escapes of unreserved characters undone, the others in capitals; what must be escaped is escaped."""

    def normalised(escape: re.Match[str]) -> str:
        if escape[1] is None:
            return "%25"
        character = chr(int(escape[1], 16))
        return character if character in _UNRESERVED else f"%{escape[1].upper()}"

    return _ESCAPE.sub(normalised, quote(part, safe=_KEPT, errors="replace"))


def _without_dots(path: str) -> str:
    """The path with its segments `.` and `..` resolved (RFC 3986, section 5.2.4)."""
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
