"""A trained collection -> its report: one HTML page with figures and pictures of held-out tokens, nothing to fetch."""

from __future__ import annotations

import base64
import io
from importlib import resources
from typing import TYPE_CHECKING

from PIL import Image

from gistchain.traits import parts
from gistchain.types import Pixels

if TYPE_CHECKING:
    from gistchain.collection.train import Trained


def write(trained: Trained) -> str:
    from jinja2 import Environment, StrictUndefined

    template = resources.files("gistchain.collection").joinpath("trained_report.html.j2").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(template)
    pictures = [
        {"name": name, **_compared(true, read), "image": _uri(image), "painted": _uri(painted)}
        for name, true, read, image, painted in trained.judged.pictures
    ]
    return page.render(trained=trained, judged=trained.judged, pictures=pictures)


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
