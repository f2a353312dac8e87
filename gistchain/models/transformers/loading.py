"""A hub id or a folder, a device and a dtype -> a model of transformers, loaded and checked, ready to run.

Files come from disk only, unless downloads are allowed; weights are safetensors only, unless pickles are; code that a
checkpoint contains is never run. What transformers, torch and the hub raise becomes a ModelError here.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gistchain.errors import GistchainError, ModelError
from gistchain.models.transformers.running import check_place, memory, quietly, running, torch_dtype
from gistchain.models.zoo.checkpointfiles import SAFE, check_folder
from gistchain.safejson import parsed


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a model is and where it will run. who: names the adapter in messages.

    source: a folder or a hub id; afterwards the folder, where the model is on disk. device: cpu, cuda, cuda:1, mps ...
    dtype: one of registry.DTYPES. allow_download: the hub may be asked for what is not on disk. allow_pickle: weights
    may be other than safetensors. Raises SettingError for a device or dtype that can't be used, ModelError for anything
    that is not a checkpoint.
    """

    who: str
    source: str
    device: str = "cpu"
    dtype: str = "float32"
    allow_download: bool = False
    allow_pickle: bool = False

    def __post_init__(self) -> None:
        need(self.who, "torch", "transformers")
        check_place(self.device, self.dtype)
        object.__setattr__(self, "source", located(self.who, self.source, allow_download=self.allow_download))
        if Path(self.source).is_dir():
            check_folder(Path(self.source), allow_pickle=self.allow_pickle)
        elif not self.allow_pickle:
            self._refuse_pickled_id()

    def model(self, auto: str, kinds: Sequence[str] = (), unused: Sequence[str] = ()) -> Any:
        """The network, of transformers' class `auto`, in evaluation mode on its device.

        kinds: model types that are accepted; empty for all that `auto` knows. unused: prefixes of names of weights
        that may be missing. Raises ModelError for another kind, missing or broken weights, or too little memory.
        """
        import transformers

        kind = self.config().get("model_type")
        if kinds and kind not in kinds:
            wanted = " or ".join(kinds[:3]) + " or another of its kind" * (len(kinds) > 3)
            raise ModelError(f"{self.who} wants a checkpoint of {wanted}; {self.source} is {kind or 'none'}")
        with self._reading(), quietly(), memory(self.who, self.device, "a smaller dtype or checkpoint"):
            model, report = getattr(transformers, auto).from_pretrained(
                self.source, dtype=torch_dtype(self.dtype), use_safetensors=None if self.allow_pickle else True,
                output_loading_info=True, **self.files
            )  # fmt: skip
            whole(self.who, self.source, report, unused)
            return model.to(self.device).eval().requires_grad_(False)

    def part(self, auto: str, **options: Any) -> Any:
        """The tokenizer or processor of the checkpoint, loaded by `auto`, a class of transformers."""
        import transformers

        with self._reading(), quietly():
            return getattr(transformers, auto).from_pretrained(self.source, **options, **self.files)

    def config(self) -> dict[str, Any]:
        """The content of config.json."""
        from transformers import PreTrainedConfig

        if (Path(self.source) / "model_index.json").is_file():
            raise ModelError(f"{self.source} is a pipeline of diffusers; {self.who} wants one model of transformers")
        with self._reading(), quietly():
            config: dict[str, Any] = PreTrainedConfig.get_config_dict(self.source, **self.files)[0]
            return config

    def json(self, name: str) -> dict[str, Any]:
        """The content of a further JSON file of the checkpoint, {} where there is none of this name."""
        from transformers.utils import cached_file

        with self._reading(), quietly():
            path = cached_file(
                self.source, name, local_files_only=not self.allow_download, _raise_exceptions_for_missing_entries=False
            )
            content: dict[str, Any] = parsed(Path(path).read_bytes()) if path else {}
            return content

    def running(self, less: str) -> contextlib.AbstractContextManager[None]:
        """A context for one run: quiet, without gradients; too little memory becomes a ModelError that names `less`."""
        return running(self.who, self.device, less)

    @property
    def files(self) -> dict[str, Any]:
        """The arguments that say where from_pretrained may look."""
        return {"local_files_only": not self.allow_download, "trust_remote_code": False}

    def _refuse_pickled_id(self) -> None:
        """Does for a hub id what check_folder does for a folder: transformers would only say that it finds no file."""
        import huggingface_hub

        with self._reading(), quietly():
            names = huggingface_hub.list_repo_files(self.source)
        if not any(name.endswith(SAFE) for name in names):
            raise ModelError(
                f"{self.who}: {self.source} has no safetensors on the hub, and opening pickled weights runs code that "
                "their author chose: take another checkpoint, or, if you trust the author, --allow-pickle"
            )

    def _reading(self) -> contextlib.AbstractContextManager[None]:
        return reading(self.who, self.source)


def need(who: str, *packages: str, install: str = "pip install 'gistchain[hf]'") -> None:
    """Raises ModelError where one of the packages is not installed."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ModelError(f"{who} needs {package}: {install}")


def whole(who: str, source: str, report: dict[str, Any], unused: Sequence[str] = ()) -> None:
    """Raises ModelError where from_pretrained had to invent weights. report: its loading info."""
    invented = [str(key) for key in report.get("missing_keys", ()) if not str(key).startswith(tuple(unused))]
    invented += [str(key[0] if isinstance(key, tuple) else key) for key in report.get("mismatched_keys", ())]
    if invented:
        raise ModelError(
            f"{source} lacks {len(invented)} of the weights that {who} needs ({', '.join(sorted(invented)[:3])}): "
            "it is cut off, or a checkpoint of another model"
        )


def located(who: str, source: str, *, allow_download: bool) -> str:
    """The folder of a model on disk, including a hub id that was fetched before; else the id, if it may be fetched.

    With a folder no framework asks the hub; with an id transformers does, even with local_files_only.
    """
    from huggingface_hub import snapshot_download

    folder = Path(source).expanduser()
    if folder.is_dir():
        return str(folder)
    if allow_download:
        return source
    try:
        with quietly():
            return str(snapshot_download(source, local_files_only=True))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{who}: {source} is neither a folder here nor a model that was fetched before. "
            "Give the model's folder, or allow the download (--allow-download)"
        ) from error


@contextlib.contextmanager
def reading(who: str, source: str) -> Iterator[None]:
    """A context in which a model is fetched or opened: whatever goes wrong becomes a ModelError."""
    try:
        yield
    except (GistchainError, MemoryError):
        raise
    except ImportError as error:
        told = " ".join(str(error).split())[:200]
        raise ModelError(f"{who}: the checkpoint {source} needs a package that is not installed: {told}") from error
    except Exception as error:  # strangers' files, read by torch, json, pickle and the hub: each may raise anything
        told = " ".join(str(error).split())[:300] or type(error).__name__
        hint = "check the folder" if Path(source).exists() else "check the id and the network, or give a folder"
        raise ModelError(f"{who} can't be loaded from {source}: {told}; {hint}") from error
