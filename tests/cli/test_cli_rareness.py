"""check, watch and the seeding of the database, as a person uses them."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from gistchain import systems
from gistchain.cli import database
from gistchain.cli import rareness as cli_rareness
from gistchain.cli.terminal import Verb
from gistchain.errors import ImageError
from gistchain.image import read_image
from gistchain.rareness.service import watch
from gistchain.types import Picture, Rareness
from tests.support.forks import HANGS_S
from tests.support.pictures import picture, scene, sha3
from tests.support.places import ROOT
from tests.support.plain_checker import PlainChecker
from tests.support.senses import STRICT, results

Run = Callable[..., tuple[int, str, str]]


class Store:
    """What was remembered, in memory."""

    def __init__(self) -> None:
        self.names: dict[bytes, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self.names)

    def find(self, sha3_256: bytes) -> int | None:
        return list(self.names).index(sha3_256) if sha3_256 in self.names else None


class Judge:
    fingerprint_version = "plain"
    trust = None

    def __init__(self) -> None:
        self.store = Store()
        self._checker = PlainChecker(picture(1), picture(2))

    def check(self, picture: Picture, *, web: bool = False) -> Rareness:
        return self._checker.check(picture)

    def entry(self, picture: Picture, found: Rareness | None, *, name: str, collection: str, **_: Any) -> Any:
        if name == "bad.png":
            raise ImageError("a network gave numbers that are not finite")
        return picture.sha3_256, (name, collection)

    def keep(self, entries: Sequence[Any]) -> None:
        self.store.names.update(entries)


def application() -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command(cls=Verb)(cli_rareness.check)
    app.command(cls=Verb)(cli_rareness.watch)
    app.add_typer(database.app, name="rareness")
    return app


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """run(*words, stdin=b"") -> (exit code, stdout, stderr)."""
    judge = Judge()
    monkeypatch.setattr(systems, "checker", lambda settings: judge, raising=False)
    monkeypatch.setenv("GISTCHAIN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def call(*words: object, stdin: bytes = b"") -> tuple[int, str, str]:
        done = CliRunner().invoke(application(), [str(word) for word in words], input=stdin)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return call


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_check_answers_in_the_order_given(run: Run, tmp_path: Path) -> None:
    paths = [scene(n, tmp_path / f"{n}.png") for n in (3, 1, 2)]
    code, out, _ = run("check", *paths, "--json")
    assert code == 0
    assert [Path(line["image"]).name for line in lines(out)] == ["3.png", "1.png", "2.png"]
    assert [line["verdict"] for line in lines(out)][1:] == ["copy", "copy"]
    first = lines(out)[1]
    assert first["nearest"]["name"] == "1.png"
    assert first["interval"][0] <= first["score"] <= first["interval"][1]
    assert {"transform", "traits", "pearson", "overlap", "residual", "token", "collection"} <= first["nearest"].keys()
    code, out, _ = run("check", paths[1])
    assert out.splitlines()[0] == f"{paths[1]}: copy of token 1 (1.png)  rareness 0.00 (0.00 to 0.10)"


def test_check_in_senses_words_and_from_stdin(run: Run, tmp_path: Path) -> None:
    path = scene(1, tmp_path / "a.png")
    code, out, _ = run("check", "-", "--sense", stdin=path.read_bytes())
    assert code == 0
    STRICT.validate(lines(out)[0])
    assert lines(out)[0]["hash_of_candidate_image_file"] == sha3(path)
    assert run("check", path, "--sense", "--json")[0] == 2
    assert run("check", "-", "-")[0] == 2


def test_check_explains_in_one_page(run: Run, tmp_path: Path) -> None:
    paths = [scene(n, tmp_path / f"{n}.png") for n in (1, 2)]
    code, _, err = run("check", *paths, "--explain", "e.html")
    assert code == 0
    assert "e.html" in err
    page = (tmp_path / "e.html").read_text("utf-8")
    assert page.count("<article") == 2
    assert "Copy of token 1 (1.png)" in page
    for place, why in ((tmp_path, "it is a folder"), ("sub/e.html", "there is no folder sub")):
        code, _, err = run("check", paths[0], "--explain", place)
        assert code == 1
        assert why in err
    code, _, _ = run("check", tmp_path / "missing.png", "--explain", "never.html")
    assert code == 1
    assert not (tmp_path / "sub").exists()


def test_one_broken_image_does_not_stop_the_others(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nonsense")
    scene(1, tmp_path / "b.png")
    code, out, err = run("check", "a.png", "missing.png", "b.png", "--json")
    assert code == 1
    assert [line.get("kind", line.get("verdict")) for line in lines(out)] == ["ImageError", "ImageError", "copy"]
    assert [line["image"] for line in lines(out)] == ["a.png", "missing.png", "b.png"]
    assert err.count("gistchain: ") == 3
    assert "compared with nothing: there is no folder" in err


def test_watch_once_writes_the_results_and_says_so(run: Run, tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    scene(1, inbox / "a.png")
    code, out, _ = run("watch", inbox, "--once", "--settle", "0.05")
    assert code == 0
    assert out == f"a.png -> {sha3(inbox / 'a.png')[:10]}.json  copy, rareness 0.00\n"
    assert results(tmp_path / watch.OUTPUT).keys() == {sha3(inbox / "a.png")}
    (inbox / "b.png").write_bytes(b"nonsense")
    code, out, _ = run("watch", inbox, "--once", "--settle", "0.05", "--json")
    assert code == 1
    assert [line["event"] for line in lines(out)] == ["refused"]
    assert run("watch", inbox / "a.png")[0] == 2


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_service_after_the_image_in_work(how: signal.Signals, tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    for n in range(4):
        scene(n, inbox / f"{n}.png")
    gate, home = tmp_path / "gate", tmp_path / "home"
    words = [sys.executable, "-m", "tests.cli.test_cli_rareness", gate, "watch", inbox, "--settle=0.05", "--home", home]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as service:
        assert service.stdout
        assert service.stderr
        first = service.stdout.readline()
        while not gate.with_name("in work").exists():
            assert service.poll() is None
            time.sleep(0.01)
        service.send_signal(how)
        while "ending after the image in work" not in service.stderr.readline():
            assert service.poll() is None
        gate.touch()
        out, err = service.communicate(timeout=HANGS_S)
    assert service.returncode == 0, err
    assert len((first + out).splitlines()) == 2
    assert len(results(tmp_path / watch.OUTPUT)) == 2


def test_seeding_goes_on_where_it_ended(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "Some Collection"
    folder.mkdir()
    for n in range(4):
        scene(n, folder / f"{n}.png")
    code, out, _ = run("rareness", "seed", folder, "--each", 2, "--json")
    assert (code, lines(out)) == (0, [{"new": 2, "known": 0, "failed": 0, "registered": 2}])
    (folder / "8.png").write_bytes((folder / "1.png").read_bytes()[:60])
    (folder / "9.png").write_bytes(b"nonsense")
    code, out, err = run("rareness", "seed", folder, "--json")
    assert (code, lines(out)) == (1, [{"new": 2, "known": 2, "failed": 1, "registered": 4}])
    assert "8.png is broken" in err
    assert "skipped 1 file that is not an image: 9.png" in err
    code, out, _ = run("rareness", "status", "--json")
    assert lines(out)[0]["registered"] == 4
    assert lines(out)[0]["tokens_missing"] == 0
    assert "token" not in run("rareness", "status")[1]


def test_an_image_that_can_not_be_looked_at_does_not_stop_the_seeding(run: Run, tmp_path: Path) -> None:
    for n, name in enumerate(("a.png", "bad.png", "c.png")):
        (tmp_path / "cats").mkdir(exist_ok=True)
        scene(n, tmp_path / "cats" / name)
    code, out, err = run("rareness", "seed", "cats", "--json")
    assert (code, lines(out)) == (1, [{"new": 2, "known": 0, "failed": 1, "registered": 2}])
    assert "gistchain: bad.png: a network gave numbers" in err


def test_the_seeds_are_real_collections(run: Run) -> None:
    from gistchain.collection.known.seeds import seeds

    for collection in ("nouns", "robohash-1", "micah"):
        found = list(seeds(collection, 3))
        again = list(seeds(collection, 2))
        assert [seed.picture.sha3_256 for seed in found][:2] == [seed.picture.sha3_256 for seed in again]
        assert len({seed.picture.sha3_256 for seed in found}) == 3
        assert all(seed.picture.size == (256, 256) and seed.caption.startswith("A picture of") for seed in found)
        header = b"P6 256 256 255\n"
        ppm = read_image(header + found[0].picture.pixels.tobytes(), "as a file")
        assert ppm.sha3_256 == found[0].picture.sha3_256


def test_a_crawl_says_what_it_read_and_what_it_left_out(run: Run, tmp_path: Path) -> None:
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    with (tmp_path / "a.warc").open("wb") as file:
        writer = WARCWriter(file, gzip=False)
        for name in ("1", "2", "broken"):
            path = tmp_path / f"{name}.png"
            body = b"nonsense" if name == "broken" else scene(int(name), path).read_bytes()
            headers = StatusAndHeaders("200 OK", [("Content-Type", "image/png")], protocol="HTTP/1.0")
            made = writer.create_warc_record(
                f"http://site.example/{name}.png", "response", io.BytesIO(body), http_headers=headers
            )
            writer.write_record(made)
            made.raw_stream.close()
    code, out, err = run("rareness", "crawl", "--warc", "a.warc", "--json")
    assert code == 0
    found = lines(out)[0]
    assert (found["images"], found["new"], found["indexed"]) == (2, 2, 2)
    assert "broken.png" in err
    assert found["file"] == str(tmp_path / "home" / "crawl.sqlite")
    assert "settings.toml" not in err
    assert "0 new: 2 in" in run("rareness", "crawl", "--warc", "a.warc")[1]

    code, _, err = run("rareness", "crawl", "http://127.0.0.1/", "http://169.254.169.254/latest/")
    assert code == 1
    assert "127.0.0.1" in err
    assert "169.254.169.254" in err
    assert run("rareness", "crawl")[0] == 2
    assert run("rareness", "crawl", "http://site.example/", "--warc", "a.warc")[0] == 2


def test_a_database_is_set_aside_whole(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "begins anew" in run("rareness", "rebuild")[1]
    (home / "rareness.sqlite").write_bytes(b"no database at all " * 100)
    code, out, _ = run("rareness", "rebuild", "--json")
    assert (code, lines(out)) == (0, [{"aside": str(home / "old-1"), "lacking": 0}])
    assert (home / "old-1" / "rareness.sqlite").exists()
    assert not (home / "rareness.sqlite").exists()


class Gated(Judge):
    """The second image is in work, as a file then says, until a file at `gate` appears."""

    def __init__(self, gate: Path) -> None:
        super().__init__()
        self._gate, self._checked = gate, 0

    def check(self, picture: Picture, *, web: bool = False) -> Rareness:
        self._checked += 1
        if self._checked == 2:
            self._gate.with_name("in work").touch()
            while not self._gate.exists():
                time.sleep(0.01)
        return super().check(picture)


if __name__ == "__main__":
    judge = Gated(Path(sys.argv.pop(1)))
    systems.checker = lambda settings: judge  # type: ignore[attr-defined]
    application()()
