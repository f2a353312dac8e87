"""`collection mint-plan`: what it says and how it ends."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

from gistchain.answers.making import made_json, made_text
from gistchain.collection.making.make import Checked, Made
from gistchain.collection.making.near import Near
from gistchain.image import read_image
from gistchain.settings import load
from gistchain.systems import checker
from tests.collection.making.drawings import SIDE, grid, layers, rules

Run = Callable[..., tuple[int, str, str]]
NEAR = (
    Near(4, "copy", "7.png", "Apes", 12, 0.0312, 0.991),
    Near(9, "unsure", "face.png", "", None, 0.2, 0.9),
    *(Near(n, "derivative", "x.png", "Apes", None, 0.1, 0.9) for n in range(20, 28)),
)


def said(tokens: int = 60, *, folder: str = "plan", near: tuple[Near, ...] | None = None, **changed: object) -> str:
    checked = None if near is None else Checked(616, 31, 0, 7, 84, near)
    fields = {"off": {}, "ruled": False, "painter": "", "notes": ()} | changed
    return made_text(Made("Things", Path(folder), tokens, checked, **fields))  # type: ignore[arg-type]


def steps(text: str) -> list[list[str]]:
    """The commands that are proposed, as a shell reads them."""
    return [shlex.split(line) for line in text.splitlines() if line.strip().startswith("gistchain ")]


def test_a_collection_is_learnt_before_it_is_registered_and_names_are_quoted(run: Run, tmp_path: Path) -> None:
    layers(tmp_path / "layers", grid(4, 4))
    code, out, _ = run("collection", "mint-plan", rules(tmp_path, 60), "-o", "out ü 2", "--jobs", 1)
    assert code == 0
    train, register = steps(out)
    assert train == ["gistchain", "collection", "train", "out ü 2"]
    assert register == ["gistchain", "register", "out ü 2/images", "--batch"]
    assert "look at 'out ü 2/sheet.html'" in out
    assert "the first teaches captions its traits" in out


def test_what_can_not_be_learnt_or_is_known_is_registered_as_it_is() -> None:
    assert "learns collections of 50 tokens or more" in said(49)
    assert steps(said(49)) == [["gistchain", "register", "plan/images", "--batch"]]
    assert steps(said(60, painter="garden")) == [["gistchain", "register", "plan/images", "--batch"]]


def test_what_is_too_near_is_named_explained_and_not_proposed_for_registration() -> None:
    told = said(near=NEAR)
    assert "31 of 60 tokens look like one at a glance" in told
    assert "7 tokens got other traits" in told
    assert "84 pictures were laid over one and dropped on the way" in told
    assert "images/4.png: copy of 7.png (token 12, collection Apes); rareness 0.03, likeness 0.99" in told
    assert "images/9.png: can't be told from a copy of face.png; rareness 0.20" in told
    assert "and 2 more: plan.json names all" in told
    assert "rareness is 0 for a copy" in told
    assert "don't register this plan" in told
    assert "another seed" in told
    assert not steps(told)
    assert len(steps(said(near=()))) == 2


def test_values_off_their_weights_are_told_with_unit_and_reason() -> None:
    told = said(off={"Background: Rouge": -5, "Hat: Cap": 2})
    assert "so that no two tokens look alike, some values have more or fewer tokens" in told
    assert "Background: Rouge 5 fewer, Hat: Cap 2 more" in told
    assert "rules" not in told
    assert "counts hold and rules are kept, some values" in said(off={"Hat: Cap": 2}, ruled=True)
    assert "none is too near to a registered image, some values" in said(off={"Hat: Cap": 2}, near=())


def test_copies_that_remain_end_with_exit_code_3(run: Run, tmp_path: Path) -> None:
    """Every combination is a token: there is nothing to replace one by."""
    layers(tmp_path / "layers", {"Sky": {"a": (0, 0, SIDE, 5), "b": (0, 0, SIDE, 7)}, "Sea": {"a": (0, 9, 5, SIDE)}})
    path = rules(tmp_path, 2)
    assert run("collection", "mint-plan", path, "-o", "first", "--jobs", 1)[0] == 0
    picture = read_image(tmp_path / "first" / "images" / "2.png")
    checker(load({"home": tmp_path / "home"})).remember(
        picture, None, name="theirs.png", collection="Apes", caption="", seed=True
    )
    code, out, err = run("collection", "mint-plan", path, "-o", "plan", "--check", "--jobs", 1)
    assert code == 3
    assert "images/2.png: copy of theirs.png (collection Apes); rareness 0.00, likeness 1.00" in out
    assert not steps(out)
    assert "comparing 2 tokens with 1 images ..." in err
    code, out, _ = run("collection", "mint-plan", path, "-o", "plan", "--check", "--jobs", 1, "--json")
    assert code == 3
    (near,) = [one for one in json.loads(out)["near"] if one["id"] == 2]
    assert (near["of"], near["collection"], near["token"]) == ("theirs.png", "Apes", None)


def test_a_retouched_picture_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    layers(tmp_path / "layers", grid(3, 3))
    words = "collection", "mint-plan", rules(tmp_path, 9), "-o", "plan", "--jobs", 1
    assert run(*words)[0] == 0
    picture = tmp_path / "plan" / "images" / "1.png"
    picture.write_bytes(b"retouched")
    code, _, err = run(*words)
    assert code == 1
    assert "images/1.png in plan is not as mint-plan wrote it" in err
    assert picture.read_bytes() == b"retouched"


def test_the_json_has_the_same_keys_with_and_without_a_check() -> None:
    fields = (Path("plan"), 60)
    plain = made_json(Made("Things", *fields, None, {}, False, "", ()))
    looked = made_json(Made("Things", *fields, Checked(616, 31, 0, 7, 84, NEAR), {}, False, "", ()))
    assert plain.keys() == looked.keys()
    assert looked["dropped"] == 84
