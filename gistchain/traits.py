"""Traits -> the caption of an NFT, and back: template S3.6 of NFT1000.

`A picture of {subject}, containing {value} {trait_type}, {value} {trait_type}, ...`
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Traits:
    """The trait types of one collection in the order of its captions, each with its values.

    A label row holds one number per trait type: 0 = not visible in the image, k = values[type][k - 1].
    """

    collection: str
    subject: str
    values: dict[str, tuple[str, ...]]

    @cached_property
    def types(self) -> tuple[str, ...]:
        return tuple(self.values)

    def phrases(self, labels: Sequence[int]) -> list[str]:
        """The phrase `{value} {trait_type}` of every visible trait."""
        return [f"{self.values[t][k - 1]} {t}" for t, k in zip(self.types, labels, strict=True) if k]

    def caption(self, labels: Sequence[int]) -> str:
        """The caption of a token with this label row."""
        return caption(self.subject, self.phrases(labels))

    def attributes(self, labels: Sequence[int]) -> list[dict[str, str]]:
        """The `attributes` of an ERC-721 metadata file: [{"trait_type": ..., "value": ...}, ...]."""
        return [{"trait_type": t, "value": self.values[t][k - 1]} for t, k in zip(self.types, labels, strict=True) if k]


def caption(subject: str, phrases: Sequence[str]) -> str:
    """The template, filled in; without phrases it ends after the subject."""
    text = f"A picture of {subject}"
    return f"{text}, containing {', '.join(phrases)}" if phrases else text


def is_called(subject: str, *names: str) -> bool:
    """Whether a caption's subject is one of these names, in the singular or the plural, "avatar" behind it or not."""
    wanted = subject.casefold().removesuffix(" avatar").strip()
    folded = {name.casefold() for name in names}
    return wanted in folded | {name.removesuffix("s") for name in folded}


def parts(text: str) -> tuple[str, list[str]]:
    """(subject, phrases) of a caption; free text without the template is one phrase of an unknown subject."""
    head, _, tail = text.strip().partition(", containing ")
    if not head.lower().startswith("a picture of "):
        return "", [p.strip() for p in text.split(",") if p.strip()]
    return head[len("a picture of ") :].strip(), [p.strip() for p in tail.split(",") if p.strip()]
