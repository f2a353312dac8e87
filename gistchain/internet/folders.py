"""Folders of IPFS whose blocks have been hashed -> which CID a path leads to, without asking for the folder again.

A collection's metadata lies in one folder, whose block has a link for each of its files: of 10,000 it has 539 KB, and
every path through it would send, hash and parse it once more.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from gistchain.internet.ipfs import Cid

_MOST_BYTES = 64 << 20
_LINK_BYTES = 400
"""A Cid with its digest, and a place in a dict."""


class Folders:
    """Those that were used last, for threads to share."""

    def __init__(self, most: int = _MOST_BYTES) -> None:
        """most: bytes of memory for all of them, about."""
        self._most, self._used = most, 0
        self._folders: OrderedDict[bytes, tuple[Mapping[str, Cid], int]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, folder: Cid, links: Sequence[tuple[str, Cid]]) -> None:
        """links: of its node, which was hashed. One that has a name twice is not kept: nothing is read from it."""
        named = dict(links)
        size = sum(_LINK_BYTES + sys.getsizeof(name) for name in named)
        if len(named) < len(links) or size > self._most:
            return
        with self._lock:
            if folder.key in self._folders:
                return
            self._folders[folder.key] = named, size
            self._used += size
            while self._used > self._most:
                self._used -= self._folders.popitem(last=False)[1][1]

    def walked(self, cid: Cid, path: Sequence[str]) -> tuple[Cid, tuple[str, ...]]:
        """Where the path leads as far as the folders on it are known, and what is left of it."""
        rest = list(path)
        with self._lock:
            while rest and cid.key in self._folders:
                self._folders.move_to_end(cid.key)
                link = self._folders[cid.key][0].get(rest[0])
                if link is None:
                    break
                cid = link
                rest.pop(0)
        return cid, tuple(rest)
