"""Texts of several pieces as one: no phrase is lost, places are kept, and what is damaged is put to a vote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.gist.correct import known
from gistchain.gist.fusion import PieceText, fused, phrases
from gistchain.gist.softtext import Word
from gistchain.link.channel import Awgn
from gistchain.sending.text import hard_text
from gistchain.types import Segment

CAPTIONS = [
    line.split("\t")[1]
    for line in Path("benchmarks/link_captions.tsv").read_text("utf-8").splitlines()
    if line.split("\t")[1].isascii()
]
SHAPES = {1: (1, 1), 2: (2, 1), 4: (2, 2), 9: (3, 3)}


def over_the_air(text: str, snr_db: float, seed: int) -> str:
    """As eight bits a character in 16-QAM, read by hard decisions."""
    bits = np.unpackbits(np.frombuffer(text.encode("ascii"), np.uint8))
    return hard_text(Awgn(snr_db).carry_bits([Segment(bits, "16qam")], seed=seed).llrs[0], padded=False)


def test_no_phrase_is_lost_that_one_text_had_right_and_intact_in_500_cases() -> None:
    rng = np.random.default_rng(0)
    damaged = 0
    for case in range(500):
        count = int(rng.choice([2, 4, 9]))
        sent = [CAPTIONS[k] for k in rng.integers(0, len(CAPTIONS), count)]
        # Neighbouring pieces say the same often enough, so that there is something to vote on.
        sent = [sent[k - 1] if k and rng.random() < 0.4 else text for k, text in enumerate(sent)]
        snr_db = float(rng.choice([12.0, 14.0, 16.0, 18.0]))
        came = [over_the_air(text, snr_db, 1000 * case + k) for k, text in enumerate(sent)]
        told = fused([PieceText.judged(text, known) for text in came], *SHAPES[count])
        said = told.caption.casefold()
        for number, (meant, text) in enumerate(zip(sent, came, strict=True)):
            right = [phrase for phrase in phrases(text) if phrase in phrases(meant)]
            damaged += text != meant
            for phrase in right:
                assert phrase.casefold() in said, (case, phrase, told.caption)
                assert phrase in told.texts[number]
    assert damaged > 500


def test_a_vote_mends_most_of_what_a_channel_spoilt_in_one_of_four_equal_texts() -> None:
    rng, before, after = np.random.default_rng(1), 0, 0
    for case in range(60):
        text = CAPTIONS[int(rng.integers(len(CAPTIONS)))]
        came = [over_the_air(text, 15.0, 100 * case + k) for k in range(4)]
        told = fused([PieceText.judged(one, known) for one in came], 2, 2)
        before += sum(a != b for one in came for a, b in zip(one, text, strict=True))
        after += sum(a != b for one in told.texts for a, b in zip(one, text, strict=True))
    assert before > 200
    assert after < 0.4 * before


@given(st.lists(st.one_of(st.none(), st.text(max_size=40)), min_size=4, max_size=4))
@settings(deadline=None)
def test_what_a_check_confirms_is_never_changed(texts: list[str | None]) -> None:
    told = fused([None if text is None else PieceText.checked(text) for text in texts], 2, 2)
    assert told.texts == tuple(text or "" for text in texts)
    for text in texts:
        for phrase in phrases(text or ""):
            assert phrase.casefold() in told.caption.casefold()


def test_phrases_of_several_pieces_are_said_once_and_keep_their_places() -> None:
    texts = ["a photo, blue sky", "a photo, blue sky", "a photo, a dog", "a photo, grass, a ball"]
    told = fused([PieceText.checked(text) for text in texts], 2, 2)
    assert told.caption == "a photo; top: blue sky; bottom left: a dog; bottom right: grass, a ball"


def test_one_text_stays_as_it_is() -> None:
    text = "A picture of CryptoPunks, containing female type, dark skin. And more"
    assert fused([PieceText.checked(text)], 1, 1).caption == text


def test_a_doubtful_word_is_replaced_by_one_that_the_channel_can_have_made_it_of() -> None:
    sure, doubtful = Word("castle,", 1.0), Word("caqtle,", 0.1)
    told = fused([PieceText((sure,)), PieceText((doubtful,))], 2, 1)
    assert told.texts == ("castle,", "castle,")


@pytest.mark.parametrize(("word", "sure"), [("cattle", 1.0), ("castles", 0.1), ("cas", 0.1), ("window", 0.1)])
def test_a_word_that_is_sure_of_another_length_or_too_far_away_stays(word: str, sure: float) -> None:
    told = fused([PieceText((Word("castle", 1.0),)), PieceText((Word(word, sure),))], 2, 1)
    assert told.texts[1] == word


def test_a_rare_word_is_not_taken_for_a_common_one_that_stands_among_others() -> None:
    texts = ["a man at the Bern gate", "a fern in the pot"]
    told = fused([PieceText.judged(text, lambda word: word != "Bern") for text in texts], 2, 1)
    assert told.texts == tuple(texts)


def test_texts_that_are_all_lost_say_nothing() -> None:
    assert fused([None] * 4, 2, 2).caption == ""
