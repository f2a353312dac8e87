"""A URI -> its content, from the first of several places that has it; of IPFS proven, where a gateway sends the blocks.

    data: ── read as it stands
    ipfs: ── a CAR or raw block of each trustless gateway in turn, proven ── else as any gateway gives it, unverified
    ar:, https: ── as the server gives it, unverified

A folder on the path that has been proven is kept (folders.py), and only what lies below it is asked for by its own CID.

Gateways fail, stall and lie. Each CID begins with another one, so that what they allow a second adds up. One that fails
several times in a row is asked last for a while, one whose blocks were not those of the CID is not asked again. Every
address, also of a redirect, passes the guard.
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
from gistchain.internet.folders import Folders
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
_ONLY_BELOW = 3
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

    def __init__(self, why: str, kind: Literal["absent", "busy", "broken", "lied"]) -> None:
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
        self._folders, self._only_below = Folders(), dict[bytes, int]()

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
        below = self._only_below.get(cid.key, 0) >= _ONLY_BELOW
        leaf, rest = (cid, where.path) if below else self._folders.walked(cid, where.path)
        if (content := leaf.inline) is not None and not rest and leaf.codec == ipfs.RAW:
            yield "data", lambda: Fetched(content, "data", cid.text, proven=True)
            return
        missed = list[_Gateway]()
        if leaf is not cid:
            for gateway in self._in_order(self._ipfs, leaf):
                if gateway.trustless is not False:
                    yield gateway.host, self._proving(gateway, leaf, rest, cid, most, missed)
        # Some find only the folder, whose CID alone its publisher has made known.
        asked = self._in_order(self._ipfs, leaf)
        for gateway in asked if leaf is cid else [one for one in asked if one in missed]:
            if gateway.trustless is not False:
                ask = self._proving(gateway, cid, where.path, cid, most)
                yield gateway.host, ask if leaf is cid else self._counting(cid, ask)
        for gateway in self._in_order(self._ipfs, leaf):
            url = f"{gateway.url}/{_path(cid, where.path)}"
            plain = self._asking(gateway, url, most, usable, cid, bool(where.path))
            if gateway.trustless is False:  # what it says of itself by now
                yield gateway.host, plain

    def _counting(self, cid: ipfs.Cid, ask: Callable[[], Fetched]) -> Callable[[], Fetched]:
        """Of what was found below the CID, and not by its own one: after some of these that is no longer tried."""

        def counted() -> Fetched:
            fetched = ask()
            with self._lock:
                self._only_below[cid.key] = self._only_below.get(cid.key, 0) + 1
            return fetched

        return counted

    def _in_order(self, gateways: Sequence[_Gateway], cid: ipfs.Cid | None = None) -> list[_Gateway]:
        """Those that have failed of late last; none that has lied. cid: chooses the first, in turn with the others."""
        now = time.monotonic()
        first = int.from_bytes(cid.digest[-4:], "big") % len(gateways) if cid is not None and gateways else 0
        turned = [*gateways[first:], *gateways[:first]]
        return sorted((one for one in turned if not one.lied), key=lambda one: one.away_until > now)

    def _proving(
        self,
        gateway: _Gateway,
        top: ipfs.Cid,
        path: tuple[str, ...],
        cid: ipfs.Cid,
        most: int,
        missed: list[_Gateway] | None = None,
    ) -> Callable[[], Fetched]:
        """top: the CID that is asked for, below cid, which is that of the URI. missed: takes who does not have it."""
        single = top.codec == ipfs.RAW and not path
        kind = RAW_BLOCK if single else CAR
        query = "format=raw" if single else "format=car&dag-scope=entity"
        accept = RAW_BLOCK if single else f"{CAR}; version=1; order=dfs; dups=n"
        url = f"{gateway.url}/{_path(top, path)}?{query}"

        def ask() -> Fetched:
            try:
                answer = self._answer(url, {kind: most + _CAR_OVERHEAD}, accept)
                self._count_blocks(gateway, answer.kind, kind)
                try:
                    content = (
                        ipfs.raw_content(top, answer.body)
                        if single
                        else ipfs.resolved(top, path, ipfs.blocks(answer.body), most=most, seen=self._folders.keep)
                    )
                except ipfs.NotProven as error:
                    raise _Failed(str(error), "lied" if isinstance(error, ipfs.WrongBlock) else "broken") from error
            except _Failed as error:
                self._count(gateway, error)
                if missed is not None and error.kind != "lied":
                    missed.append(gateway)
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
        raise _Failed(f"status {answer.status}", "absent")

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

    def _count_blocks(self, gateway: _Gateway, kind: str, wanted: str) -> None:
        """Note whether a gateway sends blocks. Raises _Failed where this answer, with status 200, is of another kind.

        One that has sent blocks is never asked for less, and one that refuses says nothing of itself: either would let
        one stranger's token, which no gateway can serve, have the content of all others taken unproven.
        """
        with self._lock:
            if kind == wanted:
                gateway.trustless = True
                return
            if kind and gateway.trustless is None:
                gateway.trustless = False
        raise _Failed("it sends no blocks", "absent")

    def _count(self, gateway: _Gateway, error: _Failed | None) -> None:
        with self._lock:
            if error is None or error.kind == "absent":
                gateway.failures = 0
            elif error.kind == "lied":
                gateway.lied = str(error)
            else:
                gateway.failures += 1
                over = gateway.failures - _AWAY_AFTER
                if over >= 0:
                    gateway.away_until = time.monotonic() + min(_AWAY_S * 2**over, _MOST_AWAY_S)


def _path(cid: ipfs.Cid, path: Sequence[str]) -> str:
    return "/".join(["ipfs", cid.name, *(quote(part, safe="") for part in path)])


def _seconds(told: str) -> float:
    return float(told) if told.isascii() and told.isdigit() and len(told) < 6 else 5.0


def _without(why: str, url: str) -> str:
    """What went wrong, without the URL that is named already."""
    return why.removeprefix(f"{url} is not requested: ").removeprefix(f"{url} ")[:300]
