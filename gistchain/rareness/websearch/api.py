"""A request to a paid service -> the JSON of its answer; what the searches by such services share.

The user's key goes into a header, never into a URL or a message. It is not sent on to a redirect, and unencrypted only
to a machine in a network of `allow`. A service that is busy is asked again, a few times and after longer and longer
pauses.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from gistchain.errors import SearchError
from gistchain.internet import guard
from gistchain.internet.fetch import Answer, Unreachable, exchange
from gistchain.internet.guard import Network
from gistchain.rareness.websearch.index import PAGE
from gistchain.safejson import parsed
from gistchain.types import Pixels, WebMatch, WebSearch

MAX_ANSWER_BYTES = 8 * 1024 * 1024
TRIES = 3
MAX_PAUSE_S = 30.0
SIDE = 1_600
"""Longest side in pixels of what is sent: the services shrink larger images themselves."""
_LOSSLESS_TO = 4_000_000
_BUSY = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Service:
    """The service that is asked. title: its name in messages. setting: that holds the key. The repr hides the key.

    allow: private networks in which the service may be; only there http is accepted. pause: sleeps, in seconds.
    """

    title: str
    url: str
    setting: str
    key: str
    timeout_s: float = 60.0
    allow: Sequence[Network] = ()
    pause: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if not self.key.strip():
            raise SearchError(f"{self.title} needs a key: get one from it and give it as the setting {self.setting}")
        if not (self.key.isascii() and self.key.isprintable()) or self.key != self.key.strip():
            raise SearchError(
                f"the key for {self.title} has characters that a key can't have: check the setting {self.setting}"
            )

    def __repr__(self) -> str:
        return f"Service({self.title!r}, {self.url!r})"

    def post(self, body: bytes, headers: Mapping[str, str]) -> Mapping[str, object]:
        """The JSON object of the service's answer. headers: with the key.

        Raises SearchError: it can't be reached, refuses the key, its quota is used up, it is still busy after TRIES
        times, or its answer is an error, too large or not a JSON object.
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
        if target.scheme != "https" and guard.refusal(target.address) is None:
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
            raise SearchError(f"{self.title} refused the key{said}: check the setting {self.setting}")
        if answer.status == 402:
            raise SearchError(
                f"{self.title} has no searches left for this key{said}: buy some, or use another provider"
            )
        if answer.status == 429:
            raise SearchError(f"{self.title} says that the quota is used up{said}: wait, or raise it")
        if answer.status != 200:
            raise SearchError(f"{self.title} answered with status {answer.status}{said}: try later")
        if not isinstance(content, dict):
            raise SearchError(f"{self.title} answered with something that is not a JSON object: try later")
        return content

    def _said(self, content: object) -> str:
        """The service's own message in brackets: short, on one line, without the key, which some services repeat."""
        text = " ".join(" ".join(_messages(content)).split()).replace(self.key, "(key)")
        text = "".join(character for character in text if character.isprintable())[:200]
        return f" ({text})" if text else ""


def _messages(content: object) -> list[str]:
    """What an answer says about an error, in the forms of Google (`error`) and TinEye (`messages`)."""
    if not isinstance(content, dict):
        return []
    words: list[str] = []
    error = content.get("error")
    if isinstance(error, dict):
        words.append(str(error.get("message", "")))
        words += [str(detail.get("reason", "")) for detail in objects(error.get("details"))]
    messages = content.get("messages")
    return words + ([str(message) for message in messages] if isinstance(messages, list) else [])


class PaidSearch:
    """Base of every ReverseSearch that asks a service with the user's own key; each adds `search`.

    name: of the provider. title, setting: as in Service. path: of the request, below the base URL.
    """

    name: str
    title: str
    setting: str
    base_url: str
    path: str

    def __init__(
        self,
        key: str | None,
        *,
        base_url: str | None = None,
        timeout_s: float = 60.0,
        allow: Sequence[Network] = (),
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        """base_url: in place of the service's own. now: the Unix time. Raises SearchError without a key."""
        url = f"{(base_url or self.base_url).rstrip('/')}{self.path}"
        self._service = Service(self.title, url, self.setting, key or "", timeout_s, allow, pause)
        self._now = now

    def _result(self, matches: Sequence[WebMatch], count: int) -> WebSearch:
        """The result of a search: the first page of matches. count: how many the service has in all."""
        return WebSearch(self.name, int(self._now()), tuple(matches[:PAGE]), -(-count // PAGE))


def encoded(image: Pixels) -> tuple[bytes, str]:
    """The image as a file to send, and its media type: PNG if that is small, otherwise JPEG; at most SIDE pixels."""
    from PIL import Image

    picture = Image.fromarray(image)
    if max(picture.size) > SIDE:
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    if stream.tell() <= _LOSSLESS_TO:
        return stream.getvalue(), "image/png"
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=95)
    return stream.getvalue(), "image/jpeg"


def objects(value: object) -> list[Mapping[str, object]]:
    """The objects of a JSON list; none of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object, most: int = 2_048) -> str | None:
    """A JSON string on one line, cut to `most` characters; None where it is empty or not a string."""
    return (" ".join(value.split())[:most] or None) if isinstance(value, str) else None


def _pause_s(answer: Answer, attempt: int) -> float:
    asked = answer.headers.get("retry-after", "")
    wanted = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 2.0 ** (attempt - 1)
    return min(wanted, MAX_PAUSE_S)
