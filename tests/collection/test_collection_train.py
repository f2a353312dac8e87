"""`gistchain collection train` on a small collection of real avatars, as a maker would use it."""

from __future__ import annotations

import glob
import hashlib
import html
import json
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gistchain.collection.folder import LEAST_TOKENS
from gistchain.collection.known import dicebear
from gistchain.models.layered.captioner import CollectionCaptioner
from gistchain.models.layered.shelf import Shelf
from tests.support.commands import Command
from tests.support.kills import Appeared

COUNT = 60
TYPES = ("<i>hair", "base color")  # markup that a report must not obey
Ended = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def micah(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty avatars of a style that no shipped model was trained on, with the two traits that are seen best."""
    where = tmp_path_factory.mktemp("micah") / "micah"
    where.mkdir()
    tokens = dicebear.tokens("micah", [f"maker-{k}" for k in range(COUNT)])
    for k in range(COUNT):
        Image.fromarray(tokens.image(k)).save(where / f"{k}.png")
        named = {a["trait_type"]: a["value"] for a in tokens.traits.attributes(tokens.labels[k].tolist())}
        traits = [{"trait_type": type_, "value": named[type_.removeprefix("<i>")]} for type_ in TYPES]
        content = {"name": f"Micah #{k}", "image": f"ipfs://Qm/{k}.png", "attributes": traits}
        (where / f"{k}.json").write_text(json.dumps(content))
    return where


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "gistchain", *map(str, words)]


def call(*words: object, limit: Callable[[], None] | None = None) -> Ended:
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=120, check=False, preexec_fn=limit)


def train(folder: Path, home: Path, *words: object, limit: Callable[[], None] | None = None) -> Ended:
    return call("collection", "train", folder, "--home", home, "--json", *words, limit=limit)


def said(ended: Ended) -> dict[str, Any]:
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def refusal(ended: Ended) -> str:
    assert ended.returncode == 1, ended.stdout
    return str(json.loads(ended.stdout)["error"])


def model(home: Path, name: str = "micah") -> str:
    return hashlib.sha256((home / "collections" / f"collection-{name}.layers").read_bytes()).hexdigest()


def shelf(home: Path) -> set[str]:
    return {path.name for path in (home / "collections").iterdir()}


@pytest.fixture(scope="module")
def trained(micah: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A home with the collection in it, and what the command said. Homes that are altered are copies of it."""
    home = tmp_path_factory.mktemp("home")
    return home, said(train(micah, home))


def interrupted(folder: Path, home: Path, *, kill: bool = True, stage: str = "first") -> Command:
    """A training that was killed, or else ended by ctrl-C, in its first or second fit, with some of it done."""
    begun = Appeared(f"{glob.escape(str(home))}/collections/.training-*/{stage}.checkpoint")
    streams = home.with_name(f"{home.name}-{stage}-{'killed' if kill else 'stopped'}")
    command = Command(streams, "collection", "train", folder, "--home", home, "--json", aim=begun)
    command.child.wait()
    if kill:
        command.child.kill()
    else:
        command.child.interrupt()
    return command


def test_a_folder_becomes_a_model_a_card_and_a_report(trained: tuple[Path, dict[str, Any]]) -> None:
    home, done = trained
    assert shelf(home) == {
        "collection-micah.layers", "collection-micah.json", "collection-micah.html", ".training-micah.lock",
    }  # fmt: skip
    assert (done["collection"], done["subject"], done["held_out"], done["resumed"]) == ("micah", "Micah", 6, False)
    assert set(done["by_type"]) | set(done["unreadable"]) == set(TYPES)
    assert 0.4 < done["ssim"] <= 1
    assert set(done["merged"]) | set(done["seldom"]) <= set(TYPES)
    assert any("seen too seldom" in note for note in done["notes"]) == bool(done["seldom"])
    card = json.loads((home / "collections" / "collection-micah.json").read_text())
    assert card["sha256"] == model(home)
    assert card["tokens"] == COUNT - 6
    assert {"kind", "data", "licence", "recipe", "cpu_minutes", "merged"} <= card.keys()


def test_the_report_has_the_pictures_and_fetches_nothing(trained: tuple[Path, dict[str, Any]]) -> None:
    page = Path(trained[1]["report"]).read_text("utf-8")
    assert page.count("data:image/png;base64,") == 2 * 6
    assert page.count("<figure") == 6
    assert "http" not in page
    assert "faint traces of other shapes: what a value looks like is the mean over the tokens that have it" in page
    assert "<i>" not in page
    for type_ in TYPES:
        assert html.escape(type_) in page


def test_it_is_listed_as_ones_own(trained: tuple[Path, dict[str, Any]]) -> None:
    listed = [
        json.loads(line)
        for line in call("collection", "list", "--home", trained[0], "--json").stdout.split("\n")
        if line
    ]
    own = [known for known in listed if known["own"]]
    assert [(known["collection"], known["subject"]) for known in own] == [("micah", "Micah")]
    assert len(listed) > 20


def test_its_images_are_registered_in_its_words_and_painted_again(
    trained: tuple[Path, dict[str, Any]], micah: Path, tmp_path: Path
) -> None:
    home = shutil.copytree(trained[0], tmp_path / "home")
    captioner = CollectionCaptioner(Shelf(home / "collections"))
    images = [np.asarray(Image.open(micah / f"{k}.png")) for k in range(10)]
    surest = max(range(10), key=lambda k: captioner.caption(images[k]).confidence)
    done = said(call("register", micah / f"{surest}.png", "--home", home, "--json"))
    assert done["caption"] == captioner.caption(images[surest]).text
    assert done["caption"].startswith("A picture of Micah, containing ")
    back = said(call("rebuild", 1, "-o", tmp_path / "back.png", "--seeds", 1, "--home", home, "--json"))
    assert back["caption"].startswith("A picture of Micah")
    painted = np.asarray(Image.open(tmp_path / "back.png").convert("RGB")).astype(float)
    off = [np.abs(painted - image).mean() for image in images]
    assert off[surest] < np.median(off)


def test_a_run_that_was_interrupted_goes_on_and_ends_the_same(
    trained: tuple[Path, dict[str, Any]], micah: Path, tmp_path: Path
) -> None:
    """By ctrl-C, then by a kill, in the first and in the second fit; then to the end."""
    home = tmp_path / "home"
    stopped = interrupted(micah, home, kill=False)
    assert stopped.child.finish() == 130
    assert "the same command goes on from here" in stopped.err
    assert not any(name.startswith("collection-") for name in shelf(home))

    interrupted(micah, home, stage="second")
    assert not any(name.startswith("collection-") for name in shelf(home))

    ended = train(micah, home)
    done = said(ended)
    assert "continuing where an earlier run was interrupted" in ended.stderr
    assert "reading the images" not in ended.stderr
    assert done["resumed"]
    assert model(home) == model(trained[0])
    assert shelf(home) == shelf(trained[0])
    assert done["cpu_minutes"] > 0.3 * trained[1]["cpu_minutes"]


def test_what_an_interrupted_run_left_may_be_damaged(
    trained: tuple[Path, dict[str, Any]], micah: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    interrupted(micah, home, stage="second")
    (work,) = (home / "collections").glob(".training-micah-*")
    names = ("tokens.npz", "first.layers", "first.clock", "second.checkpoint")
    for name in names:
        raw = (work / name).read_bytes()
        (work / name).write_bytes(raw[: len(raw) // 2] if name != "first.clock" else b"\xff")
    ended = train(micah, home)
    for name in set(names) - {"first.clock"}:
        assert f"{name} of an interrupted run is damaged: that part starts again" in ended.stderr
    assert said(ended)["resumed"]
    assert model(home) == model(trained[0])


def test_a_folder_that_has_changed_meanwhile_begins_anew(
    trained: tuple[Path, dict[str, Any]], micah: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(micah, tmp_path / "micah")
    interrupted(folder, tmp_path / "home")
    with Image.open(folder / "0.png") as image:
        lighter = image.point(lambda value: min(255, value + 2))
    lighter.save(folder / "0.png")
    ended = train(folder, tmp_path / "home")
    assert "the folder or gistchain has changed since a run that was interrupted" in ended.stderr
    assert not said(ended)["resumed"]
    assert model(tmp_path / "home") != model(trained[0])
    assert shelf(tmp_path / "home") == shelf(trained[0])


def test_two_at_once_do_not_meet(micah: Path, tmp_path: Path) -> None:
    """Under names that ship, which is said, and only done when told."""
    home = tmp_path / "home"
    asked = train(micah, home, "--name=critters", "--subject=Open Peeps")
    assert asked.returncode == 1
    assert re.search(r"take the place of 'critters' .* and 'open-peeps' .*--replace", refusal(asked))
    words = (
        "collection",
        "train",
        micah,
        "--home",
        home,
        "--json",
        "--name=critters",
        "--subject=Open Peeps",
        "--replace",
    )
    first = Command(tmp_path / "first", *words, aim=Appeared(f"{glob.escape(str(home))}/collections/.training-*-*"))
    first.child.wait()
    second = call(*words)
    first.child.go_on()
    assert (first.child.finish(), second.returncode) == (0, 1)
    done, refused = json.loads(first.out), json.loads(second.stdout)
    assert refused["kind"] == "FileBusy"
    assert f"'critters' is being trained by process {first.child.pid}" in refused["error"]
    assert [note.partition(" (")[0] for note in done["notes"] if "the place of" in note] == [
        "it takes the place of 'critters'",
        "it takes the place of 'open-peeps'",
    ]
    shelved = Shelf(home / "collections")
    entry = shelved.of_subject("Open Peeps")
    assert entry is not None
    assert entry.folder == home / "collections"
    assert entry.layers().traits.types == TYPES


def test_what_was_learnt_is_there_when_it_is_asked_for_again(
    trained: tuple[Path, dict[str, Any]], micah: Path, tmp_path: Path
) -> None:
    home = shutil.copytree(trained[0], tmp_path / "home")
    before = {path: path.stat().st_mtime_ns for path in (home / "collections").iterdir() if path.suffix != ".lock"}
    ended = train(micah, home)
    done = said(ended)
    assert (done["new"], done["collection"], done["subject"]) == (False, "micah", "Micah")
    assert "reading the images" not in ended.stderr
    told = call("collection", "train", micah, "--home", home).stdout
    assert "already there" in told
    assert "--replace learns it again" in told
    assert {path: path.stat().st_mtime_ns for path in before} == before

    done = said(train(micah, home, "--replace"))
    assert (done["new"], done["notes"]) == (True, trained[1]["notes"])
    assert model(home) == model(trained[0])

    Path(done["report"]).unlink()  # as after a kill between the card and the report
    done = said(train(micah, home))
    assert (done["new"], done["notes"]) == (True, trained[1]["notes"])
    assert Path(done["report"]).exists()
    assert model(home) == model(trained[0])


def test_a_finished_collection_is_replaced_only_when_told(
    trained: tuple[Path, dict[str, Any]], micah: Path, tmp_path: Path
) -> None:
    """Its tokens would be rebuilt as something else."""
    home = shutil.copytree(trained[0], tmp_path / "home")
    folder = shutil.copytree(micah, tmp_path / "other")
    with Image.open(folder / "0.png") as image:
        image.point(lambda value: min(255, value + 2)).save(folder / "0.png")
    why = refusal(train(folder, home, "--name=micah"))
    assert re.search(r"take the place of 'micah' \(Micah\), your own.*rebuilt by the new one.*--replace", why)
    assert model(home) == model(trained[0])
    done = said(train(folder, home, "--name=micah", "--replace"))
    assert done["new"]
    assert [note for note in done["notes"] if "place" in note] == ["it takes the place of 'micah' (Micah), your own"]
    assert model(home) != model(trained[0])


def test_two_collections_of_one_home_are_not_called_the_same(
    trained: tuple[Path, dict[str, Any]], micah: Path, tmp_path: Path
) -> None:
    """With --replace neither: both would be there, and captions would not say which is meant."""
    home = shutil.copytree(trained[0], tmp_path / "home")
    for words in (("--name=second",), ("--name=second", "--replace"), ("--name=second", "--subject=MICAH avatar")):
        why = refusal(train(micah, home, *words))
        assert "from 'micah' (Micah), your own" in why
        assert "--subject" in why
    assert shelf(home) == shelf(trained[0]) | {".training-second.lock"}


def test_help_says_how_many_tokens_it_takes() -> None:
    assert f"at least {LEAST_TOKENS} tokens" in call("collection", "train", "-h").stdout


def test_a_shelf_that_can_not_be_written_is_said(micah: Path, tmp_path: Path) -> None:
    (tmp_path / "collections").write_bytes(b"")
    ended = train(micah, tmp_path)
    assert (ended.returncode, json.loads(ended.stdout)["kind"]) == (1, "CollectionError")
    assert "can't make the folder" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("size", [1_000, 900_000])
def test_a_full_disk_is_said_and_room_is_all_it_takes(
    trained: tuple[Path, dict[str, Any]], micah: Path, tmp_path: Path, size: int
) -> None:
    """In the cache of the images; in the checkpoint of the fit."""
    ended = train(micah, tmp_path, limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    assert (ended.returncode, json.loads(ended.stdout)["kind"]) == (1, "CollectionError")
    assert re.search(r"File too large\).*ulimit -f", ended.stderr)
    assert "Traceback" not in ended.stderr
    assert not any(name.startswith("collection-") for name in shelf(tmp_path))
    if size > 1_000:
        said(train(micah, tmp_path))
        assert model(tmp_path) == model(trained[0])


def test_a_folder_that_is_refused_leaves_the_shelf_alone(
    trained: tuple[Path, dict[str, Any]], micah: Path, tmp_path: Path
) -> None:
    home = shutil.copytree(trained[0], tmp_path / "home")
    folder = shutil.copytree(micah, tmp_path / "micah")
    (folder / "7.png").write_bytes(b"no image")
    before = {path.name: path.read_bytes() for path in (home / "collections").glob("collection-*")}
    ended = train(folder, home)
    assert ended.returncode == 1
    assert "metadata without an image (7: 7.png is broken, or no image)" in json.loads(ended.stdout)["error"]
    assert before == {path.name: path.read_bytes() for path in (home / "collections").glob("collection-*")}
    assert shelf(home) == shelf(trained[0])


def test_a_name_that_is_no_name_is_refused(micah: Path, tmp_path: Path) -> None:
    for name in ("../up", "", "A", "a b", "-a", "x" * 50):
        ended = train(micah, tmp_path, f"--name={name}")
        assert ended.returncode == 2
        assert "can't name a collection's files" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_labels_that_no_picture_shows_are_refused(tmp_path: Path) -> None:
    """Sixty pictures of noise with labels that were drawn by lot: a model of them would claim any photo."""
    rng = np.random.RandomState(0)
    folder = tmp_path / "noise"
    folder.mkdir()
    for k in range(COUNT):
        tile = Image.fromarray(rng.randint(0, 256, (4, 6, 3), np.uint8))
        tile.resize((96, 64), Image.Resampling.BICUBIC).save(folder / f"{k}.webp", quality=80)
        traits = {"Mood": ("glad", "sad", "calm")[rng.randint(3)], "Place": ("sea", "hill")[rng.randint(2)]}
        (folder / f"{k}.json").write_text(json.dumps({"attributes": traits}))
    ended = train(folder, tmp_path / "home")
    assert ended.returncode == 1
    assert "show none of its traits (Mood, Place)" in json.loads(ended.stdout)["error"]
    assert shelf(tmp_path / "home") == {".training-noise.lock"}
