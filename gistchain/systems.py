"""Whole systems, each a paragraph: which models go together, and the paper that put them together."""

from __future__ import annotations

from dataclasses import dataclass

from gistchain.types import Captioner, Painter, TextEmbedder


@dataclass(frozen=True, slots=True)
class System:
    """The models of one run of the path."""

    captioner: Captioner
    painter: Painter
    embedder: TextEmbedder


def rosis() -> System:
    """S0: one caption on the chain, n isotopes from it, the nearest by re-caption. Default models, no torch."""
    from gistchain.models.captioner import TraitCaptioner
    from gistchain.models.minilm import MiniLM
    from gistchain.models.painter import TraitPainter

    embedder = MiniLM()
    return System(TraitCaptioner(), TraitPainter(embedder), embedder)
