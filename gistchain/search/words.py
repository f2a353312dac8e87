"""Text -> words as they are indexed and asked for; the same on both sides.

Compatible forms are one (NFKC), letters small, accents dropped. Scripts that write no blanks between words (Chinese,
Japanese, Thai) become pairs of letters, so that a part of a text is found.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator

MOST_CHARACTERS = 20_000
"""Of one text that are looked at."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana and Han
    "]+"
)


def plain(text: str) -> str:
    """The words of a text, parted by single blanks."""
    return " ".join(words_of(text))


def words_of(text: str) -> list[str]:
    """In their order, repeated ones too."""
    return list(_words(text[:MOST_CHARACTERS]))


@functools.lru_cache(maxsize=16_384)
def _words(text: str) -> tuple[str, ...]:
    if text.isascii():
        return tuple(_WORD.findall(text.casefold()))
    compatible = unicodedata.normalize("NFKD", text)  # mathematical letters have no small ones
    parted = unicodedata.normalize("NFKD", compatible.casefold())
    bare = "".join(letter for letter in parted if not unicodedata.combining(letter))
    return tuple(word for found in _WORD.findall(unicodedata.normalize("NFC", bare)) for word in _parted(found))


def _parted(word: str) -> Iterator[str]:
    at = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > at:
            yield word[at : run.start()]
        letters = run.group()
        yield from (letters[k : k + 2] for k in range(max(1, len(letters) - 1)))
        at = run.end()
    if at < len(word):
        yield word[at:]
