"""What a system sends of a picture over a radio, and what it makes of what arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gistchain.types.link import ModulationName
from gistchain.types.path import Gist, Pixels

ChannelName = Literal["awgn", "rayleigh-block", "rayleigh-fast"]
SenderName = Literal[
    "gist", "text_coded", "text_only", "text_only_hard", "image_ldpc", "image_ldpc_fixed", "img2img_sc",
    "img2img_sc_analogue", "img2img_sc_literal", "rosis", "multi_sc", "single_text", "vlm_csc", "deep_jscc",
    "deep_jscc_19db",
]  # fmt: skip
"""Systems that send a picture over a radio (senders.py)."""


@dataclass(frozen=True, slots=True)
class PlannedBlock:
    """layers: what it holds. modulation: None for numbers that are sent as they are. error_rate: how often it is
    predicted to be lost; None where nothing is predicted."""

    layers: str
    size_bytes: int
    uses: int
    modulation: ModulationName | None
    error_rate: float | None


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a sender knows: the channel, its SNR (mean Es/N0) as estimated, the uses that it may take, and how many of
    these are pilots of each block of fading."""

    channel: ChannelName
    snr_db: float
    budget: int
    pilots: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """picture: what the receiver makes of what arrived, in the original's size; None where nothing did. caption: as it
    was read, "" for none. certain: whether a check says that all that is used arrived as it was sent. gist: what the
    receiver has, None for a system without gists. lost: names of layers that did not arrive. uses: of all rounds, and
    start_uses of them tell the receiver what follows. blocks: as planned. expected: fidelity that was predicted.
    notes: what had to be decided, for people.
    """

    picture: Pixels | None
    caption: str
    certain: bool
    gist: Gist | None
    lost: tuple[str, ...]
    uses: int
    rounds: int
    start_uses: int
    blocks: tuple[PlannedBlock, ...]
    expected: float | None
    notes: tuple[str, ...] = ()
