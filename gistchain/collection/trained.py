"""What training a collection gives: its files, and how good the model is on tokens that it never saw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gistchain.traits import Traits
from gistchain.types import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutToken:
    """One held-out token in the report: its true caption and the one read, its image and the one painted from that."""

    name: str
    true: str
    read: str
    image: Pixels
    painted: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutScores:
    """Shares in 0..1 of the held-out tokens; `tokens` says how many these are.

    exact: the whole caption is right. by_type: the value of this trait type is right. guessed: the same, if the
    commonest value were always said. confident: the caption would be accepted. wrong_though_confident: accepted, and
    not right. ssim: mean over the pictures painted from the true captions. shown: the first tokens, for the report.
    """

    tokens: int
    exact: float
    by_type: dict[str, float]
    guessed: dict[str, float]
    confident: float
    wrong_though_confident: float
    ssim: float
    shown: tuple[HeldOutToken, ...]

    def notes(self) -> list[str]:
        """Which trait types might as well be guessed."""
        weak = [t for t, share in self.by_type.items() if share < 1 and share <= self.guessed[t]]
        told = f"read no better than by always saying the commonest value: {', '.join(weak)}; do the pictures show it?"
        return [told] if weak else []


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A collection that was learnt. model, card, report: the files. unreadable: types that the pixels do not show.
    merged: by type, what a value that stands for several is called, and these; under "" those that captions never tell.
    seldom: by type, the values that too few tokens have to be known well.
    resumed: the training continued one that had been interrupted; cpu_minutes counts both.
    """

    traits: Traits
    model: Path
    card: Path
    report: Path
    judged: HeldOutScores
    notes: tuple[str, ...]
    unreadable: tuple[str, ...]
    merged: dict[str, dict[str, tuple[str, ...]]]
    seldom: dict[str, tuple[str, ...]]
    cpu_minutes: float
    resumed: bool


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """A collection that was learnt before from the same folder, which has not changed since: nothing was done."""

    traits: Traits
    model: Path
    report: Path
