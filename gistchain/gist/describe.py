"""Picture -> Described: words that are sure, a picture where words are not enough, and both within a budget.

picture ─ the user's words, or those of the first captioner that is sure and not belied ─> caption
        └ does the caption alone give the picture back? (likeness.py) ─ no ─> latent

What systems share; they differ in the models that they bring.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gistchain.errors import CaptionError, SettingError, TooFewBytes
from gistchain.gist.likeness import unlikeness
from gistchain.gist.packet import pack
from gistchain.image import shows_nothing
from gistchain.types import Caption, Captioner, Described, Gist, Latent, LatentCoder, Picture, Pixels, WhenLatent

MIN_CONFIDENCE = 0.5
"""A captioner's words that are less sure than this are not written for ever: more likely wrong than right."""
LATENT_BYTES = 1000
"""Of the picture that is added where a caption is not enough: most photos are recognised in it."""
ENOUGH = 0.12
"""A caption whose picture leaves no more than this unexplained is enough (docs/models.md, "A picture where needed")."""
BELIED = 0.6
"""A captioner's words whose picture leaves more than this unexplained are not of this picture."""
_LOOKED_AT = 192, 192  # pixels: a multiple of the canvas of every collection's painter

Alone = Callable[[Gist], Pixels | None]
"""A gist without a latent -> the picture that comes back, of any size; None where its caption gives none."""


@dataclass(frozen=True, slots=True)
class LatentPlan:
    """Which latent is added, and when.

    coder: None for never. size_bytes: at most so many; None leaves it to the budget.
    alone: what a caption alone gives back, for `when` = "needed".
    """

    when: WhenLatent
    coder: LatentCoder | None
    size_bytes: int | None
    alone: Alone = lambda gist: None


NO_LATENT = LatentPlan("never", None, None)


def describe(
    picture: Picture,
    *,
    captioners: Sequence[Captioner],
    caption: str | None = None,
    min_confidence: float = MIN_CONFIDENCE,
    latent: LatentPlan = NO_LATENT,
    budget: int | None = None,
) -> Described:
    """The gist of the picture, as System.describe says.

    captioners: asked one after the other until one is at least as sure as min_confidence, and what its words give back
    is not another picture. Raises as System.describe does.
    """
    if latent.size_bytes is not None and latent.size_bytes < 1:
        raise SettingError(f"a latent of {latent.size_bytes} bytes holds nothing: give at least 1")
    if caption is not None:
        said, left = _own_words(picture, caption, latent.alone)
    else:
        said, left = _caption(picture, captioners, min_confidence, latent.alone)
    gist = Gist((said.text,), picture.size)
    if budget is not None and (needed := len(pack(gist))) > budget:
        raise SettingError(
            f"a budget of {budget} bytes is too small for {picture.name}: its caption alone takes {needed}"
        )
    wanted = latent.when == "always" or (latent.when == "needed" and (left is None or left > ENOUGH))
    if latent.coder is not None and wanted:
        gist = _with_latent(gist, picture, latent.coder, latent.size_bytes, budget)
    return Described(gist, said.confidence)


def _own_words(picture: Picture, caption: str, alone: Alone) -> tuple[Caption, float | None]:
    if not caption.strip():
        raise CaptionError(f"the caption for {picture.name} is empty: word it, or leave it to the captioner")
    return Caption(caption, 1.0), _left(picture, caption, alone)


def _caption(
    picture: Picture, captioners: Sequence[Captioner], least: float, alone: Alone
) -> tuple[Caption, float | None]:
    """The words, and how much of the picture they leave open."""
    if shows_nothing(picture.pixels):
        raise CaptionError(
            f"{picture.name} is of one colour and shows nothing to describe. "
            "Give it alone, in words of your own: --caption TEXT"
        )
    guess = Caption("", 0.0)
    for captioner in captioners:
        said = captioner.caption(picture.pixels)
        guess = max(guess, said, key=lambda caption: caption.confidence if caption.text else 0.0)
        if said.text and said.confidence >= least:
            left = _left(picture, said.text, alone)
            if left is None or left <= BELIED:
                return said, left
    told = f" (its guess: {guess.text!r})" if guess.text else ""
    raise CaptionError(
        f"{picture.name}: the captioner is not sure what this is, confidence {guess.confidence:.2f} of at least "
        f"{least:g}{told}. Give it alone, in words of your own: --caption TEXT"
        + (", or accept its guess with a lower --min-confidence" if guess.text else "")
    )


def _left(picture: Picture, text: str, alone: Alone) -> float | None:
    """How unlike the picture is what the text alone gives back; None where it gives nothing back."""
    back = alone(Gist((text,), _LOOKED_AT))
    return None if back is None else unlikeness(picture.pixels, back)


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
