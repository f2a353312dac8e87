"""What is worked out once is kept, is whole or made anew, and changes no bit of what comes out."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from gistchain.disk import kept as keeping
from gistchain.disk.kept import kept
from gistchain.errors import ModelError
from gistchain.models.layered import shelf
from gistchain.models.layered.model import THIN, built, grid, opened, thinned, unpack, unpack_gate
from gistchain.models.packaged.networks import Network, prepared
from gistchain.models.packaged.nsfw import NsfwJs
from gistchain.models.zoo import weights
from gistchain.models.zoo.once import Once
from gistchain.models.zoo.onnx import session
from gistchain.models.zoo.optimised import optimised
from tests.support.forks import Child
from tests.support.kills import Appeared


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The two folders where things are kept, in that order; neither is there."""
    folders = tmp_path / "package" / "__pycache__", tmp_path / "home" / ".cache"

    def both(_beside: Path) -> Iterator[Path]:
        yield from folders

    monkeypatch.setattr(keeping, "_folders", both)
    return folders


def _kept(key: str, write: Callable[[Path], object]) -> Path | None:
    return kept("thing", key, write, beside=weights.WEIGHTS)


def _writing(content: bytes, calls: list[bytes]) -> Path | None:
    def write(path: Path) -> None:
        calls.append(content)
        path.write_bytes(content)

    return _kept("key", write)


def test_it_is_written_once(places: tuple[Path, Path]) -> None:
    calls: list[bytes] = []
    first = _writing(b"content", calls)
    assert first is not None
    assert first.parent == places[0]
    assert first.read_bytes() == b"content"
    assert _writing(b"not written", calls) == first
    assert len(calls) == 1
    assert list(places[0].iterdir()) == [first]


@pytest.mark.parametrize("damage", [b"", b"conten", b"Content", b"content and more"])
def test_what_is_damaged_is_written_anew(places: tuple[Path, Path], damage: bytes) -> None:
    calls: list[bytes] = []
    first = _writing(b"content", calls)
    assert first is not None
    first.write_bytes(damage)
    assert _writing(b"content", calls) == first
    assert first.read_bytes() == b"content"
    assert len(calls) == 2


def test_the_draft_of_a_writer_that_was_killed_is_thrown_away(places: tuple[Path, Path]) -> None:
    child = Child(_hangs, places[0], aim=Appeared(str(places[0] / "half")))
    child.wait()
    (draft,) = places[0].glob("*.new")
    _kept("another key", lambda path: path.write_bytes(b"x"))
    assert draft.exists(), "its writer lives"
    child.kill()
    path = _kept("key", lambda path: path.write_bytes(b"x"))
    assert path is not None
    assert not list(places[0].glob("*.new"))


def _hangs(folder: Path) -> None:
    def write(path: Path) -> None:
        path.write_bytes(b"half")
        (folder / "half").touch()

    keeping._written(folder, "thing.0123", write)


def test_threads_that_write_the_same_do_not_meet(places: tuple[Path, Path]) -> None:
    both = threading.Barrier(2, timeout=60)
    drafts: list[Path] = []

    def write(path: Path) -> None:
        drafts.append(path)
        path.write_bytes(b"content")
        both.wait()

    got: list[Path | None] = []
    threads = [threading.Thread(target=lambda: got.append(_kept("key", write))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(set(drafts)) == 2
    assert len(set(got)) == 1
    assert list(places[0].iterdir()) == [got[0]]


def test_what_nobody_used_for_a_month_goes_and_use_is_noted(places: tuple[Path, Path]) -> None:
    old, used = (_kept(key, lambda path: path.write_bytes(b"x")) for key in ("old", "used"))
    assert old is not None
    assert used is not None
    for path in (old, used):
        os.utime(path, (0, 0))
    assert _kept("used", lambda path: path.write_bytes(b"never")) == used
    assert list(places[0].iterdir()) == [used]
    assert used.stat().st_mtime > 0


def test_a_kept_graph_that_does_not_open_is_dropped(places: tuple[Path, Path]) -> None:
    raw = weights.weights("segmenter-default")
    assert optimised("segmenter-default", "its sha256", lambda: raw, "it").get_inputs()
    (path,) = places[0].iterdir()
    alien = b"no graph, and yet what was kept"
    path.unlink()
    stem = path.name.rsplit(".", 2)[0]
    (places[0] / f"{stem}.{hashlib.sha256(alien).hexdigest()[:32]}.kept").write_bytes(alien)
    assert optimised("segmenter-default", "its sha256", lambda: raw, "it").get_inputs()
    assert list(places[0].iterdir()) == []
    assert optimised("segmenter-default", "its sha256", lambda: raw, "it").get_inputs()
    (anew,) = places[0].iterdir()
    assert anew.stat().st_size > len(alien)


def test_another_key_is_another_file(places: tuple[Path, Path]) -> None:
    paths = [_kept(key, lambda path: path.write_bytes(b"x")) for key in ("1", "2")]
    assert len(set(paths)) == 2
    assert len(list(places[0].iterdir())) == 2


def test_where_the_package_is_read_only_it_is_kept_in_the_users_cache(places: tuple[Path, Path]) -> None:
    places[0].parent.mkdir()
    places[0].write_text("a file where the folder should be")  # permissions don't stop root
    calls: list[bytes] = []
    path = _writing(b"content", calls)
    assert path is not None
    assert path.parent == places[1]
    assert _writing(b"content", calls) == path
    assert len(calls) == 1


def test_where_nothing_can_be_kept_models_work_all_the_same(places: tuple[Path, Path]) -> None:
    for folder in places:
        folder.parent.mkdir()
        folder.write_text("a file where the folder should be")
    assert _writing(b"content", []) is None
    raw = weights.weights("segmenter-default")
    assert optimised("segmenter-default", "its sha256", lambda: raw, "it").get_inputs()


def test_a_writer_that_fails_leaves_nothing_and_says_why(places: tuple[Path, Path]) -> None:
    def fails(path: Path) -> None:
        path.write_bytes(b"half")
        raise ModelError("no such model")

    with pytest.raises(ModelError, match="no such model"):
        _kept("key", fails)
    assert list(places[0].iterdir()) == []


def test_an_optimised_graph_gives_the_bits_of_the_graph_itself(places: tuple[Path, Path]) -> None:
    name = "nsfwjs-mobilenet-v2"
    x = np.random.RandomState(0).random_sample((1, 224, 224, 3)).astype(np.float32)
    plain = session(name).run(None, {"x": x})
    first, again = (NsfwJs(name)._session.run(None, {"x": x}) for _ in range(2))
    assert len(list(places[0].iterdir())) == 1
    for outputs in (first, again):
        assert [o.tobytes() for o in outputs] == [o.tobytes() for o in plain]


def test_a_packaged_network_does_not_need_its_package_read_again(places: tuple[Path, Path]) -> None:
    x = {"x": prepared(data.astronaut(), 224)}
    first, again = (Network("efficientnet-lite0")._session.run(None, x) for _ in range(2))
    assert [o.tobytes() for o in again] == [o.tobytes() for o in first]
    (path,) = places[0].iterdir()
    os.truncate(path, 1000)
    anew = Network("efficientnet-lite0")._session.run(None, x)
    assert [o.tobytes() for o in anew] == [o.tobytes() for o in first]


def test_a_model_that_is_none_is_refused_however_often_it_is_asked_for(places: tuple[Path, Path]) -> None:
    for _ in range(2):
        with pytest.raises(ModelError, match="onnxruntime"):
            optimised("nothing", "its sha256", lambda: b"no model", "the nothing")
    assert list(places[0].iterdir()) == []


def test_thinned_layers_are_the_layers_at_fewer_pixels(places: tuple[Path, Path]) -> None:
    collection = shelf.Shelf().of_subject("Line Face")
    assert collection is not None
    raw = weights.weights(collection.name, suffix=".layers")
    whole = unpack(raw, "whole")
    for side in THIN:
        few = built(thinned(opened(raw, "few"), side), unpack_gate(raw, "few"), "few")
        assert (few.claims == whole.claims[:, grid(side)]).all()
        assert (few.tints == whole.tints[:, grid(side)]).all()
        labels = np.ones(len(whole.traits.types), np.int64)
        assert np.allclose(few.picture(labels), whole.picture(labels)[grid(side)], atol=1e-6)
        for _ in range(2):  # made and kept, then read
            shelf._thin_layers.cache_clear()
            assert (collection.thin_layers(side).variation == few.variation).all()


def test_threads_that_ask_at_the_same_time_get_the_same_model() -> None:
    made: list[str] = []
    both = threading.Barrier(2, timeout=60)

    def make(name: str) -> object:
        made.append(name)
        return object()

    once = Once(make)
    got: list[object] = []

    def ask() -> None:
        both.wait()
        got.append(once("a"))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert made == ["a"]
    assert got[0] is got[1]
    assert once("b") is not got[0]


def test_a_model_that_failed_is_tried_again() -> None:
    answers = iter([ModelError("not yet"), None])

    def make(name: str) -> str:
        error = next(answers)
        if error is not None:
            raise error
        return name

    once = Once(make)
    with pytest.raises(ModelError, match="not yet"):
        once("a")
    assert once("a") == "a"
