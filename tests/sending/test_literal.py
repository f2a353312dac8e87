"""Img2Img-SC as published: how many uses it takes, which bits it loses, and what its repair leaves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from gistchain.errors import CaptionError, LinkError, RebuildError, SettingError
from gistchain.link.channel import Awgn, open_link
from gistchain.link.errorrates import published_bit_flip_rate
from gistchain.link.snr import es_n0_db
from gistchain.senders import sender
from gistchain.sending.literal import SIDE, TEXT_BYTES, PreparedLiteral, flipped, repaired
from gistchain.systems import fidelity
from gistchain.types import Conditions, Picture
from tests.support.pictures import picture

USES = 262_298


@pytest.fixture(scope="module")
def scene() -> Picture:
    return picture(2)


@pytest.fixture(scope="module")
def prepared(scene: Picture) -> PreparedLiteral:
    made = sender("img2img_sc_literal").prepare(scene)
    assert isinstance(made, PreparedLiteral)
    return made


def conditions(snr_db: float, budget: int = USES) -> Conditions:
    return Conditions("awgn", snr_db, budget)


def test_it_takes_the_uses_that_its_payload_has_in_16_qam(prepared: PreparedLiteral) -> None:
    """T2.1: 616 bits of text and 4 x 64 x 64 numbers of 64 bits, four bits a use."""
    sent = prepared.send(Awgn(30.0), conditions(30.0), seed=(1,))
    assert sent.uses == (8 * 77 + 64 * 4 * 64 * 64) / 4 == USES
    with pytest.raises(LinkError, match=f"{USES:,}"):
        prepared.send(Awgn(30.0), conditions(30.0, USES - 1), seed=(1,))


def test_over_a_clear_channel_only_the_repair_spoils_the_latent(prepared: PreparedLiteral, scene: Picture) -> None:
    sent = prepared.send(Awgn(40.0), conditions(40.0), seed=(1,))
    assert sent.picture is not None
    assert sent.picture.shape == scene.pixels.shape
    assert not sent.certain
    decoded = prepared.sender.painter.space.pixels_of(prepared.latent)
    assert decoded.shape == (SIDE, SIDE, 3)
    small = np.asarray(Image.fromarray(decoded).resize(scene.size, Image.Resampling.LANCZOS))
    apart = np.abs(small.astype(int) - sent.picture)
    assert 0 < apart.mean() < 4  # numbers below .01 were replaced
    again = prepared.send(Awgn(40.0), conditions(40.0), seed=(1,)).picture
    assert np.array_equal(sent.picture, again)  # type: ignore[arg-type]


def test_the_cliff_is_where_the_published_rate_has_it(prepared: PreparedLiteral, scene: Picture) -> None:
    """The paper's 10 and 5 dB are Eb/N0, 16 and 11 dB of ours (T2.3)."""

    def reached(eb_n0: float) -> float:
        snr_db = es_n0_db(eb_n0, 4)
        sent = prepared.send(Awgn(snr_db), conditions(snr_db), seed=(3,))
        return 0.0 if sent.picture is None else fidelity(scene.pixels, sent.picture)

    poor, fair, good = map(reached, (0.0, 5.0, 15.0))
    assert poor < fair < good


@pytest.mark.parametrize("eb_n0", [0.0, 5.0, 10.0])
def test_bits_are_flipped_at_the_published_rate(eb_n0: float) -> None:
    rate, count = published_bit_flip_rate(eb_n0), 1 << 20
    turned = int(flipped(bytes(count // 8), rate, np.random.RandomState(5)).sum())
    assert abs(turned - count * rate) < 4 * math.sqrt(count * rate * (1 - rate))


def test_the_repair_puts_noise_where_no_number_of_a_latent_can_be() -> None:
    """T2.4: NaN, infinity, what is beyond 10, and small numbers, which were sound."""
    values = np.array([np.nan, np.inf, -np.inf, 10.5, -1e300, 0.005, 0.0, 0.5, -9.9])
    back = repaired(values, np.random.RandomState(1))
    assert back[-2:].tolist() == pytest.approx([0.5, -9.9])
    assert np.isfinite(back).all()
    assert (np.abs(back[:7]) < 6).all()
    assert len(set(back[:7].tolist())) == 7


def test_what_was_not_published_is_refused(prepared: PreparedLiteral) -> None:
    with pytest.raises(LinkError, match="AWGN alone"):
        prepared.send(open_link("rayleigh-block", 20.0), Conditions("rayleigh-block", 20.0, USES), seed=(1,))
    with pytest.raises(RebuildError, match="punks and Nouns"):
        sender("img2img_sc_literal", strength=0.5).prepare(picture(2)).send(Awgn(40.0), conditions(40.0), seed=(1,))
    with pytest.raises(SettingError, match="rounds"):
        prepared.send(Awgn(20.0), conditions(20.0), seed=(1,), rounds=1)


def test_the_text_has_77_characters_of_ascii(scene: Picture) -> None:
    made = sender("img2img_sc_literal", caption="x" * 100).prepare(scene)
    assert made.send(Awgn(40.0), conditions(40.0), seed=(1,)).caption == "x" * TEXT_BYTES
    with pytest.raises(CaptionError, match="ASCII"):
        sender("img2img_sc_literal", caption="ein Mädchen").prepare(scene)
