"""robots.txt -> which URLs of a site may be read, and how often (RFC 9309, and Crawl-delay, which it leaves out).

Protego reads it: the standard library's reader knows no wildcards and would ask for what `Disallow: /*.png$` forbids.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from gistchain.errors import SearchError
from gistchain.internet.fetch import Answer

MAX_BYTES = 500 * 1024
"""As much as RFC 9309 asks a crawler to read; what follows is left out."""
_MOST_RULES = 2_000_000
_MOST_SITES = 10_000


class _Rules(Protocol):
    def can_fetch(self, url: str, user_agent: str) -> bool: ...

    def crawl_delay(self, user_agent: str) -> float | None: ...


class Robots:
    """What the sites allow a crawler that calls itself `agent`; each is asked once. `get`: URL -> its answer."""

    def __init__(self, get: Callable[[str], Answer], agent: str) -> None:
        self._get = get
        self._agent = agent
        self._sites: dict[str, _Rules] = {}

    def allows(self, url: str) -> bool:
        """Whether the URL may be read. `url` is an address in normal form."""
        return self._rules(url).can_fetch(url, self._agent)

    def delay_s(self, url: str) -> float:
        """Seconds that its site wants between two requests, 0 where it says nothing."""
        return self._rules(url).crawl_delay(self._agent) or 0.0

    def _rules(self, url: str) -> _Rules:
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._sites:
            if len(self._sites) >= _MOST_SITES:
                self._sites.clear()
            self._sites[site] = self._asked(site)
        return self._sites[site]

    def _asked(self, site: str) -> _Rules:
        try:
            answer = self._get(f"{site}/robots.txt")
        except SearchError:
            return rules("User-agent: *\nDisallow: /")
        if answer.status == 429 or answer.status >= 500:
            return rules("User-agent: *\nDisallow: /")
        return rules(answer.body.decode("utf-8-sig", "replace") if 200 <= answer.status < 300 else "")


def rules(text: str) -> _Rules:
    """The rules of one robots.txt."""
    from protego import Protego

    lines = text[:MAX_BYTES].splitlines()
    agents = sum("agent" in line.lower() for line in lines)
    # Each rule is kept for each agent above it; some kilobytes can ask for billions. Nobody does so in earnest.
    if agents * len(lines) > _MOST_RULES:
        lines = ["User-agent: *", "Disallow: /"]
    return Protego.parse("\n".join(lines))
