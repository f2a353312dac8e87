"""What a person allows beyond the public internet, such as `localhost` or `10.1.0.0/16` -> networks for `guard`."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

from gistchain.errors import SettingError
from gistchain.internet.guard import Network

_LOCAL: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def networks(hosts: Iterable[str]) -> tuple[Network, ...]:
    """The networks of addresses, of networks, and of the name localhost.

    Other names are refused: whoever answers for them could lead anywhere. Raises SettingError.
    """
    found: list[Network] = []
    for host in hosts:
        if host.casefold() == "localhost":
            found += _LOCAL
            continue
        try:
            found.append(ip_network(host.strip("[]"), strict=False))
        except ValueError as error:
            raise SettingError(
                f"{host!r} can't be allowed: give localhost, an address or a network such as 10.1.0.0/16"
            ) from error
    return tuple(found)
