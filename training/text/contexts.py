"""Trait phrases of known collections + a list of caption words -> contexts of the dictionary (dictionary.py).

    python -m training.text.contexts    # counts traits in the training tokens of the first six collections, into
                                        # trait_counts.json

Traits are as frequent as in the training tokens, or equally frequent where nothing was counted. English words follow
Zipf's law over the hand-written order. What joins them has the frequencies of GRAMMAR below, corrected once by the
paths of the example captions at the end of `caption_words.txt`, which were written for this file.
"""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np

from gistchain.collection.known import dicebear
from gistchain.collection.tokens import Tokens
from gistchain.gist import textcode
from training.places import WEIGHTS

HERE = Path(__file__).resolve().parent
WORDS = HERE / "caption_words.txt"
COUNTS = HERE / "trait_counts.json"
TRAITS = WEIGHTS / "traits.json"

Entry = tuple[int, bytes, str]  # frequency, piece, next context
Contexts = dict[str, list[Entry]]


class Collection(TypedDict):
    """One collection of traits.json: the values of each trait type, types in the order of the captions."""

    subject: str
    traits: dict[str, list[str]]


Counts = dict[str, dict[str, dict[str, int]]]
"""Trait type ("" = start of the caption) -> "values": value -> tokens; "after": next type or "end" -> tokens."""

STARTS_OF_COLLECTIONS = 3000  # against about 1000 of all other starts: three captions in four follow a template

# context: "frequency piece next context" of each of its symbols; "_" is a space, "~" no text. A piece without text may
# only lead to a context further down the file.
GRAMMAR = {
    "start": """
        40 a_ phrase; 20 A_ phrase; 4 an_ phrase; 2 An_ phrase; 10 the_ phrase; 5 The_ phrase; 5 two_ phrase; 3
        Two_ phrase; 2 three_ phrase; 2 Three_ phrase; 2 some_ phrase; 2 a_group_of_ phrase; 1 A_group_of_
        phrase; 2 a_picture_of_ any; 6 A_picture_of_ any; 2 a_photo_of_ any; 2 a_close_up_of_ any; 20 ~ any; 1 ~
        end
    """,
    "digits": """
        2 0 digits; 2 1 digits; 2 2 digits; 2 3 digits; 2 4 digits; 2 5 digits; 2 6 digits; 2 7 digits; 2 8
        digits; 2 9 digits; 20 ~ after word
    """,
    "after noun": """
        40 _ verb; 12 _is_ verb; 8 _are_ verb; 10 _in_a_ phrase; 8 _in_the_ phrase; 4 _in_ phrase; 10 _on_a_
        phrase; 5 _on_the_ phrase; 3 _on_ phrase; 8 _with_a_ phrase; 6 _with_ phrase; 8 _of_ phrase; 4 _of_a_
        phrase; 12 _and_ phrase; 6 _and_a_ phrase; 3 _next_to_a_ phrase; 3 _in_front_of_a_ phrase; 2
        _on_top_of_a_ phrase; 2 _at_ phrase; 2 _at_the_ phrase; 2 _near_a_ phrase; 1 _by_ phrase; 1 _by_a_
        phrase; 1 _for_ phrase; 1 _from_a_ phrase; 2 _to_ verb; 1 _over_a_ phrase; 16 _ noun; 6 _ preposition; 2
        _ adverb; 3 ,_ phrase; 3 ,_ any; 2 ,_containing_ any; 1 _that_is_ verb; 16 s after noun; 1 es after
        noun; 2 's_ phrase; 4 . after mark; 4 ~ mark; 44 ~ end
    """,
    "after adjective": """
        60 _ noun; 8 _and_ adjective; 16 _ adjective; 3 ,_ adjective; 2 _ verb; 2 _ preposition; 2 ~ mark; 2 ~
        end
    """,
    "after verb": """
        26 _a_ phrase; 3 _an_ phrase; 8 _the_ phrase; 12 _ phrase; 10 _on_a_ phrase; 5 _on_the_ phrase; 3 _on_
        phrase; 8 _in_a_ phrase; 7 _in_the_ phrase; 3 _in_ phrase; 4 _with_a_ phrase; 4 _with_ phrase; 3 _at_a_
        phrase; 3 _down_a_ phrase; 3 _next_to_a_ phrase; 3 _in_front_of_a_ phrase; 2 _through_ phrase; 2
        _on_top_of_a_ phrase; 2 _over_a_ phrase; 3 _by_ phrase; 2 _against_a_ phrase; 2 _from_a_ phrase; 2 _his_
        phrase; 3 _and_ verb; 12 _ preposition; 6 _ adverb; 8 _ verb; 1 s after verb; 2 ~ mark; 10 ~ end
    """,
    "after preposition": """
        30 _a_ phrase; 24 _the_ phrase; 3 _an_ phrase; 24 _ phrase; 4 _ preposition; 2 _its_ phrase; 2 _his_
        phrase; 2 _ verb; 2 ~ mark; 3 ~ end
    """,
    "after word": """
        16 _ noun; 12 _ verb; 6 _ preposition; 3 _ adjective; 6 _a_ phrase; 4 _the_ phrase; 4 _on_a_ phrase; 4
        _in_a_ phrase; 4 _in_the_ phrase; 6 _of_ phrase; 6 _and_ phrase; 4 _with_a_ phrase; 3 _with_ phrase; 3
        _is_ verb; 2 _to_ verb; 4 ,_ phrase; 12 _ spelled; 3 ,_containing_ any; 2 s after noun; 3 . after mark;
        4 ~ mark; 16 ~ end
    """,
    "after mark": """
        12 _ any; 4 _ start; 8 ~ any; 10 ~ end
    """,
    "any": """
        1 ~ end; 12 a_ phrase; 6 the_ phrase; 2 an_ phrase; 30 ~ phrase; 10 ~ verb; 3 ~ preposition; 2 ~ adverb; 6 ~
        spelled; 6 ~ mark
    """,
    "phrase": """
        60 ~ noun; 34 ~ adjective; 4 ~ number; 2 ~ verb; 4 ~ spelled
    """,
}
CLASSES = {  # word class: the context after one of its words, and how often its words are spelled by letters (in 1000)
    "noun": ("after noun", 60),
    "adjective": ("after adjective", 50),
    "verb": ("after verb", 50),
    "preposition": ("after preposition", 10),
    "adverb": ("after verb", 20),
    "number": ("after adjective", 20),
}
# First bytes of UTF-8 characters beyond ASCII, how common, and how many bytes follow.
_LEADS = ((range(0xC2, 0xE0), 12, 1), (range(0xE0, 0xF0), 4, 2), (range(0xF0, 0xF5), 1, 3))


def english_contexts(words: str) -> Contexts:
    """The contexts of everyday words, "start" first, corrected by the examples at the end of `words`."""
    classes = {name: body.split("\n") for name, _, body in (part.partition("]\n") for part in words.split("\n[")[1:])}
    examples = [line for line in classes.pop("example") if line]
    vocabulary = {name: list(dict.fromkeys(" ".join(lines).split())) for name, lines in classes.items()}
    contexts = _english(vocabulary)
    dictionary = textcode.Dictionary(file_text(contexts))
    seen = Counter(step for line in examples for step in textcode.cheapest_path(dictionary, line.encode()))
    for number, (name, entries) in enumerate(contexts.items()):
        weight = 2 if name in CLASSES else 4
        contexts[name] = [
            (frequency * 4 + weight * seen[number, symbol], piece, follow)
            for symbol, (frequency, piece, follow) in enumerate(entries)
        ]
    return contexts


def _english(vocabulary: Mapping[str, list[str]]) -> Contexts:
    contexts: Contexts = {"start": _grammar("start")}
    contexts |= _letters(word for words in vocabulary.values() for word in words)
    contexts |= {name: _grammar(name) for name in list(GRAMMAR)[1:]}
    for name, words in vocabulary.items():
        follow, spelled = CLASSES[name]
        zipf = [(1 + 4000 // (rank + 8), word.encode(), follow) for rank, word in enumerate(words)]
        total = sum(frequency for frequency, _, _ in zipf)
        contexts[name] = [*zipf, (total * spelled // 1000, b"", "spelled")]
    leads = [(frequency, bytes([lead]), f"tail {tail}") for leads, frequency, tail in _LEADS for lead in leads]
    marks = [(3, bytes([code]), _after(code)) for code in range(128)]
    contexts["foreign"] = [*leads, (120, b" ", "foreign"), (40, b" ", "any"), (60, b"", "spelled"), (60, b"", "end")]
    contexts["spelled"] = [*_initials(vocabulary), (8, b"", "mark")]
    contexts["mark"] = [*marks, *leads, (60, b", ", "any"), (60, b". ", "start"), (60, b"-", "any"), (30, b".", "end")]
    contexts["tail 3"] = [(1, bytes([code]), "tail 2") for code in range(0x80, 0xC0)]
    contexts["tail 2"] = [(1, bytes([code]), "tail 1") for code in range(0x80, 0xC0)]
    contexts["tail 1"] = [(1, bytes([code]), "foreign") for code in range(0x80, 0xC0)]
    return contexts


def _grammar(name: str) -> list[Entry]:
    rows = [row.split() for row in GRAMMAR[name].split(";")]
    return [(int(row[0]), row[1].replace("_", " ").replace("~", "").encode(), " ".join(row[2:])) for row in rows]


def _letters(words: Iterable[str]) -> Contexts:
    pairs = Counter(pair for word in words for pair in zip(word, f"{word[1:]} ", strict=True))
    return {
        f"letter {letter}": [
            *((1 + 4 * pairs[letter, other], other.encode(), f"letter {other}") for other in string.ascii_lowercase),
            (2 + 4 * pairs[letter, " "], b"", "after word"),
        ]
        for letter in string.ascii_lowercase
    }


def _initials(vocabulary: Mapping[str, list[str]]) -> list[Entry]:
    first = Counter(word[0] for words in vocabulary.values() for word in words)
    letters = [(2 * first[letter], letter, f"letter {letter}") for letter in string.ascii_lowercase]
    lower = [(2 + frequency, letter.encode(), follow) for frequency, letter, follow in letters]
    return lower + [(1 + frequency // 4, letter.upper().encode(), follow) for frequency, letter, follow in letters]


def _after(code: int) -> str:
    character = chr(code)
    if character.isalpha():
        return f"letter {character.lower()}"
    return "digits" if character.isdigit() else "any" if character == " " else "after mark"


def trait_contexts(
    collections: Mapping[str, Collection], counts: Mapping[str, Counts], *, spelled: bool = False
) -> Contexts:
    """One context for the values of each trait type, one for what follows them; "start" holds the prefixes.

    spelled: whether one more context spells unknown values and comes back behind them (dictionary 1 has none); what
    follows a trait is then a later one, so that many types take little room.
    """
    contexts: Contexts = {"start": []}
    share = STARTS_OF_COLLECTIONS // len(collections)
    for name, collection in collections.items():
        seen, types = counts.get(name, {}), list(collection["traits"])
        subject = f"A picture of {collection['subject']}"
        for kind, frequency in _following(types, "", seen):
            end = kind == "end"
            piece, follow = (subject, kind) if end else (f"{subject}, containing ", f"{name}/{kind}")
            contexts["start"].append((1 + frequency * share // 1000, piece.encode(), follow))
        for kind, values in collection["traits"].items():
            tally = seen.get(kind, {}).get("values", {})
            entries = [(1 + 4 * tally.get(v, 0), f"{v} {kind}".encode(), f"{name}/{kind} +") for v in values]
            total = sum(frequency for frequency, _, _ in entries)
            contexts[f"{name}/{kind}"] = [*entries, (1 + total // 200, b"", f"{name} ?" if spelled else "any")]
            contexts[f"{name}/{kind} +"] = [
                *(
                    (frequency, b"" if after == "end" else b", ", after if after == "end" else f"{name}/{after}")
                    for after, frequency in _following(types, kind, seen)
                    if not spelled or after == "end" or types.index(after) > types.index(kind)
                ),
                (5, b"", "after noun"),
            ]
        if spelled:
            contexts[f"{name} ?"] = _spelled_value(name, collection)
    return contexts


def _spelled_value(name: str, collection: Collection) -> list[Entry]:
    """Spells an unknown value letter by letter, until the trait type follows."""
    texts = [value for values in collection["traits"].values() for value in values]
    seen = Counter("".join(texts))
    characters = [*string.ascii_lowercase, *string.digits, " ", "-"]
    letters = [(2 + 400 * seen[c] // seen.total(), c.encode(), f"{name} ?") for c in characters]
    kinds = [
        (60 // len(collection["traits"]) + 1, f" {kind}".encode(), f"{name}/{kind} +") for kind in collection["traits"]
    ]
    return [*letters, *kinds, (8, b"", "any")]


def _following(types: list[str], kind: str, seen: Counts) -> list[tuple[str, int]]:
    """(what follows a trait of this type, how often in about 1000); kind "" is the start, "end" the end."""
    later = types[types.index(kind) + 1 :] if kind else types
    tally = seen.get(kind, {}).get("after") or {after: 64 >> place for place, after in enumerate([*later, "end"])}
    total = sum(tally.values())
    return [(after, 1 + 1000 * tally.get(after, 0) // total) for after in [*types, "end"]]


def count() -> dict[str, Counts]:
    """What the captions of the training tokens say, counted: nothing that is held out."""
    from training.data.tokens import dicebear_training, nouns_training, punks_training

    drawn = [punks_training(), nouns_training(4000, np.random.default_rng(0))]
    drawn += [dicebear_training(style) for style in dicebear.STYLES]
    return {tokens.traits.collection: tally(tokens) for tokens in drawn}


def tally(tokens: Tokens) -> Counts:
    """What the captions of the tokens say, counted."""
    types = tokens.traits.types
    counts: Counts = {kind: {"values": {}, "after": {}} for kind in ("", *types)}
    for row in tokens.labels.tolist():
        before = ""
        for kind, value in zip(types, row, strict=True):
            if value:
                _add(counts[kind]["values"], tokens.traits.values[kind][value - 1])
                _add(counts[before]["after"], kind)
                before = kind
        _add(counts[before]["after"], "end")
    if tokens.traits.collection == "nouns":  # drawn evenly, value by value: what differs is chance
        for kind in types:
            counts[kind]["values"] = {}
    return counts


def _add(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def file_text(contexts: Contexts) -> str:
    """The text of a dictionary file; its first line is a comment."""
    lines = ["# gistchain's dictionary, written by training/text/dictionary.py. docs/packet.md says how it is read."]
    for name, entries in contexts.items():
        usual = Counter(follow for _, _, follow in entries).most_common(1)[0][0]
        lines.append(f"@{name}\t{usual}")
        for frequency, piece, follow in entries:
            lines.append(f"{frequency}\t{_escaped(piece)}" + (f"\t{follow}" if follow != usual else ""))
    return "\n".join(lines) + "\n"


def _escaped(piece: bytes) -> str:
    plain = {*string.ascii_letters, *string.digits, *string.punctuation} - {"\\"}
    text = "".join(chr(code) if chr(code) in plain else f"\\x{code:02x}" for code in piece)
    # Spaces inside stay readable; one at an end would be lost to editors that trim lines.
    return re.sub(r"(?<=.)\\x20(?=.)", " ", text)


def main() -> None:
    COUNTS.write_text(json.dumps(count(), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def sources() -> tuple[Mapping[str, Collection], Mapping[str, Counts], str]:
    """The first six collections, what was counted in their tokens, and the caption words, from the committed files."""
    return json.loads(TRAITS.read_text("utf-8")), json.loads(COUNTS.read_text("utf-8")), WORDS.read_text("utf-8")


if __name__ == "__main__":
    main()
