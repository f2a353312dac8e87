"""Subject, residual and file: what is coded comes back, also from bytes of strangers; and the forms of a picture."""

from __future__ import annotations

import io
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from skimage import data

from gistchain.errors import GistchainError, ImageError, PacketError, RebuildError, SettingError, TooFewBytes
from gistchain.gist import residual, subject
from gistchain.gist.forms import Form, best, cheapest
from gistchain.gist.packet import pack, unpack
from gistchain.gist.painted import LayerPainter
from gistchain.image import read_image
from gistchain.systems import rosis
from gistchain.types import Gist, ImageFile, Picture, Pixels, Residual, Subject
from tests.support.pictures import noun

COFFEE = np.asarray(Image.fromarray(data.coffee()).resize((120, 80)))


def never() -> Pixels:
    raise AssertionError("nothing needs to be painted")


class Plain:
    """A painter of one colour, other for every seed."""

    def paint(self, gist: Gist, seeds: list[int], strength: float | None = None) -> list[Pixels]:
        width, height = gist.size
        return [np.full((height, width, 3), 40 + seed, np.uint8) for seed in seeds]

    def varies(self, gist: Gist, strength: float | None = None) -> bool:
        return True


def picture(pixels: Pixels) -> Picture:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return read_image(file.getvalue(), "a picture")


shapes = st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))


@given(shapes.flatmap(lambda shape: st.tuples(arrays(np.uint8, shape), arrays(np.uint8, shape))), st.booleans())
@settings(max_examples=60)
def test_a_residual_gives_every_pixel_back(both: tuple[Pixels, Pixels], over: bool) -> None:
    pixels, painted = both
    made = residual.encode(pixels, painted if over else None)
    back = residual.decode(made, (pixels.shape[1], pixels.shape[0]), lambda: painted)
    assert np.array_equal(back, pixels)


def test_a_residual_over_what_is_painted_already_is_a_check_alone() -> None:
    made = residual.encode(COFFEE, COFFEE.copy())
    assert len(made.data) == 5
    assert np.array_equal(residual.decode(made, (120, 80), lambda: COFFEE), COFFEE)


def test_a_base_that_does_not_pay_is_not_used() -> None:
    noise = np.random.default_rng(0).integers(0, 256, COFFEE.shape, np.uint8)
    made = residual.encode(COFFEE, noise)
    assert np.array_equal(residual.decode(made, (120, 80), never), COFFEE)


def test_a_machine_that_paints_something_else_says_so() -> None:
    painted = COFFEE.copy()
    painted[:9, :9] = 0
    made = residual.encode(COFFEE, painted)
    assert np.array_equal(residual.decode(made, (120, 80), lambda: painted), COFFEE)
    other = painted.copy()
    other[40, 40, 1] ^= 1
    with pytest.raises(RebuildError, match="other models"):
        residual.decode(made, (120, 80), lambda: other)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x07",
        b"\x20",
        b"\x10\0\0",
        b"\x00more",
        b"\x01RIFFnotawebp",
        b"\x02" + zlib.compress(bytes(120 * 80 * 3 - 1)),
        b"\x02" + zlib.compress(bytes(120 * 80 * 3 + 1)),
        b"\x02" + zlib.compress(bytes(120 * 80 * 3)) + b"x",
        b"\x02" + zlib.compress(bytes(120 * 80 * 3))[:-3],
        b"\x02" + zlib.compress(bytes(1 << 28)),
    ],
)
def test_a_residual_of_a_stranger_is_refused(content: bytes) -> None:
    with pytest.raises(PacketError):
        residual.decode(Residual("exact", content), (120, 80), never)


def test_a_residual_of_a_later_coder_is_refused() -> None:
    with pytest.raises(PacketError, match="upgrade"):
        residual.decode(Residual("coder 9", b"\0"), (1, 1), never)


@pytest.mark.parametrize("most", [300, 1000, 5000])
def test_a_subject_is_cut_out_within_its_bytes_and_laid_back_in_its_place(most: int) -> None:
    mask = np.zeros(COFFEE.shape[:2], np.float32)
    mask[10:70, 30:90] = 1
    cut = subject.cut(COFFEE, mask, most)
    assert cut is not None
    assert len(cut.data) <= most
    assert cut.box == (30, 10, 60, 60)
    below = np.zeros_like(COFFEE)
    back = subject.laid_over(below, cut, (120, 80))
    assert not back[:10].any()
    assert not back[:, :30].any()
    middle = slice(15, 65), slice(35, 85)
    assert np.abs(back[middle].astype(int) - COFFEE[middle]).mean() < 25
    twice = subject.laid_over(np.zeros((160, 240, 3), np.uint8), cut, (120, 80))
    assert not twice[:20].any()
    assert twice[40:120, 80:160].any()


def test_more_bytes_make_a_better_subject() -> None:
    mask = np.ones(COFFEE.shape[:2], np.float32)
    errors = []
    for most in (300, 1000, 4000):
        cut = subject.cut(COFFEE, mask, most)
        assert cut is not None
        back = subject.laid_over(np.zeros_like(COFFEE), cut, (120, 80))
        errors.append(float(np.square(back.astype(float) - COFFEE).mean()))
    assert errors == sorted(errors, reverse=True)


def test_no_subject_and_too_few_bytes() -> None:
    assert subject.cut(COFFEE, np.zeros(COFFEE.shape[:2], np.float32), 1000) is None
    with pytest.raises(TooFewBytes):
        subject.cut(COFFEE, np.ones(COFFEE.shape[:2], np.float32), 20)


@given(st.binary(max_size=200))
@example(b"P1\t1 1 0")  # nine bytes that are a picture
@example(b"nothing")
@settings(max_examples=30)
def test_a_subject_of_a_stranger_is_laid_over_or_refused(content: bytes) -> None:
    stranger = Subject("image/png", content, (0, 0, 5, 5))
    try:
        read_image(content)
    except ImageError:
        with pytest.raises(RebuildError, match="subject"):
            subject.laid_over(COFFEE, stranger, (120, 80))
        return
    laid = subject.laid_over(COFFEE, stranger, (120, 80))
    height, width, _ = COFFEE.shape
    changed = (laid != COFFEE).any(2)
    changed[: round(5 * height / 80), : round(5 * width / 120)] = False
    assert laid.shape == COFFEE.shape
    assert not changed.any()


def test_a_painter_of_layers_lays_the_subject_over_every_isotope() -> None:
    mask = np.zeros(COFFEE.shape[:2], np.float32)
    mask[:40, :60] = 1
    cut = subject.cut(COFFEE, mask, 2000)
    gist = Gist(("a cup",), (120, 80), subject=cut)
    for seed, painted in zip((0, 1), LayerPainter(Plain()).paint(gist, [0, 1]), strict=True):
        assert (painted[50:] == 40 + seed).all()
        assert not (painted[5:35, 5:55] == 40 + seed).all()
    alone = LayerPainter(Plain(), subjects=False).paint(gist, [0])[0]
    assert (alone == 40).all()


def test_a_gist_in_another_size_keeps_its_subject_in_place() -> None:
    mask = np.zeros(COFFEE.shape[:2], np.float32)
    mask[20:60, 60:120] = 1
    gist = Gist(("a cup",), (120, 80), subject=subject.cut(COFFEE, mask, 2000))
    large, small = (LayerPainter(Plain()).paint(gist.resized(size), [0])[0] for size in ((480, 320), (30, 20)))
    assert (large[:, :230] == 40).all()
    assert not (large[100:220, 260:460] == 40).all()
    assert (small[:, :14] == 40).all()
    assert unpack(pack(gist.resized((30, 20)))).size == (30, 20)


def test_pixels_come_back_exactly_whatever_the_seed() -> None:
    painter = LayerPainter(Plain())
    over = Gist(("a cup",), (120, 80), residual=residual.encode(COFFEE, Plain().paint(Gist((), (120, 80)), [0])[0]))
    file = Gist((), (120, 80), file=ImageFile("image/png", _png(COFFEE)))
    for gist in (over, file):
        assert not painter.varies(gist)
        assert np.array_equal(painter.paint(unpack(pack(gist)), [7])[0], COFFEE)


def _png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_a_file_that_is_no_image_is_a_clear_error() -> None:
    with pytest.raises(RebuildError, match="the gist's image file"):
        LayerPainter(Plain()).paint(Gist((), (9, 9), file=ImageFile("image/png", b"junk")), [0])


def test_the_forms_of_a_token_are_measured_and_the_exact_one_is_small(tmp_path: Path) -> None:
    system = rosis()
    token = read_image(noun(3, tmp_path / "token.png", 64))
    forms = list(system.forms(token))
    by_name = {form.name: form for form in forms}
    assert {"caption", "latent", "exact", "file"} <= set(by_name)
    for form in forms:
        assert form.size_bytes == len(pack(form.gist))
    assert by_name["caption"].size_bytes <= 10
    assert by_name["caption"].fidelity is not None
    assert by_name["caption"].fidelity > 0.9
    assert by_name["exact"].exact
    assert by_name["file"].exact
    rebuilt = system.rebuild(unpack(pack(by_name["exact"].gist)))
    assert np.array_equal(rebuilt.chosen.image, token.pixels)
    assert len(rebuilt.isotopes) == 1
    latents = [form.fidelity for form in forms if form.name == "latent"]
    assert latents == sorted(latents, key=lambda fidelity: fidelity or 0)


@pytest.mark.parametrize("form", ["exact", "file"])
def test_a_system_of_pixels_gives_them_back(form: str) -> None:
    system = rosis(form=form)  # type: ignore[arg-type]
    small = picture(np.asarray(Image.fromarray(data.chelsea()).resize((90, 60))))
    described = system.describe(small)
    assert described.gist.latent is None
    rebuilt = system.rebuild(unpack(pack(described.gist)))
    assert np.array_equal(rebuilt.chosen.image, small.pixels)


def test_a_system_of_subjects_sends_one_beside_the_latent() -> None:
    astronaut = picture(np.asarray(Image.fromarray(data.astronaut()).resize((256, 256))))
    gist = rosis(form="subject").describe(astronaut).gist
    assert gist.latent is not None
    assert gist.subject is not None
    assert unpack(pack(gist)) == gist
    assert rosis().rebuild(gist).chosen.image.shape == (256, 256, 3)


def test_what_is_too_large_for_a_form_is_refused_with_its_size() -> None:
    noise = picture(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    assert noise.file is None
    with pytest.raises(SettingError, match="can't be kept as it is"):
        rosis(form="file").describe(noise, caption="noise")
    small = picture(COFFEE)
    with pytest.raises(SettingError, match="this form takes"):
        rosis(form="exact").describe(small, budget=200)


def rows() -> list[Form]:
    gist = Gist(("a",), (5, 5))
    numbers = ((7, None), (300, 0.6), (1000, 0.8), (900, 0.8), (9000, 1.0))
    return [Form("latent", replace(gist), size, fidelity, fidelity == 1.0) for size, fidelity in numbers]


@pytest.mark.parametrize(("most", "chosen"), [(8, 7), (300, 300), (899, 300), (2000, 900), (1e9, 9000)])
def test_a_budget_buys_the_best_form_within_it(most: float, chosen: int) -> None:
    assert best(rows(), most).size_bytes == chosen


def test_a_budget_may_be_of_another_kind() -> None:
    assert best(rows(), 21_000 + 16 * 950, cost=lambda size: 21_000 + 16 * size).size_bytes == 900
    with pytest.raises(SettingError, match="the cheapest costs 7"):
        best(rows(), 6)


def test_the_cheapest_form_of_a_fidelity() -> None:
    assert cheapest(rows(), 0.7).size_bytes == 900
    with pytest.raises(GistchainError, match=r"fidelity of 2"):
        cheapest(rows(), 2)
