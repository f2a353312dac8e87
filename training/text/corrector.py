"""Captions -> a BART that mends captions which a noisy channel damaged (S4.3), fine-tuned from any BART.

python -m training.text.corrector --base FOLDER --captions FILE.txt --out FOLDER --minutes 60

Each caption, one a line, is sent as 8-bit ASCII (S2.4) through a channel that flips bits at a rate drawn anew for every
caption from RATES; BART reads what arrived and learns to write what was sent. The tuned checkpoint, with its tokenizer
and training.json (data, settings, losses), is what `corrector 'bart'` loads.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

RATES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.06)
"""Bit error rates; 0 teaches that a whole caption stays as it is. At 0.06 two characters of five are wrong."""
_WARM_UP = 20  # steps
_AVERAGED = 20  # steps at either end whose losses are compared


def noisy(text: str, bit_error_rate: float, rng: np.random.Generator) -> str:
    """The text after its bits were flipped, each with the same chance; what 8 bits can't hold is sent as '?'."""
    sent = np.frombuffer(text.encode("latin-1", "replace"), np.uint8)
    flips = np.packbits(rng.random((len(sent), 8)) < bit_error_rate, axis=1)[:, 0]
    return (sent ^ flips).tobytes().decode("latin-1")


def pairs(captions: Sequence[str], count: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """(what arrives, what was sent), `count` captions drawn at random."""
    sent = [captions[int(k)] for k in rng.integers(0, len(captions), count)]
    return [noisy(text, float(rng.choice(RATES)), rng) for text in sent], sent


def tune(model: Any, tokenizer: Any, captions: Sequence[str], args: argparse.Namespace) -> list[float]:
    """The loss of every step, nats a token; the model is changed in place. Stops after args.minutes or args.steps."""
    rng, end = np.random.default_rng(args.seed), time.monotonic() + 60 * args.minutes
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.01)
    losses: list[float] = []
    model.train()
    while time.monotonic() < end and len(losses) < args.steps:
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1.0, (len(losses) + 1) / _WARM_UP)
        loss = model(**_batch(model, tokenizer, *pairs(captions, args.batch, rng))).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        if len(losses) % 100 == 0:
            print(f"step {len(losses)}  loss {np.mean(losses[-100:]):.3f}", file=sys.stderr)
    return losses


def main(arguments: Sequence[str] | None = None) -> None:
    args = _arguments(arguments)
    captions = [line.strip() for line in args.captions.read_text("utf-8").splitlines() if line.strip()]
    if not captions:
        raise SystemExit(f"{args.captions} holds no caption: give a text file with one a line")
    from transformers import AutoTokenizer, BartForConditionalGeneration

    torch.manual_seed(args.seed)
    where = {"local_files_only": not args.allow_download, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(args.base, **where)
    model = BartForConditionalGeneration.from_pretrained(args.base, use_safetensors=True, **where).to(args.device)
    losses = tune(model, tokenizer, captions, args)
    if not losses:
        raise SystemExit(f"{args.minutes} minutes were too few for one step")
    model.eval().save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)
    record = {
        "command": "python -m training.text.corrector",
        "base": str(args.base),
        "captions": {"file": args.captions.name, "lines": len(captions)},
        "bit_error_rates": RATES,
        "steps": len(losses),
        "batch": args.batch,
        "rate": args.rate,
        "seed": args.seed,
        "loss_first": _mean(losses[:_AVERAGED]),
        "loss_last": _mean(losses[-_AVERAGED:]),
    }
    (args.out / "training.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(f"{len(losses)} steps, loss {record['loss_first']:.3f} -> {record['loss_last']:.3f}: {args.out}")


def _batch(model: Any, tokenizer: Any, arrived: list[str], sent: list[str]) -> dict[str, Any]:
    longest = min(int(model.config.max_position_embeddings), 512)
    read, written = (
        tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        for texts in (arrived, sent)
    )
    labels = written.input_ids.masked_fill(written.attention_mask == 0, -100)  # -100: no loss there
    batch = {"input_ids": read.input_ids, "attention_mask": read.attention_mask, "labels": labels}
    return {name: tensor.to(model.device) for name, tensor in batch.items()}


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base", required=True, help="folder or hub id of a BART")
    parser.add_argument("--captions", required=True, type=Path, help="text file, one caption a line")
    parser.add_argument("--out", required=True, type=Path, help="folder for the tuned checkpoint")
    parser.add_argument("--minutes", type=float, default=60, help="stop after this long")
    parser.add_argument("--steps", type=int, default=1_000_000, help="stop after this many steps")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-5, help="learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--allow-download", action="store_true", help="fetch the base from the hub")
    return parser.parse_args(arguments)


def _mean(losses: Sequence[float] | NDArray[np.float64]) -> float:
    return round(float(np.mean(losses)), 4)


if __name__ == "__main__":
    main()
