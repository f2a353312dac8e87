"""Hosts and their checked addresses -> a pool of connections whose every read and write ends at a point in time.

httpcore hands its timeouts down with each read, and starts them anew with each: a server that sends a byte a second
would be read for ever. Here the number that is handed down is the `time.monotonic` at which the whole answer must be
there. Imported at the first request only: httpcore takes a tenth of a second.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Mapping
from typing import Any

import httpcore

_LEAST_S = 0.001


def pool(
    addresses: Mapping[tuple[str, int], str], trusted: ssl.SSLContext, *, most: int, kept_open_s: float
) -> httpcore.ConnectionPool:
    """addresses: (host, port) -> the checked address; no other is connected to. most: connections at a time."""
    return httpcore.ConnectionPool(
        ssl_context=trusted,
        max_connections=most,
        keepalive_expiry=kept_open_s,
        max_keepalive_connections=most if kept_open_s else 0,
        network_backend=_Checked(addresses),
    )


class _Checked(httpcore.NetworkBackend):
    """Connects to checked addresses; the name server is not asked again (guard.py)."""

    def __init__(self, addresses: Mapping[tuple[str, int], str]) -> None:
        self._addresses = addresses
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        address = self._addresses[host, port]
        return _Line(self._sockets.connect_tcp(address, port, _left(timeout, httpcore.ConnectTimeout), None, None))


class _Line(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Line(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(ends: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """Seconds to the point in time; raises `late` where it has passed."""
    if ends is None:
        return None
    left = ends - time.monotonic()
    if left < _LEAST_S:
        raise late("the time is up")
    return left
