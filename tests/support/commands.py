"""The command line in a child (forks.py): what a person runs, killed or interrupted where the test wants it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from gistchain.cli.app import main
from gistchain.ledger.evm import open_embedded
from tests.support.forks import HANGS_S, Child, rehearse
from tests.support.kills import Aim, Appeared


class Command:
    """`gistchain WORDS` in a child; what it prints is kept in files of `folder`.

    patient: it waits for another process that has the chain as long as it takes, not ten seconds.
    """

    def __init__(self, folder: Path, *words: object, aim: Aim | Appeared | None = None, patient: bool = False) -> None:
        self._folder = folder
        folder.mkdir()
        for name in ("out", "err"):  # also where the kill comes before anything was printed
            (folder / name).touch()
        self.child = Child(_gistchain, folder, [str(word) for word in words], dict(os.environ), patient, aim=aim)

    @property
    def out(self) -> str:
        return (self._folder / "out").read_text("utf-8")

    @property
    def err(self) -> str:
        return (self._folder / "err").read_text("utf-8")


def rehearsed(folder: Path, *words: object) -> list[str]:
    """The steps of a command that nothing disturbs; what it prints is lost."""
    folder.mkdir()
    return rehearse(_gistchain, folder, [str(word) for word in words], dict(os.environ))


def _gistchain(folder: Path, words: list[str], environment: dict[str, str], patient: bool = False) -> None:
    # That of the server is older than the test, which may have set a home of its own.
    os.environ.clear()
    os.environ.update(environment)
    if patient:
        open_embedded.__kwdefaults__["wait_s"] = HANGS_S
    # Below Python, so that a kill loses what the real command would lose, and not as a step.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / name, flags), number)
    # Where the tests run in the background, children inherit that ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["gistchain", *words]
    main()
