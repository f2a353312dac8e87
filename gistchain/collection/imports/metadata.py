"""The JSON of one token, as a stranger wrote it -> its name, its traits and where its image lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gistchain.errors import CollectionError
from gistchain.safejson import parsed
from gistchain.text import well_formed

MOST_BYTES = 4 << 20
"""Of one token: some hold their picture."""
_LONGEST_TITLE, _LONGEST_TRAIT = 300, 1_000
_MOST_ATTRIBUTES = 1_000
_IMAGES = ("image", "image_url", "imageUrl", "image_data", "animation_url")


@dataclass(frozen=True, slots=True)
class Told:
    """image: a URI, or an SVG as it stands. attributes: (trait_type, value), numbers as their digits.

    All of it can be written as UTF-8: JSON may have halves of letters (lone surrogates), which stand here as escapes.
    """

    title: str
    attributes: tuple[tuple[str, str], ...]
    image: str


def told(raw: bytes) -> Told:
    """Raises CollectionError, which says what is wrong with it."""
    if len(raw) > MOST_BYTES:
        raise CollectionError(f"its JSON has more than {MOST_BYTES:,} bytes")
    if not raw.strip():
        raise CollectionError("its JSON is empty")
    try:
        content = parsed(raw, once=True)
    except (ValueError, RecursionError) as error:
        page = raw.lstrip()[:1] == b"<"
        raise CollectionError(
            "a page stands in place of its JSON" if page else f"its JSON can't be read ({str(error)[:200]})"
        ) from error
    if not isinstance(content, dict):
        raise CollectionError("its JSON is no object")
    if not content:
        raise CollectionError("its JSON is empty")
    title = content.get("name")
    return Told(
        well_formed(title[:_LONGEST_TITLE]) if isinstance(title, str) else "",
        _attributes(content),
        well_formed(_image(content)),
    )


def unusable(raw: bytes) -> str | None:
    """Why a server's answer can't be metadata, as gateways send pages with status 200."""
    try:
        told(raw)
    except CollectionError as error:
        return str(error)
    return None


def _image(content: dict[str, Any]) -> str:
    for key in _IMAGES:
        if isinstance(value := content.get(key), str) and value.strip():
            return value.strip()
    files = content.get("properties", {}).get("files") if isinstance(content.get("properties"), dict) else None
    if isinstance(files, list):  # Metaplex, on Solana
        for file in files:
            uri = file.get("uri") if isinstance(file, dict) else file
            if isinstance(uri, str) and uri.strip():
                return uri.strip()
    return ""


def _attributes(content: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    given = content.get("attributes", content.get("traits"))
    if isinstance(given, dict):
        given = [{"trait_type": key, "value": value} for key, value in given.items()]
    if not isinstance(given, list):
        return ()
    if len(given) > _MOST_ATTRIBUTES:
        raise CollectionError(f"its JSON has {len(given):,} attributes: at most {_MOST_ATTRIBUTES:,} are read")
    read = []
    for entry in given:
        if not isinstance(entry, dict):
            continue
        type_, value = entry.get("trait_type", entry.get("key", "")), entry.get("value")
        if isinstance(value, str | int | float) and isinstance(type_, str):
            read.append((well_formed(type_[:_LONGEST_TRAIT]), well_formed(str(value)[:_LONGEST_TRAIT])))
    return tuple(read)
