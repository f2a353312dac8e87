"""The way to a node: what is asked again, how long anything may take, and that no connection is left behind."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from web3.types import RPCEndpoint

from gistchain.errors import LedgerError, NodeDown
from gistchain.ledger.provider import NodeProvider

CHAIN_ID, SEND = RPCEndpoint("eth_chainId"), RPCEndpoint("eth_sendRawTransaction")
HANGS_S = 60


REPLY = b'{"jsonrpc":"2.0","id":0,"result":"0x7"}'


class Node:
    """Answers each connection's first `answers` requests with a number, and hangs up in place of the next answer."""

    def __init__(self, answers: int) -> None:
        self.answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []

    def serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        with line, line.makefile("rb") as reader:
            for answered in range(1000):
                length = 0
                while header := reader.readline().strip():
                    name, _, value = header.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                if not length:
                    return
                self.asked.append(json.loads(reader.read(length))["method"])
                if answered >= self.answers:
                    return
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(REPLY), REPLY))

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def serving(answers: int) -> Iterator[Node]:
    node = Node(answers)
    thread = threading.Thread(target=node.serve, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        node.stop()
        thread.join(HANGS_S)


def open_handles() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_node_that_hangs_up_on_a_connection_kept_open_is_asked_again() -> None:
    with serving(answers=1) as node, closing(NodeProvider(node.url, "the node", within_s=HANGS_S)) as provider:
        for _ in range(3):
            assert provider.make_request(CHAIN_ID, [])["result"] == "0x7"


def test_a_transaction_is_never_sent_again_by_itself() -> None:
    with serving(answers=1) as node, closing(NodeProvider(node.url, "the node", within_s=HANGS_S)) as provider:
        provider.make_request(CHAIN_ID, [])
        node.answers = 0
        with pytest.raises(NodeDown, match="may still happen"):
            provider.make_request(SEND, ["0x00"])
        assert node.asked.count(SEND) == 1


def test_what_is_not_checked_is_not_asked() -> None:
    with serving(answers=1) as node, closing(NodeProvider(node.url, "the node", within_s=HANGS_S)) as provider:
        with pytest.raises(LedgerError, match="not asked for eth_feeHistory"):
            provider.make_request(RPCEndpoint("eth_feeHistory"), [])
        assert node.asked == []


def test_a_name_that_nobody_resolves_takes_no_longer_than_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def resolver(*_: Any, **__: Any) -> Any:
        answered.wait(HANGS_S)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    try:
        with pytest.raises(NodeDown, match=r"took more than 0\.2 s"):
            NodeProvider("http://node.example", "the node", within_s=0.2).make_request(CHAIN_ID, [])
    finally:
        answered.set()


def test_addresses_that_do_not_answer_take_no_longer_together(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        place = full.getsockname()
        waiting = []  # the kernel answers none that comes after these
        for _ in range(4):
            line = socket.socket()
            line.setblocking(False)
            line.connect_ex(place)
            waiting.append(line)
        one = (socket.AF_INET, socket.SOCK_STREAM, 6, "", place)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [one] * 1000)
        started = time.monotonic()
        with pytest.raises(NodeDown):
            NodeProvider("http://node.example", "the node", within_s=0.2).make_request(CHAIN_ID, [])
        assert time.monotonic() - started < HANGS_S
        for line in waiting:
            line.close()


def test_where_no_handle_is_left_the_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: int) -> int:
        raise OSError(24, "Too many open files")

    with serving(answers=1) as node:
        before = open_handles()
        monkeypatch.setattr(os, "dup", none_left)
        with pytest.raises(NodeDown):
            NodeProvider(node.url, "the node", within_s=HANGS_S).make_request(CHAIN_ID, [])
        monkeypatch.undo()
        deadline = time.monotonic() + HANGS_S
        while open_handles() > before and time.monotonic() < deadline:  # the other side closes too
            select.select([], [], [], 0.01)
        assert open_handles() == before
