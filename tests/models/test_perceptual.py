"""Perceptual distance orders what people order; distances between sets agree with closed forms and with brute force."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy import linalg
from skimage import data

from gistchain.collection.known import nouns
from gistchain.errors import ModelError, SettingError
from gistchain.models.packaged.networks import network
from gistchain.models.packaged.perceptual import PackagedFeatures, PackagedPerceptual
from gistchain.score.distribution import frechet_distance, kernel_distance, kernel_mmd2
from gistchain.types import FeatureExtractor, PerceptualDistance, Pixels

DISTANCE = PackagedPerceptual()
SIZES = {64: data.astronaut()[:256, 100:356], 256: data.coffee()[:, 100:500], 100: data.chelsea()[:250, 100:350]}


@pytest.fixture(params=SIZES, scope="module")
def photo(request: pytest.FixtureRequest) -> Pixels:
    return np.asarray(Image.fromarray(SIZES[request.param]).resize((request.param, request.param)))


def noisy(image: Pixels, sigma: float) -> Pixels:
    return (image + np.random.default_rng(1).normal(0, sigma, image.shape)).round().clip(0, 255).astype(np.uint8)


def blurred(image: Pixels, radius: float) -> Pixels:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


def jpeg(image: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    with Image.open(file) as again:
        return np.asarray(again.convert("RGB"))


def test_they_are_what_the_protocols_ask_for() -> None:
    assert isinstance(DISTANCE, PerceptualDistance)
    assert isinstance(PackagedFeatures(), FeatureExtractor)


def test_equal_images_have_no_distance_and_order_does_not_matter(photo: Pixels) -> None:
    other = noisy(photo, 9)
    assert DISTANCE.distance(photo, photo.copy()) == 0
    assert DISTANCE.distance(photo, other) == pytest.approx(DISTANCE.distance(other, photo), rel=1e-6)
    assert DISTANCE.distance(photo, other) > 0


def test_it_grows_with_noise_blur_and_compression(photo: Pixels) -> None:
    for spoilt in (
        [noisy(photo, s) for s in (3, 10, 30, 90)],
        [blurred(photo, r) for r in (0.7, 1.5, 3, 6)],
        [jpeg(photo, q) for q in (95, 60, 25, 5)],
    ):
        distances = [DISTANCE.distance(photo, s) for s in spoilt]
        assert distances == sorted(distances)
        assert distances[0] < 0.5 * distances[-1]


def test_a_shift_by_a_pixel_costs_less_than_blur_and_far_less_than_another_picture(photo: Pixels) -> None:
    other = np.asarray(Image.fromarray(data.rocket()).resize(photo.shape[1::-1]))
    shifted, different = DISTANCE.distance(photo, np.roll(photo, 1, 1)), DISTANCE.distance(photo, other)
    # Pixel by pixel the shift is the greater error; to the eye the heavy blur is.
    assert shifted < DISTANCE.distance(photo, blurred(photo, 5))
    assert shifted < 0.4 * different
    assert 0.6 < different < 1.4


def test_pixel_art_that_shares_traits_is_nearer() -> None:
    images = nouns.tokens(nouns.sample(20, rng=np.random.default_rng(5), held=False)).images
    recoloured = images[0].copy()
    recoloured[(recoloured == recoloured[0, 0]).all(-1)] = (213, 180, 225)
    others = [DISTANCE.distance(images[0], i) for i in images[1:]]
    assert 0 < DISTANCE.distance(images[0], recoloured) < min(others)


def test_sizes_must_agree() -> None:
    with pytest.raises(ModelError, match="30 x 20 and 20 x 30"):
        DISTANCE.distance(np.zeros((20, 30, 3), np.uint8), np.zeros((30, 20, 3), np.uint8))


def test_features_are_those_of_the_network_one_row_an_image() -> None:
    images = [data.coffee(), data.chelsea()]
    features = PackagedFeatures().features(images)
    assert features.shape == (2, 1280)
    assert (features[1] == network().run(images[1]).pooled).all()
    assert PackagedFeatures().features([]).shape == (0, 1280)


def test_worse_copies_of_a_set_are_farther_from_it() -> None:
    images = list(nouns.tokens(nouns.sample(24, rng=np.random.default_rng(6), held=False)).images)
    extractor, rng = PackagedFeatures(), np.random.default_rng(0)
    clean = extractor.features(images)
    for distance in (frechet_distance, lambda a, b: kernel_distance(a, b, subsets=20, rng=rng)):
        found = [distance(clean, extractor.features([noisy(i, s) for i in images])).value for s in (5, 60)]
        assert found[0] < found[1]


def test_frechet_distance_of_samples_from_one_dimension() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(1, 2, (4000, 1)), rng.normal(-1, 0.5, (3000, 1))
    means, spreads = (a.mean() - b.mean()) ** 2, (a.std(ddof=1) - b.std(ddof=1)) ** 2
    found = frechet_distance(a, b)
    assert found.value == pytest.approx(means + spreads, rel=1e-9)
    assert found.value == pytest.approx(4 + 2.25, rel=0.1)
    assert (found.n, found.dimensions) == ((4000, 3000), 1)


@pytest.mark.parametrize("n", [8, 40])
def test_frechet_distance_agrees_with_the_square_root_of_the_matrix(n: int) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0, 1, (n, 12)) @ rng.normal(0, 1, (12, 12)), rng.normal(1, 2, (n + 5, 12))
    one, two = np.cov(a.T), np.cov(b.T)
    with np.errstate(all="ignore"):
        root = linalg.sqrtm(one @ two).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(one + two - 2 * root)
    assert frechet_distance(a, b).value == pytest.approx(expected, rel=1e-4)
    assert frechet_distance(a, a).value == pytest.approx(0, abs=1e-9)


def test_kernel_distance_agrees_with_a_loop_over_pairs() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(0, 1, (7, 3)), rng.normal(1, 1, (5, 3))

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / 3 + 1) ** 3)

    within = [np.mean([k(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j]) for s in (a, b)]
    across = np.mean([k(x, y) for x in a for y in b])
    assert kernel_mmd2(a, b) == pytest.approx(within[0] + within[1] - 2 * across)


def test_kernel_distance_has_no_bias_and_a_range() -> None:
    rng = np.random.default_rng(5)
    same = [kernel_mmd2(rng.normal(size=(20, 2)), rng.normal(size=(20, 2))) for _ in range(400)]
    assert abs(np.mean(same)) < 4 * np.std(same) / 20
    found = kernel_distance(rng.normal(0, 1, (200, 4)), rng.normal(1, 1, (300, 4)), subsets=50, rng=rng)
    assert found.interval is not None
    assert 0 < found.interval[0] < found.value < found.interval[1]
    assert found.n == (200, 300)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros((1, 4)), np.zeros((9, 4))),
        (np.zeros((9, 4)), np.zeros((0, 4))),
        (np.zeros((9, 4)), np.zeros((9, 5))),
        (np.zeros(9), np.zeros(9)),
        (np.zeros((9, 0)), np.zeros((9, 0))),
        (np.full((9, 4), np.nan), np.zeros((9, 4))),
    ],
)
def test_sets_that_are_no_measurement_are_refused(a: np.ndarray, b: np.ndarray) -> None:
    with pytest.raises(SettingError):
        frechet_distance(a, b)
    with pytest.raises(SettingError):
        kernel_distance(a, b, rng=np.random.default_rng(0))


def test_no_subsets_are_refused() -> None:
    with pytest.raises(SettingError, match="subsets"):
        kernel_distance(np.zeros((4, 2)), np.zeros((4, 2)), subsets=0, rng=np.random.default_rng(0))
