"""--check finds copies of registered images of other collections, and not the plan's own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from gistchain.collection.making import near
from gistchain.collection.making.make import Made, make
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


def checked(rules: Path, home: Path, *images: tuple[Path, str, str]) -> Made:
    """The plan beside these registered images. images: file, name, collection."""
    look = partial(checker, load({"home": home}))
    filling = look()
    for path, name, collection in images:
        picture = read_image(path, name)
        filling.remember(picture, None, name=name, collection=collection, caption="", seed=bool(collection))
    return make(rules, home / "again", shelf=home / "shelf", jobs=1, check=look)


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


def test_the_very_same_file_counts_where_another_collection_has_it(made: tuple[Path, Path], tmp_path: Path) -> None:
    rules, plan = made
    same = plan / "images" / "3.png"
    stolen = checked(rules, tmp_path / "stolen", (same, "3.png", "thieves"))
    assert stolen.checked is not None
    assert stolen.checked.replaced + len(stolen.checked.near) > 0
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
