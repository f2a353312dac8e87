"""A comparison -> what a person would say of it: how the copy was made, and which traits differ."""

from __future__ import annotations

import math

import numpy as np

from gistchain.rareness.overlay.verify import Comparison
from gistchain.rareness.overlay.views import View
from gistchain.traits import parts


def transform_words(found: Comparison, registered: View, seen: View) -> tuple[str, ...]:
    """The edits that were found, each in a few words; empty for none. `seen`: the candidate as it was matched."""
    return (*_geometry(found, registered, seen), *_colours(found), *_detail(found))


def _geometry(found: Comparison, registered: View, seen: View) -> list[str]:
    one, features = found.alignment, found.features
    words = ["mirrored"] if one.mirrored else []
    matrix = one.matrix / one.matrix[2, 2]
    turn = math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
    if abs(turn) >= 2:
        words.append(f"turned by {abs(turn):.0f} degrees {'clockwise' if turn > 0 else 'counter-clockwise'}")
    if features["perspective"] > 0.06:
        words.append("seen in perspective")
    across, down = np.linalg.norm(matrix[:2, 0]), np.linalg.norm(matrix[:2, 1])
    shape = seen.size[0] / seen.size[1] / (registered.size[0] / registered.size[1])
    if features["stretch"] > 0.06 and abs(math.log(max(shape, 1e-3))) > 0.06 and features["shear"] < 0.2:
        words.append(
            f"stretched {'in width' if across > down else 'in height'} by {max(across / down, down / across):.2f}"
        )
    elif features["shear"] > 0.1 and features["perspective"] <= 0.06:
        words.append("slanted")
    if features["overlap"] < 0.93:
        words.append(f"cropped to {features['overlap']:.0%}")
    frame = _frame_share(found, registered, seen)
    if frame > 0.12:
        words.append(f"with a frame around it ({frame:.0%} of the picture)")
    return words


def _frame_share(found: Comparison, registered: View, seen: View) -> float:
    """Share of the candidate that lies outside the registered image."""
    width, height = registered.size
    corners = found.alignment.matrix @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]])
    x, y = corners[0] / corners[2], corners[1] / corners[2]
    x, y = np.clip(x, 0, seen.size[0]), np.clip(y, 0, seen.size[1])
    area = 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))  # the shoelace formula
    return max(0.0, 1 - area / (seen.size[0] * seen.size[1]))


def _colours(found: Comparison) -> list[str]:
    matrix = found.fitted.colours[:3].T.astype(np.float64)  # seen = matrix @ registered
    weights = np.array([0.299, 0.587, 0.114])
    luma_gain = float((weights @ matrix).sum())
    spread = np.linalg.norm(matrix - matrix.mean(axis=0, keepdims=True))
    registered_spread = np.linalg.norm(np.eye(3) - 1 / 3)
    if luma_gain < -0.3:
        return ["colours inverted"]
    if luma_gain > 0.2 and spread < 0.12 * registered_spread:
        return ["made grey"]
    offsets = found.fitted.predicted.reshape(-1, 3).mean(axis=0)
    moved = float(np.abs(found.fitted.seen.reshape(-1, 3).mean(axis=0) - offsets).max())
    words = []
    diagonal = np.diag(matrix)
    crossed = np.abs(matrix - np.diag(diagonal)).max()
    if crossed > 0.35 and np.abs(matrix.sum(axis=1)).max() > 0.2:
        words.append("hues changed")
    elif abs(luma_gain - 1) > 0.18 or moved > 25:
        words.append("brightness or contrast changed")
    return words


def _detail(found: Comparison) -> list[str]:
    fitted = found.fitted
    words = []
    if found.features["contours"] > 0.08:
        words.append("drawn as contours")
    if fitted.blur >= 1.5:
        words.append("blurred or scaled down")
    if fitted.noise > 3:
        words.append("with noise")
    elif fitted.smoothing:
        words.append("made coarser (pixelated or strongly compressed)")
    if found.features["extra_peak"] > 0.25 and found.features["missing_peak"] < 0.12:
        words.append("with something drawn over it")
    return words


def differing_traits(registered_caption: str, candidate_caption: str) -> tuple[str, ...]:
    """The traits in which two tokens of one collection differ, as `type: value there -> value here`.

    Captions of template S3.6; empty unless both are, and of the same collection.
    """
    (ours, here), (theirs, there) = parts(candidate_caption), parts(registered_caption)
    if not ours or ours != theirs:
        return ()
    mine, others = set(here) - set(there), set(there) - set(here)
    named: list[str] = []
    for phrase in sorted(others):
        kind = phrase.rpartition(" ")[2]
        match = next((p for p in sorted(mine) if p.rpartition(" ")[2] == kind), None)
        mine.discard(match or "")
        named.append(f"{kind}: {_value(phrase)} -> {_value(match) if match else '(none)'}")
    named += [f"{p.rpartition(' ')[2]}: (none) -> {_value(p)}" for p in sorted(mine)]
    return tuple(named)


def _value(phrase: str) -> str:
    return phrase.rpartition(" ")[0] or phrase
