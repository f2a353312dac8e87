"""The record of a token -> what marketplaces read of it: ERC-721 metadata by OpenSea's standard.

The same record draws the picture. A trait that a token lacks is left out, and so is one that is not shown.
https://docs.opensea.io/docs/metadata-standards
"""

from __future__ import annotations

import json
from typing import Any

from gistchain.collection.making.plan import Token
from gistchain.collection.making.rules import Rules


def of_token(rules: Rules, token: Token) -> dict[str, Any]:
    """The content of metadata/ID.json."""
    words, file = rules.words, f"{token.id}.png"
    shown = {type_.name for type_ in rules.types if type_.shown}
    attributes: list[dict[str, Any]] = [
        {"trait_type": type_, "value": value} for type_, value in token.traits.items() if type_ in shown
    ]
    displays = {number.type: number for number in rules.numbers}
    for type_, value in token.numbers.items():
        told = {"display_type": displays[type_].display_type, "trait_type": type_, "value": value}
        if displays[type_].display_type != "date":
            told["max_value"] = displays[type_].high
        attributes.append(told)
    content = {
        "name": f"{rules.name} #{token.id}",
        "description": words.description,
        "image": f"{words.base_uri}/{file}" if words.base_uri else file,
        "edition": token.id,
        "attributes": attributes,
    }
    more = {
        "external_url": words.external_url, "animation_url": words.animation_url,
        "background_color": words.background_color.removeprefix("#"),
    }  # fmt: skip
    return content | {key: text.replace("{id}", str(token.id)) for key, text in more.items() if text}


def of_contract(rules: Rules) -> dict[str, Any]:
    """The content of contract.json, which a contract's contractURI() names."""
    words = rules.words
    more = {
        "symbol": words.symbol, "description": words.description, "banner_image": words.banner_image,
        "external_link": words.external_link or words.external_url.replace("{id}", ""),
    }  # fmt: skip
    first = f"{rules.first_id}.png"
    content = {"name": rules.name, "image": f"{words.base_uri}/{first}" if words.base_uri else f"images/{first}"}
    return content | {key: text for key, text in more.items() if text}


def json_bytes(content: object) -> bytes:
    """The same bytes for the same content, everywhere."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "backslashreplace")
