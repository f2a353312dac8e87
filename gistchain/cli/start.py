"""Where the program begins: Ctrl-C is answered before the commands are imported, and while the program ends."""

from __future__ import annotations

import os
import signal
import sys
from io import TextIOWrapper
from types import FrameType
from typing import NoReturn

INTERRUPTED = "gistchain: interrupted; what was printed is done"
INTERRUPTED_CODE = 130

ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""The matrices are small: further threads would only wait for each other by spinning, and on a busy machine one caption
then takes ten CPU-seconds instead of two."""


def _open_closed() -> None:
    """Give the program the streams that it was started without (`>&-`): their numbers must not go to files.

    An empty stdin, a stdout that fails, a stderr that goes nowhere.
    """
    for name, flags, mode in (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode))


def start() -> NoReturn:
    """Run the words of the command line, and end the process with the exit code."""
    pressed: list[int] = []

    def press(number: int, _: FrameType | None) -> NoReturn:
        pressed.append(number)
        raise KeyboardInterrupt

    # A shell starts what runs in the background with Ctrl-C ignored: then it stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, press)
    _open_closed()
    for stream in (sys.stdout, sys.stderr):  # names and captions that an old locale has no letters for
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for library in ONE_THREAD:  # read when numpy is loaded
        os.environ.setdefault(library, "1")
    try:
        from gistchain.cli.app import main

        main()
    except BaseException as error:
        # An import that Ctrl-C cut short ends with whatever error its module makes of that.
        if isinstance(error, SystemExit) or not pressed:
            raise
        print(INTERRUPTED, file=sys.stderr)
        sys.exit(INTERRUPTED_CODE)
    finally:
        if pressed or signal.getsignal(signal.SIGINT) is press:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # once more ends the process at once, without a traceback
    sys.exit(0)
