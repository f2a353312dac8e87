"""What a wallet gets from token.vy and pictures.vy, read by others' parsers: JSON, XML, Pillow."""

from __future__ import annotations

import io
import random
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gistchain.colours import COLOURS, colours_in
from gistchain.gist import residual, traitcode
from gistchain.gist.packet import caption_codes, pack_bare
from gistchain.traits import Traits
from tests.ledger.machines import Machine
from tests.ledger.token_scene import (
    ALICE,
    DICTIONARY,
    EXACT,
    MEDIA,
    PHOTO,
    PLAIN,
    TABLE,
    THUMB8,
    Scene,
    content,
    file_of,
    noise,
    packet,
    strict,
)

SVG = "{http://www.w3.org/2000/svg}"
HATS = traitcode.Table(Traits("Hats", "Hats", {"hat": ("red", "blue"), "eyes": ("open", "<b>\"'&\\")}))
MANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module")
def scene(machine: Machine) -> Scene:
    return Scene(machine)


@pytest.fixture(scope="module")
def quick(quick_machine: Machine) -> Scene:
    """For what is much to run: that two EVMs run it alike is what the others show."""
    return Scene(quick_machine)


def drawn(found: dict[str, Any]) -> ElementTree.Element:
    """The SVG of a token's image."""
    return ElementTree.fromstring(content(found["image"], "image/svg+xml"))


def lines(picture: ElementTree.Element) -> list[str]:
    """The lines of a card's caption."""
    return [each.text or "" for each in picture.iter(f"{SVG}tspan")]


def swatches(picture: ElementTree.Element) -> list[str]:
    return [each.get("fill", "")[1:] for each in picture.findall(f"{SVG}rect")[1:]]


def shown(raw: bytes) -> str:
    """What is left of a caption, by Python's own decoder."""
    kept, lost = "", False
    for character in raw.decode("utf-8", "surrogateescape"):
        if character in "\t\n\r":
            character = " "
        number = ord(character)
        unseen = (
            number < 0x20 or 0x7F <= number < 0xA0 or number in (0xAD, 0x61C, 0x200B, 0x200E, 0x200F, 0xFEFF)
            or 0x2028 <= number <= 0x202E or 0x2060 <= number <= 0x206F or 0xD800 <= number <= 0xF8FF
            or 0xFFF0 <= number <= 0xFFFC or number in (0xFFFE, 0xFFFF) or number >= 0xE0000
        )  # fmt: skip
        if not (unseen and lost):
            kept += "\N{REPLACEMENT CHARACTER}" if unseen else character
        lost = unseen
    return kept.encode()[:4096].decode("utf-8", "ignore")


@pytest.mark.parametrize("kind", MEDIA)
def test_an_image_file_is_shown_as_it_is(scene: Scene, kind: str) -> None:
    file = file_of(noise(24), kind)
    found = scene.uri(scene.register(packet((24, 24), (PLAIN, b"noise"), (0x50 + MEDIA[kind], file))))
    assert content(found["image"], f"image/{kind}") == file
    assert found["attributes"] == [{"trait_type": "Picture", "value": "file"}]
    assert found["description"] == "noise"


def test_exact_pixels_over_black_are_shown_exactly(scene: Scene) -> None:
    pixels = noise(24, 3) * 90
    data = residual.encode(pixels).data
    assert data[0] == 1, "no WebP over black: make other pixels"
    found = scene.uri(scene.register(packet((24, 24), (EXACT, data))))
    shown = Image.open(io.BytesIO(content(found["image"], "image/webp"))).convert("RGB")
    assert np.array_equal(np.asarray(shown), pixels)
    assert found["attributes"][-1]["value"] == "exact"


def test_a_thumbnail_is_drawn_cell_by_cell(scene: Scene) -> None:
    cells = random.Random(8).randbytes(192)
    found = scene.uri(scene.register(packet((640, 480), (PLAIN, b"a castle"), (THUMB8, cells))))
    picture = drawn(found)
    assert (picture.get("width"), picture.get("height"), picture.get("viewBox")) == ("512", "384", "0 0 640 480")
    colours = [each.get("fill", "") for each in picture.iter(f"{SVG}path")]
    assert b"".join(bytes.fromhex(colour[1:]) for colour in colours) == cells
    assert found["attributes"][-1]["value"] == "thumbnail"


@pytest.mark.parametrize("thumbnail", [False, True])
def test_a_subject_lies_in_its_box(scene: Scene, thumbnail: bool) -> None:
    file = file_of(noise(16), "webp")
    below = [(THUMB8, bytes(range(192)))] if thumbnail else []
    box = bytes([10, 20, 0xAC, 2, 50])  # 300 is ac 02 as a number of seven bits a byte
    found = scene.uri(scene.register(packet((641, 480), (PLAIN, b"x"), *below, (0x33, box + file))))
    placed = drawn(found).find(f"{SVG}image")
    assert placed is not None
    assert [placed.get(key) for key in ("x", "y", "width", "height")] == ["10", "20", "300", "50"]
    assert content(placed.get("href", ""), "image/webp") == file
    assert len(list(drawn(found).iter(f"{SVG}path"))) == 64 * thumbnail
    assert found["attributes"][-1]["value"] == "subject"


@pytest.mark.parametrize(
    "broken",
    [
        packet((24, 24), (PLAIN, b"a PNG that is none"), (0x51, b"<script>alert(1)</script>")),
        packet((24, 24), (PLAIN, b"a PNG that is none"), (0x56, b"\x89PNG" + bytes(20))),
        packet((24, 24), (PLAIN, b"a PNG that is none"), (0x33, b"\0\0\1\1\x89PNG" + bytes(20))),
        packet((24, 24), (PLAIN, b"a PNG that is none"), (EXACT, b"\2deflated")),
        packet((24, 24), (PLAIN, b"a PNG that is none"), (PHOTO, bytes(90))),
        packet((24, 24), (PLAIN, b"a PNG that is none"), (THUMB8, bytes(191))),
        packet((24, 24), (PLAIN, b"a PNG that is none"), (0x61, b"of a later version")),
    ],
)
def test_what_a_contract_can_not_show_becomes_a_card(scene: Scene, broken: bytes) -> None:
    found = scene.uri(scene.register(broken))
    assert lines(drawn(found)) == ["a PNG that is none"]
    assert found["attributes"][-1]["value"] == "card"


def test_a_card_has_caption_and_colours(scene: Scene) -> None:
    caption = "A photo of a castle, sky blue and blue grey above, dark green and grey below"
    id = scene.register(packet((512, 512), (PLAIN, caption.encode())), rated=True)
    found = scene.uri(id)
    assert found["name"] == f"gistchain #{id}"
    assert found["description"] == " ".join(lines(drawn(found))) == caption
    assert swatches(drawn(found)) == [bytes(COLOURS[name]).hex() for name in colours_in(caption)]
    assert found["image_sha3_256"] == bytes(scene.registry.ask("record", id)[1]).hex()
    assert found["attributes"] == [
        {"trait_type": "Verdict, by its registrant", "value": "sibling"},
        {"trait_type": "Rareness, by its registrant", "value": 0.9701},
        {"trait_type": "Picture", "value": "card"},
    ]
    foot = drawn(found).findall(f".//{SVG}text")[-1].text
    assert foot == f"gistchain #{id} \N{MIDDLE DOT} 512 x 512 \N{MIDDLE DOT} sibling 0.9701"


@pytest.mark.parametrize(
    "caption",
    [
        b"",
        b"\"quotes\", 'quotes' and \\ a backslash",
        b"</text></svg><script>alert(1)</script><svg onload=alert(1)>&amp;&#0;]]>",
        "صورة قلعة عند الغروب، أزرق وأخضر فاتح \u202eenil".encode(),
        "日本語のテキスト \U0001f600 שלום".encode(),
        b"line one\nline two\ttab\0 \x07 \x7f \xc2\x9b end",
        b"\xff\xfe\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x28\xa1 cut \xf0\x9f\x98",
        b" " * 200,
    ],
)
def test_captions_are_told_in_full_and_obeyed_in_nothing(scene: Scene, caption: bytes) -> None:
    found = scene.uri(scene.register(packet((24, 24), (PLAIN, caption))))
    assert found["description"] == shown(caption)
    told(found)


@pytest.mark.parametrize(
    "caption", [b"W" * 4096, b"red blue " * 455, b'"' * 4096, "\U0001f600".encode() * 1024, b"\x01a" * 2048]
)
def test_captions_as_long_as_can_be_are_told_within_the_gas(quick: Scene, caption: bytes) -> None:
    found = quick.uri(quick.register(packet((24, 24), (PLAIN, caption))))
    assert found["description"] == shown(caption)
    told(found)


@MANY
@given(caption=st.one_of(st.text(max_size=300).map(str.encode), st.binary(max_size=300)))
def test_any_caption_is_told(quick: Scene, caption: bytes) -> None:
    found = quick.uri(quick.register(packet((24, 24), (PLAIN, caption))))
    assert found["description"] == shown(caption)
    told(found)


def told(found: dict[str, Any]) -> None:
    """The card says what the description says, in lines that fit, or begins with it; nothing in it is active."""
    picture = drawn(found)
    allowed = {f"{SVG}{name}" for name in ("svg", "rect", "path", "g", "text", "tspan")}
    assert {each.tag for each in picture.iter()} <= allowed
    assert not [key for each in picture.iter() for key in each.keys() if key.startswith("on") or "href" in key]  # noqa: SIM118
    whole = "".join(lines(picture)).replace(" ", "")
    text = found["description"].replace(" ", "")
    assert whole == text or (whole.endswith("…") and text.startswith(whole[:-1]))
    assert all(len(line) <= 47 for line in lines(picture))
    names = [bytes(COLOURS[name]).hex() for name in colours_in(found["description"])]
    if len(found["description"].encode()) <= 512 and found["description"].isascii():
        assert swatches(picture) == list(dict.fromkeys(names))[:6]


words = st.sampled_from(
    [*COLOURS, "gray", "dark gray", "bluegreen", "red_", "Red", "GOLD", "x", "a-red", "light", "dark"]
)


@MANY
@given(caption=st.lists(st.tuples(words, st.sampled_from([" ", "  ", ", ", "-", "\n"])), max_size=12))
def test_the_colours_of_a_caption_are_those_that_python_finds(quick: Scene, caption: list[tuple[str, str]]) -> None:
    text = "".join(map("".join, caption))
    told(quick.uri(quick.register(packet((24, 24), (PLAIN, text.encode())))))


@pytest.mark.parametrize("labels", [(0, 0), (1, 0), (2, 1), (0, 2)])
def test_a_caption_by_a_trait_table_becomes_words_and_attributes(scene: Scene, labels: tuple[int, int]) -> None:
    name = scene.table(HATS.data)
    number = bytes([labels[0] * 3 + labels[1]])
    for gist in (packet((24, 24), (TABLE, name + number)), pack_bare((24, 24), 2, name + number)):
        found = scene.uri(scene.register(gist))
        assert found["description"] == HATS.traits.caption(labels)
        assert found["attributes"][:-1] == HATS.traits.attributes(labels)
        told(found)


def test_a_table_that_is_missing_or_nonsense_is_named_on_the_card(scene: Scene) -> None:
    garbage = [bytes(4), bytes([1, 255]) + b"ab" * 9, bytes([1, 1, 65, 64]) + b"\xff" * 3000]
    for name in (b"none", *map(scene.table, garbage)):
        found = scene.uri(scene.register(packet((24, 24), (TABLE, name + b"\5"))))
        assert found["description"].startswith(f"A caption by the table of traits {name.hex()}, which is not")
        told(found)


def test_a_table_of_hostile_names_is_told_and_obeyed_in_nothing(scene: Scene) -> None:
    wild = b'\xff\x1b\xe2\x80\xae<b>"\\'
    table = bytes([1, 3]) + b"<s>" + bytes([1, len(wild)]) + wild + bytes([0, 1, len(wild)]) + wild
    found = scene.uri(scene.register(packet((24, 24), (TABLE, scene.table(table) + b"\1"))))
    assert found["attributes"][0] == {"trait_type": shown(wild), "value": shown(wild)}
    assert found["description"] == shown(b"A picture of <s>, containing " + wild + b" " + wild)
    told(found)


def test_the_costliest_table_stays_within_the_gas(quick: Scene) -> None:
    # Six types of names without a letter: as many steps as a table can have.
    table = bytes([1, 1, 65, 6]) + b"\0" + (4090).to_bytes(2) + bytes(4090)
    table += 5 * (b"\0" + (4090).to_bytes(2) + bytes(4090))
    name = quick.table(table)
    file = file_of(noise(85), "png")
    gist = packet((85, 85), (TABLE, name + b"\xff" * 32), (0x51, file))
    found = quick.uri(quick.register(gist))
    assert content(found["image"], "image/png") == file


def test_a_table_of_as_much_as_may_be_told_stays_within_the_gas(quick: Scene) -> None:
    # 44 traits whose every letter is escaped, and as many other values as can be read for what a table may cost.
    quotes = {f"{k:02}" + '"' * 60: ('"' * 61 + "a",) for k in range(44)}
    table = traitcode.Table(Traits("x" * 60, "x", {**quotes, "z": tuple(f"{k:x}" for k in range(1980))}))
    number = (2**44 * 1981 - 1).to_bytes(12)
    data = b"\0\0\x55\x55" + file_of(noise(85), "png")
    below = THUMB8, bytes(range(192))
    gist = packet((85, 85), (TABLE, quick.table(table.data) + number), below, (0x31, data + bytes(24_300 - len(data))))
    found = quick.uri(quick.register(gist))
    assert len(found["attributes"]) > 30
    assert all(each["value"] == '"' * 61 + "a" for each in found["attributes"][:-1])


def test_a_dictionarys_caption_is_named_and_not_guessed(scene: Scene) -> None:
    code = caption_codes("A photo of a castle")[1]
    for gist in (packet((24, 24), (DICTIONARY, code)), pack_bare((24, 24), 1, code)):
        id = scene.register(gist)
        found = scene.uri(id)
        assert f"its caption is {len(code)} bytes of a dictionary" in found["description"]
        assert found["description"].endswith(f"gistchain show {id}")
        assert found["image_sha3_256"][:8] in found["description"]
        told(found)


def test_tokens_of_batches_are_shown_and_lost_gists_named(scene: Scene) -> None:
    first = scene.batch([b"\x90red", b"\x90tan"], common=b"\xc2", width=4)
    assert {scene.uri(first + k)["description"] for k in range(2)} == {"red", "tan"}
    first = scene.batch([b"\xc2\x90red", b"\xc2\x90tan"], ends=(9, 3))
    assert scene.uri(first + 1)["description"].startswith("This token's gist can't be read")
    found = scene.uri(scene.proofs([b"\xc2\x90red", b"\xc2\x90tan"]))
    assert found["description"].startswith("Registered by proof: the state of the chain has no gist")
    assert found["image_sha3_256"] == "0" * 64
    told(found)


def test_ids_that_nobody_registered_have_no_picture(scene: Scene) -> None:
    for id in (0, scene.registry.ask("count") + 1, 2**255 + 7, 2**256 - 1):
        done = scene.machine.call(scene.token.address, scene.token.data("preview", id))
        assert (done.ok, done.reason) == (False, "no such token")


def test_a_minted_token_is_shown_as_its_preview(scene: Scene) -> None:
    id = scene.register(packet((24, 24), (PLAIN, b"a red bus")))
    assert scene.token.send(ALICE, "mint", id).ok
    assert scene.uri(id, "tokenURI") == scene.uri(id)


def test_the_contract_describes_itself(scene: Scene) -> None:
    found = strict(scene.token.ask("contractURI"))
    assert found.keys() == {"name", "symbol", "description", "image"}
    assert (found["name"], found["symbol"]) == (scene.token.ask("name"), scene.token.ask("symbol"))
    assert " ".join(lines(drawn(found))) == found["description"]


@pytest.mark.parametrize("form", [0x51, 0x31])
def test_the_largest_gist_is_shown_within_the_gas(quick: Scene, form: int) -> None:
    file = file_of(noise(85), "png")
    caption = random.Random(2).randbytes(2000) if form == 0x31 else b""
    data = (b"\0\0\x55\x55" if form == 0x31 else b"") + file
    gist = packet((85, 85), (PLAIN, caption), (form, data + bytes(24_565 - len(caption) - len(data) - 16)))
    assert 24_560 <= len(gist) <= 24_565
    found = quick.uri(quick.register(gist))
    assert file in (
        content(found["image"], "image/png")
        if form == 0x51
        else content(drawn(found).find(f"{SVG}image").get("href", ""), "image/png")  # type: ignore[union-attr]
    )


@MANY
@given(gist=st.binary(min_size=1, max_size=90))
def test_any_bytes_have_a_card_or_a_picture(quick: Scene, gist: bytes) -> None:
    found = quick.uri(quick.register(gist))
    if not re.match("data:image/(png|jpeg|webp|gif|avif);", found["image"]):
        told(found) if found["attributes"][-1]["value"] == "card" else drawn(found)
