"""Drawings and films are read by what they show; they open no file, ask no server and run no script."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gistchain.errors import ImageError
from gistchain.image import read_image

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50">{}</svg>'
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
HALF = '<rect width="50" height="50" fill="#ff0000"/>'


def drawn(inside: str) -> tuple[tuple[int, int], tuple[str, ...], list[int]]:
    picture = read_image(SVG.format(inside).encode(), "a.svg")
    return picture.size, picture.notes, picture.pixels[10, 10].tolist()


def test_a_drawing_is_drawn_at_least_512_wide() -> None:
    assert drawn(HALF) == ((512, 256), ("transparent: laid over white",), [255, 0, 0])


def test_text_is_drawn_where_there_is_a_font() -> None:
    picture = read_image(SVG.format('<text x="5" y="40" font-size="40" font-family="Nowhere">HHH</text>').encode())
    if not list(Path("/usr/share/fonts").rglob("DejaVuS*.ttf")):
        pytest.skip("no font here that is known")
    assert picture.pixels.min() < 50


def test_no_file_of_this_machine_is_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (50, 50), (0, 0, 255)).save(secret)
    for reference in (str(secret), f"file://{secret}", "http://127.0.0.1:1/x.png"):
        _, notes, pixel = drawn(f'{HALF}<image href="{reference}" width="100" height="50"/><text y="9">x</text>')
        assert pixel == [255, 0, 0]
        assert "references to files or the web" in notes[0]
    entity = f'<!DOCTYPE svg [<!ENTITY x "{secret}">]>' + SVG.format(
        f'{HALF}<image href="&x;" width="100" height="50"/>'
    )
    assert read_image(entity.encode(), "a.svg").pixels[10, 10].tolist() == [255, 0, 0]


def test_scripts_are_left_out_and_told() -> None:
    _, notes, pixel = drawn(f"<script>alert(1)</script>{HALF}<foreignObject/>")
    assert (pixel, notes[0]) == ([255, 0, 0], "left out of the drawing: foreign objects, scripts")


@pytest.mark.parametrize(
    "wrong",
    [
        "<svg",
        "<?xml version='1.0'?><html/>",
        '<svg xmlns="http://www.w3.org/2000/svg" width="1000000000" height="9"/>',
        "<!DOCTYPE svg ["
        + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
        + "]><svg>&a11;</svg>",
    ],
)
def test_what_can_not_be_drawn_is_refused_with_its_name(wrong: str) -> None:
    with pytest.raises(ImageError, match=r"a\.svg"):
        read_image(wrong.encode(), "a.svg")


@pytest.mark.parametrize(("container", "codec"), [("mp4", "mpeg4"), ("webm", "libvpx")])
def test_the_first_frame_of_a_film_is_read(container: str, codec: str) -> None:
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format=container) as film:
        stream = film.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(5):
            pixels = np.full((48, 64, 3), [200, 40 * n, 20], np.uint8)
            pixels[:, :32] = 255
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        film.mux(stream.encode())
    picture = read_image(file.getvalue(), "film")
    assert (picture.size, "a film: its first frame is read" in picture.notes) == ((64, 48), True)
    assert np.abs(picture.pixels[24, 50].astype(int) - [200, 0, 20]).max() < 25
    with pytest.raises(ImageError, match="film"):
        read_image(file.getvalue()[:100], "film")
