"""Pairs -> webdataset tars: KEY.png, KEY.txt (the caption) and KEY.json side by side, the same bytes every time."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Self

from gistchain.collection.splits.export.pairs import Pair

MOST_PAIRS, MOST_BYTES = 10_000, 512 * 2**20
"""Of one tar."""


class Tars:
    """Writes to `shard-000000.tar` and on in a folder, as many as are needed. Raises OSError. files: those so far."""

    def __init__(self, folder: Path, *, most_pairs: int = MOST_PAIRS, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._most_pairs, self._most_bytes = folder, most_pairs, most_bytes
        self._file: tarfile.TarFile | None = None
        self._pairs = self._bytes = 0
        self.files: list[Path] = []

    def add(self, pair: Pair) -> None:
        said = json.dumps(pair.said(), sort_keys=True).encode()
        size = len(pair.png) + len(said) + 4_096
        if self._file is None or self._pairs == self._most_pairs or self._bytes + size > self._most_bytes:
            self._next()
        self._put(f"{pair.key}.png", pair.png)
        self._put(f"{pair.key}.txt", pair.row.caption.encode())
        self._put(f"{pair.key}.json", said)
        self._pairs += 1
        self._bytes += size

    def _next(self) -> None:
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"shard-{len(self.files):06d}.tar"
        self._file = tarfile.open(path, "x", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        self.files.append(path)
        self._pairs = self._bytes = 0

    def _put(self, name: str, content: bytes) -> None:
        about = tarfile.TarInfo(name)
        about.size, about.mode, about.mtime = len(content), 0o644, 0
        assert self._file is not None
        self._file.addfile(about, io.BytesIO(content))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()
