"""Texts and images -> unit vectors: sentence encoders such as MiniLM; CLIP, in whose space texts and images meet."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.models.transformers.loading import Checkpoint
from gistchain.models.transformers.running import batches, positive, rgb, torch_dtype
from gistchain.types import Pixels

_Input = TypeVar("_Input")

_LESS = "a smaller batch or dtype"
_LONGEST = 512  # tokens, where the checkpoint doesn't say


class SentenceEmbedder:
    """Fulfils TextEmbedder by the mean over a text encoder's last layer, as all-MiniLM-L6-v2 was trained.

    Texts are cut where the checkpoint says, or where its positions end. Raises ModelError for a checkpoint whose
    1_Pooling/config.json asks for anything but the mean.
    """

    def __init__(
        self,
        source: str,
        *,
        batch: int = 32,
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        self._checkpoint = Checkpoint("text embedder 'minilm-hf'", source, device, dtype, allow_download, allow_pickle)
        self._batch = positive(batch, "batch")
        _needs_mean(self._checkpoint)
        # The mean doesn't go through the pooler, so the pooler may be missing.
        self._model = self._checkpoint.model("AutoModel", unused=("pooler.",))
        self._tokenizer = self._checkpoint.part("AutoTokenizer")
        self._longest = _longest(self._checkpoint, self._model, self._tokenizer)
        try:
            self.embed(["a"])
        except (AttributeError, TypeError, ValueError) as error:
            kind = self._model.config.model_type
            raise ModelError(f"{source} is {kind}; {self._checkpoint.who} wants an encoder of texts") from error

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self._rows(few) for few in batches(texts, self._batch)]
        return np.concatenate(rows) if rows else np.zeros((0, int(self._model.config.hidden_size)), np.float32)

    def _rows(self, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._checkpoint.running(_LESS):
            read = self._tokenizer(
                list(texts), padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
            ).to(self._checkpoint.device)
            last = self._model(**read).last_hidden_state.float()
            mask = read.attention_mask[:, :, None].float()
            return unit(self._checkpoint.who, (last * mask).sum(1) / mask.sum(1).clamp(min=1))


@dataclass(frozen=True, slots=True)
class _LoadedClip:
    """One CLIP in memory; its text and image sides share it."""

    checkpoint: Checkpoint
    batch: int
    model: Any
    tokenizer: Any
    images: Any

    @property
    def width(self) -> int:
        return int(self.model.config.projection_dim)


class _ClipSide(ABC, Generic[_Input]):
    """What CLIP's two sides share: the loading, and vectors made in batches."""

    _called: ClassVar[str]
    """The side in messages: kind and name of its row in the table."""

    def __init__(
        self,
        source: str,
        *,
        batch: int = 16,
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        self._clip = _load(Checkpoint(self._called, source, device, dtype, allow_download, allow_pickle), batch)

    @classmethod
    def _of(cls, clip: _LoadedClip) -> Self:
        made = cls.__new__(cls)
        made._clip = clip
        return made

    def _embedded(self, inputs: Sequence[_Input]) -> NDArray[np.float32]:
        clip, rows = self._clip, []
        for few in batches(inputs, clip.batch):
            with clip.checkpoint.running(_LESS):
                rows.append(unit(clip.checkpoint.who, self._projected(few)))
        return np.concatenate(rows) if rows else np.zeros((0, clip.width), np.float32)

    @abstractmethod
    def _projected(self, inputs: Sequence[_Input]) -> Any:
        """Tensor of a vector for each input, in the space that texts and images share."""


class ClipText(_ClipSide[str]):
    """Fulfils TextEmbedder by CLIP's text side; texts are cut after CLIP's 77 tokens."""

    _called = "text embedder 'clip-text'"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._embedded(texts)

    def _projected(self, inputs: Sequence[str]) -> Any:
        clip = self._clip
        longest = int(clip.model.config.text_config.max_position_embeddings)
        read = clip.tokenizer(list(inputs), padding=True, truncation=True, max_length=longest, return_tensors="pt").to(
            clip.checkpoint.device
        )
        pooled = clip.model.text_model(read.input_ids, read.attention_mask).pooler_output
        return clip.model.text_projection(pooled)


class ClipImage(_ClipSide[Pixels]):
    """Fulfils ImageEmbedder by CLIP's image side."""

    _called = "image embedder 'clip-image'"

    def embed(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        return self._embedded(images)

    def _projected(self, inputs: Sequence[Pixels]) -> Any:
        clip = self._clip
        pixels = clip.images(images=[rgb(i) for i in inputs], return_tensors="pt").pixel_values
        pixels = pixels.to(clip.checkpoint.device, torch_dtype(clip.checkpoint.dtype))
        return clip.model.visual_projection(clip.model.vision_model(pixels).pooler_output)


class Clip:
    """Fulfils JointEmbedder by CLIP (Radford et al. 2021): `text` and `image` share one loaded network."""

    def __init__(
        self,
        source: str,
        *,
        batch: int = 16,
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        clip = _load(Checkpoint("joint embedder 'clip'", source, device, dtype, allow_download, allow_pickle), batch)
        self._text, self._image = ClipText._of(clip), ClipImage._of(clip)

    @property
    def text(self) -> ClipText:
        return self._text

    @property
    def image(self) -> ClipImage:
        return self._image


def unit(who: str, rows: Any) -> NDArray[np.float32]:
    """The rows of a tensor at length 1. Raises ModelError for a row that has none."""
    vectors: NDArray[np.float32] = rows.float().cpu().numpy()
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise ModelError(f"{who} gave a vector without a length: its weights are broken, or the dtype is too narrow")
    return np.asarray(vectors / lengths, np.float32)


def _load(checkpoint: Checkpoint, batch: int) -> _LoadedClip:
    return _LoadedClip(
        checkpoint,
        positive(batch, "batch"),
        model=checkpoint.model("CLIPModel", ("clip",)),
        tokenizer=checkpoint.part("AutoTokenizer"),
        images=checkpoint.part("AutoImageProcessor", backend="pil"),
    )


def _needs_mean(checkpoint: Checkpoint) -> None:
    pooling = checkpoint.json("1_Pooling/config.json")
    wanted = sorted(name for name, on in pooling.items() if name.startswith("pooling_mode_") and on is True)
    if wanted and wanted != ["pooling_mode_mean_tokens"]:
        raise ModelError(
            f"{checkpoint.source} pools by {', '.join(wanted)}; {checkpoint.who} takes the mean of the tokens"
        )


def _longest(checkpoint: Checkpoint, model: Any, tokenizer: Any) -> int:
    said = checkpoint.json("sentence_bert_config.json").get("max_seq_length")
    positions = getattr(model.config, "max_position_embeddings", _LONGEST)
    # Tokenizers that know no limit say 10**30.
    return int(min(n for n in (said, positions, tokenizer.model_max_length) if isinstance(n, int) and n > 0))
