"""An SVG -> a PNG of it, by resvg, which knows no script and no network; files of this machine it may not open either.

Runs in the child process. Needs resvg-py, of the extras `collections` and `samples`.
"""

from __future__ import annotations

import io
import resource
import xml.parsers.expat as expat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from PIL import Image

from gistchain.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_WIDTH = 512
"""A smaller drawing is drawn in this width."""
MOST_BYTES = 16 << 20
INSTALL = "pip install 'gistchain[collections]'"
# Without them text in a font that is not installed would not be drawn at all. They are on most Linux systems; where
# they are not, resvg takes others.
_FAMILIES: dict[str, Any] = {
    "font_family": "DejaVu Sans",
    "serif_family": "DejaVu Serif",
    "sans_serif_family": "DejaVu Sans",
    "cursive_family": "DejaVu Serif",
    "fantasy_family": "DejaVu Serif",
    "monospace_family": "DejaVu Sans Mono",
}
_REFERS = frozenset({"href", "src"})


def drawn(data: bytes, title: str) -> tuple[bytes, tuple[str, ...]]:
    """(PNG, notes). Raises ImageError."""
    try:
        import resvg_py
    except ImportError as error:
        raise ImageError(f"{title} is SVG, which is read with the extra collections: {INSTALL}") from error
    if len(data) > MOST_BYTES:
        raise ImageError(f"{title} is an SVG of more than {MOST_BYTES:,} bytes: make it simpler")
    content = data.decode("utf-8-sig", "replace")
    left_out, has_text = _looked_through(data, title)
    notes = (f"left out of the drawing: {', '.join(sorted(left_out))}",) if left_out else ()
    # Fonts are files too: they are opened only where nothing in the drawing names a file.
    fonts = has_text and "references to files or the web" not in left_out

    def once(width: int | None) -> bytes:
        try:
            if fonts:
                return bytes(resvg_py.svg_to_bytes(svg_string=content, width=width, **_FAMILIES))
            with _no_files():
                return bytes(resvg_py.svg_to_bytes(svg_string=content, width=width, skip_system_fonts=True))
        except ValueError as error:
            raise ImageError(f"{title} is an SVG that can't be drawn ({str(error)[:200]})") from error

    png = once(None)
    with Image.open(io.BytesIO(png)) as image:
        width = image.width
    return (once(LEAST_WIDTH) if width < LEAST_WIDTH else png), notes


def _looked_through(data: bytes, title: str) -> tuple[set[str], bool]:
    """(what the drawing has that is left out, whether it has text). Raises ImageError for what is no XML."""
    left_out: set[str] = set()
    texts: list[str] = []

    def element(name: str, attributes: dict[str, str]) -> None:
        plain = name.rpartition(":")[2].lower()
        if plain in ("script", "foreignobject"):
            left_out.add({"script": "scripts", "foreignobject": "foreign objects"}[plain])
        if plain == "text":
            texts.append(plain)
        for key, value in attributes.items():
            key = key.rpartition(":")[2].lower()
            if key in _REFERS and not value.strip().lower().startswith(("#", "data:")) and plain != "a":
                left_out.add("references to files or the web")
            elif key.startswith("on"):
                left_out.add("scripts")

    reader = expat.ParserCreate()
    reader.StartElementHandler = element
    try:
        reader.Parse(data, True)
    except (expat.ExpatError, ValueError) as error:
        raise ImageError(f"{title} is no SVG that can be read ({error})") from error
    return left_out, bool(texts)


@contextmanager
def _no_files() -> Iterator[None]:
    """Meanwhile this process can open no file and no socket."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
