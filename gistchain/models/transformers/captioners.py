"""Images -> captions, by networks that describe photographs: BLIP, and LLaVA with any language model inside.

Confidence is the geometric mean of the probabilities that the network gave to the tokens of its caption, the end token
included: in 0..1, and comparable between long captions and short ones. Captions are greedy, or the best of `beams`: the
same image always gets the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gistchain.errors import SettingError
from gistchain.models.transformers.loading import Checkpoint
from gistchain.models.transformers.running import batches, finite, positive, rgb, torch_dtype
from gistchain.types import Caption, Pixels

QUERY = "<image>\nRelay a brief, clear account of the picture shown."
"""What LLaVA is asked: the fixed query of Multi-SC (S4.1)."""
_LESS = "a smaller batch or dtype, or fewer beams"


class Blip:
    """Fulfils Captioner by BLIP (Li et al. 2022), base and large.

    max_tokens: the longest caption. beams: 1 is greedy. batch: images that are run together.
    """

    def __init__(
        self,
        source: str,
        *,
        max_tokens: int = 40,
        beams: int = 1,
        batch: int = 8,
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        self._checkpoint = Checkpoint("captioner 'blip'", source, device, dtype, allow_download, allow_pickle)
        self._options, self._batch = _options(max_tokens, beams), positive(batch, "batch")
        self._model = self._checkpoint.model("BlipForConditionalGeneration", ("blip",))
        self._images = self._checkpoint.part("AutoImageProcessor", backend="pil")
        self._tokenizer = self._checkpoint.part("AutoTokenizer")
        self._ends = _ends(self._model.config.text_config.sep_token_id)

    def caption(self, image: Pixels) -> Caption:
        return self.captions([image])[0]

    def captions(self, images: Sequence[Pixels]) -> list[Caption]:
        """The caption of each image, `batch` at a time."""
        return [said for few in batches(images, self._batch) for said in self._said(few)]

    def _said(self, images: Sequence[Pixels]) -> list[Caption]:
        with self._checkpoint.running(_LESS):
            pixels = self._images(images=[rgb(i) for i in images], return_tensors="pt").pixel_values
            pixels = pixels.to(self._checkpoint.device, torch_dtype(self._checkpoint.dtype))
            done = self._model.generate(pixel_values=pixels, **self._options)
            return _captions(self._checkpoint.who, self._model.text_decoder, self._tokenizer, done, self._ends)


class Llava:
    """Fulfils Captioner by LLaVA (Liu et al. 2023): asks for a brief account of the picture.

    The language model is that of the checkpoint: Vicuna, Llama, Qwen1.5-0.5B (S4.2). query: what is asked, put through
    its chat template, where the checkpoint has one; <image> is the place of the picture, before the words where it is
    left out. Raises SettingError for a query that asks nothing, and one with more than one <image>.
    """

    def __init__(
        self,
        source: str,
        *,
        query: str = QUERY,
        max_tokens: int = 120,
        beams: int = 1,
        batch: int = 1,
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        query = _with_image(query)
        self._checkpoint = Checkpoint("captioner 'llava'", source, device, dtype, allow_download, allow_pickle)
        self._options, self._batch = _options(max_tokens, beams), positive(batch, "batch")
        self._model = self._checkpoint.model("LlavaForConditionalGeneration", ("llava",))
        self._processor = self._checkpoint.part("AutoProcessor", backend="pil")
        # The network has the say in how many tokens a picture is: processors that were saved earlier may differ.
        config = self._model.config
        self._processor.vision_feature_select_strategy = config.vision_feature_select_strategy
        self._processor.patch_size = config.vision_config.patch_size
        self._ends = _ends(self._model.generation_config.eos_token_id, self._processor.tokenizer.eos_token_id)
        self._prompt = self._asked(query)

    def caption(self, image: Pixels) -> Caption:
        return self.captions([image])[0]

    def captions(self, images: Sequence[Pixels]) -> list[Caption]:
        """The caption of each image, `batch` at a time."""
        return [said for few in batches(images, self._batch) for said in self._said(few)]

    def _said(self, images: Sequence[Pixels]) -> list[Caption]:
        with self._checkpoint.running(_LESS):
            asked = self._processor(
                images=[rgb(i) for i in images], text=[self._prompt] * len(images), return_tensors="pt"
            ).to(self._checkpoint.device, torch_dtype(self._checkpoint.dtype))
            done = self._model.generate(**asked, **self._options)
            return _captions(self._checkpoint.who, self._model, self._processor.tokenizer, done, self._ends)

    def _asked(self, query: str) -> str:
        if not self._processor.chat_template:
            return query
        # Templates put the image's own token before the text.
        parts = [{"type": "image"}, {"type": "text", "text": query.replace("<image>", "").strip()}]
        prompt: str = self._processor.apply_chat_template(
            [{"role": "user", "content": parts}], add_generation_prompt=True
        )
        return prompt


def _with_image(query: str) -> str:
    if (count := query.count("<image>")) > 1:
        raise SettingError(
            f"the query {query!r} has <image>, the place of the picture, {count} times: give it once, or leave it out"
        )
    if not query.replace("<image>", "").strip():
        raise SettingError(f"the query {query!r} asks nothing: say what is wanted, such as 'Describe the picture.'")
    return query if count else f"<image>\n{query.strip()}"


def _options(max_tokens: int, beams: int) -> dict[str, Any]:
    return {
        "max_new_tokens": positive(max_tokens, "max_tokens"),
        "num_beams": positive(beams, "beams"),
        "do_sample": False,
        "return_dict_in_generate": True,
        "output_logits": True,
    }


def _captions(who: str, decoder: Any, tokenizer: Any, done: Any, ends: set[int]) -> list[Caption]:
    """Text and confidence of what `decoder` generated, without the prompt and without what follows an end token."""
    logits = tuple(step.float() for step in done.logits)
    beams = getattr(done, "beam_indices", None)
    logs = decoder.compute_transition_scores(done.sequences, logits, beams, normalize_logits=True).cpu().numpy()
    tokens = done.sequences[:, -logs.shape[1] :].tolist()
    said = []
    for row, log in zip(tokens, logs, strict=True):
        length = next((k + 1 for k, token in enumerate(row) if token in ends), len(row))
        text = " ".join(tokenizer.decode(row[:length], skip_special_tokens=True).split())
        said.append(Caption(text, min(1.0, finite(who, float(np.exp(log[:length].mean()))))))
    return said


def _ends(*tokens: int | list[int] | None) -> set[int]:
    flat = [token for given in tokens for token in (given if isinstance(given, list) else [given])]
    return {token for token in flat if token is not None}
