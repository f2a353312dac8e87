"""Plans of `gist` for held-out pictures, carried over the channel that they were made for: is what was predicted lost?

    python -m benchmarks.link_predict --only plans     # about 10 CPU-minutes; needs the samples extra

Each plan's frame is carried FRAMES times over AWGN. first: lost are all frames of which the first block did not
arrive, the start word's losses among them; a further block is counted where the first arrived. rows: of each kind of
block the targets of sending/plan.py, how often it was predicted to be lost and was, with Wilson's 95% interval over all
frames of all plans, and in how many plans the interval of its own frames lies above the target.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks import held_out
from benchmarks.link_first import with_wilson
from gistchain.errors import LinkError
from gistchain.link.channel import Awgn
from gistchain.senders import gist_sender
from gistchain.sending.adaptive import PreparedGist
from gistchain.sending.air import over
from gistchain.sending.room import TARGETS, Plan
from gistchain.types import Conditions, Picture, Pixels
from training.data import photos

Figures = dict[str, Any]
FRAMES = 200
SNRS = -5.0, 0.0, 5.0, 10.0, 15.0
TOKENS, PHOTOS = 6, 6
"""Of each collection that benchmarks/held_out.py names, and photos."""
BUDGETS = {"token": (256, 1024), "photo": (1024, 4096)}
SIDE = 512


def plans() -> Figures:
    rows = [row for kind, picture in pictures() for row in _of_picture(kind, picture)]
    return {"frames": FRAMES, "plans": rows, "rows": summary(rows)}


def pictures() -> Iterator[tuple[str, Picture]]:
    for name in held_out.COLLECTIONS:
        tokens = held_out.tokens(name, TOKENS)
        for i in range(TOKENS):
            yield "token", _picture(held_out.at_512(tokens.image(i)), f"{name} {i}")
    for photo in photos.held_out_photos()[:PHOTOS]:
        yield "photo", _picture(photos.pixels(photo, SIDE), photo.motif)


def _picture(pixels: Pixels, name: str) -> Picture:
    height, width = pixels.shape[:2]
    return Picture(pixels, bytes(32), (width, height), name)


def _of_picture(kind: str, picture: Picture) -> Iterator[Figures]:
    prepared = gist_sender().prepare(picture)
    for budget in BUDGETS[kind]:
        for snr_db in SNRS:
            yield from _carried(prepared, picture.name, budget, snr_db)


def _carried(prepared: PreparedGist, name: str, budget: int, snr_db: float) -> Iterator[Figures]:
    link = Awgn(snr_db)
    try:
        plan = prepared.plan(link, Conditions("awgn", snr_db, budget))
    except LinkError:
        return
    lost = _lost(plan, link)
    row = {"picture": name, "budget": budget, "snr_db": snr_db, "form": plan.form, "blocks": _blocks(plan, lost)}
    print(row, flush=True)
    yield row


def _lost(plan: Plan, link: Awgn) -> list[int]:
    """Frames without the first block; of the others, those without each further one."""
    counts = [0] * len(plan.blocks)
    for frame in range(FRAMES):
        came = over(link, plan.payload, plan.shares, room=plan.room, seed=(plan.room, frame))
        if came.gist is None:
            counts[0] += 1
            continue
        for index, block in enumerate(plan.blocks[1:], 1):
            counts[index] += block.layers in came.lost
    return counts


def _blocks(plan: Plan, lost: list[int]) -> list[Figures]:
    found = []
    for index, (block, missing) in enumerate(zip(plan.blocks, lost, strict=True)):
        last = index == len(plan.blocks) - 1
        told = 1 - plan.arrives if index == 0 else block.error_rate
        found.append({
            "kind": "alone" if last and not index else "first" if not index else "last" if last else "further",
            "layers": block.layers, "bits": 8 * block.size_bytes, "uses": block.uses, "predicted": told,
            "lost": missing, "of": FRAMES - (lost[0] if index else 0),
        })  # fmt: skip
    return found


def summary(rows: list[Figures]) -> Figures:
    """Of each kind of block. What stands alone has all uses and no target."""
    found: Figures = {}
    for kind, target in (("alone", None), *zip(("first", "further", "last"), TARGETS, strict=True)):
        blocks = [block for row in rows for block in row["blocks"] if block["kind"] == kind and block["of"]]
        if not blocks:
            continue
        sent, missing = sum(block["of"] for block in blocks), sum(block["lost"] for block in blocks)
        told = sum(block["predicted"] * block["of"] for block in blocks) / sent
        above = [with_wilson(block["lost"], block["of"])[1] > target for block in blocks] if target else []
        found[kind] = {
            "target": target, "plans": len(blocks), "frames": sent, "predicted": told,
            "lost": with_wilson(missing, sent), "above": sum(above),
        }  # fmt: skip
    return found
