"""A JSON-RPC request -> a node's reply, bounded in bytes and time; nothing that the node says is followed.

web3's own provider reads replies of any size for as long as a byte comes now and then, and goes where redirects lead.
"""

from __future__ import annotations

import base64
import re
import time
from typing import Any
from urllib.parse import unquote, urlsplit

import httpcore
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from gistchain.errors import LedgerError, NodeDown
from gistchain.internet.guard import resolved
from gistchain.internet.lines import pool, trusted
from gistchain.ledger import replies

CONNECT_S = 5.0
MOST_BYTES = 8 << 20
"""The longest replies are blocks with the hashes of some thousand transactions: a few hundred KB."""
_KEPT_OPEN_S = 60.0
_MOST_CONNECTIONS = 1 << 16  # as many as there are threads that ask
_CONNECTS = "connection.connect_tcp.started"
_ID = re.compile(rb'"id"\s*:\s*(\d+)')
_CLOCK_S = 0.01
"""What comes so near to the end has failed for want of time."""


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
        self._scheme = "https" if parts.scheme == "https" else "http"
        self._host, self._port = parts.hostname or "", parts.port or (443 if self._scheme == "https" else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers: dict[bytes | str, bytes | str] = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "gistchain",
        }
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._kept, self._fresh = self._lines(_KEPT_OPEN_S), self._lines(0)
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
        """Hang up. What other threads have asked is answered before."""
        self._closed = True
        for connection in self._kept.connections:
            if connection.is_idle():
                connection.close()

    def _lines(self, kept_open_s: float) -> httpcore.ConnectionPool:
        # Which node it is, is the user's choice: its addresses may be private ones, and all are tried.
        return pool(
            resolved,
            trusted() if self._scheme == "https" else None,
            most=_MOST_CONNECTIONS,
            kept_open_s=kept_open_s,
            address_s=CONNECT_S,
        )

    def _exchange(self, request: bytes, *, anew: bool) -> tuple[int, bytes]:
        """Status and body of the reply to a POST. anew: not over a connection that is open already."""
        ends = time.monotonic() + self._within_s
        steps: set[str] = set()
        try:
            try:
                return self._ask(self._fresh if anew else self._kept, request, ends, steps)
            except (httpcore.NetworkError, httpcore.RemoteProtocolError):
                if _CONNECTS in steps:
                    raise
            # It was open already: a node may hang up on such a one at any time, and is asked once more.
            return self._ask(self._fresh, request, ends, steps)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError):
            # No text of theirs: it may have the whole URL.
            late = time.monotonic() > ends - _CLOCK_S
            raise (self._late() if late else self._down()) from None
        finally:
            if self._closed:  # meanwhile, by another thread
                self.close()

    def _ask(self, lines: httpcore.ConnectionPool, request: bytes, ends: float, steps: set[str]) -> tuple[int, bytes]:
        """The reply; `steps` hears what was done for it. Raises what httpcore does, UnicodeError and LedgerError."""
        where = httpcore.URL(
            scheme=self._scheme, host=self._host.encode("idna"), port=self._port, target=self._path.encode("ascii")
        )
        times = {**dict.fromkeys(("connect", "read", "write"), ends), "pool": self._within_s}
        with lines.stream(
            "POST",
            where,
            headers={b"Host": self._authority.encode("idna"), **self._headers},
            content=request,
            extensions={"timeout": times, "trace": lambda step, _: steps.add(step)},
        ) as response:
            body = bytearray()
            for piece in response.iter_stream():
                body += piece
                if len(body) > self._most_bytes:
                    raise LedgerError(
                        f"{self._name} gave an answer that can't be used: it has more than {self._most_bytes:,} bytes"
                    )
            # Where a node said more than it was asked, the surplus would stand for the next answer, and so on.
            if _CONNECTS not in steps and _of_another(request, body):
                response.extensions["network_stream"].close()
                raise httpcore.RemoteProtocolError
            return response.status, bytes(body)

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


def _of_another(request: bytes, reply: bytearray) -> bool:
    """Whether the reply has another request's number."""
    told = _ID.findall(reply)
    return bool(told) and _ID.findall(request)[-1] not in told
