"""How fingerprints lie in the file of rows."""

from __future__ import annotations

from gistchain.rareness.fingerprint import BLOCKS, SIZE
from gistchain.vectors.layout import Layout

_SHORTEST = 640


def _edges() -> tuple[int, ...]:
    """The borders of the groups, each of which has one scale: the outputs of whole networks, short ones together."""
    edges, end = [0], 0
    for _, length in BLOCKS:
        end += length
        if end - edges[-1] >= _SHORTEST and end % 64 == 0:
            edges.append(end)
    # What is left over belongs to the last one.
    return (*edges[:-1], SIZE) if SIZE - edges[-1] < _SHORTEST else (*edges, SIZE)


LAYOUT = Layout(SIZE, _edges(), centred=True)
