"""Captions -> a BART that mends captions which a noisy channel damaged (S4.3), fine-tuned from any BART.

python -m training.text.pieces --out captions.txt --captioner llava=FOLDER
python -m training.text.corrector --base FOLDER --captions captions.txt --out FOLDER --minutes 60

Each caption, one a line, is sent as the systems that it is for send it: 8 bits a character in 16-QAM, uncoded (S2.4),
over white Gaussian noise at an SNR drawn anew for every caption, and read by hard decisions. BART reads what arrived
and learns to write what was sent; a share of the captions arrives whole, so that whole ones stay as they are. The tuned
checkpoint, with its tokenizer and training.json (data, settings, losses), is what `corrector 'bart'` loads.
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

from gistchain.errors import SettingError
from gistchain.link.channel import Awgn
from gistchain.link.noise import Seed
from gistchain.link.snr import noise_density
from gistchain.sending.text import padded_text
from gistchain.types import Segment, SoftValues

SNRS_DB = (10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 18.0)
"""Es/N0. At 10 dB two characters of five are wrong, at 18 dB one in a thousand."""
CLEAN = 0.15
"""Share of the captions that arrive whole."""
_WARM_UP = 20  # steps
_AVERAGED = 20  # steps at either end whose losses are compared


def carried(text: str, snr_db: float, seed: Seed) -> SoftValues:
    """What arrives of the text: a log-likelihood ratio for each of its bits, 8 a character, first bit highest.

    What ASCII can't write is sent as '?'. Raises SettingError for an SNR that can't be used.
    """
    bits = np.unpackbits(np.frombuffer(text.encode("ascii", "replace"), np.uint8))
    return Awgn(snr_db).carry_bits([Segment(bits, "16qam")], seed=seed).llrs[0]


def noisy(text: str, snr_db: float, seed: Seed) -> str:
    """The text as multi_sc's receiver reads it by hard decisions, with '?' for what is no ASCII.

    What a bit or less is left of at the end is taken for the zeros that fill a field.
    """
    return padded_text(carried(text, snr_db, seed))


def pairs(
    captions: Sequence[str], count: int, snrs_db: Sequence[float], clean: float, rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """(what arrives, what was sent) of `count` captions drawn at random, a share `clean` of them whole."""
    sent = [captions[int(k)] for k in rng.integers(0, len(captions), count)]
    arrived = [
        text if rng.random() < clean else noisy(text, float(rng.choice(snrs_db)), int(rng.integers(2**63)))
        for text in sent
    ]
    return arrived, sent


def tune(model: Any, tokenizer: Any, captions: Sequence[str], args: argparse.Namespace) -> list[float]:
    """The loss of every step, nats a token; the model is changed in place. Stops after args.minutes or args.steps."""
    rng, end = np.random.default_rng(args.seed), time.monotonic() + 60 * args.minutes
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.01)
    losses: list[float] = []
    model.train()
    while time.monotonic() < end and len(losses) < args.steps:
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1.0, (len(losses) + 1) / _WARM_UP)
        arrived = pairs(captions, args.batch, args.snrs_db, args.clean, rng)
        loss = model(**_batch(model, tokenizer, *arrived)).loss
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
        "channel": "8 bits a character, 16-QAM, AWGN, hard decisions",
        "snrs_db": args.snrs_db,
        "clean_share": args.clean,
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
    parser.add_argument("--snrs-db", type=float, nargs="+", default=list(SNRS_DB), help="Es/N0, one drawn a caption")
    parser.add_argument("--clean", type=float, default=CLEAN, help="share of the captions that arrive whole")
    parser.add_argument("--minutes", type=float, default=60, help="stop after this long")
    parser.add_argument("--steps", type=int, default=1_000_000, help="stop after this many steps")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-5, help="learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--allow-download", action="store_true", help="fetch the base from the hub")
    args = parser.parse_args(arguments)
    try:
        for snr_db in args.snrs_db:
            noise_density(snr_db)
    except SettingError as error:
        parser.error(str(error))
    if not 0 <= args.clean <= 1:
        parser.error(f"--clean is {args.clean}: give a share from 0 to 1")
    return args


def _mean(losses: Sequence[float] | NDArray[np.float64]) -> float:
    return round(float(np.mean(losses)), 4)


if __name__ == "__main__":
    main()
