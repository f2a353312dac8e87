"""A trained collection -> its report: one HTML page with figures and pictures of held-out tokens, nothing to fetch."""

from __future__ import annotations

import base64
import io
from importlib import resources
from typing import TYPE_CHECKING

from PIL import Image

from gistchain.types import Pixels

if TYPE_CHECKING:
    from gistchain.collection.train import Trained


def write(trained: Trained) -> str:
    from jinja2 import Environment, StrictUndefined

    template = resources.files("gistchain.collection").joinpath("trained_report.html.j2").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(template)
    pictures = [
        {"name": n, "true": true, "read": read, "image": _uri(image), "painted": _uri(painted)}
        for n, true, read, image, painted in trained.judged.pictures
    ]
    return page.render(trained=trained, judged=trained.judged, pictures=pictures)


def _uri(image: Pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
