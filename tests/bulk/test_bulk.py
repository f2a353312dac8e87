"""register --batch: the verdicts of one by one, bad images left out, killed and run again, on two chains."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from gistchain.bulk.journal import NAME
from gistchain.ledger.evm import open_rpc_to_read
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.commands import Command, rehearsed
from tests.support.kills import aims
from tests.support.pictures import noun, scene, sha3

Run = Callable[..., tuple[int, str, str]]


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tokens, one of them mirrored, a photo of noise and shapes, a blank picture, a file twice and one that is none."""
    images = tmp_path / "images"
    images.mkdir()
    for k in range(4):
        noun(k, images / f"a{k}.png")
    with Image.open(images / "a2.png") as token:
        ImageOps.mirror(token).save(images / "b.png")
    scene(5, images / "c.png")
    Image.new("RGB", (40, 40), "white").save(images / "d.png")
    shutil.copy(images / "a1.png", images / "e.png")
    (images / "f.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    shutil.copy(images / "f.png", images / "g.png")
    return images


def test_a_folder_gets_the_verdicts_of_one_by_one(run: Run, folder: Path, tmp_path: Path) -> None:
    code, out, err = run("register", folder, "--batch", "--json", "--min-confidence", 0)
    assert code == 1, "three images were left out"
    told = {Path(one["image"]).name: one for one in lines(out)}
    assert "one colour" in told["d.png"]["error"]
    assert "Give it alone, in words of your own: --caption TEXT" in told["d.png"]["error"]
    assert "f.png" in told["f.png"]["error"], err
    assert "error" in told["g.png"], "the same file under another name"
    assert [one["token"] for one in lines(run("list", "--json")[1])] == list(range(1, 7))
    alone = lines(run("register", folder, "--json", "--home", tmp_path / "alone", "--min-confidence", 0)[1])
    for one in alone:
        name = Path(one["image"]).name
        if "error" in one:
            assert name == "g.png" or told[name]["error"] == one["error"]
            continue
        same = "verdict", "score", "interval", "compared_with"
        assert [told[name]["rareness"][key] for key in same] == [one["rareness"][key] for key in same], name
        assert told[name]["caption"] == one["caption"]
        assert told[name]["rareness"]["signed_by"] is not None
    assert told["b.png"]["rareness"]["verdict"] == "copy"
    assert told["e.png"]["already"]
    assert told["e.png"]["token"] == told["a1.png"]["token"]

    shown = lines(run("show", told["a3.png"]["token"], "--json")[1])[0]
    assert shown["rareness"] == told["a3.png"]["rareness"]
    assert shown["image_sha3_256"] == sha3(folder / "a3.png")
    assert shown["batch"] is not None
    assert run("rebuild", told["a3.png"]["token"], "-o", tmp_path / "back.png")[0] == 0

    # Each image is there: a second run, a single one and another batch add nothing.
    one_process = "--batch", "--jobs", 1, "--json"  # each of several would load the networks
    again = lines(run("register", folder, *one_process, "--min-confidence", 0)[1])
    assert all(one["already"] for one in again if "error" not in one)
    other = noun(8, tmp_path / "8.png")
    assert run("register", other)[0] == 0
    code, out, err = run("register", other, folder / "a0.png", *one_process)
    assert code == 0, err
    assert [(one["token"], one["already"]) for one in lines(out)] == [(7, True), (told["a0.png"]["token"], True)]
    single = lines(run("register", folder / "a0.png", "--json")[1])[0]
    assert single["already"]
    assert single["token"] == told["a0.png"]["token"]
    assert len(lines(run("list", "--json")[1])) == 7


@needs_anvil
def test_proofs_on_a_node_are_read_and_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for k in range(5):
        noun(k, tmp_path / "images" / f"{k}.png")
    (tmp_path / "more").mkdir()
    noun(9, tmp_path / "more" / "9.png")
    node = Anvil()
    try:
        (tmp_path / "rich.key").write_text(RICH_KEY)
        reading = "--rpc", node.url
        writing = (*reading, "--key", tmp_path / "rich.key", "--chain-id", CHAIN_ID)
        by_proof = "--batch", "--jobs", 1, "--guarantee", "proof"
        code, out, err = run("collection", "publish", "nouns", *writing, "--json")
        assert code == 0, err
        assert lines(out)[0]["token_bytes"] == 4
        code, out, err = run("register", tmp_path / "images", *by_proof, *writing, "--json")
        assert code == 0, err
        told = lines(out)
        assert {one["gist_bytes"] for one in told} <= {6, 7, 10}, "of few tokens the dictionary may be as short"
        listed = lines(run("list", *reading, "--json")[1])
        assert {one["image_sha3_256"] for one in listed} == {one["image_sha3_256"] for one in told}
        assert {one["caption"] for one in listed} == {one["caption"] for one in told}
        assert "back up batches.sqlite" in run("register", tmp_path / "more", *by_proof, *writing)[1]
        code, out, err = run("proof", 3, *reading, "--json")
        assert code == 0, err
        with open_rpc_to_read(node.url, tmp_path / "nobody's") as ledger:
            leaf, *proof = (bytes.fromhex(part[2:]) for part in (lines(out)[0]["leaf"], *lines(out)[0]["proof"]))
            assert ledger.verify(3, leaf, proof)
            assert not ledger.verify(2, leaf, proof)
        code, out, err = run("show", 1, *reading, "--json", "--home", tmp_path / "a stranger's")
        assert code == 0, err
        assert lines(out)[0]["rareness"]["verified"]
        assert run("register", tmp_path / "images" / "1.png", *writing, "--json")[1].count('"already": true') == 1
    finally:
        node.kill()


@needs_anvil
def test_a_batch_that_nobody_wants_to_pay_for_is_not_asked_for_again(run: Run, tmp_path: Path) -> None:
    """Also where the next run wants other images."""
    images, others = tmp_path / "images", tmp_path / "others"
    for folder, numbers in ((images, (1, 2)), (others, (3,))):
        folder.mkdir()
        for number in numbers:
            noun(number, folder / f"{number}.png")
    node = Anvil()
    (tmp_path / "rich.key").write_text(RICH_KEY)
    words = (
        "--batch",
        "--json",
        "--jobs",
        1,
        "--rpc",
        node.url,
        "--key",
        tmp_path / "rich.key",
        "--chain-id",
        CHAIN_ID,
    )
    try:
        code, _, err = run("register", images, *words, "--max-fee", "0.0000001")
        assert code == 1
        assert "nothing was sent" in err
        code, out, err = run("register", others, *words)
        assert (code, [one["token"] for one in lines(out)]) == (0, [1]), err
        code, out, err = run("register", images, *words)
        assert (code, sorted(one["token"] for one in lines(out))) == (0, [2, 3]), err
    finally:
        node.kill()


def test_what_a_batch_does_not_take_is_said(run: Run, tmp_path: Path) -> None:
    noun(1, tmp_path / "a.png")
    for words, says in (
        (("--batch", "--caption", "mine"), "--caption"),
        (("--batch", "--web"), "--web"),
        (("--jobs", 2), "for --batch"),
        (("--guarantee", "proof"), "for --batch"),
    ):
        code, _, err = run("register", tmp_path / "a.png", *words)
        assert code == 2
        assert says in err
    code, _, err = run("register", "-", "--batch", stdin=b"x")
    assert code == 2
    assert "not - for stdin" in err


@pytest.fixture
def compared(tmp_path: Path) -> Path:
    """A folder of two tokens."""
    images = tmp_path / "images"
    images.mkdir()
    for k in range(2):
        noun(k, images / f"{k}.png")
    return images


def test_a_batch_that_is_killed_goes_on_and_does_nothing_twice(run: Run, compared: Path, tmp_path: Path) -> None:
    """GISTCHAIN_TEST_KILLS=60 does as many here; by default a few."""
    kills = int(os.environ.get("GISTCHAIN_TEST_KILLS", "3"))
    words = "register", compared, "--batch", "--jobs", 1, "--json", "--home"
    steps = rehearsed(tmp_path / "rehearsal", *words, tmp_path / "other")
    aimed = aims(
        [step for step in steps if "bulk" in step or "outbox" in step or "store" in step], kills, random.Random(3)
    )
    reached = Counter[str]()
    for k, aim in enumerate(aimed):
        home = tmp_path / f"home-{k}"
        command = Command(tmp_path / f"said-{k}", *words, home, aim=aim)
        command.child.wait()
        command.child.kill()
        reached["journal"] += (home / NAME).exists()
        code, out, err = run(*words, home)
        assert code == 0, (aim, err)
        assert len(lines(out)) == 2
        listed = lines(run("list", "--json", "--home", home)[1])
        assert sorted(one["image_sha3_256"] for one in listed) == sorted(sha3(path) for path in compared.iterdir()), aim
        shown = lines(run("show", 1, "--json", "--home", home)[1])[0]
        assert shown["evidence_here"], aim
        assert {one["rareness"]["verdict"] for one in lines(out)} == {"original", "sibling"}, aim
    assert reached["journal"], "the kills came where they were meant to"


def test_what_a_batch_would_cost_is_said_and_nothing_kept(run: Run, compared: Path, tmp_path: Path) -> None:
    for guarantee, function in (("state", "registerBatch"), ("proof", "registerProofs")):
        words = ("register", compared, "--batch", "--jobs", 1, "--guarantee", guarantee, "--dry-run", "--gas-price", 2)
        code, out, err = run(*words, "--json")
        assert code == 0, err
        (told,) = lines(out)
        assert (told["image"], told["function"]) == ("batch of 2 images", function)
        assert told["fee_wei"] == told["gas"] * 2 * 10**9
        assert "batch of 2 images" in run(*words)[1]
    assert not (tmp_path / "home").exists()


def test_what_no_batch_holds_is_named_and_the_others_go_on(run: Run, compared: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (92, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(compared / "noise.png")
    words = "register", compared, "--batch", "--jobs", 1, "--form", "file", "--min-confidence", 0, "--json"
    assert (compared / "noise.png").stat().st_size > 24_500
    code, out, err = run(*words)
    assert code == 1
    assert "in a batch it may have 24,480; register it alone" in err
    assert sum("error" not in one for one in lines(out)) == 2
    assert run(*words)[0] == 1, "and it stops nothing for good"
    assert len(lines(run("list", "--json")[1])) == 2


def test_a_batch_that_the_chain_has_no_more_is_sent_again(run: Run, compared: Path, tmp_path: Path) -> None:
    words = "register", compared, "--batch", "--jobs", 1, "--json"
    assert run(*words)[0] == 0
    for name in ("chain.sqlite", "chain.sqlite-wal", "chain.sqlite-shm", "ledgers.json", "database.json"):
        (tmp_path / "home" / name).unlink(missing_ok=True)
    code, out, err = run(*words)
    assert code == 0, err
    assert not any(one["already"] for one in lines(out))
    assert len(lines(run("list", "--json")[1])) == 2


def test_a_database_that_was_begun_anew_gets_its_images_back(run: Run, compared: Path, tmp_path: Path) -> None:
    words = "register", compared, "--batch", "--jobs", 1, "--json"
    assert run(*words)[0] == 0
    assert run("rareness", "rebuild")[0] == 0
    code, out, err = run(*words)
    assert code == 0, err
    assert all(one["already"] for one in lines(out))
    shutil.copy(compared / "0.png", tmp_path / "copy.png")
    assert lines(run("check", tmp_path / "copy.png", "--json")[1])[0]["verdict"] == "copy"
