"""Text as the papers send it, uncoded."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.errors import CaptionError, LinkError
from gistchain.link.channel import Awgn
from gistchain.sending.text import Reading, TextOnly, ascii_bytes
from gistchain.types import Conditions, Described, Gist, Picture, Pixels

PICTURE = Picture(np.zeros((8, 8, 3), np.uint8), bytes(32), (8, 8), "a picture")
SHOWN = np.full((8, 8, 3), 7, np.uint8)


def text_sender(caption: str, reading: Reading = "soft") -> TextOnly:
    def painted(gist: Gist) -> Pixels | None:
        return SHOWN if gist.caption else None

    return TextOnly(lambda picture: Described(Gist((caption,), picture.size), 1.0), painted, reading)


@pytest.mark.parametrize("reading", ["soft", "hard"])
def test_a_text_comes_back_and_is_never_certain(reading: Reading) -> None:
    sent = (
        text_sender("a red bicycle", reading)
        .prepare(PICTURE)
        .send(Awgn(30.0), Conditions("awgn", 30.0, 200), seed=(1,))
    )
    assert (sent.caption, sent.certain, sent.uses) == ("a red bicycle", False, 200)
    assert sent.picture is SHOWN


def test_soft_reading_still_reads_where_hard_decisions_do_not() -> None:
    caption, conditions = "a red bicycle leaning on a wall", Conditions("awgn", 9.0, 200)
    read = {
        reading: [
            text_sender(caption, reading).prepare(PICTURE).send(Awgn(9.0), conditions, seed=(s,)).caption
            for s in range(12)
        ]
        for reading in ("soft", "hard")
    }
    assert read["soft"].count(caption) >= 9 > 2 >= read["hard"].count(caption)


def test_ascii_refuses_what_it_can_not_write_and_says_what() -> None:
    with pytest.raises(CaptionError, match="'é', which ASCII can't write"):
        text_sender("a café").prepare(PICTURE)
    with pytest.raises(CaptionError, match="600 characters"):
        ascii_bytes("x" * 600)


def test_a_budget_below_the_text_says_what_is_needed() -> None:
    with pytest.raises(LinkError, match="needs 26"):
        text_sender("a red bicycle").prepare(PICTURE).send(Awgn(9.0), Conditions("awgn", 9.0, 25), seed=(1,))


def test_nothing_read_is_no_picture() -> None:
    sent = text_sender("").prepare(PICTURE).send(Awgn(40.0), Conditions("awgn", 40.0, 60), seed=(1,))
    assert (sent.caption, sent.picture) == ("", None)
