"""Folders of images and metadata as makers have them, and as they should not be."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gistchain.collection.folder import Listed, held_out, listed, read
from gistchain.errors import CollectionError, GistchainError, ImageError, SettingError
from gistchain.types import Pixels

N = 60
HATS, EYES = ("cap", "crown", "beanie"), ("open", "closed")


def picture(number: int, path: Path, size: tuple[int, int] = (8, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (number * 4, 0, 0)).save(path)


def attributes(number: int) -> list[dict[str, Any]]:
    return [{"trait_type": "Hat", "value": HATS[number % 3]}, {"trait_type": "Eyes", "value": EYES[number % 2]}]


def token(number: int, **more: Any) -> dict[str, Any]:
    return {"name": f"Cool Cat #{number}", "attributes": attributes(number), **more}


def put(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def folder(at: Path, content: Callable[[int], Any] = token, count: int = N) -> Path:
    for number in range(count):
        picture(number, at / "images" / f"{number}.png")
        put(at / "metadata" / f"{number}.json", content(number))
    return at


def shades(found: Listed) -> list[int]:
    """The number that each token's image was drawn with."""
    return [int(shade) // 4 for shade in read(found, lambda image: image).images[:, 0, 0, 0]]


def right(found: Listed, numbers: list[int] | None = None) -> bool:
    """Whether every token has the traits that go with its image."""
    drawn = shades(found)
    hats = [HATS[number % 3] for number in drawn]
    return drawn == (numbers or list(range(N))) and [t.attributes["Hat"] for t in found.tokens] == hats


def in_one_list(at: Path, entry: Callable[[int], dict[str, Any]]) -> Path:
    for number in range(N):
        picture(number, at / "images" / f"{number}.png")
    put(at / "json" / "_metadata.json", [entry(number) for number in range(N)])
    return at


# Layouts.


def test_images_and_metadata_in_folders_of_their_own(tmp_path: Path) -> None:
    found = listed(folder(tmp_path), name="cats")
    assert right(found)
    assert found.traits.values == {"Hat": tuple(sorted(HATS)), "Eyes": tuple(sorted(EYES))}
    assert found.traits.subject == "Cool Cat"
    assert found.notes == ()
    labels = read(found, lambda image: image).labels
    assert found.traits.caption(labels[1].tolist()) == "A picture of Cool Cat, containing crown Hat, closed Eyes"


def test_side_by_side_and_without_a_suffix(tmp_path: Path) -> None:
    for number in range(N):
        picture(number, tmp_path / f"{number}.png")
        put(tmp_path / str(number), token(number))
    assert right(listed(tmp_path, name="cats"))


@pytest.mark.parametrize(
    "entry",
    [
        lambda k: token(k, edition=k),
        lambda k: token(k, edition=k, image="ipfs://bafyNewUriToReplace"),
        lambda k: token(k, image=f"ipfs://Qm/{k}.png"),
        lambda k: {"tokenId": str(k), "attributes": attributes(k)},
        token,
    ],
    ids=["edition", "edition and a URI of all", "image", "tokenId", "number in the name"],
)
def test_one_list_of_all(tmp_path: Path, entry: Callable[[int], dict[str, Any]]) -> None:
    assert right(listed(in_one_list(tmp_path, entry), name="cats"))


def test_a_list_whose_entries_name_nothing_is_refused(tmp_path: Path) -> None:
    where = in_one_list(tmp_path, lambda k: {"attributes": attributes(k)})
    with pytest.raises(CollectionError, match="does not say which image"):
        listed(where, name="cats")


def test_a_list_beside_single_files_adds_nothing(tmp_path: Path) -> None:
    where = folder(tmp_path, lambda k: token(k, edition=k))
    put(where / "metadata" / "_metadata.json", [token(k, edition=k) for k in range(N)])
    assert right(listed(where, name="cats"))


def test_two_lists_that_disagree_are_refused(tmp_path: Path) -> None:
    where = in_one_list(tmp_path, lambda k: token(k, edition=k))
    put(where / "json" / "other.json", [token(k, edition=k) for k in range(N)])
    assert right(listed(where, name="cats"))
    put(where / "json" / "other.json", [{"edition": 7, "attributes": attributes(8)}])
    with pytest.raises(CollectionError, match="'7' is there twice"):
        listed(where, name="cats")


def test_attributes_as_an_object(tmp_path: Path) -> None:
    def plain(k: int) -> dict[str, Any]:
        return {"attributes": {"Hat": HATS[k % 3], "Eyes": EYES[k % 2]}}

    assert right(listed(folder(tmp_path, plain), name="cats"))


@pytest.mark.parametrize(
    "image",
    ["{0}.png", "images/{0}.png", "ipfs://Qm/{0}", "https://a.example/x/{0}.png?size=2#top", "..\\images\\{0}.png"],
)
def test_the_image_that_metadata_names_goes_before_the_one_of_the_same_name(tmp_path: Path, image: str) -> None:
    """After a reveal token 5 may show image 54: paired by stem alone, every label would be wrong."""
    other = [N - 1 - k for k in range(N)]
    where = folder(tmp_path, lambda k: {"image": image.format(other[k]), "attributes": attributes(other[k])})
    found = listed(where, name="cats")
    assert right(found, other)


@pytest.mark.parametrize("image", ["data:image/svg+xml;base64,PHN2Zy8+", "ipfs://Qm", "0.png", "", 7, None, ["1.png"]])
def test_an_image_field_that_names_no_file_of_its_own_is_ignored(tmp_path: Path, image: Any) -> None:
    """0.png: a placeholder that all tokens name."""
    assert right(listed(folder(tmp_path, lambda k: token(k, image=image)), name="cats"))


def test_a_suffix_tells_images_of_one_stem_apart(tmp_path: Path) -> None:
    where = folder(tmp_path, lambda k: token(k, image=f"{k}.png"))
    picture(3, where / "preview" / "3.webp")
    assert right(listed(where, name="cats", skip=True))


def test_names_are_compared_as_people_read_them(tmp_path: Path) -> None:
    where = folder(tmp_path)
    picture(N, where / "images" / "caf\u00e9.png")
    put(where / "metadata" / "cafe\u0301.json", token(N))
    assert len(listed(where, name="cats").tokens) == N + 1


# Pairs that are not.


def test_images_without_metadata_are_named(tmp_path: Path) -> None:
    where = folder(tmp_path)
    for number in (70, 71, 72, 73):
        picture(1, where / "images" / f"{number}.png")
    with pytest.raises(CollectionError, match=r"4 images without metadata \(70.png, 71.png, 72.png ...\).*--skip"):
        listed(where, name="cats")
    found = listed(where, name="cats", skip=True)
    assert right(found)
    assert found.notes == ("left out: 4 images without metadata (70.png, 71.png, 72.png ...)",)


def test_metadata_without_an_image_is_named(tmp_path: Path) -> None:
    where = folder(tmp_path)
    put(where / "metadata" / "77.json", token(77))
    with pytest.raises(CollectionError, match=r"1 metadata without an image \(77\).*--skip"):
        listed(where, name="cats")
    found = listed(where, name="cats", skip=True)
    assert right(found)
    assert found.notes == ("left out: 1 metadata without an image (77)",)


def test_names_that_collide_are_refused(tmp_path: Path) -> None:
    picture(3, folder(tmp_path / "a") / "more" / "3.jpg")
    with pytest.raises(CollectionError, match=r"3\.\w+ and .*3\.\w+ may both be the image of '3'"):
        listed(tmp_path / "a", name="cats")
    put(folder(tmp_path / "b") / "old" / "3.json", token(3))
    with pytest.raises(CollectionError, match="another file hold the metadata of '3'"):
        listed(tmp_path / "b", name="cats")


def test_what_is_no_folder_of_a_collection_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="is not a folder"):
        listed(tmp_path / "missing", name="cats")
    picture(0, tmp_path / "0.png")
    with pytest.raises(CollectionError, match="holds no metadata"):
        listed(tmp_path, name="cats")
    put(tmp_path / "0.json", token(0))
    with pytest.raises(CollectionError, match=r"has 1 tokens .* at least 50"):
        listed(tmp_path, name="cats")
    (tmp_path / "0.png").unlink()
    with pytest.raises(ImageError, match="holds no image"):
        listed(tmp_path, name="cats")


# Files that are damaged or hostile.


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b'{"attributes": [', "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"", "is not JSON"),
        (b"[" * 200_000, "nested more than 100 deep"),
        (b'["' + b"]" * 200_000 + b'", ' + b"[" * 200_000 + b"]" * 200_001, "nested more than 100 deep"),
        (b'{"attributes": [], "n": ' + b"9" * 5000 + b"}", "is not JSON"),
        (b'{"attributes": 5}', "the attributes of '7' are not a list"),
        (b'{"attributes": ["Hat"]}', "the attributes of '7' are not a list"),
        (b'{"attributes": null}', "the attributes of '7' are not a list"),
    ],
    ids=["cut", "not UTF-8", "empty", "deep", "deep behind a string", "huge number", "a number", "words", "null"],
)
def test_damaged_json_is_named(tmp_path: Path, raw: bytes, why: str) -> None:
    where = folder(tmp_path)
    (where / "metadata" / "7.json").write_bytes(raw)
    with pytest.raises(CollectionError, match=why) as caught:
        listed(where, name="cats")
    assert "7.json" in str(caught.value)


def test_huge_json_is_refused_unread(tmp_path: Path) -> None:
    where = folder(tmp_path)
    with (where / "metadata" / "7.json").open("wb") as file:
        file.truncate(2**36)
    with pytest.raises(CollectionError, match=r"7\.json: it has more than 67,108,864 bytes"):
        listed(where, name="cats")


def test_brackets_in_a_description_are_text(tmp_path: Path) -> None:
    where = folder(tmp_path, lambda k: token(k, description='\\"' + "[{" * 500 + '"'))
    assert right(listed(where, name="cats"))


def test_a_byte_order_mark_is_no_damage(tmp_path: Path) -> None:
    where = folder(tmp_path)
    (where / "metadata" / "7.json").write_text(json.dumps(token(7)), encoding="utf-8-sig")
    assert right(listed(where, name="cats"))


def test_an_unreadable_image_is_named(tmp_path: Path) -> None:
    where = folder(tmp_path)
    (where / "images" / "7.png").write_bytes((where / "images" / "8.png").read_bytes()[:50])
    found = listed(where, name="cats")
    with pytest.raises(ImageError, match=r"7\.png is broken"):
        read(found, lambda image: image)


@pytest.mark.parametrize(
    "path", ["../../secret.png", "/etc/passwd", "file:///etc/passwd", "..\\..\\secret.png", "%2e%2e/secret.png", "\0"]
)
def test_an_image_field_does_not_lead_out_of_the_folder(tmp_path: Path, path: str) -> None:
    picture(63, tmp_path / "secret.png")
    where = folder(tmp_path / "a" / "cats", lambda k: token(k, image=path))
    found = listed(where, name="cats")
    assert right(found)
    assert all(t.image.resolve().is_relative_to(where) for t in found.tokens)
    (where / "images" / "7.png").unlink()
    with pytest.raises(CollectionError, match=r"1 metadata without an image \(7\)"):
        listed(where, name="cats")


def test_links_are_followed_for_metadata_as_for_images_and_loops_end(tmp_path: Path) -> None:
    there = folder(tmp_path / "there")
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "pictures").symlink_to(there / "images")
    (tmp_path / "cats" / "data").symlink_to(there / "metadata")
    (there / "metadata" / "loop").symlink_to(tmp_path / "cats")
    (there / "metadata" / "gone.json").symlink_to(tmp_path / "nowhere.json")
    assert right(listed(tmp_path / "cats", name="cats"))


def test_hidden_files_are_left_alone(tmp_path: Path) -> None:
    where = folder(tmp_path)
    (where / "metadata" / "._7.json").write_bytes(b"\0")
    put(where / ".git" / "7.json", token(7))
    assert right(listed(where, name="cats"))


def test_a_name_that_is_not_utf8_does_no_harm(tmp_path: Path) -> None:
    where = folder(tmp_path)
    stem = os.fsencode(where) + b"/metadata/\xff"
    try:
        Path(os.fsdecode(stem + b".json")).write_text(json.dumps(token(63)))
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    picture(63, Path(os.fsdecode(stem + b".png")))
    found = listed(where, name="cats")
    assert len(found.tokens) == N + 1
    assert held_out([t.name for t in found.tokens]).sum() == 6


# Attributes.


def test_what_hardly_repeats_or_never_changes_is_no_trait(tmp_path: Path) -> None:
    def content(k: int) -> dict[str, Any]:
        more = [{"trait_type": "Birthday", "value": f"day {k}"}, {"trait_type": "Base", "value": "cat"}]
        return {"attributes": attributes(k) + more}

    found = listed(folder(tmp_path, content), name="cats")
    assert set(found.traits.values) == {"Hat", "Eyes"}
    assert found.notes == (
        f"left out: Birthday, whose {N} values hardly repeat",
        "left out: Base, which is cat everywhere",
    )


def test_numbers_dates_and_nothing_are_no_traits(tmp_path: Path) -> None:
    def content(k: int) -> dict[str, Any]:
        more: list[dict[str, Any]] = [
            {"trait_type": "Level", "value": k % 4, "display_type": "number"},
            {"trait_type": "Born", "value": 1_600_000_000, "display_type": "date"},
            {"trait_type": "Luck", "value": 0.5 + k % 2},
            {"trait_type": "Odd", "value": k % 2, "display_type": {"number": 1}},
            {"trait_type": "Generation", "value": k % 2},
            {"trait_type": "Shiny", "value": k % 2 == 0},
            {"trait_type": "Scarf", "value": ("None", "red", "", "n/a", None)[k % 5]},
            {"value": "a property"},
        ]
        return {"attributes": attributes(k) + more}

    found = listed(folder(tmp_path, content), name="cats")
    assert found.traits.values == {
        "Hat": tuple(sorted(HATS)),
        "Eyes": tuple(sorted(EYES)),
        "Odd": ("0", "1"),
        "Generation": ("0", "1"),
        "Shiny": ("False", "True"),
        "Scarf": ("red",),
    }
    assert [row[5] for row in read(found, lambda image: image).labels.tolist()][:5] == [0, 1, 0, 0, 0]


def test_values_that_would_tear_a_caption_are_smoothed(tmp_path: Path) -> None:
    def content(k: int) -> dict[str, Any]:
        hostile = ("red,  containing\na \x1b[31mbomb\u202e", "\ud800 blue \ud800")[k % 2]
        return {"attributes": [{"trait_type": "Hat,\t\x00 size", "value": hostile}]}

    found = listed(folder(tmp_path, content), name="cats")
    assert found.traits.values == {"Hat size": ("blue", "red containing a [31mbomb")}


def test_values_that_are_no_short_text_are_left_out_and_counted(tmp_path: Path) -> None:
    def content(k: int) -> dict[str, Any]:
        more: list[dict[str, Any]] = [{"trait_type": "Story", "value": "once upon a time " * 99 + str(k % 2)}]
        more += [{"trait_type": "Parts", "value": ["a", "b"]}] * (k == 5)
        return {"attributes": attributes(k) + more}

    found = listed(folder(tmp_path, content), name="cats")
    assert set(found.traits.values) == {"Hat", "Eyes"}
    assert found.notes == (
        f"left out: {N + 1} attributes whose value is not a text of up to 60 characters (the first: Story of 0)",
    )


def test_a_type_that_a_token_has_twice_has_both_values(tmp_path: Path) -> None:
    def content(k: int) -> dict[str, Any]:
        return {"attributes": attributes(k) + [{"trait_type": "Hat", "value": "bow"}] * (k % 2)}

    hats = listed(folder(tmp_path, content), name="cats").traits.values["Hat"]
    assert set(hats) == {*HATS, *(f"{hat} and bow" for hat in HATS)}


def test_a_value_that_ends_in_its_type_is_said_once_in_captions(tmp_path: Path) -> None:
    def content(k: int) -> dict[str, Any]:
        hat, eyes = HATS[k % 3], ("Open", "Open Eyes", "shut eyes")[k % 3]
        return {"attributes": [{"trait_type": "Hat", "value": f"{hat} hat"}, {"trait_type": "Eyes", "value": eyes}]}

    found = listed(folder(tmp_path, content), name="cats")
    assert set(found.traits.values["Hat"]) == set(HATS)
    assert set(found.traits.values["Eyes"]) == {"Open", "Open Eyes", "shut eyes"}, "two would be the same"
    assert right(found)


def test_labels_without_a_trait_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="names no trait that some tokens have"):
        listed(folder(tmp_path, lambda k: {"attributes": []}), name="cats")


def test_more_types_than_a_model_can_hold_are_refused_at_once(tmp_path: Path) -> None:
    def content(k: int) -> dict[str, Any]:
        return {"attributes": {f"type {t}": str((k + t) % 7) for t in range(70)}}

    with pytest.raises(CollectionError, match="70 trait types with 490 values: too many"):
        listed(folder(tmp_path, content), name="cats")


@pytest.mark.parametrize("subject", ["a, containing b", "two\nlines", "x" * 61, " ", "\x1b[2J"])
def test_a_subject_that_can_not_stand_in_a_caption_is_refused(tmp_path: Path, subject: str) -> None:
    with pytest.raises(SettingError, match="can't stand in a caption"):
        listed(folder(tmp_path), name="cats", subject=subject)


def test_without_a_common_name_the_folder_names_the_tokens(tmp_path: Path) -> None:
    where = folder(tmp_path / "lazy_lions", lambda k: {"name": f"{k} of all", "attributes": attributes(k)})
    assert listed(where, name="cats").traits.subject == "lazy lions"
    assert listed(where, name="cats", subject="Lion").traits.subject == "Lion"


# What is held out, and what a change is.


def test_a_tenth_is_held_out_and_never_fewer_than_five() -> None:
    for count in (50, 73, 1000):
        names = [str(k) for k in range(count)]
        assert held_out(names).sum() == max(5, count // 10)
        shuffled = np.random.RandomState(0).permutation(count)
        again = held_out([names[k] for k in shuffled])
        assert (again == held_out(names)[shuffled]).all()


def test_any_change_of_a_file_is_seen(tmp_path: Path) -> None:
    where = folder(tmp_path)
    before = listed(where, name="cats").digest
    assert listed(where, name="cats").digest == before
    assert listed(where, name="dogs").digest != before
    path = where / "images" / "7.png"
    stat = path.stat()
    picture(8, path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    assert listed(where, name="cats").digest != before


def test_images_of_any_kind_and_size_are_reduced_as_asked(tmp_path: Path) -> None:
    where = folder(tmp_path)
    Image.new("RGBA", (30, 50), (0, 0, 0, 0)).save(where / "images" / "0.png")
    frames = [Image.new("P", (9, 9), k) for k in range(3)]
    (where / "images" / "1.png").unlink()
    frames[0].save(where / "images" / "1.gif", save_all=True, append_images=frames[1:])

    def corner(image: Pixels) -> Pixels:
        return image[:4, :4]

    tokens = read(listed(where, name="cats"), corner)
    assert tokens.images.shape == (N, 4, 4, 3)
    assert (tokens.images[0] == 255).all()  # over white


def test_whatever_the_folder_holds_the_error_is_ours(tmp_path: Path) -> None:
    """Metadata with parts swapped for what does not belong there."""
    rng = np.random.RandomState(0)
    strange: list[Any] = [None, 3, -0.5, True, "", "x" * 500, [], {}, [[]], {"value": {}}, "\0", "../..", 10**30]
    folder(tmp_path)
    for trial in range(60):
        content = token(7, image="7.png", edition=7)
        key = ("name", "image", "edition", "attributes", "trait_type", "value", "display_type")[trial % 7]
        odd = strange[rng.randint(len(strange))]
        if key in content:
            content[key] = odd
        else:
            content["attributes"][0][key] = odd
        put(tmp_path / "metadata" / "7.json", content if trial % 2 else [content])
        with contextlib.suppress(GistchainError):
            listed(tmp_path, name="cats", skip=True)


def test_links_to_devices_and_secrets_and_pipes_are_named_and_not_waited_for(tmp_path: Path) -> None:
    where = folder(tmp_path / "cats")
    for name, target, why in (
        ("images/7.png", "/dev/zero", "without an image"),
        ("metadata/7.json", "/dev/zero", "images without metadata"),
        ("metadata/7.json", "/etc/passwd", r"7\.json is not JSON"),
        ("metadata/7.json", None, "images without metadata"),
    ):
        kept = (where / name).read_bytes()
        (where / name).unlink()
        (where / name).symlink_to(target) if target else os.mkfifo(where / name)
        with pytest.raises(CollectionError, match=why) as caught:
            listed(where, name="cats")
        assert "root:" not in str(caught.value)
        (where / name).unlink()
        (where / name).write_bytes(kept)
    assert right(listed(where, name="cats"))
