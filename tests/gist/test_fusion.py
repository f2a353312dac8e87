"""Texts of several pieces as one: no phrase is lost, places are kept, and what is damaged is put to a vote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.errors import SettingError
from gistchain.gist.correct import known
from gistchain.gist.fusion import PieceText, fused, phrases
from gistchain.gist.softtext import Word
from gistchain.link.channel import Awgn
from gistchain.sending.text import character_chances
from gistchain.types import Segment

CAPTIONS = [
    line.split("\t")[1]
    for line in Path("benchmarks/link_captions.tsv").read_text("utf-8").splitlines()
    if line.split("\t")[1].isascii()
]
SHAPES = {1: (1, 1), 2: (2, 1), 4: (2, 2), 9: (3, 3)}


def over_the_air(text: str, snr_db: float, seed: int) -> PieceText:
    """As eight bits a character in 16-QAM, read by hard decisions."""
    bits = np.unpackbits(np.frombuffer(text.encode("ascii"), np.uint8))
    llrs = Awgn(snr_db).carry_bits([Segment(bits, "16qam")], seed=seed).llrs[0]
    data = np.packbits(llrs < 0).tobytes()
    read = "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in data)
    return PieceText.judged(read, known, character_chances(llrs))


def told_phrases(caption: str) -> set[str]:
    """Those of a fused text, without their places."""
    parts = [part.split(": ", 1)[-1] for part in caption.split("; ")]
    return {phrase.casefold() for part in parts for phrase in phrases(part)}


def varied(text: str, rng: np.random.Generator) -> str:
    """The text with one letter turned into another that one wrong bit makes of it: mostly a word that nobody knows."""
    places = [k for k, letter in enumerate(text) if letter.islower()]
    for k in rng.permutation(places):
        other = chr(ord(text[k]) ^ 1 << int(rng.integers(5)))
        if other.islower():
            return text[:k] + other + text[k + 1 :]
    return text


def test_no_phrase_is_lost_that_one_text_had_right_and_intact_in_500_cases() -> None:
    """Among them rare words that differ by one bit from what another piece has in the same place."""
    rng = np.random.default_rng(0)
    damaged = rare = 0
    for case in range(500):
        count = int(rng.choice([2, 4, 9]))
        sent = [CAPTIONS[k] for k in rng.integers(0, len(CAPTIONS), count)]
        # Neighbouring pieces say the same often enough, so that there is something to vote on.
        sent = [sent[k - 1] if k and rng.random() < 0.4 else text for k, text in enumerate(sent)]
        if case % 2:
            sent[1] = varied(sent[0], rng)
            rare += not all(known(word) for word in sent[1].split(" "))
        snr_db = float(rng.choice([12.0, 14.0, 16.0, 18.0, 30.0]))
        came = [over_the_air(text, snr_db, 1000 * case + k) for k, text in enumerate(sent)]
        told = fused(came, *SHAPES[count])
        said = told_phrases(told.caption)
        for number, (meant, text) in enumerate(zip(sent, came, strict=True)):
            right = [phrase for phrase in phrases(text.text) if phrase in phrases(meant)]
            damaged += text.text != meant
            for phrase in right:
                assert phrase.casefold() in said, (case, phrase, told.caption)
                assert phrase in phrases(told.texts[number])
    assert damaged > 500
    assert rare > 150


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a bowl of sushi on a table", "a bowl of fruit on a table"),
        ("a shelf of books in a room", "a shelf of boots in a room"),
        ("a red hose on grass", "a red rose on grass"),
        ("the herd of cows", "the head of cows"),
        ("a red pen on grass", "a red hen on grass"),
    ],
)
def test_a_word_of_letters_stays_whatever_others_say(one: str, other: str) -> None:
    texts = [one, other]
    for nobody_knows in (known, lambda word: word in other):
        told = fused([PieceText.judged(text, nobody_knows) for text in [*texts, other, other]], 2, 2)
        assert told.texts == (one, other, other, other)


def test_a_vote_mends_some_of_what_a_channel_spoilt_in_one_of_four_equal_texts() -> None:
    rng, before, after = np.random.default_rng(1), 0, 0
    for case in range(60):
        text = CAPTIONS[int(rng.integers(len(CAPTIONS)))]
        came = [over_the_air(text, 15.0, 100 * case + k) for k in range(4)]
        told = fused(came, 2, 2)
        before += sum(a != b for one in came for a, b in zip(one.text, text, strict=True))
        after += sum(a != b for one in told.texts for a, b in zip(one, text, strict=True))
    assert before > 200
    assert after < 0.8 * before


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
    sure, doubtful = PieceText((Word("castle,", 1.0),)), PieceText((Word("c!stle,", 0.1),))
    assert fused([sure, doubtful], 2, 1).texts == ("castle,", "castle,")


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


def test_as_many_texts_as_pieces_are_fused() -> None:
    with pytest.raises(SettingError, match="3 texts are not those of 2 x 2 pieces"):
        fused([None] * 3, 2, 2)


def test_a_full_stop_of_an_abbreviation_ends_no_phrase() -> None:
    assert phrases("St. John stands, 3.5 m tall; he smiles. A dog runs.") == [
        "St. John stands", "3.5 m tall", "he smiles", "A dog runs",
    ]  # fmt: skip


def test_long_texts_are_left_as_they_are() -> None:
    long = PieceText((Word("c!stle", 0.1),) * 100)
    assert fused([long, PieceText((Word("castle", 1.0),) * 100)], 2, 1).texts[0] == long.text
