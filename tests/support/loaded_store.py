"""Imported by the server that children of test_store are forked from: all that is slow to load, kernels too."""

from __future__ import annotations

import numpy as np
import pytest  # noqa: F401

from gistchain.rareness.store import scan

_ROW = np.zeros(2, scan.ROW)
scan.checks(_ROW)
scan.correlations(_ROW, _ROW[:1])
