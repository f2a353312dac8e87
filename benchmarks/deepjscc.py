"""PSNR and SSIM of the deep joint source-channel coders over AWGN by SNR, on held-out photos or a folder (S4.6).

    python -m benchmarks.deepjscc      # about 8 CPU-minutes; needs the photos: python -m training.data.photos
    python -m benchmarks.deepjscc --images kodak

Each photo is a crop of 512 x 512 (S2.5), each image of a folder is cut to multiples of 4. One noise for each picture,
the same for every network. Intervals (95%) are by bootstrap over pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks import report
from gistchain.image import read_image
from gistchain.models.photo.deepjscc import NETWORKS, DeepJscc
from gistchain.score.fidelity import psnr, ssim
from gistchain.types import Pixels
from training.data import photos

SIDE = 512
SNRS_DB = -5.0, 0.0, 1.0, 5.0, 10.0, 15.0, 20.0


def held_out() -> list[Pixels]:
    return [photos.crop(photo, SIDE, rng=np.random.default_rng(0)) for photo in photos.held_out_photos()]


def of_folder(folder: Path) -> list[Pixels]:
    images = [read_image(path.read_bytes(), path.name).pixels for path in sorted(folder.iterdir()) if path.is_file()]
    return [image[: len(image) // 4 * 4, : image.shape[1] // 4 * 4] for image in images]


def psnr_of(name: str, snr_db: float) -> list[float]:
    """Of each held-out photo."""
    network = DeepJscc(name)
    return [psnr(image, sent(network, image, snr_db, number)) for number, image in enumerate(held_out())]


def sent(network: DeepJscc, image: Pixels, snr_db: float, seed: int) -> Pixels:
    """The image as it comes back over AWGN: noise of this SNR on numbers of mean square 1."""
    values = network.values_of(image, (image.shape[1], image.shape[0]), snr_db)
    noise = np.random.default_rng(seed).standard_normal(values.shape) * 10 ** (-snr_db / 20)
    return network.pixels_of((values + noise).astype(np.float32), snr_db)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="a folder in place of the held-out photos; prints, keeps nothing")
    given = parser.parse_args()
    images = of_folder(given.images) if given.images else held_out()
    networks = []
    for name, kind in NETWORKS.items():
        network, points = DeepJscc(name), []
        for snr_db in SNRS_DB:
            back = [sent(network, image, snr_db, number) for number, image in enumerate(images)]
            pairs = list(zip(images, back, strict=True))
            point = {
                "snr_db": snr_db,
                "psnr": report.with_interval([psnr(a, b) for a, b in pairs]),
                "ssim": report.with_interval([ssim(a, b) for a, b in pairs]),
            }
            points.append(point)
            print(name, point, flush=True)
        networks.append({"network": name, "cbr": kind.filters / 96, "trained_db": kind.snr_db, "points": points})
    if not given.images:
        data = f"{len(images)} held-out photos (training/data/photos.json), crops of {SIDE} x {SIDE}"
        report.write("deepjscc", data=data, models=list(NETWORKS), n=len(images), networks=networks)


if __name__ == "__main__":
    main()
