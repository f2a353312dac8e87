"""What strangers write costs its own token, and no more: the others are imported and the manifest is whole."""

from __future__ import annotations

import json
import os
import struct
import threading
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from pyarrow import parquet

from gistchain.collection.imports.packaged import Folder, Packaged
from gistchain.collection.imports.record import About, ImportedToken, Problem, Record
from gistchain.collection.imports.run import Done, run
from gistchain.collection.imports.sources import NotObtained, Obtained, Uris, uris_in
from gistchain.errors import CollectionError, FileError, ModelError, NodeDown, SettingError
from gistchain.internet.gateways import Gateways
from tests.collection.imports.test_run import collection, data_uri, imported, png
from tests.support.localweb import LOOPBACK, Reply, served


def told(**content: object) -> str:
    return "data:application/json," + quote(json.dumps(content))


GOOD = told(name="Ok #1", image=data_uri(1), attributes=[])


def listed(folder: Path, *uris: str) -> tuple[Done, list[str]]:
    """The import, and what is wrong with each token, in their order."""
    with Gateways(ipfs=[], arweave=[], allow=LOOPBACK, per_s=0, rounds=1) as gateways:
        done = run(folder, Uris(uris, gateways, name=folder.name))
    rows = parquet.read_table(folder / "manifest.parquet").to_pylist()
    assert len(rows) == len(uris)
    return done, [row["problem"] for row in rows]


def test_half_of_a_letter_ends_no_import(tmp_path: Path) -> None:
    done, said = listed(
        tmp_path / "half",
        GOOD,
        told(name="a\ud800", image=data_uri(2), attributes=[{"trait_type": "x\udfff", "value": "\ud800"}]),
        told(name="b", image="data:image/png;base64,\ud800"),
        told(name="c", image="ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPbdG/\ud800.png"),
        told(name="d", image=f"ar://{'a' * 43}/\ud800.png"),
        "data:application/json,{}\ud800",
    )
    assert [bool(problem) for problem in said] == [False, False, True, True, True, True]
    assert done.problems
    with Record(done.folder) as record:
        second = list(record.tokens())[1]
    assert (second.title, second.attributes) == (r"a\ud800", ((r"x\udfff", r"\ud800"),))


def test_a_redirect_to_no_url_and_a_hash_that_can_not_be_end_no_import(tmp_path: Path) -> None:
    from multiformats import multibase

    raw = multibase.encode(bytes([1, 0x55, 0x12, 33]) + bytes(33), "base32")
    with served({"/in": Reply(status=302, headers={"Location": "http://["})}) as site:
        _, said = listed(tmp_path / "odd", f"{site.url}/in", f"{site.url}/ipfs/{raw}", GOOD)
    assert "not requested" in said[0]
    assert said[1]
    assert not said[2]


class Raising:
    """A source whose first token raises something."""

    origin = "here"

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def discover(self, record: Record, limit: int | None, note: object) -> About:
        record.want(["0", "1"])
        return About("raising", "", "list")

    def prepare(self) -> None:
        pass

    def obtain(self, token: ImportedToken) -> Obtained:
        if token.id == "0":
            raise self._error
        return Obtained(token, b"{}", png(1))


_OF_CONTENT = [
    LookupError("what is this?"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "what is this?"),
    ZeroDivisionError("what is this?"),
    EOFError("what is this?"),
    RecursionError("what is this?"),
    zlib.error("what is this?"),
    struct.error("what is this?"),
]


@pytest.mark.parametrize("error", _OF_CONTENT)
def test_what_nobody_thought_of_in_content_costs_one_token_and_names_itself(error: Exception, tmp_path: Path) -> None:
    done = run(tmp_path / "c", Raising(error))
    assert done.counts == {"complete": 1, "failed": 1}
    assert done.problems == (Problem(f"its content can't be read ({type(error).__name__}: {error})", 1, ("0",)),)


_OF_NO_TOKEN = [
    *(NodeDown("gone"), FileError("full"), OSError(28, "no space"), ModelError("none")),
    *(MemoryError(), TypeError("a bug"), AttributeError("a bug"), NameError("a bug"), AssertionError("a bug")),
    *(NotImplementedError("a bug"), RuntimeError("a bug"), ImportError("half installed")),
]


@pytest.mark.parametrize("error", _OF_NO_TOKEN)
def test_a_fault_of_no_token_ends_the_run_and_the_next_goes_on(error: Exception, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with pytest.raises(type(error)):
        run(folder, Raising(error))
    with Record(folder) as record:
        states = {token.id: (token.state, token.tries) for token in record.tokens()}
        there = {token.picture for token in record.tokens("complete")}
    assert states["0"] == ("wanted", 0), "it has not failed"
    assert all((folder / picture).exists() for picture in there)
    assert not list(folder.rglob(".*.png"))
    assert run(folder, Raising(NotObtained("none", ImportedToken("0")))).counts == {"complete": 1, "failed": 1}


def test_an_interrupt_waits_for_no_server_and_nothing_is_written_after_it(tmp_path: Path) -> None:
    over, ended, waiting = threading.Event(), threading.Event(), threading.Event()

    class Slow(Raising):
        def obtain(self, token: ImportedToken) -> Obtained:
            if token.id == "0":
                waiting.wait(60)
                raise self._error
            waiting.set()
            over.wait(60)
            try:
                return super().obtain(token)
            finally:
                ended.set()

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "c", Slow(KeyboardInterrupt()))
    assert not ended.is_set(), "it has waited for what was under way"
    over.set()
    assert ended.wait(60)
    for thread in threading.enumerate():
        if "_work" in thread.name:
            thread.join(60)
    assert not list((tmp_path / "c" / "images").iterdir())


def test_a_smaller_limit_fetches_nothing_beyond_it(tmp_path: Path) -> None:
    source, folder = collection(tmp_path / "cats", 6), tmp_path / "home" / "imports" / "cats"

    class Broken(Folder):
        def obtain(self, token: ImportedToken) -> Obtained:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, Broken(source, name="cats"))
    assert imported(source, folder, limit=2).counts == {"complete": 2, "wanted": 4}
    assert imported(source, folder, limit=1).fetched == 0
    assert imported(source, folder, limit=3).counts == {"complete": 3, "wanted": 3}
    assert imported(source, folder).counts == {"complete": 6}


def test_trying_again_adds_no_token_from_any_source(tmp_path: Path) -> None:
    source, folder = collection(tmp_path / "cats", 3), tmp_path / "home" / "imports" / "cats"
    (source / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    imported(source, folder)
    for name in ("7.png", "7.json"):
        (source / name).write_bytes((source / f"0{name[1:]}").read_bytes())
    (source / "1.png").write_bytes(png(1))
    assert imported(source, folder, retry=True).counts == {"complete": 3}
    assert imported(source, folder).counts == {"complete": 4}
    with Gateways(ipfs=[], arweave=[], per_s=0, rounds=1) as gateways:
        bad = told(name="x", image="nowhere")
        run(tmp_path / "few", Uris([bad], gateways, name="few"))
        again = run(tmp_path / "few", Uris([GOOD, bad], gateways, name="few"), retry=True)
    assert again.counts == {"failed": 1}
    run(tmp_path / "robots", Packaged("robohash:1", name="robots"), limit=1)
    assert run(tmp_path / "robots", Packaged("robohash:1", name="robots"), retry=True).counts == {"complete": 1}


def test_an_odd_token_of_a_folder_costs_itself(tmp_path: Path) -> None:
    source = collection(tmp_path / "cats", 9)

    def put(n: int, content: str) -> None:
        (source / f"{n}.json").write_text(content, "utf-8")

    put(0, '{"name": "x", "attributes": "evil"}')
    put(1, json.dumps({"attributes": [{"trait_type": "a", "value": "b"}] * 1_001}))
    put(2, '{"attributes": [], "attributes": [{"trait_type": "Hat", "value": "b"}]}')
    put(3, '{"attributes": [{"trait_type": "Hat", "trait_type": "Cap", "value": "b"}]}')
    put(4, '{"name": "A\\ud800 #4", "attributes": [{"trait_type": "H", "value": "\\ud800"}]}')
    (source / "more").mkdir()
    for name in ("5.json", "6.png"):  # two that claim to be the same token, two that may be its image
        (source / "more" / name).write_bytes((source / name).read_bytes())
    (source / "more" / "list.json").write_text(
        json.dumps([{"edition": 7, "attributes": []}, {"name": "who", "attributes": []}, {"id": 9, "attributes": [1]}])
    )
    done = imported(source, tmp_path / "home" / "imports" / "cats")
    rows = {row["id"]: row for row in parquet.read_table(done.folder / "manifest.parquet").to_pylist()}
    assert {name for name, row in rows.items() if row["state"] == "complete"} == {"4", "7", "8"}
    for name, words in {
        "0": "not a list of trait_type and value",
        "1": "has 1,001 attributes",
        "2": "the key 'attributes' twice",
        "3": "the key 'trait_type' twice",
        "5": "another file hold the metadata",
        "6": "may both be the image",
        "list.json entry 2": "does not say which image",
        "9": "not a list of trait_type",
    }.items():
        assert words in rows[name]["problem"], name


def test_a_name_that_is_no_utf8_is_written_down_in_escapes(tmp_path: Path) -> None:
    source = collection(tmp_path / "cats", 2)
    for name in (b"\xff.png", b"\xff.json"):
        (source / os.fsdecode(name)).write_bytes((source / f"0.{name[2:].decode()}").read_bytes())
    (source / os.fsdecode(b"\xfe.json")).write_bytes(b"{")
    done = imported(source, tmp_path / "home" / "imports" / "cats")
    assert done.counts == {"complete": 3, "failed": 1}
    rows = {row["id"]: row for row in parquet.read_table(done.folder / "manifest.parquet").to_pylist()}
    assert rows[r"\xff"]["media_source"] == r"\xff.png"
    assert "is not JSON" in rows[r"\xfe"]["problem"]


@pytest.mark.parametrize("name", ["../../x", "punks", "robohash-1", "nouns", "", ".", "nothing-such", "x" * 300])
def test_only_installed_styles_are_drawn(name: str) -> None:
    with pytest.raises(SettingError, match=r"DiceBear|dicebear has many styles: give dicebear:STYLE"):
        Packaged(f"dicebear:{name}", name="x")


def test_what_can_not_be_imported_leaves_no_empty_collection(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    folder = tmp_path / "home" / "imports" / "nothing"
    for _ in range(2):
        with pytest.raises(CollectionError, match="no metadata"):
            imported(tmp_path / "nothing", folder)
        assert not folder.exists()

    class Unknown(Raising):
        def discover(self, record: Record, limit: int | None, note: object) -> About:
            raise self._error

    run(folder, Raising(NotObtained("none", ImportedToken("0"))))
    with pytest.raises(NodeDown):  # one that was there stays
        run(folder, Unknown(NodeDown("gone")))
    assert (folder / "manifest.parquet").exists()


def test_a_list_is_read_as_all_json_of_strangers_is(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="nested more than"):
        list(uris_in(tmp_path, b"[" * 200_000))
    assert list(uris_in(tmp_path, b'["a", 1, "b"]')) == ["a", "b"]
