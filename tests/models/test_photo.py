"""The captioner of any image and the painter of any caption."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from skimage import data

from gistchain.collection.known import nouns
from gistchain.colours import COLOURS, ciede2000, lab
from gistchain.errors import RebuildError
from gistchain.models.packaged.networks import class_names
from gistchain.models.photo.captioner import ColourCaptioner, PhotoCaptioner
from gistchain.models.photo.labels import best_path
from gistchain.models.photo.latent import PhotoLatent
from gistchain.models.photo.layout import PLACES, ColourRegion, light_of, read_regions, regions_of
from gistchain.models.photo.sketch import SketchPainter
from gistchain.models.thumb8 import Thumb8
from gistchain.types import Gist, Latent, Pixels

CAPTIONER = PhotoCaptioner()


def test_colours_alone_are_said_without_a_guess() -> None:
    said = ColourCaptioner().caption(bands("blue", "green"))
    assert (said.text, said.confidence) == ("A picture, blue above, green below", 1.0)


def bands(*colours: str) -> Pixels:
    rows = [np.broadcast_to(np.array(COLOURS[c], np.uint8), (60, 180, 3)) for c in colours]
    return np.concatenate(rows)


def odd_images() -> list[Pixels]:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (70, 50, 3), dtype=np.uint8)
    token = nouns.tokens(nouns.sample(1, rng=rng, held=False)).image(0)
    return [
        noise,
        noise[:1, :1],
        noise[:2, :3],
        noise[:, :1],
        np.zeros((64, 64, 3), np.uint8),
        np.full((300, 20, 3), 255, np.uint8),
        np.repeat(noise[..., :1], 3, -1),
        np.broadcast_to(noise[:1], (3000, 50, 3)).copy(),
        rng.integers(0, 256, (4, 6000, 3), dtype=np.uint8),
        token,
        token[::-1, ::2],
    ]


def test_any_image_gets_a_short_caption_that_can_be_registered() -> None:
    for image in odd_images():
        before = image.copy()
        said = CAPTIONER.caption(image)
        assert said == CAPTIONER.caption(image)
        assert 0.5 <= said.confidence <= 1
        assert said.text.startswith(("A ", "An "))
        assert len(said.text) <= 120
        assert read_regions(said.text), said.text
        assert (image == before).all()


def test_photos_are_called_photos_and_what_they_show_is_named() -> None:
    cat = CAPTIONER.caption(data.chelsea())
    assert cat.text.startswith("A photo of ")
    assert "cat" in cat.text
    coffee = CAPTIONER.caption(data.coffee())
    assert coffee.text.startswith("A photo of ")
    assert any(word in coffee.text for word in ("espresso", "cup", "drink", "food"))
    assert "photo" in CAPTIONER.caption(data.astronaut()).text


def test_drawings_are_not_called_photos() -> None:
    tokens = nouns.tokens(nouns.sample(6, rng=np.random.default_rng(2), held=False))
    for k in range(6):
        image = np.asarray(Image.fromarray(tokens.image(k)).resize((320, 320), Image.Resampling.NEAREST))
        assert not CAPTIONER.caption(image).text.split(",")[0].startswith(("A photo", "A bright photo", "A dark photo"))


def test_a_colour_photo_without_colour_is_said_to_be_black_and_white() -> None:
    assert light_of(data.astronaut()) == ""
    grey = np.repeat(data.astronaut().mean(-1, keepdims=True).astype(np.uint8), 3, -1)
    assert CAPTIONER.caption(grey).text.startswith("A black and white ")


def test_colours_are_said_where_they_are() -> None:
    assert regions_of(bands("sky blue", "green")) == [
        ColourRegion("above", ("sky blue",)),
        ColourRegion("below", ("green",)),
    ]
    assert regions_of(bands("navy")) == [ColourRegion("all over", ("navy",))]
    turned = np.ascontiguousarray(bands("red", "white").transpose(1, 0, 2))
    assert regions_of(turned) == [ColourRegion("on the left", ("red",)), ColourRegion("on the right", ("white",))]
    disc = Image.new("RGB", (200, 200), COLOURS["yellow"])
    ImageDraw.Draw(disc).ellipse((40, 40, 160, 160), fill=COLOURS["purple"])
    assert regions_of(np.asarray(disc)) == [
        ColourRegion("around", ("yellow",)),
        ColourRegion("in the middle", ("purple",)),
    ]
    three = regions_of(bands("light blue", "dark green", "tan"))
    assert [(r.place, r.colours[0]) for r in three] == [
        ("above", "light blue"), ("across the middle", "dark green"), ("below", "tan"),
    ]  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.sampled_from(PLACES), st.lists(st.sampled_from(list(COLOURS)), min_size=1, max_size=2, unique=True)
        ),
        min_size=1, max_size=3, unique_by=lambda region: region[0],
    )
)  # fmt: skip
def test_regions_can_be_read_back_from_the_caption(told: list[tuple[str, list[str]]]) -> None:
    regions = [ColourRegion(place, tuple(colours)) for place, colours in told]
    assert read_regions("A dark photo of a red fox, " + ", ".join(map(str, regions))) == regions


def test_free_text_is_read_for_its_colours() -> None:
    assert read_regions("a red car in front of a blue house") == [
        ColourRegion("around", ("red",)), ColourRegion("in the middle", ("blue",)),
    ]  # fmt: skip
    assert read_regions("my golden cat") == [ColourRegion("all over", ("gold",))]
    assert read_regions("my cat") == []


def test_the_tree_of_labels_holds_every_class_once() -> None:
    names = class_names()
    for number in range(0, 1000, 7):
        one = np.zeros(1000, np.float32)
        one[number] = 1
        path = best_path(one, names)
        assert all(node.probability == pytest.approx(1) for node in path)
        assert path[0].word in {
            "animal",
            "vehicle",
            "structure",
            "landscape",
            "food",
            "plant",
            "mushroom",
            "person",
            "object",
        }


def test_a_general_word_gathers_what_special_ones_share() -> None:
    names = class_names()
    terriers = [k for k, name in enumerate(names) if "Terrier" in name]
    spread = np.zeros(1000, np.float32)
    spread[terriers] = 0.9 / len(terriers)
    spread[names.index("castle")] = 0.1
    path = best_path(spread, names)
    assert [node.word for node in path[:3]] == ["animal", "mammal", "dog"]
    assert path[2].probability == pytest.approx(0.9, abs=1e-4)
    assert path[3].probability < 0.1


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (301, 40), (7, 500), (1024, 768)])
def test_a_sketch_has_the_size_asked_for_and_its_seed_decides_it(size: tuple[int, int]) -> None:
    gist = Gist(("A photo of a castle, sky blue above, green below, grey in the middle",), size)
    first, other, again = SketchPainter().paint(gist, [7, 8, 7])
    assert first.dtype == np.uint8
    assert first.shape == (size[1], size[0], 3)
    assert (first == again).all()
    assert min(size) < 40 or (first != other).any()


def test_a_sketch_has_its_colours_where_the_caption_says() -> None:
    gist = Gist(("A photo, sky blue above, green below",), (120, 120))
    for image in SketchPainter().paint(gist, range(5)):
        for part, name in ((image[:40], "sky blue"), (image[80:], "green")):
            seen = lab(part.reshape(-1, 3).mean(0))
            assert float(ciede2000(seen, lab(np.array(COLOURS[name])))) < 8


def test_what_was_sketched_is_seen_again() -> None:
    agreed = 0
    for k, photo in enumerate([data.coffee(), data.chelsea(), data.astronaut(), data.rocket()]):
        told = read_regions(CAPTIONER.caption(photo).text)
        text = "A photo, " + ", ".join(map(str, told))
        sketch = SketchPainter().paint(Gist((text,), (240, 200)), [k])[0]
        seen = {colour for region in regions_of(sketch) for colour in region.colours}
        agreed += bool(seen & {colour for region in told for colour in region.colours})
    assert agreed == 4


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60))
def test_any_text_can_be_sketched(text: str) -> None:
    painter = SketchPainter()
    if text.strip():
        assert painter.paint(Gist((text,), (20, 30)), [0])[0].shape == (30, 20, 3)
    else:
        with pytest.raises(RebuildError, match="no caption"):
            painter.paint(Gist((text,), (20, 30)), [0])


def test_a_photo_latent_is_decoded_and_blended() -> None:
    photo = np.asarray(Image.fromarray(data.coffee()).resize((96, 64)))
    coder = PhotoLatent()
    gist = Gist(("A photo, orange all over",), (96, 64), latent=coder.encode(photo, 500))
    painter = SketchPainter()
    decoded, same = painter.paint(gist, [0, 1], strength=0.0)
    assert gist.latent is not None
    assert (decoded == coder.decode(gist.latent, (96, 64))).all()
    assert (decoded == same).all()
    assert (painter.paint(gist, [0])[0] == decoded).all(), "a latent that is there is used"
    assert not painter.varies(gist)
    assert painter.varies(gist, 0.5)
    sketch, half = (painter.paint(gist, [0], strength)[0] for strength in (1.0, 0.5))
    np.testing.assert_allclose(half, (decoded.astype(float) + sketch) / 2, atol=0.51)
    assert (painter.paint(Gist((), (96, 64), latent=gist.latent), [0], strength=0.0)[0] == decoded).all()


def test_what_can_not_be_painted_is_refused() -> None:
    painter = SketchPainter()
    with pytest.raises(RebuildError, match="no caption"):
        painter.paint(Gist((), (8, 8)), [0])
    with pytest.raises(RebuildError, match="strength"):
        painter.paint(Gist(("red",), (8, 8)), [0], strength=-0.1)
    with pytest.raises(RebuildError, match="'sd-vae'"):
        painter.paint(Gist(("red",), (8, 8), latent=Latent("sd-vae", bytes(9))), [0])
    with pytest.raises(RebuildError, match="damaged"):
        painter.paint(Gist(("red",), (8, 8), latent=Latent("photo", b"no picture")), [0])


def test_eight_by_eight_colours_are_a_sketch_too() -> None:
    colours = Thumb8().encode(data.coffee(), 192)
    painted, again = SketchPainter().paint(Gist(("A photo, red all over",), (64, 48), latent=colours), [0, 1])
    assert (painted == Thumb8().decode(colours, (64, 48))).all()
    assert (painted == again).all()
