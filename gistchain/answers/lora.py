"""A LoRA that was learnt, or was there -> JSON and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gistchain.text import lines

if TYPE_CHECKING:
    from gistchain.collection.lora import TrainedLora


def lora_json(done: TrainedLora) -> dict[str, Any]:
    """loss: mean squared error of the denoiser, [before, after]."""
    return {
        "lora": done.name,
        "subject": done.subject,
        "base": done.base,
        "model": str(done.weights),
        "card": str(done.card),
        "prompt": done.prompt,
        "new": done.new,
        "rank": done.rank,
        "steps": done.steps,
        "tokens": done.tokens,
        "resumed_at": done.resumed_at,
        "loss": {part: [round(loss, 6) for loss in getattr(done, part)] for part in ("learnt", "held_out")},
        "notes": list(done.notes),
    }


def lora_text(done: TrainedLora) -> str:
    how = (
        f"learnt in {done.steps:,} steps from {done.tokens:,} tokens"
        if done.new
        else "already there, from the same (--replace learns it again)"
    )
    resumed = (
        f", the last {done.steps - done.resumed_at:,} after an interruption" if done.new and done.resumed_at else ""
    )
    return lines(
        [
            f"{done.subject}: LoRA of {done.base}, {how}{resumed} -> {done.weights}",
            f"  the denoiser's error on pictures that it learnt from: {_change(done.learnt)}; on held-out ones: "
            f"{_change(done.held_out)}",
            *(f"  note: {note}" for note in done.notes),
            f"  in a prompt: {done.prompt}",
        ]
    )


def _change(error: tuple[float, float]) -> str:
    return f"{error[0]:.4f} before, {error[1]:.4f} after"
