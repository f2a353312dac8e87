"""Our own sender: whatever form of the gist is expected to give back most under the conditions (S2.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gistchain.errors import LinkError, RebuildError
from gistchain.gist.forms import FormName, Forms
from gistchain.image.smallfile import KINDS, FileSearch
from gistchain.sending.analogue import AnalogueLatent, AnaloguePlan, PreparedAnalogue
from gistchain.sending.plan import ENOUGH, Planner, believed_db
from gistchain.sending.room import Plan, carried
from gistchain.types import Conditions, Described, Gist, Link, Picture, Pixels, Sent

_BETTER = 0.005
"""By which numbers must be expected to give back more than blocks, of which a check says what arrived."""


@dataclass(frozen=True, slots=True)
class Adaptive:
    """describe: a picture in words, without further layers. forms: its other layers. rebuild: the picture of a gist.

    only: this form and no other, as a system of text alone has it. own_words: `describe` says a person's words, which
    are sent in any case. analogue: what sends the latent as analogue symbols, where that is expected to give back more.
    """

    describe: Callable[[Picture], Described]
    forms: Forms
    rebuild: Callable[[Gist], Pixels | None]
    only: FormName | None = None
    own_words: bool = False
    analogue: AnalogueLatent | None = None

    def prepare(self, picture: Picture) -> PreparedGist:
        words = replace(self.describe(picture).gist, latent=None)
        files = FileSearch.of(picture, self.forms.fidelity, KINDS)
        planner = Planner(picture, words, self.forms, files, self.own_words)
        if self.only is not None or self.analogue is None or not words.captions:
            return PreparedGist(self, planner)
        return PreparedGist(self, planner, PreparedAnalogue(self.analogue, picture, words))


@dataclass(frozen=True, slots=True, eq=False)
class PreparedGist:
    """Fulfils Prepared."""

    sender: Adaptive
    planner: Planner
    analogue: PreparedAnalogue | None = None

    def plan(self, link: Link, conditions: Conditions) -> Plan:
        """What would be sent of blocks alone. Raises LinkError where nothing fits."""
        room = link.room(conditions.budget)
        return self.planner.best(conditions.channel, believed_db(conditions), room, only=self.sender.only)

    def choice(self, link: Link, conditions: Conditions) -> Plan | AnaloguePlan:
        """What is sent: blocks, or the latent as analogue symbols. Raises LinkError where nothing fits."""
        try:
            blocks = self.plan(link, conditions)
        except LinkError:
            if (analogue := self._analogue_plan(link, conditions)) is None:
                raise
            return analogue
        if blocks.expected >= ENOUGH or (analogue := self._analogue_plan(link, conditions)) is None:
            return blocks
        return analogue if analogue.worth > blocks.worth + _BETTER else blocks

    def _analogue_plan(self, link: Link, conditions: Conditions) -> AnaloguePlan | None:
        """None where numbers do not fit, or no painter takes them."""
        try:
            return None if self.analogue is None else self.analogue.plan(link, conditions)
        except (LinkError, RebuildError):
            return None

    def plans(self, link: Link, conditions: Conditions) -> list[Plan]:
        """Every form of blocks that fits, the best first; none where none fits."""
        try:
            best = self.plan(link, conditions)
        except LinkError:
            return []
        made = self.planner.plans(conditions.channel, believed_db(conditions), link.room(conditions.budget))
        others = [plan for plan in made if plan.payload != best.payload]
        return [best, *sorted(others, key=lambda plan: -plan.expected)]

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        plan = self.choice(link, conditions)
        if isinstance(plan, AnaloguePlan):
            return plan.prepared.sent(plan, link, seed=seed, rounds=rounds)
        return carried(plan, link, self.sender.rebuild, seed=seed, rounds=rounds)
