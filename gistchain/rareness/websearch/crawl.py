"""Web sites -> their images in an index.

    _waiting (pages) ── _get ── _keep ──┬── _read: links of the same host ──> _waiting
                          │             └── _image: _get ── _add ──> index
                      _admitted: public address, robots.txt, delay

A site is read page by page, breadth first, on its own host only; its images may lie elsewhere. robots.txt, robots tags
and Crawl-delay are obeyed, one request is made at a time, and all that a site sends is bounded in bytes and time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gistchain import __version__
from gistchain.errors import ImageError, SearchError
from gistchain.internet import guard
from gistchain.internet.address import normal
from gistchain.internet.fetch import Answer, follow
from gistchain.internet.guard import Network, Refused, Resolve, Target
from gistchain.internet.page import Page, directives_of, forbids_images, read_page
from gistchain.internet.robots import Robots
from gistchain.rareness.websearch.index import Index

AGENT = "gistchain"
"""The crawler's name in robots.txt."""
HEADERS = {"User-Agent": f"{AGENT}/{__version__} (image index; obeys robots.txt)", "Accept": "text/html,image/*;q=0.9"}
PAGES = ("text/html", "application/xhtml+xml")
_UNNAMED = ("application/octet-stream", "binary/octet-stream")
_ROBOTS_BYTES = 4 * 1024 * 1024
_MOST_WAITING = 100_000
_MOST_NOTES = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a crawl goes. A limit that is reached ends the crawl or leaves one file out, and is noted.

    response_s: for one answer, redirects included. total_s: for the crawl. delay_s: between two requests to a machine.
    """

    pages: int = 1_000
    images: int = 10_000
    page_bytes: int = 4 * 1024 * 1024
    image_bytes: int = 20 * 1024 * 1024
    redirects: int = 5
    response_s: float = 30.0
    total_s: float = 3_600.0
    delay_s: float = 1.0


@dataclass(slots=True)
class Crawled:
    """What was read. new: images that the index did not have. notes: what was left out and why, up to a limit."""

    pages: int = 0
    images: int = 0
    new: int = 0
    left_out: int = 0
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.left_out += 1
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(text[:500])


def crawl(
    sites: Iterable[str],
    index: Index,
    *,
    limits: Limits = Limits(),
    allow: Sequence[Network] = (),
    ports: Collection[int] = guard.PORTS,
    resolve: Resolve = guard.resolved,
    pause: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> Crawled:
    """Index the images of the sites.

    allow, ports, resolve: as in `guard.checked`. pause: sleeps, in seconds. now: the Unix time.
    What can't be read is noted and skipped; a crawl that is killed keeps what it had indexed. Raises SearchError for a
    bad URL, FileError where the index can't be used.
    """
    starts = []
    for site in sites:
        try:
            starts.append(normal(site))
        except ValueError as error:
            raise SearchError(f"{site[:200]!r} can't be crawled ({error}): give an http or https address") from error
    if not starts:
        raise SearchError("no site to crawl: give at least one http or https address")

    def look_up(url: str) -> Target:
        return guard.checked(url, allow=allow, ports=ports, resolve=resolve)

    return _Crawler(starts, index, limits, look_up, pause, now).run()


class _Crawler:
    def __init__(
        self,
        starts: list[str],
        index: Index,
        limits: Limits,
        look_up: Callable[[str], Target],
        pause: Callable[[float], None],
        now: Callable[[], float],
    ) -> None:
        self._index, self._limits, self._look_up, self._pause, self._now = index, limits, look_up, pause, now
        self._waiting = deque(dict.fromkeys(starts))
        self._hosts = {urlsplit(start).netloc for start in starts}
        self._pages_met = set(starts)
        self._images_met: set[str] = set()
        self._robots = Robots(self._robots_txt, AGENT)
        self._next_at: dict[str, float] = {}
        self._ends = time.monotonic() + limits.total_s
        self.result = Crawled()

    def run(self) -> Crawled:
        while not self._over() and self._waiting:
            url = self._waiting.popleft()
            try:
                answer = self._get(url, self._limits.page_bytes)
            except SearchError as error:
                self.result.note(str(error))
                continue
            self._keep(url, answer)
        return self.result

    def _over(self) -> bool:
        limits, result = self._limits, self.result
        for reached, what in (
            (time.monotonic() > self._ends, f"{limits.total_s:.0f} s"),
            (result.pages >= limits.pages, f"{limits.pages:,} pages"),
            (result.images >= limits.images, f"{limits.images:,} images"),
        ):
            if reached:
                result.note(f"the crawl ended after {what}; {len(self._waiting):,} pages were waiting")
                return True
        return False

    def _keep(self, url: str, answer: Answer) -> None:
        """Index an answer: the images of a page, or the image that a link led to."""
        if answer.status != 200:
            self.result.note(f"{url} is not read: status {answer.status}")
        elif answer.kind.startswith("image/"):
            self._add(answer)
        elif answer.kind not in PAGES:
            self.result.note(f"{url} is not read: its type is {answer.kind or 'not given'}")
        else:
            self.result.pages += 1
            if urlsplit(answer.url).netloc in self._hosts:
                self._read(answer)
            else:
                self.result.note(f"{url} leads to another site, {answer.url}: give that one to crawl it")

    def _read(self, answer: Answer) -> None:
        charset = answer.headers.get("content-type", "").partition("charset=")[2].strip("\"' ;")
        page = read_page(answer.body, answer.url, charset)
        tags = directives_of(answer.headers.get("x-robots-tag", ""))
        page = Page(page.title, page.links, page.images, page.directives | tags)
        if page.may_be_followed:
            for link in page.links:
                self._enqueue(link)
        if page.images_may_be_indexed:
            for image, text in page.images.items():
                self._image(image, answer.url, text or page.title)

    def _enqueue(self, link: str) -> None:
        if link in self._pages_met or len(self._pages_met) >= _MOST_WAITING:
            return
        if urlsplit(link).netloc in self._hosts:
            self._pages_met.add(link)
            self._waiting.append(link)

    def _image(self, url: str, page: str, text: str) -> None:
        if url in self._images_met:
            self._index.link(page, {url: text})
            return
        if self.result.images >= self._limits.images or time.monotonic() > self._ends:
            return  # the loop over pages notes it
        self._images_met.add(url)
        try:
            answer = self._get(url, 0)
        except SearchError as error:
            self.result.note(str(error))
            return
        if answer.status != 200:
            self.result.note(f"{url} is not read: status {answer.status}")
        elif not (answer.kind.startswith("image/") or answer.kind in _UNNAMED):
            self.result.note(f"{url} is not read: its type is {answer.kind or 'not given'}, not an image")
        elif self._add(answer):
            self._index.link(page, {answer.url: text})

    def _add(self, answer: Answer) -> bool:
        self._images_met.add(answer.url)
        if forbids_images(directives_of(answer.headers.get("x-robots-tag", ""))):
            self.result.note(f"{answer.url} is not indexed: its X-Robots-Tag says no")
            return False
        try:
            new = self._index.add(answer.url, answer.body, seen_at=int(self._now()))
        except ImageError as error:
            self.result.note(str(error))
            return False
        self.result.images += 1
        self.result.new += new
        return True

    def _get(self, url: str, page_bytes: int) -> Answer:
        """The answer for a page or an image. page_bytes: the most of a page; 0 where only an image is wanted."""
        others = dict.fromkeys(PAGES, page_bytes) if page_bytes else dict.fromkeys(_UNNAMED, self._limits.image_bytes)
        kinds = {"image/": self._limits.image_bytes, **others}
        return self._followed(url, self._admitted, kinds)

    def _followed(self, url: str, admit: Callable[[str], Target], kinds: dict[str, int]) -> Answer:
        limits = self._limits
        within_s, most = limits.response_s, limits.redirects
        return follow(url, admit, kinds=kinds, headers=HEADERS, within_s=within_s, most=most)

    def _admitted(self, url: str) -> Target:
        """Where a URL or a redirect leads, once its turn has come. Raises Refused unless it is public and allowed."""
        target = self._look_up(url)
        if not self._robots.allows(target.url):
            raise Refused(f"{target.url} is not read: its robots.txt says no, or can't be read")
        self._wait(target, max(self._limits.delay_s, self._robots.delay_s(target.url)))
        return target

    def _robots_txt(self, url: str) -> Answer:
        def admit(hop: str) -> Target:
            target = self._look_up(hop)
            self._wait(target, self._limits.delay_s)
            return target

        return self._followed(url, admit, {"": _ROBOTS_BYTES})

    def _wait(self, target: Target, delay_s: float) -> None:
        """Wait until the same machine may be asked again, and note that it may not be for the next `delay_s` seconds.

        Raises Refused where that is after the end of the crawl.
        """
        for name in (target.address, target.host):
            left = self._next_at.get(name, 0.0) - time.monotonic()
            if left > 0 and time.monotonic() + left > self._ends:
                raise Refused(f"{target.url} is not read: its turn comes after the end of the crawl")
            if left > 0:
                self._pause(left)
        asked = time.monotonic()
        for name in (target.address, target.host):
            self._next_at[name] = asked + delay_s
