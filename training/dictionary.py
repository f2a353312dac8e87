"""Trait phrases of known collections + a list of caption words -> gistchain/gist/dictionary-1.txt.

    python training/dictionary.py            writes the dictionary and prints the SHA-256 that textcode.py must name

Frequencies: of trait values, what `traits.json` counted on training tokens, or equal where it counts nothing; of
English words, Zipf's law over the hand-written order; of what joins them, GRAMMAR below, corrected once by the paths
of the example captions at the end of `caption_words.txt`, which were written for this file.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NotRequired, TypedDict

from gistchain.gist import textcode

HERE = Path(__file__).resolve().parent
WORDS = HERE / "caption_words.txt"
TRAITS = HERE.parent / "gistchain" / "models" / "weights" / "traits.json"
DICTIONARY = HERE.parent / "gistchain" / "gist" / "dictionary-1.txt"

Entry = tuple[int, bytes, str]  # frequency, piece, next context
Contexts = dict[str, list[Entry]]

END = (b"", "end")


class Collection(TypedDict):
    """One collection of traits.json: the values of each trait type, types in the order of the captions."""

    subject: str
    traits: dict[str, list[str]]
    counts: NotRequired[dict[str, dict[str, int]]]


# context: (piece, next context, frequency). A piece without text may only lead to a context further down the file.
GRAMMAR: dict[str, list[tuple[str, str, int]]] = {
    "start": [
        ("a ", "phrase", 40), ("A ", "phrase", 20), ("an ", "phrase", 4), ("An ", "phrase", 2), ("the ", "phrase", 10),
        ("The ", "phrase", 5), ("two ", "phrase", 5), ("Two ", "phrase", 3), ("three ", "phrase", 2),
        ("Three ", "phrase", 2), ("some ", "phrase", 2), ("a group of ", "phrase", 2), ("A group of ", "phrase", 1),
        ("a picture of ", "any", 2), ("A picture of ", "any", 6), ("a photo of ", "any", 2), ("a close up of ", "any", 2),
        ("", "any", 20), ("", "end", 1),
    ],
    "after noun": [
        (" ", "verb", 40), (" is ", "verb", 12), (" are ", "verb", 8), (" in a ", "phrase", 10), (" in the ", "phrase", 8),
        (" in ", "phrase", 4), (" on a ", "phrase", 10), (" on the ", "phrase", 5), (" on ", "phrase", 3),
        (" with a ", "phrase", 8), (" with ", "phrase", 6), (" of ", "phrase", 8), (" of a ", "phrase", 4),
        (" and ", "phrase", 12), (" and a ", "phrase", 6), (" next to a ", "phrase", 3), (" in front of a ", "phrase", 3),
        (" on top of a ", "phrase", 2), (" at ", "phrase", 2), (" at the ", "phrase", 2), (" near a ", "phrase", 2),
        (" by ", "phrase", 1), (" by a ", "phrase", 1), (" for ", "phrase", 1), (" from a ", "phrase", 1),
        (" to ", "verb", 2), (" over a ", "phrase", 1), (" ", "noun", 16), (" ", "preposition", 6), (" ", "adverb", 2),
        (", ", "phrase", 3), (", ", "any", 3), (", containing ", "any", 2), (" that is ", "verb", 1), ("s", "after noun", 16),
        ("es", "after noun", 1), ("'s ", "phrase", 2), (".", "after mark", 4), ("", "mark", 4), ("", "end", 44),
    ],
    "after adjective": [
        (" ", "noun", 60), (" and ", "adjective", 8), (" ", "adjective", 16), (", ", "adjective", 3), (" ", "verb", 2),
        (" ", "preposition", 2), ("", "mark", 2), ("", "end", 2),
    ],
    "after verb": [
        (" a ", "phrase", 26), (" an ", "phrase", 3), (" the ", "phrase", 8), (" ", "phrase", 12), (" on a ", "phrase", 10),
        (" on the ", "phrase", 5), (" on ", "phrase", 3), (" in a ", "phrase", 8), (" in the ", "phrase", 7),
        (" in ", "phrase", 3), (" with a ", "phrase", 4), (" with ", "phrase", 4), (" at a ", "phrase", 3),
        (" down a ", "phrase", 3), (" next to a ", "phrase", 3), (" in front of a ", "phrase", 3), (" through ", "phrase", 2),
        (" on top of a ", "phrase", 2), (" over a ", "phrase", 2), (" by ", "phrase", 3), (" against a ", "phrase", 2),
        (" from a ", "phrase", 2), (" his ", "phrase", 2), (" and ", "verb", 3), (" ", "preposition", 12),
        (" ", "adverb", 6), (" ", "verb", 8), ("s", "after verb", 1), ("", "mark", 2), ("", "end", 10),
    ],
    "after preposition": [
        (" a ", "phrase", 30), (" the ", "phrase", 24), (" an ", "phrase", 3), (" ", "phrase", 24), (" ", "preposition", 4),
        (" its ", "phrase", 2), (" his ", "phrase", 2), (" ", "verb", 2), ("", "mark", 2), ("", "end", 3),
    ],
    "after word": [
        (" ", "noun", 16), (" ", "verb", 12), (" ", "preposition", 6), (" ", "adjective", 3), (" a ", "phrase", 6),
        (" the ", "phrase", 4), (" on a ", "phrase", 4), (" in a ", "phrase", 4), (" in the ", "phrase", 4),
        (" of ", "phrase", 6), (" and ", "phrase", 6), (" with a ", "phrase", 4), (" with ", "phrase", 3),
        (" is ", "verb", 3), (" to ", "verb", 2), (", ", "phrase", 4), (" ", "spelled", 12), (", containing ", "any", 3),
        ("s", "after noun", 2), (".", "after mark", 3), ("", "mark", 4), ("", "end", 16),
    ],
    "digits": [*((digit, "digits", 2) for digit in string.digits), ("", "after word", 20)],
    "after mark": [(" ", "any", 12), (" ", "start", 4), ("", "any", 8), ("", "end", 10)],
    "any": [
        ("a ", "phrase", 12), ("the ", "phrase", 6), ("an ", "phrase", 2), ("", "phrase", 30), ("", "verb", 10),
        ("", "preposition", 3), ("", "adverb", 2), ("", "spelled", 6), ("", "mark", 6),
    ],
    "phrase": [("", "noun", 60), ("", "adjective", 34), ("", "number", 4), ("", "verb", 2), ("", "spelled", 4)],
}
CLASSES = {  # word class: the context after one of its words, and how often its words are spelled by letters (in 1000)
    "noun": ("after noun", 60),
    "adjective": ("after adjective", 50),
    "verb": ("after verb", 50),
    "preposition": ("after preposition", 10),
    "adverb": ("after verb", 20),
    "number": ("after adjective", 20),
}


def dictionary_text(collections: Mapping[str, Collection], words: str) -> str:
    """The text of the dictionary file."""
    classes = {name: body.split("\n") for name, _, body in (part.partition("]\n") for part in words.split("\n[")[1:])}
    examples = [line for line in classes.pop("example") if line]
    vocabulary = {name: list(dict.fromkeys(" ".join(lines).split())) for name, lines in classes.items()}
    contexts = _english(vocabulary)
    learned = _file(contexts)
    dictionary = textcode.Dictionary(learned)
    seen = Counter(step for line in examples for step in textcode.cheapest_path(dictionary, line.encode()))
    for number, (name, entries) in enumerate(contexts.items()):
        weight = 2 if name in CLASSES else 4
        contexts[name] = [
            (frequency * 4 + weight * seen[number, symbol], piece, follow)
            for symbol, (frequency, piece, follow) in enumerate(entries)
        ]
    start = contexts.pop("start")
    traits = _traits(collections)
    total = sum(frequency for frequency, _, _ in start)
    prefixes = traits.pop("start", [])
    # Half of all captions follow the template of a known collection.
    start += [(max(1, total * frequency // 1000), piece, follow) for frequency, piece, follow in prefixes]
    return _file({"start": start, **traits, **contexts})


def _english(vocabulary: Mapping[str, list[str]]) -> Contexts:
    contexts: Contexts = {name: [(f, piece.encode(), follow) for piece, follow, f in GRAMMAR[name]] for name in ("start",)}
    contexts |= _letters(word for words in vocabulary.values() for word in words)
    contexts |= {name: [(f, p.encode(), follow) for p, follow, f in GRAMMAR[name]] for name in list(GRAMMAR)[1:]}
    for name, words in vocabulary.items():
        follow, spelled = CLASSES[name]
        zipf = [(1 + 4000 // (rank + 8), word.encode(), follow) for rank, word in enumerate(words)]
        total = sum(frequency for frequency, _, _ in zipf)
        contexts[name] = [*zipf, (total * spelled // 1000, b"", "spelled")]
    leads = [(12 if lead < 0xE0 else 4 if lead < 0xF0 else 1, bytes([lead]), f"tail {_tail(lead)}") for lead in range(0xC2, 0xF5)]
    marks = [(3, bytes([code]), _after(code)) for code in range(128)]
    contexts["foreign"] = [*leads, (120, b" ", "foreign"), (40, b" ", "any"), (60, b"", "spelled"), (60, b"", "end")]
    contexts["spelled"] = [*_initials(vocabulary), (8, b"", "mark")]
    contexts["mark"] = [*marks, *leads, (60, b", ", "any"), (60, b". ", "start"), (60, b"-", "any"), (30, b".", "end")]
    contexts["tail 3"] = [(1, bytes([code]), "tail 2") for code in range(0x80, 0xC0)]
    contexts["tail 2"] = [(1, bytes([code]), "tail 1") for code in range(0x80, 0xC0)]
    contexts["tail 1"] = [(1, bytes([code]), "foreign") for code in range(0x80, 0xC0)]
    return contexts


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
    lower = [(2 + 2 * first[letter], letter.encode(), f"letter {letter}") for letter in string.ascii_lowercase]
    return lower + [(1 + first[letter] // 2, letter.upper().encode(), f"letter {letter}") for letter in string.ascii_lowercase]


def _after(code: int) -> str:
    character = chr(code)
    if character.isalpha():
        return f"letter {character.lower()}"
    return "digits" if character.isdigit() else "any" if character == " " else "after mark"


def _tail(lead: int) -> int:
    return 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3


def _traits(collections: Mapping[str, Collection]) -> Contexts:
    """One context for the values of each trait type, one for what follows them; "start" holds the prefixes."""
    contexts: Contexts = {"start": []}
    for name, collection in sorted(collections.items()):
        types = list(collection["traits"])
        prefix = f"A picture of {collection['subject']}, containing ".encode()
        share = max(1, 1000 // len(collections))
        contexts["start"] += [(f * share, prefix, f"{name}/{kind}") for f, kind in _following(types, -1)]
        for index, (kind, values) in enumerate(collection["traits"].items()):
            counts = collection.get("counts", {}).get(kind, {})
            entries = [(1 + counts.get(value, 0), f"{value} {kind}".encode(), f"{name}/{kind} +") for value in values]
            total = sum(frequency for frequency, _, _ in entries)
            contexts[f"{name}/{kind}"] = [*entries, (1 + total // 200, b"", "any")]
            after = [(f, b", ", f"{name}/{following}") for f, following in _following(types, index)]
            ends = 8 if index + 1 < len(types) else 64
            contexts[f"{name}/{kind} +"] = [*after, (ends, *END), (1, b"", "after noun")]
    return contexts


def _following(types: list[str], index: int) -> list[tuple[int, str]]:
    return [(max(1, 64 >> skipped), kind) for skipped, kind in enumerate(types[index + 1 :])]


def _file(contexts: Contexts) -> str:
    lines = ["# gistchain dictionary 1, written by training/dictionary.py. docs/packet.md says how it is read."]
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
    text = dictionary_text(json.loads(TRAITS.read_text()), WORDS.read_text())
    DICTIONARY.write_text(text, encoding="utf-8")
    print(f"{len(text.encode())} bytes, SHA-256 {hashlib.sha256(text.encode()).hexdigest()}")


if __name__ == "__main__":
    main()
