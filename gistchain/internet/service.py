"""A request to a paid service -> the JSON of its answer; what searches and language models that are asked so share.

The user's key goes into a header, never into a URL or a message. It is not sent on to a redirect, and unencrypted
only to this machine, where `allow` has it. A service that is busy is asked again, a few times and after longer and
longer pauses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from gistchain.errors import SearchError
from gistchain.internet import guard
from gistchain.internet.fetch import Answer, Unreachable, exchange
from gistchain.internet.guard import Network
from gistchain.safejson import parsed

MAX_ANSWER_BYTES = 8 * 1024 * 1024
TRIES = 3
MAX_PAUSE_S = 30.0
_BUSY = frozenset({429, 500, 502, 503, 504})


class Denied(SearchError):
    """The service will not answer this key, however often it is asked: it is wrong, or nothing is left to spend."""


@dataclass(frozen=True, slots=True)
class Service:
    """The service that is asked. title: its name in messages. setting: that holds the key. The repr hides the key.

    allow: private networks in which the service may be; only there http is accepted, with a key only to this machine.
    pause: sleeps, in seconds.
    keyless: it may be asked without a key, as servers of one's own are.
    """

    title: str
    url: str
    setting: str
    key: str
    timeout_s: float = 60.0
    allow: Sequence[Network] = ()
    pause: Callable[[float], None] = time.sleep
    keyless: bool = False

    def __post_init__(self) -> None:
        if not self.key.strip() and not self.keyless:
            raise SearchError(f"{self.title} needs a key: get one from it and give it as the setting {self.setting}")
        if not (self.key.isascii() and self.key.isprintable()) or self.key != self.key.strip():
            raise SearchError(
                f"the key for {self.title} has characters that a key can't have: check the setting {self.setting}"
            )

    def __repr__(self) -> str:
        return f"Service({self.title!r}, {self.url!r})"

    def post(self, body: bytes, headers: Mapping[str, str]) -> Mapping[str, object]:
        """The JSON object of the service's answer. headers: with the key.

        Raises Denied: it refuses the key, or nothing is left for it. Raises SearchError: it can't be reached, its quota
        is used up, it is still busy after TRIES times, or its answer is an error, too large or not a JSON object.
        """
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._answer(body, headers)
            except Unreachable as error:
                if attempt == TRIES:
                    raise SearchError(
                        f"{self.title} can't be asked: {error}; tried {TRIES} times, try later"
                    ) from error
                self.pause(2.0 ** (attempt - 1))
                continue
            if answer.status not in _BUSY or attempt == TRIES:
                return self._object(answer)
            self.pause(_pause_s(answer, attempt))
        raise AssertionError("unreachable")

    def _answer(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        port = urlsplit(self.url).port
        target = guard.checked(
            self.url, allow=self.allow, ports={*guard.PORTS, *([port] if port and self.allow else [])}
        )
        here = ip_address(target.address).is_loopback
        if target.scheme != "https" and (guard.refusal(target.address) is None or (self.key and not here)):
            raise SearchError(
                f"{self.title} is not asked over http, which shows the key to others: give an https address"
            )
        accepted = {"": MAX_ANSWER_BYTES}
        fixed = {"Accept": "application/json", "User-Agent": "gistchain"}
        return exchange(
            target, kinds=accepted, headers={**fixed, **headers}, within_s=self.timeout_s, method="POST", body=body
        )

    def _object(self, answer: Answer) -> Mapping[str, object]:
        try:
            content = parsed(answer.body)
        except ValueError:
            content = None
        said = self._said(content)
        if answer.status in (401, 403) or "API_KEY_INVALID" in said:
            raise Denied(f"{self.title} refused the key{said}: check the setting {self.setting}")
        if answer.status == 402:
            raise Denied(f"{self.title} has nothing left for this key{said}: buy more, or use another provider")
        if answer.status == 429:
            raise SearchError(f"{self.title} says that the quota is used up{said}: wait, or raise it")
        if answer.status != 200:
            raise SearchError(f"{self.title} answered with status {answer.status}{said}: try later")
        if not isinstance(content, dict):
            raise SearchError(f"{self.title} answered with something that is not a JSON object: try later")
        return content

    def _said(self, content: object) -> str:
        """The service's own message in brackets: short, on one line, without the key, which some services repeat."""
        text = " ".join(" ".join(_messages(content)).split())
        text = text.replace(self.key, "(key)") if self.key else text
        text = "".join(character for character in text if character.isprintable())[:200]
        return f" ({text})" if text else ""


def _messages(content: object) -> list[str]:
    """What an answer says about an error, in the forms of Google and OpenAI (`error`) and of TinEye (`messages`)."""
    if not isinstance(content, dict):
        return []
    words: list[str] = []
    error = content.get("error")
    if isinstance(error, dict):
        words.append(str(error.get("message", "")))
        words += [str(detail.get("reason", "")) for detail in objects(error.get("details"))]
    messages = content.get("messages")
    return words + ([str(message) for message in messages] if isinstance(messages, list) else [])


def objects(value: object) -> list[Mapping[str, object]]:
    """The objects of a JSON list; none of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _pause_s(answer: Answer, attempt: int) -> float:
    asked = answer.headers.get("retry-after", "")
    wanted = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 2.0 ** (attempt - 1)
    return min(wanted, MAX_PAUSE_S)
