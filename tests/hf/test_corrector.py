"""BART on a tiny random checkpoint, and its fine-tuning on captions with channel noise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gistchain.models.transformers import BartCorrector
from tests.conformance.checks import check_corrector
from training.text import corrector

CAPTIONS = ["a black dog", "a red ball", "two men talk", "a ship at sea"]


def test_bart_is_a_corrector(folder: Callable[[str], Path]) -> None:
    check_corrector(BartCorrector(str(folder("bart")), beams=1))
    assert isinstance(BartCorrector(str(folder("bart"))).correct("a d#g"), str)


def test_noise_flips_about_as_many_bits_as_asked_and_none_at_zero() -> None:
    rng, text = np.random.default_rng(0), "a black dog runs over the meadow " * 40
    assert corrector.noisy(text, 0.0, rng) == text
    for rate in (0.01, 0.1, 0.5):
        sent, got = (np.frombuffer(t.encode("latin-1"), np.uint8) for t in (text, corrector.noisy(text, rate, rng)))
        flipped = np.unpackbits(sent ^ got).mean()
        assert flipped == pytest.approx(rate, abs=4 * np.sqrt(rate / len(text) / 8) + 1e-9)


def test_fine_tuning_lowers_the_loss_and_the_result_is_a_corrector(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    captions = tmp_path / "captions.txt"
    captions.write_text("\n".join(CAPTIONS * 8), "utf-8")
    out = tmp_path / "tuned"
    corrector.main(
        ["--base", str(folder("bart")), "--captions", str(captions), "--out", str(out), "--minutes", "5",
         "--steps", "150", "--batch", "8", "--rate", "3e-3", "--seed", "1"]
    )  # fmt: skip
    card = json.loads((out / "training.json").read_text("utf-8"))
    assert card["steps"] == 150
    assert card["loss_last"] < 0.5 * card["loss_first"]
    tuned = BartCorrector(str(out), beams=1)
    check_corrector(tuned)
    raw = BartCorrector(str(folder("bart")), beams=1)
    assert sum(_wrong(tuned, t) for t in CAPTIONS) < sum(_wrong(raw, t) for t in CAPTIONS)


def test_a_captions_file_without_captions_is_refused(folder: Callable[[str], Path], tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("\n\n", "utf-8")
    with pytest.raises(SystemExit, match="holds no caption"):
        corrector.main(["--base", str(folder("bart")), "--captions", str(empty), "--out", str(tmp_path / "out")])


def _wrong(model: BartCorrector, text: str) -> float:
    """Share of the characters that differ."""
    said = model.correct(text)
    same = sum(a == b for a, b in zip(said, text, strict=False))
    return 1 - same / max(len(said), len(text))
