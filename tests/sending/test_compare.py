"""What a comparison sends, and what it makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.errors import SettingError
from gistchain.link.channel import Awgn
from gistchain.sending.compare import Compared, Terms, compared, means
from gistchain.sending.restart import few, restarted
from gistchain.sending.text import TextOnly
from gistchain.types import Described, Gist, Picture, Pixels, Sender

PICTURE = Picture(np.zeros((16, 16, 3), np.uint8), bytes(32), (16, 16), "a picture")


def fidelity(picture: Pixels, back: Pixels) -> float:
    return 1 - float(np.abs(picture.astype(int) - back).mean()) / 255


def text_sender(caption: str, grey: int = 0) -> Sender:
    """Whatever arrives is seen as so much grey."""
    return TextOnly(
        lambda picture: Described(Gist((caption,), picture.size), 1.0),
        lambda gist: np.full((16, 16, 3), grey, np.uint8),
    )


def test_each_pair_of_snr_and_budget_is_sent_once() -> None:
    terms = Terms("awgn", (0.0, 10.0), 100, 10.0, (400, 100, 50))
    assert terms.points == [(0.0, 100), (10.0, 100), (10.0, 50), (10.0, 400)]
    assert terms.curve == [(10.0, 50), (10.0, 100), (10.0, 400)]
    assert Terms("awgn", (0.0,), 100, 0.0).curve == []


def test_a_picture_that_one_system_can_not_prepare_is_refused_there_alone() -> None:
    def thin(picture: Picture) -> Described:
        raise SettingError("a picture of 1 x 5 pixels has no 4 pieces")

    senders = {"pieces": TextOnly(thin, lambda gist: None), "text": text_sender("a red bicycle")}
    rows = list(compared([PICTURE], senders, Terms("awgn", (30.0,), 100, 30.0), link=Awgn, fidelity=fidelity))
    assert [(row.system, row.refused) for row in rows] == [
        ("pieces", "a picture of 1 x 5 pixels has no 4 pieces"), ("text", ""),
    ]  # fmt: skip


def test_a_mean_is_of_one_system_snr_and_budget_and_counts_what_was_refused_as_nothing() -> None:
    terms = Terms("awgn", (30.0,), 100, 30.0, (10, 200), seeds=2)
    senders = {"short": text_sender("a red bicycle"), "long": text_sender("a red bicycle " * 6)}
    rows = list(compared([PICTURE], senders, terms, link=Awgn, fidelity=fidelity))
    assert len(rows) == 2 * 3 * 2
    found = {(mean.system, mean.budget): mean for mean in means(rows)}
    assert {key for key, mean in found.items() if mean.uses is None} == {("short", 10), ("long", 10), ("long", 100)}
    assert found["long", 100].fidelity == found["long", 100].arrived == 0
    assert (found["long", 200].fidelity, found["long", 200].uses, found["long", 200].count) == (1.0, 200.0, 2)
    assert all("too few" in row.refused for row in rows if row.sent is None)


def test_what_is_prepared_already_is_not_prepared_again() -> None:
    ready = text_sender("what is ready").prepare(PICTURE)
    senders = {"text": text_sender("what is not")}
    rows: list[Compared] = list(
        compared(
            [PICTURE, PICTURE], senders, Terms("awgn", (40.0,), 100, 40.0), link=Awgn, fidelity=fidelity,
            ready={"text": ready},
        )
    )  # fmt: skip
    assert [row.sent and row.sent.caption for row in rows] == ["what is ready", "what is not"]


def test_each_strength_is_sent_at_each_snr() -> None:
    found = list(
        restarted(
            PICTURE, lambda strength: text_sender("a red bicycle", round(255 * strength)), [0.0, 1.0],
            Terms("awgn", (20.0, 30.0), 100, 20.0), snrs_db=[20.0, 30.0], link=Awgn, fidelity=fidelity,
        )
    )  # fmt: skip
    assert [(one.strength, one.snr_db, one.fidelity) for one in found] == [
        (0.0, 20.0, 1.0), (0.0, 30.0, 1.0), (1.0, 20.0, 0.0), (1.0, 30.0, 0.0),
    ]  # fmt: skip
    refused = list(
        restarted(
            PICTURE, lambda _: text_sender("na\u00efve"), [0.5], Terms("awgn", (20.0,), 100, 20.0), snrs_db=[20.0],
            link=Awgn, fidelity=fidelity,
        )
    )  # fmt: skip
    assert "ASCII" in refused[0].refused


@pytest.mark.parametrize(
    ("snrs", "most", "kept"),
    [
        ([3.0], 5, [3.0]),
        ([5.0, 0.0], 5, [0.0, 5.0]),
        (list(range(11)), 5, [0, 2, 5, 8, 10]),
        (list(range(100)), 2, [0, 99]),
    ],
)
def test_a_few_are_spread_over_all(snrs: list[float], most: int, kept: list[float]) -> None:
    assert few(snrs, most) == kept
