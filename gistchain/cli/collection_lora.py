"""`gistchain collection train --lora`: a LoRA of Stable Diffusion from a collection, kept where prompts find it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gistchain.answers.lora import lora_json, lora_text
from gistchain.cli.terminal import answer, goes_on, stages
from gistchain.errors import SettingError
from gistchain.settings import Settings


def check_lora(lora: str | None, **only: int | None) -> None:
    """Raises SettingError where options that belong to --lora are given without it, or it names no checkpoint."""
    given = [name for name, value in only.items() if value is not None]
    if lora is None and given:
        raise SettingError(f"--{given[0]} is for a LoRA: give --lora BASE too, or leave it out")
    if lora is not None and not lora.strip():
        raise SettingError("--lora names no checkpoint: give a folder or a hub id of Stable Diffusion")


def learn_lora(
    settings: Settings, folder: Path, base: str, name: str, asked: Mapping[str, int], as_json: bool, *,
    subject: str, skip: bool, replace: bool,
) -> None:  # fmt: skip
    """Train it and print the answer. asked: rank, steps and seed, those that were given."""
    from gistchain.collection.lora import train_lora

    place = ("device", "dtype", "allow_download", "allow_pickle")
    options: dict[str, Any] = {**{key: getattr(settings, key) for key in place}, **asked}
    with goes_on(), stages() as progress:
        done = train_lora(
            folder, settings.collections, name=name, base=base, subject=subject, skip=skip, replace=replace,
            progress=progress, **options,
        )  # fmt: skip
    answer(done, lora_json, lora_text, as_json, done=f"the LoRA {name} was learnt")
