"""A token -> its prompt for Stable Diffusion: the caption's words, rare ones weighed, and a LoRA (S3.10).

    A picture of a woodling, containing (Crown Hat:1.2), Sky Background, <lora:woodlings:1>

models/diffusers/prompts.py reads the same notation. Signs that mean something in it are left out of names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from gistchain.collection.making.plan import Token
from gistchain.collection.making.rules import Rules
from gistchain.traits import caption

_SIGNS = re.compile(r"[()<>:,\[\]{}|\\]")


def prompts(rules: Rules, tokens: Sequence[Token]) -> list[str]:
    """A line for each token. The rarest value of each, and types with an emphasis of their own, are weighed."""
    counts = Counter((type_, value) for token in tokens for type_, value in token.traits.items())
    return [_prompt(rules, token, counts) for token in tokens]


def _prompt(rules: Rules, token: Token, counts: Counter[tuple[str, str]]) -> str:
    words = rules.words
    shown = {type_.name for type_ in rules.types if type_.shown}
    named = [(type_, value) for type_, value in token.traits.items() if type_ in shown]
    rarest = min(named, key=lambda pair: counts[pair], default=None)
    phrases = []
    for type_, value in named:
        weight = words.emphasis.get(type_, words.rare_weight if (type_, value) == rarest else 1.0)
        phrase = " ".join(_SIGNS.sub(" ", f"{value} {type_}").split())
        phrases.append(phrase if weight == 1 else f"({phrase}:{_number(weight)})")
    lora = [f"<lora:{words.lora}:{_number(words.lora_scale)}>"] if words.lora else []
    subject = " ".join(_SIGNS.sub(" ", rules.subject).split())
    return ", ".join([caption(subject, phrases), *lora])


def _number(value: float) -> str:
    """At most four places, as the notation has them."""
    return f"{value:.4f}".rstrip("0").rstrip(".")
