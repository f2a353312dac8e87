"""Image -> where TinEye's API finds it (POST `search/` with `image_upload`, the key in `x-api-key`).

TinEye looks for the very same picture, also cropped or edited, never for a similar one. The URL of a match is the
one at which TinEye saw it first, which stays the same when copies are added later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from gistchain.errors import SearchError
from gistchain.internet.service import objects
from gistchain.rareness.websearch.api import PaidSearch, encoded, text
from gistchain.rareness.websearch.index import PAGE
from gistchain.types import Pixels, WebMatch, WebSearch


class TinEyeSearch(PaidSearch):
    """ReverseSearch with the user's own key of TinEye; the service charges for each search."""

    name, title, setting = "tineye", "TinEye", "tineye_key"
    base_url, path = "https://api.tineye.com/rest", "/search/"

    def search(self, image: Pixels) -> WebSearch:
        fields = {"offset": "0", "limit": str(PAGE), "sort": "score", "order": "desc"}
        body, kind = _form(fields, *encoded(image))
        answer = self._service.post(body, {"Content-Type": kind, "x-api-key": self._service.key})
        if answer.get("code", 200) != 200:
            messages = answer.get("messages")
            said = text(" ".join(map(str, messages)), 200) if isinstance(messages, list) else None
            raise SearchError(
                f"TinEye can't search for this image ({said or answer.get('code')}): try another provider"
            )
        results, stats = answer.get("results"), answer.get("stats")
        if not isinstance(results, dict):
            raise SearchError("TinEye answered in an unknown form: try later")
        matches = [match for item in objects(results.get("matches"))[:PAGE] if (match := _match(item)) is not None]
        total = stats.get("total_results") if isinstance(stats, dict) else None
        count = max(len(matches), total) if isinstance(total, int) and 0 <= total < 10**12 else len(matches)
        return self._result(matches, count)


def _match(item: Mapping[str, object]) -> WebMatch | None:
    links = [link for link in objects(item.get("backlinks")) if text(link.get("url")) is not None]
    first = min(links, key=lambda link: (text(link.get("crawl_date")) or "9", text(link.get("url")) or ""), default={})
    url = text(first.get("url")) or text(item.get("image_url"))
    if url is None:
        return None
    return WebMatch(url, text(first.get("backlink")), text(item.get("domain"), 300), _similarity(item.get("score")))


def _similarity(score: object) -> float | None:
    """TinEye's score, 0 to 100, as 0 to 1; None where it is something else."""
    if not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 100:
        return None
    return round(float(score) / 100, 4)


def _form(fields: Mapping[str, str], file: bytes, media_type: str) -> tuple[bytes, str]:
    """A multipart/form-data body (RFC 7578) and its content type; the same for the same image."""
    boundary = f"gistchain-{hashlib.sha3_256(file).hexdigest()}"
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    name = f'name="image_upload"; filename="image.{media_type.partition("/")[2]}"'
    parts.append(f"Content-Disposition: form-data; {name}\r\nContent-Type: {media_type}\r\n\r\n".encode() + file)
    body = b"".join(f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts)
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
