"""A real node on a free port of this machine: anvil, from npm."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from typing import Any

import pytest

from gistchain.ledger.contracts import DEPLOYED, FOR_WALLETS, compiled
from tests.support.places import ROOT

# The first account of anvil's published test mnemonic ("test test ... junk").
RICH_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Of the first account that anvil makes rich, the same everywhere."""
CHAIN_ID = 31337
"""Of anvil's chains, unless it is given another."""
STARTS_S = 120
"""No machine is so slow that it takes longer."""


def anvil_binary() -> str | None:
    """Where it is, None where it can't be had."""
    packaged = ROOT / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    for found in (os.environ.get("GISTCHAIN_ANVIL"), shutil.which("anvil"), str(packaged)):
        if found and os.access(found, os.X_OK):
            return found
    return None


needs_anvil = pytest.mark.skipif(
    anvil_binary() is None, reason="no anvil: npm install @foundry-rs/anvil-linux-amd64@1.7.1, or set GISTCHAIN_ANVIL"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Anvil:
    """A node that can be killed and started again on the same port."""

    def __init__(self, *options: str, port: int | None = None, registry: bool = True) -> None:
        """registry: whether our contracts stand there from the start, as on a chain where somebody has deployed it."""
        self.registry = registry
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.options = options
        self.start()

    def start(self, *options: str) -> None:
        binary = anvil_binary()
        assert binary
        extra = [*self.options, *options]
        self.process = subprocess.Popen(
            [binary, "--host", "127.0.0.1", "--port", str(self.port), "--quiet", "--gas-limit", "150000000", *extra],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + STARTS_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "anvil ended"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                break
            time.sleep(0.05)
        else:
            raise AssertionError("anvil does not listen")
        for contract in map(compiled, (*DEPLOYED, *FOR_WALLETS)):
            if self.registry and self.ask("eth_getCode", contract.address, "latest") == "0x":
                self.ask("anvil_setCode", contract.address, f"0x{contract.runtime.hex()}")
                self.ask("anvil_setNonce", contract.address, "0x1")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def ask(self, method: str, *parameters: object) -> Any:
        from web3 import Web3
        from web3.types import RPCEndpoint

        provider = Web3.HTTPProvider(self.url, exception_retry_configuration=None)
        answer: Any = provider.make_request(RPCEndpoint(method), list(parameters))
        provider._request_session_manager.session_pool.shutdown()
        for session in list(provider._request_session_manager.session_cache._data.values()):
            session.close()
        return answer["result"]
