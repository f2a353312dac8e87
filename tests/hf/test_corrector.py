"""BART on a tiny random checkpoint, and its fine-tuning on captions with channel noise."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gistchain.models.transformers import BartCorrector
from tests.conformance.checks import check_corrector, shapes
from training.text import corrector, pieces

CAPTIONS = ["a black dog", "a red ball", "two men talk", "a ship at sea"]


def test_bart_is_a_corrector(folder: Callable[[str], Path]) -> None:
    check_corrector(BartCorrector(str(folder("bart")), beams=1))
    assert isinstance(BartCorrector(str(folder("bart"))).correct("a d#g"), str)


@pytest.mark.parametrize("snr_db", [8.0, 12.0, 16.0])
def test_as_many_bits_are_wrong_as_16_qam_gets_wrong(snr_db: float) -> None:
    """Against the closed form for Gray-mapped 4-PAM on each axis. In these characters all levels are as frequent."""
    text = "".join(map(chr, np.random.default_rng(0).integers(64, 128, 40_000)))
    sent = np.unpackbits(np.frombuffer(text.encode("ascii"), np.uint8))
    near, far, farthest = (_tail(k, snr_db) for k in (1, 3, 5))
    expected = (3 * near + 2 * far - farthest) / 4
    wrong = float(((corrector.carried(text, snr_db, 1) < 0) != sent).mean())
    assert wrong == pytest.approx(expected, abs=5 * math.sqrt(expected / sent.size))


@pytest.mark.parametrize("snr_db", [10.0, 12.0, 16.0])
def test_as_many_characters_are_wrong_as_the_channel_makes_of_them(snr_db: float) -> None:
    """A character is right if all its four axes are: an outer level has one neighbour, an inner one has two."""
    text = "knowmyownvows" * 1_500  # many ones a letter: a zero would end the text
    bits = np.unpackbits(np.frombuffer(text.encode("ascii"), np.uint8)).reshape(-1, 8)
    outer, near = bits[:, [2, 3, 6, 7]].astype(bool), _tail(1, snr_db)  # TS 38.211, 5.1.4: bits 2 and 3 of a symbol
    right = np.where(outer, 1 - near, 1 - 2 * near).prod(1)
    got = corrector.noisy(text, snr_db, 2)
    wrong = np.mean([a != b for a, b in zip(got, text, strict=True)])
    assert wrong == pytest.approx(1 - right.mean(), abs=5 * math.sqrt((1 - right.mean()) / len(text)))


def test_noise_is_the_seeds_and_at_a_high_snr_there_is_none() -> None:
    text = ("a black dog runs over the meadow " * 40).strip()
    assert corrector.noisy(text, 10.0, 3) == corrector.noisy(text, 10.0, 3)
    assert corrector.noisy(text, 10.0, 3) != corrector.noisy(text, 10.0, 4)
    assert corrector.noisy(text, 30.0, 3) == text
    assert corrector.noisy("caf\u00e9", 30.0, 3) == "caf?"


def test_a_space_that_loses_its_only_one_ends_the_text() -> None:
    """As it does for the receiver: zeros fill the field behind a text."""
    got = [corrector.noisy("a ship at sea", 10.0, seed) for seed in range(100)]
    assert 0 < sum(len(text) < 13 for text in got) < 50
    assert max(map(len, got)) == 13


def test_a_share_of_the_captions_arrives_whole() -> None:
    rng = np.random.default_rng(0)
    arrived, sent = corrector.pairs(CAPTIONS, 2_000, [-20.0], 0.25, rng)
    assert np.mean([a == b for a, b in zip(arrived, sent, strict=True)]) == pytest.approx(0.25, abs=0.05)
    arrived, sent = corrector.pairs(CAPTIONS, 50, [-20.0], 1.0, rng)
    assert arrived == sent


def test_captions_of_pieces_train_it(folder: Callable[[str], Path], tmp_path: Path) -> None:
    for k in range(2):
        Image.fromarray(shapes(k)).save(tmp_path / f"{k}.png")
    captions = tmp_path / "captions.txt"
    pieces.main(["--images", str(tmp_path), "--out", str(captions), "--captioner", f"llava={folder('llava')}"])
    said = captions.read_text("utf-8").splitlines()
    assert 1 < len(said) == len(set(said)) <= 28
    corrector.main(
        ["--base", str(folder("bart")), "--captions", str(captions), "--out", str(tmp_path / "tuned"), "--steps", "1"]
    )
    card = json.loads((tmp_path / "tuned" / "training.json").read_text("utf-8"))
    assert card["captions"] == {"file": "captions.txt", "lines": len(said)}


def test_fine_tuning_lowers_the_loss_and_the_result_is_a_corrector(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    captions = tmp_path / "captions.txt"
    captions.write_text("\n".join(CAPTIONS * 8), "utf-8")
    out = tmp_path / "tuned"
    corrector.main(
        ["--base", str(folder("bart")), "--captions", str(captions), "--out", str(out), "--minutes", "5",
         "--steps", "150", "--batch", "8", "--rate", "3e-3", "--seed", "1", "--snrs-db", "12", "14", "--clean", "0.2"]
    )  # fmt: skip
    card = json.loads((out / "training.json").read_text("utf-8"))
    assert card["steps"] == 150
    assert (card["snrs_db"], card["clean_share"]) == ([12.0, 14.0], 0.2)
    assert card["loss_last"] < 0.5 * card["loss_first"]
    tuned = BartCorrector(str(out), beams=1)
    check_corrector(tuned)
    raw = BartCorrector(str(folder("bart")), beams=1)
    damaged = [(corrector.noisy(text, 12.0, (5, k)), text) for k in range(5) for text in CAPTIONS]
    assert sum(arrived != text for arrived, text in damaged) > len(damaged) / 2
    mended, unmended = (sum(_wrong(model.correct(got), text) for got, text in damaged) for model in (tuned, raw))
    assert mended < 0.5 * unmended
    assert mended < 0.5 * sum(_wrong(got, text) for got, text in damaged)
    assert sum(_wrong(tuned.correct(text), text) for text in CAPTIONS) < 0.1 * len(CAPTIONS), "whole ones stay"


@pytest.mark.parametrize(("wrong", "told"), [(["--snrs-db", "nan"], "SNR of nan dB"), (["--clean", "2"], "0 to 1")])
def test_settings_that_make_no_noise_are_refused(
    wrong: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        corrector.main(["--base", "bart", "--captions", str(tmp_path / "none"), "--out", str(tmp_path / "out"), *wrong])
    assert told in capsys.readouterr().err


def test_a_captions_file_without_captions_is_refused(folder: Callable[[str], Path], tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("\n\n", "utf-8")
    with pytest.raises(SystemExit, match="holds no caption"):
        corrector.main(["--base", str(folder("bart")), "--captions", str(empty), "--out", str(tmp_path / "out")])


def _tail(steps: int, snr_db: float) -> float:
    """The chance that noise on an axis of 16-QAM of power 1 exceeds so many half distances of two levels."""
    return 0.5 * math.erfc(steps * math.sqrt(10 ** (snr_db / 10) / 10))


def _wrong(said: str, text: str) -> float:
    """Share of the characters that differ."""
    same = sum(a == b for a, b in zip(said, text, strict=False))
    return 1 - same / max(len(said), len(text))
