"""Packets over a link: whole layers are used, lost ones named."""

from __future__ import annotations

import pytest

from gistchain.errors import PacketError
from gistchain.gist.packet import layer_kind, layer_name, pack
from gistchain.link.channel import Awgn
from gistchain.sending.air import layers_of, over
from gistchain.types import Gist, Latent, Subject

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
