"""The beginning of a word on the command line -> the names that it can become, when Tab is pressed.

Errors are not shown there: whatever can't be read has no names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gistchain.errors import GistchainError
from gistchain.settings import load

Names = Callable[[str], list[str]]


def models_of(kind: str | None) -> Names:
    """The names of the models of a kind, or of all."""

    def names() -> Iterator[str]:
        from gistchain.models.zoo.registry import entries

        yield from (row.name for row in entries() if kind in (None, row.kind) and not row.error)

    return _completed(names)


def kinds_of_models() -> Names:
    def names() -> Iterator[str]:
        from gistchain.models.zoo.registry import KINDS

        yield from KINDS

    return _completed(names)


def collections() -> Names:
    """The names of the known collections: those that ship, and those in the home of the environment."""

    def names() -> Iterator[str]:
        from gistchain.models.known import known_collections

        yield from (known.collection for known in known_collections(load({}).collections))

    return _completed(names)


def _completed(names: Callable[[], Iterator[str]]) -> Names:
    def completed(incomplete: str) -> list[str]:
        try:
            return sorted({name for name in names() if name.startswith(incomplete)})
        except GistchainError:
            return []

    return completed
