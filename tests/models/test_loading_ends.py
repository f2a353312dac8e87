"""Loading ahead does not keep a command alive that has failed."""

from __future__ import annotations

import subprocess
import sys

_FAILS = """
import os
import sys
from gistchain.models.packaged import fingerprint
from gistchain.systems import begin_loading
load = lambda: os.read(0, 1)
fingerprint._LOADS = (load,) * 6
try:
    with begin_loading():
        raise RuntimeError("the command fails")
except RuntimeError:
    print("left", file=sys.stderr, flush=True)  # from here on nothing more is begun
"""


def test_networks_that_are_not_begun_are_left_when_a_command_fails() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _FAILS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stderr is not None
        assert child.stdin is not None
        assert child.stderr.readline() == "left\n"
        child.stdin.write("12")  # the two that were begun; a third would wait for more
        child.stdin.flush()
        assert child.wait(timeout=60) == 0
