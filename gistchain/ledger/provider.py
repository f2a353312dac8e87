"""A JSON-RPC request -> a node's reply, bounded in bytes and time; nothing that the node says is followed.

web3's own provider reads replies of any size for as long as a byte comes now and then, and goes where redirects lead.
"""

from __future__ import annotations

import base64
import functools
import http.client
import os
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from gistchain.errors import LedgerError, NodeDown
from gistchain.ledger import replies

CONNECT_S = 5.0
MOST_BYTES = 8 << 20
"""The longest replies are blocks with the hashes of some thousand transactions: a few hundred KB."""
_HUNG_UP = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class _OutOfTime(TimeoutError):
    pass


class NodeProvider(JSONBaseProvider):
    """Web3's way to the node at `url`. Threads may share one. name: the URL as it may be shown, without secrets.

    No proxy is used, no password file, and no URL but this one.
    """

    # A node could make web3 ask any address on its behalf (EIP-3668).
    global_ccip_read_enabled = False

    def __init__(self, url: str, name: str, *, within_s: float, most_bytes: int = MOST_BYTES) -> None:
        super().__init__()
        self._name, self._within_s, self._most_bytes = name, within_s, most_bytes
        parts = urlsplit(url)
        self._secure, self._host = parts.scheme == "https", parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "gistchain"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._idle: list[http.client.HTTPConnection] = []
        self._closed = False

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The node's reply, whose fields are checked. Raises NodeDown, LedgerError."""
        if not replies.is_checked(str(method)):
            raise LedgerError(f"{self._name} was not asked for {method}: its answers are not checked")
        # What is sent to be written goes over a new connection: when it breaks, nobody hung up in between.
        request = self.encode_rpc_request(method, params)
        status, body = self._exchange(request, anew=method == "eth_sendRawTransaction")
        if 300 <= status < 400:
            raise LedgerError(f"{self._name} answers with a redirect, which is not followed: give --rpc where it leads")
        if status in (401, 403):
            raise LedgerError(f"{self._name} refuses us (HTTP {status}): check the key or password in --rpc")
        if status in (408, 429) or status >= 500:
            raise NodeDown(
                f"{self._name} can't answer now (HTTP {status}); what was asked may still happen: try again later"
            )
        with replies.usable(self._name):
            checked: Any = replies.checked(body, str(method), params)
        return checked  # type: ignore[no-any-return]

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, request: bytes, *, anew: bool) -> tuple[int, bytes]:
        """Status and body of the reply to a POST. anew: not over a connection that is open already."""
        deadline = time.monotonic() + self._within_s
        try:
            if not anew and (kept := self._open_already()) is not None:
                with suppress(*_HUNG_UP):  # a node may do so at any time, and is asked once more
                    return self._ask(kept.sock, kept, request, deadline)
            return self._ask(_line(self._host, self._port, deadline), None, request, deadline)
        except _OutOfTime:
            raise self._late() from None
        except (OSError, http.client.HTTPException, ValueError):  # no text of theirs: it may have the whole URL
            raise self._down() from None

    def _ask(
        self, line: socket.socket, connection: http.client.HTTPConnection | None, request: bytes, deadline: float
    ) -> tuple[int, bytes]:
        """The reply, over a line and, where it has been used before, its connection. Raises _OutOfTime, and others."""
        kept = False
        try:
            with _cut_at(line, deadline) as late:
                try:
                    if connection is None:
                        connection = self._connected(line)
                    connection.sock.settimeout(_left(deadline))
                    connection.request("POST", self._path, request, self._headers)
                    with connection.getresponse() as response:
                        body = self._read(response)
                        kept = not response.will_close
                except (OSError, http.client.HTTPException, ValueError) as error:
                    if late.is_set() or isinstance(error, TimeoutError):
                        raise _OutOfTime from None
                    raise
                if late.is_set():  # an answer that was cut can look like a whole one
                    kept = False
                    raise _OutOfTime
            if kept:
                self._idle.append(connection)
                if self._closed:  # meanwhile, by another thread
                    self.close()
            return response.status, body
        finally:
            if not kept:
                if connection is not None:
                    connection.close()
                line.close()

    def _open_already(self) -> http.client.HTTPConnection | None:
        """A connection that an earlier request left open, and the node too."""
        with suppress(IndexError):
            while True:
                connection = self._idle.pop()
                poll = select.poll()
                poll.register(connection.sock, select.POLLIN)
                if not poll.poll(0):  # there is something to read only where the other side hangs up
                    return connection
                connection.close()
        return None

    def _connected(self, line: socket.socket) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port)
        connection.auto_open = 0
        connection.sock = _trusted().wrap_socket(line, server_hostname=self._host) if self._secure else line
        return connection

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        body = bytearray()
        while piece := response.read1(65_536):
            body += piece
            if len(body) > self._most_bytes:
                raise LedgerError(
                    f"{self._name} gave an answer that can't be used: it has more than {self._most_bytes:,} bytes"
                )
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return bytes(body)

    def _down(self) -> NodeDown:
        return NodeDown(
            f"{self._name} doesn't answer; what was asked may still happen: start the node or check --rpc, then try "
            "again"
        )

    def _late(self) -> NodeDown:
        return NodeDown(
            f"{self._name} took more than {self._within_s:g} s for one answer; what was asked may still happen: try "
            "again, or use another node"
        )


def _line(host: str, port: int, deadline: float) -> socket.socket:
    """A TCP connection to one of the host's addresses, tried in turn. Raises OSError, UnicodeError, _OutOfTime."""
    failed: OSError = ConnectionRefusedError(f"{host} has no address")
    for family, kind, protocol, _, address in _addresses(host, port, deadline):
        line = socket.socket(family, kind, protocol)
        try:
            line.settimeout(min(CONNECT_S, _left(deadline)))
            line.connect(address)
            # http.client sends head and body apart: the second would wait 40 ms for the other side's word of the first.
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.settimeout(_left(deadline))
            return line
        except OSError as error:
            line.close()
            failed = error
    raise failed


def _addresses(host: str, port: int, deadline: float) -> list[Any]:
    """As of getaddrinfo, which itself knows no limit of time: it is asked by a thread that nobody waits for longer."""
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            told.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            told.put(error)

    _start(threading.Thread(target=ask, daemon=True))
    try:
        answer = told.get(timeout=_left(deadline))
    except queue.Empty:
        raise _OutOfTime from None
    if isinstance(answer, Exception):
        raise answer
    return list(answer)


def _left(deadline: float) -> float:
    """Seconds; raises _OutOfTime where there are none."""
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise _OutOfTime
    return left_s


def _start(thread: threading.Thread) -> None:
    try:
        thread.start()
    except RuntimeError as error:  # there are too many
        raise OSError(str(error)) from error


@contextmanager
def _cut_at(line: socket.socket, deadline: float) -> Iterator[threading.Event]:
    """Shut the connection down when time is up, and set the event. Raises OSError, where there are no means to.

    A socket's own timeout is not enough: a server that sends a byte now and then never reaches it.
    """
    handle, late = _second(line), threading.Event()

    def cut() -> None:
        late.set()
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    with handle:
        timer = threading.Timer(_left(deadline), cut)
        timer.daemon = True
        _start(timer)
        try:
            yield late
        finally:
            timer.cancel()
            timer.join()


def _second(line: socket.socket) -> socket.socket:
    """Another handle of the same connection, as TLS takes the first one."""
    number = os.dup(line.fileno())
    try:
        return socket.socket(fileno=number)
    except OSError:
        os.close(number)
        raise


@functools.lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """The system's certificates and Mozilla's: some Pythons have none, and some companies add their own."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
