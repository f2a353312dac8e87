"""The schema of Sense's object (docs/sense.schema.json), and folders of results that are held to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from gistchain.rareness.service import watch
from tests.support.places import ROOT

FILE = json.loads((ROOT / "docs" / "sense.schema.json").read_text("utf-8"))
SCHEMA = Draft202012Validator(FILE)
STRICT = Draft202012Validator({"$ref": "#/$defs/sense", "$defs": FILE["$defs"]})
"""A result, not an error."""


def results(folder: Path) -> dict[str, dict[str, Any]]:
    """Hash of the image -> its result; each of them is whole and valid."""
    found = {}
    for path in folder.glob("*.json"):
        fields = json.loads(path.read_text("ascii"))
        SCHEMA.validate(fields)
        assert fields["hash_of_candidate_image_file"][: watch.HEX_DIGITS] == path.stem[: watch.HEX_DIGITS]
        assert fields["hash_of_candidate_image_file"] not in found
        found[fields["hash_of_candidate_image_file"]] = fields
    return found
