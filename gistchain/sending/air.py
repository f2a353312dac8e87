"""Packet bytes -> blocks, cut at the borders of the layers, over a Link -> the gist of those layers that arrived.

The first block holds the size and the first layer, and whatever follows can't be read without it. Each layer's own
check tells whether it arrived: of a short one it picks among the candidates of the decoder. A layer that is lost is
named in `Gist.damaged`, and the others are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from gistchain.errors import PacketError
from gistchain.gist.expected import first_ratios
from gistchain.gist.packet import is_whole, layer_borders, layer_kind, layer_name, unpack
from gistchain.link.frame import Block, sent
from gistchain.types import Gist, Link


@dataclass(frozen=True, slots=True)
class Received:
    """gist: of what arrived, None where nothing did. uses: of all rounds. lost: names of layers that did not arrive, as
    far as the first block told of them. arrived: whether each block did, () where the first one did not."""

    gist: Gist | None
    uses: int
    rounds: int
    lost: tuple[str, ...]
    arrived: tuple[bool, ...] = ()


def layers_of(payload: bytes) -> list[bytes]:
    """The packet in blocks: size and first layer, then each further layer."""
    borders = [0, *layer_borders(payload)]
    return [payload[start:end] for start, end in pairwise(borders)]


def over(
    link: Link, payload: bytes, shares: Sequence[int], *, room: int, seed: tuple[int, ...], rounds: int = 0
) -> Received:
    """The gist of a packet, carried in a frame of so much room. shares: of each layer (`frame.Block`).

    Raises PacketError for a packet that is not whole, LinkError where it does not fit.
    """
    layers = layers_of(payload)
    kinds = [0, *(layer_kind(layer) for layer in layers[1:])]
    blocks = [Block(data, kind, share) for data, kind, share in zip(layers, kinds, shares, strict=True)]
    came = sent(
        link, blocks, room=room, first_whole=is_whole, whole=lambda first, layer: is_whole(first + layer), seed=seed,
        rounds=rounds, expected=first_ratios,
    )  # fmt: skip
    if not came.blocks:
        return Received(None, came.uses, came.rounds, ())
    lost = tuple(layer_name(kind) for kind, data in came.blocks if data is None)
    arrived = tuple(data is not None for _, data in came.blocks)
    try:
        gist = unpack(b"".join(data for _, data in came.blocks if data is not None))
    except PacketError:  # layers that are whole, and not of one packet: only the first is believed
        lost = tuple(layer_name(kind) for kind, _ in came.blocks[1:])
        arrived = (True, *[False] * len(lost))
        gist = unpack(came.blocks[0][1] or b"")
    return Received(replace(gist, damaged=frozenset(lost)), came.uses, came.rounds, lost, arrived)
