"""URL -> the one network address that may be connected to for it, or a refusal.

Sites decide which URLs are read next, so they could send a crawler to machines that only the crawler can reach
(server-side request forgery). Here a name is resolved once, all its addresses are checked, and the connection is made
to the address that was checked. The name server is not asked again, so it can't answer differently (DNS rebinding).
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from gistchain.errors import SearchError
from gistchain.internet.address import normal

Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]
"""(host, port) -> the addresses that the host has now. Raises OSError where it has none."""

RESOLVE_S = 30.0
PORTS: frozenset[int] = frozenset({80, 443})
_NAT64 = IPv6Network("64:ff9b::/96")
_MAPPED = IPv6Network("::ffff:0:0/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NEVER = [
    # What Python's own list lacks, or lacks in some versions: the relay of 6to4, Azure's host service, benchmarking,
    # Teredo and other protocol assignments, documentation.
    *map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "198.18.0.0/15", "240.0.0.0/4")),
    *map(ip_network, ("2001::/23", "2001:db8::/32", "3fff::/20", "2620:4f:8000::/48")),
]


class Refused(SearchError):
    """A URL that must not be requested."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: connect to `address` and `port`, request `path` of `host`."""

    url: str
    scheme: str
    host: str
    port: int
    address: str
    path: str


def resolved(host: str, port: int, within_s: float = RESOLVE_S) -> Sequence[str]:
    """The addresses that the system's resolver gives. Raises OSError, UnicodeError where there are none in time.

    The resolver itself knows no limit of time: it is asked by a thread that nobody waits for longer.
    """
    told: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            told.put(list(dict.fromkeys(_spelled(entry[4]) for entry in entries)))
        except (OSError, UnicodeError) as error:
            told.put(error)

    try:
        threading.Thread(target=ask, daemon=True).start()
        answer = told.get(timeout=within_s)
    except RuntimeError as error:  # there are too many threads
        raise OSError(str(error)) from error
    except queue.Empty:
        raise TimeoutError(f"the name server did not answer within {within_s:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _spelled(address: tuple[Any, ...]) -> str:
    """With the number of the interface, which an IPv6 address of the local network needs to be reached."""
    return f"{address[0]}%{address[3]}" if len(address) == 4 and address[3] else str(address[0])


def checked(
    url: str,
    *,
    allow: Sequence[Network] = (),
    ports: Collection[int] = PORTS,
    resolve: Resolve = resolved,
) -> Target:
    """Where the URL leads. allow: networks that are allowed though they are not public.

    Raises Refused unless it is http or https, its port is one of `ports`, and all addresses of its host are public or
    allowed.
    """
    try:
        address = normal(url)
    except ValueError as error:
        raise Refused(f"{url[:200]!r} is not requested: {error}") from error
    parts = urlsplit(address)
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    if port not in ports:
        raise Refused(f"{address} is not requested: port {port} is not one of {', '.join(map(str, sorted(ports)))}")
    try:
        candidates = resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise Refused(f"{address} is not requested: {host} has no address ({error})") from error
    # A private address among public ones is an attacker's trick: then none of them is used.
    for candidate in candidates:
        why = refusal(candidate, allow)
        if why is not None:
            raise Refused(f"{address} is not requested: {host} is {candidate}, {why}")
    if not candidates:
        raise Refused(f"{address} is not requested: {host} has no address")
    path = address.split("/", 3)[3]
    return Target(address, parts.scheme, host, port, candidates[0], f"/{path}")


def refusal(address: str, allow: Sequence[Network] = ()) -> str | None:
    """Why no request may go to this address; None where it is public or in a network of `allow`."""
    try:
        ip = ip_address(address)
    except ValueError:
        return "which is not an address"
    if any(ip in network for network in allow if network.version == ip.version):
        return None
    if isinstance(ip, IPv6Address):
        return _refusal_v6(ip)
    return None if _public(ip) else "which is not public"


def _refusal_v6(ip: IPv6Address) -> str | None:
    inner = _embedded(ip)
    if inner is not None:
        return None if _public(inner) and ip not in _SIX_TO_FOUR else f"which means {inner}"
    if ip.scope_id is not None or ip not in _GLOBAL_UNICAST:
        return "which is not public"
    # ISATAP (RFC 5214) puts an IPv4 address after this mark, in any network.
    if (int(ip) >> 32) & 0xFDFFFFFF == 0x00005EFE:
        return "which tunnels to an IPv4 address"
    return None if _public(ip) else "which is not public"


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that is reached through this one, None where there is none."""
    if ip in _MAPPED or ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip in _SIX_TO_FOUR:
        return IPv4Address((int(ip) >> 80) & 0xFFFFFFFF)
    return None


def _public(ip: IPv4Address | IPv6Address) -> bool:
    special = ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_reserved
    if special or ip.is_unspecified or not ip.is_global:
        return False
    return not any(ip in network for network in _NEVER if network.version == ip.version)
