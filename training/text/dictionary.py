"""What 24 collections' and the photo captioner's captions say -> gistchain/gist/dictionary.txt.

    python -m training.text.dictionary            # writes it and prints the SHA-256 that textcode.py must name
    python -m training.text.dictionary --count    # counts training tokens and photos first, into dictionary.json

Everyday words come from contexts.py; what a caption of the first six collections says is taken as counted there.
The 18 others are counted in 1,000 training tokens each, photos in all training photos and 150 training drawings.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypedDict

from training.places import ROOT
from training.text.contexts import (
    HERE,
    Collection,
    Contexts,
    Counts,
    Entry,
    english_contexts,
    file_text,
    tally,
    trait_contexts,
)
from training.text.contexts import sources as first_sources

COUNTS = HERE / "dictionary.json"
DICTIONARY = ROOT / "gistchain" / "gist" / "dictionary.txt"
STARTS_OF_PHOTOS = 600  # beside 3,000 of collections and about 1,000 of everyday words
DRAWINGS = 150

_CAPTION = re.compile(r"(A (?:(?:dark|bright|black and white) )?(?:photo|drawing|picture))(?: of (.+?))?, (.+)")


class Photos(TypedDict):
    """Captions of photos, counted. A state is the place that was named last, "first" before any.

    labels: phrase -> [classes of the network that it covers, captions]; places: state -> place -> regions;
    colours: state -> colour -> regions that it is the first or only colour of; seconds: second colour -> regions;
    pairs: regions of two colours, regions.
    """

    starts: dict[str, int]
    labels: dict[str, list[int]]
    places: dict[str, dict[str, int]]
    colours: dict[str, dict[str, int]]
    seconds: dict[str, int]
    pairs: list[int]


def dictionary_text(
    collections: Mapping[str, Collection], counts: Mapping[str, Counts], photos: Photos, words: str
) -> str:
    """The text of the dictionary file."""
    english, traits = english_contexts(words), trait_contexts(collections, counts, spelled=True)
    for before in ("after noun", "after word"):  # what the captioner says of colours also follows a free subject
        english[before].append((8 * 4, b", ", "photo first"))
    captioner = photo_contexts(photos)
    start = [*english.pop("start"), *traits.pop("start"), *captioner.pop("start")]
    return file_text({"start": start, **traits, **captioner, **english})


def photo_contexts(photos: Photos) -> Contexts:
    """The template of gistchain/models/photo/captioner.py; "start" holds its beginnings."""
    contexts: Contexts = {"start": []}
    total = sum(photos["starts"].values())
    for start, seen in photos["starts"].items():
        follow = "photo label" if start.endswith("of ") else "photo first"
        contexts["start"].append((2 + STARTS_OF_PHOTOS * seen // total, start.encode(), follow))
    labels = [
        (2 + 2 * math.isqrt(covered) + 6 * seen, phrase.encode(), "photo labelled")
        for phrase, (covered, seen) in photos["labels"].items()
    ]
    contexts["photo label"] = [*labels, (sum(f for f, _, _ in labels) // 12, b"", "any")]
    contexts["photo labelled"] = [(200, b", ", "photo first"), (4, b"", "after noun")]
    every = Counter[str]()
    for colours in photos["colours"].values():
        every.update(colours)
    two, regions = photos["pairs"]
    for state in photos["places"]:
        ways = _ways(state, photos["places"])
        share = sum(frequency for frequency, _, _ in ways)
        contexts[f"photo {state}"] = _colours(
            {c: 3 + 8 * n + every[c] for c, n in photos["colours"][state].items()}, f"photo {state} one"
        )
        both = (share * two // (regions - two), b" and ", f"photo {state} and")
        contexts[f"photo {state} one"] = [both, *ways]
        contexts[f"photo {state} and"] = _colours(photos["seconds"], f"photo {state} two")
        contexts[f"photo {state} two"] = ways
    contexts["photo end"] = [(1, b"", "end")]  # only a symbol without text may end a path that textcode.py looks for
    return contexts


def _ways(state: str, regions: Mapping[str, Mapping[str, int]]) -> list[Entry]:
    """What may follow the colours of a region: its place, and the end or another region."""
    entries: list[Entry] = []
    for place, seen in regions[state].items():
        more = sum(regions.get(place, {}).values())
        ends = max(0, sum(places.get(place, 0) for places in regions.values()) - more)
        if place in regions:
            entries.append((2 + 8 * seen * more // max(1, more + ends), f" {place}, ".encode(), f"photo {place}"))
        entries.append((1 + 8 * seen * ends // max(1, more + ends), f" {place}".encode(), "photo end"))
    return [*entries, (2, b"", "after noun")]


def _colours(frequencies: Mapping[str, int], follow: str) -> list[Entry]:
    entries = [(1 + frequency, colour.encode(), follow) for colour, frequency in frequencies.items()]
    return [*entries, (1 + sum(frequencies.values()) // 200, b"", "any")]


def count() -> dict[str, object]:
    """Collections and photos of the training side, counted: nothing that is held out."""
    from gistchain.collection.known import pfp30
    from training.data import pfp

    known = first_sources()[0]
    collections = {}
    for name in pfp30.TRAINING:
        if name not in known:
            tokens = pfp.tokens(name)
            counts = tally(tokens)
            for kind, values in tokens.traits.values.items():
                counts[kind]["values"] = {value: counts[kind]["values"].get(value, 0) for value in values}
            collections[name] = {"subject": tokens.traits.subject, "counts": counts}
    return {"collections": collections, "photos": counted(captions())}


def captions() -> list[str]:
    """What the photo captioner says of the training photos, and of some training drawings over white."""
    import numpy as np

    from gistchain.models.photo.captioner import PhotoCaptioner
    from training.data import photos

    captioner = PhotoCaptioner()
    drawings = [d for d in photos.training_drawings() if d.path.stat().st_size < 500_000]
    chosen = [drawings[int(k)] for k in np.random.default_rng(0).permutation(len(drawings))[:DRAWINGS]]
    pictures = [photos.pixels(photo, 512) for photo in photos.training_photos()]
    pictures += [photos.over(photos.rgba(drawing, 400)) for drawing in chosen]
    return [captioner.caption(picture).text for picture in pictures]


def counted(texts: Sequence[str]) -> Photos:
    """The captions of photos, counted, with zeros for what could be said too."""
    from gistchain.colours import COLOURS
    from gistchain.models.photo.layout import LAYOUTS, read_regions

    media = [f"A {light}{medium}" for light in ("", "dark ", "bright ", "black and white ") for medium in
             ("photo", "drawing", "picture")]  # fmt: skip
    follows = {("first", layout[0]) for layout in LAYOUTS} | {
        p for layout in LAYOUTS for p in itertools.pairwise(layout)
    }
    states = ["first", *dict.fromkeys(p for layout in LAYOUTS for p in layout[:-1])]
    photos: Photos = {
        "starts": {f"{medium}{joint}": 0 for medium in media for joint in (" of ", ", ")},
        "labels": {phrase: [covered, 0] for phrase, covered in _labels().items()},
        "places": {s: {p: 0 for before, p in sorted(follows) if before == s} for s in states},
        "colours": {state: dict.fromkeys(COLOURS, 0) for state in states},
        "seconds": dict.fromkeys(COLOURS, 0),
        "pairs": [0, 0],
    }
    for text in texts:
        found = _CAPTION.fullmatch(text)
        if found is None:
            sys.exit(f"{text!r} doesn't look like the photo captioner's: bring _CAPTION up to date")
        medium, label, places = found.groups()
        photos["starts"][f"{medium} of " if label else f"{medium}, "] += 1
        if label:
            photos["labels"][label][1] += 1
        state = "first"
        for region in read_regions(places):
            photos["places"][state][region.place] += 1
            photos["colours"][state][region.colours[0]] += 1
            for second in region.colours[1:]:
                photos["seconds"][second] += 1
            photos["pairs"][0] += len(region.colours) - 1
            photos["pairs"][1] += 1
            state = region.place
    return photos


def _labels() -> dict[str, int]:
    """Every phrase that can name the subject -> how many of the network's classes it covers."""
    from gistchain.models.packaged.networks import class_names
    from gistchain.models.photo.captioner import _with_article
    from gistchain.models.photo.labels import class_paths

    words = [
        path[depth] for path in class_paths(class_names()) for depth in range(len(path)) if path[depth] != "object"
    ]
    return dict(sorted(Counter(_with_article(word) for word in words).items()))


def sources() -> tuple[Mapping[str, Collection], Mapping[str, Counts], Photos, str]:
    """What `dictionary_text` takes, from the committed files."""
    collections, counts, words = first_sources()
    record = json.loads(COUNTS.read_text("utf-8"))
    others: dict[str, Collection] = {
        name: {
            "subject": one["subject"],
            "traits": {kind: list(said["values"]) for kind, said in one["counts"].items() if kind},
        }
        for name, one in record["collections"].items()
    }
    others_counts = {name: one["counts"] for name, one in record["collections"].items()}
    return {**collections, **others}, {**counts, **others_counts}, record["photos"], words


def main() -> None:
    if sys.argv[1:] == ["--count"]:
        text = json.dumps(count(), separators=(",", ":"))
        # A line for each collection and for each part of the photos: small, and still to be compared.
        text = re.sub(r'("[\w-]+":\{"subject"|"(?:starts|labels|places|colours|seconds|pairs|photos)":)', r"\n\1", text)
        COUNTS.write_text(text + "\n", encoding="utf-8")
    text = dictionary_text(*sources())
    DICTIONARY.write_text(text, encoding="utf-8")
    print(f"{len(text.encode())} bytes, SHA-256 {hashlib.sha256(text.encode()).hexdigest()}")


if __name__ == "__main__":
    main()
