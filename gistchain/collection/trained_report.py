"""A trained collection -> its report: one HTML page with figures and pictures of held-out tokens, nothing to fetch."""

from __future__ import annotations

import base64
import io
from importlib import resources

from PIL import Image

from gistchain import text
from gistchain.collection.trained import Trained
from gistchain.traits import parts
from gistchain.types import Pixels


def page(trained: Trained) -> str:
    """The HTML of the report."""
    template = resources.files("gistchain.collection").joinpath("trained_report.html.j2").read_text("utf-8")
    pictures = [
        {"name": t.name, **_compared(t.true, t.read), "image": _uri(t.image), "painted": _uri(t.painted)}
        for t in trained.judged.shown
    ]
    return text.page(template, trained=trained, judged=trained.judged, pictures=pictures)


def _compared(true: str, read: str) -> dict[str, object]:
    """said: each phrase read, and whether it is right; missed: what should have been said too; right: all of it."""
    wanted, said = parts(true)[1], parts(read)[1]
    return {
        "said": [(phrase, phrase in wanted) for phrase in said],
        "missed": [phrase for phrase in wanted if phrase not in said],
        "right": true == read,
    }


def _uri(image: Pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
