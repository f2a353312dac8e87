"""The latent of an autoencoder <-> bytes: int8 with a scale for each channel, entropy coded as Gaussian numbers.

1 byte   version, 1
3 bytes  channels, height, width
4 bytes  for each channel: scale (float16, little-endian), mean (int8) and deviation (uint8, >= 1), in steps
rest     a range coder's 32-bit words, channel by channel (constriction)
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError, RebuildError

VERSION = 1
LARGEST_SIDE = 255
_TOP = 127
_LARGEST_SCALE = 1000.0  # numbers of trained latents reach a few tens, scales about one
_HEADER, _CHANNEL = struct.Struct("<4B"), struct.Struct("<ebB")
_BROKEN = "the latent is damaged: ask for it again, or rebuild from the caption"


def pack(values: NDArray[np.float32]) -> bytes:
    """The bytes of a latent (channels, height, width). Raises ModelError for one that is too large or not finite."""
    if values.ndim != 3 or max(values.shape) > LARGEST_SIDE or not np.isfinite(values).all():
        raise ModelError(
            f"a latent of shape {values.shape} can't be written: only sides up to {LARGEST_SIDE} and finite numbers can"
        )
    header, planes = _HEADER.pack(VERSION, *values.shape), []
    for channel in values:
        # The scale is rounded up first, so that the reader multiplies by the number that was divided by here.
        scale = _rounded_up(float(abs(channel).max()) / _TOP)
        steps = np.clip(np.rint(channel / scale), -_TOP, _TOP).astype(np.int32).reshape(-1)
        mean = int(np.clip(np.rint(steps.mean()), -_TOP, _TOP))
        deviation = int(np.clip(np.rint(steps.std()), 1, 255))
        header += _CHANNEL.pack(scale, mean, deviation)
        planes.append((steps, mean, deviation))
    return header + _words(planes)


def unpack(data: bytes, *, channels: int) -> NDArray[np.float32]:
    """The latent (channels, height, width). Raises RebuildError for bytes that pack() didn't write."""
    import constriction

    start = _HEADER.size + channels * _CHANNEL.size
    if len(data) < start or (len(data) - start) % 4:
        raise RebuildError(f"a latent of {len(data)} bytes is cut off; {_BROKEN}")
    version, written, height, width = _HEADER.unpack_from(data)
    if version != VERSION:
        raise RebuildError(
            f"the latent is written in version {version}, this one reads {VERSION}; update, or {_BROKEN}"
        )
    if written != channels or not height or not width:
        raise RebuildError(f"the latent says {written} x {height} x {width} where {channels} channels fit; {_BROKEN}")
    decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4", offset=start).astype(np.uint32))
    scales, planes = [], []
    for k in range(channels):
        scale, mean, deviation = _CHANNEL.unpack_from(data, _HEADER.size + k * _CHANNEL.size)
        if not (0 < scale <= _LARGEST_SCALE + 1 and deviation >= 1):  # false for NaN too
            raise RebuildError(f"a channel of the latent has scale {scale} and deviation {deviation}; {_BROKEN}")
        scales.append(np.float32(scale))
        planes.append((_read(decoder, mean, deviation, height * width), mean, deviation))
    # Nearly any words can be read as numbers; undamaged ones are those that these numbers are written as.
    if _words(planes) != data[start:]:
        raise RebuildError(f"the latent holds more or other numbers than it says; {_BROKEN}")
    values = [scale * steps.astype(np.float32) for scale, (steps, _, _) in zip(scales, planes, strict=True)]
    return np.stack(values).reshape(channels, height, width)


def _read(decoder: Any, mean: int, deviation: int, count: int) -> NDArray[np.int32]:
    try:
        return np.asarray(decoder.decode(_model(mean, deviation), count), np.int32)
    except (AssertionError, ValueError) as error:  # words that no encoder writes
        raise RebuildError(f"the numbers of the latent can't be read ({error}); {_BROKEN}") from error


def _words(planes: list[tuple[NDArray[np.int32], int, int]]) -> bytes:
    import constriction

    encoder = constriction.stream.queue.RangeEncoder()
    for steps, mean, deviation in planes:
        encoder.encode(steps, _model(mean, deviation))
    return np.asarray(encoder.get_compressed()).astype("<u4").tobytes()


def _model(mean: int, deviation: int) -> Any:
    import constriction

    return constriction.stream.model.QuantizedGaussian(-_TOP, _TOP, float(mean), float(deviation))


def _rounded_up(scale: float) -> float:
    """The next float16, at least the smallest normal one: a flat channel needs a scale too."""
    if scale > _LARGEST_SCALE:
        raise ModelError(f"a latent reaches {scale * _TOP:.3g}: the autoencoder's weights are broken")
    half = np.float16(max(scale, 2.0**-14))
    return float(half if float(half) >= scale else np.nextafter(half, np.float16(np.inf)))
