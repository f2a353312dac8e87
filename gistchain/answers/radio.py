"""What was sent over a radio, or would be -> the JSON of --json, and words for a person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gistchain.text import lines

if TYPE_CHECKING:
    from gistchain.sending.analogue import AnaloguePlan
    from gistchain.sending.room import Plan
    from gistchain.types import Picture, PlannedBlock, Sent


def sent_json(picture: Picture, system: str, channel: str, output: Path, sent: Sent) -> dict[str, Any]:
    """cbr: channel uses for each number of the image's RGB."""
    width, height = picture.size
    return {
        "image": picture.name,
        "system": system,
        "channel": channel,
        "output": str(output),
        "uses": sent.uses,
        "cbr": sent.uses / (3 * width * height),
        "rounds": sent.rounds,
        "caption": sent.caption,
        "certain": sent.certain,
        "lost": list(sent.lost),
        "notes": list(sent.notes),
        "expected_ssim": sent.expected,
        "start_uses": sent.start_uses,
        "blocks": _blocks_json(sent.blocks),
    }


def sent_text(picture: Picture, system: str, channel: str, output: Path, sent: Sent) -> str:
    width, height = picture.size
    told = [
        f"{picture.name}  {system} over {channel}: {sent.uses:,} uses, CBR {_ratio(sent.uses / (3 * width * height))}"
        + (
            f", lost blocks sent again in {sent.rounds} {'round' if sent.rounds == 1 else 'rounds'}"
            if sent.rounds
            else ""
        ),
        *_blocks(sent.start_uses, sent.blocks),
        f"  read        {sent.caption!r}{_checked(sent)}" if sent.caption else "",
        f"  lost        {', '.join(sent.lost)}" if sent.lost else "",
        *(f"  note        {note}" for note in sent.notes),
        f"  written to  {output}",
    ]
    return lines(line for line in told if line)


def _ratio(ratio: float) -> str:
    """As is usual, 1/48; as a number where it is not small."""
    return f"1/{1 / ratio:,.0f}" if ratio < 0.1 else f"{ratio:.2g}"


def _checked(sent: Sent) -> str:
    if sent.certain:
        return ""
    analogue = any(block.modulation is None for block in sent.blocks)
    return ", and numbers as the noise left them" if analogue else ", which nothing checks"


def plan_json(picture: Picture, channel: str, plans: Sequence[Plan], analogue: AnaloguePlan | None) -> dict[str, Any]:
    """The best first. ssim: of what the form gives back; expected_ssim: blocks that are lost considered.

    analogue: the latent as analogue symbols, which is sent in place of the first plan; None where it would be worse.
    """
    return {
        "image": picture.name,
        "channel": channel,
        "analogue": None
        if analogue is None
        else {
            "ssim": analogue.fidelity,
            "expected_ssim": analogue.expected,
            "start_uses": analogue.start_uses,
            "blocks": _blocks_json(analogue.blocks),
        },
        "plans": [
            {
                "form": plan.form,
                "bytes": len(plan.payload),
                "ssim": plan.fidelity,
                "expected_ssim": plan.expected,
                "start_uses": plan.start_uses,
                "blocks": _blocks_json(plan.blocks),
            }
            for plan in plans
        ],
    }


def plan_text(picture: Picture, channel: str, plans: Sequence[Plan], analogue: AnaloguePlan | None) -> str:
    told = [f"{picture.name}  over {channel}"]
    if analogue is not None:
        fidelity = f"SSIM {analogue.fidelity:.3f}, expected {analogue.expected:.3f}"
        told += [f"sent  {'caption + analogue latent':<30}  {fidelity}", *_blocks(analogue.start_uses, analogue.blocks)]
    for number, plan in enumerate(plans):
        mark = "sent" if number == 0 and analogue is None else "    "
        fidelity = f"SSIM {plan.fidelity:.3f}, expected {plan.expected:.3f}"
        told.append(f"{mark}  {_form(plan):<17} {len(plan.payload):>6,} bytes  {fidelity}")
        told += _blocks(plan.start_uses, plan.blocks)
    return lines(told)


def _form(plan: Plan) -> str:
    """What it sends of the picture, with or without its words."""
    if plan.form == "caption":
        return "caption"
    return f"caption + {plan.form}" if plan.gist.captions else f"{plan.form} alone"


def _blocks(start_uses: int, blocks: Sequence[PlannedBlock]) -> list[str]:
    start = [f"  start       {start_uses:>5,} uses"] if start_uses else []
    return start + [
        f"  {block.layers:<10}  {block.uses:>5,} uses, "
        + (
            "numbers as analogue symbols"
            if block.modulation is None
            else f"{block.size_bytes:,} bytes in {block.modulation}, lost in {_percent(block.error_rate)}"
        )
        for block in blocks
    ]


def _percent(share: float | None) -> str:
    if share is None:
        return "an unknown share"
    return "less than 0.01%" if share < 1e-4 else f"{100 * share:.2g}%"


def _blocks_json(blocks: Sequence[PlannedBlock]) -> list[dict[str, Any]]:
    return [
        {
            "layers": block.layers,
            "bytes": block.size_bytes,
            "uses": block.uses,
            "modulation": block.modulation,
            "error_rate": block.error_rate,
        }
        for block in blocks
    ]
