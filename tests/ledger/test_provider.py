"""The way to a node: what is asked again, how long anything may take, and that no connection is left behind."""

from __future__ import annotations

import base64
import json
import os
import resource
import select
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from web3.types import RPCEndpoint

from gistchain.errors import LedgerError, NodeDown
from gistchain.internet.lines import trusted
from gistchain.ledger import provider as provider_module
from gistchain.ledger.provider import NodeProvider
from tests.support.localweb import Handler, Reply, Request, served

CHAIN_ID, SEND = RPCEndpoint("eth_chainId"), RPCEndpoint("eth_sendRawTransaction")
HANGS_S = 60


REPLY = b'{"jsonrpc":"2.0","id":%d,"result":"0x7"}'


def answer_to(request: Request) -> Reply:
    return Reply(REPLY % json.loads(request.body)["id"])


class Node:
    """Answers each connection's first `answers` requests with a number, and hangs up in place of the next answer."""

    def __init__(self, answers: int) -> None:
        self.answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []
        self.secure: ssl.SSLContext | None = None

    def serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        if self.secure is not None:
            try:
                line = self.secure.wrap_socket(line, server_side=True)
            except OSError:  # the client does not trust us
                return
        with line, line.makefile("rb") as reader:
            for answered in range(1000):
                length = 0
                while header := reader.readline().strip():
                    name, _, value = header.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                if not length:
                    return
                asked = json.loads(reader.read(length))
                self.asked.append(asked["method"])
                if answered >= self.answers:
                    return
                reply = REPLY % asked["id"]
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(reply), reply))

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


def test_an_answer_to_what_was_asked_before_is_none() -> None:
    """Two answers to one question: the second is not taken for the answer to the next."""
    lines: list[Any] = []

    def answers(handler: Handler, request: Request) -> None:
        handler.close_connection = False
        lines.append(handler.client_address)
        number = json.loads(request.body)["id"]
        body = b'{"jsonrpc": "2.0", "id": %d, "result": "0x%d"}' % (number, number)
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        handler.wfile.write(answer * (2 if number == 1 else 1))

    with served({"/": answers}) as site, closing(NodeProvider(site.url, "the node", within_s=HANGS_S)) as provider:
        assert [provider.make_request(CHAIN_ID, [])["result"] for _ in range(6)] == [f"0x{k}" for k in range(6)]
    assert len(set(lines[:2])) == 1, "the line was kept"
    assert len(set(lines)) == 3, "and left where an answer was none"


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


def resolving(to: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """node.example has these addresses from now on."""
    real = socket.getaddrinfo

    def resolver(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        if host != "node.example":
            return real(host, port, *rest, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in to]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)


def test_addresses_that_do_not_answer_take_no_longer_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_module, "CONNECT_S", 0.01)
    resolving([f"127.0.{k}.1" for k in range(200)] * 5, monkeypatch)
    with socket.create_server(("", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = []  # the kernel answers none that comes after these
        for _ in range(4):
            line = socket.socket()
            line.setblocking(False)
            line.connect_ex(("127.0.0.1", port))
            waiting.append(line)
        started = time.monotonic()
        with pytest.raises(NodeDown, match=r"took more than 0\.2 s"):
            NodeProvider(f"http://node.example:{port}", "the node", within_s=0.2).make_request(CHAIN_ID, [])
        assert time.monotonic() - started < HANGS_S
        for line in waiting:
            line.close()


def test_each_address_is_tried_until_one_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(["127.0.0.2", "127.0.0.3", "127.0.0.1"], monkeypatch)
    with serving(answers=1) as node:
        url = node.url.replace("127.0.0.1", "node.example")
        with closing(NodeProvider(url, "the node", within_s=HANGS_S)) as provider:
            assert provider.make_request(CHAIN_ID, [])["result"] == "0x7"


def comes_back_to(handles: int) -> bool:
    """Whether no more handles are open than before, once the other side has closed too."""
    deadline = time.monotonic() + HANGS_S
    while open_handles() > handles and time.monotonic() < deadline:
        select.select([], [], [], 0.01)
    return open_handles() <= handles


def test_where_no_handle_is_left_nothing_stays_open() -> None:
    with serving(answers=1) as node:
        before, limits = open_handles(), resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        try:
            with pytest.raises(NodeDown):
                NodeProvider(node.url, "the node", within_s=HANGS_S).make_request(CHAIN_ID, [])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert comes_back_to(before)


def test_a_connection_that_fails_after_it_was_made_is_closed() -> None:
    with served({"/": Reply(b"no TLS is spoken here")}) as site:
        before = open_handles()
        with pytest.raises(NodeDown):
            NodeProvider(site.url.replace("http", "https"), "the node", within_s=HANGS_S).make_request(CHAIN_ID, [])
        assert comes_back_to(before)


def test_a_reply_that_is_cut_short_is_none_and_its_connection_is_closed() -> None:
    short = Reply(REPLY % 0, headers={"Content-Length": "1000"})

    def cut(handler: Handler, _: Request) -> Reply:
        handler.close_connection = True
        return short

    with served({"/": cut}) as site:
        before = open_handles()
        with pytest.raises(NodeDown):
            NodeProvider(site.url, "the node", within_s=HANGS_S).make_request(CHAIN_ID, [])
        assert len(site.requests) == 1, "over a new connection, where nobody can have hung up before"
        assert comes_back_to(before)


def test_a_node_that_takes_a_request_bit_by_bit_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.create_connection

    def connected(*to: Any, **more: Any) -> socket.socket:
        line = real(*to, **more)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)  # so that each bit that is taken wakes the sender
        return line

    monkeypatch.setattr(socket, "create_connection", connected)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ended = threading.Event()

        def take() -> None:
            line, _ = listener.accept()
            with line:
                while not ended.wait(0.01) and line.recv(4_096):  # 4 MB take 10 s
                    pass

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        url, started = f"http://127.0.0.1:{listener.getsockname()[1]}", time.monotonic()
        try:
            with pytest.raises(NodeDown, match=r"took more than 0\.5 s"):
                NodeProvider(url, "the node", within_s=0.5).make_request(CHAIN_ID, ["0x" + "00" * (2 << 20)])
            assert time.monotonic() - started < 5
        finally:
            ended.set()
            thread.join(HANGS_S)


def test_what_is_asked_is_answered_though_another_thread_hangs_up_meanwhile() -> None:
    asked, closed = threading.Event(), threading.Event()

    def answers(handler: Handler, request: Request) -> Reply:
        handler.protocol_version, handler.close_connection = "HTTP/1.1", False
        asked.set()
        closed.wait(HANGS_S)
        return answer_to(request)

    with served({"/": answers}) as site, ThreadPoolExecutor(1) as other:
        before = open_handles()
        provider = NodeProvider(site.url, "the node", within_s=HANGS_S)
        reply = other.submit(provider.make_request, CHAIN_ID, [])
        assert asked.wait(HANGS_S)
        provider.close()
        closed.set()
        assert reply.result(HANGS_S)["result"] == "0x7"
        assert comes_back_to(before)


def test_threads_have_a_connection_each_and_keep_it() -> None:
    together, met = threading.Barrier(8, timeout=HANGS_S), threading.Event()
    lines: set[Any] = set()

    def answers(handler: Handler, request: Request) -> Reply:
        handler.protocol_version, handler.close_connection = "HTTP/1.1", False
        lines.add(handler.client_address)
        if not met.is_set():
            together.wait()
            met.set()
        return answer_to(request)

    with served({"/": answers}) as site, closing(NodeProvider(site.url, "the node", within_s=HANGS_S)) as provider:
        with ThreadPoolExecutor(8) as threads:
            replies = list(threads.map(lambda _: provider.make_request(CHAIN_ID, []), range(200)))
        assert [reply["result"] for reply in replies] == ["0x7"] * 200
        assert 8 <= len(lines) < 50


def test_the_node_hears_its_own_name_and_the_password_but_nobody_else_does() -> None:
    with served({"/path?key=1": Reply(REPLY % 0), "/": Reply(status=500)}) as site:
        place = site.url.removeprefix("http://")
        url = f"http://user:pa%40ss@{place}/path?key=1"
        with closing(NodeProvider(url, "the node", within_s=HANGS_S)) as provider:
            assert provider.make_request(CHAIN_ID, [])["result"] == "0x7"
    (request,) = site.requests
    assert request.headers["host"] == place
    assert request.headers["authorization"] == f"Basic {base64.b64encode(b'user:pa@ss').decode()}"
    assert request.headers["content-type"] == "application/json"
    with pytest.raises(NodeDown) as told:  # nobody is there any more
        NodeProvider(url, "the node", within_s=HANGS_S).make_request(CHAIN_ID, [])
    assert not any(secret in str(told.value) for secret in ("user", "pa%40ss", "pa@ss", "key"))


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example"])
def test_a_host_that_can_not_be_is_a_node_that_does_not_answer(host: str) -> None:
    with pytest.raises(NodeDown, match="doesn't answer"):
        NodeProvider(f"http://{host}", "the node", within_s=HANGS_S).make_request(CHAIN_ID, [])


@pytest.mark.parametrize("path", ["/\u00fc", "/a b"])
def test_a_path_that_can_not_be_is_not_asked_for(path: str) -> None:
    with served() as site:
        before = open_handles()
        with pytest.raises(NodeDown, match="doesn't answer"):
            NodeProvider(site.url + path, "the node", within_s=HANGS_S).make_request(CHAIN_ID, [])
        assert site.requests == []
        assert comes_back_to(before)


def test_a_node_may_have_an_address_of_ipv6() -> None:
    heard: list[bytes] = []
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("there is no IPv6 here")
    with listener:

        def answer() -> None:
            line, _ = listener.accept()
            with line:
                while b"[]" not in b"".join(heard):  # the parameters
                    heard.append(line.recv(65_536))
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(REPLY % 0), REPLY % 0))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        place = f"[::1]:{listener.getsockname()[1]}"
        with closing(NodeProvider(f"http://{place}", "the node", within_s=HANGS_S)) as provider:
            assert provider.make_request(CHAIN_ID, [])["result"] == "0x7"
        thread.join(HANGS_S)
    assert f"\r\nhost: {place}\r\n" in b"".join(heard).decode().replace("Host", "host")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_a_certificate_must_be_of_the_host_and_of_one_whom_the_system_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
         "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with serving(answers=5) as node:
        node.secure = tls

        def asked(host: str) -> Any:
            url = node.url.replace("http://127.0.0.1", f"https://{host}")
            with closing(NodeProvider(url, "the node", within_s=HANGS_S)) as provider:
                return [provider.make_request(CHAIN_ID, [])["result"] for _ in range(3)]

        try:
            trusted.cache_clear()
            with pytest.raises(NodeDown):
                asked("localhost")
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            trusted.cache_clear()
            assert asked("localhost") == ["0x7"] * 3
            with pytest.raises(NodeDown):
                asked("127.0.0.1")
        finally:
            trusted.cache_clear()
    assert len(node.asked) == 3
