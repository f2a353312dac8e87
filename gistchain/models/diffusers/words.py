"""A prompt -> what a pipeline is conditioned on: its text, or the embeddings of weighed or long texts."""

from __future__ import annotations

from typing import Any

from gistchain.errors import RebuildError
from gistchain.models.diffusers.prompts import Prompt
from gistchain.models.transformers.loading import need


def conditioning(pipe: Any, prompt: Prompt, negative: str, who: str) -> dict[str, Any]:
    """The pipeline's arguments: the text, or, where it has weights or is long, the text encoder's embeddings.

    Raises RebuildError for weights where the pipeline has not exactly one CLIP text encoder, ModelError where the
    package compel is needed and missing.
    """
    tokenizer: Any = getattr(pipe, "tokenizer", None)
    encoder: Any = getattr(pipe, "text_encoder", None)
    alone = type(encoder).__name__ == "CLIPTextModel" and getattr(pipe, "text_encoder_2", None) is None
    long = alone and len(tokenizer(prompt.text).input_ids) > tokenizer.model_max_length
    if not (prompt.weighted or long):
        return {"prompt": prompt.text, "negative_prompt": negative}
    if not alone:
        raise RebuildError(
            f"the caption weighs its words, which {type(pipe).__name__} can't: take (words:weight) out of it"
        )
    need(f"{who}, for a caption that is long or has weights,", "compel")
    from compel import Compel
    from compel.prompt_parser import Conjunction, FlattenedPrompt, Fragment

    compel = Compel(tokenizer=tokenizer, text_encoder=encoder, truncate_long_prompts=False)
    embeddings = [
        compel.build_conditioning_tensor_for_conjunction(
            Conjunction([FlattenedPrompt([Fragment(words, weight) for words, weight in fragments])])
        )[0]
        for fragments in (prompt.fragments, ((negative, 1.0),))
    ]
    positive, opposite = compel.pad_conditioning_tensors_to_same_length(embeddings)
    return {"prompt_embeds": positive, "negative_prompt_embeds": opposite}
