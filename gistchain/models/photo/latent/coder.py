"""PhotoLatent: any image <-> 16 B to 16 KB, of which every beginning is a poorer picture of the same scene."""

from __future__ import annotations

import functools
import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError, RebuildError, TooFewBytes
from gistchain.models.photo.latent.contexts import NETWORKS, ContextNetwork, TrainedOdds
from gistchain.models.photo.latent.pyramid import PLANES, Pyramid
from gistchain.models.photo.latent.rangecoder import RangeDecoder, RangeEncoder
from gistchain.models.photo.latent.scan import scan
from gistchain.models.photo.latent.wavelet import Plane, analyse, synthesise, to_pixels, to_planes
from gistchain.models.zoo.onnx import session
from gistchain.models.zoo.weights import WEIGHTS, card
from gistchain.types import Latent, Pixels

VERSION = 1
HEADER_BYTES = 4
SMALLEST, LARGEST = 16, 16384  # bytes
MAX_PIXELS = 100_000_000  # of a decoded picture
LONGEST_SIDE = 512
_FEW_PIXELS = 256 * 256  # the most that a latent below _MANY_BYTES describes
_MANY_BYTES = 2048
_MULTIPLE = 16  # of pixels a side, for the network


class PhotoLatent:
    """Fulfils LatentCoder."""

    name = "photo"

    def encode(self, image: Pixels, size_bytes: int) -> Latent:
        """At most `size_bytes` and LARGEST, fewer where fewer hold it all. Raises TooFewBytes below SMALLEST."""
        if size_bytes < SMALLEST:
            raise TooFewBytes(
                f"latent coder 'photo' makes {SMALLEST} to {LARGEST} bytes, not {size_bytes}: allow it more"
            )
        size_bytes = min(size_bytes, LARGEST)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ModelError(
                f"latent coder 'photo' takes uint8 RGB (height, width, 3), not {image.dtype} {image.shape}"
            )
        width, height = working_size(image.shape[1], image.shape[0], size_bytes)
        small = _resize(image, width, height)
        grey = bool((small == small[..., :1]).all())
        pyramid = Pyramid(height, width, grey)
        planes = pyramid.take([analyse(plane) for plane in to_planes(small)[: 1 if grey else 3]])
        encoder = RangeEncoder(size_bytes - HEADER_BYTES)
        scan(pyramid, planes, self._odds, encoder)
        known = _planes(pyramid)
        better = _error(small, to_pixels(*self._correct(known, pyramid))) < _error(small, to_pixels(*known))
        header = VERSION << 29 | grey << 28 | planes << 24 | better << 18 | (width - 1) << 9 | (height - 1)
        return Latent(self.name, header.to_bytes(HEADER_BYTES, "big") + encoder.finish())

    def decode(self, latent: Latent, size: tuple[int, int]) -> Pixels:
        """A latent that was cut behind its header decodes too. Raises RebuildError for other bytes."""
        if latent.coder != self.name:
            raise RebuildError(f"this latent was made by {latent.coder!r}, not by 'photo': decode it with that coder")
        if not HEADER_BYTES <= len(latent.data) <= LARGEST:
            raise RebuildError(
                f"a 'photo' latent has {HEADER_BYTES} to {LARGEST} bytes, this one {len(latent.data)}: it is damaged"
            )
        if min(size) < 1 or size[0] * size[1] > MAX_PIXELS:
            raise RebuildError(
                f"a picture of {size[0]} x {size[1]} pixels can't be made: ask for 1 to {MAX_PIXELS:,} pixels"
            )
        header = int.from_bytes(latent.data[:HEADER_BYTES], "big")
        if header >> 29 != VERSION or header >> 19 & 31 or header >> 24 & 15 > PLANES:
            raise RebuildError(
                "these bytes are damaged, or a 'photo' latent of a version that this gistchain can't read"
            )
        width, height = (header >> 9 & 511) + 1, (header & 511) + 1
        pyramid = Pyramid(height, width, bool(header >> 28 & 1))
        scan(pyramid, header >> 24 & 15, self._odds, RangeDecoder(latent.data[HEADER_BYTES:]))
        known = _planes(pyramid)
        if header >> 18 & 1:
            known = self._correct(known, pyramid)
        return _resize(to_pixels(*known), *size)

    def _correct(self, planes: list[Plane], pyramid: Pyramid) -> list[Plane]:
        x = network_input(planes, pyramid.reached)
        change = self._network.run(None, {"x": x})[0][0]
        shape = planes[0].shape
        corrected = [plane + change[c, : shape[0], : shape[1]] for c, plane in enumerate(planes)]
        return [corrected[0], *planes[1:]] if pyramid.grey else corrected

    @functools.cached_property
    def _odds(self) -> TrainedOdds:
        return load_odds()

    @functools.cached_property
    def _network(self) -> Any:
        return session("latent-photo")


def _planes(pyramid: Pyramid) -> list[Plane]:
    """Y, Cb and Cr as far as they are known."""
    known = [synthesise(bands) for bands in pyramid.give()]
    return known + [np.zeros_like(known[0])] * (3 - len(known))


def working_size(width: int, height: int, size_bytes: int) -> tuple[int, int]:
    """The (width, height) that a latent of this size describes; never larger than the picture."""
    area = _FEW_PIXELS if size_bytes < _MANY_BYTES else LONGEST_SIDE**2
    scale = min(1.0, (area / (width * height)) ** 0.5, LONGEST_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def network_input(planes: list[Plane], reached: float) -> NDArray[np.float32]:
    """Shape (1, 4, H, W): Y, Cb, Cr divided by 64, and how far the scan got; sides padded to multiples of _MULTIPLE."""
    height, width = planes[0].shape
    padding = ((0, -height % _MULTIPLE), (0, -width % _MULTIPLE))
    padded = [np.pad(plane, padding, mode="edge") * np.float32(1 / 64) for plane in planes]
    return np.stack([*padded, np.full_like(padded[0], reached / 8)])[None]


def load_odds() -> TrainedOdds:
    """The tables that the model card names. Raises ModelError where they are missing, or not those of the card."""
    path, wanted = WEIGHTS / "latent-photo.npz", card("latent-photo")["tables_sha256"]
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the tables of 'latent-photo' can't be read ({error}): reinstall gistchain") from error
    if hashlib.sha256(raw).hexdigest() != wanted:
        raise ModelError(f"{path} is damaged or another file (its sha256 is not the card's): reinstall gistchain")
    with np.load(path, allow_pickle=False) as kept:
        networks = {
            name: ContextNetwork(*(kept[f"{name}.{k}"].astype(np.float32) for k in range(6))) for name in NETWORKS
        }
        return TrainedOdds(kept["flags"].astype(np.int64), networks)


def _resize(image: Pixels, width: int, height: int) -> Pixels:
    if image.shape[:2] == (height, width):
        return image
    from PIL import Image

    gap = 3.0 if image.shape[0] > 2 * height else None
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS, reducing_gap=gap))


def _error(a: Pixels, b: Pixels) -> int:
    return int(((a.astype(np.int64) - b) ** 2).sum())
