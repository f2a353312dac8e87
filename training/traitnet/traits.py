"""Writes gistchain/models/weights/traits.json: what each collection's captions can say.

python -m training.traitnet.traits
"""

from __future__ import annotations

from gistchain.collection.known import dicebear, nouns, punks
from gistchain.traits import Traits
from training.weights import write_card


def every_collection() -> list[Traits]:
    return [punks.traits(), nouns.layers().traits, *(dicebear.traits(s) for s in dicebear.STYLES)]


if __name__ == "__main__":
    table = {t.collection: {"subject": t.subject, "traits": t.values} for t in every_collection()}
    write_card("traits", table)
