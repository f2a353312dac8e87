"""Blocks that a node refuses cost themselves, in few questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from gistchain.ledger.connection import Connection, Log, Topics
from gistchain.ledger.ranges import in_ranges


@dataclass
class Refusing:
    """A node that refuses ranges with one of these blocks in it, or of more than `most`."""

    refused: set[int]
    most: int
    asked: list[range] = field(default_factory=list)

    def block_hash(self, number: int) -> str:
        return f"{number}"

    def logs(self, address: str, topics: Topics, blocks: range) -> list[Log] | None:
        self.asked.append(blocks)
        return None if len(blocks) > self.most or self.refused & {*blocks} else []

    def read(self, at: int, last: int) -> list[range]:
        return [one.blocks for one in in_ranges(cast(Connection, self), "0x", (), at, last)]


@given(st.sets(st.integers(0, 60)), st.integers(1, 70), st.integers(0, 60), st.integers(0, 60))
def test_what_is_read_was_served_in_order_and_what_follows_it_is_read(
    refused: set[int], most: int, at: int, last: int
) -> None:
    node = Refusing(refused, most)
    ranges = node.read(at, last)
    read = [number for one in ranges for number in one]
    assert read == sorted(set(read) - refused)
    assert set(read) <= {*range(at, last + 1)}
    for number in range(at + 1, last + 1):
        # One that is refused by itself costs only itself.
        if number - 1 in read or (number - 1 in refused and number - 2 in {*read, at - 1}):
            assert (number in read) == (number not in refused)


@given(st.integers(0, 10_000), st.integers(1, 20_000))
def test_a_node_that_has_kept_no_old_logs_is_asked_little_for_all_others(first: int, most: int) -> None:
    node = Refusing({*range(first)}, most)
    read = node.read(0, 9_999)
    assert [number for one in read for number in one] == [*range(first, 10_000)]
    assert len(node.asked) < 70 + 3 * len(read)
