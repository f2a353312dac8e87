"""A hub id or a folder -> a text-to-image pipeline of diffusers with its LoRAs, loaded and checked, ready to run."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gistchain.errors import ModelError
from gistchain.models.diffusers.loras import LORA_FILE
from gistchain.models.transformers.loading import Checkpoint, located, reading, whole
from gistchain.models.transformers.running import memory, quietly, torch_dtype
from gistchain.models.zoo.checkpointfiles import SAFE, check_safetensors, refuse_pickle
from gistchain.safejson import parsed


def load(checkpoint: Checkpoint) -> Any:
    """The pipeline, on its device, with every weight from its files. Raises ModelError where one is missing."""
    who, source = checkpoint.who, checkpoint.source
    index = _index(checkpoint)
    with reading(who, source), silently(), memory(who, checkpoint.device, "a smaller dtype"):
        import diffusers

        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            source, dtype=torch_dtype(checkpoint.dtype), **files(checkpoint), **_text_parts(checkpoint, index)
        ).to(checkpoint.device)
    if "prompt" not in inspect.signature(pipeline.__call__).parameters or getattr(pipeline, "vae", None) is None:
        raise ModelError(
            f"{source} is a {type(pipeline).__name__}; {who} wants a pipeline from text to images with an autoencoder"
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def files(checkpoint: Checkpoint) -> dict[str, Any]:
    """The arguments that say what from_pretrained of diffusers may open."""
    return {
        "local_files_only": not checkpoint.allow_download,
        "use_safetensors": None if checkpoint.allow_pickle else True,
    }


def add_lora(pipeline: Any, checkpoint: Checkpoint, source: str, name: str) -> None:
    """Put the LoRA of a file, a folder or a hub id on the pipeline as its adapter `name`, turned on.

    Raises ModelError where it is missing, pickled, or fits no layer of this pipeline.
    """
    folder, file = _lora_file(checkpoint, source)
    with reading(checkpoint.who, source), silently():
        pipeline.load_lora_weights(folder, weight_name=file, adapter_name=name, **files(checkpoint))
    if name not in {adapter for names in pipeline.get_list_adapters().values() for adapter in names}:
        raise ModelError(f"{source} holds no LoRA that fits {checkpoint.source}: it was made for another model")


def lora_name(source: str) -> str:
    """What prompts call the LoRA of this source: the file's name without its ending, or the last part of the id."""
    path = Path(source)
    return path.stem if path.suffix == SAFE else path.name


@contextlib.contextmanager
def silently() -> Iterator[None]:
    """A context like running.quietly, for diffusers too."""
    with quietly():
        from diffusers.utils import logging

        level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity(logging.CRITICAL)
        logging.disable_progress_bar()
        try:
            yield
        finally:
            logging.set_verbosity(level)
            if bars:
                logging.enable_progress_bar()


def _index(checkpoint: Checkpoint) -> dict[str, Any]:
    """The content of model_index.json: the class of each part."""
    folder = Path(checkpoint.source)
    if folder.is_dir() and not (folder / "model_index.json").is_file():
        told = parsed((folder / "config.json").read_bytes())  # read once by check_folder
        kind = told.get("model_type") or told.get("_class_name") or "one model"
        raise ModelError(f"{folder} is {kind}; {checkpoint.who} wants a pipeline of diffusers, with a model_index.json")
    with reading(checkpoint.who, checkpoint.source), silently():
        import diffusers

        index: dict[str, Any] = diffusers.DiffusionPipeline.load_config(
            checkpoint.source, local_files_only=not checkpoint.allow_download
        )
        return index


def _text_parts(checkpoint: Checkpoint, index: dict[str, Any]) -> dict[str, Any]:
    """The parts that are networks of transformers, loaded here: diffusers would fill missing weights with noise."""
    import transformers

    parts = {}
    for name, entry in index.items():
        if not (isinstance(entry, list) and len(entry) == 2 and entry[0] == "transformers"):
            continue
        made: Any = getattr(transformers, str(entry[1]), None)
        if made is not None and issubclass(made, transformers.PreTrainedModel):
            part, report = made.from_pretrained(
                checkpoint.source, subfolder=name, dtype=torch_dtype(checkpoint.dtype), output_loading_info=True,
                trust_remote_code=False, **files(checkpoint)
            )  # fmt: skip
            whole(checkpoint.who, f"{checkpoint.source} ({name})", report)
            parts[name] = part.eval()
    return parts


def _lora_file(checkpoint: Checkpoint, source: str) -> tuple[str, str]:
    """(folder or hub id, name of the file)."""
    path = Path(source).expanduser()
    if path.is_dir():
        weights = sorted(path.glob(f"*{SAFE}")) or sorted(path.glob("*.bin")) or sorted(path.glob("*.pt"))
        path = next((p for p in weights if p.name == LORA_FILE), weights[0] if len(weights) == 1 else path)
        if path.is_dir():
            raise ModelError(
                f"{source} holds {len(weights)} files of weights instead of one LoRA: give the file itself"
            )
    if not path.is_file():
        return located(checkpoint.who, source, allow_download=checkpoint.allow_download), LORA_FILE
    refuse_pickle(path, allow=checkpoint.allow_pickle)
    if path.suffix == SAFE:
        check_safetensors(path)
    return str(path.parent), path.name
