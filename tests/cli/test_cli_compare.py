"""`gistchain link compare`, as a person types it, and the page that it writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.pictures import noun, scene

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def token(tmp_path: Path) -> Path:
    return noun(5, tmp_path / "noun.png", size=160)


def test_the_page_shows_every_system_at_every_snr(run: Run, token: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = (
        "link", "compare", token, "--snr-db", "-12,0:12:12", "--budget", 300, "--seeds", 2, "--budgets", "",
        "--block-runs", 5, "--restart", "", "-o", page, "--json",
    )  # fmt: skip
    code, _, err = run(*words)
    assert code != 0, "a list is not a range"
    assert "can't be read" in err
    code, out, err = run(*(word if word != "-12,0:12:12" else "-12,12" for word in words))
    assert code == 0, err
    told = json.loads(out)
    assert len(told["rows"]) == 4 * 2 * 2
    better = {(mean["system"], mean["snr_db"]): mean for mean in told["means"]}
    assert better["gist", 12.0]["fidelity"] > 0.9 > better["gist", -12.0]["fidelity"]
    assert all(mean["low"] <= mean["fidelity"] <= mean["high"] for mean in told["means"])
    html = page.read_text("utf-8")
    assert html.count("data:image/webp") == 1 + sum(row["ssim"] > 0 and row["seed"] == 0 for row in told["rows"])
    assert "http" not in html, "the page needs nothing from elsewhere"


def test_a_page_that_can_not_be_written_is_told_before_the_work(run: Run, token: Path, tmp_path: Path) -> None:
    code, _, err = run("link", "compare", token, "-o", tmp_path / "no" / "page.html")
    assert code == 1
    assert "there is no folder" in err


@pytest.mark.parametrize("given", ["5:1:1", "1:2:0", "nan", "", "a", "0:1:1e-9", "0,inf", "1:2"])
def test_snrs_that_are_none_are_refused(run: Run, token: Path, tmp_path: Path, given: str) -> None:
    code, _, err = run("link", "compare", token, "--snr-db", given, "-o", tmp_path / "page.html")
    assert code in (1, 2)
    assert "can't be" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--budgets", "128,"), "--budgets '128,' can't be read"),
        (("--budgets", ","), "can't be read"),
        (("--budgets", "12.5"), "12.5 can't be used: give whole numbers"),
        (("--budgets", "0"), "0 can't be used: give whole numbers"),
        (("--budgets", "nan"), "nan can't be used"),
        (("--budgets", "1:13:1"), "at most 12 of them"),
        (("--at-db", "nan"), "SNR of nan"),
        (("--restart", "0,2"), "a strength of 2 can't be"),
        (("--restart", "nan"), "a strength of nan can't be"),
        (("--restart", "a"), "--restart 'a' can't be read"),
        (("--snr-db", "nan"), "SNR of nan"),
        (("--system", "telepathy"), "'telepathy' is no system that sends pictures: take one of gist, text_coded"),
        (("--channel", "wire"), "rayleigh-block"),
        (("--block-runs", "-1"), "give 0 or more"),
        (("--pilots", "3"), "pilots have no use on awgn"),
    ],
)
def test_what_can_not_be_compared_is_refused_before_the_work(
    run: Run, token: Path, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    code, _, err = run("link", "compare", token, "-o", tmp_path / "page.html", *words)
    assert code in (1, 2)
    assert told in err
    assert not (tmp_path / "page.html").exists()


def test_the_curve_goes_by_the_uses_that_were_taken(run: Run, token: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = ("--snr-db", "3,9", "--budget", 300, "--budgets", "80,4000", "--at-db", 12, "--seeds", 1, "-o", page)
    code, out, err = run(
        "link", "compare", token, *words, "--system", "text_only", "--system", "text_coded", "--restart=", "--json"
    )
    assert code == 0, err
    told = json.loads(out)
    assert (told["budgets"], told["at_db"]) == ([80, 300, 4000], 12.0)
    taken = {(mean["system"], mean["budget"]): mean["uses"] for mean in told["means"] if mean["snr_db"] == 12}
    assert taken["text_coded", 4000] == 4000
    assert 300 < taken["text_only", 4000] < 4000, "a text of 512 characters takes no more"
    assert {row["snr_db"] for row in told["rows"] if row["budget"] != 300} == {12.0}
    html = page.read_text("utf-8")
    assert "Mean SSIM at 12 dB with budgets of 80, 300, 4,000 uses" in html
    assert html.count("data:image/webp") == 1 + 2 * 2, "the pictures are those of --snr-db and --budget"
    code, out, _ = run("link", "compare", token, *words, "--system", "text_coded", "--restart=")
    assert "at 12 dB in uses" in out


def test_lost_blocks_stand_beside_the_prediction_and_the_bound(run: Run, token: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = (
        "link", "compare", token, "--snr-db", "-4.5,10", "--budget", 300, "--seeds", 1, "--budgets=", "--restart=",
        "-o", page,
    )  # fmt: skip
    code, out, err = run(*words, "--block-runs", 40, "--system", "gist", "--json")
    assert code == 0, err
    told = json.loads(out)["blocks"]
    assert {(block["snr_db"], block["sent"]) for block in told} == {(-4.5, 40), (10.0, 40)}
    bad, good = ([block for block in told if block["snr_db"] == snr] for snr in (-4.5, 10.0))
    assert all(block["lost"] == 0 and block["low"] == 0 < block["high"] for block in good)
    assert bad[0]["lost"] > 0
    assert bad[0]["low"] < bad[0]["lost"] / 40 < bad[0]["high"]
    assert all(0 <= block["bound"] <= 1 and 0 <= block["predicted"] <= 1 for block in told)
    html = page.read_text("utf-8")
    assert "Lost blocks beside the bound" in html
    assert "0 of 40" in html
    code, out, _ = run(*words, "--block-runs", 0, "--json")
    assert json.loads(out)["blocks"] == []
    assert "Lost blocks" not in page.read_text("utf-8")


@pytest.mark.parametrize("channel", ["rayleigh-block", "rayleigh-fast"])
def test_the_bound_of_fading_is_its_outage_and_of_fast_fading_none(
    run: Run, token: Path, tmp_path: Path, channel: str
) -> None:
    page = tmp_path / "page.html"
    code, out, err = run(
        "link", "compare", token, "--snr-db", 5, "--channel", channel, "--budget", 256, "--seeds", 1, "--budgets", "",
        "--system", "gist", "--block-runs", 60, "--restart=", "-o", page, "--json",
    )  # fmt: skip
    assert code == 0, err
    first = json.loads(out)["blocks"][0]
    if channel == "rayleigh-fast":
        assert first["bound"] is None
        assert "no bound is shown" in page.read_text("utf-8")
    else:
        assert 0 < first["bound"] <= 1.25 * first["predicted"] < 0.3  # short codes do a little better
        assert first["high"] > first["bound"]


def test_a_budget_that_is_too_small_for_every_system_still_gives_a_page(run: Run, token: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, out, err = run(
        "link", "compare", token, "--snr-db", "0,5", "--budget", 8, "--budgets", "4,9", "--seeds", 1,
        "--restart=0", "-o", page,
    )  # fmt: skip
    assert code == 0, err
    assert "gist refused all: " in out
    html = page.read_text("utf-8")
    assert "image_ldpc refused all: " in html
    assert "No system could send anything with these budgets" in html
    assert "No plan of blocks at 5 dB: " in html
    assert html.count("data:image/webp") == 1


def test_a_first_look_takes_four_images_and_says_which_it_leaves_out(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(5):
        noun(number, folder / f"{number}.png", size=64)
    (folder / "0.png").write_bytes((folder / "0.png").read_bytes()[:150])
    noun(7, folder / "7.png", size=64)
    page = tmp_path / "page.html"
    words = (
        "link", "compare", folder, "--quick", "--system", "text_coded", "--budget", 128, "--restart=", "-o", page,
        "--json",
    )  # fmt: skip
    code, out, err = run(*words)
    assert code == 1, "0.png can't be read"
    objects = [json.loads(line) for line in out.splitlines()]
    assert [Path(one["image"]).name for one in objects if "skipped" in one] == ["7.png"]
    assert "--quick leaves out" in err
    assert "7.png" in err
    told = objects[-1]
    assert {row["snr_db"] for row in told["rows"]} == {-5.0, 0.0, 5.0, 10.0, 20.0}
    assert {Path(row["image"]).name for row in told["rows"]} == {"1.png", "2.png", "3.png", "4.png"}
    assert {row["seed"] for row in told["rows"]} == {0}
    code, out, _ = run(*words, "--seeds", 2, "--snr-db", 4)
    assert {(row["snr_db"], row["seed"]) for row in json.loads(out.splitlines()[-1])["rows"]} == {(4.0, 0), (4.0, 1)}


def test_a_token_is_shown_by_how_much_of_it_is_painted_anew(run: Run, tmp_path: Path) -> None:
    page, token = tmp_path / "page.html", noun(5, tmp_path / "noun.png", size=64)
    code, out, err = run(
        "link", "compare", token, "--snr-db", "0,20", "--budget", 900, "--seeds", 1, "--budgets=", "--system",
        "text_coded", "--restart", "0,1", "-o", page, "--json",
    )  # fmt: skip
    assert code == 0, err
    ssim = {(one["strength"], one["snr_db"]): one["ssim"] for one in json.loads(out)["restarts"]}
    assert ssim[0.0, 0.0] < ssim[0.0, 20.0], "what is decoded has the channel's noise"
    assert ssim[0.0, 0.0] < ssim[1.0, 0.0], "what is painted has none"
    html = page.read_text("utf-8")
    assert "<h2>Restarts</h2>" in html
    assert html.count("data:image/webp") == 1 + 2 + 4


def test_a_photo_that_no_painter_starts_from_is_told_in_the_page(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, out, err = run(
        "link", "compare", scene(3, tmp_path / "scene.png"), "--snr-db", 9, "--seeds", 1, "--budgets=", "--system",
        "text_coded", "--restart", "1", "-o", page, "--json",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["restarts"][0]["refused"]
    assert "Refused: " in page.read_text("utf-8")


def test_every_chart_lies_inside_its_box(run: Run, token: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, _, err = run(
        "link", "compare", token, "--snr-db", 4, "--budget", 200, "--seeds", 1, "--block-runs", 20, "--system", "gist",
        "--restart=", "-o", page,
    )  # fmt: skip
    assert code == 0, err
    html = page.read_text("utf-8")
    dots = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="3"', html)]
    assert dots
    assert all(0 <= x <= 860 and 0 <= y <= 330 for x, y in dots)
    assert not re.search(r'="[^"]*\bnan\b[^"]*"', html)
