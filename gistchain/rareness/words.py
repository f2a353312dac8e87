"""What was found -> what a person is told: verdict and reason, how a copy was made, which traits differ.

Every phrase about a verdict is here; `gistchain check`, `register`, `show` and the page of `--explain` share them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from gistchain.traits import parts
from gistchain.types import Nearest, Verdict

if TYPE_CHECKING:  # they load OpenCV, which takes a second and is not needed to word what the chain holds
    from gistchain.rareness.overlay.verify import Comparison
    from gistchain.rareness.overlay.views import View

MEANINGS: dict[Verdict, str] = {
    "original": "Nothing that is registered comes close to it.",
    "sibling": "It belongs to the same collection or series as a registered image and has traits of its own.",
    "derivative": "It shows the drawing of a registered image, rendered anew.",
    "copy": "It is a registered image, unchanged or transformed.",
    "unsure": "It is a copy of a registered image or a sibling of it. What would tell which can't be seen here.",
    "blank": "It shows nothing that could be compared with a registered image.",
}
"""What each verdict says, in a sentence."""
JOINING: tuple[Verdict, ...] = ("copy", "derivative")
"""Verdicts that put two of several images into one group."""
TOLD: tuple[Verdict, ...] = (*JOINING, "unsure")
"""Verdicts that make a pair of them worth naming: in a collection everything is a sibling of something."""


def called(token: int | None, name: str) -> str:
    """'token 1 (a.png)'; the name alone for an image without a token."""
    return name if token is None else f"token {token} ({name})"


def verdict_words(verdict: Verdict, nearest_name: str | None) -> str:
    """'copy of token 1 (a.png)'. nearest_name: None where nothing is registered."""
    if verdict == "blank":
        return "nothing to compare"
    of = f" of {nearest_name}" if nearest_name is not None and verdict != "original" else ""
    return f"copy or sibling{of}: cannot tell" if verdict == "unsure" else f"{verdict}{of}"


Known = Literal["registered", "earlier", "file"]
"""What an image was compared with: what is registered, the files given before it, or one other file."""


def reason(verdict: Verdict, nearest: Nearest | None, compared_with: int, known: Known = "registered") -> str:
    """Why an image has its verdict, in one sentence. compared_with: how many known images."""
    if verdict == "blank":
        return "It shows one colour, or so nearly one that there is nothing to compare."
    if nearest is None:
        return _NOTHING[known]
    name = called(nearest.token, nearest.name)
    place = _place(nearest) if nearest.regions else " a little everywhere"
    traits = f" ({'; '.join(nearest.traits)})" if nearest.traits else ""
    if verdict == "copy":
        how = "".join(f", {words}" for words in nearest.transform.words)
        return f"It is {name}{how}" + (
            "." if known == "file" else f": no other {known} image explains any part of it better."
        )
    if verdict == "unsure" and nearest.regions:
        return f"It differs from {name}{place}{traits}; whether that is an edit or a trait of its own can't be told."
    if verdict == "unsure":
        return f"It shows {nearest.overlap:.0%} of {name}; what would tell a copy from a sibling can't be seen in it."
    if verdict == "sibling":
        return f"It belongs to the same series as {name} and differs from it{place}{traits}."
    if verdict == "derivative":
        return f"It shows the drawing of {name}, rendered anew."
    if known == "file":
        return f"{name} is not its source: it differs{place}."
    return f"None of {compared_with:,} {known} images is its source; the nearest, {name}, differs{place}."


_NOTHING: dict[Known, str] = {
    "registered": "Nothing is registered that it could be compared with.",
    "earlier": "None of the earlier images shows anything that it could be compared with.",
    "file": "The other file shows nothing that it could be compared with.",
}


Sameness = Literal["file", "pixels", "picture"]
"""How an image equals a registered one: the very same file, the same pixels in another one, or what looks the same."""

_SAME: dict[Sameness, str] = {
    "file": "is the very same file as",
    "pixels": "has the same pixels, in another file, as",
    "picture": "is the same picture, in another file, as",
}


def same_reason(nearest: Nearest, sameness: Sameness) -> str:
    """Why an image is a copy without a closer look (S1.9)."""
    return f"It {_SAME[sameness]} {called(nearest.token, nearest.name)}."


def _place(nearest: Nearest) -> str:
    """Where the worst region lies."""
    worst = nearest.regions[0]
    x, y = (worst.left + worst.right) / 2, (worst.top + worst.bottom) / 2
    down = "at the top" if y < 0.38 else "at the bottom" if y > 0.62 else "in the middle"
    across = " on the left" if x < 0.34 else " on the right" if x > 0.66 else ""
    return f" {down}{across}"


def transform_words(comparison: Comparison, registered: View, candidate: View) -> tuple[str, ...]:
    """The edits that were found, each in a few words; empty for none. candidate: mirrored if the alignment is."""
    return (*_geometry(comparison, registered, candidate), *_colours(comparison), *_detail(comparison))


def _geometry(comparison: Comparison, registered: View, candidate: View) -> list[str]:
    import numpy as np  # in functions only: `list` and `show` word what the chain holds without it

    alignment, features = comparison.alignment, comparison.features
    words = ["mirrored"] if alignment.mirrored else []
    matrix = alignment.matrix / alignment.matrix[2, 2]
    turn = math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
    if abs(turn) >= 2:
        words.append(f"turned by {abs(turn):.0f} degrees {'clockwise' if turn > 0 else 'counter-clockwise'}")
    if features["perspective"] > 0.06:
        words.append("seen in perspective")
    across, down = np.linalg.norm(matrix[:2, 0]), np.linalg.norm(matrix[:2, 1])
    shape = candidate.size[0] / candidate.size[1] / (registered.size[0] / registered.size[1])
    if features["stretch"] > 0.06 and abs(math.log(max(shape, 1e-3))) > 0.06 and features["shear"] < 0.2:
        words.append(
            f"stretched {'in width' if across > down else 'in height'} by {max(across / down, down / across):.2f}"
        )
    elif features["shear"] > 0.1 and features["perspective"] <= 0.06:
        words.append("slanted")
    if features["overlap"] < 0.93:
        words.append(f"cropped to {features['overlap']:.0%}")
    frame = _frame_share(comparison, registered, candidate)
    if frame > 0.12:
        words.append(f"with a frame around it ({frame:.0%} of the picture)")
    return words


def _frame_share(comparison: Comparison, registered: View, candidate: View) -> float:
    """Share of the candidate that lies outside the registered image."""
    import numpy as np

    width, height = registered.size
    corners = comparison.alignment.matrix @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]])
    x, y = corners[0] / corners[2], corners[1] / corners[2]
    x, y = np.clip(x, 0, candidate.size[0]), np.clip(y, 0, candidate.size[1])
    area = 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))  # the shoelace formula
    return max(0.0, 1 - area / (candidate.size[0] * candidate.size[1]))


def _colours(comparison: Comparison) -> list[str]:
    import numpy as np

    fitted = comparison.fitted
    matrix = fitted.colours[:3].T.astype(np.float64)  # candidate = matrix @ registered
    weights = np.array([0.299, 0.587, 0.114])
    luma_gain = float((weights @ matrix).sum())
    spread = np.linalg.norm(matrix - matrix.mean(axis=0, keepdims=True))
    registered_spread = np.linalg.norm(np.eye(3) - 1 / 3)
    if luma_gain < -0.3:
        return ["colours inverted"]
    if luma_gain > 0.2 and spread < 0.12 * registered_spread:
        return ["made grey"]
    crossed = np.abs(matrix - np.diag(np.diag(matrix))).max()
    if crossed > 0.35 and np.abs(matrix.sum(axis=1)).max() > 0.2:
        return ["hues changed"]
    expected = fitted.predicted.reshape(-1, 3).mean(axis=0)
    moved = float(np.abs(fitted.observed.reshape(-1, 3).mean(axis=0) - expected).max())
    return ["brightness or contrast changed"] if abs(luma_gain - 1) > 0.18 or moved > 25 else []


def _detail(comparison: Comparison) -> list[str]:
    fitted, features = comparison.fitted, comparison.features
    words = []
    if features["contours"] > 0.08:
        words.append("drawn as contours")
    if fitted.blur >= 1.5:
        words.append("blurred or scaled down")
    if fitted.noise > 3:
        words.append("with noise")
    elif fitted.smoothing:
        words.append("made coarser (pixelated or strongly compressed)")
    if features["extra_peak"] > 0.25 and features["missing_peak"] < 0.12:
        words.append("with something drawn over it")
    return words


def differing_traits(registered_caption: str, candidate_caption: str) -> tuple[str, ...]:
    """The traits in which two tokens of one collection differ, as `type: registered value -> candidate's value`.

    Captions of template S3.6; empty unless both are, and of the same collection.
    """
    (subject, traits), (registered_subject, registered_traits) = parts(candidate_caption), parts(registered_caption)
    if not subject or subject != registered_subject:
        return ()
    new, gone = set(traits) - set(registered_traits), set(registered_traits) - set(traits)
    named: list[str] = []
    for phrase in sorted(gone):
        replacement = next((other for other in sorted(new) if _kind(other) == _kind(phrase)), None)
        new.discard(replacement or "")
        named.append(f"{_kind(phrase)}: {_value(phrase)} -> {_value(replacement) if replacement else '(none)'}")
    return (*named, *(f"{_kind(phrase)}: (none) -> {_value(phrase)}" for phrase in sorted(new)))


def _kind(phrase: str) -> str:
    return phrase.rpartition(" ")[2]


def _value(phrase: str) -> str:
    return phrase.rpartition(" ")[0] or phrase
