"""How far a painter may go from a gist's latent: 0 only decodes it, 1 starts from noise."""

from __future__ import annotations

from gistchain.errors import RebuildError


def strength_or(usual: float, strength: float | None) -> float:
    """The strength that was asked for, or the painter's usual one. Raises RebuildError outside 0..1, and for NaN."""
    if strength is None:
        return usual
    if not 0 <= strength <= 1:
        raise RebuildError(f"strength is {strength}: give a number from 0 (decode the latent) to 1 (start from noise)")
    return strength
