"""A collection's layers and held-out tokens -> how well the layers read and paint them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gistchain.collection.tokens import Tokens
from gistchain.collection.trained import HeldOutScores, HeldOutToken
from gistchain.models.layered.model import Layers, to_floats, to_pixels
from gistchain.models.layered.read import Reader

_SHOWN = 24
_ACCEPTED = 0.5  # the least confidence of a caption that is registered


def scores(layers: Layers, held: Tokens, progress: Callable[[float], None]) -> HeldOutScores:
    """held: SIDE x SIDE pixels, labelled with what can be seen of them. progress: told the share that is done."""
    from gistchain.score.fidelity import ssim

    reader, traits, readable = Reader(layers), held.traits, layers.sharpness > 0
    right, confident, similar, shown = [], [], [], []
    for k, picture in enumerate(to_floats(held.images)):
        true = np.where(readable, held.labels[k], 0)
        reading = reader.read(picture)
        right.append(reading.labels == true)
        confident.append(reader.confidence(reading) >= _ACCEPTED)
        similar.append(ssim(held.image(k), to_pixels(layers.picture(layers.states(true)))))
        if k < _SHOWN:
            captions = traits.caption(true.tolist()), traits.caption(reading.labels.tolist())
            painted = to_pixels(layers.picture(layers.states(reading.labels)))
            shown.append(HeldOutToken(held.names[k], *captions, held.image(k), painted))
        progress((k + 1) / len(held))
    exact, sure = np.all(right, 1), np.array(confident)
    shares = [layers.of_values(layers.prior[a:b], t) for t, (a, b) in enumerate(pairwise(layers.first))]
    commonest = np.array([int(own.argmax()) for own in shares])

    def of_readable(shares: NDArray[np.float64]) -> dict[str, float]:
        return {t: float(share) for t, share, r in zip(traits.types, shares, readable, strict=True) if r}

    return HeldOutScores(
        len(held),
        float(exact.mean()),
        of_readable(np.mean(right, 0)),
        of_readable((held.labels == commonest).mean(0)),
        float(sure.mean()),
        float((sure & ~exact).mean()),
        float(np.mean(similar)),
        tuple(shown),
    )
