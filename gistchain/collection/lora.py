"""A maker's own collection and a checkpoint of Stable Diffusion -> a LoRA that paints its tokens from captions (S3.10).

    folder ──> tokens ──> template captions and pictures ──> LoRA ──> HOME/collections/lora-NAME: weights, card

A prompt that says `<lora:NAME:1>` finds it there (models/diffusers/loras.py). A tenth of the tokens is held out, the
same as by `collection train`; the answer tells how well these are denoised before and after.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gistchain import __version__
from gistchain.collection import folder as folders
from gistchain.collection.captions.template import captioned
from gistchain.collection.imports.standard import scaled
from gistchain.collection.work import opened
from gistchain.disk.read import read_regular
from gistchain.disk.write import make_folder
from gistchain.errors import CollectionError
from gistchain.image import read_image
from gistchain.models.diffusers.lora_training import (
    LEARNING_RATE,
    RANK,
    STEPS,
    Example,
    LoraTraining,
    check_asked,
    unpacked,
)
from gistchain.models.diffusers.loras import CARD_FILE, LORA_FILE, lora_card, lora_folder, weights_sha256
from gistchain.types import Pixels

_MOST_CARD_BYTES = 1 << 20
_LICENCE = re.compile(r"^license:\s*([\w.-]{1,60})\s*$", re.MULTILINE)

Progress = Callable[[str, float], None]
"""What is being done, and how much of it is done, in 0..1."""


@dataclass(frozen=True, slots=True)
class TrainedLora:
    """A LoRA of the shelf. new: False where it was there already, learnt from the same. tokens: those learnt from.
    learnt, held_out: the denoiser's mean squared error (before, after) on tokens of each part. resumed_at: the step at
    which an interrupted training went on, else 0. notes: what of the folder had to be left out."""

    name: str
    subject: str
    base: str
    weights: Path
    card: Path
    new: bool
    rank: int
    steps: int
    tokens: int
    learnt: tuple[float, float]
    held_out: tuple[float, float]
    resumed_at: int
    notes: tuple[str, ...]

    @property
    def prompt(self) -> str:
        """What turns it on in a prompt."""
        return f"<lora:{self.name}:1>"


def train_lora(
    source: Path,
    shelf: Path,
    *,
    name: str,
    base: str,
    rank: int = RANK,
    steps: int = STEPS,
    seed: int = 0,
    learning_rate: float = LEARNING_RATE,
    subject: str = "",
    skip: bool = False,
    replace: bool = False,
    device: str = "cpu",
    dtype: str = "float32",
    allow_download: bool = False,
    allow_pickle: bool = False,
    progress: Progress = lambda what, share: None,
) -> TrainedLora:
    """Learns the LoRA `name` from the collection in `source`, onto the shelf. Interrupted, the same call goes on.

    base: a folder in diffusers' layout, or a hub id that was fetched before or may be. replace: also in the place of
    another LoRA of the name, and of the same. Raises SettingError for numbers that can't be, ModelError for a missing
    package and a base that is missing or no Stable Diffusion, CollectionError or ImageError for a folder that can't be
    learnt from, and CollectionError for a LoRA that would take the place of another; nothing on the shelf changes then.
    """
    check_asked(rank, steps, seed)
    listed = folders.listed(source, name=name, subject=subject, skip=skip)
    progress("loading the checkpoint", 0.0)
    training = LoraTraining(
        base, rank=rank, seed=seed, learning_rate=learning_rate, device=device, dtype=dtype,
        allow_download=allow_download, allow_pickle=allow_pickle,
    )  # fmt: skip
    progress("loading the checkpoint", 1.0)
    asked = {"rank": rank, "steps": steps, "seed": seed, "learning_rate": learning_rate, "dtype": dtype}
    state = hashlib.sha256(f"{listed.digest} {__version__} {training.base_sha256} {asked}".encode()).hexdigest()
    weights, card = (lora_folder(shelf, name) / file for file in (LORA_FILE, CARD_FILE))
    # The dot keeps it apart from the work on a collection, whose name has none.
    with opened(shelf, f"{name}.lora", state, lambda what: progress(what, 1.0)) as work:
        there = lora_card(shelf, name)
        same = there.get("inputs") == state and there.get("sha256") == weights_sha256(weights)
        if same and not replace:
            return _told(there, weights, card, new=False, notes=listed.notes)
        if there and there.get("inputs") != state and not replace:
            raise CollectionError(
                f"there is a LoRA {name!r} already, of {there.get('base')}: prompts with <lora:{name}:1> would be "
                "painted by the new one. Give --replace if that is wanted, otherwise another --name"
            )
        work.only()
        shown, held = examples(listed)
        learnt = training.learn(
            shown, held, steps=steps, checkpoint=work.checkpoint("lora", unpacked), put=work.put, progress=progress
        )
        content = {
            "kind": "lora",
            "lora": name,
            "subject": listed.traits.subject,
            "base": base,
            "base_sha256": training.base_sha256,
            **asked,
            "tokens": len(shown),
            "loss": {"learnt": learnt.learnt, "held_out": learnt.held_out},
            "resumed_at": learnt.resumed_at,
            "sha256": hashlib.sha256(learnt.weights).hexdigest(),
            "licence": f"the maker's own, with that of the base ({_licence(training.folder)}), whose terms hold "
            "for what is made of it too",
            "recipe": "gistchain collection train --lora",
            "inputs": state,
        }
        make_folder(weights.parent)
        work.put(learnt.weights, weights)
        work.put(json.dumps(content, indent=1).encode(), card)
        work.remove()
    return _told(content, weights, card, new=True, notes=listed.notes)


def examples(listed: folders.Listed) -> tuple[list[Example], list[Example]]:
    """(those to learn from, those held out), with captions by the template, types in the order of the traits."""
    held = folders.held_out([token.name for token in listed.tokens])
    parts: tuple[list[Example], list[Example]] = [], []
    for token, out in zip(listed.tokens, held, strict=True):
        named = [(t, token.attributes[t]) for t in listed.traits.types if t in token.attributes]
        text = captioned(listed.traits.subject, named).text
        parts[bool(out)].append(Example(text, partial(_pixels, token.image)))
    return parts


def _pixels(image: Path) -> Pixels:
    """In the standard form: pixel art that is enlarged to what the network sees would be a blur otherwise."""
    return np.asarray(scaled(read_image(image).pixels, str(image)))


def _licence(base: Path) -> str:
    """As the model card beside the weights names it."""
    try:
        text = read_regular(base / "README.md", at_most=_MOST_CARD_BYTES).decode("utf-8", "replace")
        found = _LICENCE.search(text[:20_000])
    except OSError:
        found = None
    return found[1] if found else "see its model card"


def _told(card: dict[str, Any], weights: Path, path: Path, *, new: bool, notes: tuple[str, ...]) -> TrainedLora:
    learnt, held_out = ((float(pair[0]), float(pair[1])) for pair in (card["loss"]["learnt"], card["loss"]["held_out"]))
    return TrainedLora(
        str(card["lora"]), str(card["subject"]), str(card["base"]), weights, path, new, int(card["rank"]),
        int(card["steps"]), int(card["tokens"]), learnt, held_out, int(card["resumed_at"]), notes,
    )  # fmt: skip
