"""The LoRAs that were trained here: `<lora:NAME:1>` in a caption -> the file, checked against its card (S3.10).

    collections/lora-NAME/pytorch_lora_weights.safetensors     what diffusers loads
    collections/lora-NAME/card.json                            base, rank, steps, tokens, sha256 of the weights

`gistchain collection train --lora` writes them; needs no torch.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from gistchain.errors import ModelError
from gistchain.safejson import parsed

LORA_FILE = "pytorch_lora_weights.safetensors"
"""What diffusers calls it."""
CARD_FILE = "card.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")  # a caption is a stranger's: it must not lead out of the folder


def lora_folder(shelf: Path, name: str) -> Path:
    """Where the LoRA of this name is kept. shelf: the folder of the user's own collections."""
    return shelf / f"lora-{name}"


def own_loras(shelf: Path) -> list[str]:
    """The names of those that are there, sorted."""
    found = (path.parent.name.removeprefix("lora-") for path in shelf.glob(f"lora-*/{CARD_FILE}"))
    return sorted(name for name in found if _NAME.fullmatch(name))


def own_lora(shelf: Path, name: str) -> Path | None:
    """The file of weights; None for a name that has no LoRA.

    Raises ModelError where the weights are not those that the card names: a run may have been killed between the two.
    """
    if not _NAME.fullmatch(name) or not (lora_folder(shelf, name) / CARD_FILE).is_file():
        return None
    path = lora_folder(shelf, name) / LORA_FILE
    if weights_sha256(path) != lora_card(shelf, name).get("sha256"):
        raise ModelError(f"{path} is missing, damaged or not the file that its card names: {_remedy(name)}")
    return path


def lora_card(shelf: Path, name: str) -> dict[str, Any]:
    """The content of the card, {} where there is none. Raises ModelError for one that can't be read."""
    path = lora_folder(shelf, name) / CARD_FILE
    try:
        content = parsed(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelError(f"the card {path} is damaged ({error}): {_remedy(name)}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not the card of a LoRA: {_remedy(name)}")
    return content


def weights_sha256(path: Path) -> str | None:
    """Hex digits, None where the file can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _remedy(name: str) -> str:
    return f"remove its folder and train it again with `gistchain collection train --lora BASE --name {name}`"
