"""Packets: whole, cut, flipped, newer, foreign."""

from __future__ import annotations

import binascii
import contextlib
import dataclasses
import json
import re
import statistics
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.errors import PacketError
from gistchain.gist import textcode, traitcode
from gistchain.gist.crc32c import crc32c
from gistchain.gist.header import BARE, SIZES, is_bare, read_size, written_size
from gistchain.gist.packet import caption_codes, layer_borders, pack, pack_bare, unpack
from gistchain.traits import Traits
from gistchain.types import Gist, ImageFile, Latent, Residual, Subject
from tests.support.clock import costs_at_most

SPEC = Path(__file__).parents[2] / "docs" / "packet.md"
WHOLE = Gist(
    captions=("A picture of CryptoPunks, containing male type, dark skin, mohawk head", "a man", "a wall"),
    size=(24, 24),
    latent=Latent("thumb8", bytes(range(192))),
    subject=Subject("image/png", b"not really a file", (3, 0, 21, 24)),
    residual=Residual("exact", b"\x00\x01\x02"),
    file=ImageFile("image/webp", b"nor this"),
)
LATER = ("latent", "subject", "residual", "file")

captions = st.lists(st.text(max_size=30), max_size=16).map(tuple)
sizes = st.tuples(st.integers(1, 65535), st.integers(1, 65535)) | st.integers(1, 65535).map(lambda side: (side, side))
MEDIA_TYPES = st.sampled_from(["image/png", "image/jpeg", "image/webp", "image/avif", "image/gif"])


@st.composite
def drawn_gists(draw: st.DrawFn) -> Gist:
    size = draw(sizes)
    left, top = draw(st.integers(0, size[0] - 1)), draw(st.integers(0, size[1] - 1))
    box = left, top, draw(st.integers(1, size[0] - left)), draw(st.integers(1, size[1] - top))
    return Gist(
        draw(captions),
        size,
        draw(st.none() | st.builds(Latent, st.sampled_from(["thumb8", "photo", "sd-vae"]), st.binary(max_size=300))),
        draw(st.none() | st.builds(Subject, MEDIA_TYPES, st.binary(), st.just(box))),
        draw(st.none() | st.builds(Residual, st.just("exact"), st.binary(max_size=300))),
        draw(st.none() | st.builds(ImageFile, MEDIA_TYPES, st.binary(max_size=300))),
    )


gists = drawn_gists()


def layer(tag: int, data: bytes, *, size: bytes | None = None) -> bytes:
    """A layer of a packet whose size is written in these bytes, those of HEAD if nothing is said."""
    assert len(data) < 128
    body = bytes([tag, len(data)]) + data
    checked = (HEAD if size is None else size) + body
    return body + (binascii.crc_hqx(checked, 0xFFFF).to_bytes(2) if tag < 0x20 else crc32c(checked).to_bytes(4))


def poorer(gist: Gist, layers: int) -> Gist:
    kept = dataclasses.replace(gist, captions=gist.captions[:layers])
    later = [name for name in LATER if getattr(gist, name) is not None]
    lost = later[max(0, layers - len(gist.captions)) :]
    return dataclasses.replace(kept, **dict.fromkeys(lost))


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_the_checksum_is_crc32c_of_rfc_3720(data: bytes, crc: int) -> None:
    assert crc32c(data) == crc


@pytest.mark.parametrize("size", [16383, 16384, 16385, 20480, 70001])
def test_a_long_checksum_equals_the_one_made_byte_by_byte(size: int) -> None:
    data = bytes(i * i % 251 for i in range(size))
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(data) == crc ^ 0xFFFFFFFF


@given(gists)
def test_a_gist_comes_back(gist: Gist) -> None:
    assert unpack(pack(gist)) == gist
    assert unpack(pack(gist), strict=False) == gist


@settings(max_examples=50)
@given(gists)
def test_any_cut_at_a_border_is_a_poorer_gist_and_any_other_cut_raises(gist: Gist) -> None:
    payload = pack(gist)
    borders = layer_borders(payload)
    assert borders[-1] == len(payload)
    for layers, border in enumerate(borders):
        assert unpack(payload[:border]) == poorer(gist, layers + 1)
    for cut in {*range(min(len(payload), 120)), len(payload) - 1} - {*borders}:
        with pytest.raises(PacketError):
            unpack(payload[:cut])


@settings(max_examples=60)
@given(gists, st.data())
def test_a_flipped_bit_anywhere_is_found(gist: Gist, data: st.DataObject) -> None:
    payload = pack(gist)
    bit = data.draw(st.integers(0, 8 * len(payload) - 1))
    check_flip(gist, payload, bit)


@pytest.mark.parametrize(
    "captions",
    [WHOLE.captions, ("A photo of a castle, sky blue above, dark green and grey below", "A picture of Moods")],
)
def test_every_bit_of_a_whole_packet_is_guarded(captions: tuple[str, ...]) -> None:
    gist = dataclasses.replace(WHOLE, captions=captions)
    payload = pack(gist)
    for bit in range(8 * len(payload)):
        check_flip(gist, payload, bit)


@pytest.mark.parametrize("size", [(1, 1), (24, 24), (127, 128), (512, 512), (640, 480), (20_000, 10), (65535, 65534)])
@pytest.mark.parametrize("captions", [(), ("a man",), ("a man", "a wall")])
def test_every_bit_of_a_size_is_guarded(size: tuple[int, int], captions: tuple[str, ...]) -> None:
    gist = Gist(captions, size)
    payload = pack(gist)
    for bit in range(8 * len(written_size(size))):
        with pytest.raises(PacketError):
            unpack(flipped(payload, bit), strict=False)


def flipped(payload: bytes, bit: int) -> bytes:
    changed = bytearray(payload)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def check_flip(gist: Gist, payload: bytes, bit: int) -> None:
    changed = flipped(payload, bit)
    with pytest.raises(PacketError):
        unpack(changed)
    borders = layer_borders(payload)
    if len(borders) == 1 or bit // 8 < len(written_size(gist.size)):  # no other layer confirms the size
        with pytest.raises(PacketError):
            unpack(changed, strict=False)
        return
    got = unpack(changed, strict=False)
    assert len(got.damaged) == 1
    # Whatever came through is what was sent.
    hit = next(number for number, border in enumerate(borders) if bit // 8 < border)
    names = ["captions"] * len(gist.captions)
    names += [name for name in LATER if getattr(gist, name) is not None]
    if names[hit] == "captions":
        expected = dataclasses.replace(gist, captions=gist.captions[:hit] + gist.captions[hit + 1 :])
    else:
        expected = dataclasses.replace(gist, **{names[hit]: None})
    assert dataclasses.replace(got, damaged=frozenset()) == expected


def test_a_broken_caption_is_named_and_the_latent_kept() -> None:
    payload = bytearray(pack(WHOLE))
    payload[layer_borders(bytes(payload))[0] + 2] ^= 1
    got = unpack(bytes(payload), strict=False)
    assert got.damaged == {"caption 2"}
    assert got.captions == (WHOLE.captions[0], WHOLE.captions[2])
    assert got.latent == WHOLE.latent


def test_two_broken_layers_are_both_named() -> None:
    payload = bytearray(pack(WHOLE))
    borders = layer_borders(bytes(payload))
    payload[borders[1] + 2] ^= 1
    payload[borders[2] + 9] ^= 1
    got = unpack(bytes(payload), strict=False)
    assert got.damaged == {"caption 3", "latent"}
    assert (got.subject, got.residual) == (WHOLE.subject, WHOLE.residual)


def test_a_payload_made_of_many_claims_is_read_in_good_time() -> None:
    claims = HEAD + layer(0x10, b"a") + b"\x41\xff\xff\x1f" * 100_000
    with costs_at_most(cpu_s=10):
        assert unpack(claims, strict=False).damaged == {"residual"}


def test_an_unknown_layer_is_skipped() -> None:
    payload, start = pack(WHOLE), written_size(WHOLE.size)
    borders = layer_borders(payload)
    first, last = layer(0x68, b"from the future", size=start), layer(0x77, b"", size=start)
    between = payload[: borders[1]] + first + payload[borders[1] :] + last
    for strict in (True, False):
        assert unpack(between, strict=strict) == WHOLE
    assert len(layer_borders(between)) == len(borders) + 2


def test_a_newer_version_says_so() -> None:
    payload = bytearray(pack(WHOLE))
    payload[0] ^= 0xC0
    for strict in (True, False):
        with pytest.raises(PacketError, match="newer version than this gistchain understands"):
            unpack(bytes(payload), strict=strict)


def test_an_unknown_latent_coder_is_reported_by_name_and_the_caption_is_read() -> None:
    payload = HEAD + layer(0x10, b"a man") + layer(0x27, b"abc")
    got = unpack(payload)
    assert got.captions == ("a man",)
    assert got.latent == Latent("coder 7", b"abc")
    with pytest.raises(PacketError, match="coder 7"):
        pack(got)


def test_a_caption_of_an_unknown_text_coder_raises_or_is_named() -> None:
    payload = HEAD + layer(0x17, b"abc") + layer(0x21, b"abc")
    with pytest.raises(PacketError, match="upgrade"):
        unpack(payload)
    assert unpack(payload, strict=False).damaged == {"caption"}


HEAD = written_size((8, 8))
BARE_HEAD = written_size((8, 8), BARE)
ONLY = pack(Gist(("a man",), (8, 8)))


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "empty"),
        (b"PNG", "no gist packet, or of a newer version"),
        (b"\xff", "number 63"),
        (bytes([0x80 | 63]), "number 63"),
        (HEAD, "first layer"),
        (HEAD + b"\x00", "cut"),
        (b"\x80\x90", "cut inside a number"),
        (b"\x80\x10\x10" + ONLY[len(HEAD) :], "shortest"),
        (b"\x80\x18\x00" + ONLY[len(HEAD) :], "shortest"),
        (pack(WHOLE) + b"junk", "allowed|cut"),
        (ONLY + layer(0x21, b"a"), "differs"),
        (HEAD + layer(0x10, b"a") + ONLY[len(HEAD) :], "only layer"),
        (HEAD + layer(0x21, b"a") + layer(0x21, b"a"), "twice"),
        (HEAD + layer(0x21, b"a") + layer(0x10, b"a"), "out of order"),
        (HEAD + layer(0x00, b"") + layer(0x10, b"a"), "out of order"),
        (HEAD + layer(0x10, b"a") + layer(0x00, b""), "out of order"),
        (HEAD + layer(0x10, b"a") * 17, "beyond 16 captions"),
        (HEAD + b"\x21\x81\x00a" + crc32c(HEAD + b"\x21\x81\x00a").to_bytes(4), "shortest"),
        (HEAD + b"\x41\x80\x80\x80\x80\x01", "four bytes"),
        (HEAD + b"\x10\x81\x20", "4097 bytes"),
        (BARE_HEAD, "first layer"),
        (BARE_HEAD + b"\xa1abc", "one caption, not latent"),
        (BARE_HEAD + b"\x10a", "one caption, not caption"),
        (BARE_HEAD + b"\x91" + bytes([255] * 4097), "4097 bytes"),
        (BARE_HEAD + b"\x92abcd", "cut"),
        (HEAD + b"\x41\x81\x80\x80\x08", "16777217 bytes"),
        (HEAD + layer(0x31, b""), "number"),
        (HEAD + layer(0x31, b"\x00\x00\x09\x08abc"), "does not lie in a picture of 8 x 8"),
        (HEAD + layer(0x31, b"\x00\x00\x00\x08abc"), "does not lie"),
    ],
)
def test_bad_input_is_refused(payload: bytes, says: str) -> None:
    with pytest.raises(PacketError, match=says):
        unpack(payload)


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_foreign_bytes_raise_packet_error_or_are_read(data: bytes, headed: bool, strict: bool) -> None:
    with contextlib.suppress(PacketError):
        unpack((HEAD if headed else b"") + data, strict=strict)


@pytest.mark.parametrize(
    "gist",
    [
        Gist((), (0, 5)),
        Gist((), (5, 65536)),
        Gist(("a",) * 17, (5, 5)),
        Gist(("x" * 4097,), (5, 5)),
        Gist((), (5, 5), latent=Latent("jpeg2000", b"")),
        Gist((), (5, 5), latent=Latent("thumb8", bytes((1 << 16) + 1))),
        Gist((), (5, 5), subject=Subject("image/svg+xml", b"", (0, 0, 5, 5))),
        Gist((), (5, 5), subject=Subject("image/png", bytes(1 << 20), (0, 0, 5, 5))),
        Gist((), (5, 5), subject=Subject("image/png", b"", (0, 0, 6, 5))),
        Gist((), (5, 5), subject=Subject("image/png", b"", (0, 0, 0, 5))),
        Gist((), (5, 5), subject=Subject("image/png", b"", (-1, 0, 5, 5))),
        Gist((), (5, 5), residual=Residual("exact", bytes((1 << 24) + 1))),
        Gist((), (5, 5), residual=Residual("coder 9", b"")),
        Gist((), (5, 5), file=ImageFile("image/png", bytes((1 << 24) + 1))),
        Gist(("a",), (5, 5), damaged=frozenset({"latent"})),
    ],
)
def test_what_does_not_fit_a_packet_is_refused(gist: Gist) -> None:
    with pytest.raises(PacketError):
        pack(gist)


def test_the_largest_residual_comes_back_in_good_time() -> None:
    gist = Gist(("a man",), (5, 5), residual=Residual("exact", bytes(1 << 24)))
    with costs_at_most(cpu_s=20):
        assert unpack(pack(gist)) == gist


@pytest.mark.parametrize("collection", ["punks", "nouns"])
def test_a_token_s_caption_takes_at_most_9_bytes_on_average_with_size_and_check(collection: str) -> None:
    import numpy as np

    from gistchain.collection.known import nouns, punks

    if collection == "nouns":
        tokens = nouns.tokens(nouns.sample(200, rng=np.random.default_rng(3), held=True))
        captions = [tokens.caption(index) for index in range(len(tokens))]
    else:
        every = punks.tokens()
        captions = [every.caption(index) for index in punks.HELD_OUT[:200]]
    assert statistics.mean(len(pack(Gist((caption,), (512, 512)))) for caption in captions) <= 9


def test_every_usual_size_takes_one_byte() -> None:
    assert len(SIZES) == len(set(SIZES)) <= 63
    for size in SIZES:
        assert len(written_size(size)) == 1
        assert read_size(written_size(size)) == (size, 1)


def test_the_vectors_of_the_specification_hold() -> None:
    vectors = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", SPEC.read_text("utf-8"), re.DOTALL)]
    assert len(vectors) >= 4
    for vector in vectors:
        payload = bytes.fromhex(vector["packet"])
        if "error" in vector:
            with pytest.raises(PacketError, match=re.escape(vector["error"])):
                unpack(payload)
            continue
        latent, subject, residual, file = (vector.get(name) for name in LATER)
        gist = Gist(
            tuple(vector["captions"]),
            tuple(vector["size"]),
            Latent(latent[0], bytes.fromhex(latent[1])) if latent else None,
            Subject(subject[0], bytes.fromhex(subject[1]), tuple(subject[2])) if subject else None,
            Residual(residual[0], bytes.fromhex(residual[1])) if residual else None,
            ImageFile(file[0], bytes.fromhex(file[1])) if file else None,
        )
        traits = traitcode.read(bytes.fromhex(vector["table"])) if "table" in vector else None
        table = traits and traitcode.Table(traits)
        assert unpack(payload, tables=table and _having(table)) == gist
        assert layer_borders(payload) == vector["borders"]
        if is_bare(payload):
            assert payload.rstrip(b"\0") in [
                pack_bare(gist.size, *code) for code in caption_codes(gist.caption, table).items()
            ]
        else:
            assert pack(gist, table) == payload or vector.get("unknown_layers")


def _having(*tables: traitcode.Table) -> traitcode.Tables:
    known = {table.name: table.traits for table in tables}

    def named(name: bytes) -> Traits:
        if name not in known:
            raise PacketError(f"no table {name.hex()}")
        return known[name]

    return named


HATS = traitcode.Table(Traits("Hats", "Hats", {"hat": ("red", "blue"), "eyes": ("open",)}))


@given(
    sizes,
    st.text(max_size=30) | st.sampled_from(["A picture of Hats", "A picture of Hats, containing red hat"]),
    st.data(),
)
def test_a_bare_packet_comes_back_however_its_caption_is_written(
    size: tuple[int, int], text: str, data: st.DataObject
) -> None:
    for coder, code in caption_codes(text, HATS).items():
        filled = data.draw(st.integers(0, 5)) if coder == textcode.DICTIONARY else 0
        payload = pack_bare(size, coder, code + bytes(filled))
        assert unpack(payload, tables=_having(HATS)) == Gist((text,), size)
        with pytest.raises(PacketError, match="no check"):
            unpack(payload, strict=False, tables=_having(HATS))


def test_a_table_is_used_where_that_is_shorter_and_has_to_be_known() -> None:
    gist = Gist(("A picture of Hats, containing blue hat, open eyes",), (24, 24))
    payload = pack(gist, HATS)
    assert len(payload) == 1 + 1 + 4 + 1 + 2 < len(pack(gist))
    assert pack(Gist(("a man",), (24, 24)), HATS) == pack(Gist(("a man",), (24, 24)))
    with pytest.raises(PacketError, match="trait table f6ac4eb4, which only its chain has"):
        unpack(payload)
    with pytest.raises(PacketError, match="no table f6ac4eb4"):
        unpack(payload, tables=_having())
    assert unpack(payload, strict=False).damaged == {"caption"}


def test_the_specification_names_the_dictionary_and_its_bytes() -> None:
    size = len((Path(textcode.__file__).parent / textcode.FILE).read_bytes())
    row = next(line for line in SPEC.read_text("utf-8").splitlines() if line.startswith(f"| {textcode.DICTIONARY} | "))
    assert textcode.FILE in row
    assert f" {size:,} " in row
    assert textcode.SHA256 in row


def test_the_specification_lists_the_usual_sizes() -> None:
    text = " ".join(SPEC.read_text("utf-8").split())
    for number, (width, height) in enumerate(SIZES, 1):
        assert f"{number}: {width} x {height}" in text
