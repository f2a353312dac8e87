"""Text as hard decisions left it -> the likeliest text of the dictionary: a corrector without a network (S4.3)."""

from __future__ import annotations

import functools
import math
import re

import numpy as np

from gistchain.errors import SettingError
from gistchain.gist import textcode
from gistchain.gist.softtext import MOST_BYTES, read_text

_UNKNOWN = re.compile(r"[^A-Za-z]+")


class DictionaryCorrector:
    """Fulfils TextCorrector: each bit may have been turned with the same chance, and fluent texts are likelier.

    bit_error_rate: that chance. Where soft values are at hand, `softtext.read` needs about 3 dB less. Texts beyond 512
    bytes stay as they are. Raises SettingError for a rate that is not between 0 and a half.
    """

    def __init__(self, bit_error_rate: float = 0.02) -> None:
        if not 0 < bit_error_rate < 0.5:
            raise SettingError(f"a bit error rate of {bit_error_rate} can't be corrected: give one between 0 and 0.5")
        self._ratio = math.log((1 - bit_error_rate) / bit_error_rate)

    def correct(self, text: str) -> str:
        data = text.encode("latin-1", "replace")
        if not data or len(data) > MOST_BYTES:
            return text
        bits = np.unpackbits(np.frombuffer(data, np.uint8)).astype(np.float64)
        return read_text((1 - 2 * bits) * self._ratio)


def known(word: str) -> bool:
    """Whether the dictionary has the word as it is spelt, with whatever marks around it; numbers are taken for known.

    A first letter may be large; any other that changed its size is the work of a channel.
    """
    letters = word.strip(".,;:!?\"'()-").removesuffix("'s")
    if not letters or letters.replace(",", "").replace(".", "").isdigit():
        return True
    return all(_listed(part) for part in letters.split("-"))


def _listed(word: str) -> bool:
    """Itself, or the word that it is the plural of."""
    words, small = _words(), word[:1].lower() + word[1:]
    ends = ("", "s", "es")
    return any(form.endswith(end) and form[: len(form) - len(end)] in words for form in (word, small) for end in ends)


@functools.cache
def _words() -> frozenset[str]:
    dictionary = textcode.load()
    pieces = (piece for number in range(len(dictionary)) for piece in dictionary.context(number).pieces)
    return frozenset(word for piece in pieces for word in _UNKNOWN.split(piece.decode(errors="ignore")))
