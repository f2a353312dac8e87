"""The command line in this process."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gistchain.cli.app import main


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """run(*words, stdin=b"") -> (exit code, stdout, stderr), in a home of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GISTCHAIN_HOME", str(tmp_path / "home"))

    def call(*words: object, stdin: bytes = b"") -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["gistchain", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out = capfd.readouterr()
        sys.stderr.write(out.err)  # pytest shows what is left unread: of a test that fails, its last command's words
        return code, out.out, out.err

    return call
