"""The benchmarks of the link's text: what they sum up is what sacrebleu says, and their rivals do what they can."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from benchmarks import link_joint, link_text, spelling
from benchmarks.clean_texts import clean_texts
from benchmarks.link_captions import captions
from gistchain.link.channel import Awgn
from gistchain.types import Segment

TEXTS = [text for _, text in captions()[::25]]
DAMAGED = [text.replace("e", "o", 4).replace(",", "", 1) for text in TEXTS]


def test_bleu_of_summed_statistics_is_that_of_the_corpus() -> None:
    expected = BLEU().corpus_score(DAMAGED, [TEXTS]).score
    assert link_text._bleu(link_text._stats(DAMAGED, TEXTS)) == pytest.approx(expected)
    assert 20 < expected < 95


def test_where_a_curve_reaches_75_is_between_two_points_of_the_grid() -> None:
    worse, better = (link_text._stats(said, TEXTS) for said in (DAMAGED, TEXTS))
    low = link_text._bleu(worse)
    found = link_text._at_target([{0: worse, 2: better}], np.arange(len(TEXTS)))
    assert found == pytest.approx(2 * (75 - low) / (100 - low))
    assert math.isnan(link_text._at_target([{0: worse, 2: worse}], np.arange(len(TEXTS))))


def test_500_captions_of_three_sources_are_sent() -> None:
    sources = [source for source, _ in captions()]
    assert len(sources) == 500
    assert {source: sources.count(source) for source in set(sources)} == {"tokens": 414, "photos": 46, "english": 40}


def test_symspell_mends_words_and_keeps_marks_and_capitals() -> None:
    said = "A picturf of a bicyclk, with an umbrelta"
    for words in ("english", "captions"):
        assert spelling.by_word(said, words) == "A picture of a bicycle, with an umbrella"
        assert spelling.compound(said, words) == "A picture of a bicycle, with an umbrella"


def test_no_clean_text_is_in_the_dictionary_of_words() -> None:
    texts = list(clean_texts(1000))
    assert len(set(texts)) == 1000
    assert all(any(letter.isdigit() for letter in text) for text in texts)


def test_none_of_2000_is_less_than_a_sixth_of_a_percent() -> None:
    assert link_text.upper_95(0, 2000) == pytest.approx(1 - 0.05 ** (1 / 2000))


def test_language_in_the_list_reads_what_the_code_alone_does_not() -> None:
    text = "a black dog catching a frisbee in the park"
    bits = link_joint._lettered(text)
    code = link_joint._code(bits.size, 8 * len(text))
    sent = Segment(code.encode(bits), "16qam")

    def read(snr_db: float, *, language: bool) -> bool:
        llrs = Awgn(snr_db).carry_bits([sent], seed=1).llrs[0]
        found = link_joint.ListReader(code, 16, len(text), language).candidates(llrs)
        return any(np.array_equal(word, bits) for word in found)

    assert read(20, language=False)
    assert read(20, language=True)
    assert read(5, language=True)
    assert not read(5, language=False)


def test_next_letters_are_those_that_the_dictionary_expects() -> None:
    letters = dict(zip(link_joint.LETTERS, link_joint.next_letters("a black d"), strict=False))
    assert max(letters, key=lambda letter: letters[letter]) == "o"
    assert sum(letters.values()) == pytest.approx(1, abs=1e-4)
