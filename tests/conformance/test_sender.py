"""What every system that sends pictures over a radio must do."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gistchain.collection.known import nouns
from gistchain.errors import LinkError
from gistchain.link.channel import Awgn, open_link
from gistchain.senders import SENDERS, sender
from gistchain.types import Conditions, Picture, Prepared, Sender

CLEAR = Conditions("awgn", 20.0, 2048)


@pytest.fixture(scope="module")
def noun() -> Picture:
    token = nouns.tokens(nouns.sample(1, rng=np.random.default_rng(21), held=False)).image(0)
    pixels = np.asarray(Image.fromarray(token).resize((160, 160), Image.Resampling.NEAREST))
    return Picture(pixels, bytes(range(32)), (160, 160), "a noun")


# What was published takes 262,298 uses of AWGN, whatever it is given: tests/sending/test_literal.py.
@pytest.fixture(scope="module", params=[name for name in SENDERS if name != "img2img_sc_literal"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def prepared(name: str, noun: Picture) -> Prepared:
    found = sender(name)
    assert isinstance(found, Sender)
    return found.prepare(noun)


def test_over_a_clear_channel_a_recognisable_picture_arrives(name: str, prepared: Prepared, noun: Picture) -> None:
    assert isinstance(prepared, Prepared)
    sent = prepared.send(open_link("awgn", 20.0), CLEAR, seed=(1,))
    assert sent.picture is not None
    assert (sent.picture.shape, sent.picture.dtype) == (noun.pixels.shape, np.uint8)
    # Texts of quarters tell colours by their names, of which there are few; a network smooths what is drawn.
    assert np.abs(sent.picture.astype(int) - noun.pixels).mean() < {
        "multi_sc": 20,
        "deep_jscc": 15,
        "deep_jscc_19db": 15,
    }.get(name, 12)
    assert sent.lost == ()
    assert 0 < sent.uses <= CLEAR.budget
    assert sum(block.uses for block in sent.blocks) + sent.start_uses == sent.uses


def test_the_same_seed_gives_the_same_and_another_one_other_noise(prepared: Prepared) -> None:
    link, conditions = open_link("awgn", 6.0), Conditions("awgn", 6.0, 1024)
    first, again = (prepared.send(link, conditions, seed=(4,)) for _ in range(2))
    other = prepared.send(link, conditions, seed=(5,))
    assert other.uses == first.uses
    assert first.caption == again.caption
    assert np.array_equal(first.picture, again.picture) if first.picture is not None else again.picture is None


def test_over_a_dead_channel_nothing_is_certain(prepared: Prepared) -> None:
    sent = prepared.send(Awgn(10.0, gain=0), Conditions("awgn", 10.0, 1024), seed=(1,))
    assert not sent.certain
    if sent.gist is None:
        assert sent.picture is None
        assert sent.lost


def test_too_few_uses_are_refused_and_the_error_says_so(prepared: Prepared) -> None:
    with pytest.raises(LinkError, match=r"few|small"):
        prepared.send(open_link("awgn", 0.0), Conditions("awgn", 0.0, 50), seed=(1,))


@pytest.mark.parametrize("channel", ["rayleigh-block", "rayleigh-fast"])
def test_it_sends_over_fading_channels_too(prepared: Prepared, channel: str) -> None:
    link = open_link(channel, 25.0, pilots=4 if channel == "rayleigh-block" else 0)
    conditions = Conditions(channel, 25.0, 2048)  # type: ignore[arg-type]
    sent = [prepared.send(link, conditions, seed=(seed,)) for seed in range(3)]
    assert any(one.picture is not None for one in sent)
    assert all(one.uses <= 2048 for one in sent)


def test_a_sender_that_is_wrong_about_the_channel_loses_something_and_says_what(name: str, prepared: Prepared) -> None:
    """Planned for 12 dB, sent at 1: what is certain is what was sent, and what is not there is named."""
    clear = prepared.send(open_link("awgn", 60.0), Conditions("awgn", 12.0, 1024), seed=(2,)).gist
    if name.startswith("deep_jscc"):  # it has no gist, and nothing of it is ever certain
        assert clear is None
        assert not prepared.send(open_link("awgn", 1.0), Conditions("awgn", 12.0, 1024), seed=(0,)).certain
        return
    assert clear is not None
    for seed in range(4):
        sent = prepared.send(open_link("awgn", 1.0), Conditions("awgn", 12.0, 1024), seed=(seed,))
        if not sent.certain:
            continue
        assert sent.gist is not None
        assert sent.gist.damaged == set(sent.lost)
        sent_texts = ["caption" if k == 1 else f"caption {k}" for k in range(1, len(clear.captions) + 1)]
        came = [text for layer, text in zip(sent_texts, clear.captions, strict=True) if layer not in sent.lost]
        assert list(sent.gist.captions) == came
        for layer in ("latent", "subject", "residual", "file"):
            there = getattr(sent.gist, layer)
            assert there == getattr(clear, layer) or layer in sent.lost
