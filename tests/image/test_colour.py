"""Colours are what a viewer would show: sRGB, by the profile in the file."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from gistchain.image import read_image
from tests.support.pictures import encoded
from tests.support.profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    cmyk_profile,
    grey_profile,
    rgb_profile,
    srgb_of,
    srgb_of_lab,
)

LEVELS = np.array(np.meshgrid(*[[0, 40, 128, 200, 255]] * 3), np.uint8).reshape(3, -1).T.reshape(5, 25, 3)


def off(pixels: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(pixels.astype(float) - wanted).max())


@pytest.mark.parametrize(("matrix", "gamma"), [(DISPLAY_P3, 2.2), (ADOBE_RGB, 2.2), (SRGB[:, [1, 0, 2]], 1.8)])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_colours_are_converted_by_the_profile(kind: str, matrix: np.ndarray, gamma: float) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(LEVELS), kind, icc_profile=rgb_profile(matrix, gamma), **options)
    wanted = srgb_of(LEVELS.astype(float), matrix, round(gamma * 256) / 256)
    picture = read_image(data)
    assert off(picture.pixels, wanted) <= 3
    assert picture.notes == ()
    assert off(LEVELS, wanted) > 30  # it matters


def test_three_files_that_look_alike_are_read_alike() -> None:
    small = np.random.default_rng(0).integers(60, 190, (6, 9, 3), dtype=np.uint8)
    cat = np.asarray(Image.fromarray(small).resize((90, 60), Image.Resampling.BICUBIC))
    swapped = encoded(Image.fromarray(cat[..., [1, 0, 2]]), icc_profile=rgb_profile(SRGB[:, [1, 0, 2]], 2.2))
    linear = (cat / 255.0) ** 2.2 @ (np.linalg.inv(DISPLAY_P3) @ SRGB).T
    wide = (255 * np.clip(linear, 0, 1) ** (1 / 2.2)).round().astype(np.uint8)
    wide_gamut = encoded(Image.fromarray(wide), icc_profile=rgb_profile(DISPLAY_P3, 2.2))
    plain = read_image(encoded(Image.fromarray(cat), icc_profile=rgb_profile(SRGB, 2.2))).pixels.astype(float)
    for data in (swapped, wide_gamut):
        assert np.abs(read_image(data).pixels - plain).mean() < 1
        assert np.abs(read_image(data).pixels - plain).max() <= 4


def test_pixels_with_the_profile_of_srgb_are_left_as_they_are() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = read_image(encoded(Image.fromarray(LEVELS), icc_profile=profile))
    assert (picture.pixels == LEVELS).all()
    assert picture.notes == ()


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_levels_are_converted_by_a_grey_profile(mode: str) -> None:
    levels = np.arange(0, 256, 5, dtype=np.uint8)[None]
    grey = Image.fromarray(levels.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(levels).convert(mode)
    pixels = read_image(encoded(grey, icc_profile=grey_profile(1.0))).pixels
    wanted = srgb_of(np.repeat(levels[..., None], 3, 2).astype(float), SRGB, 1.0)
    assert off(pixels, wanted) <= 2


def test_a_grey_picture_with_the_profile_of_a_display_is_converted_too() -> None:
    levels = np.arange(0, 256, 5, dtype=np.uint8)[None]
    pixels = read_image(encoded(Image.fromarray(levels), icc_profile=rgb_profile(SRGB, 1.0))).pixels
    assert off(pixels, srgb_of(np.repeat(levels[..., None], 3, 2).astype(float), SRGB, 1.0)) <= 2


def test_sixteen_bits_of_colour_are_converted() -> None:
    import cv2

    file = cv2.imencode(".png", LEVELS[..., ::-1].astype(np.uint16) * 257)[1].tobytes()
    profile = encoded(Image.new("RGB", (1, 1)), icc_profile=rgb_profile(DISPLAY_P3, 2.2))
    at = profile.index(b"iCCP") - 4
    chunk = profile[at : at + 12 + int.from_bytes(profile[at : at + 4], "big")]
    pixels = read_image(file[:33] + chunk + file[33:]).pixels
    assert off(pixels, srgb_of(LEVELS.astype(float), DISPLAY_P3, round(2.2 * 256) / 256)) <= 3


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_are_converted_by_the_profile_of_the_press(kind: str) -> None:
    c, m, y, k = np.meshgrid(*[[0.0, 1.0]] * 4, indexing="ij")
    lightness = 95 - 18 * c - 22 * m - 5 * y - 45 * k
    tint = 1 - 0.8 * k
    lab = np.stack([lightness, (30 * m - 15 * c - 5 * y) * tint, (35 * y - 20 * c - 5 * m) * tint], -1).round()
    inks = np.zeros((32, 16 * 8, 4), np.uint8)
    for n in range(16):
        inks[:, 8 * n : 8 * n + 8] = [255 * (n >> bit & 1) for bit in (3, 2, 1, 0)]
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    data = encoded(Image.fromarray(inks, "CMYK"), kind, icc_profile=cmyk_profile(lab), **options)
    wanted = srgb_of_lab(lab.reshape(16, 3))
    pixels = read_image(data).pixels[16, 4::8]
    # Paper is white and full ink is black, whatever they measure: the profile is used relative to them.
    assert pixels[0].tolist() == [255, 255, 255]
    assert pixels[15].max() <= 2
    assert off(pixels[1:15], wanted[1:15]) <= 15


def test_inks_without_a_profile_are_taken_as_usual() -> None:
    red = read_image(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")).pixels
    assert off(red, np.array([255, 0, 0])) <= 6


def test_lab_is_read() -> None:
    lab = np.array([[[50.0, 0, 0], [60, 40, 20], [45, -20, 10], [80, 5, -30]]])
    lightness = (lab[..., :1] * 255 / 100).round().astype(np.uint8)
    stored = np.concatenate([lightness, lab[..., 1:].astype(np.int8).view(np.uint8)], -1)
    image = Image.frombytes("LAB", (4, 1), stored.tobytes())
    pixels = read_image(encoded(image, "TIFF")).pixels
    assert off(pixels, srgb_of_lab(lab)) <= 4


@pytest.mark.parametrize(
    "profile",
    [b"not a profile", rgb_profile(SRGB, 2.2)[:150], cmyk_profile(np.zeros((2, 2, 2, 2, 3))), b"\0" * 9_000_000],
    ids=["text", "cut", "cmyk", "huge"],
)
def test_a_profile_that_cannot_be_used_is_noted_and_the_pixels_stay(profile: bytes) -> None:
    picture = read_image(encoded(Image.fromarray(LEVELS), "TIFF", icc_profile=profile))
    assert (picture.pixels == LEVELS).all()
    assert len(picture.notes) == 1
    assert picture.notes[0].startswith("its colour profile can't be used")


def test_a_transparent_drawing_is_converted_before_it_is_laid_over_anything() -> None:
    rgba = np.dstack([LEVELS, np.full(LEVELS.shape[:2], 255, np.uint8)])
    rgba[0, 0, 3] = 0
    picture = read_image(encoded(Image.fromarray(rgba), icc_profile=rgb_profile(DISPLAY_P3, 2.2)))
    wanted = srgb_of(LEVELS.astype(float), DISPLAY_P3, round(2.2 * 256) / 256)
    assert picture.pixels[0, 0].tolist() == [255, 255, 255]
    assert off(picture.pixels[1:], wanted[1:]) <= 3
