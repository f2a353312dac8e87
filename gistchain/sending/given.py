"""A system of the chain over a radio as it is: its gist, as large as the uses carry, and its way to rebuild (S0.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gistchain.errors import RebuildError
from gistchain.gist.forms import Form
from gistchain.gist.packet import pack
from gistchain.link.frame import LEAST_ROOM
from gistchain.sending.plan import LEAST_ARRIVALS, believed_db
from gistchain.sending.room import Air, Plan, carried, too_small
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
        return replace(carried(plan, link, self._seen, seed=seed, rounds=rounds), expected=None)

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
