"""Searches of the internet, of one node or of several -> what they agree on, and whether the image is rare there.

Two live searches never match exactly (T1.2): ranks, pages and the index behind them change by the minute. So nodes
don't compare ranks, they compare evidence. The rule:

1. A place is an address without its scheme; where nodes know what lies there, its image's hash.
2. Searches are compared only with those of the same provider. A place is agreed where more than half of the nodes that
   asked one provider found it there.
3. An image is not rare on the internet where, for at least one provider, more than half of the nodes that asked it
   found the image at all, be it at different places. Otherwise it is rare. One node is the majority of itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gistchain.errors import SearchError
from gistchain.internet.address import key
from gistchain.safejson import parsed
from gistchain.types import WebMatch, WebSearch


@dataclass(frozen=True, slots=True)
class AgreedMatch:
    """A place that most nodes found: `found` of the `asked` nodes that asked the provider."""

    place: str
    provider: str
    found: int
    asked: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """What nodes agree on, the same in whatever order they come. earliest, latest: Unix times of the searches."""

    is_rare_on_internet: bool
    matches: tuple[AgreedMatch, ...]
    earliest: int
    latest: int


@dataclass(frozen=True, slots=True)
class FirstPage:
    """The numbers of Sense's JSON. The URL is "" where nothing was found."""

    is_rare_on_internet: int
    matches_found_on_first_page: int
    number_of_pages_of_results: int
    url_of_first_match_in_page: str


def agreed(nodes: Mapping[str, Sequence[WebSearch]], images: Mapping[str, str] | None = None) -> Agreement:
    """What the nodes agree on. nodes: name -> its searches. images: URL -> hash of the image there, where it is known.

    Most nodes first, then by place. Raises SearchError where nobody searched.
    """
    searches = [search for each in nodes.values() for search in each]
    if not searches:
        raise SearchError("no node has searched the internet: nothing can be said of it")
    places = {key(url): image for url, image in (images or {}).items()}
    matches: list[AgreedMatch] = []
    present = False
    for provider in sorted({search.provider for search in searches}):
        # What one node found in several searches counts once: a node has one voice.
        found = [
            {places.get(key(match.url), key(match.url)) for search in each for match in _of(search, provider)}
            for each in nodes.values()
            if any(search.provider == provider for search in each)
        ]
        votes = Counter(place for each in found for place in each)
        present = present or 2 * sum(map(bool, found)) > len(found)
        matches += [AgreedMatch(place, provider, n, len(found)) for place, n in votes.items() if 2 * n > len(found)]
    matches.sort(key=lambda match: (-match.found / match.asked, -match.found, match.place, match.provider))
    times = [search.time for search in searches]
    return Agreement(not present, tuple(matches), min(times), max(times))


def rare(searches: Sequence[WebSearch]) -> bool:
    """Whether one node's searches found the image nowhere. Raises SearchError where there was no search."""
    return agreed({"": searches}).is_rare_on_internet


def first_page(searches: Sequence[WebSearch]) -> FirstPage:
    """Sense's numbers of one node's searches, several taken together.

    Places on first pages, each counted once; the pages of the provider that has most; the first match of the first
    provider, in the order given, that has one.
    """
    urls = [match.url for search in searches for match in search.matches]
    pages = max((search.pages for search in searches), default=0)
    return FirstPage(int(rare(searches)), len({key(url) for url in urls}), pages, urls[0] if urls else "")


def evidence(searches: Iterable[WebSearch]) -> bytes:
    """The searches as one line of JSON, the same bytes for the same searches in any order: what is kept and hashed.

    Keys sorted, no spaces, UTF-8; matches in the order in which they were seen; similarity in 1/10000.
    """
    lines = sorted(_canonical(_document(search)) for search in searches)
    return b"[" + b",".join(lines) + b"]"


def searches_of(document: bytes) -> tuple[WebSearch, ...]:
    """What `evidence` was made of. Raises SearchError for anything that it would not write."""
    try:
        found = parsed(document)
        searches = tuple(_search(item) for item in found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SearchError(f"this is no evidence of a search ({error}): it was damaged or is of another kind") from error
    if evidence(searches) != document:
        raise SearchError("this evidence of a search is not in canonical form: it was changed")
    return searches


def _of(search: WebSearch, provider: str) -> tuple[WebMatch, ...]:
    return search.matches if search.provider == provider else ()


def _document(search: WebSearch) -> dict[str, object]:
    matches = [
        {
            "page": match.page,
            "similarity": None if match.similarity is None else round(match.similarity * 10_000),
            "title": match.title,
            "url": match.url,
        }
        for match in search.matches
    ]
    return {"matches": matches, "pages": search.pages, "provider": search.provider, "time": search.time}


def _search(item: Mapping[str, object]) -> WebSearch:
    matches = item["matches"]
    if not isinstance(matches, list):
        raise TypeError("matches are no list")
    pages, provider, time = item["pages"], item["provider"], item["time"]
    if not (isinstance(pages, int) and isinstance(provider, str) and isinstance(time, int)):
        raise TypeError("pages, provider or time is of the wrong kind")
    return WebSearch(provider, time, tuple(_web_match(match) for match in matches), pages)


def _web_match(item: Mapping[str, object]) -> WebMatch:
    url, page, title, similarity = item["url"], item["page"], item["title"], item["similarity"]
    if not (isinstance(url, str) and isinstance(page, str | None) and isinstance(title, str | None)):
        raise TypeError("a match is of the wrong kind")
    if not isinstance(similarity, int | None):
        raise TypeError("a similarity is no whole number")
    return WebMatch(url, page, title, None if similarity is None else similarity / 10_000)


def _canonical(value: object) -> bytes:
    # A lone surrogate, which a hostile page can put into a title, has no UTF-8: it stays an escape.
    whole = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return whole.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
