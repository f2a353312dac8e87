"""A file of rules and a folder of layers -> a folder that is ready to be registered."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from gistchain.bulk.journal import Journal
from gistchain.collection import folder as collection_folder
from gistchain.collection.known.pfp30 import ALL
from gistchain.collection.making import output
from gistchain.collection.metadata import items
from gistchain.disk.lock import FileLock
from gistchain.errors import CollectionError, DiskFull, FileBusy, FileError, ImageError
from gistchain.image import images_in, read_image
from gistchain.image.pixels import pixels_sha3_256
from gistchain.models.diffusers.prompts import parse
from gistchain.models.known import known_collections
from gistchain.traits import is_called
from tests.collection.making.drawings import SIDE, content, layers, plan, rules
from tests.support.shelves import own

FULL = (0, 0, SIDE, SIDE)


def test_the_folder_has_all_that_is_needed_and_all_of_one_record(things: Path) -> None:
    plan(things)
    folder = things.parent / "plan"
    said = json.loads((folder / "metadata" / "_metadata.json").read_text("utf-8"))
    assert [one["edition"] for one in said] == list(range(1, 61))
    counted: Counter[str] = Counter()
    for one in said:
        assert one == json.loads((folder / "metadata" / f"{one['edition']}.json").read_text("utf-8"))
        assert one["name"] == f"Things #{one['edition']}"
        assert one["image"] == f"ipfs://CID/{one['edition']}.png"
        traits = {a["trait_type"]: a["value"] for a in one["attributes"] if "display_type" not in a}
        (luck,) = [a for a in one["attributes"] if "display_type" in a]
        assert luck["display_type"] == "boost_number"
        assert 3 <= luck["value"] <= luck["max_value"] == 5
        assert "None" not in traits.values()
        counted.update([traits.get("T1", "None")])
        pixels = read_image(folder / "images" / f"{one['edition']}.png")
        for t in range(4):  # the picture shows what the metadata say
            drawn = f"T{t}" in traits
            alpha = 255 if pixels.alpha is None else pixels.alpha[t, 0]
            assert (alpha == 255) == drawn
            if drawn:
                layer = read_image(next((things.parent / "layers" / f"T{t}").glob(f"{traits[f'T{t}']}#*.png")))
                assert (pixels.pixels[t, 0] == layer.pixels[t, 0]).all()
    assert counted["v3"] == 9
    assert counted["None"] == 12
    assert len((folder / "rarity.csv").read_text().splitlines()) == 61
    assert "Things" in (folder / "sheet.html").read_text("utf-8")
    assert json.loads((folder / "contract.json").read_text("utf-8"))["name"] == "Things"
    assert not (folder / ".making").exists()


def test_no_two_pictures_have_the_same_pixels(things: Path) -> None:
    plan(things)
    images = images_in([things.parent / "plan" / "images"]).images
    assert len({pixels_sha3_256(read_image(path)) for path in images}) == 60


def test_prompts_mean_what_they_say(things: Path) -> None:
    plan(things)
    lines = (things.parent / "plan" / "prompts.txt").read_text("utf-8").splitlines()
    for line in lines:
        prompt = parse(line)
        assert prompt.loras == (("things", 1.0),)
        assert [weight for _, weight in prompt.fragments if weight != 1] == [1.2]
        assert "<" not in prompt.text


def test_the_same_rules_give_the_same_bytes_whatever_the_number_of_processes(things: Path) -> None:
    plan(things, "one")
    plan(things, "two", jobs=2)
    assert content(things.parent / "one") == content(things.parent / "two")


def test_an_interrupted_run_goes_on_and_ends_with_the_same_bytes(things: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan(things, "whole")

    def interrupted(self: output.Output, content: bytes) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(output.Output, "finish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            plan(things)
    folder = things.parent / "plan"
    (folder / "images" / "7.png").unlink()
    (folder / "images" / "8.png").write_bytes(b"cut off")
    drawn = (folder / "images" / "9.png").stat().st_mtime_ns
    plan(things)
    assert (folder / "images" / "9.png").stat().st_mtime_ns == drawn
    assert content(folder) == content(things.parent / "whole")


def test_hidden_layers_do_not_make_two_tokens_alike(tmp_path: Path) -> None:
    """A helmet over everything hides the hair and the eyes of its tokens, half hides half of the hair."""
    eyes = {"a": (3, 3, 5, 5), "b": (4, 3, 6, 5), "c": (5, 3, 7, 5)}
    hair = {"x": (0, 0, 6, 2), "y": (0, 0, 7, 2), "z": (0, 0, 8, 2)}
    hats = {"Helmet": (0, 0, SIDE, 8), "Cap": (7, 0, 9, 2), "Bow": (0, 0, 2, 1)}
    feet = {f"f{k}": (k, 10, k + 2, 12) for k in range(8)}
    layers(tmp_path / "layers", {"1-Eyes": eyes, "2-Hair": hair, "3-Hat": hats, "4-Feet": feet})
    path = rules(tmp_path, 70, '[[trait]]\ntype = "Hat"\nvalues = { Helmet = { count = 8 } }\n')
    plan(path)
    images = images_in([tmp_path / "plan" / "images"]).images
    assert len({pixels_sha3_256(read_image(image)) for image in images}) == 70
    said = json.loads((tmp_path / "plan" / "metadata" / "_metadata.json").read_text("utf-8"))
    assert sum({"trait_type": "Hat", "value": "Helmet"} in one["attributes"] for one in said) == 8
    path = rules(tmp_path, 70, '[[trait]]\ntype = "Hat"\nvalues = { Helmet = { count = 9 } }\n')
    with pytest.raises(CollectionError, match=r"count 9 of Hat: Helmet|different pictures"):
        plan(path, "nine")


def test_too_few_pictures_are_told_with_what_is_hidden_and_the_order_of_layers(tmp_path: Path) -> None:
    """By the alphabet the background lies over the body's face; two scarves are one drawing."""
    folder = layers(tmp_path / "layers", {
        "Face": {"glad": (1, 1, 3, 2), "sad": (1, 1, 2, 2)},
        "Scarf": {"red": (0, 8, 6, 9), "ruby": (0, 8, 6, 9), "wool": (0, 8, 9, 9)},
        "Visor": {"open": (0, 0, 1, 1), "shut": (0, 0, SIDE, 4)},
    })  # fmt: skip
    shutil.copy(folder / "Scarf" / "red.png", folder / "Scarf" / "ruby.png")
    with pytest.raises(CollectionError) as refused:
        plan(rules(tmp_path, 10))
    told = str(refused.value)
    assert "6 different pictures of 12 combinations" in told
    assert "Face is not seen with Visor: shut; Scarf: red and ruby look alike" in told
    assert "in the order of their folders' names, bottom first: Face, Scarf, Visor" in told
    assert "[layers] order" in told
    path = rules(tmp_path, 12, 'order = ["Visor", "Scarf", "Face"]\n')
    with pytest.raises(CollectionError, match=r"8 different.*as \[layers\] order says, bottom first: Visor, Scarf, F"):
        plan(path)


def test_values_that_differ_only_where_they_are_covered_are_told_by_their_pixels(tmp_path: Path) -> None:
    """Two coats that differ under the scarf alone: neither is hidden, and yet the pictures are the same."""
    folder = tmp_path / "layers"
    layers(folder, {"1-Coat": {"plain": (0, 0, 6, 6)}, "2-Scarf": {"red": (0, 0, 6, 2)}, "3-Dot": {
        f"d{k}": (k, 8, k + 1, 9) for k in range(6)}})  # fmt: skip
    coat = Image.open(folder / "1-Coat" / "plain.png").convert("RGBA")
    coat.paste((9, 9, 9, 255), (0, 0, 3, 1))
    coat.save(folder / "1-Coat" / "torn.png")
    path = rules(tmp_path, 14, '[[trait]]\ntype = "Scarf"\nnone = 1\n')
    plan(path)
    images = images_in([tmp_path / "plan" / "images"]).images
    assert len({pixels_sha3_256(read_image(image)) for image in images}) == 14
    with pytest.raises(CollectionError, match=r"look like|look alike|different"):
        plan(rules(tmp_path, 19, '[[trait]]\ntype = "Scarf"\nnone = 1\n'), "all")


def test_other_rules_and_other_files_are_not_written_over(things: Path) -> None:
    plan(things)
    folder = things.parent / "plan"
    before = content(folder)
    things.write_text(things.read_text("utf-8").replace("seed = 1", "seed = 2"), "utf-8")
    with pytest.raises(FileError, match="another plan"):
        plan(things)
    assert content(folder) == before
    (things.parent / "mine").mkdir()
    (things.parent / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(FileError, match=r"something else \('thesis.txt'\)"):
        plan(things, "mine")
    (things.parent / "file").write_text("")
    with pytest.raises(FileError, match="not a folder"):
        plan(things, "file")


def test_a_changed_layer_is_another_plan(things: Path) -> None:
    plan(things)
    layer = next((things.parent / "layers" / "T0").glob("v1#*.png"))
    Image.new("RGBA", (SIDE, SIDE), "red").save(layer)
    with pytest.raises(FileError, match="another plan"):
        plan(things)


def test_one_process_at_a_time(things: Path) -> None:
    folder = things.parent / "plan"
    with FileLock(folder / ".making" / "lock"), pytest.raises(FileBusy, match="being written by process"):
        plan(things)


def test_a_full_disk_is_told_and_the_same_command_goes_on(things: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    real = output.os.replace

    def full(source: Path, to: Path) -> None:
        if Path(to).name == "31.png":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, to)

    with monkeypatch.context() as patched:
        patched.setattr(output.os, "replace", full)
        with pytest.raises(DiskFull, match=r"31\.png"):
            plan(things)
    assert not list((things.parent / "plan" / "images").glob(".*"))
    plan(things)
    plan(things, "other")
    assert content(things.parent / "plan") == content(things.parent / "other")


def test_collection_train_and_register_read_the_folder(things: Path) -> None:
    plan(things)
    folder = things.parent / "plan"
    listing = collection_folder.listed(folder, name="things")
    assert len(listing.tokens) == 60
    assert set(listing.traits.types) == {"T0", "T1", "T2", "T3"}
    assert listing.traits.subject == "Things"
    found, _ = items(folder)
    assert len(found) == 60
    assert len(images_in([folder / "images"]).images) == 60
    Journal(things.parent / "home", ledger="l", owner="o").close()


def test_a_trained_collection_paints(tmp_path: Path) -> None:
    own(tmp_path / "shelf")
    path = tmp_path / "rules.toml"
    path.write_text('name = "New gnomes"\ncount = 5\n[painter]\ncollection = "garden"\nside = 32\n', "utf-8")
    plan(path)
    images = images_in([tmp_path / "plan" / "images"]).images
    assert {read_image(image).size for image in images} == {(32, 32)}
    assert len({pixels_sha3_256(read_image(image)) for image in images}) == 5
    path.write_text(path.read_text("utf-8").replace("garden", "nobody"), "utf-8")
    with pytest.raises(CollectionError, match="no trained collection is called 'nobody'"):
        plan(path, "other")


def test_layers_of_different_sizes_are_refused(things: Path) -> None:
    wrong = next((things.parent / "layers" / "T2").glob("v2#*.png"))
    Image.new("RGBA", (SIDE, SIDE + 1)).save(wrong)
    with pytest.raises(CollectionError, match=r"layers differ in size.*12 x 12.*v2#3\.png has 12 x 13"):
        plan(things)


@pytest.mark.parametrize("raw", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 60])
def test_a_broken_layer_is_named(things: Path, raw: bytes) -> None:
    wrong = next((things.parent / "layers" / "T2").glob("v2#*.png"))
    wrong.write_bytes(raw)
    with pytest.raises(ImageError, match=r"v2#3\.png"):
        plan(things)


def test_a_file_of_a_hundred_megabytes_is_refused_unread(things: Path) -> None:
    wrong = next((things.parent / "layers" / "T2").glob("v2#*.png"))
    with wrong.open("ab") as file:
        file.truncate(101 << 20)
    with pytest.raises(ImageError, match="more than"):
        plan(things)


def test_an_animated_layer_is_read_as_one_frame_and_said(things: Path) -> None:
    moving = next((things.parent / "layers" / "T2").glob("v2#*.png"))
    frames = [Image.new("RGBA", (SIDE, SIDE), colour) for colour in ("red", "blue")]
    frames[0].paste((0, 255, 0, 255), (0, 0, 4, 4))
    frames[0].save(moving, save_all=True, append_images=frames[1:], duration=100)
    assert any("v2#3.png: frame" in note for note in plan(things).notes)


def test_the_example_of_the_readme_is_made(tmp_path: Path) -> None:
    here = Path(__file__).parents[3] / "examples"
    shutil.copytree(here / "layers", tmp_path / "layers")
    short = (here / "rules.toml").read_text("utf-8").replace("count = 500", "count = 60")
    (tmp_path / "rules.toml").write_text(short, "utf-8")
    done = plan(tmp_path / "rules.toml")
    assert (done.tokens, done.off) == (60, {})


def test_the_example_has_a_name_that_no_other_collection_has() -> None:
    """`collection train` would refuse it, as its tokens would be rebuilt as those of the other."""
    said = tomllib.loads((Path(__file__).parents[3] / "examples" / "rules.toml").read_text("utf-8"))
    known = [name for one in known_collections() for name in (one.collection, one.subject)]
    assert not is_called(said["name"], *known, *ALL)
    assert not is_called(said["subject"], *known, *ALL)
