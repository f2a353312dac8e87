"""Bytes a token in a batch: all but the image's hash and the ticket, beside the entropy of its labels.

    python -m benchmarks.batch_bytes                # the captions of benchmarks/captions_in_bytes.py, 4 CPU-minutes

Each set is one collection of pictures of one size; its captions are repeated to 1,000 where they are fewer, because
how many there are decides how they are grouped. "table": by the collection's trait table; "dictionary": without it;
"batch": what is taken of the two. With what tells the items apart, and a share of what all have in common. "entropy" is
the sum of the entropies of each trait type among these tokens, in bytes. "decoding" is the median time to read one.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections import Counter
from collections.abc import Sequence

from benchmarks import report
from benchmarks.captions_in_bytes import held_out
from gistchain.gist.grouped import Group, grouped
from gistchain.gist.packet import unpack
from gistchain.gist.traitcode import Table
from gistchain.models.known import known_traits
from gistchain.traits import Traits, parts
from gistchain.types import Gist

SIZE = 512, 512
TOKENS = 1_000
Figures = dict[str, float | None]


def entropy_bytes(traits: Traits, texts: Sequence[str]) -> float:
    bits = 0.0
    told = [set(parts(text)[1]) for text in texts]
    for kind, values in traits.values.items():
        counts = Counter(next((value for value in values if f"{value} {kind}" in phrases), None) for phrases in told)
        shares = [count / len(texts) for count in counts.values()]
        bits -= sum(share * math.log2(share) for share in shares)
    return bits / 8


def a_token(groups: Sequence[Group]) -> float:
    count = sum(len(group.items) for group in groups)
    return round(sum(group.item_bytes + len(group.common) for group in groups) / count, 2)


def decoding_ms(groups: Sequence[Group], traits: Traits | None) -> float:
    def table(name: bytes) -> Traits:
        assert traits is not None
        return traits

    times = []
    for group in groups:
        for item in group.items:
            started = time.perf_counter()
            unpack(group.common + item, tables=table)
            times.append(1_000 * (time.perf_counter() - started))
    return round(statistics.median(times), 3)


def measured(texts: list[str], traits: Traits | None) -> Figures:
    gists = [Gist((text,), SIZE) for text in itertools.islice(itertools.cycle(texts), max(TOKENS, len(texts)))]
    table = None if traits is None else Table(traits)
    by_words, chosen = grouped(gists, [None] * len(gists)), grouped(gists, [table] * len(gists))
    only = None
    if table is not None:
        codes = [table.encode(text) for text in texts]
        only = round(statistics.mean(len(code) - 4 for code in codes if code is not None), 2)
    return {
        "tokens": len(texts),
        "table": only,
        "dictionary": a_token(by_words),
        "batch": a_token(chosen),
        "entropy": None if traits is None else round(entropy_bytes(traits, texts), 2),
        "decoding_ms": decoding_ms(chosen, traits),
    }


def main() -> None:
    known = {traits.subject: traits for traits in known_traits()}
    figures = {}
    for name, texts in held_out().items():
        traits = known.get(parts(texts[0])[0])
        figures[name] = measured(texts, traits)
        print(name, figures[name])
    report.write("batch_bytes", data="the captions of captions_in_bytes.py, each set one batch", figures=figures)


if __name__ == "__main__":
    main()
