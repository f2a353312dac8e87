"""A home to ask questions of: 300 punks and 100 Nouns with owners, imported; 12 registered tokens with verdicts."""

from __future__ import annotations

import numpy as np

from gistchain.collection.known import nouns, punks
from gistchain.collection.tokens import Tokens
from gistchain.search.items import Item
from gistchain.search.record import Record

OWNERS = ("0xA11CE00000000000000000000000000000000001", "0xB0B0000000000000000000000000000000000002",
          "0xCAFE000000000000000000000000000000000003", "0xDAD0000000000000000000000000000000000004",
          "0xE66000000000000000000000000000000000005F")  # fmt: skip
VERDICTS = ("original", "sibling", "copy", "original", "derivative", "original")


def items() -> list[Item]:
    """All of them, in the order in which they were indexed."""
    every = punks.tokens()
    some = Tokens(every.traits, every.names[:300], every.images[:300], every.labels[:300])
    made = [_reference("cryptopunks", "0x" + "b4" * 20, some, number, number * number % 5) for number in range(300)]
    table = nouns.layers().traits
    # RandomState, whose numbers stay what they are.
    counts = nouns.layers().counts
    seeds = np.stack([np.random.RandomState(k).randint(0, n, 100) for k, n in enumerate(counts)], 1)
    drawn = nouns.tokens(seeds)
    made += [_reference("nouns", "0x" + "9c" * 20, drawn, number, (number // 7) % 4) for number in range(100)]
    assert drawn.traits == table
    for number in range(12):
        source = some if number < 8 else drawn
        row = source.labels[number * 3].tolist()
        traits = tuple((one["trait_type"], one["value"]) for one in source.traits.attributes(row))
        made.append(
            Item(
                "token", "evm:131:0x" + "12" * 20, str(number + 1), subject=source.traits.subject,
                caption=source.traits.caption(row), traits=traits, chain="eip155:131", contract="0x" + "12" * 20,
                owner=OWNERS[number % 3], block=100 + number, verdict=VERDICTS[number % 6],
                score=round(0.05 + 0.08 * number, 2), media=f"{number:064x}",
            )
        )  # fmt: skip
    return made


def put(record: Record) -> None:
    record.put([(item, 0) for item in items()])


def _reference(source: str, contract: str, tokens: Tokens, number: int, owner: int) -> Item:
    row = tokens.labels[number].tolist()
    traits = tuple((one["trait_type"], one["value"]) for one in tokens.traits.attributes(row))
    return Item(
        "reference", source, str(number), subject=tokens.traits.subject, title=f"{tokens.traits.subject} #{number}",
        caption=tokens.traits.caption(row), traits=traits, chain="eip155:1", contract=contract, owner=OWNERS[owner],
        block=1_000, media=f"{source}{number}",
    )  # fmt: skip
