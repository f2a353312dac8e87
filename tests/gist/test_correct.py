"""The corrector without a network."""

from __future__ import annotations

import pytest

from gistchain.errors import SettingError
from gistchain.gist.correct import DictionaryCorrector, known
from tests.conformance.checks import check_corrector


def test_the_dictionary_is_a_corrector() -> None:
    check_corrector(DictionaryCorrector())


def test_it_mends_flipped_bits_and_leaves_whole_captions_alone() -> None:
    whole = "A photo of a castle, sky blue above, green below"
    assert DictionaryCorrector().correct("A phota of a caqtle, sky blue abovg, green below") == whole
    assert DictionaryCorrector().correct(whole) == whole


@pytest.mark.parametrize("text", ["", "x" * 600])
def test_nothing_and_what_is_too_long_stay_as_they_are(text: str) -> None:
    assert DictionaryCorrector().correct(text) == text


@pytest.mark.parametrize("rate", [0.0, 0.5, -1.0, 2.0])
def test_a_rate_that_can_not_be_is_refused(rate: float) -> None:
    with pytest.raises(SettingError, match="a bit error rate"):
        DictionaryCorrector(rate)


def test_words_of_the_dictionary_and_numbers_are_known() -> None:
    assert known("castle")
    assert known("Photo,")
    assert known("2,000")
    assert not known("caqtle")
