"""How a network runs: on which device, in which dtype, in batches, quietly; and what happens where memory is short."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from gistchain.errors import ModelError, SettingError
from gistchain.models.zoo.registry import DTYPES
from gistchain.types import Pixels


def check_place(device: str, dtype: str) -> None:
    """Raises SettingError where this machine has no such device, or the device can't work in this dtype."""
    import torch

    if dtype not in DTYPES:
        raise SettingError(f"models don't run in dtype {dtype!r}: choose {', '.join(DTYPES)}")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SettingError(
            f"device {device!r} is not there: torch {torch.__version__} finds no CUDA GPU. "
            "Choose device cpu, or install a driver and the CUDA build of torch"
        )
    if device == "cpu" and dtype == "float16":
        raise SettingError("dtype float16 is for GPUs, the CPU lacks some of its layers: choose float32 or bfloat16")
    try:
        torch.empty(1, device=device, dtype=torch_dtype(dtype))
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        told = " ".join(str(error).split(".")[0].split())[:120]
        raise SettingError(f"device {device!r} can't be used here ({told}): choose cpu, or another GPU") from error


def torch_dtype(dtype: str) -> Any:
    """torch's dtype of this name, one of DTYPES."""
    import torch

    return getattr(torch, dtype)


@contextlib.contextmanager
def running(who: str, device: str, less: str) -> Iterator[None]:
    """A context for one run of a network: quiet, no gradients; too little memory is a ModelError that names `less`."""
    import torch

    with memory(who, device, less), quietly(), torch.inference_mode():
        yield


@contextlib.contextmanager
def memory(who: str, device: str, less: str) -> Iterator[None]:
    """A context in which running out of memory becomes a ModelError that names `less`, what to choose instead."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ModelError(f"{who} ran out of memory on {device}: choose {less}") from error
    except RuntimeError as error:  # the CPU's allocator has no class of its own
        told = str(error).lower()
        if not any(sign in told for sign in ("out of memory", "can't allocate memory", "not enough memory")):
            raise
        raise ModelError(f"{who} ran out of memory on {device}: choose {less}") from error


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """A context without progress bars, advice and warnings of the frameworks; afterwards all is set as before."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, enable_progress_bars
    from transformers.utils import logging

    level, bars, hub_bars = logging.get_verbosity(), logging.is_progress_bar_enabled(), not are_progress_bars_disabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()  # the hub's too
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
        if hub_bars:
            enable_progress_bars()


def batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """`size` items at a time, in the last batch what is left."""
    return (items[k : k + size] for k in range(0, len(items), size))


def positive(value: int, name: str) -> int:
    """The value. Raises SettingError below 1."""
    if value < 1:
        raise SettingError(f"{name} is {value}: give 1 or more")
    return value


def finite(who: str, value: float) -> float:
    """The value. Raises ModelError for NaN and infinity, the results of broken weights or narrow dtypes."""
    if not math.isfinite(value):
        raise ModelError(f"{who} computed {value}: its weights are broken, or too large for this dtype; try float32")
    return value


def rgb(image: Pixels) -> Any:
    """The pixels as an image of Pillow: processors guess the order of an array's axes, wrongly for 3 x 3 pixels."""
    from PIL import Image

    return Image.fromarray(image)
