"""The latent of an autoencoder as bytes: what is written is read, whatever else is refused."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.errors import ModelError, RebuildError
from gistchain.models.diffusers.latentbytes import pack, unpack

GOLDEN = "01010404092cf849ca610c01250da3710cdf14f9aa9cd6ed"
"""Of version 1: bytes on a chain are read for ever."""


@given(
    channels=st.integers(1, 16),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    spread=st.floats(0, 1e4),
    shift=st.floats(-1e3, 1e3),
)
def test_numbers_come_back_to_half_a_step(channels: int, height: int, width: int, spread: float, shift: float) -> None:
    rng = np.random.default_rng(0)
    values = (rng.normal(0, 1, (channels, height, width)) * spread + shift).astype(np.float32)
    read = unpack(pack(values), channels=channels)
    assert read.shape == values.shape
    # A step is the largest number over 127, at least the smallest normal float16, rounded up to a float16.
    steps = np.maximum(abs(values).max((1, 2)) / 127, 2.0**-14) * 1.001
    assert (abs(read - values).max((1, 2)) <= 0.5001 * steps).all()


def test_a_latent_of_gaussian_numbers_takes_little_more_than_their_entropy() -> None:
    values = np.random.default_rng(1).normal(0, 1, (4, 64, 64)).astype(np.float32)
    deviations = [channel.std() / (abs(channel).max() / 127) for channel in values]
    entropy = sum(math.log2(d * math.sqrt(2 * math.pi * math.e)) for d in deviations) / 4
    assert len(pack(values)) * 8 / values.size < entropy + 0.05


def test_the_same_latent_gives_the_same_bytes_and_those_of_this_version() -> None:
    values = np.arange(-8, 8, dtype=np.float32).reshape(1, 4, 4)
    assert pack(values) == pack(values.copy())
    assert pack(values).hex() == GOLDEN


def test_a_flat_latent_is_one_too() -> None:
    for level in (0.0, 3.0, -1e-9):
        read = unpack(pack(np.full((4, 3, 2), level, np.float32)), channels=4)
        np.testing.assert_allclose(read, level, atol=0.02)


@pytest.mark.parametrize("values", [np.full((1, 2, 2), np.nan), np.full((1, 2, 2), np.inf), np.full((1, 1, 1), 1e30)])
def test_numbers_without_end_are_refused(values: np.ndarray) -> None:
    with pytest.raises(ModelError):
        pack(values.astype(np.float32))


def test_a_latent_that_is_too_large_is_refused() -> None:
    with pytest.raises(ModelError, match="255"):
        pack(np.zeros((1, 256, 1), np.float32))


@given(cut=st.integers(0, 400))
def test_a_cut_latent_is_refused(cut: int) -> None:
    data = pack(np.random.default_rng(2).normal(0, 1, (4, 6, 9)).astype(np.float32))
    with pytest.raises(RebuildError):
        unpack(data[: min(cut, len(data) - 1)], channels=4)
    with pytest.raises(RebuildError):
        unpack(data + bytes(cut + 1), channels=4)


@given(st.binary(max_size=300), st.integers(1, 16))
def test_any_bytes_are_a_latent_or_refused(data: bytes, channels: int) -> None:
    with contextlib.suppress(RebuildError):
        assert np.isfinite(unpack(data, channels=channels)).all()


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_flipped_bit_gives_finite_numbers_or_is_refused(place: int, bit: int) -> None:
    data = bytearray(pack(np.random.default_rng(3).normal(0, 1, (4, 6, 9)).astype(np.float32)))
    data[place % len(data)] ^= 1 << bit
    with contextlib.suppress(RebuildError):
        assert np.isfinite(unpack(bytes(data), channels=4)).all()
