"""What was typed is read as traits that there are, and nothing of it is syntax."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gistchain.errors import SettingError
from gistchain.search.items import Item
from gistchain.search.query import MOST_WORDS, understood
from gistchain.search.record import Record
from gistchain.search.words import words_of

TRAITS = (
    ("head", "Purple Cap"), ("head", "Cap Forward"), ("mouth", "Pipe"), ("type", "Zombie"), ("lips", "Hot Lipstick"),
    ("hair", "Purple"), ("background", "Blue"), ("eyes", "3D Glasses"), ("ear", "Earring"),
)  # fmt: skip

SYNTAX = ('NEAR("a" b)', "cap*", "head:cap", 'a" OR "b', "^cap", "-cap", "{a} + b", "cap AND NOT pipe")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    with Record(tmp_path_factory.mktemp("query"), write=True) as made:
        rows = [Item("reference", "punks", str(n), subject="CryptoPunks", traits=(t,)) for n, t in enumerate(TRAITS)]
        made.put([(item, 0) for item in rows])
        yield made


def phrases(text: str, record: Record) -> list[str]:
    return [str(phrase) for phrase in understood(text, record).phrases]


def meant(text: str, record: Record) -> list[str]:
    """The value of what each phrase means most."""
    return [phrase.meant[0].trait.value for phrase in understood(text, record).known]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a zombie with a purple cap and a pipe", ["Zombie", "Purple Cap", "Pipe"]),
        ("zombie purple cap pipe", ["Zombie", "Purple Cap", "Pipe"]),
        ("ZOMBIES wearing purple caps, smoking pipes", ["Zombie", "Purple Cap", "Pipe"]),
        ("zobmie wiht a purlpe cap", ["Zombie", "Purple Cap"]),
        ("lipstik", ["Hot Lipstick"]),
        ("gorra de color morada", ["Purple"]),
        ("3d glasses", ["3D Glasses"]),
        ("blue background", ["Blue"]),
        ("A picture of CryptoPunks, containing Pipe mouth", ["CryptoPunks", "Pipe"]),
    ],
)
def test_phrases_mean_the_traits_that_a_person_means(text: str, wanted: list[str], record: Record) -> None:
    assert meant(text, record) == wanted


def test_what_was_read_otherwise_is_told(record: Record) -> None:
    query = understood("zobmie morada dirigible", record)
    assert query.read_as == (("zobmie", "zombie", "spelling"), ("morada", "purple", "translated"))
    assert query.unknown == ["dirigible"]


def test_a_word_that_is_like_no_other_is_not_bent(record: Record) -> None:
    assert understood("hoop dirigible xylophone", record).read_as == ()


@pytest.mark.parametrize("text", ["", "  ", "!?", "\0", "😀 ‮", '"" * - ()'])
def test_a_query_without_words_is_refused(text: str, record: Record) -> None:
    with pytest.raises(SettingError, match="no word to search for"):
        understood(text, record)


def test_a_long_query_is_read_to_its_64th_word_and_says_so(record: Record) -> None:
    query = understood("pipe " * 2_000, record)
    assert query.unread == 2_000 - MOST_WORDS
    assert sum(len(phrase.words) for phrase in query.phrases) <= MOST_WORDS


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.text(max_size=40), st.sampled_from(SYNTAX)))
def test_no_text_is_syntax(text: str, record: Record) -> None:
    if words_of(text):
        assert understood(text, record).phrases
    else:
        with pytest.raises(SettingError, match="no word"):
            understood(text, record)


def test_joining_words_alone_are_looked_for(record: Record) -> None:
    assert phrases("the and", record) == ["the and"]


def test_a_home_without_an_index_knows_no_word(tmp_path: Path) -> None:
    with Record(tmp_path) as empty:
        assert understood("purple cap", empty).unknown == ["purple", "cap"]
