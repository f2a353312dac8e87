"""A node that lies, loses answers or never ends them: a real one behind a proxy that changes what it is told to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request as Post
from urllib.request import urlopen

from tests.support.localweb import Handler, Reply, Request, served


@dataclass
class Asked:
    """One request to the node. handler: for faults that write bytes of their own. again: how often it came before."""

    method: str
    params: list[Any]
    body: bytes
    handler: Handler
    upstream: str
    again: int

    def passed_on(self) -> dict[str, Any]:
        """What the real node answers."""
        with urlopen(Post(self.upstream, self.body, {"Content-Type": "application/json"}), timeout=60) as answer:
            reply: dict[str, Any] = json.loads(answer.read())
        return reply


Fault = Callable[[Asked], Any]
"""Answers with a JSON-RPC reply or a Reply; with None where it has written to the handler itself."""


@dataclass
class FaultyNode:
    """faults: by method. What has none is passed on. asked: the methods, in the order they came."""

    url: str
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """How many transactions it was given."""
        return self.asked.count("eth_sendRawTransaction")


@contextmanager
def faulty(upstream: str) -> Iterator[FaultyNode]:
    """Stands before the node at the URL `upstream`."""

    def answer(handler: Handler, request: Request) -> Reply | None:
        asked = json.loads(request.body)
        method = asked["method"]
        again = node.asked.count(method)
        node.asked.append(method)
        one = Asked(method, asked.get("params", []), request.body, handler, upstream, again)
        reply = node.faults.get(method, Asked.passed_on)(one)
        if reply is None or isinstance(reply, Reply):
            return reply
        return Reply(json.dumps({**reply, "id": asked["id"]}).encode(), "application/json")

    with served({"/": answer}) as site:
        node = FaultyNode(f"{site.url}/")
        yield node


def says(result: Any) -> Fault:
    """Answers so instead of asking the node."""
    return lambda asked: {"jsonrpc": "2.0", "result": result}


def refuses(text: str, *, although_taken: bool = False) -> Fault:
    """An error, in place of the node's answer or after it has done what it was asked."""

    def fault(asked: Asked) -> dict[str, Any]:
        if although_taken:
            asked.passed_on()
        return {"jsonrpc": "2.0", "error": {"code": -32000, "message": text}}

    return fault


def takes_and(answers: Any) -> Fault:
    """The node does what it was asked, and this is the answer: a Reply, or a result."""

    def fault(asked: Asked) -> Any:
        asked.passed_on()
        return answers if isinstance(answers, Reply) else {"jsonrpc": "2.0", "result": answers}

    return fault


def hangs_up(*, although_taken: bool) -> Fault:
    """No answer at all."""

    def fault(asked: Asked) -> None:
        if although_taken:
            asked.passed_on()
        asked.handler.close_connection = True

    return fault


def changed(change: Callable[[Any], Any]) -> Fault:
    """What the node says, changed."""

    def fault(asked: Asked) -> dict[str, Any]:
        reply = asked.passed_on()
        return {**reply, "result": change(reply["result"])} if reply.get("result") is not None else reply

    return fault


def first(times: int, fault: Fault) -> Fault:
    """The fault as often as that, then the node."""
    return lambda asked: fault(asked) if asked.again < times else asked.passed_on()


@dataclass
class Endless:
    """Sends pieces, one every so many seconds, until the client hangs up or `most` bytes were sent. sent: so far."""

    start: bytes
    piece: bytes
    most: int
    every_s: float = 0.0
    sent: int = 0

    def __call__(self, asked: Asked) -> None:
        handler = asked.handler
        with suppress(OSError):
            handler.wfile.write(self.start)
            while self.sent < self.most:
                handler.wfile.write(self.piece)
                self.sent += len(self.piece)
                time.sleep(self.every_s)
        handler.close_connection = True
