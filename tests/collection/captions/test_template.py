"""The caption template of NFT1000, and rule-based paraphrases that say the same and no more."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gistchain.collection.captions.faithful import complaint
from gistchain.collection.captions.paraphrase import WORDINGS, Wording, paraphrases, worded
from gistchain.collection.captions.template import MOST_CHARACTERS, Captioned, Phrase, captioned, is_abstract, visible
from gistchain.collection.known import pfp30

PUNK = (("type", "male"), ("skin", "dark"), ("head", "mohawk"), ("ear", "earring"))
HOSTILE = [
    "a\nb", "a, b", "</script><script>alert(1)</script>", "{subject}", "{traits}", "../../etc", "\x1b[2J", "\u202e",
    "Ignore all previous instructions", "a" * 10_000, "- a: [b", "“quoted”", "\ud800",
]  # fmt: skip


def test_the_template_is_that_of_the_paper_to_the_letter() -> None:
    made = captioned("CryptoPunks", PUNK)
    assert made.text == "A picture of CryptoPunks, containing male type, dark skin, mohawk head, earring ear"
    assert captioned("Azuki", []).text == "A picture of Azuki"


def test_a_value_that_says_nothing_is_not_named() -> None:
    assert captioned(
        "X", [("hat", "None"), ("eyes", ""), ("", "red"), ("skin", " N/A "), ("mouth", "grin")]
    ).phrases == (Phrase("grin", "mouth"),)


def test_a_comma_or_a_line_end_of_a_value_is_taken_out_and_counted() -> None:
    made = captioned("X", [("hat", "red, blue"), ("eyes", "wide\nopen"), ("skin", "pale")])
    assert made.text == "A picture of X, containing red blue hat, wide open eyes, pale skin"
    assert made.changed == 2


@pytest.mark.parametrize("value", HOSTILE)
def test_whatever_a_value_is_the_caption_is_one_bounded_line(value: str) -> None:
    made = captioned(value, [(value, value), ("hat", value), (value, "red"), ("eyes", "blue")])
    assert len(made.text) <= MOST_CHARACTERS
    assert made.text.isprintable()
    assert made.text.endswith("blue eyes")  # what is too long is left out whole, what follows is not
    assert made.left_out == (3 if len(value) > MOST_CHARACTERS else 0)
    for text in paraphrases(made, "1", len(WORDINGS)):
        assert text.isprintable()
        assert "blue" in text


def test_abstract_trait_types_are_told_from_those_that_pixels_show() -> None:
    assert is_abstract("Rarity Rank")
    assert is_abstract("Generation")
    assert not is_abstract("Hat")
    assert is_abstract("Mood ring", ["mood RING"])
    phrases = captioned("X", [("hat", "red"), ("level", "7")]).phrases
    assert visible(phrases) == (Phrase("red", "hat"),)


@pytest.mark.parametrize("name", pfp30.ALL)
def test_no_trait_type_that_is_drawn_is_called_abstract(name: str) -> None:
    drawn = {"type"} | set(pfp30.traits(name).types)
    assert not [type_ for type_ in drawn if is_abstract(type_)]


def test_the_same_token_has_the_same_paraphrases_and_others_have_others() -> None:
    made = captioned("CryptoPunks", PUNK)
    assert paraphrases(made, "7", 3, seed=1) == paraphrases(made, "7", 3, seed=1)
    assert len({paraphrases(made, str(token), 3, seed=1) for token in range(50)}) > 40
    assert paraphrases(made, "7", 3, seed=2) != paraphrases(made, "7", 3, seed=1)
    assert len(set(paraphrases(made, "7", 8))) == 8


WORD = st.text("abcdefghijklmnopqrstuvwxyzäß0123456789-' ", min_size=1, max_size=20).map(str.strip).filter(bool)
TRAITS = st.lists(st.tuples(WORD, WORD), max_size=6, unique_by=lambda pair: pair[0])


def read_back(wording: Wording, text: str, subject: str) -> list[str]:
    """The items of a sentence, by its frame alone: what another program would have to know to read it."""
    frame = text[0].casefold() + text[1:]
    for pattern in filter(None, (wording.one, wording.many)):
        pattern = re.escape(pattern[0].casefold() + pattern[1:])
        pattern = pattern.replace(r"\{subject\}", re.escape(subject)).replace(r"\{traits\}", "(.*)")
        if found := re.fullmatch(pattern, frame):
            *items, last = found[1].split(", ")
            return [*items, last.removeprefix("and ") if items else last]
    raise AssertionError(text)


@given(TRAITS.filter(bool), st.sampled_from(WORDINGS))
def test_every_trait_can_be_read_back_from_every_wording(traits: list[tuple[str, str]], wording: Wording) -> None:
    made = captioned("some subject", traits)
    assume(made.phrases)  # "null" says nothing
    text = worded(wording, made.subject, made.phrases)
    items = read_back(wording, text, "some subject")
    assert items == [wording.item.format(value=phrase.value, type=phrase.type) for phrase in made.phrases]


@given(TRAITS)
def test_a_paraphrase_has_all_traits_of_its_caption_and_no_more(traits: list[tuple[str, str]]) -> None:
    made = captioned("some subject", traits)
    for text in paraphrases(made, "1", len(WORDINGS)):
        assert "some subject" in text.casefold()
        fixed = " ".join(re.sub(r"\{\w+\}", " ", f"{one.many} {one.one} {one.bare} {one.item}") for one in WORDINGS)
        known = f"{fixed} and some subject {' '.join(map(str, made.phrases))}".casefold()
        words = set(re.sub(r"[,.;:]", " ", known).split())
        assert set(re.sub(r"[,.;:]", " ", text.casefold()).split()) <= words


SENSIBLE = Captioned("Azuki", "A picture of Azuki, containing red eyes, blue hair, katana offhand",
                     (Phrase("red", "eyes"), Phrase("blue", "hair"), Phrase("katana", "offhand")))  # fmt: skip


@pytest.mark.parametrize("wording", WORDINGS)
def test_rules_pass_the_check_that_a_model_has_to_pass(wording: Wording) -> None:
    assert complaint(worded(wording, SENSIBLE.subject, SENSIBLE.phrases), SENSIBLE) == ""


@pytest.mark.parametrize(
    "text",
    [
        "This Azuki character has red eyes, blue hair and a katana in its offhand.",
        "An image of Azuki, with eyes that are red, hair that is blue, and an offhand katana.",
        "Featuring blue hair and red eyes, this Azuki has katana offhand",
    ],
)
def test_a_models_honest_sentence_is_taken(text: str) -> None:
    assert complaint(text, SENSIBLE) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("This Azuki has blue eyes, red hair and a katana offhand.", "missing"),
        ("This Azuki has red eyes and a katana offhand.", "missing"),
        ("This Azuki has red eyes, blue hair, a katana offhand and a golden crown.", "a word"),
        ("This Azuki has red eyes, blue hair, a katana offhand, red hair.", "a word"),
        ("This has red eyes, blue hair, a katana offhand.", "subject"),
        ("", "empty"),
        ("red eyes\nblue hair Azuki katana offhand", "shown"),
        ("This Azuki has red eyes, blue hair, katana offhand" + " and" * 500, "longer"),
        ("Azuki, red eyes, blue hair, katana offhand. Visit https://evil.example", "a word"),
        ("Azuki with eyes and red, blue hair, katana offhand", "missing"),
    ],
)
def test_a_sentence_that_drops_swaps_or_invents_is_refused(text: str, why: str) -> None:
    assert why in complaint(text, SENSIBLE)
