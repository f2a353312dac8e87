"""Two images of one size -> how alike their pixels are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gistchain.types import Pixels


def ssim(a: Pixels, b: Pixels) -> float:
    """Structural similarity of the lumas, 1 for equal images (Wang et al. 2004: Gaussian window, sigma 1.5)."""
    from skimage.metrics import structural_similarity

    return float(
        structural_similarity(  # type: ignore[no-untyped-call]
            _luma(a), _luma(b), data_range=255.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    )


def psnr(a: Pixels, b: Pixels) -> float:
    """Peak signal-to-noise ratio in dB over all channels; inf for equal images."""
    error = float(((a.astype(np.float64) - b) ** 2).mean())
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))


def _luma(image: Pixels) -> NDArray[np.float64]:
    luma: NDArray[np.float64] = image.astype(np.float64) @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    return luma
