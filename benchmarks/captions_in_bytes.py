"""Captions -> bytes a caption, by plain text, gzip, deflate, deflate with our dictionary, and ours.

    python -m benchmarks.captions_in_bytes [--captions FILE]        writes results/captions_in_bytes.json

FILE holds one caption a line. Without it: 1,000 held-out captions each of CryptoPunks and Nouns, 100 of each other
training collection of PFP-30 (drawn anew, about 4 CPU-minutes), what the photo captioner says of the held-out photos
(as benchmarks/photo_captioner.py wrote it down), and `english_captions.txt`: 40 captions that the author of the
dictionary's words wrote after these and did not tune them on. "ours" is the shorter of plain text and dictionary,
"packet" the whole gist with version, size and check, of a picture of a usual size.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import statistics
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import report
from gistchain.collection.known import nouns, pfp30, punks
from gistchain.gist import textcode
from gistchain.gist.packet import pack
from gistchain.types import Gist

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--captions", type=Path, help="a text file, one caption a line")
    file = parser.parse_args().captions
    sets = {file.stem: file.read_text("utf-8").splitlines()} if file else held_out()
    table = {name: {"captions": len(texts), **measured(texts)} for name, texts in sets.items()}
    folder = Path(textcode.__file__).parent
    size = (folder / textcode.FILE).stat().st_size
    dictionary = {"file": textcode.FILE, "bytes": size, "sha256": textcode.SHA256}
    print(json.dumps(table, indent=1))
    if not file:
        data = "held-out captions of PFP-30's training collections, of held-out photos, and 40 of everyday English"
        report.write("captions_in_bytes", data=data, unit="bytes a caption", dictionary=dictionary, sets=table)


def held_out() -> dict[str, list[str]]:
    every = punks.tokens()
    sets = {"CryptoPunks": [every.caption(index) for index in punks.HELD_OUT]}
    drawn = nouns.tokens(nouns.sample(1000, rng=np.random.default_rng(0), held=True))
    sets["Nouns"] = [drawn.caption(index) for index in range(len(drawn))]
    for name in pfp30.TRAINING:
        if name not in ("punks", "nouns"):
            tokens = pfp30.held_out(name, 100)
            sets[tokens.traits.subject] = [tokens.caption(index) for index in range(len(tokens))]
    sets["photos"] = of_photos()
    sets["English"] = (HERE / "english_captions.txt").read_text("utf-8").splitlines()
    return sets


def of_photos() -> list[str]:
    """What the photo captioner said of the held-out photos."""
    photos = json.loads((report.RESULTS / "photo_captioner.json").read_text("utf-8"))["figures"]["captions"]
    return [re.sub(r" \([\d.]+\)$", "", said) for said in photos.values()]


def measured(texts: list[str]) -> dict[str, dict[str, float]]:
    preset = preset_dictionary()
    coders: dict[str, Callable[[str], int]] = {
        "plain": lambda text: len(text.encode()),
        "gzip": lambda text: len(gzip.compress(text.encode(), 9, mtime=0)),
        "deflate": lambda text: len(deflated(text.encode())),
        "deflate with dictionary": lambda text: len(deflated(text.encode(), preset)),
        "ours": lambda text: len(textcode.encode(text)[1]),
        "packet": lambda text: len(pack(Gist((text,), (512, 512)))),
    }
    return {name: summary([coder(text) for text in texts]) for name, coder in coders.items()}


def deflated(data: bytes, preset: bytes = b"") -> bytes:
    coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, preset)
    return coder.compress(data) + coder.flush()


def preset_dictionary() -> bytes:
    """The texts of our dictionary for deflate, the most frequent last, as zlib advises; it looks back 32 KiB."""
    dictionary = textcode.load()
    contexts = [dictionary.context(number) for number in range(len(dictionary))]
    shares: dict[bytes, float] = {
        piece: frequency / context.cumulative[-1]
        for context in contexts
        for piece, frequency in zip(context.pieces, context.frequencies, strict=True)
        if len(piece) > 2
    }
    pieces = [piece for _, piece in sorted((share, piece) for piece, share in shares.items())]
    return b", ".join(pieces)[-32768:]


def summary(sizes: list[int]) -> dict[str, float]:
    p95 = float(np.percentile(sizes, 95))
    return {"mean": round(statistics.mean(sizes), 2), "median": statistics.median(sizes), "p95": round(p95, 1)}


if __name__ == "__main__":
    main()
