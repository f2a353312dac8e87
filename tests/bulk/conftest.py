"""The command line in this process, as for the tests of the commands."""

from __future__ import annotations

from tests.cli.conftest import run as run
