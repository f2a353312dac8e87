"""A system of the chain over a radio as it is: its gist, as large as the uses carry, and its way to rebuild (S0.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gistchain.errors import RebuildError
from gistchain.gist.forms import Form
from gistchain.gist.packet import pack
from gistchain.link.frame import LEAST_ROOM
from gistchain.sending.air import over
from gistchain.sending.plan import LEAST_ARRIVALS, believed_db
from gistchain.sending.room import Air, Plan, too_small
from gistchain.types import Conditions, Described, Gist, Link, Picture, Pixels, Sent, System

_LAYER_BYTES = 12


@dataclass(frozen=True, slots=True)
class AsGiven:
    """system: describes and rebuilds; nothing is chosen by the channel but how many bytes it may take.

    words: a picture in words, without a latent. rebuild: the picture of a gist. caption: a person's own words, None for
    the captioner's.
    """

    system: System
    words: Callable[[Picture], Described]
    rebuild: Callable[[Gist], Pixels]
    caption: str | None = None

    def prepare(self, picture: Picture) -> PreparedAsGiven:
        return PreparedAsGiven(self, picture, self.words(picture).gist)


@dataclass(slots=True, eq=False)
class PreparedAsGiven:
    """Fulfils Prepared."""

    sender: AsGiven
    picture: Picture
    words: Gist
    _described: dict[int, Gist] = field(default_factory=dict)

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        plan = self._plan(Air(conditions.channel, believed_db(conditions), link.room(conditions.budget)))
        came = over(link, plan.payload, plan.shares, room=plan.room, seed=seed, rounds=rounds)
        return Sent(
            picture=None if came.gist is None else self._seen(came.gist),
            caption="" if came.gist is None else came.gist.caption,
            certain=came.gist is not None,
            gist=came.gist,
            lost=came.lost if came.gist is not None else tuple(block.layers for block in plan.blocks),
            uses=came.uses,
            rounds=came.rounds,
            start_uses=plan.start_uses,
            blocks=plan.blocks,
            expected=None,
        )

    def _plan(self, air: Air) -> Plan:
        """Raises LinkError where not even the caption fits."""
        if air.room >= LEAST_ROOM:
            words = Form("caption", self.words, len(pack(self.words)), None, exact=False)
            left = air.most_beside(words)
            gist = self.words
            if left > 0:
                budget = words.size_bytes + left + _LAYER_BYTES
                if budget not in self._described:
                    described = self.sender.system.describe(self.picture, caption=self.sender.caption, budget=budget)
                    self._described[budget] = described.gist
                gist = self._described[budget]
            if gist.latent is not None:
                both = Form("latent", gist, len(pack(gist)), None, exact=False)
                if (plan := air.plan("latent", [words, both])) is not None:
                    return plan
            if (plan := air.plan("caption", [words])) is not None and plan.arrives >= LEAST_ARRIVALS:
                return plan
        bits = 8 * len(pack(self.words))
        raise too_small(self.picture.name, air, "its caption alone", lambda air: air.carries(bits))

    def _seen(self, gist: Gist) -> Pixels | None:
        try:
            return self.sender.rebuild(gist)
        except RebuildError:
            return None
