"""BLIP and LLaVA on tiny random checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from gistchain.errors import ModelError, SettingError
from gistchain.models.transformers import Blip, Llava
from tests.conformance.checks import check_captioner, shapes
from tests.hf import checkpoints

PICTURES = [shapes(k, size) for k, size in enumerate([(96, 64), (40, 40), (64, 128)])]
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }}: {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %} assistant:"
)


@pytest.fixture(scope="module")
def blip(folder: Callable[[str], Path]) -> Blip:
    return Blip(str(folder("blip")), max_tokens=12)


@pytest.fixture(scope="module")
def llava(folder: Callable[[str], Path]) -> Llava:
    return Llava(str(folder("llava")), max_tokens=12)


def test_blip_is_a_captioner(blip: Blip) -> None:
    check_captioner(blip)


def test_llava_is_a_captioner(llava: Llava) -> None:
    check_captioner(llava)


def test_captions_depend_on_the_picture(blip: Blip, llava: Llava) -> None:
    assert len({said.text for said in blip.captions(PICTURES)}) > 1
    assert len({said.text for said in llava.captions(PICTURES)}) > 1


def test_a_batch_says_what_single_pictures_say(folder: Callable[[str], Path]) -> None:
    for made in (Blip(str(folder("blip")), max_tokens=8, batch=2), Llava(str(folder("llava")), max_tokens=8, batch=3)):
        together = made.captions(PICTURES)
        assert [said.text for said in together] == [made.caption(p).text for p in PICTURES]
        np.testing.assert_allclose(
            [said.confidence for said in together], [made.caption(p).confidence for p in PICTURES], rtol=1e-4
        )
        assert made.captions([]) == []


def test_beams_find_a_caption_that_is_at_least_as_likely(folder: Callable[[str], Path]) -> None:
    greedy, beams = (Blip(str(folder("blip")), max_tokens=6, beams=n) for n in (1, 4))
    for p in PICTURES:
        assert beams.caption(p).confidence >= greedy.caption(p).confidence * (1 - 1e-5)


def test_confidence_is_the_geometric_mean_of_the_tokens_chances(folder: Callable[[str], Path], blip: Blip) -> None:
    """Against a run of the network by hand, one token after another."""
    where = folder("blip")
    model = transformers.BlipForConditionalGeneration.from_pretrained(where).eval()
    images = transformers.BlipImageProcessorPil.from_pretrained(where)
    tokenizer = transformers.AutoTokenizer.from_pretrained(where)
    seen = images(Image.fromarray(PICTURES[0]), return_tensors="pt").pixel_values
    config, logs = model.config.text_config, []
    with torch.no_grad():
        states = model.vision_model(seen).last_hidden_state
        tokens = [config.bos_token_id]
        while len(logs) < 12 and tokens[-1] != config.sep_token_id:
            logits = model.text_decoder(torch.tensor([tokens]), encoder_hidden_states=states).logits[0, -1]
            log, token = torch.log_softmax(logits, 0).max(0)
            tokens.append(int(token))
            logs.append(float(log))
    said = blip.caption(PICTURES[0])
    assert said.text == tokenizer.decode(tokens, skip_special_tokens=True)
    assert said.confidence == pytest.approx(float(np.exp(np.mean(logs))), rel=1e-4)


def test_any_language_model_can_be_inside_llava(tmp_path: Path) -> None:
    made = Llava(str(checkpoints.llava(tmp_path, language="llama")), max_tokens=5)
    assert made.caption(PICTURES[0]).confidence > 0


def test_llava_is_asked_the_fixed_query_through_its_chat_template(llava: Llava, tmp_path: Path) -> None:
    assert llava._prompt == "<image>\nRelay a brief, clear account of the picture shown."
    templated = Llava(str(checkpoints.llava(tmp_path, template=TEMPLATE)), max_tokens=5)
    assert templated._prompt == "user: <image>\nRelay a brief, clear account of the picture shown. assistant:"
    assert templated.caption(PICTURES[0]).text != llava.caption(PICTURES[0]).text


def test_llava_with_qwen_is_a_captioner_that_says_the_same_again(folder: Callable[[str], Path]) -> None:
    """S4.2: SigLIP, Qwen1.5, and a chat template of its own."""
    first, again = (Llava(str(folder("llava-qwen")), max_tokens=8) for _ in range(2))
    check_captioner(first)
    assert [first.caption(p) for p in PICTURES] == [again.caption(p) for p in PICTURES]
    assert first._prompt == (
        "<|im_start|>user\n<image>\nRelay a brief, clear account of the picture shown.<|im_end|><|im_start|>assistant\n"
    )


def test_every_patch_of_siglip_counts(folder: Callable[[str], Path]) -> None:
    """Where CLIP's first vector, that of no patch, is left out, the first of SigLIP's is the upper left corner."""
    made, grey = Llava(str(folder("llava-qwen")), max_tokens=2), np.full((48, 48, 3), 128, np.uint8)
    for y, x in ((0, 0), (0, 28), (28, 28)):
        marked = grey.copy()
        marked[y : y + 14, x : x + 14] = (255, 0, 0)
        assert made.caption(marked).confidence != pytest.approx(made.caption(grey).confidence, rel=1e-5)


def test_a_query_without_a_place_for_the_picture_has_it_before_the_words(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    short = "Beschreibe das Bild kurz."
    assert Llava(str(folder("llava")), query=f" {short}\n")._prompt == f"<image>\n{short}"
    assert Llava(str(folder("llava")), query=f"{short} <image>")._prompt == f"{short} <image>"
    templated = str(checkpoints.llava(tmp_path, template=TEMPLATE))
    assert Llava(templated, query=short)._prompt == f"user: <image>\n{short} assistant:"


def test_a_query_that_asks_nothing_or_has_two_pictures_is_refused(folder: Callable[[str], Path]) -> None:
    for empty in ("", " \n", "<image>", "<image>\n "):
        with pytest.raises(SettingError, match="asks nothing: say what is wanted"):
            Llava(str(folder("llava")), query=empty)
    with pytest.raises(SettingError, match="<image>, the place of the picture, 2 times: give it once, or leave it out"):
        Llava(str(folder("llava")), query="<image> and <image>, what is new?")


def test_settings_out_of_range_are_refused(folder: Callable[[str], Path]) -> None:
    for wrong in ({"beams": 0}, {"batch": 0}, {"max_tokens": -1}):
        with pytest.raises(SettingError, match="give 1 or more"):
            Blip(str(folder("blip")), **wrong)


def test_weights_that_are_not_numbers_are_told(folder: Callable[[str], Path], tmp_path: Path) -> None:
    model = transformers.BlipForConditionalGeneration.from_pretrained(folder("blip"))
    with torch.no_grad():
        model.text_decoder.cls.predictions.bias.fill_(float("nan"))
    checkpoints.saved(tmp_path, model, transformers.AutoProcessor.from_pretrained(folder("blip")))
    with pytest.raises(ModelError, match="weights are broken"):
        Blip(str(tmp_path)).caption(PICTURES[0])
