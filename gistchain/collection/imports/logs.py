"""Which blocks' logs of a contract were really read, kept in its record.

A node may have kept no logs of some blocks, or refuse them today, and `--from-block` may skip the first: the next
import asks for what is missing, whatever block it is at.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Self

from gistchain.collection.imports.numbers import Numbers
from gistchain.collection.imports.record import Record

_NOTE = "logs"


@dataclass(slots=True)
class LogsRead:
    """blocks: whose logs were read. last, digest: the last block of the chain by then, and its hash; -1 for none."""

    last: int = -1
    digest: str = ""
    blocks: Numbers = field(default_factory=Numbers)

    @classmethod
    def of(cls, record: Record) -> Self:
        """A record that doesn't say, as earlier builds left it, may lack anything: all its logs are read once more."""
        said = record.note(_NOTE)
        if not said:
            about = record.about()
            return cls() if about is None else cls(about.block, about.block_hash)
        last, digest, ranges = json.loads(said)
        return cls(int(last), str(digest), Numbers(range(start, stop) for start, stop in ranges))

    def write(self, record: Record) -> None:
        ranges = [(one.start, one.stop) for one in self.blocks.ranges]
        record.set_note(_NOTE, json.dumps([self.last, self.digest, ranges]))
