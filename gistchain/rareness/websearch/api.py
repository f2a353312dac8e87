"""What the searches of the internet by paid services share: the picture that is sent, the form of what was found."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence

from gistchain.internet.guard import Network
from gistchain.internet.service import Service
from gistchain.rareness.websearch.index import PAGE
from gistchain.types import Pixels, WebMatch, WebSearch

SIDE = 1_600
"""Longest side in pixels of what is sent: the services shrink larger images themselves."""
_LOSSLESS_TO = 4_000_000


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


def text(value: object, most: int = 2_048) -> str | None:
    """A JSON string on one line, cut to `most` characters; None where it is empty or not a string."""
    return (" ".join(value.split())[:most] or None) if isinstance(value, str) else None
