"""PSNR and SSIM of the deep joint source-channel coders on the held-out photos, beside published figures.

python -m benchmarks.deepjscc      # about 5 CPU-minutes; needs the photos: python -m training.data.photos
python -m benchmarks.deepjscc --images kodak
"""

from __future__ import annotations

import numpy as np

from gistchain.models.photo.deepjscc import DeepJscc
from gistchain.score.fidelity import psnr
from training.data import photos

SIDE = 512


def psnr_of(name: str, snr_db: float) -> list[float]:
    network, found = DeepJscc(name), []
    for number, photo in enumerate(photos.held_out_photos()):
        image = photos.crop(photo, SIDE, rng=np.random.default_rng(0))
        sent = network.values_of(image, (SIDE, SIDE), snr_db)
        noise = np.random.default_rng(number).standard_normal(sent.shape) * 10 ** (-snr_db / 20)
        found.append(psnr(image, network.pixels_of((sent + noise).astype(np.float32), snr_db)))
    return found
