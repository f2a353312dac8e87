"""The images of tokens in a real browser: each is shown, in its colours, and nothing in it runs."""

from __future__ import annotations

import html
import random

import numpy as np
import pytest

from benchmarks.browser import browser, photographed, seen
from gistchain.colours import COLOURS
from gistchain.gist import residual
from tests.ledger.machines import Machine
from tests.ledger.token_scene import EXACT, MEDIA, PLAIN, THUMB8, Scene, file_of, noise, packet

pytestmark = pytest.mark.skipif(browser() is None, reason="no Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def scene(quick_machine: Machine) -> Scene:
    return Scene(quick_machine)


def image_of(scene: Scene, gist: bytes) -> str:
    return str(scene.uri(scene.register(gist))["image"])


def pixels(uri: str, side: int = 256) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """What the browser paints of an image on a page of its own."""
    page = f'<body style="margin:0"><img width={side} height={side} src="{html.escape(uri)}">'
    return np.asarray(photographed(page, side, side))


def test_every_form_is_shown(scene: Scene) -> None:
    cells = random.Random(3).randbytes(192)
    gists = {
        "card": packet((24, 24), (PLAIN, b"a red bus")),
        "hostile": packet((24, 24), (PLAIN, b"</text><script>document.title='ran'</script>\"'&\0\xff")),
        "long": packet((24, 24), (PLAIN, "قلعة \U0001f600 ".encode() * 200)),
        "garbage": b"garbage",
        "thumbnail": packet((640, 480), (THUMB8, cells)),
        "subject": packet((64, 64), (THUMB8, cells), (0x31, bytes([8, 8, 32, 32]) + file_of(noise(16), "png"))),
        "exact": packet((24, 24), (EXACT, residual.encode(noise(24, 3) * 90).data)),
        **{kind: packet((24, 24), (0x50 + n, file_of(noise(24), kind))) for kind, n in MEDIA.items()},
    }
    found = dict(zip(gists, seen([image_of(scene, gist) for gist in gists.values()]), strict=True))
    assert [form for form, each in found.items() if each.width == 0 or each.colours < 2] == []
    assert (found["thumbnail"].width, found["thumbnail"].height) == (512, 384)
    assert (found["exact"].width, found["png"].width, found["card"].width) == (24, 24, 512)
    assert seen(["data:image/png;base64,AAAA"])[0].width == 0


def test_a_card_is_painted_in_the_colours_of_its_caption(scene: Scene) -> None:
    painted = pixels(image_of(scene, packet((512, 512), (PLAIN, b"sky blue above, dark green and rust below"))))
    for k, name in enumerate(("sky blue", "dark green", "rust")):
        assert tuple(painted[40, 42 + 85 * k]) == COLOURS[name]
    assert painted[100:230].min() < 100, "there are no letters"


def test_a_thumbnail_is_painted_near_its_colours(scene: Scene) -> None:
    left, right = bytes([200, 30, 30]), bytes([20, 40, 220])
    painted = pixels(image_of(scene, packet((64, 64), (THUMB8, 8 * (4 * left + 4 * right)))))
    for x, colour in ((8, left), (80, left), (176, right), (248, right)):
        assert np.abs(painted[128, x].astype(int) - np.frombuffer(colour, np.uint8)).max() <= 6
    assert np.abs(painted.astype(int) - painted[128].astype(int)).max() <= 6, "rows are alike up to the edges"
