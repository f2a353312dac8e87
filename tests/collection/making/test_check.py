"""--check finds copies of registered images of other collections, and not the plan's own."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from gistchain.collection.making import near
from gistchain.collection.making.make import Made, Progress, make
from gistchain.collection.making.output import Output
from gistchain.errors import CollectionError
from gistchain.image import read_image
from gistchain.settings import load
from gistchain.systems import checker

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(rules of a plan, the plan)"""
    folder = tmp_path_factory.mktemp("plan")
    text = (EXAMPLES / "rules.toml").read_text("utf-8").replace('folder = "layers"', f'folder = "{EXAMPLES}/layers"')
    text = (
        text.replace("count = 500", "count = 24")
        .replace("count = 12 ", "count = 1 ")
        .replace("count = 5 ", "count = 1 ")
    )
    rules = folder / "rules.toml"
    rules.write_text(text, "utf-8")
    make(rules, folder / "plan", shelf=folder / "shelf", jobs=1)
    return rules, folder / "plan"


def checked(
    rules: Path, home: Path, *images: tuple[Path, str, str], progress: Progress = lambda what, share: None
) -> Made:
    """The plan beside these registered images. images: file, name, collection."""
    look = partial(checker, load({"home": home}))
    filling = look()
    for path, name, collection in images:
        picture = read_image(path, name)
        filling.remember(picture, None, name=name, collection=collection, caption="", seed=bool(collection))
    return make(rules, home / "again", shelf=home / "shelf", jobs=1, check=look, progress=progress)


@pytest.fixture(scope="module")
def stolen(made: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Path, list[str]]:
    """(the plan beside one of its pictures that others have, its folder, its stages)"""
    home = tmp_path_factory.mktemp("stolen")
    stages: list[str] = []
    image = (made[1] / "images" / "3.png", "3.png", "thieves")
    done = checked(made[0], home, image, progress=lambda what, share: stages.append(what))
    return done, home / "again", stages


def test_altered_copies_in_another_collection_are_replaced_or_named(made: tuple[Path, Path], tmp_path: Path) -> None:
    rules, plan = made
    with Image.open(plan / "images" / "3.png") as image:
        image.convert("RGB").resize((500, 500)).save(tmp_path / "stolen.jpg", quality=80)
    done = checked(rules, tmp_path / "home", (tmp_path / "stolen.jpg", "stolen.jpg", "thieves"))
    assert done.checked is not None
    assert done.checked.laid > 0
    assert done.checked.replaced + len(done.checked.near) > 0
    before, after = ((folder / "images" / "3.png").read_bytes() for folder in (plan, tmp_path / "home" / "again"))
    assert before != after or 3 in [one.id for one in done.checked.near]


def test_a_check_that_was_cut_off_while_it_replaced_tokens_goes_on(
    made: tuple[Path, Path], stolen: tuple[Made, Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had drawn in place of a finished plan's pictures is no change of the owner."""
    rules, plan = made
    whole, folder, _ = stolen
    home = tmp_path / "home"
    shutil.copytree(plan, home / "again")

    def cut_off(self: Output, content: bytes) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Output, "finish", cut_off)
        with pytest.raises(KeyboardInterrupt):
            checked(rules, home, (plan / "images" / "3.png", "3.png", "thieves"))
    for note in (home / "again" / ".making").glob("drawn-*"):  # a kill comes before it is noted what was drawn
        note.unlink()
    assert checked(rules, home, (plan / "images" / "3.png", "3.png", "thieves")).checked == whole.checked
    for name in ("plan.json", "images/3.png", "metadata/3.json"):
        assert (home / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_what_is_laid_over_images_is_counted_by_tokens_and_by_stages(stolen: tuple[Made, Path, list[str]]) -> None:
    done, _, stages = stolen
    assert done.checked is not None
    assert 0 < done.checked.laid <= 24
    assert done.checked.dropped > 0
    assert "comparing 24 tokens with 1 images" in stages
    assert any(re.fullmatch(r"laying \d+ tokens over what they look like, seconds each", what) for what in stages)


def test_the_registered_image_is_told_with_its_token(made: tuple[Path, Path], tmp_path: Path) -> None:
    plan = made[1]
    looks = checker(load({"home": tmp_path}))
    picture = read_image(plan / "images" / "3.png", "theirs.png")
    looks.remember(picture, None, name="theirs.png", collection="", caption="", seed=False)
    looks.store.name_token(picture.sha3_256, "0xregistry", 12)
    found = near._laid(near._State(looks, "Woodlings", {}), 5, picture, "")
    assert found.near is not None
    assert (found.near.id, found.near.verdict, found.near.of, found.near.token) == (5, "copy", "theirs.png", 12)
    nearness = near.Nearness(lambda: looks, "", Output(tmp_path / "out", "", ""), jobs=1)
    nearness._remember(near._told(found))
    assert nearness._known["", True] == found


def test_the_very_same_file_counts_where_another_collection_has_it(
    made: tuple[Path, Path], stolen: tuple[Made, Path, list[str]], tmp_path: Path
) -> None:
    rules, plan = made
    same = plan / "images" / "3.png"
    assert stolen[0].checked is not None
    assert stolen[0].checked.replaced + len(stolen[0].checked.near) > 0
    own = checked(rules, tmp_path / "own", (same, "3.png", ""), (plan / "images" / "4.png", "4.png", "Woodlings"))
    assert own.checked is not None
    assert (own.checked.replaced, own.checked.near) == (0, ())


def test_a_refused_plan_leaves_nothing_behind(made: tuple[Path, Path], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(made[0].read_text("utf-8").replace("Golden = { count = 1 }", "Golden = { count = 99 }"), "utf-8")
    with pytest.raises(CollectionError, match="more than the 24 tokens"):
        make(wrong, tmp_path / "plan", shelf=tmp_path / "shelf", jobs=1)
    assert not (tmp_path / "plan").exists()


def test_a_glance_says_what_a_whole_look_says(made: tuple[Path, Path], tmp_path: Path) -> None:
    looks = checker(load({"home": tmp_path}))
    pictures = [read_image(made[1] / "images" / f"{n}.png") for n in range(1, 9)]
    for number, picture in enumerate(pictures[:4]):
        looks.remember(picture, None, name=f"{number}", collection=f"c{number % 2}", caption="", seed=True)
    for picture in pictures:
        whole, (fingerprint, turns) = looks.features(picture), looks.glance(picture)
        assert (fingerprint == whole.fingerprint).all()
        assert looks.store.near(turns, near.HASHES) == looks.store.near(whole.turns, near.HASHES)


def test_what_counts_is_read_once_a_row(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = checker(load({"home": tmp_path}))
    pictures = [read_image(made[1] / "images" / f"{n}.png") for n in range(1, 7)]
    for number, picture in enumerate(pictures):
        whose = "mine" if number else "theirs"
        looks.remember(picture, None, name=f"{number}", collection=whose, caption="", seed=True)
    read: list[int] = []
    entries = looks.store.entries
    monkeypatch.setattr(looks.store, "entries", lambda rows: read.extend(rows) or entries(rows))
    state = near._State(looks, "mine", {})
    alone = [near._first(near._State(looks, "mine", {}), 1, picture, "") for picture in pictures]
    read.clear()
    assert [near._first(state, 1, picture, "") for picture in pictures] == alone
    assert len(read) == len(set(read))
    assert {state.rows[row] for row in read} == {True, False}
