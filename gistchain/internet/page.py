"""HTML of an untrusted page -> its title, its links and its images.

Tags are found by a scan that is linear in the page's length, and html.parser then reads each of them alone: fed a
whole hostile page, it takes quadratic time (43 s for 300 kB of `<!--` in Python 3.11.7).
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from html.parser import HTMLParser

from gistchain.internet.address import normal

MAX_TAGS = 20_000
MAX_BROKEN = 1_000
MAX_TAG = 4_096
MAX_TEXT = 300
_START = re.compile(r"<!--|<(script|style|title)(?=[\s/>])|<(?:a|area|base|img|source|meta)(?=[\s/>])", re.I)
_TAG = re.compile(r"<[a-z]+(?:[^>\"']|\"[^\"]*\"|'[^']*')*+>", re.I)
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{1,40})", re.I)
# Possessive: what was taken is not given back, so that a long attribute takes linear time.
_CANDIDATE = re.compile(r"([^\s,]\S*+)(?:\s++([\d.]{1,10})[wx](?=\s|,|$))?")


@dataclass(frozen=True, slots=True)
class Page:
    """The content of a page. images: address -> the text that goes with it. directives: words of its robots tags."""

    title: str
    links: tuple[str, ...]
    images: dict[str, str]
    directives: frozenset[str]

    @property
    def may_be_followed(self) -> bool:
        return not self.directives & {"nofollow", "none"}

    @property
    def images_may_be_indexed(self) -> bool:
        return not forbids_images(self.directives)


def read_page(data: bytes, address: str, charset: str = "") -> Page:
    """The page at `address`. charset: from the HTTP header. Never raises: what can't be understood is left out."""
    text = _decoded(data, charset)
    title, base = "", address
    links: dict[str, None] = {}
    images: dict[str, str] = {}
    directives: set[str] = set()
    for tag, attributes in _tags(text):
        if tag == "title":
            title = title or _line(attributes.get("text", ""))
        elif tag == "base":
            base = _address(attributes.get("href", ""), address) or base
        elif tag == "meta":
            _meta(attributes, base, images, directives)
        elif tag in ("a", "area"):
            if (link := _address(attributes.get("href", ""), base)) is not None:
                links[link] = None
        elif (image := _image(attributes, base)) is not None:
            images.setdefault(image, _line(attributes.get("alt", "")))
    return Page(title, tuple(links), images, frozenset(directives))


def directives_of(header: str) -> frozenset[str]:
    """The words of an X-Robots-Tag header, in lower case."""
    return frozenset(word.strip().lower() for word in header.split(","))


def forbids_images(directives: frozenset[str]) -> bool:
    """Whether robots tags ask that images stay out of an index."""
    return bool(directives & {"noimageindex", "noindex", "none"})


def _decoded(data: bytes, charset: str) -> str:
    declared = _CHARSET.search(data[:2_048])
    try:
        return data.decode(charset or (declared[1].decode("ascii") if declared else "utf-8"), "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def _tags(text: str) -> list[tuple[str, dict[str, str]]]:
    """The tags that matter here, with their attributes; a title with its text. Comments and scripts are skipped."""
    lower = text.lower()
    if len(lower) != len(text):  # some letters become longer in lower case
        lower = text
    tags: list[tuple[str, dict[str, str]]] = []
    position = broken = 0
    # Each broken tag costs a scan of MAX_TAG characters.
    while len(tags) < MAX_TAGS and broken < MAX_BROKEN and (start := _START.search(text, position)) is not None:
        position = start.end()
        if start[0] == "<!--":
            position = lower.find("-->", position) + 3
            if position == 2:
                break
        elif start[1] is not None:
            position = _past(lower, start, text, tags)
            if position < 0:
                break
        elif (tag := _TAG.match(text, start.start(), start.start() + MAX_TAG)) is not None:
            tags.append(_read_tag(tag[0]))
            position = tag.end()
        else:
            broken += 1
    return tags


def _past(lower: str, start: re.Match[str], text: str, tags: list[tuple[str, dict[str, str]]]) -> int:
    """The position of the element's end, -1 where it has none; a title is added to `tags`."""
    name = start[1].lower()
    closed = lower.find(f"</{name}", start.end())
    if name == "title" and 0 <= (opened := lower.find(">", start.end(), start.end() + MAX_TAG)) < closed:
        tags.append(("title", {"text": html.unescape(text[opened + 1 : min(closed, opened + MAX_TAG)])}))
    return closed if closed < 0 else closed + 2


def _read_tag(tag: str) -> tuple[str, dict[str, str]]:
    reader = _Reader()
    reader.feed(tag)
    return reader.tag


class _Reader(HTMLParser):
    """Reads the name and the attributes of a single tag."""

    tag: tuple[str, dict[str, str]] = ("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes: dict[str, str] = {}
        for name, value in attrs:
            attributes.setdefault(name, value or "")
        self.tag = (tag, attributes)


def _meta(attributes: dict[str, str], base: str, images: dict[str, str], directives: set[str]) -> None:
    name = (attributes.get("name") or attributes.get("property", "")).lower()
    if name in ("robots", "gistchain"):
        directives |= directives_of(attributes.get("content", ""))
    elif name in ("og:image", "og:image:url", "twitter:image"):
        image = _address(attributes.get("content", ""), base)
        if image is not None:
            images.setdefault(image, "")


def _image(attributes: dict[str, str], base: str) -> str | None:
    """The address of the image that a tag shows; of several, the largest."""
    sized = [
        (float(size) if size and size.count(".") < 2 and size != "." else 1.0, url.rstrip(","))
        for url, size in _CANDIDATE.findall(attributes.get("srcset", ""))
    ]
    largest = [url for _, url in sorted(sized, key=lambda pair: -pair[0])][:1]
    for candidate in (*largest, attributes.get("src", ""), attributes.get("data-src", "")):
        address = _address(candidate, base)
        if address is not None:
            return address
    return None


def _address(url: str, base: str) -> str | None:
    if not url.strip() or url.lstrip().startswith("#"):
        return None
    try:
        return normal(url, base)
    except ValueError:
        return None


def _line(text: str) -> str:
    return " ".join(text.split())[:MAX_TEXT]
