"""Imported by the server that children are forked from (forks.py): all that is slow to load, kernels too."""

from __future__ import annotations

import eth_account
import numpy as np
import pytest
import requests
import web3

import gistchain.cli.app
import gistchain.ledger.pyevm
from gistchain.image import read_image
from gistchain.rareness.store.layout import LAYOUT
from gistchain.vectors import scan
from tests.support.plain_checker import PlainChecker

assert all((eth_account, gistchain.cli.app, gistchain.ledger.pyevm, pytest, requests, web3))

_ROW = np.zeros(2, LAYOUT.row)
scan.checks(_ROW)
scan.correlations(LAYOUT, _ROW, _ROW[:1])
PlainChecker().check(read_image(b"P6 2 2 255\n" + bytes(12), "nothing"))
