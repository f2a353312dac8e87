"""Our own sender: whatever form of the gist is expected to give back most under the conditions (S2.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gistchain.gist.forms import FormName, Forms
from gistchain.image.smallfile import FileSearch
from gistchain.sending.air import over
from gistchain.sending.plan import Plan, Planner, believed_db
from gistchain.types import Conditions, Described, Gist, Link, Picture, Pixels, Sent


@dataclass(frozen=True, slots=True)
class Adaptive:
    """describe: a picture in words, without further layers. forms: its other layers. rebuild: the picture of a gist.

    only: this form and no other, as a system of text alone has it. own_words: `describe` says a person's words, which
    are sent in any case.
    """

    describe: Callable[[Picture], Described]
    forms: Forms
    rebuild: Callable[[Gist], Pixels | None]
    only: FormName | None = None
    own_words: bool = False

    def prepare(self, picture: Picture) -> PreparedGist:
        words = replace(self.describe(picture).gist, latent=None)
        files = FileSearch.of(picture, self.forms.fidelity)
        return PreparedGist(self, Planner(picture, words, self.forms, files, self.own_words))


@dataclass(frozen=True, slots=True, eq=False)
class PreparedGist:
    """Fulfils Prepared."""

    sender: Adaptive
    planner: Planner

    def plan(self, link: Link, conditions: Conditions) -> Plan:
        """What would be sent. Raises LinkError where nothing fits."""
        room = link.room(conditions.budget)
        return self.planner.best(conditions.channel, believed_db(conditions), room, only=self.sender.only)

    def plans(self, link: Link, conditions: Conditions) -> list[Plan]:
        """Every form that fits, the one that would be sent first. Raises LinkError where none does."""
        best = self.plan(link, conditions)
        made = self.planner.plans(conditions.channel, believed_db(conditions), link.room(conditions.budget))
        others = [plan for plan in made if plan.payload != best.payload]
        return [best, *sorted(others, key=lambda plan: -plan.expected)]

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        plan = self.plan(link, conditions)
        came = over(link, plan.payload, plan.shares, room=plan.room, seed=seed, rounds=rounds)
        picture = None if came.gist is None else self.sender.rebuild(came.gist)
        return Sent(
            picture=picture,
            caption="" if came.gist is None else came.gist.caption,
            certain=came.gist is not None,
            gist=came.gist,
            lost=came.lost if came.gist is not None else tuple(block.layers for block in plan.blocks),
            uses=came.uses,
            rounds=came.rounds,
            start_uses=plan.start_uses,
            blocks=plan.blocks,
            expected=plan.expected,
        )
