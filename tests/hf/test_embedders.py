"""MiniLM and CLIP on tiny random checkpoints, and the CLIP score over a CLIP."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from gistchain.errors import ModelError
from gistchain.models.transformers import Clip, ClipImage, ClipScore, ClipText, SentenceEmbedder
from tests.conformance.checks import check_image_embedder, check_joint_embedder, check_text_embedder, shapes

TEXTS = ["a black dog", "two ships at sea in a storm", "a man"]
PICTURES = [shapes(k, size) for k, size in enumerate([(96, 64), (40, 40), (64, 128)])]


@pytest.fixture(scope="module")
def minilm(folder: Callable[[str], Path]) -> SentenceEmbedder:
    return SentenceEmbedder(str(folder("minilm")))


@pytest.fixture(scope="module")
def clip(folder: Callable[[str], Path]) -> Clip:
    return Clip(str(folder("clip")))


def test_the_sentence_encoder_is_a_text_embedder(minilm: SentenceEmbedder) -> None:
    check_text_embedder(minilm)


def test_clip_is_a_joint_embedder(clip: Clip) -> None:
    check_joint_embedder(clip)


def test_either_side_of_clip_stands_alone(folder: Callable[[str], Path], clip: Clip) -> None:
    text, image = ClipText(str(folder("clip"))), ClipImage(str(folder("clip")), batch=2)
    check_text_embedder(text)
    check_image_embedder(image)
    np.testing.assert_array_equal(text.embed(TEXTS), clip.text.embed(TEXTS))
    np.testing.assert_allclose(image.embed(PICTURES), clip.image.embed(PICTURES), atol=1e-5)


def test_vectors_are_those_of_transformers_own_forward(folder: Callable[[str], Path], clip: Clip) -> None:
    model = transformers.CLIPModel.from_pretrained(folder("clip")).eval()
    read = transformers.AutoTokenizer.from_pretrained(folder("clip"))(TEXTS, padding=True, return_tensors="pt")
    seen = transformers.CLIPImageProcessorPil.from_pretrained(folder("clip"))(
        [Image.fromarray(p) for p in PICTURES], return_tensors="pt"
    )
    with torch.no_grad():
        done = model(**read, **seen)
    np.testing.assert_allclose(clip.text.embed(TEXTS), done.text_embeds.numpy(), atol=1e-5)
    np.testing.assert_allclose(clip.image.embed(PICTURES), done.image_embeds.numpy(), atol=1e-5)


def test_sentences_are_the_mean_of_their_tokens_and_padding_is_none(
    folder: Callable[[str], Path], minilm: SentenceEmbedder
) -> None:
    model = transformers.AutoModel.from_pretrained(folder("minilm")).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder("minilm"))
    for text, vector in zip(TEXTS, minilm.embed(TEXTS), strict=True):
        with torch.no_grad():
            mean = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0).numpy()
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_sentences_are_cut_where_the_checkpoint_says(minilm: SentenceEmbedder) -> None:
    start = "dog " * 46  # with [CLS] and [SEP] the 48 tokens of sentence_bert_config.json
    np.testing.assert_allclose(minilm.embed([start])[0], minilm.embed([start + "ship " * 9])[0], atol=1e-6)
    assert abs(minilm.embed([start])[0] - minilm.embed(["ship " + start])[0]).max() > 1e-4


def test_another_pooling_is_refused(folder: Callable[[str], Path], tmp_path: Path) -> None:
    copy = shutil.copytree(folder("minilm"), tmp_path / "copy")
    pooling = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (copy / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    with pytest.raises(ModelError, match="pools by pooling_mode_cls_token"):
        SentenceEmbedder(str(copy))


@pytest.mark.parametrize("other", ["clip", "segformer"])
def test_what_is_no_encoder_of_texts_is_refused(folder: Callable[[str], Path], other: str) -> None:
    with pytest.raises(ModelError, match=r"wants an encoder of texts|can't be loaded"):
        SentenceEmbedder(str(folder(other)))


def test_bfloat16_says_nearly_the_same(folder: Callable[[str], Path], clip: Clip) -> None:
    narrow = Clip(str(folder("clip")), dtype="bfloat16")
    assert (np.sum(narrow.text.embed(TEXTS) * clip.text.embed(TEXTS), 1) > 0.99).all()
    assert (np.sum(narrow.image.embed(PICTURES) * clip.image.embed(PICTURES), 1) > 0.99).all()


def test_clip_score_is_a_hundred_times_the_cosine_and_never_negative(clip: Clip) -> None:
    scores = ClipScore(clip).scores(PICTURES, TEXTS)
    cosines = [float(i @ t) for i, t in zip(clip.image.embed(PICTURES), clip.text.embed(TEXTS), strict=True)]
    np.testing.assert_allclose(scores, [max(100 * c, 0) for c in cosines], atol=1e-3)
    assert (scores >= 0).all()
    assert (scores <= 100).all()
    with pytest.raises(ModelError, match="pairs"):
        ClipScore(clip).scores(PICTURES, TEXTS[:2])
