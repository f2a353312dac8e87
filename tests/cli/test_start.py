"""Ctrl-C is answered from the first import to the last moment, and an old locale's letters are enough."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.forks import HANGS_S
from tests.support.pictures import noun

Run = Callable[..., tuple[int, str, str]]


def _program(tmp_path: Path, before: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`gistchain WORDS` after the lines of `before`, in a process that answers Ctrl-C as in a terminal."""
    code = f"""
import atexit, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)

class PressedAt:
    def __init__(self, module): self.module = module
    def find_spec(self, name, path, target=None):
        if name == self.module:
            self.module = None
            self.press()
    def press(self): os.kill(os.getpid(), signal.SIGINT)

class Broken(PressedAt):
    def press(self):
        try: super().press()
        except KeyboardInterrupt as error: raise ImportError("half a module") from error

{before}
sys.argv = {["gistchain", *words]!r}
from gistchain.cli.start import start
start()
"""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=HANGS_S,
        env={**os.environ, "GISTCHAIN_HOME": str(tmp_path / "home")},
    )  # fmt: skip


@pytest.mark.parametrize("finder", ["PressedAt", "Broken"])
@pytest.mark.parametrize(
    "module", ["gistchain.cli.app", "typer", "gistchain.cli.path", "pydantic", "gistchain.pipeline"]
)
def test_ctrl_c_during_an_import_leaves_no_traceback(tmp_path: Path, finder: str, module: str) -> None:
    done = _program(tmp_path, f"sys.meta_path.insert(0, {finder}({module!r}))", "list")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "gistchain: interrupted; what was printed is done\n"


def test_ctrl_c_while_the_program_ends_ends_it_at_once(tmp_path: Path) -> None:
    done = _program(tmp_path, "atexit.register(os.kill, os.getpid(), signal.SIGINT)", "--version")
    assert done.returncode == -signal.SIGINT
    assert done.stderr == ""


def test_a_second_ctrl_c_ends_what_the_first_one_began_to_end(tmp_path: Path) -> None:
    before = "sys.meta_path.insert(0, PressedAt('typer')); atexit.register(os.kill, os.getpid(), signal.SIGINT)"
    done = _program(tmp_path, before, "--version")
    assert done.returncode == -signal.SIGINT
    assert "Traceback" not in done.stderr


def test_ctrl_c_that_the_shell_ignores_stays_ignored(tmp_path: Path) -> None:
    before = "signal.signal(signal.SIGINT, signal.SIG_IGN); sys.meta_path.insert(0, PressedAt('typer'))"
    assert _program(tmp_path, before, "--version").returncode == 0


@pytest.mark.parametrize("module", ["gistchain", "gistchain.cli.app"])
def test_the_program_runs_as_a_module(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=False, timeout=HANGS_S
    )
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "gistchain", "")


def test_seeding_says_that_the_same_command_goes_on(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*words: object, **options: object) -> None:
        raise KeyboardInterrupt

    noun(1, tmp_path / "a.png")
    monkeypatch.setattr("gistchain.collection.seeding.fill", interrupted)
    code, out, err = run("rareness", "seed", tmp_path)
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "gistchain: interrupted; the same command goes on from here"


def test_letters_that_a_locale_lacks_are_escaped(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gistchain", "check", "ein Fahrr\N{LATIN SMALL LETTER A WITH DIAERESIS}d.png"],
        capture_output=True, check=False, timeout=HANGS_S, cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict", "GISTCHAIN_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert done.returncode == 1
    assert b"Fahrr\\xe4d.png" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "closed", "code", "told"),
    [
        ("--version", ">&-", 1, ""),
        ("list", ">&-", 0, "no tokens yet"),
        ("models list --json", ">&-", 1, "can't write or read the output"),
        ("check -", "<&-", 1, "stdin is empty"),
        ("list", "2>&-", 0, ""),
        ("list", "<&- >&- 2>&-", 0, ""),
    ],
)
def test_a_stream_that_is_closed_is_no_traceback(tmp_path: Path, words: str, closed: str, code: int, told: str) -> None:
    command = f"{shlex.quote(sys.executable)} -m gistchain {words} {closed}"
    environment = {**os.environ, "GISTCHAIN_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False, timeout=HANGS_S, env=environment
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("form", "out"), [("", ">&-"), ("--json", ">&-"), ("", "| head -c 0")])
def test_what_was_registered_is_said_where_it_can_not_be_printed(run: Run, tmp_path: Path, form: str, out: str) -> None:
    noun(1, tmp_path / "a.png")
    register = f"{shlex.quote(sys.executable)} -m gistchain register a.png {form}"
    command = f"({register}; echo $? >code) {out}" if "|" in out else f"{register} {out}; echo $? >code"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False, timeout=HANGS_S, cwd=tmp_path
    )
    assert (tmp_path / "code").read_text() == "4\n"
    assert "gistchain: a.png was registered as token 1; only the answer could not be printed" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert len(run("list", "--json")[1].splitlines()) == 1
