"""What Hypothesis draws for the registry: hashes, gists, tickets, batches, good ones and not."""

from __future__ import annotations

from eth_utils.crypto import keccak
from hypothesis import strategies as st

from tests.ledger.registry_model import ZERO, BatchData, Item

# Few, so that they meet again; two of them at the ends of what a hash can be.
images = st.one_of(
    st.sampled_from([ZERO, b"\xff" * 32, *(keccak(bytes([k])) for k in range(6))]), st.binary(min_size=32, max_size=32)
)
gists = st.one_of(
    st.binary(min_size=1, max_size=18),
    st.binary(max_size=70),
    st.builds(
        lambda size, byte: bytes([byte]) * size,
        st.sampled_from([1, 18, 19, 64, 65, 300, 24_519, 24_520, 24_565, 24_566]),
        st.integers(0, 255),
    ),
)
evidences = st.one_of(st.just(ZERO), st.binary(min_size=32, max_size=32))


def rating(score: int, verdict: int, checker: int, block: int, compared: int) -> int:
    return score << 96 | verdict << 88 | checker << 72 | block << 32 | compared


true_ratings = st.builds(
    rating,
    st.integers(0, 10_000),
    st.integers(0, 4),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**40 - 1),
    st.integers(0, 2**32 - 1),
)
wrong_ratings = st.builds(
    rating,
    st.sampled_from([10_000, 10_001, 65_535, 65_536]),
    st.sampled_from([4, 5, 255]),
    st.just(1),
    st.just(1),
    st.just(1),
)
tickets = st.one_of(
    st.just((ZERO, 0)),
    st.tuples(st.binary(min_size=32, max_size=32), true_ratings),
    st.tuples(evidences, st.one_of(true_ratings, wrong_ratings, st.just(2**256 - 1))),
)
# Before anyone looks: data contracts up to each change of their address rule and of their place, tokens, batches.
ages = st.tuples(
    st.sampled_from([0, 2**40, 2**95]),
    st.sampled_from([0, 0, 125, 253, 65_533, 2**21 - 68, 2**21 - 3, 2**24 - 3, 2**32 - 3, 2**48, 2**56 - 3]),
    st.sampled_from([0, 0, 0, 0, 3, 2**40]),
)


@st.composite
def batches(draw: st.DrawFn) -> BatchData:
    width = draw(st.one_of(st.none(), st.integers(1, 40)))
    size = st.integers(0, 60) if width is None else st.just(width)
    count = draw(st.one_of(st.integers(1, 12), st.sampled_from([33, 100, 257])))
    many = st.lists(images, min_size=min(count, 12), max_size=min(count, 12), unique=True)
    found = draw(many) + [keccak(b"many" + bytes([k >> 8, k & 255])) for k in range(12, count)]
    rated = draw(st.booleans())
    own = st.tuples(st.sampled_from([0, 9_700, 10_000, 10_001]), st.integers(0, 5))
    usual = draw(size), draw(own)
    items = []
    for k, image in enumerate(sorted(set(found))):
        length, verdict = (draw(size), draw(own)) if k < 12 else usual
        items.append(Item(image, bytes([(k + i) % 251 for i in range(length)]), verdict if rated else (0, 0)))
    ends = None
    if width is None and draw(st.integers(0, 5)) == 0:
        ends = tuple(
            draw(st.lists(st.sampled_from([0, 1, 7, 30, 65_535]), min_size=len(items), max_size=len(items)))
            if len(items) < 34
            else [7] * len(items)
        )
    rest = draw(st.tuples(st.integers(0, 65_535), st.integers(0, 2**40 - 1), st.integers(0, 2**32 - 1)))
    return BatchData(
        tuple(items), draw(st.binary(max_size=32)), width, rated, draw(evidences) if rated else ZERO, rest, ends
    )
