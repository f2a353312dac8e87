"""500 held-out captions that the link's text is measured with -> benchmarks/link_captions.tsv: source and caption.

    python -m benchmarks.link_captions        # about 2 CPU-minutes; needs the samples extra

What the default captioner says of held-out tokens of nine collections, at 256 x 256 (punks and Nouns at 512 x 512);
what it says of the 46 held-out photos (as benchmarks/photo_captioner.py wrote it down); and the 40 sentences of
english_captions.txt, which no captioner said. Right or wrong, they are what is sent.
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks import held_out
from benchmarks.captions_in_bytes import of_photos
from gistchain import systems
from gistchain.collection.known import pfp30

HERE = Path(__file__).parent
FILE = HERE / "link_captions.tsv"
EACH = 60
COLLECTIONS = "pixel-art", "lorelei", "robohash-1", "open-peeps", "voxel-bot", "critters", "sprouts"
EACH_OF_THEM = 42


def captions() -> list[tuple[str, str]]:
    """(source, caption), as committed: "tokens", "photos" or "english"."""
    lines = FILE.read_text("utf-8").splitlines()
    return [(re.sub(r"[: ].*", "", source), text) for source, text in (line.split("\t") for line in lines)]


def main() -> None:
    said = systems.rosis().captioner
    rows = []
    for name in held_out.COLLECTIONS:
        tokens = held_out.tokens(name, EACH)
        rows += [(f"tokens: {name}", said.caption(held_out.at_512(tokens.image(i))).text) for i in range(EACH)]
    for name in COLLECTIONS:
        tokens = pfp30.held_out(name, EACH_OF_THEM, size=256)
        rows += [(f"tokens: {name}", said.caption(tokens.image(i)).text) for i in range(EACH_OF_THEM)]
    rows += [("photos", text) for text in of_photos()]
    rows += [("english", text) for text in (HERE / "english_captions.txt").read_text("utf-8").splitlines()]
    FILE.write_text("".join(f"{source}\t{text}\n" for source, text in rows), "utf-8")


if __name__ == "__main__":
    main()
