"""Untrusted images are decoded in child processes: bounded, replaced when they fail, gone with their parent."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import textwrap
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gistchain.errors import DecodingFailed, ImageError
from gistchain.image import read_image
from gistchain.image.child import Limits
from gistchain.image.pool import MOST_CHILDREN, Child, Pool
from tests.support.forks import HANGS_S
from tests.support.pictures import encoded

SMALL = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)))


@pytest.fixture
def pool() -> Iterator[Pool]:
    own = Pool()
    yield own
    end(own)


def end(own: Pool) -> None:
    """Close it and wait for its children: a pool leaves that to the end of its process."""
    children = list(own._children)
    own.close()
    for child in children:
        child.kill()


def png(width: int, height: int, depth: int, colour: int, row: int) -> bytes:
    """A picture of zeros, `row` bytes a row."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(1 + row)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def progressive(side: int, scans: int) -> bytes:
    """A grey JPEG, all of whose scans but the first refine nothing (ITU-T T.81, G.1.2)."""

    def segment(marker: int, body: bytes) -> bytes:
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body

    blocks = (side // 8) ** 2
    data = b"\xff\xd8" + segment(0xDB, b"\0" + bytes([1] * 64))
    data += segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + bytes([1, 0x11, 0]))
    data += segment(0xC4, bytes([0x00, 1] + [0] * 15 + [0])) + segment(0xC4, bytes([0x10, 1] + [0] * 15 + [0x00]))
    scan = bytes(blocks // 8)
    return (
        data
        + (segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + scan)
        + (segment(0xDA, bytes([1, 1, 0, 1, 63, 0])) + scan) * scans
        + b"\xff\xd9"
    )


SLOW = progressive(12_000, 99)
"""Takes some seconds and half a gigabyte."""


def test_many_images_share_a_child_and_errors_do_not_end_it(pool: Pool) -> None:
    pool.decode(SMALL, "a")
    (child,) = pool._children
    for _ in range(3):
        with pytest.raises(ImageError, match=r"^b is broken"):
            pool.decode(SMALL[:-40], "b")
        assert pool.decode(SMALL, "a").colours.shape == (40, 60, 3)
    assert pool._children == {child}
    assert child.alive()


def test_a_child_that_was_killed_is_replaced(pool: Pool) -> None:
    pool.decode(SMALL, "a")
    (child,) = pool._children
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert pool.decode(SMALL, "a").colours.shape == (40, 60, 3)
    assert len(pool._children) == 1


def test_an_image_whose_child_the_system_kills_may_be_fine(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    pool.decode(SMALL, "a")
    (child,) = pool._children
    os.kill(child.pid, signal.SIGKILL)
    with monkeypatch.context() as patch:
        patch.setattr(Child, "alive", lambda self: True)  # it was when it was looked at, just before
        with pytest.raises(DecodingFailed, match=r"too little memory") as caught:
            pool.decode(SMALL, "a")
    assert isinstance(caught.value, ImageError)
    assert pool.decode(SMALL, "a").colours.shape == (40, 60, 3)


def test_a_started_child_is_the_one_that_is_used(pool: Pool) -> None:
    pool.start()
    pool.start()
    (child,) = pool._children
    pool.decode(SMALL, "a")
    assert pool._children == {child}


def test_no_child_more_is_started_than_may_be(pool: Pool) -> None:
    with ThreadPoolExecutor(MOST_CHILDREN) as threads:
        decoding = []
        for k in range(MOST_CHILDREN):
            pool.start()
            (child,) = pool._idle
            os.kill(child.pid, signal.SIGSTOP)
            decoding.append(threads.submit(pool.decode, SMALL, f"{k}"))
            while pool._idle:  # until it is taken
                time.sleep(0.001)
        pool.start()
        started = set(pool._children)
        for child in started:
            os.kill(child.pid, signal.SIGCONT)
        assert all(done.result(HANGS_S).colours.shape == (40, 60, 3) for done in decoding)
    assert len(started) == MOST_CHILDREN


def test_threads_share_a_few_children(pool: Pool) -> None:
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda k: pool.decode(SMALL, f"{k}").colours, range(40)))
    assert all((pixels == done[0]).all() for pixels in done)
    assert 1 <= len(pool._children) <= MOST_CHILDREN


def test_too_many_scans_are_refused_and_a_few_are_not() -> None:
    assert read_image(progressive(64, 20)).size == (64, 64)
    with pytest.raises(ImageError, match="more than 100 scans"):
        read_image(progressive(64, 200))


def test_an_embedded_preview_is_not_a_scan() -> None:
    preview = b"\xff\xda" * 200
    jpeg = encoded(Image.new("RGB", (60, 40)), "JPEG")
    padded = jpeg[:2] + b"\xff\xe5" + struct.pack(">H", len(preview) + 2) + preview + jpeg[2:]
    assert read_image(padded).size == (60, 40)


def test_a_picture_that_needs_too_much_memory_is_refused_with_the_limit() -> None:
    bounded = Pool(Limits(memory_bytes=400 * 1024**2))
    data = png(10_000, 10_000, 8, 2, 30_000)
    with pytest.raises(
        ImageError, match=r"^big needs more than the 400 MiB of memory.*make it smaller.*200 megapixels"
    ):
        bounded.decode(data, "big")
    for side in (6_000, 8_000):  # the decoder runs out of memory, or can't even begin
        data = encoded(Image.new("RGB", (side, side)), "WEBP", quality=1, method=0)
        with pytest.raises(
            ImageError, match=r"^big .*needs more .*a WebP of up to 70 megapixels fits, make it smaller"
        ):
            bounded.decode(data, "big")
    assert bounded.decode(SMALL, "a").colours.shape == (40, 60, 3)
    end(bounded)


def test_a_picture_that_takes_too_long_is_refused_with_the_limit() -> None:
    bounded = Pool(Limits(cpu_s=1))
    with pytest.raises(ImageError, match=r"^slow takes more than 1 s of processor time to decode: make it smaller"):
        bounded.decode(SLOW, "slow")
    assert bounded._children == set()
    end(bounded)


def test_a_child_that_does_not_answer_in_time_is_ended(pool: Pool) -> None:
    assert pool.decode(SMALL, "a").colours.shape == (40, 60, 3)  # now it is up
    (child,) = pool._children
    os.kill(child.pid, signal.SIGSTOP)
    child._limits = Limits(wall_s=0.05)
    with pytest.raises(DecodingFailed, match=r"^slow takes more than 0.05 s to decode: make it smaller"):
        pool.decode(SMALL, "slow")
    assert pool._children == set()
    assert not running(child.pid)


def header(said: object) -> bytes:
    text = json.dumps(said).encode()
    return len(text).to_bytes(4, "big") + text


SIZED = {"size": [60, 40], "background": None, "notes": []}
STEP = "is broken: its decoder got out of step; save or fetch it again"
REPLIES = {
    "a header of 4 GB": (b"\xff\xff\xff\xff", STEP),
    "no JSON": (b"\0\0\0\x04{{{{", STEP),
    "no UTF-8": (b"\0\0\0\x04\xff\xff\xff\xff", STEP),
    "deep": ((100_000).to_bytes(4, "big") + b"[" * 100_000, STEP),
    "no object": (header([1, 2]), STEP),
    "no keys": (header({}), STEP),
    "no text": (header({"error": 1}), STEP),
    "no size": (header(SIZED | {"size": 60}), STEP),
    "two sizes below zero": (header(SIZED | {"size": [-1, -1]}), STEP),
    "no pixels": (header(SIZED | {"size": [0, 40]}), STEP),
    "words": (header(SIZED | {"size": ["60", "40"]}), STEP),
    "fractions": (header(SIZED | {"size": [60.0, 40.5]}), STEP),
    "truths": (header(SIZED | {"size": [True, True]}), STEP),
    "too large": (header(SIZED | {"size": [60_000, 40_000]}), STEP),
    "two colours": (header(SIZED | {"background": [1, 2]}), STEP),
    "no colour": (header(SIZED | {"background": [1, 2, 256]}), STEP),
    "a number as a note": (header(SIZED | {"notes": [1]}), STEP),
    "no list of notes": (header(SIZED | {"notes": "abc"}), STEP),
}


@pytest.mark.parametrize("name", REPLIES)
def test_a_decoder_that_was_taken_over_is_ended_and_its_reply_refused(
    name: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply, says = REPLIES[name]
    child = imposter(pool, monkeypatch, f"os.write(fd, {reply!r})")
    with pytest.raises(ImageError, match=f"^odd {says}"):
        pool.decode(SMALL, "odd")
    assert child._status == -signal.SIGKILL
    assert pool.decode(SMALL, "a").colours.shape == (40, 60, 3)


def test_a_decoder_that_closes_its_end_and_lives_on_is_ended(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    child = imposter(pool, monkeypatch, "os.close(fd)")
    with pytest.raises(DecodingFailed, match=r"^odd was not decoded"):
        pool.decode(SMALL, "odd")
    assert child._status == -signal.SIGKILL


def test_a_decoder_that_sends_a_byte_now_and_then_is_ended_in_time(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    pool._limits = Limits(wall_s=1)
    large = header(SIZED | {"size": [8_000, 8_000]})
    child = imposter(pool, monkeypatch, f"os.write(fd, {large!r})\nwhile True: os.write(fd, b'0')")
    with pytest.raises(DecodingFailed, match=r"^odd takes more than 1 s to decode"):
        pool.decode(SMALL, "odd")
    assert child._status == -signal.SIGKILL


def test_a_decoder_knows_no_key_and_no_password(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GISTCHAIN_VISION_KEY", "hush")
    monkeypatch.setenv("WEB3_PROVIDER_URI", "https://me:hush@node.example")
    reply = "json.dumps({'error': json.dumps(dict(os.environ))}).encode()"
    imposter(pool, monkeypatch, f"import json\ntext = {reply}\nos.write(fd, len(text).to_bytes(4, 'big') + text)")
    with pytest.raises(ImageError, match="MALLOC_MMAP_THRESHOLD_") as caught:
        pool.decode(SMALL, "odd")
    assert "hush" not in str(caught.value)
    assert "HOME" not in json.loads(str(caught.value))


def imposter(pool: Pool, monkeypatch: pytest.MonkeyPatch, answering: str) -> Child:
    """The child that serves the next image: it runs this code instead of decoding, and stays."""
    program = "import os, sys, time\nfd = int(sys.argv[1])\nos.read(fd, 1)\n"
    with monkeypatch.context() as patch:
        patch.setattr("gistchain.image.pool._START", f"{program}{answering}\ntime.sleep({HANGS_S})")
        pool.start()
    (child,) = pool._children
    return child


def test_a_decoder_that_crashes_is_an_error_of_the_image(pool: Pool) -> None:
    pool.start()
    (child,) = pool._children
    os.kill(child.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        decoding = threads.submit(pool.decode, SMALL, "odd")
        while pool._idle:  # until it is taken
            time.sleep(0.001)
        os.kill(child.pid, signal.SIGSEGV)
        os.kill(child.pid, signal.SIGCONT)
        with pytest.raises(ImageError, match=r"^odd is broken: its decoder ended with signal 11"):
            decoding.result(HANGS_S)
    assert pool.decode(SMALL, "a").colours.shape == (40, 60, 3)


def test_a_decoder_that_is_told_of_a_hang_up_by_chance_is_asked_again(pool: Pool) -> None:
    pool.start()
    (child,) = pool._children
    os.kill(child.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        decoding = threads.submit(pool.decode, SMALL, "fine")
        while pool._idle:  # until it is taken
            time.sleep(0.001)
        os.kill(child.pid, signal.SIGIO)
        os.kill(child.pid, signal.SIGCONT)
        assert decoding.result(HANGS_S).colours.shape == (40, 60, 3)


def test_deep_levels_are_read_in_bounded_memory(pool: Pool) -> None:
    data = png(9_000, 9_000, 16, 0, 18_000)
    assert len(data) < 200_000
    assert pool.decode(data, "deep").colours.shape == (4_500, 4_500, 3)
    (child,) = pool._children
    peak = next(line for line in Path(f"/proc/{child.pid}/status").read_text().splitlines() if "VmHWM" in line)
    assert int(peak.split()[1]) < 600_000  # KiB; 2.5 GB once


@pytest.mark.parametrize("busy", [False, True])
def test_a_child_ends_with_its_parent_however_that_ends(busy: bool, tmp_path: Path) -> None:
    (tmp_path / "slow.jpg").write_bytes(SLOW)
    parent = python(f"""
        POOL._limits = Limits(cpu_s=1000)
        read_image({SMALL!r})
        print(*[child.pid for child in POOL._children], flush=True)
        {f"read_image({str(tmp_path / 'slow.jpg')!r})" if busy else "sys.stdin.read()"}
    """)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    deadline = time.monotonic() + HANGS_S
    while busy and memory(child) < 100_000:  # until it decodes
        assert time.monotonic() < deadline
        time.sleep(0.01)
    parent.kill()
    parent.wait(HANGS_S)
    spent = used = seconds(child)
    while running(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)
        used = max(used, seconds(child))
    assert used - spent < 1  # of several that the picture takes
    parent.communicate()


def test_ctrl_c_ends_the_reading_and_prints_one_traceback(tmp_path: Path) -> None:
    (tmp_path / "slow.jpg").write_bytes(SLOW)
    parent = python(f"""
        POOL.start()
        print(*[child.pid for child in POOL._children], flush=True)
        read_image({str(tmp_path / "slow.jpg")!r})
    """)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    deadline = time.monotonic() + HANGS_S
    while memory(child) < 100_000:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(parent.pid, signal.SIGINT)
    _, said = parent.communicate(timeout=HANGS_S)
    assert said.count(b"Traceback") == 1
    assert b"KeyboardInterrupt" in said
    assert not running(child)


def test_images_are_read_where_stdin_stdout_and_stderr_are_closed(tmp_path: Path) -> None:
    parent = python(f"""
        for fd in (0, 1, 2):
            os.close(fd)
        size = read_image({SMALL!r}).size
        open({str(tmp_path / "size")!r}, "w").write(repr(size))
    """)
    parent.communicate(timeout=HANGS_S)
    assert (tmp_path / "size").read_text() == "(60, 40)"


def test_a_forked_process_has_children_of_its_own() -> None:
    parent = python(f"""
        def pids():
            read_image({SMALL!r})
            return {{child.pid for child in POOL._children}}
        mine = pids()
        forked = os.fork()
        if not forked:
            os._exit(0 if not (pids() & mine) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 0
        assert pids() == mine
        print("fine")
    """)
    out, said = parent.communicate(timeout=HANGS_S)
    assert (out, said) == (b"fine\n", b"")


def python(code: str) -> subprocess.Popen[bytes]:
    """A process that runs the code, in a group of its own."""
    start = """
import os, signal, sys
from gistchain.image import read_image
from gistchain.image.child import Limits
from gistchain.image.pool import POOL
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", start + textwrap.dedent(code)], process_group=0, **pipes)


def running(pid: int) -> bool:
    fields = _stat(pid)
    return bool(fields) and fields[0] != "Z"


def seconds(pid: int) -> float:
    """Of processor time."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def memory(pid: int) -> int:
    """In KiB."""
    fields = _stat(pid)
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") // 1024 if fields else 0


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
