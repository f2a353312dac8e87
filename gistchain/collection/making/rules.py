"""What a collection is to be made by: trait types with weighted values, exact counts, and what goes with what."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

NONE = "None"
"""How rules name the lack of a trait. Records and metadata leave it out."""
ANY = "*"
"""In rules: any value but NONE."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a trait type. Exactly one of weight, percent and count says how often it comes.

    weight: relative to the other weights of its type. percent: of all tokens, 0..100. count: of tokens, to the last
    one. file: its layer, None where nothing is drawn. name: NONE for the lack of the trait.
    """

    name: str
    weight: float | None = None
    percent: float | None = None
    count: int | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class TraitType:
    """A trait type and its values. shown: whether metadata tell it."""

    name: str
    values: tuple[Value, ...]
    shown: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(value.name for value in self.values)


Named = dict[str, frozenset[str]]
"""Trait type -> some of its values."""


@dataclass(frozen=True, slots=True)
class Exclude:
    """No token has, of each of these types, one of these values. name: as messages call the rule."""

    name: str
    traits: Named


@dataclass(frozen=True, slots=True)
class Require:
    """A token that has, of each type of `when`, one of its values has one of the values of each type of `then`."""

    name: str
    when: Named
    then: Named


@dataclass(frozen=True, slots=True)
class Number:
    """A number in the metadata that no picture shows, drawn between two bounds, both included."""

    type: str
    low: int
    high: int
    display_type: str


@dataclass(frozen=True, slots=True)
class Words:
    """What metadata and prompts say beside the traits. In the URLs `{id}` is the token's number.

    base_uri: of the folder of images, without a slash at its end; '' where it is not known yet.
    lora: name and scale in prompts, '' for none. emphasis: trait type -> weight of its phrase.
    """

    description: str = ""
    base_uri: str = ""
    external_url: str = ""
    animation_url: str = ""
    background_color: str = ""
    symbol: str = ""
    banner_image: str = ""
    external_link: str = ""
    lora: str = ""
    lora_scale: float = 1.0
    emphasis: dict[str, float] = field(default_factory=dict)
    rare_weight: float = 1.2


@dataclass(frozen=True)
class Rules:
    """All of it. count: tokens, numbered from first_id. subject: what captions and prompts call a token.

    painter: a trained collection that paints, '' where layers are drawn. scale: whole number by which drawn layers are
    enlarged. side: of painted pictures, in pixels. digest: of the file and all that is drawn from.
    """

    name: str
    subject: str
    count: int
    seed: int
    first_id: int
    types: tuple[TraitType, ...]
    excludes: tuple[Exclude, ...]
    requires: tuple[Require, ...]
    numbers: tuple[Number, ...]
    words: Words
    painter: str = ""
    scale: int = 1
    ordered: bool = False
    side: int = 256
    digest: str = ""
    notes: tuple[str, ...] = ()

    @cached_property
    def ids(self) -> tuple[int, ...]:
        return tuple(range(self.first_id, self.first_id + self.count))

    @property
    def ruled(self) -> bool:
        """Whether anything but weights and shares says which tokens there are."""
        counts = any(value.count is not None for type_ in self.types for value in type_.values)
        return bool(counts or self.excludes or self.requires)

    @property
    def order(self) -> str:
        """How layers came to lie over each other, for messages about what is hidden; '' for a painter."""
        if self.painter:
            return ""
        names = ", ".join(type_.name for type_ in self.types)
        if self.ordered:
            return f"layers are drawn as [layers] order says, bottom first: {names}"
        return (
            f"layers are drawn in the order of their folders' names, bottom first: {names}; another one is set by "
            "[layers] order"
        )
