"""Image -> where Google's Cloud Vision API finds it on the web (`images:annotate`, feature WEB_DETECTION).

Full matches come first, then partial ones (mostly crops), each with the page that shows it if the service names one;
then pages for which it names no image. `visuallySimilarImages` are left out: there is always another cat.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Mapping

from gistchain.errors import SearchError
from gistchain.internet.address import key
from gistchain.internet.service import objects
from gistchain.rareness.websearch.api import PaidSearch, encoded, text
from gistchain.types import Pixels, WebMatch, WebSearch

MAX_RESULTS = 50
_MARKUP = re.compile(r"<[^<>]{0,200}>")


class VisionSearch(PaidSearch):
    """ReverseSearch with the user's own key of Google Cloud; the service charges for each search."""

    name, title, setting = "vision", "Google Cloud Vision", "vision_key"
    base_url, path = "https://vision.googleapis.com", "/v1/images:annotate"

    def search(self, image: Pixels) -> WebSearch:
        data, _ = encoded(image)
        feature = {"type": "WEB_DETECTION", "maxResults": MAX_RESULTS}
        request = {"requests": [{"image": {"content": base64.b64encode(data).decode("ascii")}, "features": [feature]}]}
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Goog-Api-Key": self._service.key}
        answer = self._service.post(json.dumps(request).encode(), headers)
        matches = _matches(_detection(answer))
        return self._result(matches, len(matches))


def _detection(answer: Mapping[str, object]) -> Mapping[str, object]:
    responses = objects(answer.get("responses"))
    if len(responses) != 1:
        raise SearchError("Google Cloud Vision answered without a result for the image: try later")
    error = responses[0].get("error")
    if isinstance(error, dict):
        said = text(error.get("message"), 200) or f"code {error.get('code')}"
        raise SearchError(f"Google Cloud Vision can't search for this image ({said}): try another provider")
    detection = responses[0].get("webDetection", {})
    if not isinstance(detection, dict):
        raise SearchError("Google Cloud Vision answered in an unknown form: try later")
    return detection


def _matches(detection: Mapping[str, object]) -> list[WebMatch]:
    """Each place once, the best kind of match first, otherwise in the service's order."""
    pages = objects(detection.get("pagesWithMatchingImages"))
    shown: dict[str, tuple[str, str | None]] = {}
    for page in pages:
        address = text(page.get("url"))
        for image in _urls(page.get("fullMatchingImages")) + _urls(page.get("partialMatchingImages")):
            if address is not None:
                shown.setdefault(key(image), (address, _title(page)))
    urls: list[str] = []
    for kind in ("fullMatchingImages", "partialMatchingImages"):
        urls += _urls(detection.get(kind))
        for page in pages:
            urls += _urls(page.get(kind))
    matches = {key(url): WebMatch(url, *shown.get(key(url), (None, None))) for url in reversed(urls)}
    ordered = [matches[name] for name in dict.fromkeys(map(key, urls))]
    named = {match.page for match in ordered}
    for page in pages:
        address = text(page.get("url"))
        if address is not None and address not in named:
            named.add(address)
            ordered.append(WebMatch(address, address, _title(page)))
    return ordered


def _urls(images: object) -> list[str]:
    return [url for image in objects(images) if (url := text(image.get("url"))) is not None]


def _title(page: Mapping[str, object]) -> str | None:
    """The title of a page, without the markup that the service puts around words."""
    title = text(page.get("pageTitle"), 1_000)
    return None if title is None else text(html.unescape(_MARKUP.sub("", title)), 300)
