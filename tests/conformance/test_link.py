"""What every Link must do, on each channel."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.errors import LinkError, SettingError
from gistchain.link.channel import CHANNELS, Awgn, Parallel, RayleighBlock, RayleighFast, open_link
from gistchain.link.modem import BITS
from gistchain.link.snr import normalised
from gistchain.types import Link, ModulationName, Segment, Symbols

LINKS: list[Link] = [
    *(open_link(name, 8) for name in CHANNELS),
    open_link("rayleigh-block", 8, pilots=3),
    Awgn(8, gain=0.3 - 0.4j),
    RayleighBlock(8, block_uses=16),
    RayleighBlock(8, block_uses=16, pilots=2),
    Parallel((Awgn(0), RayleighFast(20), RayleighBlock(8, block_uses=5, pilots=1))),
]


@pytest.fixture(params=LINKS, ids=lambda link: link.name)
def link(request: pytest.FixtureRequest) -> Link:
    found: Link = request.param
    return found


def analogue(count: int, seed: int = 0) -> Symbols:
    parts = np.random.default_rng(seed).standard_normal((2, count))
    return normalised(parts[0] + 1j * parts[1])[0]


def segment(count: int, modulation: ModulationName = "qpsk", seed: int = 0) -> Segment:
    return Segment(np.random.default_rng(seed).integers(0, 2, count, np.uint8), modulation)


def test_it_is_a_link(link: Link) -> None:
    assert isinstance(link, Link)
    assert "dB" in link.name


def test_bits_come_back_as_soft_values_that_lean_towards_them(link: Link) -> None:
    sent = [segment(240 * BITS[name], name) for name in BITS]
    arrived = link.carry_bits(sent, seed=1)
    assert arrived.uses == link.uses(5 * 240)
    for one, llrs in zip(sent, arrived.llrs, strict=True):
        assert (llrs.shape, llrs.dtype) == (one.bits.shape, np.float32)
        assert np.isfinite(llrs).all()
    leaning = np.concatenate([np.where(one.bits, -llrs, llrs) for one, llrs in zip(sent, arrived.llrs, strict=True)])
    assert leaning.mean() > 0


def test_symbols_come_back_with_noise_of_the_variance_that_is_stated(link: Link) -> None:
    sent = analogue(30_000)
    arrived = link.carry(sent, seed=2)
    assert (arrived.symbols.shape, arrived.symbols.dtype) == (sent.shape, np.complex64)
    assert (arrived.noise_variance.shape, arrived.noise_variance.dtype) == (sent.shape, np.float32)
    assert (arrived.noise_variance > 0).all()
    assert arrived.uses == link.uses(sent.size)


def test_noise_depends_on_the_seed_and_not_on_what_is_sent_or_how_much(link: Link) -> None:
    long, short = analogue(400), normalised(analogue(400)[:150])[0]
    whole, again = link.carry(long, seed=(7, 1)), link.carry(long, seed=(7, 1))
    assert (whole.symbols == again.symbols).all()
    part = link.carry(short, seed=(7, 1))
    assert (part.noise_variance == whole.noise_variance[:150]).all()
    assert not (link.carry(long, seed=(7, 2)).symbols == whole.symbols).any()
    assert not (link.carry(long, seed=7).symbols == whole.symbols).any()


def test_uses_and_room_agree(link: Link) -> None:
    for uses in range(90):
        room = link.room(uses)
        assert 0 <= room <= uses
        assert room == 0 or link.uses(room) <= uses
        assert link.uses(room + 1) > uses


def test_what_cannot_be_sent_is_refused(link: Link) -> None:
    empty = np.zeros(0, np.complex64)
    loud, silent = 2 * analogue(64), np.zeros(64, np.complex64)
    broken = analogue(64).copy()
    broken[3] = complex(np.nan, 0)
    for frame in (empty, loud, silent, broken):
        with pytest.raises(LinkError):
            link.carry(frame, seed=0)
    half, two = segment(63), Segment(np.full(64, 2, np.uint8), "qpsk")
    for segments in ([], [segment(0)], [half], [two]):
        with pytest.raises(LinkError):
            link.carry_bits(segments, seed=0)
    with pytest.raises(SettingError, match="modulation"):
        link.carry_bits([Segment(segment(64).bits, "32apsk")], seed=0)  # type: ignore[arg-type]
    for seed in (-1, (), (1, -1), 0.5):
        with pytest.raises(SettingError, match="seed"):
            link.carry_bits([segment(64)], seed=seed)  # type: ignore[arg-type]
