"""A checked target and a request -> the whole answer, bounded in time and bytes.

The connection goes to the address that `guard` has checked, with the host's own name in TLS and in the Host header. No
proxy, no cookie, no password file: nothing of the user's goes along with a request.
"""

from __future__ import annotations

import functools
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urljoin

from gistchain.errors import SearchError
from gistchain.internet.body import TooLarge, decoded
from gistchain.internet.guard import Refused, Target

CONNECT_S = 10.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
Kinds = Mapping[str, int]
"""Start of a content type -> how many bytes of such a body are read at most. "" stands for every type."""


class Unreachable(SearchError):
    """There was no answer, or not the whole of it in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. headers: names in lower case, repeated ones joined by commas."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """The content type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def follow(
    url: str, admit: Callable[[str], Target], *, kinds: Kinds, headers: Mapping[str, str], within_s: float, most: int
) -> Answer:
    """The answer at the end of at most `most` redirects.

    admit: URL -> its target; asked for the first URL and for every redirect. within_s: for all the answers together.
    Raises what `admit` raises, Refused for one redirect too many, Unreachable, TooLarge.
    """
    left_s = within_s
    for _ in range(most + 1):
        target = admit(url)  # this may wait for its turn, which does not count as the server's time
        began = time.monotonic()
        answer = exchange(target, kinds=kinds, headers=headers, within_s=left_s)
        left_s = max(0.1, left_s - (time.monotonic() - began))
        if answer.status not in _REDIRECTS or "location" not in answer.headers:
            return answer
        url = urljoin(answer.url, answer.headers["location"])
    raise Refused(f"{url[:200]!r} is not requested: more than {most} redirects lead there")


def exchange(
    target: Target,
    *,
    kinds: Kinds,
    headers: Mapping[str, str],
    within_s: float,
    method: str = "GET",
    body: bytes | None = None,
) -> Answer:
    """The server's answer, unpacked; the body of a redirect, or of a kind that is not in `kinds`, is not read.

    Raises Unreachable where the connection fails, breaks off or takes more than `within_s` seconds; TooLarge;
    SearchError where the encoding can't be read.
    """
    try:
        plain = socket.create_connection((target.address, target.port), timeout=min(CONNECT_S, within_s))
    except OSError as error:
        raise Unreachable(f"{target.host} can't be reached: {error}") from error
    with plain, _cut_after(plain, within_s) as late:
        try:
            answer = _talk(plain, target, method, body, headers, kinds)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if late.is_set():
                raise _too_late(target, within_s) from error
            raise Unreachable(f"the answer of {target.host} broke off ({error or type(error).__name__})") from error
        if late.is_set():
            raise _too_late(target, within_s)
    return answer


def _too_late(target: Target, within_s: float) -> Unreachable:
    return Unreachable(f"the answer of {target.host} took more than {within_s:.0f} s")


@contextmanager
def _cut_after(connection: socket.socket, within_s: float) -> Iterator[threading.Event]:
    """Shut the connection down when time is up, and set the event.

    A socket's own timeout is not enough: a server that sends a byte now and then never reaches it.
    """
    handle, late = connection.dup(), threading.Event()

    def cut() -> None:
        late.set()
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(within_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        timer.join()
        handle.close()


def _talk(
    plain: socket.socket, target: Target, method: str, body: bytes | None, headers: Mapping[str, str], kinds: Kinds
) -> Answer:
    secure = target.scheme == "https"
    stream = _trusted().wrap_socket(plain, server_hostname=target.host) if secure else plain
    with stream:
        connection = (
            http.client.HTTPSConnection(target.host, target.port, context=_trusted())
            if secure
            else http.client.HTTPConnection(target.host, target.port)
        )
        connection.sock = stream
        connection.auto_open = 0  # reconnecting would go to the name, not to the checked address
        fixed = {"Accept-Encoding": "gzip", "Connection": "close"}
        connection.request(method, target.path, body, {**fixed, **headers})
        with connection.getresponse() as response:
            return _answer(response, target, kinds)


def _answer(response: http.client.HTTPResponse, target: Target, kinds: Kinds) -> Answer:
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers and name != "location" else value
    answer = Answer(target.url, response.status, headers, b"")
    most = max((size for start, size in kinds.items() if answer.kind.startswith(start)), default=0)
    if not most or response.status in _REDIRECTS:
        return answer
    sent = _read(response, headers, most, target.url)
    data = decoded(sent, headers.get("content-encoding", ""), most=most, what=target.url)
    return Answer(target.url, response.status, headers, data)


def _read(response: http.client.HTTPResponse, headers: Mapping[str, str], most: int, what: str) -> bytes:
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    length = headers.get("content-length", "")
    promised = int(length) if length.isascii() and length.isdigit() and len(length) < 19 and not chunked else None
    if promised is not None and promised > most:
        raise TooLarge(f"{what} has {promised:,} bytes: at most {most:,} are read")
    data = bytearray()
    while promised is None or len(data) < promised:
        piece = response.read1(65_536)
        if not piece:
            break
        data += piece
        if len(data) > most:
            raise TooLarge(f"{what} has more than {most:,} bytes: not read")
    if promised is not None and len(data) != promised:
        raise http.client.IncompleteRead(bytes(data[:0]), promised - len(data))
    return bytes(data)


@functools.lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """The system's certificates and Mozilla's: some Pythons have none, and some companies add their own."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
