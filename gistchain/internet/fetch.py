"""A checked target and a request -> the whole answer, bounded in time and bytes.

The connection goes to the address that `guard` has checked, with the host's own name in TLS and in the Host header. No
proxy, no cookie, no password file: nothing of the user's goes along with a request. httpcore speaks HTTP here, the part
of httpx below its client: the client would keep cookies and resolve names by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

from gistchain.errors import SearchError
from gistchain.internet.body import TooLarge, decoded
from gistchain.internet.guard import Refused, Target

if TYPE_CHECKING:
    from httpcore import ConnectionPool, Response

CONNECT_S = 10.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT_OPEN_S = 15.0
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


class Lines:
    """Connections that are kept open between requests, for threads to share. Only to addresses that were checked."""

    def __init__(self, *, most: int = 32, keep: bool = True) -> None:
        """most: connections at a time. keep: False closes each after its answer."""
        from gistchain.internet.lines import pool, trusted

        self.keep = keep
        self._addresses: dict[tuple[str, int], str] = {}
        self._pool: ConnectionPool = pool(
            lambda host, port, _: [self._addresses[host, port]],
            trusted(),
            most=most,
            kept_open_s=_KEPT_OPEN_S if keep else 0.0,
            address_s=CONNECT_S,
        )

    def to(self, target: Target) -> ConnectionPool:
        """What carries requests to the target's host, over its checked address."""
        self._addresses[target.host, target.port] = target.address
        return self._pool

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()


def follow(
    url: str,
    admit: Callable[[str], Target],
    *,
    kinds: Kinds,
    headers: Mapping[str, str],
    within_s: float,
    most: int,
    lines: Lines | None = None,
) -> Answer:
    """The answer at the end of at most `most` redirects.

    admit: URL -> its target; asked for the first URL and for every redirect. within_s: for all the answers together.
    lines: as for `exchange`. Raises what `admit` raises, Refused for one redirect too many or one to no URL,
    Unreachable, TooLarge.
    """
    left_s = within_s
    for _ in range(most + 1):
        target = admit(url)  # this may wait for its turn, which does not count as the server's time
        began = time.monotonic()
        answer = exchange(target, kinds=kinds, headers=headers, within_s=left_s, lines=lines)
        left_s = max(0.1, left_s - (time.monotonic() - began))
        if answer.status not in _REDIRECTS or "location" not in answer.headers:
            return answer
        url = _led(answer)
    raise Refused(f"{url[:200]!r} is not requested: more than {most} redirects lead there")


def _led(answer: Answer) -> str:
    """Where a redirect leads. Raises Refused where that is no URL."""
    to = answer.headers["location"]
    try:
        return urljoin(answer.url, to)
    except ValueError as error:
        raise Refused(f"{answer.url} leads to {to[:200]!r}, which is not requested: {error}") from error


def exchange(
    target: Target,
    *,
    kinds: Kinds,
    headers: Mapping[str, str],
    within_s: float,
    method: str = "GET",
    body: bytes | None = None,
    lines: Lines | None = None,
) -> Answer:
    """The server's answer, unpacked; the body of a redirect, or of a kind that is not in `kinds`, is not read.

    lines: where connections are kept open; without, a new one is made and closed.
    Raises Unreachable where the connection fails, breaks off or takes more than `within_s` seconds; TooLarge;
    SearchError where the encoding can't be read.
    """
    import httpcore

    with nullcontext(lines) if lines is not None else Lines(most=1, keep=False) as used:
        try:
            return _exchanged(used, target, kinds, headers, within_s, method, body)
        except httpcore.TimeoutException as error:
            if isinstance(error, httpcore.ConnectTimeout) and within_s > CONNECT_S:
                raise Unreachable(f"{target.host} can't be reached: no answer within {CONNECT_S:.0f} s") from error
            raise Unreachable(f"the answer of {target.host} took more than {within_s:.0f} s") from error
        except httpcore.ConnectError as error:
            raise Unreachable(f"{target.host} can't be reached: {error}") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError) as error:
            raise Unreachable(f"the answer of {target.host} broke off ({error or type(error).__name__})") from error


def _exchanged(
    lines: Lines,
    target: Target,
    kinds: Kinds,
    headers: Mapping[str, str],
    within_s: float,
    method: str,
    body: bytes | None,
) -> Answer:
    import httpcore

    fixed = {"Host": urlsplit(target.url).netloc, "Accept-Encoding": "gzip"}
    if not lines.keep:
        fixed["Connection"] = "close"
    # lines.py takes these as points in time: a server that sends a byte now and then would never reach a timeout.
    ends = time.monotonic() + within_s
    timeouts: dict[str, Any] = {"connect": min(ends, time.monotonic() + CONNECT_S), "read": ends, "write": ends}
    where = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
    sent: list[tuple[bytes | str, bytes | str]] = [*fixed.items(), *headers.items()]
    with lines.to(target).stream(
        method,
        where,
        headers=sent,
        content=body,
        extensions={"timeout": {**timeouts, "pool": within_s}, "sni_hostname": target.host},
    ) as response:
        return _answer(response, target, kinds)


def _answer(response: Response, target: Target, kinds: Kinds) -> Answer:
    headers = _named(response.headers)
    answer = Answer(target.url, response.status, headers, b"")
    most = max((size for start, size in kinds.items() if answer.kind.startswith(start)), default=0)
    if not most or response.status in _REDIRECTS:
        return answer
    sent = _read(response, headers, most, target.url)
    data = decoded(sent, headers.get("content-encoding", ""), most=most, what=target.url)
    return Answer(target.url, response.status, headers, data)


def _named(told: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw, content in told:
        name, value = raw.decode("latin-1").lower(), content.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers and name != "location" else value
    return headers


def _read(response: Response, headers: Mapping[str, str], most: int, what: str) -> bytes:
    length = headers.get("content-length", "")
    promised = int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None
    if promised is not None and promised > most:
        raise TooLarge(f"{what} has {promised:,} bytes: at most {most:,} are read")
    data = bytearray()
    for piece in response.iter_stream():
        data += piece
        if len(data) > most:
            raise TooLarge(f"{what} has more than {most:,} bytes: not read")
    return bytes(data)
