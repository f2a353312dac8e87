"""Text with wrong letters -> text with its words corrected by SymSpell, the rival of soft reading (S2.4, S4.3).

Two dictionaries: the English one that symspellpy brings (82,765 words), and the words of our captions, as often as
our own dictionary takes them. Two ways each: word by word, which keeps marks and capitals, and `lookup_compound`,
which also mends words that ran together.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from importlib import resources
from typing import Literal

from symspellpy import SymSpell, Verbosity

from gistchain.gist import textcode

Words = Literal["english", "captions"]
MOST_EDITS = 2


class SymSpellCorrector:
    """Fulfils TextCorrector, word by word, with the words of our captions."""

    def correct(self, text: str) -> str:
        return by_word(text, "captions")


def by_word(text: str, words: Words) -> str:
    return re.sub(r"[^\s,.;:!]+", lambda found: _nearest(found[0], words), text)


def compound(text: str, words: Words) -> str:
    """Between commas and full stops, which `lookup_compound` would drop."""
    return re.sub(r"[^\s,.](?:[^,.]*[^\s,.])?", lambda found: _compound(found[0], words), text)


def _compound(text: str, words: Words) -> str:
    return speller(words).lookup_compound(text, MOST_EDITS, transfer_casing=True, ignore_non_words=True)[0].term


@functools.lru_cache(1 << 18)
def _nearest(word: str, words: Words) -> str:
    if word.isdigit():
        return word
    found = speller(words).lookup(word, Verbosity.TOP, MOST_EDITS, transfer_casing=True)
    return found[0].term if found else word


@functools.cache
def speller(words: Words) -> SymSpell:
    made = SymSpell(MOST_EDITS, 7)
    if words == "english":
        folder = resources.files("symspellpy")
        made.load_dictionary(str(folder / "frequency_dictionary_en_82_765.txt"), 0, 1)
        made.load_bigram_dictionary(str(folder / "frequency_bigramdictionary_en_243_342.txt"), 0, 2)
        return made
    for word, count in caption_words().items():
        made.create_dictionary_entry(word, count)
    return made


def caption_words() -> Counter[str]:
    """The words of our dictionary, in lower case, and a thousand times the share of their contexts that they take."""
    known: Counter[str] = Counter()
    dictionary = textcode.load()
    for number in range(len(dictionary)):
        context = dictionary.context(number)
        for piece, frequency in zip(context.pieces, context.frequencies, strict=True):
            for word in re.findall(r"[a-z][a-z'-]+|\ba\b", piece.decode(errors="ignore").lower()):
                known[word] += max(1, round(1000 * frequency / context.cumulative[-1]))
    return known
