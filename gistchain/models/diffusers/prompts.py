"""A prompt in the notation of Stable Diffusion's users -> its words with their weights, and the LoRAs that it names.

`a (red:1.2) ape, <lora:azuki:0.8>` (S3.10): (words:weight) draws more or less attention to the words, <lora:name:scale>
turns on a LoRA and is not painted. Anything that isn't written exactly so is text: captions come from strangers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAVIEST = 2.0
"""Above this weight a network draws noise; `(16:9)` and the like are text."""
_LORA = re.compile(r"<lora:([^<>:]{1,100})(?::(-?\d{1,2}(?:\.\d{1,4})?))?>")
_WEIGHT = re.compile(r"\(([^()]+):(\d(?:\.\d{1,4})?)\)")


@dataclass(frozen=True, slots=True)
class Prompt:
    """fragments: (words, weight), in order, 1 for words without a weight. loras: (name, scale), as often as named."""

    fragments: tuple[tuple[str, float], ...]
    loras: tuple[tuple[str, float], ...]

    @property
    def text(self) -> str:
        return "".join(words for words, _ in self.fragments).strip()

    @property
    def weighted(self) -> bool:
        return any(weight != 1 for _, weight in self.fragments)


def parse(prompt: str) -> Prompt:
    """The parts of the prompt; any text is a prompt."""
    loras = tuple((name.strip(), float(scale or 1)) for name, scale in _LORA.findall(prompt))
    text = _LORA.sub("", prompt).rstrip().removesuffix(",").rstrip() if loras else prompt
    fragments, end = [], 0
    for match in _WEIGHT.finditer(text):
        weight = float(match[2])
        if weight <= HEAVIEST:
            fragments += [(text[end : match.start()], 1.0), (match[1], weight)]
            end = match.end()
    fragments.append((text[end:], 1.0))
    return Prompt(tuple((words, weight) for words, weight in fragments if words), loras)
