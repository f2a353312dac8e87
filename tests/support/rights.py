"""Rights of a process on Linux, for tests that may run as root, to whom no file is read-only."""

from __future__ import annotations

import ctypes

_VERSION = 0x20080522  # of the kernel's interface; 64 capabilities in two words


def without_rights() -> None:
    """Let this process do no more than the permissions of files say. For children: there is no way back."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    if libc.capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "capset failed")
