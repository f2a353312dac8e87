"""The command line as a person uses it: a chain on disk, real models, real files."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import io
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import termios
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gistchain.disk.lock import FileLock
from gistchain.gist.packet import pack
from gistchain.ledger.evm import open_embedded
from gistchain.types import Gist
from tests.support.commands import Command, rehearsed
from tests.support.forks import HANGS_S
from tests.support.kills import Appeared, aims, file_of
from tests.support.pictures import noun
from tests.support.terminals import terminal

Run = Callable[..., tuple[int, str, str]]


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_an_image_goes_through_the_chain_and_comes_back(run: Run, tmp_path: Path) -> None:
    path = noun(1, tmp_path / "a.png")
    code, out, _ = run("register", path, "--json")
    (done,) = lines(out)
    assert code == 0
    assert {
        "token",
        "image_sha3_256",
        "caption",
        "gist_bytes",
        "gas",
        "tx",
        "block",
        "block_hash",
        "final",
        "owner",
        "gist_keccak",
    } <= done.keys()
    assert done["token"] == 1
    assert done["image_sha3_256"] == hashlib.sha3_256(path.read_bytes()).hexdigest()
    assert done["caption"].startswith("A picture of Nouns, containing ")
    assert done["gist_bytes"] < 40

    code, out, _ = run("rebuild", 1, "-o", "back.png", "--seeds", 3, "--isotopes", "all", "--json")
    (back,) = lines(out)
    assert code == 0
    assert {"token", "seed", "caption", "distance", "isotopes"} <= back.keys()
    assert [i["seed"] for i in back["isotopes"]] == [0, 1, 2]
    assert back["distance"] == min(i["distance"] for i in back["isotopes"])
    with Image.open("back.png") as image:
        assert image.size == (320, 320)
    assert len(list(Path("all").iterdir())) == 3

    code, out, _ = run("show", 1, "--json")
    assert lines(out)[0]["caption"] == done["caption"]
    assert lines(out)[0]["width"] == 320
    code, out, _ = run("list", "--json")
    assert [t["token"] for t in lines(out)] == [1]
    for words in (("show", 1), ("list",)):
        code, out, _ = run(*words)
        assert code == 0
        assert done["caption"] in out


def test_rebuilding_in_another_process_gives_the_same_picture(run: Run, tmp_path: Path) -> None:
    assert run("register", noun(2, tmp_path / "a.png"))[0] == 0
    assert run("rebuild", 1, "-o", "here.png")[0] == 0
    subprocess.run([sys.executable, "-m", "gistchain", "rebuild", "1", "-o", "there.png"], check=True, timeout=HANGS_S)
    with Image.open("here.png") as here, Image.open("there.png") as there:
        assert here.tobytes() == there.tobytes()


def test_registering_a_folder_again_finds_its_images_there(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    noun(3, folder / "a.png")
    assert run("register", folder)[0] == 0
    noun(4, folder / "b.png")
    code, out, err = run("register", folder, "--json")
    assert (code, err) == (0, "")
    again, new = lines(out)
    assert again.keys() == new.keys()
    assert [(done["token"], done["already"]) for done in (again, new)] == [(1, True), (2, False)]
    assert again["caption"].startswith("A picture of Nouns")
    assert (again["gas"], again["tx"], again["rareness"]["verdict"]) == (None, None, "original")
    code, out, _ = run("register", folder)
    assert code == 0
    assert [line for line in out.splitlines() if not line.startswith(" ")] == [
        f"already there: token {k + 1}  {folder / name}" for k, name in enumerate(("a.png", "b.png"))
    ]
    assert len(run("list")[1].splitlines()) == 2


def test_an_image_that_another_account_registered_is_registered_beside_it(run: Run, tmp_path: Path) -> None:
    path = noun(3, tmp_path / "a.png")
    with open_embedded(tmp_path / "home") as squatter:  # who saw the hash, and not the image
        image = hashlib.sha3_256(Path(path).read_bytes()).digest()
        squatter.put(b"\xff garbage", image_sha3_256=image)
    (tmp_path / "other.key").write_text("11" * 32)
    for already in (False, True):
        code, out, err = run("register", path, "--key", "other.key", "--json")
        assert code == 0, err
        done = lines(out)[0]
        assert (done["token"], done["others"], done["already"]) == (2, [1], already)
    assert "others have token 1" in run("register", path, "--key", "other.key")[1]
    shown = lines(run("show", 2, "--json")[1])[0]
    assert (shown["others"], shown["rareness"]["verdict"]) == ([1], "original")
    assert "token 1, registered by others" in run("show", 2)[1]
    assert set(lines(run("check", path, "--json")[1])[0]["tokens"]) >= {1}
    code, out, _ = run("register", path, "--json")
    assert (code, lines(out)[0]["kind"]) == (1, "PacketError"), "the first account has its own garbage"


def test_copies_are_refused_where_that_is_asked_for(run: Run, tmp_path: Path) -> None:
    path = noun(4, tmp_path / "a.png")
    assert run("register", path, "--refuse-copies")[0] == 0
    with Image.open(path) as image:
        image.save(tmp_path / "b.jpg", quality=90)
    code, out, err = run("register", "b.jpg", noun(5, tmp_path / "c.png"), "--refuse-copies", "--json")
    assert code == 1
    refused, done = lines(out)
    assert (refused["image"], refused["kind"], done["token"]) == ("b.jpg", "CopyRefused", 2)
    assert "copy of token 1 (a.png)" in err
    status = lines(run("rareness", "status", "--json")[1])[0]
    assert status["registered"] == 2, "what was refused is nothing to compare with"
    code, out, _ = run("register", "b.jpg", "--json")
    assert (code, lines(out)[0]["rareness"]["verdict"]) == (0, "copy")
    assert run("register", "b.jpg", "--refuse-copies")[0] == 0, "it is there already"


def test_a_copy_is_registered_and_everyone_can_see_that_it_is_one(run: Run, tmp_path: Path) -> None:
    path = noun(4, tmp_path / "a.png")
    code, out, _ = run("register", path, "--json")
    first = lines(out)[0]["rareness"]
    assert code == 0
    assert (first["verdict"], first["score"], first["nearest"]) == ("original", 1.0, None)
    assert run("register", noun(5, tmp_path / "sibling.png"))[0] == 0
    with Image.open(path) as image:
        image.save(tmp_path / "b.jpg", quality=90)
    code, out, _ = run("register", tmp_path / "b.jpg", "--json")
    rareness = lines(out)[0]["rareness"]
    assert code == 0
    assert rareness["verdict"] == "copy"
    assert rareness["interval"][0] <= rareness["score"] <= rareness["interval"][1] < 0.5
    assert (rareness["nearest"]["token"], rareness["nearest"]["name"]) == (1, "a.png")
    code, out, _ = run("register", noun(4, tmp_path / "c.png", size=640))
    assert "copy of token" in out.splitlines()[0]

    code, out, _ = run("show", 3, "--json")
    shown = lines(out)[0]
    assert shown["rareness"] == rareness
    assert shown["rareness"]["signed_by"] == shown["owner"]
    assert shown["evidence_here"] is True
    assert "copy of token 1 (a.png)" in run("show", 3)[1]
    document = run("show", 3, "--evidence")[1]
    assert hashlib.sha3_256(document.encode()).hexdigest() == rareness["evidence"]
    assert json.loads(document)["verdict"] == "copy"

    code, out, _ = run("rareness", "rebuild", "--json")
    assert code == 0
    assert Path(lines(out)[0]["aside"]).is_dir()
    assert run("show", 3, "--evidence")[1] == document, "what backs a ticket is not lost with the database"
    for old in Path("home").glob("old-*/rareness.sqlite"):
        old.unlink()
    assert lines(run("show", 3, "--json")[1])[0]["evidence_here"] is False
    code, _, err = run("show", 3, "--evidence")
    assert code == 1
    assert "not in" in err
    assert shown["owner"] in err


def test_the_status_counts_tokens_that_nothing_is_compared_with(run: Run, tmp_path: Path) -> None:
    with open_embedded(tmp_path / "home") as ledger:  # registered without a database, as from another home
        for gist in (b"one", b"two"):
            ledger.put(gist, image_sha3_256=hashlib.sha3_256(gist).digest())
    code, out, _ = run("rareness", "status", "--json")
    assert (code, lines(out)[0]["registered"], lines(out)[0]["tokens_missing"]) == (0, 0, 2)
    code, _, err = run("register", noun(4, tmp_path / "a.png"))
    assert code == 1
    assert "rareness rebuild" in err
    assert run("rareness", "rebuild")[0] == 0
    assert run("register", tmp_path / "a.png")[0] == 0
    code, out, _ = run("rareness", "status")
    assert "tokens of the chain here that are not among them: 2\n" in out
    assert (tmp_path / "home" / "rareness.sqlite").exists()
    run("rareness", "rebuild")
    assert lines(run("rareness", "status", "--json")[1])[0]["tokens_missing"] == 3
    assert run("register", tmp_path / "a.png")[0] == 0  # it has its token, and is remembered again
    assert lines(run("rareness", "status", "--json")[1])[0]["tokens_missing"] == 2
    with FileLock(tmp_path / "home" / "chain.lock", wait_s=0):  # nobody waits for whoever registers
        assert lines(run("rareness", "status", "--json")[1])[0]["tokens_missing"] == 2
        assert len(lines(run("list", "--json")[1])) == 3
    (tmp_path / "home" / "chain.sqlite").write_bytes(b"")
    code, out, err = run("rareness", "status", "--json")
    assert (code, lines(out)[0]["registered"], lines(out)[0]["tokens_missing"]) == (0, 1, None)
    assert "not a gistchain chain" in err


def test_what_a_crawl_has_seen_is_rare_on_the_internet_no_more(run: Run, tmp_path: Path) -> None:
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    path = noun(6, tmp_path / "a.png")
    headers = StatusAndHeaders("200 OK", [("Content-Type", "image/png")], protocol="HTTP/1.0")
    with (tmp_path / "a.warc").open("wb") as file:
        body = io.BytesIO(path.read_bytes())
        made = WARCWriter(file, gzip=False).create_warc_record(
            "http://a.example/a.png", "response", body, http_headers=headers
        )
        WARCWriter(file, gzip=False).write_record(made)
        made.raw_stream.close()
    assert run("check", path, "--web")[0] == 2  # no provider is set
    code, out, _ = run("rareness", "crawl", "--warc", "a.warc", "--json")
    assert code == 0
    (tmp_path / "home" / "settings.toml").write_text(f"crawl_index = {json.dumps(lines(out)[0]['file'])}\n")
    code, out, _ = run("check", path, noun(7, tmp_path / "b.png"), "--web", "--json")
    assert code == 0
    assert [[m["url"] for m in d["web"][0]["matches"]] for d in lines(out)] == [["http://a.example/a.png"], []]
    code, out, _ = run("check", path, "--web", "--sense")
    assert lines(out)[0]["is_rare_on_internet"] == 0


def test_several_images_a_folder_and_stdin(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for k in range(3):
        noun(10 + k, folder / f"{k}.png")
    (folder / "notes.txt").write_text("not an image")
    one = noun(20, tmp_path / "one.png")
    code, out, err = run("register", folder, "-", "--json", stdin=one.read_bytes())
    assert code == 0
    skipped, *done = lines(out)
    assert skipped == {"image": str(folder / "notes.txt"), "skipped": "file that is not an image"}
    assert [d["token"] for d in done] == [1, 2, 3, 4]
    assert "gistchain: skipped 1 file that is not an image: notes.txt\n" in err


def test_a_bad_image_does_not_stop_the_others(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(noun(30, tmp_path / "x.png").read_bytes()[:200])
    empty = tmp_path / "empty"
    empty.mkdir()
    words = [tmp_path / "missing.png", empty, bad, noun(31, tmp_path / "good.png")]
    code, out, err = run("register", *words, "--json")
    assert code == 1
    assert [("error" in d) for d in lines(out)] == [True, True, True, False]
    for name in ("missing.png", "empty", "bad.png"):
        assert name in err
    assert len(run("list")[1].splitlines()) == 1


def _png_that_claims(side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_files_that_hold_no_usable_image_are_named_one_by_one(run: Run, tmp_path: Path) -> None:
    bad = {
        "words.png": b"not an image",
        "nothing.png": b"",
        "bomb.png": _png_that_claims(60_000),
        "flat.png": _png_that_claims(0),
        "page.svg": b"<svg xmlns='http://www.w3.org/2000/svg'>",
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    names = [*bad, "pipe.png", "loop.png"]
    code, out, err = run("register", *names, "--json")
    assert code == 1
    assert sorted((d["image"], d["kind"]) for d in lines(out)) == sorted((name, "ImageError") for name in names)
    assert "Traceback" not in err


def test_what_others_wrote_to_the_registry_does_not_break_the_list(run: Run, tmp_path: Path) -> None:
    newer = bytes.fromhex("42912c14294e2f")  # docs/packet.md: a packet of a later version
    nothing = pack(Gist((), (512, 512)))
    with open_embedded(tmp_path / "home") as ledger:
        for k, payload in enumerate((newer, b"GIF87 something else", nothing)):
            ledger.put(payload, image_sha3_256=bytes([k]) * 32)
    code, out, _ = run("list", "--json")
    assert code == 0
    assert ["upgrade" in d["caption"] for d in lines(out)] == [True, True, False]
    for token in (1, 2):
        for verb in ("show", "rebuild"):
            assert run(verb, token, "--json")[0] == 1
    assert lines(run("show", 3, "--json")[1])[0]["caption"] == ""
    assert lines(run("rebuild", 3, "--json")[1])[0]["kind"] == "RebuildError"


def test_own_words_are_kept_letter_by_letter(run: Run, tmp_path: Path) -> None:
    words = "ein rotes Fahrrad an der Wand \N{BICYCLE}"
    code, out, _ = run("register", noun(5, tmp_path / "a.png"), "--caption", words, "--caption-only", "--json")
    assert code == 0
    assert lines(out)[0]["caption"] == words
    code, _, err = run("rebuild", 1)
    assert code == 1
    assert "--painter sketch" in err
    assert not Path("token-1.png").exists()
    assert run("rebuild", 1, "--painter", "sketch")[0] == 0
    code, _, err = run("rebuild", 1, "--painter", "traits", "-o", "painted.png")
    assert code == 1
    assert "CryptoPunks" in err
    assert not Path("painted.png").exists()


def test_an_image_of_no_known_collection_is_given_none(run: Run, tmp_path: Path) -> None:
    y, x = np.mgrid[:200, :200]
    Image.fromarray(np.stack([x, y, x ^ y], -1).astype(np.uint8)).save(tmp_path / "pattern.png")
    code, out, _ = run("register", tmp_path / "pattern.png", "--captioner", "traits", "--json")
    assert code == 0
    assert not lines(out)[0]["caption"].startswith("A picture of")
    assert lines(out)[0]["latent"] == {"coder": "photo", "bytes": 1000}


def test_what_a_captioner_takes_for_a_token_comes_back_as_it_was(run: Run, tmp_path: Path) -> None:
    """A person, or a captioner that is wrong, calls a photo a punk: its picture is on the chain, and is what counts."""
    from skimage import data

    Image.fromarray(data.coffee()).save(tmp_path / "cup.png")
    words = "A picture of CryptoPunks, containing female type, mole face"
    code, out, _ = run("register", tmp_path / "cup.png", "--caption", words, "--json")
    assert code == 0
    assert lines(out)[0]["latent"]["coder"] == "photo"
    assert run("rebuild", 1, "-o", "cup-again.png")[0] == 0
    again = np.asarray(Image.open("cup-again.png").convert("RGB")).astype(int)
    assert np.abs(again - data.coffee()).mean() < 15


def test_a_large_photo_comes_back_small_unless_its_full_size_is_asked_for(run: Run, tmp_path: Path) -> None:
    from skimage import data

    Image.fromarray(data.rocket()).resize((2200, 1400)).save(tmp_path / "rocket.jpg")
    assert run("register", tmp_path / "rocket.jpg")[0] == 0
    code, out, _ = run("rebuild", 1, "-o", "small.png")
    assert code == 0
    assert "1024 x 652 pixels; the original as read has 2200 x 1400: --full-size" in out
    assert run("rebuild", 1, "-o", "full.png", "--full-size")[0] == 0
    for name, size in (("small.png", (1024, 652)), ("full.png", (2200, 1400))):
        with Image.open(name) as image:
            assert image.size == size


def test_a_picture_of_one_colour_asks_for_words(run: Run, tmp_path: Path) -> None:
    Image.new("RGB", (60, 40), "olive").save(tmp_path / "olive.png")
    code, out, err = run("register", tmp_path / "olive.png")
    assert (code, out) == (1, "")
    assert "one colour" in err
    assert "--caption" in err
    assert run("register", tmp_path / "olive.png", "--caption", "olive, all over")[0] == 0


def test_a_photo_goes_there_and_back_in_a_kilobyte(run: Run, tmp_path: Path) -> None:
    from skimage import data

    Image.fromarray(data.chelsea()).save(tmp_path / "cat.png")
    code, out, _ = run("register", tmp_path / "cat.png", "--min-confidence", 1)
    assert code == 0
    assert re.search(r"\n  A picture, [a-z ,]+\n  a caption of \d\d bytes and a picture in (99\d|1,000) bytes\n", out)
    code, out, _ = run("rebuild", 1, "-o", tmp_path / "back.png")
    assert code == 0
    assert "1 isotope, any other would be the same, distance" in out
    code, _, err = run("rebuild", 1, "-o", tmp_path / "no.png", "--strength", 1)
    assert code == 1
    assert "--painter sketch" in err
    sketch = "--painter", "sketch", "--strength", 1, "--seeds", 1
    assert run("rebuild", 1, "-o", tmp_path / "sketch.png", *sketch)[0] == 0
    errors = [
        np.abs(np.asarray(Image.open(tmp_path / name).convert("RGB")).astype(int) - data.chelsea()).mean()
        for name in ("back.png", "sketch.png")
    ]
    assert errors[0] < 12 < errors[1]
    assert run("register", tmp_path / "cat.png", "--latent", "--latent-bytes", 100)[0] == 2
    assert run("register", tmp_path / "cat.png", "--caption-only", "--latent-bytes", 100)[0] == 2
    assert run("register", tmp_path / "cat.png", "--latent-bytes", 10)[0] == 2


def _save(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def _turned(path: Path, image: Image.Image) -> Path:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _save(image.transpose(Image.Transpose.ROTATE_90), path, exif=exif)


@pytest.mark.parametrize("kind", ["cmyk", "palette", "16-bit", "animated", "exif", "1x1", "long"])
def test_every_kind_of_image_can_be_registered(run: Run, tmp_path: Path, kind: str) -> None:
    with Image.open(noun(6, tmp_path / "a.png")) as opened:
        image = opened.convert("RGB")
    made = {
        "cmyk": lambda: _save(image.convert("CMYK"), tmp_path / "a.jpg"),
        "palette": lambda: _save(image.quantize(64), tmp_path / "b.png"),
        "16-bit": lambda: _save(
            Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), tmp_path / "c.png"
        ),
        "animated": lambda: _save(image, tmp_path / "d.gif", save_all=True, append_images=[image.rotate(90)]),
        "exif": lambda: _turned(tmp_path / "e.jpg", image),
        "1x1": lambda: _save(image.resize((1, 1)), tmp_path / "f.png"),
        "long": lambda: _save(image.resize((20_000, 10)), tmp_path / "g.png"),
    }[kind]()
    code, _, err = run("register", made, "--caption", "A picture of Nouns, containing cow head", "--json")
    assert code == 0, err
    assert run("rebuild", 1, "-o", "r.png", "--seeds", 1)[0] == 0
    with Image.open("r.png") as rebuilt:
        assert rebuilt.size == {"1x1": (1, 1), "long": (1024, 1)}.get(kind, (320, 320))


def test_an_image_turned_by_its_exif_tag_is_read_upright(run: Run, tmp_path: Path) -> None:
    with Image.open(noun(7, tmp_path / "a.png")) as image:
        turned = _turned(tmp_path / "b.png", image.convert("RGB"))
    captions = [lines(run("register", p, "--json")[1])[0]["caption"] for p in (tmp_path / "a.png", turned)]
    assert captions[0] == captions[1]


@pytest.mark.parametrize("token", [0, 5, 10**30])
def test_an_unknown_token_is_called_so(run: Run, tmp_path: Path, token: int) -> None:
    run("register", noun(8, tmp_path / "a.png"))
    for verb in ("show", "rebuild"):
        code, _, err = run(verb, token)
        assert code == 1
        assert f"no token {token}" in err


@pytest.mark.parametrize(
    "words",
    [
        ("register",),
        ("rebuild", "first"),
        ("rebuild", 1, "--seeds", 0),
        ("rebuild", 1, "--choice", "nicest"),
        ("register", "a.png", "--min-confidence", 2),
        ("frobnicate",),
        ("list", "--rpc", "ftp://example.org"),
        ("register", "a.png", "--key", "no-such-key"),
        ("list", "--key", "no-such-key"),  # reading needs no key
        ("register", "-", "-"),
    ],
)
def test_wrong_words_end_with_exit_code_2(run: Run, words: tuple[object, ...]) -> None:
    code, out, err = run(*words)
    assert code == 2
    assert out == ""
    assert err
    assert "Traceback" not in err


def test_with_json_an_error_is_an_object_too(run: Run, tmp_path: Path) -> None:
    for words, code, kind in (
        (("show", 1), 1, "UnknownToken"),
        (("rebuild", 1), 1, "UnknownToken"),
        (("register", "missing.png", "--key", "no-such-key"), 2, "SettingError"),
        (("register", "missing.png"), 1, "ImageError"),
    ):
        ended, out, err = run(*words, "--json")
        assert ended == code
        assert lines(out)[0]["kind"] == kind
        assert lines(out)[0]["error"] in err


def test_one_caption_is_for_one_image(run: Run, tmp_path: Path) -> None:
    code, _, err = run("register", noun(41, tmp_path / "a.png"), noun(42, tmp_path / "b.png"), "--caption", "two")
    assert code == 2
    assert "one by one" in err
    assert run("list")[1] == ""


def test_an_empty_caption_is_refused(run: Run, tmp_path: Path) -> None:
    code, _, err = run("register", noun(49, tmp_path / "a.png"), "--caption", " ")
    assert code == 1
    assert "caption" in err
    assert run("list")[1] == ""


def test_control_characters_of_a_caption_do_not_reach_the_terminal(run: Run, tmp_path: Path) -> None:
    words = "a red \x1b[2Jbicycle"
    run("register", noun(43, tmp_path / "a.png"), "--caption", words)
    for shown in (run("list")[1], run("show", 1)[1]):
        assert "\x1b" not in shown
        assert r"a red \x1b[2Jbicycle" in shown
    assert lines(run("list", "--json")[1])[0]["caption"] == words


def test_a_file_name_that_is_no_utf_8_is_no_obstacle(run: Run, tmp_path: Path) -> None:
    noun(44, tmp_path / "a.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    for words in ((), ("--json",)):
        code, out, err = run("register", os.fsdecode(b"\xff.png"), *words)
        assert (code, err) == (0, "")
        assert r"\xff.png" in out
        assert "udcff" not in out
    assert lines(out)[0]["image"] == r"\xff.png"
    assert r"\xff.png" in run("list")[1]
    assert r"\xff.png" in run("show", 1, "--evidence")[1] + run("check", os.fsdecode(b"\xff.png"), "--json")[1]
    code, _, err = run("register", os.fsdecode(b"\xfe.png"))
    assert (code, err) == (1, "gistchain: \\xfe.png doesn't exist: check the path\n")


def test_isotopes_that_can_not_be_written_are_an_error(run: Run, tmp_path: Path) -> None:
    path = noun(45, tmp_path / "a.png")
    run("register", path)
    code, _, err = run("rebuild", 1, "--isotopes", path)
    assert code == 1
    assert "is not a folder" in err
    code, _, err = run("rebuild", 1, "-o", ".")
    assert code == 1
    assert "it is a folder" in err


def test_a_home_that_can_not_be_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    noun(1, tmp_path / "a.png")
    for words, home, wanted, told in (
        (("list",), "file", 2, "file is not a folder"),
        (("register", "a.png"), "file", 2, "file is not a folder"),
        (("register", "a.png"), "/proc/nowhere", 1, "can't make the folder"),
    ):
        code, _, err = run(*words, "--home", home)
        assert code == wanted
        assert told in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_results_that_can_not_be_printed_are_an_error(run: Run, tmp_path: Path, unbuffered: str) -> None:
    run("register", noun(51, tmp_path / "a.png"))
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gistchain", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            timeout=HANGS_S, env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_keystore_opens_with_the_first_line_of_stdin(run: Run, tmp_path: Path) -> None:
    from eth_account import Account

    account = Account.from_key(b"\x07" * 32)
    (tmp_path / "key.json").write_text(json.dumps(Account.encrypt(account.key, "open sesame", iterations=2)))
    path = noun(46, tmp_path / "a.png")
    assert run("register", path, "--key", "key.json", stdin=b"open barley\n")[0] == 2
    assert run("register", "-", "--key", "key.json", stdin=path.read_bytes())[0] == 2
    assert run("register", path, "--key", "key.json", stdin=b"open sesame\n")[0] == 0
    assert account.address in run("show", 1)[1]


def test_ctrl_c_says_what_still_counts(run: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gistchain", "register", "-"]
    # A suite that runs in the background hands on that Ctrl-C is to be ignored.
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdin is not None
    try:
        process.stdin.write(b"the beginning of an image")
        while _unread(process.stdin.fileno()):  # then it waits for the rest
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=HANGS_S)[1]
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert b"interrupted" in err
    assert b"Traceback" not in err


def _unread(pipe: int) -> int:
    """How many bytes lie in it."""
    return int(struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0])


def test_progress_does_not_mix_with_results(run: Run, tmp_path: Path) -> None:
    files = [str(noun(47 + k, tmp_path / f"{k}.png")) for k in range(2)]
    command = [sys.executable, "-m", "gistchain", "register", *files, "--json"]
    with terminal() as screen:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=screen.end, timeout=HANGS_S, check=True)
    assert [d["token"] for d in lines(done.stdout.decode())] == [1, 2]
    assert "registering" in screen.shown
    assert "image_sha3_256" not in screen.shown


def test_a_node_that_is_down_is_named_without_its_secrets(run: Run, tmp_path: Path) -> None:
    code, _, err = run("register", noun(9, tmp_path / "a.png"), "--rpc", "http://user:secret@127.0.0.1:9/key")
    assert code == 1
    assert "doesn't answer" in err
    assert "secret" not in err


def test_the_models_are_listed_and_one_is_checked(run: Run) -> None:
    code, out, _ = run("models", "list", "--json")
    rows = {(row["kind"], row["name"]): row for row in lines(out)}
    assert code == 0
    assert {"size_bytes", "licence", "missing", "line", "source"} <= rows["captioner", "traits"].keys()
    assert rows["captioner", "traits"]["missing"] == ""
    plain = run("models", "list")[1].splitlines()
    assert len(plain) == len(rows)
    assert any(line.split()[:2] == ["captioner", "traits"] and line.endswith("ready") for line in plain)

    code, out, _ = run("models", "check", "second", "--json")
    (done,) = lines(out)
    assert code == 0
    assert done["ok"]
    assert done["files_verified"] == 1
    assert "A picture of Nouns" in done["result"]
    code, out, _ = run("models", "check", "traits")  # a captioner and a painter
    assert code == 0
    assert "captioner traits" in out
    assert "painter traits" in out


def test_the_list_of_models_fits_a_terminal(run: Run) -> None:
    command = [sys.executable, "-m", "gistchain", "models", "list"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with terminal() as screen:
        subprocess.run(command, stdout=screen.end, stderr=screen.end, env=environment, timeout=HANGS_S, check=True)
    rows = re.sub("\x1b[^m]*m", "", screen.shown).splitlines()
    assert rows[0].split()[:3] == ["kind", "name", "size"]
    assert max(map(len, rows)) <= 100
    names = [line.split()[1] for line in run("models", "list")[1].splitlines()]
    assert [name for row in rows[1:] if (name := row[16:].partition(" ")[0])] == names
    assert len(rows) <= 1.3 * len(names), "most models take one row"


def test_a_model_that_does_not_do_fails_its_check(run: Run) -> None:
    code, out, err = run("models", "check", "traits", "--kind", "painter", "--caption", "a red bicycle", "--json")
    assert code == 1
    assert lines(out)[0]["ok"] is False
    assert "CryptoPunks" in err
    code, _, err = run("models", "check", "rembrandt")
    assert code == 2
    assert "models list" in err
    code, out, _ = run("models", "check", "traits", "--kind", "poet", "--json")
    assert code == 2
    assert lines(out)[0]["kind"] == "SettingError"
    code, _, err = run("models", "check", "traits=org/name", "--kind", "captioner")
    assert code == 1
    assert "weights of its own" in err


def test_models_are_chosen_by_name(run: Run, tmp_path: Path) -> None:
    path = noun(70, tmp_path / "a.png")
    usual = lines(run("register", path, "--json")[1])[0]
    other = lines(run("register", noun(70, tmp_path / "b.png", 640), "--captioner", "second", "--json")[1])[0]
    assert other["caption"].startswith("A picture of Nouns")
    assert other["confidence"] != usual["confidence"]
    words = ("rebuild", 1, "--captioner", "second", "--painter", "traits", "--seeds", 1, "--json")
    code, out, _ = run(*words)
    assert code == 0
    assert lines(out)[0]["caption"].startswith("A picture of Nouns")
    for option, value, told in (
        ("--captioner", "rembrandt", "there are default, traits"),
        ("--captioner", "traits=./folder", "leave out"),
        ("--painter", "second", "'second' is a captioner"),
        ("--dtype", "int3", "float16"),
        ("--device", "toaster", "cuda"),
    ):
        code, _, err = run("rebuild", 1, option, value)
        assert code == 2, option
        assert told in err


def test_models_are_chosen_by_settings_too(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = noun(71, tmp_path / "a.png")
    (tmp_path / "home").mkdir()
    settings = tmp_path / "home" / "settings.toml"
    settings.write_text('captioner = "rembrandt"\nallow_download = true\n')
    code, _, err = run("register", path)
    assert code == 2
    assert "no captioner 'rembrandt'" in err
    assert run("register", path, "--captioner", "second")[0] == 0
    assert run("list")[0] == 0  # which needs no captioner
    assert run("register", noun(72, tmp_path / "b.png"), "--caption", "a Noun")[0] == 0  # nor does this
    monkeypatch.setenv("GISTCHAIN_PAINTER", "monet")
    assert "no painter 'monet'" in run("rebuild", 1, "--captioner", "traits")[2]
    settings.write_text('allow_pickle = "perhaps"\n')
    code, _, err = run("list")
    assert code == 2
    assert "allow_pickle is 'perhaps'" in err


def test_a_model_without_its_extra_is_named_with_the_extra(run: Run, tmp_path: Path) -> None:
    if importlib.util.find_spec("torch") is not None:
        pytest.skip("torch is here")
    code, _, err = run("register", noun(73, tmp_path / "a.png"), "--captioner", "blip=./folder")
    assert code == 1
    assert "captioner 'blip'" in err
    assert "gistchain[hf]" in err


def test_help_and_version_cost_no_chain(run: Run) -> None:
    assert run("--help")[0] == 0
    assert run("--version")[1].startswith("gistchain ")
    verbs = "register", "rebuild", "show", "list", "demo", "check", "watch", "models list", "models check"
    for verb in (*verbs, *(f"rareness {verb}" for verb in ("seed", "status", "crawl", "rebuild"))):
        code, out, _ = run(*verb.split(), "--help")
        assert code == 0
        assert "--json" in out
    assert not Path("home").exists()


def test_settings_come_from_the_home_folder_too(run: Run, tmp_path: Path) -> None:
    run("register", noun(40, tmp_path / "a.png"))
    (tmp_path / "home" / "settings.toml").write_text("seeds = 2\n")
    assert len(lines(run("rebuild", 1, "--json")[1])[0]["isotopes"]) == 2
    assert len(lines(run("rebuild", 1, "--json", "--seeds", 1)[1])[0]["isotopes"]) == 1
    (tmp_path / "home" / "settings.toml").write_text("sedes = 2\n")
    code, _, err = run("list")
    assert code == 2
    assert "sedes" in err


def test_two_commands_at_once_both_succeed(run: Run, tmp_path: Path) -> None:
    files = [noun(50 + k, tmp_path / f"{k}.png") for k in range(2)]
    lock = tmp_path / "home" / "chain.lock"
    first = Command(tmp_path / "first", "register", files[0], aim=Appeared(str(lock)))
    first.child.wait()
    second = Command(tmp_path / "second", "register", files[1], patient=True)
    while not _has_open(second.child.pid, lock):
        assert not second.child.ended, second.err
        time.sleep(0.01)
    first.child.go_on()
    assert [command.child.finish() for command in (first, second)] == [0, 0]
    assert len(run("list")[1].splitlines()) == 2


def test_a_command_that_waits_for_another_says_so(run: Run, tmp_path: Path) -> None:
    file = noun(52, tmp_path / "a.png")
    with FileLock(tmp_path / "home" / "chain.lock"):
        command = Command(tmp_path / "waits", "register", file, patient=True)
        while not command.err:
            assert not command.child.ended
            time.sleep(0.01)
    assert command.child.finish() == 0
    assert re.fullmatch(rf"gistchain: .*home is in use by process {os.getpid()} since .*: waiting .*\n", command.err)


def _has_open(process: int, path: Path) -> bool:
    folder = f"/proc/{process}/fd"
    for number in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            if os.readlink(f"{folder}/{number}") == str(path.resolve()):
                return True
    return False


def test_a_register_command_killed_at_any_moment_loses_nothing(run: Run, tmp_path: Path) -> None:
    """Fifty kills of the chain are in test_embedded_kill.py; GISTCHAIN_TEST_KILLS=100 does as many here."""
    kills, rng = int(os.environ.get("GISTCHAIN_TEST_KILLS", "10")), random.Random(7)
    words = ("register", noun(60 + kills, tmp_path / "rehearsal.png"), "--json", "--home", tmp_path / "rehearsal")
    born = rehearsed(tmp_path / "first", *words)
    words = ("register", noun(61 + kills, tmp_path / "rehearsal.png"), *words[2:])
    steps = rehearsed(tmp_path / "second", *words)
    aimed = [*aims(born, 1, rng), *aims(steps, kills - 1, rng)]
    parts = {file_of(stage) for stage in steps}
    assert len({file_of(aim.stage) for aim in aimed[1:]}) == min(len(parts), kills - 1), "kills in every part"
    acknowledged = set()
    for k, aim in enumerate(aimed):
        path = noun(60 + k, tmp_path / f"{k}.png")
        command = Command(tmp_path / f"said-{k}", "register", path, "--json", aim=aim)
        command.child.wait()
        command.child.kill()
        acknowledged |= {d["image_sha3_256"] for d in lines(command.out) if "error" not in d}
        code, out, err = run("list", "--json")
        assert code == 0, err
        assert acknowledged <= {t["image_sha3_256"] for t in lines(out)}
    assert (tmp_path / "home" / "rareness.sqlite").exists(), "the kills came where they were meant to"
    unsure = 0
    for k in range(kills):
        code, _, err = run("register", tmp_path / f"{k}.png")
        unsure += "not sure" in err
        assert code == 0 or "not sure" in err, err
    tokens = lines(run("list", "--json")[1])
    assert len(tokens) == kills - unsure
    for token in tokens:
        shown = lines(run("show", token["token"], "--json")[1])[0]
        assert shown["evidence_here"], "the document was kept before the chain was asked"
        assert shown["rareness"]["verdict"] != "copy", "an image is no copy of what an earlier try left of it"
