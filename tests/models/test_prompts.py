"""Prompts as people of Stable Diffusion write them, and any other text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.models.diffusers.prompts import parse


def test_words_with_weights_and_loras_are_read() -> None:
    prompt = parse("a (red:1.2) ape, best (quality:0.8), <lora:azuki:0.7><lora:line art>")
    assert prompt.fragments == (("a ", 1.0), ("red", 1.2), (" ape, best ", 1.0), ("quality", 0.8))
    assert prompt.loras == (("azuki", 0.7), ("line art", 1.0))
    assert prompt.text == "a red ape, best quality"
    assert prompt.weighted


@pytest.mark.parametrize(
    "text", ["a dog", "", "at (16:9)", "(a:2.5)", "(a:-1)", "(a:nan)", "<lora:>", "<lora:x:y>", "(:1.1)", "a ) b ( c:1"]
)
def test_what_is_not_written_exactly_so_is_text(text: str) -> None:
    prompt = parse(text)
    assert prompt.text == text.strip()
    assert not prompt.weighted
    assert prompt.loras == ()


@given(st.text(alphabet="ab (:)<>lora.19,-\n", max_size=60) | st.text(max_size=60))
def test_any_text_is_a_prompt_and_its_weights_and_scales_are_bounded(text: str) -> None:
    prompt = parse(text)
    assert all(0 <= weight <= 2 for _, weight in prompt.fragments)
    assert all(abs(scale) < 100 for _, scale in prompt.loras)
    if not prompt.loras and not prompt.weighted:
        assert "".join(words for words, _ in prompt.fragments) == text
