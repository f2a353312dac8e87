"""robots.txt -> which URLs of a site may be read, and how often (RFC 9309, and Crawl-delay, which is not in it).

Protego reads it: the standard library's parser has no wildcards and would allow what `Disallow: /*.png$` forbids.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from gistchain.errors import SearchError
from gistchain.internet.fetch import Answer

MAX_BYTES = 500 * 1024
"""As much as RFC 9309 asks a crawler to read; the rest is left out."""
_MOST_RULES = 2_000_000
_MOST_SITES = 10_000
_NOTHING_ALLOWED = "User-agent: *\nDisallow: /"


class _Rules(Protocol):
    def can_fetch(self, url: str, user_agent: str) -> bool: ...

    def crawl_delay(self, user_agent: str) -> float | None: ...


class Robots:
    """What sites allow a crawler with the name `agent`. Each site is asked once. get: URL -> its answer."""

    def __init__(self, get: Callable[[str], Answer], agent: str) -> None:
        self._get = get
        self._agent = agent
        self._sites: dict[str, _Rules] = {}

    def allows(self, url: str) -> bool:
        """Whether the URL, in normal form, may be read. Not where robots.txt can't be read (RFC 9309, 2.3.1.4)."""
        return self._rules(url).can_fetch(url, self._agent)

    def delay_s(self, url: str) -> float:
        """Seconds between two requests that its site asks for, 0 where it asks for none."""
        return self._rules(url).crawl_delay(self._agent) or 0.0

    def _rules(self, url: str) -> _Rules:
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._sites:
            if len(self._sites) >= _MOST_SITES:
                self._sites.clear()
            self._sites[site] = self._fetched(site)
        return self._sites[site]

    def _fetched(self, site: str) -> _Rules:
        try:
            answer = self._get(f"{site}/robots.txt")
        except SearchError:
            return rules(_NOTHING_ALLOWED)
        if answer.status == 429 or answer.status >= 500:
            return rules(_NOTHING_ALLOWED)
        return rules(answer.body.decode("utf-8-sig", "replace") if 200 <= answer.status < 300 else "")


def rules(text: str) -> _Rules:
    """The rules of one robots.txt; nothing is allowed where it is too large to be meant seriously."""
    from protego import Protego

    lines = text[:MAX_BYTES].splitlines()
    agents = sum("agent" in line.lower() for line in lines)
    # Protego keeps each rule for each agent above it: a few kilobytes can ask for billions. No honest site does that.
    if agents * len(lines) > _MOST_RULES:
        lines = _NOTHING_ALLOWED.splitlines()
    return Protego.parse("\n".join(lines))
