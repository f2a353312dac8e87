"""`gistchain attest`: a verdict of one's own on a token, beside its creator's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.pictures import noun

Run = Callable[..., tuple[int, str, str]]
# The second account of anvil's published test mnemonic.
OTHER_KEY = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"


def one(out: str) -> dict[str, Any]:
    (line,) = out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.fixture
def copied(tmp_path: Path) -> tuple[Path, Path]:
    """An image and a mirrored copy of it."""
    image, copy = noun(1, tmp_path / "a.png"), tmp_path / "copy.png"
    ImageOps.mirror(Image.open(image)).save(copy)
    return image, copy


def test_a_verdict_is_written_kept_and_shown(run: Run, copied: tuple[Path, Path]) -> None:
    image, copy = copied
    assert run("register", image, copy)[0] == 0
    code, out, err = run("attest", 2, copy, "--json")
    assert code == 0, err
    said = one(out)
    assert (said["token"], said["verdict"], said["already"]) == (2, "copy", False)
    assert (said["nearest"]["token"], said["compared_with"]) == (1, 1)
    shown = one(run("show", 2, "--json")[1])
    (attested,) = shown["attested"]
    for key in ("verdict", "score", "checker", "as_of", "compared_with", "evidence"):
        assert attested[key] == said[key]
    assert attested["as_of"] == shown["block"], "the last block before it was said"
    code, out, _ = run("attest", 2, copy)
    assert code == 0
    assert "copy of token 1" in out
    assert "you had said so before" in out
    assert len(one(run("show", 2, "--json")[1])["attested"]) == 1


def test_later_copies_are_no_fault_of_the_original(run: Run, copied: tuple[Path, Path]) -> None:
    image, copy = copied
    run("register", image, copy)
    said = one(run("attest", 1, image, "--json")[1])
    assert (said["verdict"], said["nearest"]) == ("original", None)
    assert one(run("check", image, "--json")[1])["verdict"] == "copy", "check knows nothing of earlier and later"


def test_another_file_than_the_token_s_is_refused(run: Run, copied: tuple[Path, Path]) -> None:
    image, copy = copied
    run("register", image)
    code, out, err = run("attest", 1, copy, "--json")
    assert (code, one(out)["kind"]) == (1, "ImageError")
    assert "give the very file that was registered" in err
    code, _, err = run("attest", 7, image)
    assert code == 1
    assert "no token 7" in err
    assert one(run("show", 1, "--json")[1])["attested"] == []


def test_an_image_of_one_colour_has_no_verdict(run: Run, tmp_path: Path) -> None:
    plain = np.full((512, 512, 3), 200, np.uint8)
    plain[:2, :2] = 190
    Image.fromarray(plain).save(tmp_path / "a.png")
    assert run("register", tmp_path / "a.png", "--caption", "nearly nothing")[0] == 0
    assert one(run("show", 1, "--json")[1])["rareness"] is None
    code, _, err = run("attest", 1, tmp_path / "a.png")
    assert code == 1
    assert "no verdict to attest" in err


@needs_anvil
def test_a_stranger_s_verdict_stands_beside_the_creator_s(run: Run, copied: tuple[Path, Path], tmp_path: Path) -> None:
    image, copy = copied
    node = Anvil()
    try:
        keys = []
        for name, key in (("creator", RICH_KEY), ("stranger", OTHER_KEY)):
            (tmp_path / name).write_text(key)
            keys.append(("--rpc", node.url, "--chain-id", CHAIN_ID, "--key", tmp_path / name, "--home", f"home-{name}"))
        creator, stranger = keys
        assert run("register", copy, *creator)[0] == 0
        assert one(run("show", 1, *creator[:2], "--json")[1])["rareness"]["verdict"] == "original"
        # The stranger knows the image that it was made from, as a seed of the database.
        (tmp_path / "seeds").mkdir()
        image.rename(tmp_path / "seeds" / "a.png")
        assert run("rareness", "seed", tmp_path / "seeds", "--home", "home-stranger")[0] == 0
        code, out, err = run("attest", 1, copy, *stranger, "--json")
        assert code == 0, err
        assert one(out)["verdict"] == "copy"
        shown = one(run("show", 1, *creator[:2], "--json")[1])
        assert shown["rareness"]["verdict"] == "original"
        assert [said["verdict"] for said in shown["attested"]] == ["copy"]
        assert shown["attested"][0]["by"] != shown["owner"]
    finally:
        node.kill()
