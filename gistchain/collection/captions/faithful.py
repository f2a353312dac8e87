"""Another's rewording of a caption -> whether it says all of its traits and nothing else.

A language model may drop a trait, swap two values, or tell of a sword that nobody holds. So every word has to be a part
of the subject, of a value beside its own type, or one of the words below that only join; a good sentence may be refused
by that, a false one is not taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from gistchain.collection.captions.template import Captioned, Phrase

_ENDS = ",.;:!?\"'()[]“”‘’"
_GAP = 5
"""Most words between a value and its type."""
_LINKS_WORDS = """
    a an the its their his her this that which of for as is are was being be in on can called seen shown made kind
    type style coloured colored tinted styled described known appears appear named set to
"""
_LINKS = frozenset(_LINKS_WORDS.split())
"""Between a value and its type."""
_JOINING_WORDS = """
    picture image depiction portrait artwork avatar character figure token nft piece one here there it itself we
    you i see sees look looks looking at find finds displays display displaying shows show showing depicts depict
    depicting presents presenting presented features featuring feature featured contains contain containing
    includes include including included has have having had with wearing wears wear sporting sports sport carrying
    bearing bears boasting boasts adorned dressed equipped accompanied complemented paired combined complete
    decorated completed rounded defined characterised characterized distinguished marked accented topped framed
    and also plus along together alongside while whose where who what by from into within against over under atop
    trait traits attribute attributes characteristic characteristics detail details element elements combination
    mix following among these those such both all each every other first second third next last finally
    additionally moreover visible pictured captured portrayed rendered designed created appearing can may do does
    well too look appearance represents representing representation unique distinctive notable striking
"""
_JOINING = _LINKS | frozenset(_JOINING_WORDS.split())


def complaint(text: str, caption: Captioned) -> str:
    """Why a rewording is not taken, in a few words; '' for one that is."""
    if not text.strip() or not text.isprintable():
        return "empty, or with characters that can't be shown"
    if len(text) > 3 * len(caption.text) + 200:
        return "far longer than the caption"
    said = _words(text)
    used = [False] * len(said)
    for phrase in sorted(caption.phrases, key=lambda phrase: -len(str(phrase))):
        found = _place(said, used, phrase)
        if found is None:
            return "a trait is missing, or not beside its type"
        for place in found:
            used[place] = True
    _cover(said, used, _bare(caption.subject))
    if not _starts(said, _bare(caption.subject)):
        return "the subject is missing"
    left = [word for word, taken in zip(said, used, strict=True) if not taken and word not in _JOINING and word != ","]
    return "a word that the caption does not have" if left else ""


def _words(text: str) -> list[str]:
    """Words in small letters, a comma for whatever parts them; the ends of words are bare of other marks."""
    words: list[str] = []
    for word in text.casefold().split():
        bare = word.strip(_ENDS)
        if not bare:  # a value may be all marks
            words.append(word)
            continue
        start = word.index(bare)
        words += [","] if any(mark in ",;:.(" for mark in word[:start]) else []
        words.append(bare)
        words += [","] if any(mark in ",;:.)!?" for mark in word[start + len(bare) :]) else []
    return words


def _place(said: Sequence[str], used: Sequence[bool], phrase: Phrase) -> list[int] | None:
    """The places of a phrase's words: value and type side by side, in either order, with only _LINKS between."""
    value, type_ = _bare(phrase.value), _bare(phrase.type)
    best: tuple[int, list[int]] | None = None
    for first, second in ((value, type_), (type_, value)):
        for start in _starts(said, first):
            end = start + len(first)
            for gap in range(_GAP + 1):
                if gap and (end + gap > len(said) or said[end + gap - 1] not in _LINKS):
                    break
                places = [*range(start, end), *range(end + gap, end + gap + len(second))]
                free = places[-1] < len(said) and not any(used[place] for place in places)
                if free and said[end + gap : end + gap + len(second)] == second and (best is None or gap < best[0]):
                    best = gap, places
    return None if best is None else best[1]


def _bare(text: str) -> list[str]:
    words = _words(text)
    while words and words[-1] == ",":
        words.pop()
    return words or [text.casefold()]


def _starts(said: Sequence[str], wanted: Sequence[str]) -> list[int]:
    return [at for at in range(len(said) - len(wanted) + 1) if list(said[at : at + len(wanted)]) == list(wanted)]


def _cover(said: Sequence[str], used: list[bool], wanted: Sequence[str]) -> None:
    for at in _starts(said, wanted):
        for place in range(at, at + len(wanted)):
            used[place] = True
