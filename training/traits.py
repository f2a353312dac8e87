"""Writes gistchain/models/weights/traits.json: what each collection's captions can say.

python -m training.traits
"""

from __future__ import annotations

import json
from pathlib import Path

from gistchain.collection.known import dicebear, nouns, punks
from gistchain.traits import Traits

WEIGHTS = Path(__file__).parents[1] / "gistchain" / "models" / "weights"


def every_collection() -> list[Traits]:
    return [punks.traits(), nouns.layers().traits, *(dicebear.traits(s) for s in dicebear.STYLES)]


if __name__ == "__main__":
    table = {t.collection: {"subject": t.subject, "traits": t.values} for t in every_collection()}
    (WEIGHTS / "traits.json").write_text(json.dumps(table, indent=1) + "\n", "utf-8")
