"""Packets: whole, cut, flipped, newer, foreign."""

from __future__ import annotations

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
from gistchain.gist import textcode
from gistchain.gist.crc32c import crc32c
from gistchain.gist.packet import layer_borders, pack, unpack
from gistchain.types import Gist, Latent, Subject
from tests.support.clock import costs_at_most

SPEC = Path(__file__).parents[2] / "docs" / "packet.md"
WHOLE = Gist(
    captions=("A picture of CryptoPunks, containing male type, dark skin, mohawk head", "a man", "a wall"),
    size=(24, 24),
    latent=Latent("thumb8", bytes(range(192))),
    subject=Subject("image/png", b"not really a file"),
    residual=b"\x00\x01\x02",
)

captions = st.lists(st.text(max_size=30), max_size=16).map(tuple)
sizes = st.tuples(st.integers(1, 65535), st.integers(1, 65535)) | st.integers(1, 65535).map(lambda side: (side, side))
gists = st.builds(
    Gist,
    captions=captions,
    size=sizes,
    latent=st.none() | st.builds(Latent, st.sampled_from(["thumb8", "photo", "sd-vae"]), st.binary(max_size=300)),
    subject=st.none() | st.builds(Subject, st.sampled_from(["image/png", "image/jpeg", "image/webp"]), st.binary()),
    residual=st.none() | st.binary(max_size=300),
)


def layer(tag: int, data: bytes) -> bytes:
    assert len(data) < 128
    body = bytes([tag, len(data)]) + data
    return body + crc32c(body).to_bytes(4)


def poorer(gist: Gist, layers: int) -> Gist:
    kept = dataclasses.replace(gist, captions=gist.captions[:layers])
    later = [name for name in ("latent", "subject", "residual") if getattr(gist, name) is not None]
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
        assert unpack(payload[:border]) == poorer(gist, layers)
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
def test_every_bit_of_a_header_is_guarded(size: tuple[int, int]) -> None:
    payload = pack(Gist((), size))
    for bit in range(8 * len(payload)):
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
    if bit // 8 < borders[0]:
        with pytest.raises(PacketError):
            unpack(changed, strict=False)
        return
    got = unpack(changed, strict=False)
    assert len(got.damaged) == 1
    # Whatever came through is what was sent.
    hit = next(number for number, border in enumerate(borders) if bit // 8 < border) - 1
    names = ["captions"] * len(gist.captions)
    names += [name for name in ("latent", "subject", "residual") if getattr(gist, name) is not None]
    if names[hit] == "captions":
        expected = dataclasses.replace(gist, captions=gist.captions[:hit] + gist.captions[hit + 1 :])
    else:
        expected = dataclasses.replace(gist, **{names[hit]: None})
    assert dataclasses.replace(got, damaged=frozenset()) == expected


def test_a_broken_caption_is_named_and_the_latent_kept() -> None:
    payload = bytearray(pack(WHOLE))
    payload[layer_borders(bytes(payload))[1] + 2] ^= 1
    got = unpack(bytes(payload), strict=False)
    assert got.damaged == {"caption 2"}
    assert got.captions == (WHOLE.captions[0], WHOLE.captions[2])
    assert got.latent == WHOLE.latent


def test_two_broken_layers_are_both_named() -> None:
    payload = bytearray(pack(WHOLE))
    borders = layer_borders(bytes(payload))
    payload[borders[2] + 2] ^= 1
    payload[borders[3] + 9] ^= 1
    got = unpack(bytes(payload), strict=False)
    assert got.damaged == {"caption 3", "latent"}
    assert (got.subject, got.residual) == (WHOLE.subject, WHOLE.residual)


def test_a_payload_made_of_many_claims_is_read_in_good_time() -> None:
    claims = pack(Gist((), (1, 1))) + b"\x40\xff\xff\x1f" * 100_000
    with costs_at_most(cpu_s=10):
        assert unpack(claims, strict=False).damaged == {"residual"}


def test_an_unknown_layer_is_skipped() -> None:
    _, *borders = layer_borders(pack(WHOLE))
    payload = pack(WHOLE)
    between = payload[: borders[2]] + layer(0x18, b"from the future") + payload[borders[2] :] + layer(0x77, b"")
    for strict in (True, False):
        assert unpack(between, strict=strict) == WHOLE
    assert len(layer_borders(between)) == len(borders) + 3


def test_a_newer_version_says_upgrade() -> None:
    payload = bytearray(pack(WHOLE))
    payload[2] = 2
    for strict in (True, False):
        with pytest.raises(PacketError, match="packet version 2 is newer than this gistchain understands: upgrade"):
            unpack(bytes(payload), strict=strict)


def test_an_unknown_latent_coder_is_reported_by_name_and_the_caption_is_read() -> None:
    payload = pack(Gist(("a man",), (8, 8))) + layer(0x20, b"\x07abc")
    got = unpack(payload)
    assert got.captions == ("a man",)
    assert got.latent == Latent("coder 7", b"abc")
    with pytest.raises(PacketError, match="coder 7"):
        pack(got)


def test_a_caption_of_an_unknown_text_coder_raises_or_is_named() -> None:
    payload = pack(Gist((), (8, 8))) + layer(0x10, b"\x07abc")
    with pytest.raises(PacketError, match="upgrade"):
        unpack(payload)
    assert unpack(payload, strict=False).damaged == {"caption"}


HEAD = pack(Gist((), (8, 8)))


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "empty"),
        (b"PNG", "not a gist packet"),
        (b"gI", "header"),
        (HEAD + b"\x00", "cut"),
        (pack(WHOLE) + b"junk", "allowed|cut"),
        (HEAD + layer(0x20, b"\x01a") + layer(0x20, b"\x01a"), "twice"),
        (HEAD + layer(0x20, b"\x01a") + layer(0x10, b"\x00a"), "out of order"),
        (HEAD + layer(0x10, b"\x00a") * 17, "beyond 16 captions"),
        (HEAD + b"\x20\x81\x00a" + crc32c(b"\x20\x81\x00a").to_bytes(4), "shortest"),
        (HEAD + b"\x40\x80\x80\x80\x80\x01", "four bytes"),
        (HEAD + b"\x10\x82\x20", "4098 bytes"),
        (HEAD + b"\x40\x81\x80\x80\x08", "16777217 bytes"),
        (HEAD + layer(0x10, b""), "empty"),
        (HEAD + layer(0x20, b""), "empty"),
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
        Gist((), (5, 5), latent=Latent("thumb8", bytes(1 << 16))),
        Gist((), (5, 5), subject=Subject("image/svg+xml", b"")),
        Gist((), (5, 5), subject=Subject("image/png", bytes(1 << 20))),
        Gist((), (5, 5), residual=bytes((1 << 24) + 1)),
        Gist(("a",), (5, 5), damaged=frozenset({"latent"})),
    ],
)
def test_what_does_not_fit_a_packet_is_refused(gist: Gist) -> None:
    with pytest.raises(PacketError):
        pack(gist)


def test_the_largest_residual_comes_back_in_good_time() -> None:
    gist = Gist(("a man",), (5, 5), residual=bytes(1 << 24))
    with costs_at_most(cpu_s=20):
        assert unpack(pack(gist)) == gist


def test_the_layer_of_a_trait_caption_takes_at_most_16_bytes_at_the_median() -> None:
    import numpy as np

    from gistchain.collection.known import nouns

    tokens = nouns.tokens(nouns.sample(100, rng=np.random.default_rng(3), held=True))
    sizes = []
    for index in range(len(tokens)):
        start, end = layer_borders(pack(Gist((tokens.caption(index),), (32, 32))))
        sizes.append(end - start)
    assert statistics.median(sizes) <= 16


def test_the_vectors_of_the_specification_hold() -> None:
    vectors = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", SPEC.read_text("utf-8"), re.DOTALL)]
    assert len(vectors) >= 4
    for vector in vectors:
        payload = bytes.fromhex(vector["packet"])
        if "error" in vector:
            with pytest.raises(PacketError, match=re.escape(vector["error"])):
                unpack(payload)
            continue
        latent, subject, residual = (vector.get(name) for name in ("latent", "subject", "residual"))
        gist = Gist(
            tuple(vector["captions"]),
            tuple(vector["size"]),
            Latent(latent[0], bytes.fromhex(latent[1])) if latent else None,
            Subject(subject[0], bytes.fromhex(subject[1])) if subject else None,
            bytes.fromhex(residual) if residual is not None else None,
        )
        assert unpack(payload) == gist
        assert pack(gist) == payload or vector.get("unknown_layers")
        assert layer_borders(payload) == vector["borders"]


@pytest.mark.parametrize("number", list(textcode.DICTIONARIES))
def test_the_specification_names_each_dictionary_and_its_bytes(number: int) -> None:
    name, sha256 = textcode.DICTIONARIES[number]
    size = len((Path(textcode.__file__).parent / name).read_bytes())
    row = next(line for line in SPEC.read_text("utf-8").splitlines() if line.startswith(f"| {number} | "))
    assert name in row
    assert f" {size:,} " in row
    assert sha256 in row
