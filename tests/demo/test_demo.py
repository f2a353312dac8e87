"""The demo: real images, a real chain, honest rows, a page that needs nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gistchain.demo.run import held_out, run
from gistchain.errors import CaptionError, FileError
from gistchain.score.storage import CODECS


def test_the_demo_compares_on_one_chain_and_writes_a_page_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    report, results, home = tmp_path / "out" / "report.html", tmp_path / "demo.json", tmp_path / "home"
    run(report=report, results=results, images=4, home=home, as_json=False)
    figures = json.loads(results.read_text("utf-8"))
    rows = {r["method"]: r for r in figures["table"]}
    assert set(rows) == {*CODECS, "gist (ROSIS)"}
    assert figures["facts"]["images"] + len(figures["facts"]["left_out"]) == 4
    gist, png = rows["gist (ROSIS)"], rows["PNG"]
    assert gist["stored_bytes"] < 40 * figures["facts"]["images"] < png["stored_bytes"]
    assert png["dis_mean"] == 0
    assert png["ssim_mean"] == pytest.approx(1)
    for r in rows.values():
        assert 0 < r["mwt_s"] <= r["wt_s"] <= r["max_wt_s"] <= r["tpt_s"]
        assert r["dis_min"] <= r["dis_mean"] <= r["dis_max"]
        assert r["blocks"] >= figures["facts"]["images"]
    best, random, worst = (a["dis_mean"] for a in figures["ablation"])
    assert best <= random <= worst

    page = report.read_text("utf-8")
    assert page.count("<article") == figures["facts"]["images"]
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page)
    assert "gist (ROSIS)" in capsys.readouterr().out

    with pytest.raises(CaptionError, match="already registered"):
        run(report=report, results=None, images=4, home=home, as_json=False)


def test_a_report_that_can_not_be_written_is_noticed_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="can't write"):
        run(report=tmp_path / "file" / "report.html", results=None, images=4, home=tmp_path / "home", as_json=False)
    assert not (tmp_path / "home").exists()


def test_the_demo_shows_held_out_images_only() -> None:
    names = [name for name, _ in held_out(16)]
    assert len(names) == len(set(names)) == 16
    assert all(9000 <= int(n.removeprefix("punk-")) <= 9999 for n in names[:8])
    assert all("heldout-" in n for n in names[12:])
