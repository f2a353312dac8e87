"""Gists that share a start: every one comes back, and no grouping is longer than the obvious ones."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from gistchain.gist.grouped import LEAST, grouped
from gistchain.gist.packet import unpack
from gistchain.gist.traitcode import Table
from gistchain.models.known import known_traits
from gistchain.traits import Traits
from gistchain.types import Gist, Latent

HATS = Table(Traits("Hats", "Hats", {"hat": ("red", "blue"), "eyes": ("open",)}))
CAPTIONS = ["A picture of Hats", "A picture of Hats, containing red hat", "a man", "a dog on a lawn", "zqxj"]
gists = st.builds(
    Gist,
    st.sampled_from(CAPTIONS).map(lambda text: (text,)) | st.just(()) | st.just(("a man", "a wall")),
    st.sampled_from([(24, 24), (512, 512), (641, 480)]),
    st.none() | st.just(Latent("thumb8", bytes(192))),
)


def hats(name: bytes) -> Traits:
    assert name == HATS.name
    return HATS.traits


@given(st.lists(gists, max_size=30), st.booleans())
def test_every_gist_comes_back_once(given_gists: list[Gist], by_table: bool) -> None:
    groups = grouped(given_gists, [HATS if by_table else None] * len(given_gists))
    assert sorted(place for group in groups for place in group.places) == list(range(len(given_gists)))
    for group in groups:
        assert len(group.common) <= 32
        assert len(group.items) == len(group.places) >= (LEAST if group.common else 1)
        assert group.width in (0, len(group.items[0]))
        for item, place in zip(group.items, group.places, strict=True):
            assert unpack(group.common + item, tables=hats) == given_gists[place]


def test_tokens_of_a_collection_are_as_short_as_their_table() -> None:
    traits = next(traits for traits in known_traits() if traits.collection == "punks")
    rng = random.Random(1)
    labels = [[rng.randint(0, len(values)) for values in traits.values.values()] for _ in range(40)]
    of = [Gist((traits.caption(row),), (24, 24)) for row in labels]
    (by_table,) = grouped(of, [Table(traits)] * len(of))
    assert (len(by_table.common), by_table.width) == (6, 4)
    (by_words,) = grouped(of, [None] * len(of))
    assert by_words.item_bytes > by_table.item_bytes


def test_dictionary_codes_are_filled_up_where_that_is_shorter() -> None:
    of = [Gist((text,), (24, 24)) for text in ("a man", "a dog", "a cat", "a bird", "a red bicycle")]
    (group,) = grouped(of, [None] * len(of))
    lengths = {len(item) for item in group.items}
    assert group.item_bytes <= sum(len(item.rstrip(b"\0")) for item in group.items) + 2 * len(of)
    assert group.width == (lengths.pop() if len(lengths) == 1 else 0)


def test_a_few_gists_stand_whole_among_others() -> None:
    of = [Gist((text,), (24, 24)) for text in ("a man", "a dog")]
    (group,) = grouped(of, [None, None])
    assert group.common == b""
    assert [unpack(item) for item in group.items] == of
