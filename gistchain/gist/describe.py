"""Picture -> Described: the caption, a latent where one is wanted, and both within a budget.

picture ─ the user's words, or the captioner's if it is sure ─┐
        └ latent: what was asked for, or what the budget leaves ─┴─> Gist

What systems share; they differ in the models that they bring.
"""

from __future__ import annotations

from dataclasses import replace

from gistchain.errors import CaptionError, SettingError, TooFewBytes
from gistchain.gist.packet import pack
from gistchain.types import Caption, Captioner, Described, Gist, Latent, LatentCoder, Picture

MIN_CONFIDENCE = 0.5
"""Below this the captioner's words are not written for ever: more likely wrong than right."""


def describe(
    picture: Picture,
    *,
    captioner: Captioner,
    caption: str | None = None,
    min_confidence: float = MIN_CONFIDENCE,
    latent_coder: LatentCoder | None = None,
    latent_bytes: int | None = None,
    budget: int | None = None,
) -> Described:
    """The gist of the picture, as System.describe says.

    latent_coder: None for no latent. latent_bytes: at most so many; None leaves it to the budget.
    """
    if latent_bytes is not None and latent_bytes < 1:
        raise SettingError(f"a latent of {latent_bytes} bytes holds nothing: give at least 1")
    said = _own_words(picture, caption) if caption is not None else _caption(picture, captioner, min_confidence)
    gist = Gist((said.text,), picture.size)
    if budget is not None and (needed := len(pack(gist))) > budget:
        raise SettingError(
            f"a budget of {budget} bytes is too small for {picture.name}: its caption alone takes {needed}"
        )
    if latent_coder is not None:
        gist = _with_latent(gist, picture, latent_coder, latent_bytes, budget)
    return Described(gist, said.confidence)


def _own_words(picture: Picture, caption: str) -> Caption:
    if not caption.strip():
        raise CaptionError(f"the caption for {picture.name} is empty: word it, or leave it to the captioner")
    return Caption(caption, 1.0)


def _caption(picture: Picture, captioner: Captioner, least: float) -> Caption:
    said = captioner.caption(picture.pixels)
    if said.text and said.confidence >= least:
        return said
    guess = f" (its guess: {said.text!r})" if said.text else ""
    raise CaptionError(
        f"{picture.name}: the captioner is not sure what this is, confidence {said.confidence:.2f} of at least "
        f"{least:g}{guess}. Word the gist yourself with --caption TEXT"
        + (", or accept its guess with a lower --min-confidence" if said.text else "")
    )


def _with_latent(gist: Gist, picture: Picture, coder: LatentCoder, most: int | None, budget: int | None) -> Gist:
    """The gist with a latent of at most `most` bytes, as far as the budget allows one."""
    if budget is None:
        if most is None:
            raise SettingError("a latent needs a size: give its bytes, or a budget for the whole gist")
        return replace(gist, latent=coder.encode(picture.pixels, most))
    # What the layer costs beside its data: name of the coder, length, check.
    frame = len(pack(replace(gist, latent=Latent(coder.name, b"\0")))) - 1
    room = budget - frame if most is None else min(most, budget - frame)
    while room > 0:
        try:
            whole = replace(gist, latent=coder.encode(picture.pixels, room))
        except TooFewBytes:
            return gist
        over = len(pack(whole)) - budget
        if over <= 0:
            return whole
        room -= over  # the length itself takes more bytes in a longer layer
    return gist
