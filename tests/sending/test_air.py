"""Packets over a link: whole layers are used, lost ones named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from gistchain.errors import PacketError
from gistchain.gist.packet import layer_kind, layer_name, pack
from gistchain.link.channel import Awgn
from gistchain.link.frame import Block, framed
from gistchain.sending.air import layers_of, over
from gistchain.types import ArrivedSymbols, Gist, ImageFile, Latent, Subject, Symbols

GIST = Gist(
    ("a red bicycle leaning on a wall",),
    (512, 384),
    Latent("photo", bytes(range(1, 60))),
    Subject("image/webp", bytes(range(200)) * 2, (10, 20, 100, 200)),
)
ROOM = 2000


def test_the_blocks_are_the_packet_cut_at_the_borders_of_its_layers() -> None:
    layers = layers_of(pack(GIST))
    assert b"".join(layers) == pack(GIST)
    assert [layer_name(layer_kind(layer)) for layer in layers[1:]] == ["latent", "subject"]


@pytest.mark.parametrize("rounds", [0, 2])
def test_a_whole_gist_comes_back(rounds: int) -> None:
    came = over(Awgn(20.0), pack(GIST), (8, 4, 0), room=ROOM, seed=(1,), rounds=rounds)
    assert came.gist == GIST
    assert (came.lost, came.uses, came.rounds) == ((), ROOM, 0)


def test_a_lost_layer_is_named_and_the_others_are_used() -> None:
    """0 dB carry the caption and the latent, not 3,300 bits of subject in 713 uses."""
    came = over(Awgn(0.0), pack(GIST), (8, 2, 0), room=ROOM, seed=(1,))
    assert came.gist is not None
    assert (came.gist.captions, came.gist.latent, came.gist.subject) == (GIST.captions, GIST.latent, None)
    assert came.gist.damaged == {"subject"}
    assert came.lost == ("subject",)


def test_without_the_first_block_nothing_is_known() -> None:
    came = over(Awgn(10.0, gain=0), pack(GIST), (8, 4, 0), room=ROOM, seed=(1,))
    assert (came.gist, came.lost) == (None, ())


def test_a_packet_that_is_not_whole_is_not_sent() -> None:
    payload = bytearray(pack(GIST))
    payload[10] ^= 1
    with pytest.raises(PacketError):
        over(Awgn(20.0), bytes(payload), (8, 4, 0), room=ROOM, seed=(1,))


@dataclass(frozen=True)
class Forged(Awgn):
    """A channel on which somebody else's frame arrives."""

    frame: Symbols | None = None

    def carry(self, symbols: Symbols, *, seed: int | tuple[int, ...], points: int = 0) -> ArrivedSymbols:
        assert self.frame is not None
        noise = np.full(self.frame.size, 1e-3, np.float32)
        return ArrivedSymbols(self.frame[: symbols.size], noise[: symbols.size], symbols.size)


@pytest.mark.parametrize("order", [(0, 2, 1), (0, 1, 1)])
def test_whole_layers_that_make_no_packet_are_lost(order: tuple[int, ...]) -> None:
    gist = Gist(("a red bicycle",), (96, 96), latent=Latent("photo", b"x" * 20), file=ImageFile("image/png", b"y" * 20))
    layers = layers_of(pack(gist))
    blocks = [
        Block(layers[place], layer_kind(layers[place]) if at else 0, share)
        for at, (place, share) in enumerate(zip(order, (6, 2, 0), strict=True))
    ]
    link = Forged(30.0, frame=framed(blocks, 1000).symbols)
    came = over(link, pack(gist), [6, 2, 0], room=1000, seed=(1,))
    assert came.gist is not None
    assert came.gist.caption == "a red bicycle"
    assert not came.gist.layers
    assert len(came.lost) == 2


@pytest.mark.parametrize("rounds", [0, 1, 4])
def test_blocks_that_were_never_sent_are_not_sent_again(rounds: int) -> None:
    packet = pack(Gist(("a red bicycle",), (96, 96)))
    forged = [Block(packet, 0, 6), Block(b"junk" * 5, 2, 2), Block(b"junk" * 5, 5, 0)]
    link = Forged(30.0, frame=framed(forged, 1000).symbols)
    came = over(link, packet, [0], room=1000, seed=(1,), rounds=rounds)
    assert came.gist is not None
    assert came.rounds == 0
