"""What is known of a caption's packet before anything arrives -> ratios for its decoder.

    version ‖ size ‖ tag ‖ code ‖ check
       │             │      └ an arithmetic code: 0 as often as 1, but few bytes are the shortest code of any text
       └─────────────┴ the same in nearly every packet that holds one caption

A list decoder that is told the first, and believes only what can be read (`packet.is_whole`), needs about half a dB
less (docs/link.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gistchain.gist.packet import pack
from gistchain.types import Gist

_SURE, _LIKELY = 7.0, 3.0
"""Logarithms of how much likelier a bit is as it mostly is: 1,100 and 20 times. Other packets need a better channel."""


def caption_ratios(count: int) -> NDArray[np.float64]:
    """log P(0)/P(1) of each bit of a packet that holds one caption, shape (count,); 0 where nothing is known.

    The version, and the tag of a caption in the dictionary's code behind a size of one byte.
    """
    usual = np.unpackbits(np.frombuffer(pack(Gist(("a red bicycle",), (512, 512))), np.uint8))
    sure = np.zeros(max(count, 16))
    sure[:2], sure[8:16] = _SURE, _LIKELY
    sure[:16] *= 1.0 - 2.0 * usual[:16]
    return sure[:count]
