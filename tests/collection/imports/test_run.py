"""Folders and lists are imported, killed, resumed and judged; nothing is there twice and nothing is lost."""

from __future__ import annotations

import base64
import io
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

from gistchain.answers.imports import done_text
from gistchain.collection.imports.packaged import Folder, Packaged, collection_of, each_of
from gistchain.collection.imports.record import Record
from gistchain.collection.imports.run import Done, run
from gistchain.collection.imports.sources import Uris
from gistchain.collection.imports.standard import standard_form
from gistchain.collection.known import pfp30
from gistchain.errors import CollectionError, ImageError, SettingError
from gistchain.internet.gateways import Gateways
from tests.support.forks import Child, rehearse
from tests.support.ipfs import Store, gateway
from tests.support.kills import aims
from tests.support.localweb import LOOPBACK, Reply, served


def png(seed: int, size: tuple[int, int] = (20, 30)) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def collection(folder: Path, count: int, *, same: bool = False) -> Path:
    folder.mkdir()
    for n in range(count):
        (folder / f"{n}.png").write_bytes(png(0 if same else n))
        traits = [] if same else [{"trait_type": "Hat", "value": f"hat {n % 3}"}]
        (folder / f"{n}.json").write_text(json.dumps({"name": f"Cat #{n}", "attributes": traits}), "utf-8")
    return folder


def data_uri(seed: int) -> str:
    return "data:image/png;base64," + base64.b64encode(png(seed)).decode()


def imported(source: Path, folder: Path, **options: object) -> Done:
    return run(folder, Folder(source, name=folder.name), **options)  # type: ignore[arg-type]


def test_a_folder_becomes_pngs_of_one_width_with_every_token_in_the_manifest(tmp_path: Path) -> None:
    source = collection(tmp_path / "cats", 5)
    (source / "9.json").write_text('{"name": "Cat #9", "attributes": []}', "utf-8")
    (source / "2.png").write_bytes(b"no picture")
    done = imported(source, tmp_path / "home" / "imports" / "cats")
    assert done.counts == {"complete": 4, "failed": 2}
    rows = parquet.read_table(done.folder / "manifest.parquet").to_pylist()
    assert {row["id"]: row["state"] for row in rows}["9"] == "failed"
    for row in rows:
        assert bool(row["picture"]) == (row["state"] == "complete")
        if row["picture"]:
            with Image.open(done.folder / row["picture"]) as image:
                assert (image.size, image.format) == ((512, 341), "PNG")


def test_one_damaged_json_costs_one_token_and_what_changed_is_read_again(tmp_path: Path) -> None:
    source, folder = collection(tmp_path / "cats", 4), tmp_path / "home" / "imports" / "cats"
    (source / "3.json").write_text("{", "utf-8")
    done = imported(source, folder)
    assert (done.counts, done.about.subject) == ({"complete": 3, "failed": 1}, "Cat")
    assert "is not JSON" in done.problems[0].problem
    assert imported(source, folder).fetched == 0
    (source / "0.png").write_bytes(png(77))
    (source / "1.json").write_text('{"name": "Cat #1", "attributes": [{"trait_type": "Hat", "value": "new"}]}', "utf-8")
    assert imported(source, folder).fetched == 2
    with Record(folder) as record:
        one = record.get("1")
    assert one is not None
    assert one.attributes == (("Hat", "new"),)


def test_a_token_that_is_broken_since_keeps_its_picture_and_says_so(tmp_path: Path) -> None:
    source, folder = collection(tmp_path / "cats", 3), tmp_path / "home" / "imports" / "cats"
    (source / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    imported(source, folder)
    before = (folder / "images" / "0.png").read_bytes()
    (source / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    for retry in (False, True):  # and does not say it twice
        assert imported(source, folder, retry=retry).counts == {"complete": 1, "failed": 2}
        rows = {row["id"]: row for row in parquet.read_table(folder / "manifest.parquet").to_pylist()}
        problem = rows["0"]["problem"]
        assert problem.startswith("image: ")
        assert problem.count("; the picture of an earlier import is kept") == 1
        assert (folder / rows["0"]["picture"]).read_bytes() == before
        assert (rows["2"]["picture"], "earlier import" in rows["2"]["problem"]) == ("", False)
    (source / "0.png").write_bytes(png(9))
    assert imported(source, folder, retry=True).counts == {"complete": 2, "failed": 1}
    with Record(folder) as record:
        zero = record.get("0")
    assert zero is not None
    assert zero.problem == ""


def problems(folder: Path) -> dict[str, str]:
    """Of every token in the manifest, '' for one that is complete."""
    return {row["id"]: row["problem"] for row in parquet.read_table(folder / "manifest.parquet").to_pylist()}


def test_what_is_wrong_with_an_image_is_said_with_its_name(tmp_path: Path) -> None:
    source, folder = collection(tmp_path / "cats", 6), tmp_path / "home" / "imports" / "cats"
    (source / "1.png").write_bytes(b"")
    (source / "2.png").write_bytes(png(2)[:5])
    (source / "3.png").write_bytes(b"%PDF-1.7 and more")
    (source / "4.png").write_bytes(png(4)[:200])
    (source / "5.png").unlink()
    imported(source, folder)
    said = problems(folder)
    assert said["0"] == ""
    assert said["1"] == "image: 1.png is empty"
    assert said["2"] == "image: 2.png is broken, or no image"
    assert said["3"] == "image: 3.png is of the kind PDF, which is not read"
    assert said["4"].startswith("image: 4.png is ")
    assert said["5"] == "image: no file of the folder has its name or is the one that it names"
    (source / "0.png").write_bytes(b"")  # what broke since, and what was mended, is seen without being asked for
    (source / "1.png").write_bytes(png(1))
    done = imported(source, folder)
    assert (done.fetched, done.failed) == (1, 1)
    assert problems(folder)["0"] == "image: 0.png is empty; the picture of an earlier import is kept"
    again = imported(source, folder)
    assert (again.fetched, again.failed) == (0, 0)


def test_every_token_is_in_the_manifest_once_whatever_it_lacks(tmp_path: Path) -> None:
    source, folder = collection(tmp_path / "cats", 8), tmp_path / "home" / "imports" / "cats"
    (source / "3.json").unlink()
    (source / "6.json").unlink()
    (source / "7.json").write_text("{", "utf-8")
    (source / "0.json").write_text('{"name": "Cat #0", "image": "one.png", "attributes": []}', "utf-8")
    (source / "one.png").write_bytes(png(99))
    done = imported(source, folder)
    said = problems(folder)
    assert len(said) == 8
    assert said["3"] == said["6"] == 'metadata: no JSON with "attributes" has its name, or names it as its "image"'
    assert said["7"].startswith("metadata: ")
    assert "7.json is not JSON" in said["7"]
    assert done.counts == {"complete": 5, "failed": 3}
    assert [(one.tokens, one.ids) for one in done.problems] == [(2, ("3", "6")), (1, ("7",))]
    assert "  2 failed (3, 6): metadata: no JSON" in done_text(done)
    # 0.png is no token of its own: the token of that name shows another.
    assert done.notes == ("left out: 1 images that are no token's, as their tokens show others (0.png)",)
    (source / "6.json").write_text('{"name": "Cat #6", "attributes": []}', "utf-8")
    assert imported(source, folder).fetched == 1


def test_the_first_of_many_that_failed_are_named(tmp_path: Path) -> None:
    source = collection(tmp_path / "cats", 9)
    for n in range(1, 9):
        (source / f"{n}.json").unlink()
    done = imported(source, tmp_path / "home" / "imports" / "cats")
    assert "  8 failed (1, 2, 3 ...): metadata: " in done_text(done)


def test_another_folder_of_the_same_name_is_not_mixed_in(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    folder = tmp_path / "home" / "imports" / "cats"
    imported(collection(tmp_path / "a" / "cats", 2), folder)
    with pytest.raises(CollectionError, match=r"was imported from .*a/cats, and not from .*b/cats: give --name"):
        imported(collection(tmp_path / "b" / "cats", 3), folder)
    with Record(folder) as record:
        assert record.counts() == {"complete": 2}


def test_the_path_that_a_message_says_to_remove_can_be_pasted(tmp_path: Path) -> None:
    (tmp_path / "my home").mkdir()
    folder = tmp_path / "my home" / "imports" / "cats"
    imported(collection(tmp_path / "one", 1), folder)
    with pytest.raises(CollectionError, match=r"remove '/.*/my home/imports/cats'$"):
        imported(collection(tmp_path / "two", 1), folder)


def test_small_drawings_are_enlarged_pixel_by_pixel() -> None:
    pixels = np.random.default_rng(1).integers(0, 2, (24, 24, 1), np.uint8) * np.full(3, 255, np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    made = standard_form(file.getvalue(), "punk")
    with Image.open(io.BytesIO(made.png)) as image:
        assert set(np.unique(np.asarray(image)).tolist()) == {0, 255}
    with pytest.raises(ImageError, match="high"):
        standard_form(png(1, (2_000, 3)), "a tower")


def test_a_package_gives_the_same_tokens_each_time(tmp_path: Path) -> None:
    for home in ("one", "two"):
        done = run(tmp_path / home / "imports" / "robots", Packaged("robohash:1", name="robots"), limit=4)
        assert done.counts == {"complete": 4}
    first, second = (tmp_path / home / "imports" / "robots" / "images" for home in ("one", "two"))
    assert all(path.read_bytes() == (second / path.name).read_bytes() for path in first.iterdir())
    with pytest.raises(SettingError, match="is no packaged collection"):
        Packaged("robohash:99", name="x")


def import_folder(source: Path, folder: Path) -> None:
    imported(source, folder)


def test_thirty_collections_have_one_name() -> None:
    assert [collection_of(one) for one in each_of("pfp-30")] == list(pfp30.ALL)
    assert each_of("nouns") == ["nouns"]


def test_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    source = collection(tmp_path / "cats", 12)
    stages = rehearse(import_folder, source, tmp_path / "rehearsal")
    for number, aim in enumerate(aims(stages, 12, random.Random(2026))):
        folder = tmp_path / f"run{number}"
        child = Child(import_folder, source, folder, aim=aim)
        child.wait()
        child.process.kill()
        child.finish()
        done = imported(source, folder)
        assert done.counts == {"complete": 12}, aim
        assert len(list((folder / "images").glob("[!.]*"))) == 12
        ids = parquet.read_table(folder / "manifest.parquet")["id"].to_pylist()
        assert sorted(map(int, ids)) == list(range(12))


def test_nothing_is_waited_for_while_the_record_is_locked(tmp_path: Path) -> None:
    with Record(tmp_path / "c", write=True) as record:

        def asked() -> Iterator[str]:
            record.set_note("asked", "another may write meanwhile")
            yield "0"

        assert record.want(asked()) == 1


def test_a_list_of_uris_is_had_over_any_gateway_and_failures_are_tried_again(tmp_path: Path) -> None:
    store = Store()
    images = store.folder({f"{n}.png": png(n) for n in range(4)})
    texts = store.folder(
        {
            f"{n}.json": json.dumps({"name": f"Degen #{n}", "image": f"ipfs://{images}/{n}.png"}).encode()
            for n in range(4)
        }
    )
    folder = tmp_path / "imports" / "degens"
    with gateway(store) as alive:
        for path in (f"{texts}/3.json", *(cid for cid, data in store.blocks.items() if b"Degen #3" in data)):
            alive.wrong[f"/ipfs/{path}"] = [Reply(b"", status=504)]  # below its folder, or by itself
        with Gateways(ipfs=[alive.url], allow=LOOPBACK, per_s=0, rounds=1, pause=lambda s: None) as gateways:
            uris = Uris([f"ipfs://{texts}/{n}.json" for n in range(4)], gateways, name="degens")
            assert run(folder, uris).counts == {"complete": 3, "failed": 1}
            alive.wrong.clear()
            asked = len(alive.site.requests)
            again = run(folder, uris, retry=True)
    assert (again.fetched, again.counts) == (1, {"complete": 4})
    assert len(alive.site.requests) == asked + 2  # its metadata and its image


def test_filters_say_what_they_found_and_of_how_many(tmp_path: Path) -> None:
    home = tmp_path / "home" / "imports"
    done = imported(collection(tmp_path / "hidden", 6, same=True), home / "hidden")
    found = {finding.kind: finding for finding in done.findings}
    assert (found["duplicated"].tokens, found["duplicated"].excludes) == (6, True)
    assert (found["few"].tokens, found["empty"].tokens, found["empty"].excludes) == (6, 6, True)
    said = done_text(done)
    left = "NFT1000 would leave the collection out; here nothing is left out"
    assert f"  fewer than 500 tokens (6): {left}" in said
    assert f"  6 of 6 tokens share their picture with others (6 show one picture, as before a reveal): {left}" in said
    assert f"  6 of 6 tokens have no trait that says anything in their JSON: {left}" in said
    other = imported(collection(tmp_path / "cats", 3), home / "cats")
    foreign = next(finding for finding in other.findings if finding.kind == "foreign")
    assert (foreign.tokens, "'hidden'" in foreign.reason) == (6, True)
    assert done_text(other).splitlines()[-1] == (
        "  6 tokens of 'hidden' show pictures that stand here too, byte by byte"
    )


def test_an_unchanged_collection_is_neither_written_nor_compared_again(tmp_path: Path) -> None:
    home, source = tmp_path / "home" / "imports", collection(tmp_path / "cats", 3)
    first = imported(source, home / "cats")
    imported(collection(tmp_path / "same", 3), home / "same")  # with the same pictures
    manifest = home / "cats" / "manifest.parquet"
    before = manifest.stat()
    again = imported(source, home / "cats")
    assert (again.findings, again.fetched) == (first.findings, 0)
    assert (manifest.stat().st_mtime_ns, manifest.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    (source / "0.png").write_bytes(png(77))
    later = imported(source, home / "cats")
    assert [one.kind for one in later.findings if one.kind == "foreign"] == ["foreign"]
    assert manifest.stat().st_ino != before.st_ino
    manifest.unlink()
    assert imported(source, home / "cats").findings == later.findings
    assert manifest.exists()


def test_rows_that_were_written_before_a_kill_get_into_the_manifest(tmp_path: Path) -> None:
    source, folder = collection(tmp_path / "cats", 3), tmp_path / "home" / "imports" / "cats"
    imported(source, folder)
    with Record(folder, write=True) as record:  # what a run does that is killed before its manifest
        record.want(["0"])
        record.put([])
        assert record.note("findings"), "no row was changed"
        (token,) = [token for token in record.tokens() if token.id == "0"]
        record.put([replace(token, title="another")])
    imported(source, folder)
    assert "another" in parquet.read_table(folder / "manifest.parquet")["title"].to_pylist()
    with Record(folder, write=True) as record:
        record.want(["77"])
        assert not record.note("findings")


def test_what_a_token_promises_and_does_not_hold_is_told(tmp_path: Path) -> None:
    picture = png(1)
    with served() as site:
        site.routes["/page"] = Reply(b"<!doctype html><p>sign in")
        site.routes["/pdf"] = Reply(b"%PDF-1.7 and more")
        site.routes["/png"] = Reply(picture, "text/plain")
        bodies = {
            "page": f'{{"image": "{site.url}/page"}}',
            "pdf": f'{{"image": "{site.url}/pdf"}}',
            "gone": f'{{"image": "{site.url}/gone"}}',
            "good": f'{{"image": "{site.url}/png", "attributes": {{"Hat": "red"}}}}',
            "svg": "{\"image_data\": \"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 2 2'/>\"}",
            "twice": '{"image": "a", "image": "b"}',
            "none": '{"name": "x"}',
            "empty": "{}",
            "html": "<html>",
            "list": "[1]",
            "file": '{"image": "file:///etc/passwd"}',
        }
        for name, body in bodies.items():
            site.routes[f"/{name}.json"] = Reply(body.encode(), "application/json")
        with Gateways(ipfs=[], allow=LOOPBACK, per_s=0, rounds=1) as gateways:
            uris = Uris([f"{site.url}/{name}.json" for name in bodies], gateways, name="odd")
            done = run(tmp_path / "imports" / "odd", uris)
    said = {}
    with Record(done.folder) as record:
        for token in record.tokens():
            said[token.id.rpartition("/")[2].removesuffix(".json")] = token.problem
    assert [name for name, problem in said.items() if not problem] == ["good", "svg"]
    for name, words in {
        "page": "a page stands in place of the image",
        "pdf": "no picture|not an image",
        "gone": "status 404",
        "twice": "the key 'image' twice",
        "none": "names no image",
        "empty": "is empty",
        "html": "a page stands in place",
        "list": "no object",
        "file": "no scheme that is read",
    }.items():
        assert any(word in said[name] for word in words.split("|")), (name, said[name])
