"""Sentences with names, numbers, dates and amounts, which no dictionary of ours was made from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_FIRST = (
    "Zoë", "Ingrid", "Kwame", "Mei-Ling", "Björn", "Tuấn", "Oluwaseun", "Siobhán", "Xavier", "Ngozi", "Þóra", "Yuki",
    "Dmitri", "Anaïs", "Raj",
)  # fmt: skip
_LAST = (
    "O'Brien", "Müller", "Nguyễn", "Szymański", "Okonkwo", "García-Lorca", "van der Berg", "Ito", "Petrov",
)  # fmt: skip
_WHERE = (
    "Łódź", "Reykjavík", "Ouagadougou", "Kyoto", "Zürich", "Wollongong", "Llanelli", "Aarhus", "Tlaxcala", "Gdańsk",
    "Ely", "Xi'an",
)  # fmt: skip
_FORMS = (
    "{f} {l} sold {n} tokens in {w} for {a} ETH on {d}",
    "token #{n} of {l}'s series, {w}, {d}",
    "a photo of {f} {l} (flight {c}) at gate {g}, {w}",
    "{w}: {a} °C, wind {g} km/h, ID {c}",
    "{f} and {l} paid {a} € for lot {c}-{n} in {w}",
)


def clean_texts(count: int) -> Iterator[str]:
    """The same ones every time."""
    rng = np.random.default_rng(14)
    for number in range(count):
        yield _FORMS[number % len(_FORMS)].format(
            f=rng.choice(_FIRST),
            l=rng.choice(_LAST),
            w=rng.choice(_WHERE),
            n=rng.integers(1, 100_000),
            g=rng.integers(1, 99),
            c="".join(rng.choice(list("ABCDEFGHJKLMNPQRSTUVWXYZ23456789"), 5)),
            d=f"{rng.integers(1900, 2100)}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}",
            a=f"{rng.integers(1, 10_000):,}.{rng.integers(0, 100):02}",
        )
