"""A picture and a painter that goes on from a latent -> what is seen by how much of it is painted anew (S2.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gistchain.errors import CaptionError, ModelError
from gistchain.sending.compare import Fidelity, OpenLink, Terms, once
from gistchain.types import Picture, Sender, Sent


@dataclass(frozen=True, slots=True, eq=False)
class Restarted:
    """strength: 0 decodes the latent that arrived, 1 paints from noise. fidelity: 0 where nothing was seen. sent: None
    where it was refused, and `refused` says why."""

    strength: float
    snr_db: float
    fidelity: float
    sent: Sent | None
    refused: str = ""


def restarted(
    picture: Picture,
    sender: Callable[[float], Sender],
    strengths: Sequence[float],
    terms: Terms,
    *,
    snrs_db: Sequence[float],
    link: OpenLink,
    fidelity: Fidelity,
) -> Iterator[Restarted]:
    """Every strength at every SNR, over the same noise. sender: the system that restarts at this strength.

    A caption that can't be sent and a model that is missing are refusals, too: other strengths do without.
    """
    for strength in strengths:
        try:
            prepared = sender(strength).prepare(picture)
        except (CaptionError, ModelError) as error:
            yield from (Restarted(strength, snr_db, 0.0, None, str(error)) for snr_db in snrs_db)
            continue
        for snr_db in snrs_db:
            try:
                found = once(picture, prepared, link(snr_db), terms.conditions(snr_db), (0, 0), fidelity)
            except ModelError as error:
                found = 0.0, None, str(error)
            yield Restarted(strength, snr_db, *found)


def few(snrs_db: Sequence[float], most: int) -> list[float]:
    """At most so many of them, spread over all, both ends among them."""
    ordered = sorted(snrs_db)
    if len(ordered) <= most:
        return ordered
    return [ordered[round(k * (len(ordered) - 1) / (most - 1))] for k in range(most)]
