"""A collection as layers: fitted, kept in a file, painted and read back."""

from __future__ import annotations

import io
import itertools
import lzma
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.models.layered import fit as fitting
from gistchain.models.layered.fit import Fitted, fit
from gistchain.models.layered.learn import learn
from gistchain.models.layered.model import MAGIC, SIDE, Layers, pack, small, to_pixels, unpack, unpack_gate
from gistchain.models.layered.read import Reader
from gistchain.score.fidelity import ssim
from gistchain.traits import Traits

COLOURS = {"red": (0.9, -0.8, -0.8), "green": (-0.7, 0.6, -0.6), "blue": (-0.8, -0.6, 0.9), "white": (0.9, 0.9, 0.9)}
TRAITS = Traits(
    "shapes",
    "Shape",
    {"sky": ("day", "dusk", "night"), "shape": ("square", "disc", "bar"), "ink": tuple(COLOURS), "hat": ("cap", "bow")},
)
Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Y, X = (np.mgrid[0:SIDE, 0:SIDE] - SIDE / 2 + 0.5).astype(np.float32)
MASKS = (np.maximum(abs(X), abs(Y)) < 15, np.hypot(X, Y) < 18, (abs(X) < 24) & (abs(Y) < 7))


def drawn(row: Labels) -> Floats:
    """A sky, on it a shape in an ink (with a darker core), on that a hat, which hides part of the shape."""
    sky, shape, ink, hat = row
    picture = np.empty((SIDE, SIDE, 3), np.float32)
    picture[:] = ((0.5, 0.7, 0.9), (0.8, 0.2, -0.1), (-0.9, -0.8, -0.5))[sky - 1]
    colour = np.array(list(COLOURS.values())[ink - 1], np.float32)
    picture[MASKS[shape - 1]] = colour
    picture[MASKS[shape - 1] & (np.hypot(X, Y) < 5)] = colour * 0.5 - 0.4
    if hat == 1:
        picture[(Y < -6) & (Y > -20) & (abs(X) < 12 + Y / 3)] = (0.6, 0.5, -0.9)
    if hat == 2:
        picture[(abs(X) < 14) & (abs(Y + 8) < abs(X) / 2)] = (0.7, -0.5, 0.6)
    return picture.reshape(-1, 3)


def every_row() -> Labels:
    rows = itertools.product((1, 2, 3), (1, 2, 3), (1, 2, 3, 4), (0, 1, 2))
    return np.random.RandomState(0).permutation(np.array(list(rows)))


def tokens(count: int, seed: int = 1) -> tuple[Floats, Labels]:
    """Of seven combinations in ten, with the noise that a JPEG might leave."""
    rng = np.random.RandomState(seed)
    rows = every_row()[: int(0.7 * len(every_row()))]
    labels = rows[rng.randint(len(rows), size=count)]
    pictures = np.stack([drawn(row) for row in labels])
    return np.clip(pictures + rng.normal(0, 0.02, pictures.shape), -1, 1).astype(np.float32), labels


UNSEEN = every_row()[int(0.7 * len(every_row())) :]


@pytest.fixture(scope="module")
def layers() -> Layers:
    return unpack(pack(learn(*tokens(200), TRAITS)), "shapes")


def few() -> tuple[Floats, Labels, list[int]]:
    images, labels = tokens(40)
    return images, labels, [len(v) for v in TRAITS.values.values()]


@pytest.fixture(scope="module")
def whole() -> Fitted:
    """The fit of a few."""
    return fit(*few())


# Fitting.


def test_the_gradients_are_those_of_the_error() -> None:
    """Against central differences, at points of every parameter."""
    rng = np.random.RandomState(0)
    images, labels, sizes = few()
    pixels = np.arange(6)
    x = np.ascontiguousarray(images.transpose(0, 2, 1)[:, :, pixels])
    first = np.cumsum([0, *(s + 1 for s in sizes)])
    rows = labels + first[:-1]
    hues = rng.normal(0, 0.5, (int(first[-1]), 3)).astype(np.float32)
    block = fitting._Block(x, rows, first, hues, [0, 1, 3])
    values, types = len(block.values), len(sizes)
    parameters = (
        rng.normal(0, 1, (values, 6)).astype(np.float32),
        rng.normal(0, 0.5, (values, 3, 6)).astype(np.float32),
        (rng.normal(0, 0.3, (values, types, 6)) * block.tinted).astype(np.float32),
    )

    def error(given: tuple[Floats, ...]) -> float:
        wrong = (block.layers(*given)[2] - x).astype(np.float64)
        return float(0.5 * (wrong * wrong).sum())

    slopes = block.gradients(*parameters)
    checked = 0
    for which, (p, slope) in enumerate(zip(parameters, slopes, strict=True)):
        for flat in rng.choice(p.size, 40, replace=False):
            at = np.unravel_index(flat, p.shape)
            errors = []
            for step in (0.02, -0.02):
                moved = [q.copy() for q in parameters]
                moved[which][at] += step
                errors.append(error(tuple(moved)))
            expected = (errors[0] - errors[1]) / 0.04 * block.per_token[at[0]]
            if which == 2:
                expected = expected * block.tinted[at[0], at[1], 0] + fitting._TINT_DECAY * p[at]
            assert slope[at] == pytest.approx(expected, abs=2e-4, rel=5e-3)
            checked += abs(expected) > 1e-3
    assert checked > 60


def test_unseen_combinations_are_painted(layers: Layers) -> None:
    similar = [ssim(to_pixels(drawn(row)), to_pixels(layers.picture(row))) for row in UNSEEN]
    assert np.mean(similar) > 0.9
    assert min(similar) > 0.75


def test_unseen_combinations_are_read(layers: Layers) -> None:
    reader, rng = Reader(layers), np.random.RandomState(7)
    right, sure = [], []
    for row in UNSEEN:
        reading = reader.read(drawn(row) + rng.normal(0, 0.02, (SIDE * SIDE, 3)).astype(np.float32))
        right.append(bool((reading.labels == row).all()))
        sure.append(reader.confidence(reading))
        assert ((reading.chances >= 0) & (reading.chances <= 1 + 1e-6)).all()
    assert np.mean(right) > 0.9
    assert np.mean(sure) > 0.5


def test_an_image_of_nothing_of_the_kind_is_not_read_with_confidence(layers: Layers) -> None:
    reader, rng = Reader(layers), np.random.RandomState(3)
    for picture in (rng.uniform(-1, 1, (SIDE * SIDE, 3)), np.full((SIDE * SIDE, 3), -1.0), drawn(UNSEEN[0])[::-1] * -1):
        assert reader.confidence(reader.read(picture.astype(np.float32))) < 0.1


def test_the_gate_tells_the_collection_from_others(layers: Layers) -> None:
    def far(picture: Floats) -> float:
        return layers.gate.distance(small(picture[None].astype(np.float32))[0, :-1])

    own = [far(drawn(row)) for row in UNSEEN]
    rng = np.random.RandomState(3)
    others = [far(rng.uniform(-1, 1, (SIDE * SIDE, 3))), far(-drawn(UNSEEN[0])), far(np.roll(drawn(UNSEEN[1]), 999, 0))]
    assert max(own) < 30
    assert min(others) > 3 * max(own)


def test_a_type_that_no_pixel_shows_is_left_out_of_readings() -> None:
    images, labels = tokens(120)
    traits = Traits("shapes", "Shape", {**TRAITS.values, "mood": ("glad", "sad")})
    mood = np.random.RandomState(5).randint(1, 3, (len(labels), 1))
    made = learn(images, np.concatenate([labels, mood], 1), traits)
    assert made.sharpness[4] == 0
    assert (made.sharpness[:3] > 0).all()
    reading = Reader(made).read(drawn(UNSEEN[0]))
    assert reading.labels[4] == 0


def test_fifty_tokens_are_enough_for_what_pixels_show_clearly() -> None:
    """A tenth of them would be five judges, of which one outlier decides."""
    images, labels = tokens(50)
    names = np.random.RandomState(6).randint(1, 25, (len(labels), 1))
    traits = Traits("shapes", "Shape", {**TRAITS.values, "name": tuple(f"number {k}" for k in range(24))})
    made = learn(images, np.concatenate([labels, names], 1), traits)
    assert (made.sharpness[:3] > 0).all()
    assert made.sharpness[4] == 0
    right = [bool((Reader(made).read(drawn(row)).labels[:3] == row[:3]).all()) for row in UNSEEN]
    assert np.mean(right) > 0.8


def test_the_search_ends_nowhere_less_likely_than_where_one_type_at_a_time_ends(layers: Layers) -> None:
    reader = Reader(layers)
    for row in UNSEEN[:10]:
        picture = drawn(row)
        alone = reader._descended(picture, reader.guessed(picture))
        assert reader.gain(picture, alone, reader.read(picture).labels) >= 0


def test_the_same_tokens_give_the_same_bytes() -> None:
    images, labels, _ = few()
    assert pack(learn(images, labels, TRAITS)) == pack(learn(images.copy(), labels.copy(), TRAITS))


@pytest.mark.parametrize("share", [0.02, 0.4, 0.8])
def test_a_fit_goes_on_from_its_checkpoint_to_the_same_result(whole: Fitted, tmp_path: Path, share: float) -> None:
    class Killed(Exception):
        pass

    def kill(done: float) -> None:
        if done > share:
            raise Killed

    images, labels, sizes = few()
    path = tmp_path / "checkpoint"
    with pytest.raises(Killed):
        fit(images, labels, sizes, progress=kill, checkpoint=path)
    seen: list[float] = []
    resumed = fit(images, labels, sizes, progress=seen.append, checkpoint=path if path.exists() else None)
    assert seen[0] > share - 0.05
    assert seen[-1] == pytest.approx(1)
    for name, value in vars(whole).items():
        assert np.array_equal(getattr(resumed, name), value), name


def test_a_checkpoint_is_read_as_it_was_written(whole: Fitted, tmp_path: Path) -> None:
    whole.save(tmp_path / "a")
    loaded = Fitted.load(tmp_path / "a")
    assert all(np.array_equal(value, getattr(loaded, name)) for name, value in vars(whole).items())
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# The file.


def test_a_file_gives_back_what_was_packed(layers: Layers) -> None:
    again = unpack(pack(layers), "shapes")
    assert again.traits == layers.traits
    for field in fields(Layers):
        value, other = getattr(layers, field.name), getattr(again, field.name)
        if isinstance(value, np.ndarray):
            assert value.shape == other.shape
            assert np.abs(value.astype(float) - other).max() <= 0.01 * max(1, np.abs(value).max()) + 0.15, field.name
    for row in UNSEEN:
        assert np.abs(layers.picture(row) - again.picture(row)).max() < 0.1
    assert unpack_gate(pack(layers), "shapes").error == layers.gate.error


def test_what_is_cut_short_is_refused(layers: Layers) -> None:
    raw = pack(layers)
    for stop in (0, 3, 4, 7, 8, 100, len(raw) // 2, len(raw) - 20):
        with pytest.raises(ModelError, match="shapes is not a collection model, or a damaged one"):
            unpack(raw[:stop], "shapes")
    for stop in (0, 3, 4, 7, 8, 100):
        with pytest.raises(ModelError, match="shapes is not a collection model"):
            unpack_gate(raw[:stop], "shapes")


def test_garbage_is_refused() -> None:
    rng = np.random.RandomState(0)
    for size in (1, 8, 100, 10_000):
        for start in (b"", MAGIC, MAGIC + (20).to_bytes(4, "little"), MAGIC + b"\xff\xff\xff\xff"):
            for read in (unpack, unpack_gate):
                with pytest.raises(ModelError):
                    read(start + rng.bytes(size), "shapes")


def parts(raw: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    stop = 8 + int.from_bytes(raw[4:8], "little")
    opened = []
    for part in (raw[8:stop], raw[stop:]):
        with np.load(io.BytesIO(lzma.decompress(part))) as file:
            opened.append({name: file[name] for name in file.files})
    return opened[0], opened[1]


def squeezed(plain: bytes) -> bytes:
    return lzma.compress(plain, preset=1)


def joined(gate: bytes, rest: bytes) -> bytes:
    return MAGIC + len(gate).to_bytes(4, "little") + gate + rest


def npz(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def head(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


STRANGE: dict[str, Any] = {
    "no head": {"head": None},
    "a head that is a list": {"head": head("[]")},
    "a head that is nested": {"head": head("[" * 100_000)},
    "another format": {"head": head('{"format": 99}')},
    "no traits": {"head": head('{"format": 1, "collection": "a", "subject": "b", "traits": {}, "error": 1}')},
    "too few pixels": {"claims": np.zeros((16, 7), np.uint8)},
    "text for numbers": {"hues": np.array([["a"] * 3] * 16)},
    "objects": {"hues": np.array([{}], object)},
    "a type that follows one that is not": {"follows": np.array([0, 9, 0, 0], np.int8)},
    "no number": {"prior": np.full(16, np.nan, np.float32)},
    "a scale of another shape": {"guess_scale": np.zeros((3, 5, 7), np.float32)},
    "an infinite scale": {"tints_scale": np.full((1, 1, 1), np.inf, np.float32)},
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_does_not_fit_together_is_refused(layers: Layers, name: str) -> None:
    gate, rest = parts(pack(layers))
    changed = {k: v for k, v in {**rest, **STRANGE[name]}.items() if v is not None}
    with pytest.raises(ModelError, match="shapes"):
        unpack(joined(squeezed(npz(gate)), squeezed(npz(changed))), "shapes")


def test_altered_bytes_are_refused_or_give_a_model(layers: Layers) -> None:
    """The card's sha256 catches them all before; what gets here all the same must not end the process."""
    gate, rest = parts(pack(layers))
    plain, packed_gate, rng = npz(rest), squeezed(npz(gate)), np.random.RandomState(0)
    headers = [place for place in range(len(plain) - 4) if plain[place : place + 2] == b"PK"]
    refused = 0
    for _ in range(40):
        altered = bytearray(plain)
        for _ in range(3):  # near the headers of the archive, where it hurts
            altered[min(headers[rng.randint(len(headers))] + rng.randint(160), len(plain) - 1)] = rng.randint(256)
        raw = joined(packed_gate, lzma.compress(bytes(altered), preset=0))
        try:
            assert unpack(raw, "shapes").claims.shape == layers.claims.shape
        except ModelError:
            refused += 1
    assert refused > 20


def test_bombs_are_refused(layers: Layers) -> None:
    """Of xz; of the archive inside; of an array that claims to be huge."""
    gate, rest = parts(pack(layers))
    zeros = lzma.LZMACompressor(preset=0)
    bomb = b"".join(zeros.compress(bytes(2**24)) for _ in range(17)) + zeros.flush()
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("claims.npy", bytes(2**26))
    huge = io.BytesIO()
    with zipfile.ZipFile(huge, "w") as archive:
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (70000000000000,), }".ljust(117) + b"\n"
        archive.writestr("claims.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    packed_gate = squeezed(npz(gate))
    for hostile in (bomb, squeezed(inner.getvalue()), squeezed(huge.getvalue())):
        with pytest.raises(ModelError, match="shapes is not a collection model, or a damaged one"):
            unpack(joined(packed_gate, hostile), "shapes")
        with pytest.raises(ModelError, match="shapes is not a collection model, or a damaged one"):
            unpack_gate(joined(hostile, squeezed(npz(rest))), "shapes")


def test_a_header_whose_brackets_do_not_match_is_damage() -> None:
    file = io.BytesIO()
    np.savez(file, axes=np.zeros((48, 768), np.int8))
    part = lzma.compress(file.getvalue().replace(b"(48, 768)", b"(48, 768 "))
    with pytest.raises(ModelError, match="damaged"):
        unpack_gate(MAGIC + len(part).to_bytes(4, "little") + part, "x")
