"""Searches of the internet by several nodes -> what they agree on, and whether the image is rare there (S1.7).

Two live searches never match exactly (T1.2): ranks, pages and the index behind them change by the minute. So nodes
don't compare ranks, they compare the places that they found:

1. A place is an address without its scheme or, where nodes know the image that lies there, the image's hash.
2. Searches are compared only with those of the same provider. A place is agreed on if more than half of the nodes that
   asked a provider found it.
3. An image is not rare on the internet if, for at least one provider, more than half of the nodes that asked it found
   the image at all, even at different places. Otherwise it is rare. A single node is its own majority.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gistchain.errors import SearchError
from gistchain.internet.address import key
from gistchain.types import WebSearch


@dataclass(frozen=True, slots=True)
class AgreedMatch:
    """A place that most nodes found: `found` of the `asked` nodes that asked the provider."""

    place: str
    provider: str
    found: int
    asked: int


@dataclass(frozen=True, slots=True)
class SearchAgreement:
    """What nodes agree on. matches: most nodes first, then by place. earliest, latest: Unix times of the searches."""

    is_rare_on_internet: bool
    matches: tuple[AgreedMatch, ...]
    earliest: int
    latest: int


def agreed(nodes: Mapping[str, Sequence[WebSearch]], images: Mapping[str, str] | None = None) -> SearchAgreement:
    """What the nodes agree on, the same in whatever order they come.

    nodes: name -> its searches. images: URL -> hash of the image there, where it is known. Raises SearchError where
    nobody searched.
    """
    searches = [search for of_node in nodes.values() for search in of_node]
    if not searches:
        raise SearchError("no node has searched the internet: nothing can be said about the image")
    hashes = {key(url): image for url, image in (images or {}).items()}
    matches: list[AgreedMatch] = []
    is_rare = True
    for provider in sorted({search.provider for search in searches}):
        places = _places(nodes, provider, hashes)
        votes = Counter(place for of_node in places for place in of_node)
        is_rare = is_rare and 2 * sum(map(bool, places)) <= len(places)
        matches += [AgreedMatch(place, provider, n, len(places)) for place, n in votes.items() if 2 * n > len(places)]
    matches.sort(key=lambda match: (-match.found / match.asked, -match.found, match.place, match.provider))
    times = [search.time for search in searches]
    return SearchAgreement(is_rare, tuple(matches), min(times), max(times))


def _places(nodes: Mapping[str, Sequence[WebSearch]], provider: str, hashes: Mapping[str, str]) -> list[frozenset[str]]:
    """For each node that asked the provider, the places that it found; in several searches or in one, each once."""
    asked = [[search for search in of_node if search.provider == provider] for of_node in nodes.values()]
    return [
        frozenset(hashes.get(key(match.url), key(match.url)) for search in of_node for match in search.matches)
        for of_node in asked
        if of_node
    ]
