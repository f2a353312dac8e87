"""The latent coder 'photo': every beginning is a picture, every byte string an answer."""

from __future__ import annotations

import contextlib
import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from gistchain.errors import RebuildError, TooFewBytes
from gistchain.models.photo.latent import PhotoLatent
from gistchain.models.photo.latent.coder import HEADER_BYTES, LARGEST, SMALLEST, load_odds, working_size
from gistchain.models.photo.latent.pyramid import Pyramid
from gistchain.models.photo.latent.rangecoder import ONE, Exhausted, RangeDecoder, RangeEncoder
from gistchain.models.photo.latent.scan import scan
from gistchain.models.photo.latent.wavelet import analyse, synthesise, to_pixels, to_planes
from gistchain.score.fidelity import psnr, ssim
from gistchain.types import Latent, LatentCoder, Pixels

CODER = PhotoLatent()


def photo(side: int = 128) -> Pixels:
    return np.ascontiguousarray(data.astronaut()[:256, 128:384][:: 256 // side, :: 256 // side])


def drawing(side: int = 96) -> Pixels:
    """A red disc and a blue bar over yellow, with hard edges."""
    y, x = np.mgrid[:side, :side] / side
    image = np.full((side, side, 3), (250, 220, 60), np.uint8)
    image[(x - 0.4) ** 2 + (y - 0.45) ** 2 < 0.08] = (200, 30, 30)
    image[(y > 0.75) & (y < 0.85)] = (20, 40, 160)
    return image


def rebuilt(image: Pixels, size_bytes: int) -> Pixels:
    return CODER.decode(CODER.encode(image, size_bytes), (image.shape[1], image.shape[0]))


def test_it_is_a_latent_coder() -> None:
    assert isinstance(CODER, LatentCoder)


@pytest.mark.parametrize("image", [photo(), drawing()], ids=["photo", "drawing"])
def test_the_picture_comes_back_better_for_more_bytes(image: Pixels) -> None:
    quality = [psnr(image, rebuilt(image, n)) for n in (64, 256, 1024, 4096)]
    assert quality == sorted(quality)
    assert quality[0] > 14
    assert quality[-1] > 32


def test_a_photo_in_one_kilobyte_is_recognised() -> None:
    assert ssim(photo(256), rebuilt(photo(256), 1024)) > 0.65


@pytest.mark.parametrize("size_bytes", [64, 65, 100, 127, 500, 1023, 4096, 8192])
def test_the_budget_is_never_exceeded_and_nearly_used(size_bytes: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 80, 3), dtype=np.uint8)
    assert len(CODER.encode(noise, size_bytes).data) == size_bytes
    assert len(CODER.encode(drawing(40), size_bytes).data) <= size_bytes


def test_every_beginning_of_a_latent_is_a_poorer_picture_of_the_same_scene() -> None:
    image = photo()
    whole = CODER.encode(image, 2048).data
    cuts = (40, 64, 100, 160, 256, 400, 640, 1024, 1600, 2048)
    quality = [psnr(image, CODER.decode(Latent("photo", whole[:n]), (128, 128))) for n in cuts]
    assert np.all(np.diff(quality) > -0.05), quality
    assert quality[-1] - quality[0] > 8


def test_a_smaller_latent_is_the_beginning_of_a_larger_one() -> None:
    large, small = CODER.encode(photo(), 1500).data, CODER.encode(photo(), 300).data
    assert large[HEADER_BYTES:300] == small[HEADER_BYTES:]


def test_any_cut_decodes() -> None:
    whole = CODER.encode(drawing(40), 200).data
    for n in range(HEADER_BYTES, len(whole), 3):
        assert CODER.decode(Latent("photo", whole[:n]), (30, 20)).shape == (20, 30, 3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (2, 3), (17, 33), (5, 200), (61, 47), (300, 40)])
def test_every_shape_comes_back(shape: tuple[int, int]) -> None:
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.stack([x * 255 // shape[1], y * 255 // shape[0], np.full(shape, 90)], axis=-1).astype(np.uint8)
    again = rebuilt(image, 1024)
    assert again.shape == image.shape
    assert psnr(image, again) > 28


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (200, 30, 90)])
def test_one_colour_needs_few_bytes(colour: tuple[int, int, int]) -> None:
    image = np.full((64, 48, 3), colour, np.uint8)
    assert len(CODER.encode(image, 64).data) <= 64
    assert np.abs(rebuilt(image, 64).astype(int) - image).max() <= 3


def test_grey_stays_grey() -> None:
    grey = np.repeat(photo().mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    again = rebuilt(grey, 512)
    assert (again == again[..., :1]).all()


def test_small_pictures_are_nearly_exact_in_eight_kilobytes() -> None:
    image = photo(32)
    assert psnr(image, rebuilt(image, 8192)) > 40


def test_large_pictures_are_described_small_and_rebuilt_in_full() -> None:
    image = np.kron(drawing(128), np.ones((8, 6, 1), np.uint8))
    latent = CODER.encode(image, 1024)
    assert CODER.decode(latent, (768, 1024)).shape == (1024, 768, 3)
    assert CODER.decode(latent, (50, 70)).shape == (70, 50, 3)
    assert working_size(6000, 4000, 1024) == (314, 209)
    assert max(working_size(100_000, 10, 8192)) == 512


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert CODER.encode(photo(), 700) == PhotoLatent().encode(photo(), 700)


def test_the_format_is_the_one_of_version_1() -> None:
    """Other bytes here mean that what was written before can't be read any more: raise the version."""
    whole = CODER.encode(drawing(48), 200).data
    assert whole[:HEADER_BYTES] in (b"\x2b\x00\x5e\x2f", b"\x2b\x04\x5e\x2f")  # with and without the correction
    assert hashlib.sha256(whole[HEADER_BYTES:]).hexdigest()[:16] == "545c86039b8d0194"


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_a_picture_or_a_rebuild_error(raw: bytes, headed: bool) -> None:
    if headed:  # past the first check: a grid of at most 128 x 128
        raw = bytes([0x20 | raw[0] & 0x1F if raw else 0x2A, 0x04, 0xFE, 0x7F]) + raw[1:]
    with contextlib.suppress(RebuildError):
        assert CODER.decode(Latent("photo", raw), (9, 7)).shape == (7, 9, 3)


def test_the_worst_header_is_decoded_in_bounded_time() -> None:
    raw = (1 << 29 | 13 << 24 | 511 << 9 | 511).to_bytes(4, "big") + bytes(1500)
    assert CODER.decode(Latent("photo", raw), (8, 8)).shape == (8, 8, 3)


@pytest.mark.parametrize("raw", [b"", b"\x20\0\0", b"\0" * 64, b"\xff" * 64, b"\x20" + bytes(LARGEST)])
def test_what_is_no_latent_is_refused(raw: bytes) -> None:
    with pytest.raises(RebuildError, match="'photo'"):
        CODER.decode(Latent("photo", raw), (8, 8))


def test_a_latent_of_another_coder_is_refused() -> None:
    with pytest.raises(RebuildError, match="'thumb'"):
        CODER.decode(Latent("thumb", CODER.encode(photo(32), 64).data), (8, 8))


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (100_000, 100_000)])
def test_a_picture_that_cannot_be_made_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(RebuildError, match="pixels"):
        CODER.decode(CODER.encode(drawing(16), 64), size)


@pytest.mark.parametrize("size_bytes", [-1, 0, SMALLEST - 1])
def test_a_size_that_cannot_be_done_is_refused(size_bytes: int) -> None:
    with pytest.raises(TooFewBytes, match=str(SMALLEST)):
        CODER.encode(photo(32), size_bytes)


@given(st.integers(0, 2**32 - 1), st.integers(0, 120))
@settings(max_examples=30, deadline=None)
def test_bits_of_a_cut_stream_are_right_as_far_as_they_go(seed: int, kept: int) -> None:
    rng = np.random.default_rng(seed)
    ones = rng.integers(3, ONE - 3, 1000)
    bits = (rng.random(1000) < ones / ONE).astype(np.uint8)
    encoder = RangeEncoder(10_000)
    encoder.code(ones, bits)
    whole = encoder.finish()
    np.testing.assert_array_equal(RangeDecoder(whole).code(ones), bits)
    if kept < len(whole):
        with pytest.raises(Exhausted) as end:
            RangeDecoder(whole[:kept]).code(ones)
        certain = end.value.bits
        np.testing.assert_array_equal(certain, bits[: len(certain)])
        chance = np.where(certain != 0, ones[: len(certain)], ONE - ones[: len(certain)]) / ONE
        assert -np.log2(chance).sum() > 8 * kept - 40  # no whole word of it was left unread


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (64, 64), (37, 50)])
def test_the_wavelet_is_undone(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    again = to_pixels(*(synthesise(analyse(plane)) for plane in to_planes(image)))
    assert np.abs(again.astype(int) - image).max() <= 1


def test_a_scan_to_the_end_knows_every_coefficient_to_within_one() -> None:
    pyramid = Pyramid(20, 24, grey=True)
    bands = analyse(np.random.default_rng(0).normal(0, 40, (20, 24)).astype(np.float32))
    planes = pyramid.take([bands])
    encoder = RangeEncoder(100_000)
    scan(pyramid, planes, load_odds(), encoder)
    again = Pyramid(20, 24, grey=True)
    scan(again, planes, load_odds(), RangeDecoder(encoder.finish()))
    np.testing.assert_allclose(again.give()[0].low, bands.low, atol=1)
    np.testing.assert_allclose(again.give()[0].details[0][0], bands.details[0][0], atol=1)
