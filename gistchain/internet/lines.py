"""Hosts and their addresses -> a pool of connections whose every read and write ends at a point in time.

httpcore hands its timeouts down with each read, and starts them anew with each: a server that sends a byte a second
would be read for ever. Here the number that is handed down is the `time.monotonic` at which the whole answer must be
there. Imported at the first request only: httpcore takes a tenth of a second.
"""

from __future__ import annotations

import functools
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore

_LEAST_S = 0.001
Addresses = Callable[[str, int, float], Sequence[str]]
"""(host, port, seconds that are left) -> the addresses to connect to, in turn until one answers."""


def pool(
    addresses: Addresses, trusted: ssl.SSLContext | None, *, most: int, kept_open_s: float, address_s: float
) -> httpcore.ConnectionPool:
    """addresses: no others are connected to. trusted: None for http alone. most: connections at a time.

    address_s: how long one address may take to answer.
    """
    return httpcore.ConnectionPool(
        ssl_context=trusted,
        max_connections=most,
        keepalive_expiry=kept_open_s,
        max_keepalive_connections=most if kept_open_s else 0,
        network_backend=_Told(addresses, address_s),
    )


@functools.lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """The system's certificates and Mozilla's: some Pythons have none, and some companies add their own."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class _Told(httpcore.NetworkBackend):
    """Connects to the addresses that it is told; no name server is asked here (guard.py)."""

    def __init__(self, addresses: Addresses, address_s: float) -> None:
        self._addresses, self._address_s = addresses, address_s
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port, _left(timeout, httpcore.ConnectTimeout)):
            within_s = min(self._address_s, _left(timeout, httpcore.ConnectTimeout))
            try:
                return _Line(self._sockets.connect_tcp(address, port, within_s, None, None))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


class _Line(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # The stream's own `write` starts its time anew with each piece that the other side takes.
        line: socket.socket = self._stream.get_extra_info("socket")
        rest = memoryview(buffer)
        try:
            while rest:
                line.settimeout(_left(timeout, httpcore.WriteTimeout))
                rest = rest[line.send(rest) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Line(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(ends: float | None, late: type[httpcore.TimeoutException]) -> float:
    """Seconds to the point in time, without which there are none; raises `late` where it has passed."""
    left = 0.0 if ends is None else ends - time.monotonic()
    if left < _LEAST_S:
        raise late("the time is up")
    return left
