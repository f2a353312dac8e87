"""`gistchain send` and `link plan`, as a person types them; `link compare` is in test_cli_compare.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.pictures import noun, scene

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def token(tmp_path: Path) -> Path:
    return noun(5, tmp_path / "noun.png", size=160)


def test_a_token_is_sent_and_what_is_seen_is_like_it(run: Run, token: Path, tmp_path: Path) -> None:
    back = tmp_path / "back.png"
    code, out, err = run("send", token, "--snr-db", 2, "-o", back)
    assert code == 0, err
    assert "1,024 uses" in out
    assert "read" in out
    seen, original = (np.asarray(Image.open(path).convert("RGB")).astype(int) for path in (back, token))
    assert seen.shape == original.shape
    assert np.abs(seen - original).mean() < 12


def test_the_json_says_what_was_used_and_lost(run: Run, token: Path, tmp_path: Path) -> None:
    words = ("send", token, "--snr-db", 3, "--budget", 300, "-o", tmp_path / "b.png", "--json")
    code, out, err = run(*words, "--system", "text_coded")
    assert code == 0, err
    told = json.loads(out)
    assert (told["uses"], told["lost"], told["certain"], told["system"]) == (300, [], True, "text_coded")
    assert told["cbr"] == pytest.approx(300 / (3 * 160 * 160))
    assert told["start_uses"] + sum(block["uses"] for block in told["blocks"]) == 300


@pytest.mark.parametrize("words", [("--snr-error", 25), ("--channel", "rayleigh-block", "--seed", 1)])
def test_where_nothing_arrives_nothing_is_written(run: Run, token: Path, tmp_path: Path, words: tuple[object]) -> None:
    back = tmp_path / "back.png"
    back.write_bytes(b"what was there")
    code, _, err = run("send", token, "--snr-db", -14, "--budget", 300, "-o", back, *words)
    assert code == 1
    assert "nothing arrived" in err or "too few" in err
    assert back.read_bytes() == b"what was there"


def test_lost_blocks_may_be_sent_again(run: Run, token: Path, tmp_path: Path) -> None:
    words = ("send", token, "--snr-db", -8, "--snr-error", 12, "--budget", 256, "-o", tmp_path / "b.png", "--json")
    assert run(*words)[0] == 1
    code, out, err = run(*words, "--rounds", 4)
    assert code == 0, err
    told = json.loads(out)
    assert told["rounds"] >= 1
    assert told["uses"] > 256


def test_the_plan_shows_every_form_the_best_first(run: Run, tmp_path: Path) -> None:
    picture = scene(3, tmp_path / "scene.png")
    code, out, err = run("link", "plan", picture, "--snr-db", 12, "--json")
    assert code == 0, err
    plans = json.loads(out)["plans"]
    expected = [plan["expected_ssim"] for plan in plans]
    assert max(expected) - expected[0] <= 0.008  # what words are worth
    assert expected[1:] == sorted(expected[1:], reverse=True)
    assert {plan["form"] for plan in plans} >= {"caption", "latent", "file"}
    assert "sent" in run("link", "plan", picture, "--snr-db", 12)[1]


def test_an_image_is_not_replaced_by_what_is_made_of_it(run: Run, token: Path) -> None:
    before = token.read_bytes()
    page = token.with_suffix(".html")
    page.symlink_to(token)
    for words in (
        ("send", token, "-o", token),
        ("link", "compare", token, "-o", token),
        ("link", "compare", token, "-o", page),
    ):
        code, _, err = run(*words, "--snr-db", 5)
        assert code in (1, 2)
        assert "which would be lost" in err or "no name of a page" in err
        assert token.read_bytes() == before


def test_words_that_a_person_gave_are_sent_in_any_case(run: Run, token: Path, tmp_path: Path) -> None:
    words = ("send", token, "--snr-db", 15, "--caption", "a red horse", "-o", tmp_path / "b.png", "--json")
    code, out, err = run(*words)
    assert code == 0, err
    assert json.loads(out)["caption"] == "a red horse"
    code, _, err = run(*words, "--system", "text_coded")
    assert code == 1
    assert "'a red horse' was read, and no painter can paint that" in err


def test_a_folder_is_not_sent_and_a_broken_image_does_not_end_a_comparison(
    run: Run, token: Path, tmp_path: Path
) -> None:
    code, _, err = run("send", tmp_path, "--snr-db", 5, "-o", tmp_path / "b.png")
    assert code == 2
    assert "is a folder" in err
    broken, page = tmp_path / "broken.png", tmp_path / "page.html"
    broken.write_bytes(token.read_bytes()[:200])
    words = ("link", "compare", broken, token, "--snr-db", 8, "--seeds", 1, "--system", "text_coded", "-o", page)
    code, out, err = run(*words)
    assert code == 1
    assert "broken.png" in err
    assert "text_coded" in out
    assert page.exists()


def test_a_photo_is_sent_in_a_form_that_gives_a_picture_over_fading_too(run: Run, tmp_path: Path) -> None:
    picture = scene(3, tmp_path / "scene.png")
    words = ("link", "plan", picture, "--snr-db", 15, "--channel", "rayleigh-block", "--budget", 2048, "--json")
    code, out, err = run(*words)
    assert code == 0, err
    assert json.loads(out)["plans"][0]["expected_ssim"] > 0.3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--snr-db", "nan"), "SNR of nan"),
        (("--snr-db", "inf"), "SNR of inf"),
        (("--snr-db", "5", "--budget", "20"), "too few"),
        (("--snr-db", "5", "--pilots", "3"), "pilots have no use on awgn"),
        (("--snr-db", "5", "--system", "telepathy"), "telepathy"),
        (("--snr-db", "5", "--rounds", "5"), "give 4 or less"),
        (("--snr-db", "5", "--snr-error", "nan"), "SNR of nan"),
        (("--snr-db", "5", "--snr-error", "inf"), "SNR of inf"),
        (("--snr-db", "5", "--system", "text_only", "--rounds", "1"), "can't be sent again"),
        (("--snr-db", "5", "--system", "text_only", "--caption", "naïve"), "ASCII"),
        (("--snr-db", "5", "--caption", ""), "caption"),
    ],
)
def test_what_can_not_be_sent_is_refused_with_the_reason(
    run: Run, token: Path, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    code, _, err = run("send", token, "-o", tmp_path / "b.png", *words)
    assert code in (1, 2)
    assert told in err
    assert not (tmp_path / "b.png").exists()


def test_four_texts_and_a_slice_are_sent_and_told_of(run: Run, tmp_path: Path) -> None:
    photo, back = scene(2, tmp_path / "photo.png"), tmp_path / "back.png"
    words = ("send", photo, "--system", "multi_sc", "--snr-db", 5, "--budget", 4096, "-o", back)
    code, out, err = run(*words)
    assert code == 0, err
    assert "caption 4" in out
    assert Image.open(back).convert("RGB").size == Image.open(photo).convert("RGB").size
    code, out, err = run(*words, "--texts", 2, "--no-slice", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert [block["layers"] for block in told["blocks"]] == ["caption", "caption 2"]
    assert told["certain"] is True
    assert told["notes"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--texts", 3), "1, 2, 4 or 9 texts, not in 3"),
        (("--texts", 0), "1, 2, 4 or 9 texts, not in 0"),
        (("--lambda", 1.5), "give 1 or less"),
        (("--lambda", "nan"), "lambda"),
        (("--corrector", "none"), "are for uncoded texts"),
        (("--no-slice", "--lambda", 0.5), "no slice is sent"),
        (("--system", "vlm_csc", "--segmenter", "fcn"), "no slice is sent"),
        (("--system", "deep_jscc", "--caption", "a dog"), "sends no words"),
        (("--uncoded", "--corrector", "nobody"), "no corrector 'nobody'"),
        (("--segmenter", "nobody"), "no segmenter 'nobody'"),
        (("--query", "What is it?"), "is asked nothing"),
        (("--caption", "a sun", "--texts", 4), "your own caption is one text"),
        (("--uncoded", "--rounds", 2), "leave the rounds out"),
        (("--uncoded", "--texts", 1, "--caption", "M\u00fcnchen"), "ASCII can't write"),
        (("--budget", 40), "its 4 texts need"),
        (("--system", "single_text", "--texts", 4), "take multi_sc"),
        (("--system", "gist", "--lambda", 0.5), "sends no texts of pieces"),
        (("--system", "deep_jscc", "--budget", 20), "channel uses are too few"),
    ],
)
def test_texts_that_can_not_be_sent_are_refused_and_nothing_is_written(
    run: Run, tmp_path: Path, words: tuple[object, ...], said: str
) -> None:
    photo, back = scene(2, tmp_path / "photo.png"), tmp_path / "back.png"
    code, out, err = run("send", photo, "--system", "multi_sc", "--snr-db", 5, "-o", back, *words)
    assert code != 0
    assert said in err + out
    assert not back.exists()
