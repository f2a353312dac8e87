"""`register --dry-run`: what it would cost, told before anything is sent or kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from gistchain.ledger import gas
from gistchain.ledger.rollups import OpStack, transaction_of
from tests.support.pictures import noun

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    noun(1, folder / "a.png", 64)
    noun(2, folder / "b.png", 64)
    Image.fromarray(data.chelsea()).resize((150, 100)).save(folder / "c.png")
    return folder


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_it_says_what_the_receipts_say_then_and_keeps_nothing(run: Run, images: Path, tmp_path: Path) -> None:
    code, out, err = run("register", images, "--dry-run", "--json")
    assert code == 0, err
    assert not (tmp_path / "home").exists(), "no home, no key, no chain"
    told = lines(out)
    done = lines(run("register", images, "--json")[1])
    assert [row["function"] for row in told] == ["register", "register", "registerLong"]
    for before, after in zip(told, done, strict=True):
        for key in ("image", "caption", "gist_bytes", "layers"):
            assert before[key] == after[key]
        assert abs(before["gas"] - after["gas"]) <= 0.005 * after["gas"]
        assert before["fee_wei"] is before["money"] is None


@pytest.mark.parametrize("guarantee", ["state", "proof"])
def test_it_says_of_a_chain_s_first_batch_and_of_later_ones_what_they_cost(
    run: Run, images: Path, tmp_path: Path, guarantee: str
) -> None:
    for number in (1, 2):
        words = ("register", images, "--batch", "--guarantee", guarantee, "--json")
        (told,) = lines(run(*words, "--dry-run")[1])
        code, out, err = run(*words, "--jobs", 1)
        assert code == 0, err
        done = sum(row["gas"] for row in lines(out))
        assert abs(told["gas"] - done) <= 0.005 * done, (number, told["gas"], done)
        for name in ("a", "b", "c"):
            (images / f"{name}.png").unlink(missing_ok=True)
        noun(3, images / "a.png")
        noun(4, images / "b.png")


def test_prices_are_multiplied_and_rows_are_summed(run: Run, images: Path) -> None:
    priced = ("--gas-price", "2.5", "--eth-price", "4000")
    rows = lines(run("register", images, "--dry-run", *priced, "--json")[1])
    for row in rows:
        assert row["fee_wei"] == row["gas"] * 2_500_000_000
        assert row["money"] == pytest.approx(row["fee_wei"] / 1e18 * 4000)
    code, out, _ = run("register", images, "--dry-run", *priced)
    header, *table, total = out.splitlines()
    assert (code, header.split()) == (0, ["bytes", "gas", "coins", "money", "form", "image"])
    assert [line.split("  ")[-1].strip() for line in table] == [
        str(images / name) for name in ("a.png", "b.png", "c.png")
    ]
    assert f"{sum(row['gas'] for row in rows):,}" in total
    assert f"{sum(row['money'] for row in rows):,.2f}" in total
    assert total.endswith("all 3")
    assert "coins" not in run("register", images, "--dry-run")[1]


def test_a_rollup_s_fee_is_added(run: Run, images: Path) -> None:
    (row,) = lines(
        run(
            *("register", images / "a.png", "--dry-run", "--gas-price", "0.001", "--json"),
            *("--l2", "op:5227:1014213:0.5:0.001"),
        )[1]
    )
    op = OpStack(5227, 1_014_213, 500_000_000, 1_000_000)
    call = gas.registration_calldata(bytes(range(1, row["gist_bytes"] + 1)), rated=True)
    assert row["data_fee_wei"] == pytest.approx(op.fee_wei(transaction_of(call)), rel=0.02)
    assert row["fee_wei"] == row["gas"] * 1_000_000 + row["data_fee_wei"]
    code, out, _ = run(
        "register", images / "a.png", "--dry-run", "--gas-price", "0.01", "--l2", "arbitrum:0.5", "--json"
    )
    assert code == 0
    assert lines(out)[0]["data_fee_wei"] > 16 * 300 * 500_000_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--gas-price", "2"), "for --dry-run"),
        (("--dry-run", "--eth-price", "2"), "need --gas-price"),
        (("--dry-run", "--l2", "arbitrum:1"), "need --gas-price"),
        (("--dry-run", "--gas-price", "dear"), "give a number of gwei"),
        (("--dry-run", "--gas-price", "-1"), "give a number of gwei"),
        (("--dry-run", "--gas-price", "nan"), "give a number of gwei"),
        (("--dry-run", "--gas-price", "1", "--eth-price", "inf"), "give a price of one coin"),
        (("--dry-run", "--gas-price", "1", "--l2", "zk:1"), "give op:BASE_SCALAR"),
        (("--dry-run", "--gas-price", "1", "--l2", "op:1:2:3"), "give op:BASE_SCALAR"),
        (("--dry-run", "--gas-price", "1", "--l2", "op:1.5:2:3:4"), "give op:BASE_SCALAR"),
    ],
)
def test_what_is_no_price_is_refused(run: Run, images: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    code, _, err = run("register", images, *words)
    assert code == 2
    assert said in err
    assert not (tmp_path / "home").exists()


def test_one_image_that_fails_leaves_the_others(run: Run, images: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (150, 150, 3), np.uint8)).save(images / "d.png")
    (images / "e.png").write_bytes(b"not an image")
    code, out, _ = run("register", images, "--dry-run", "--form", "exact", "--json")
    rows = {Path(row["image"]).name: row for row in lines(out) if "image" in row}
    assert code == 1
    assert "doesn't fit" in rows["d.png"]["error"]
    assert rows["a.png"]["layers"] == ["residual"]
