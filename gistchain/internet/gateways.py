"""A URI -> its content, from the first of several places that has it; of IPFS proven, where a gateway sends the blocks.

    data: ── read as it stands
    ipfs: ── a CAR or raw block of each trustless gateway in turn, proven ── else as any gateway gives it, unverified
    ar:, https: ── as the server gives it, unverified

Gateways fail, stall and lie. One that fails several times in a row is asked last for a while, one whose blocks were not
those of the CID is not asked again. Every address, also of a redirect, passes the guard.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import quote, urlsplit

from gistchain import __version__
from gistchain.errors import SearchError
from gistchain.internet import guard, ipfs
from gistchain.internet.fetch import Answer, Lines, Unreachable, follow
from gistchain.internet.guard import Network, Resolve, Target
from gistchain.internet.turns import Turns
from gistchain.internet.uris import Place, data_of, is_data, place

IPFS = ("https://trustless-gateway.link", "https://ipfs.io", "https://dweb.link", "https://4everland.io")
ARWEAVE = ("https://arweave.net", "https://ar-io.dev")
CAR, RAW_BLOCK = "application/vnd.ipld.car", "application/vnd.ipld.raw"
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504, 522, 524})
_REDIRECTS = 5
_AWAY_AFTER, _AWAY_S, _MOST_AWAY_S = 3, 15.0, 300.0
_CAR_OVERHEAD = 1 << 20
Usable = Callable[[bytes], str | None]
"""Content -> why it can't be what was asked for; None where it can."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """source: the host that gave it, 'data' for a data: URI. proven: its blocks are those of the CID, or it is data."""

    content: bytes
    source: str
    cid: str
    proven: bool


class NotFetched(SearchError):
    """No place had it. again: whether it may be there later."""

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


class _Failed(Exception):
    """One place did not give it. kind: 'busy' and 'broken' count against the place, 'lied' for good."""

    def __init__(self, why: str, kind: Literal["absent", "busy", "broken", "lied", "plain"]) -> None:
        super().__init__(why)
        self.kind = kind


@dataclass(slots=True)
class _Gateway:
    """url: without a slash at its end. trustless: None before it was asked for blocks."""

    url: str
    trustless: bool | None = None
    failures: int = 0
    away_until: float = 0.0
    lied: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


class Gateways:
    """Fetches URIs, for threads to share.

    ipfs, arweave: URLs of gateways, asked in this order. allow: networks that are allowed though they are not public;
    there any port may be asked. per_s: requests a second to one host, 0 for no limit. within_s: for one answer.
    rounds: how often all places are tried where it may be there later.
    """

    def __init__(
        self,
        *,
        ipfs: Sequence[str] = IPFS,
        arweave: Sequence[str] = ARWEAVE,
        allow: Sequence[Network] = (),
        per_s: float = 20.0,
        within_s: float = 60.0,
        rounds: int = 2,
        connections: int = 32,
        resolve: Resolve = guard.resolved,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ipfs = [_Gateway(url.rstrip("/")) for url in ipfs]
        self._arweave = [_Gateway(url.rstrip("/")) for url in arweave]
        self._allow, self._resolve, self._pause = tuple(allow), resolve, pause
        self._turns, self._within_s, self._rounds = Turns(per_s, pause), within_s, rounds
        self._lines, self._lock = Lines(most=connections), threading.Lock()

    def get(self, uri: str, *, most: int, usable: Usable = lambda content: None) -> Fetched:
        """The content of a URI. most: bytes of it.

        usable: is asked of what nobody proves: a page in place of a file counts as a place that does not have it.
        Raises NotFetched, which names what each place said; BadUri for what is no URI that is read.
        """
        if is_data(uri):
            return Fetched(data_of(uri, most=most), "data", "", proven=True)
        where = place(uri)
        said: dict[str, str] = {}
        again = False
        for number in range(self._rounds):
            if number:
                self._pause(2.0**number)
            again = False
            for source, ask in self._places(where, most, usable):
                try:
                    return ask()
                except _Failed as error:
                    again |= error.kind in ("busy", "broken")
                    if error.kind != "plain":
                        said[source] = str(error)
            if not again:
                break
        told = "; ".join(f"{source}: {why}" for source, why in said.items()) or "there is no gateway to ask"
        raise NotFetched(f"{uri[:200]} was not had from {told}", again=again)

    def liars(self) -> dict[str, str]:
        """Host -> what its blocks showed."""
        return {gateway.host: gateway.lied for gateway in self._ipfs if gateway.lied}

    def close(self) -> None:
        self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()

    def _places(self, where: Place, most: int, usable: Usable) -> Iterator[tuple[str, Callable[[], Fetched]]]:
        if where.kind == "ipfs" and where.cid is not None:
            yield from self._ipfs_places(where, where.cid, most, usable)
        elif where.kind == "ar":
            path = "/".join([where.transaction, *(quote(part, safe="") for part in where.path)])
            for gateway in self._in_order(self._arweave):
                yield gateway.host, self._asking(gateway, f"{gateway.url}/{path}", most, usable)
        if where.url:
            host = urlsplit(where.url).netloc
            cid = where.cid
            if not any(gateway.host == host and gateway.lied for gateway in self._ipfs):
                yield host, lambda: self._plain(where.url, most, usable, cid, bool(where.path))

    def _ipfs_places(
        self, where: Place, cid: ipfs.Cid, most: int, usable: Usable
    ) -> Iterator[tuple[str, Callable[[], Fetched]]]:
        if cid.inline is not None and not where.path and cid.codec == ipfs.RAW:
            content = cid.inline
            yield "data", lambda: Fetched(content, "data", cid.text, proven=True)
            return
        path = "/".join(["ipfs", cid.text, *(quote(part, safe="") for part in where.path)])
        for gateway in self._in_order(self._ipfs):
            if gateway.trustless is not False:
                yield gateway.host, self._proving(gateway, f"{gateway.url}/{path}", where, cid, most)
        for gateway in self._in_order(self._ipfs):
            plain = self._asking(gateway, f"{gateway.url}/{path}", most, usable, cid, bool(where.path))
            if gateway.trustless is False:  # what it says of itself by now
                yield gateway.host, plain

    def _in_order(self, gateways: Sequence[_Gateway]) -> list[_Gateway]:
        """Those that have failed of late last; none that has lied."""
        now = time.monotonic()
        return sorted((one for one in gateways if not one.lied), key=lambda one: one.away_until > now)

    def _proving(self, gateway: _Gateway, url: str, where: Place, cid: ipfs.Cid, most: int) -> Callable[[], Fetched]:
        single = cid.codec == ipfs.RAW and not where.path
        kind = RAW_BLOCK if single else CAR
        query = "format=raw" if single else "format=car&dag-scope=entity"
        accept = RAW_BLOCK if single else f"{CAR}; version=1; order=dfs; dups=n"

        def ask() -> Fetched:
            try:
                answer = self._answer(f"{url}?{query}", {kind: most + _CAR_OVERHEAD}, accept)
                if answer.kind != kind:
                    raise _Failed("it sends no blocks", "plain")
                gateway.trustless = True
                try:
                    content = (
                        ipfs.raw_content(cid, answer.body)
                        if single
                        else ipfs.resolved(cid, where.path, ipfs.blocks(answer.body), most=most)
                    )
                except ipfs.NotProven as error:
                    raise _Failed(str(error), "lied" if isinstance(error, ipfs.WrongBlock) else "broken") from error
            except _Failed as error:
                if error.kind == "plain":
                    gateway.trustless = False
                self._count(gateway, error)
                raise
            self._count(gateway, None)
            return Fetched(content, gateway.host, cid.text, proven=True)

        return ask

    def _asking(
        self,
        gateway: _Gateway,
        url: str,
        most: int,
        usable: Usable,
        cid: ipfs.Cid | None = None,
        below: bool = False,
    ) -> Callable[[], Fetched]:
        def ask() -> Fetched:
            try:
                fetched = self._plain(url, most, usable, cid, below)
            except _Failed as error:
                self._count(gateway, error)
                raise
            self._count(gateway, None)
            return fetched

        return ask

    def _plain(self, url: str, most: int, usable: Usable, cid: ipfs.Cid | None, below: bool) -> Fetched:
        """As the server gives it. below: it lies below the CID."""
        answer = self._answer(url, {"": most}, "*/*")
        host = urlsplit(url).netloc
        if cid is not None and cid.codec == ipfs.RAW and not below:
            try:
                return Fetched(ipfs.raw_content(cid, answer.body), host, cid.text, proven=True)
            except ipfs.NotProven as error:
                raise _Failed(str(error), "lied") from error
        why = usable(answer.body)
        if why is not None:
            raise _Failed(why, "absent")
        return Fetched(answer.body, host, "" if cid is None else cid.text, proven=False)

    def _answer(self, url: str, kinds: dict[str, int], accept: str) -> Answer:
        """An answer with status 200, or _Failed."""
        headers = {"User-Agent": f"gistchain/{__version__}", "Accept": accept}
        try:
            answer = follow(
                url,
                self._admitted,
                kinds=kinds,
                headers=headers,
                within_s=self._within_s,
                most=_REDIRECTS,
                lines=self._lines,
            )
        except Unreachable as error:
            raise _Failed(_without(str(error), url), "broken") from error
        except SearchError as error:
            raise _Failed(_without(str(error), url) + self._allowing(url), "absent") from error
        if answer.status == 200:
            return answer
        if answer.status in _BUSY:
            if answer.status == 429:
                self._turns.put_off(urlsplit(answer.url).netloc, _seconds(answer.headers.get("retry-after", "")))
            raise _Failed(f"status {answer.status}", "busy")
        raise _Failed(f"status {answer.status}", "plain" if answer.status in (400, 406, 415, 501) else "absent")

    def _admitted(self, url: str) -> Target:
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise guard.Refused(f"{url[:200]!r} is not requested: {error}") from error
        ports = {*guard.PORTS, port} if self._allow else guard.PORTS
        target = guard.checked(url, allow=self._allow, ports=ports, resolve=self._resolve)
        if port not in guard.PORTS and guard.refusal(target.address) is None:
            raise guard.Refused(f"{url[:200]} is not requested: port {port} of a public host")
        self._turns.wait(parts.netloc)
        return target

    def _allowing(self, url: str) -> str:
        """How to allow the host of the URL, where it is none of the public internet: it may be the person's own."""
        try:
            here = self._resolve(str(urlsplit(url).hostname), 80)
        except (OSError, ValueError):  # a name that nobody knows
            return ""
        refused = next((one for one in here if guard.refusal(one, self._allow) is not None), None)
        return "" if refused is None else f"; where that host is yours, --allow-host {refused} lets it be asked"

    def _count(self, gateway: _Gateway, error: _Failed | None) -> None:
        with self._lock:
            if error is None or error.kind in ("absent", "plain"):
                gateway.failures = 0
            elif error.kind == "lied":
                gateway.lied = str(error)
            else:
                gateway.failures += 1
                over = gateway.failures - _AWAY_AFTER
                if over >= 0:
                    gateway.away_until = time.monotonic() + min(_AWAY_S * 2**over, _MOST_AWAY_S)


def _seconds(told: str) -> float:
    return float(told) if told.isascii() and told.isdigit() and len(told) < 6 else 5.0


def _without(why: str, url: str) -> str:
    """What went wrong, without the URL that is named already."""
    return why.removeprefix(f"{url} is not requested: ").removeprefix(f"{url} ")[:300]
