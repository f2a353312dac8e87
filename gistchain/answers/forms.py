"""The forms of one image -> the JSON of --json, and a table for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gistchain.text import lines

if TYPE_CHECKING:
    from gistchain.gist.forms import Form
    from gistchain.types import Picture


def forms_json(picture: Picture, forms: Sequence[Form]) -> dict[str, Any]:
    """ssim: of what the form gives back, 1 for the picture itself; null where it gives no picture back."""
    rows = [
        {
            "form": form.name,
            "bytes": form.size_bytes,
            "ssim": None if form.fidelity is None else round(form.fidelity, 4),
            "exact": form.exact,
        }
        for form in forms
    ]
    return {"image": picture.name, "caption": forms[0].gist.caption, "forms": rows}


def forms_text(picture: Picture, forms: Sequence[Form]) -> str:
    width, height = picture.size
    head = [f"{picture.name}  {width} x {height}  {forms[0].gist.caption!r}", "  form       bytes   SSIM"]
    return lines([*head, *(f"  {form.name:<8} {form.size_bytes:>7,}  {_fidelity(form)}" for form in forms)])


def _fidelity(form: Form) -> str:
    if form.fidelity is None:
        return "no picture comes back"
    return "every pixel" if form.exact else f"{form.fidelity:.3f}"
