"""The numbers of one collection's layers, how a row of labels becomes a picture, and their file.

The file: MAGIC, the length of the gate (4 bytes, little-endian), the gate, the layers. Both are xz-compressed .npz of
small integers, read without pickle. The gate comes first and is small, so that "is this picture of that collection?"
is answered for a whole shelf without opening the layers of each. The card beside the file carries its sha256.
"""

from __future__ import annotations

import io
import itertools
import json
import lzma
import struct
import tokenize
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError
from gistchain.safejson import parsed
from gistchain.traits import Traits
from gistchain.types import Pixels

Floats = NDArray[np.float32]

SIDE = 64
THIN = (16, 32)
"""Sides of thinned layers."""
FORMAT = 1
MAGIC = b"GLY1"
_CLAIM_STEP, _FAINTEST = 0.15, -8.0  # log-claims are kept for weights of 1 : 3000 to e^30 : 1
_COLOUR_STEP = 1.3 / 127  # a layer's own colour in [-1.3, 1.3], beyond white where it only shines through
_MOST_VALUES, _MOST_TYPES, _MOST_BYTES, _MOST_ARRAYS, _MOST_POSES = 4096, 64, 1 << 28, 32, 64
# What numpy, lzma and json raise for damaged bytes.
_DAMAGE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    tokenize.TokenError,  # from numpy, of a header whose brackets don't match
    ArithmeticError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    struct.error,
    zipfile.BadZipFile,
    lzma.LZMAError,
)


@dataclass(frozen=True, eq=False)
class Gate:
    """Where the thumbnails of a collection lie: mean (768,), main axes (K, 768), and the mean squared distance of
    unseen tokens' thumbnails to the plane of the axes."""

    mean: Floats
    axes: Floats
    error: float

    def distance(self, thumbnail: Floats) -> float:
        """Mean squared distance of a thumbnail (768,) to the plane, in the collection's own."""
        off = thumbnail - self.mean
        off = off - (self.axes @ off) @ self.axes
        return float((off * off).mean() / self.error)


@dataclass(frozen=True, eq=False)
class Layers:
    """U rows in all, `first[t]` being the "not visible" of type t; P = SIDE * SIDE pixels; colours in [-1, 1].

    A label says which value of its type a token has, a state which pose too (poses.py): one row for each. They are the
    same where poses (T,), those of each value of a type, are 1.

    claims (U, P) logarithms; colours (U, P, 3); tints (U, P, T); hues (U, 3); prior (U,) how common a value is.
    variation (K, P * 3): what the labels leave open, its main directions, one standard deviation long; noise (P,) the
    variance that is left. guess (769, U): from 16 x 16 x 3 pixels to a first guess of each type's value.
    sharpness (T,): what one nat of pixel evidence is worth for a type, measured; 0 for a type that no pixel shows.
    vanishes (T,): whether tokens lack the label of a type where its value is too faint to be seen.
    trust: bias, slope (Platt) and doubt of the log odds that a whole reading is right: its own log odds count times the
    slope, the logarithm of its error over the usual one counts times minus the doubt. follows (T,): the type that is
    visible whenever this one is, as facial hair is for facial hair color, or -1. error: the usual mean squared error.
    merged: by type, what a value that stands for several is called, and these; under "" those that captions never tell,
    because they look like none.
    """

    traits: Traits
    claims: Floats
    colours: Floats
    tints: Floats
    hues: Floats
    prior: Floats
    variation: Floats
    noise: Floats
    guess: Floats
    sharpness: Floats
    follows: NDArray[np.int64]
    vanishes: NDArray[np.bool_]
    gate: Gate
    error: float
    trust: tuple[float, float, float] = (0.0, 1.0, 0.0)
    merged: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    own_poses: tuple[int, ...] = ()

    @cached_property
    def poses(self) -> NDArray[np.int64]:
        return np.array(self.own_poses or [1] * len(self.traits.types), np.int64)

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """Row of each type's "not visible"; one more entry: U."""
        sizes = [len(v) for v in self.traits.values.values()]
        return np.cumsum([0, *(self.poses * sizes + 1)])

    @cached_property
    def strengths(self) -> Floats:
        return np.exp(self.claims)

    def rows(self, states: NDArray[np.int64]) -> NDArray[np.int64]:
        """(..., T) states -> (..., T) rows of the arrays above."""
        rows: NDArray[np.int64] = states + self.first[:-1]
        return rows

    def labels(self, states: NDArray[np.int64]) -> NDArray[np.int64]:
        """(..., T) states -> (..., T) labels."""
        labels: NDArray[np.int64] = (states + self.poses - 1) // self.poses
        return labels

    def states(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """(..., T) labels -> (..., T) states, each value in its commonest pose."""
        states = labels.copy()
        for t in np.flatnonzero(self.poses > 1):
            shares = self.prior[self.first[t] + 1 : self.first[t + 1]].reshape(-1, self.poses[t])
            commonest = np.arange(len(shares)) * self.poses[t] + 1 + shares.argmax(1)
            states[..., t] = np.concatenate([[0], commonest])[labels[..., t]]
        return states

    def of_values(self, rows: NDArray[np.floating[Any]], t: int) -> NDArray[np.floating[Any]]:
        """(..., rows of type t) chances -> (..., values of type t + 1): the poses of a value together."""
        posed = rows[..., 1:].reshape(*rows.shape[:-1], -1, self.poses[t]).sum(-1)
        return np.concatenate([rows[..., :1], posed], -1)

    def picture(self, states: NDArray[np.int64]) -> Floats:
        """(T,) states -> (P, 3) in about [-1, 1]: the mean of all pictures with these states."""
        rows = self.rows(states)
        weights = self.strengths[rows]
        weights = weights / weights.sum(0)
        colours = self.colours[rows] + self.tints[rows] @ self.hues[rows]
        picture: Floats = (weights[..., None] * colours).sum(0)
        return picture


def small(images: NDArray[np.float32]) -> Floats:
    """(N, P, 3) in [-1, 1] -> (N, 769): means of a 16 x 16 grid, and 1."""
    n, step = len(images), SIDE // 16
    means = images.reshape(n, 16, step, 16, step, 3).mean((2, 4)).reshape(n, -1)
    return np.concatenate([means, np.ones((n, 1), np.float32)], 1).astype(np.float32)


def to_floats(images: NDArray[np.uint8]) -> Floats:
    """(N, SIDE, SIDE, 3) in 0..255 -> (N, P, 3) in [-1, 1]."""
    scaled: Floats = images.astype(np.float32)
    scaled /= np.float32(127.5)
    scaled -= 1
    return scaled.reshape(len(images), -1, 3)


def to_pixels(picture: Floats) -> Pixels:
    """(P, 3) in [-1, 1] -> (SIDE, SIDE, 3) in 0..255; what lies outside is clipped."""
    return ((picture.reshape(SIDE, SIDE, 3) + 1) * 127.5).round().clip(0, 255).astype(np.uint8)


def pack(layers: Layers) -> bytes:
    """The bytes of the file: integers of 8 bits wherever 8 bits are enough, zeros where a layer never shows."""
    claims = layers.claims - _floor(layers)
    shows = claims > _FAINTEST
    reach = [np.abs(layers.hues[a:b]).max() for a, b in pairwise(layers.first)]
    tints = np.where(shows[..., None] & (np.abs(layers.tints) * np.array(reach, np.float32) > 1 / 127), layers.tints, 0)
    head = {
        "format": FORMAT,
        "collection": layers.traits.collection,
        "subject": layers.traits.subject,
        "traits": layers.traits.values,
        "error": layers.error,
        "trust": layers.trust,
        "merged": layers.merged,
        "poses": layers.own_poses,
    }
    arrays: dict[str, NDArray[Any]] = {
        "head": np.frombuffer(json.dumps(head).encode(), np.uint8),
        "claims": ((claims - _FAINTEST) / _CLAIM_STEP).round().clip(0, 255).astype(np.uint8),
        "colours": (np.where(shows[..., None], layers.colours, 0) / _COLOUR_STEP)
        .round()
        .clip(-127, 127)
        .astype(np.int8),
        "hues": layers.hues.astype(np.float32),
        "prior": layers.prior.astype(np.float32),
        "noise": layers.noise.astype(np.float16),
        "sharpness": layers.sharpness.astype(np.float32),
        "follows": layers.follows.astype(np.int8),
        "vanishes": layers.vanishes,
    }
    for name, values in (("tints", tints.transpose(0, 2, 1)), ("variation", layers.variation), ("guess", layers.guess)):
        arrays[name], arrays[f"{name}_scale"] = _quantised(values)
    axes, scale = _quantised(layers.gate.axes)
    mean, error = layers.gate.mean.astype(np.float32), np.array(layers.gate.error)
    gate = _squeezed({"mean": mean, "axes": axes, "axes_scale": scale, "error": error})
    return b"".join([MAGIC, len(gate).to_bytes(4, "little"), gate, _squeezed(arrays)])


def _squeezed(arrays: dict[str, NDArray[Any]]) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return lzma.compress(file.getvalue(), preset=6)


def _opened(raw: bytes) -> dict[str, NDArray[Any]]:
    stream = lzma.LZMADecompressor(memlimit=_MOST_BYTES)
    plain = stream.decompress(raw, _MOST_BYTES)
    if not stream.eof:
        raise ValueError("it is cut short, or too large")
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:  # as numpy stores it: members compressed once more may explode
        members = archive.infolist()
        if len(members) > _MOST_ARRAYS or any(m.compress_type != zipfile.ZIP_STORED for m in members):
            raise ValueError("it holds other things than a few arrays")
    with np.load(io.BytesIO(plain), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def unpack_gate(raw: bytes, what: str) -> Gate:
    """The gate alone; otherwise as `unpack`."""
    try:
        arrays = _opened(_parts(raw)[0])
        gate = Gate(arrays["mean"].astype(np.float32), _restored(arrays, "axes"), float(arrays["error"]))
    except _DAMAGE as error:
        raise _damaged(what, error) from error
    if gate.mean.shape != (768,) or gate.axes.shape[1:] != (768,) or not gate.error > 0:
        raise ModelError(f"{what} has a gate that does not fit: train it again")
    return gate


def _parts(raw: bytes) -> tuple[bytes, bytes]:
    if raw[:4] != MAGIC:
        raise ValueError("it does not start like one")
    stop = 8 + int.from_bytes(raw[4:8], "little")
    return raw[8:stop], raw[stop:]


def _damaged(what: str, error: Exception) -> ModelError:
    return ModelError(f"{what} is not a collection model, or a damaged one ({error}): train or install it again")


def _floor(layers: Layers) -> Floats:
    """(P,) the least claim that is made whatever the labels are: what lies far below it never shows."""
    floor: Floats = np.max([layers.claims[a:b].min(0) for a, b in pairwise(layers.first)], 0)
    return floor


def unpack(raw: bytes, what: str) -> Layers:
    """Raises ModelError for anything but a whole file of this format; `what` names it in the message."""
    return built(opened(raw, what), unpack_gate(raw, what), what)


def opened(raw: bytes, what: str) -> dict[str, NDArray[Any]]:
    """The layers as they lie in the file, unpacked; otherwise as `unpack`."""
    try:
        return _opened(_parts(raw)[1])
    except _DAMAGE as error:
        raise _damaged(what, error) from error


def thinned(arrays: dict[str, NDArray[Any]], side: int) -> dict[str, NDArray[Any]]:
    """What `opened` gives, at side x side of the pixels, evenly spread: enough to see what is surely not a token."""
    picks, few = grid(side), dict(arrays)
    few |= {
        "claims": arrays["claims"][:, picks],
        "colours": arrays["colours"][:, picks],
        "noise": arrays["noise"][picks],
    }
    few["tints"], few["tints_scale"] = arrays["tints"][..., picks], arrays["tints_scale"]
    variation = arrays["variation"]
    few["variation"] = variation.reshape(len(variation), -1, 3)[:, picks].reshape(len(variation), -1)
    return few


def grid(side: int) -> NDArray[np.int64]:
    """The numbers of side x side of the pixels, each in the middle of its square."""
    step = SIDE // side
    places = np.arange(step // 2, SIDE, step)
    return np.asarray((places[:, None] * SIDE + places).ravel())


def built(arrays: dict[str, NDArray[Any]], gate: Gate, what: str) -> Layers:
    """The layers of what `opened` or `thinned` gave; otherwise as `unpack`."""
    try:
        head = parsed(arrays["head"].tobytes())
        if head["format"] != FORMAT:
            raise ModelError(f"{what} has format {head['format']}, this gistchain reads {FORMAT}: train it again")
        names = [head["collection"], head["subject"], *itertools.chain(*head["traits"].values())]
        if not all(isinstance(v, list) for v in head["traits"].values()) or not all(isinstance(n, str) for n in names):
            raise ValueError("its names and traits are not texts")
        values = {t: tuple(v) for t, v in head["traits"].items()}
        traits = Traits(head["collection"], head["subject"], values)
        layers = Layers(
            traits,
            claims=arrays["claims"].astype(np.float32) * np.float32(_CLAIM_STEP) + np.float32(_FAINTEST),
            colours=arrays["colours"].astype(np.float32) * np.float32(_COLOUR_STEP),
            tints=np.ascontiguousarray(_restored(arrays, "tints").transpose(0, 2, 1)),
            hues=arrays["hues"].astype(np.float32),
            prior=arrays["prior"].astype(np.float32),
            variation=_restored(arrays, "variation"),
            noise=arrays["noise"].astype(np.float32),
            guess=_restored(arrays, "guess"),
            sharpness=arrays["sharpness"].astype(np.float32),
            follows=arrays["follows"].astype(np.int64),
            vanishes=arrays["vanishes"].astype(bool),
            gate=gate,
            error=float(head["error"]),
            # Older files have neither the doubt nor merged values nor poses.
            trust=(float(head["trust"][0]), float(head["trust"][1]), float([*head["trust"], 0][2])),
            merged=_merged(head.get("merged", {}), values),
            own_poses=_poses(head.get("poses", []), len(values)),
        )
    except _DAMAGE as error:
        raise _damaged(what, error) from error
    _check(layers, what)
    return layers


def _merged(told: dict[str, dict[str, list[str]]], values: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """Raises ValueError for names that are not the traits'."""
    for type_, groups in told.items():
        if not set(groups) <= {"", *values[type_]} or not all(isinstance(n, str) for g in groups.values() for n in g):
            raise ValueError("its merged values are not among its traits")
    return {type_: {name: tuple(group) for name, group in groups.items()} for type_, groups in told.items()}


def _poses(told: list[int], types: int) -> tuple[int, ...]:
    """Raises ValueError for what can't be poses."""
    if told and (len(told) != types or not all(type(n) is int and 1 <= n <= _MOST_POSES for n in told)):
        raise ValueError("its poses do not fit its traits")
    return tuple(told)


def _check(layers: Layers, what: str) -> None:
    types, values, pixels = len(layers.traits.types), int(layers.first[-1]), len(layers.noise)
    variations = len(layers.variation)
    wanted = {
        "claims": (values, pixels),
        "colours": (values, pixels, 3),
        "tints": (values, pixels, types),
        "hues": (values, 3),
        "prior": (values,),
        "variation": (variations, pixels * 3),
        "noise": (pixels,),
        "guess": (769, values),
        "sharpness": (types,),
        "follows": (types,),
        "vanishes": (types,),
    }
    wrong = [name for name, shape in wanted.items() if getattr(layers, name).shape != shape]
    wrong += ["follows"] * bool((layers.follows >= types).any())
    wrong += ["noise"] * (pixels not in (SIDE * SIDE, *(side * side for side in THIN)))
    wrong += [name for name in wanted if not np.isfinite(getattr(layers, name)).all()]
    wrong += [name for name in ("prior", "noise") if not (getattr(layers, name) > 0).all()]
    wrong += ["error"] * (not np.isfinite([layers.error, *layers.trust]).all())
    if wrong or not 1 <= types <= _MOST_TYPES or values > _MOST_VALUES:
        raise ModelError(f"{what} does not fit together ({', '.join(wrong) or 'its traits'}): train it again")


def _quantised(values: Floats) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """One scale for each row of the last axis."""
    scale = np.maximum(np.abs(values).max(-1, keepdims=True, initial=0), 1e-9) / 127
    return (values / scale).round().astype(np.int8), scale.astype(np.float32)


def _restored(arrays: dict[str, NDArray[Any]], name: str) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):  # _check sees what is not finite
        restored: Floats = arrays[name].astype(np.float32) * arrays[f"{name}_scale"]
    return restored
