"""layers.vy reads of a packet what Python reads, and its tables are the package's."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gistchain.colours import _SYNONYMS, COLOURS
from gistchain.errors import PacketError
from gistchain.gist.header import SIZES
from gistchain.gist.packet import unpack
from tests.ledger.machines import Machine
from tests.ledger.token_scene import DICTIONARY, EXACT, PLAIN, THUMB8, Scene, packet
from tests.ledger.vypers import source_of

SLOW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module")
def scene(machine: Machine) -> Scene:
    return Scene(machine)


layers = st.tuples(st.sampled_from([PLAIN, DICTIONARY, THUMB8, 0x33, EXACT, 0x51, 0x61, 0]), st.binary(max_size=30))


@SLOW
@given(
    parts=st.lists(layers, min_size=1, max_size=5),
    size=st.one_of(st.sampled_from(SIZES), st.tuples(st.integers(1, 65535), st.integers(1, 65535))),
    end=st.integers(0, 6),
    flip=st.one_of(st.none(), st.integers(0, 40)),
)
def test_whatever_python_reads_the_contract_reads_alike(
    scene: Scene, parts: list[tuple[int, bytes]], size: tuple[int, int], end: int, flip: int | None
) -> None:
    made = bytearray(packet(size, *parts))
    if flip is not None:
        made[flip % len(made)] ^= 1 << flip % 8
    gist = bytes(made[: len(made) - end])
    try:
        wanted = unpack(gist)
    except PacketError:
        wanted = None
    done = scene.machine.call(scene.pictures.address, scene.pictures.data("layersOf", gist))
    if wanted is None:
        return  # the contract reads more: it computes no checks
    assert done.ok, done.reason
    width, height, captions, caption, latent, subject, exact, file, *box = scene.pictures.decoded(
        "layersOf", done.output
    )
    assert ((width, height), captions) == (wanted.size, len(wanted.captions))
    for place, layer in (
        (latent, wanted.latent),
        (subject, wanted.subject),
        (exact, wanted.residual),
        (file, wanted.file),
    ):
        assert gist[place[1] : place[1] + place[2]] == (layer.data if layer else b"")
    if wanted.subject:
        assert tuple(box) == wanted.subject.box
    if wanted.captions and caption[0] == 0:
        assert gist[caption[1] : caption[1] + caption[2]] == wanted.captions[0].encode()


def test_the_tables_in_the_sources_are_those_of_the_package() -> None:
    rows = {
        keccak(name.encode().rjust(32, b"\0"))[:3]: bytes(COLOURS[_SYNONYMS.get(name, name)])
        for name in (*COLOURS, *_SYNONYMS)
    }
    assert b"".join(key + rows[key] for key in sorted(rows)).hex() in source_of("card")
    assert b"".join(side.to_bytes(2) for size in SIZES for side in size).hex() in source_of("layers")
