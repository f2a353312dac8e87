"""What Multi-SC and its parts are worth is told from the pictures that both systems have, and from these alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import link_multi_summary, report
from benchmarks.link_measures import by_kind
from benchmarks.link_multi_summary import summary
from benchmarks.link_multi_tables import TABLES
from benchmarks.link_rows import Key, Row


def row(system: str, number: int, ssim: float, *, snr_db: float = 0.0, budget: int = 128, **more: object) -> Row:
    measured = {
        "ssim": ssim, "perceptual": 1 - ssim, "cosine": ssim, "uses": budget, "seen": True, "certain": True, "lost": [],
        "read": "a cat", "caption": "a cat", "refused": "", "form": ["caption", "subject"],
    }  # fmt: skip
    return Key(system, "1", f"photo {number}", "awgn", snr_db, budget, 0)._asdict() | measured | more


def test_differences_are_of_the_pictures_that_both_have() -> None:
    """The rival has the easy pictures alone: its mean is higher, and it is worse on each of them."""
    rows = [row("multi_sc", number, 0.5 if number < 10 else 0.1) for number in range(20)]
    rows += [row("single_text", number, 0.4) for number in range(10)]
    rows += [row("multi_sc no slice", number, 0.6) for number in range(10, 13)]
    found = summary(rows)
    systems = found["points"][0]["systems"]
    assert (systems["multi_sc"]["n"], systems["single_text"]["n"]) == (20, 10)
    assert systems["multi_sc"]["ssim"][0] == pytest.approx(0.3)
    (against,) = found["against"]
    assert (against["n"], against["ssim"], against["perceptual"]) == (10, [0.1] * 3, [0.1] * 3)
    part = next(part for part in found["parts"] if part["lacking"] == "multi_sc no slice")
    assert (part["lacking"], part["n"], part["ssim"]) == ("multi_sc no slice", 3, [-0.5] * 3)
    assert [one["ahead"] for one in found["ahead"]] == [[(0.0, 128)]] * 3


def test_too_few_pictures_put_nobody_ahead_and_two_versions_are_refused() -> None:
    rows = [row(system, number, ssim) for system, ssim in (("multi_sc", 0.5), ("gist", 0.4)) for number in range(7)]
    assert summary(rows)["ahead"] == []
    assert list(by_kind(rows)) == ["photos, awgn"]
    with pytest.raises(ValueError, match="versions"):
        by_kind([*rows, rows[0] | {"version": "2"}])


def test_a_claimed_gain_is_told_in_percent_at_equal_uses_and_at_unequal_ones() -> None:
    rows = []
    for number in range(9):
        for snr_db in (0.0, 10.0):
            rows += [row("multi_sc", number, 0.4, snr_db=snr_db), row("single_text", number, 0.2, snr_db=snr_db)]
            rows += [row("multi_sc", number, 0.8, snr_db=snr_db, budget=1024)]
    gains = {(tuple(gain["budgets"]), gain["snr_db"]): gain for gain in summary(rows)["gains"]}
    assert gains[(128, 128), None]["percent"] == [25.0] * 3
    assert gains[(1024, 128), 10.0]["percent"] == [75.0] * 3
    assert gains[(1024, 128), None]["uses"] == [1024.0, 128.0]
    assert gains[(1024, 128), None]["claimed_percent"] == 2
    assert ((1024, 1024), None) not in gains


def test_every_table_takes_systems_that_were_measured_at_some_points_only() -> None:
    rows = [row("multi_sc", number, 0.5, snr_db=snr_db) for number in range(9) for snr_db in (0.0, 10.0)]
    rows += [row("single_text", number, 0.4, snr_db=10.0) for number in range(9)]
    rows += [row("image_ldpc_fixed", number, 0.3, read="", form=["file"]) for number in range(3)]
    figures = {"photos, awgn": summary(rows)}
    told = {name: made(figures) for name, made in TABLES.items() if name != "deepjscc"}
    assert "| 128 uses, image_ldpc_fixed, N = 3 | 0.300 / 0.700 / 0.300 |  |" in told["link_multi_photos"]
    assert "4 texts, not 1, 128 uses, N = 9, SSIM |  | 0.100 [0.100, 0.100] |" in told["link_multi_parts"]
    assert "| image_ldpc_fixed, 128 uses, N = 3 | **0.200** / **0.200** / **0.200** |  |" in told["link_multi_against"]
    assert "| photos, awgn, single_text, SSIM | 1 | at all | nowhere |" in told["link_multi_ahead"]
    assert told["link_multi_tokens"] == "*(not run)*\n"


def test_the_table_of_deep_joint_coders_has_a_row_for_each_network() -> None:
    point = {"snr_db": 1.0, "psnr": [24.0, 23.0, 25.0], "ssim": [0.7, 0.6, 0.8]}
    networks = [{"network": "deepjscc-sixth-19db", "cbr": 16 / 96, "trained_db": 19.0, "points": [point]}]
    told = TABLES["deepjscc"]({"n": 46, "networks": networks})
    assert "| `deepjscc-sixth-19db` | 1/6 | 19 dB alone | 24.0 [23.0, 25.0] / 0.700 |" in told


def test_no_rows_replace_no_results(tmp_path: Path) -> None:
    empty, before = tmp_path / "rows.jsonl", (report.RESULTS / "link_multi.json").read_bytes()
    empty.touch()
    with pytest.raises(SystemExit, match="no rows"):
        link_multi_summary.main([empty])
    assert (report.RESULTS / "link_multi.json").read_bytes() == before
