"""The command line in a child (forks.py): what a person runs, killed or interrupted where the test wants it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from gistchain.cli.app import main
from tests.support.forks import Child, rehearse
from tests.support.kills import Aim, Appeared


class Command:
    """`gistchain WORDS` in a child; what it prints is kept in files of `folder`."""

    def __init__(self, folder: Path, *words: object, aim: Aim | Appeared | None = None) -> None:
        self._folder = folder
        folder.mkdir()
        self.child = Child(_gistchain, folder, [str(word) for word in words], aim=aim)

    @property
    def out(self) -> str:
        return (self._folder / "out").read_text("utf-8")

    @property
    def err(self) -> str:
        return (self._folder / "err").read_text("utf-8")


def rehearsed(folder: Path, *words: object) -> list[str]:
    """The steps of a command that nothing disturbs; what it prints is lost."""
    folder.mkdir()
    return rehearse(_gistchain, folder, [str(word) for word in words])


def _gistchain(folder: Path, words: list[str]) -> None:
    # Below Python, so that a kill loses what the real command would lose, and not as a step.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / name, flags), number)
    # Where the tests run in the background, children inherit that ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["gistchain", *words]
    main()
