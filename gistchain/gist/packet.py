"""Gist -> packet -> gist: bytes in layers of falling importance.

    size ‖ caption ... ‖ latent ‖ subject ‖ residual ‖ file        layer = tag [length] data check

Cut at any ‖ but the first the packet is a valid, poorer gist. A layer of an unknown kind is skipped. A bare packet is
size, tag and data of one layer: an item of a batch on a chain. docs/packet.md is the specification.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, replace

from gistchain.errors import PacketError
from gistchain.gist import textcode, traitcode
from gistchain.gist.crc32c import crc32c
from gistchain.gist.header import BARE, is_bare, read_number, read_size, written_number, written_size
from gistchain.gist.traitcode import Table, Tables
from gistchain.types import Gist, ImageFile, Latent, Residual, Subject

MAX_CAPTIONS = 16
MAX_BYTES = 1 << 25
SHORT_CHECK, LONG_CHECK = 2, 4
"""Bytes of the check of a caption, and of any other layer."""

# The high half of a tag is the kind of the layer, the low half who can read it. The first bit says that this layer is
# the only one, so that it goes to the end of the packet and writes no length.
_ONLY = 0x80
_NOTHING, _CAPTION, _LATENT, _SUBJECT, _RESIDUAL, _FILE = range(6)
_NAMES = {_CAPTION: "caption", _LATENT: "latent", _SUBJECT: "subject", _RESIDUAL: "residual", _FILE: "file"}
_LIMITS = {
    _NOTHING: 0, _CAPTION: textcode.MAX_TEXT_BYTES, _LATENT: 1 << 16, _SUBJECT: 1 << 20, _RESIDUAL: 1 << 24,
    _FILE: 1 << 24,
}  # fmt: skip
_UNKNOWN_LIMIT = 1 << 24
TABLE = 2
"""Who reads a caption, after textcode's PLAIN and DICTIONARY: whoever has the trait table that it names."""
_LATENT_CODERS = {1: "thumb8", 2: "photo", 3: "sd-vae"}
_RESIDUAL_CODERS = {1: "exact"}
_MEDIA_TYPES = {1: "image/png", 2: "image/jpeg", 3: "image/webp", 4: "image/avif", 5: "image/gif", 6: "image/heif"}


@dataclass(frozen=True, slots=True)
class _Layer:
    """data: None where the check differs. end: the position behind the layer, by its own length."""

    tag: int
    data: bytes | None
    end: int

    @property
    def kind(self) -> int:
        return self.tag >> 4


def pack(gist: Gist, table: Table | None = None, *, readable: bool = False) -> bytes:
    """The packet of a gist. table: one that whoever reads it has; captions are written by it where that is shorter.

    readable: without our dictionary, so that a contract and a stranger's program can tell what it says.

    Raises PacketError for a gist beyond the limits of docs/packet.md.
    """
    if gist.damaged:
        raise PacketError(f"gist lost its {', '.join(sorted(gist.damaged))}: only a whole gist can be packed")
    if len(gist.captions) > MAX_CAPTIONS:
        raise PacketError(f"gist has {len(gist.captions)} captions: at most {MAX_CAPTIONS} fit a packet")
    layers = [_tagged(_CAPTION, *_written(text, table, readable)) for text in gist.captions]
    if gist.latent is not None:
        layers.append(_tagged(_LATENT, _number(_LATENT_CODERS, gist.latent.coder), gist.latent.data))
    if gist.subject is not None:
        layers.append(_tagged(_SUBJECT, _number(_MEDIA_TYPES, gist.subject.media_type), _placed(gist.subject, gist)))
    if gist.residual is not None:
        layers.append(_tagged(_RESIDUAL, _number(_RESIDUAL_CODERS, gist.residual.coder), gist.residual.data))
    if gist.file is not None:
        layers.append(_tagged(_FILE, _number(_MEDIA_TYPES, gist.file.media_type), gist.file.data))
    size = written_size(gist.size)
    if len(layers) < 2:
        tag, data = layers[0] if layers else (_NOTHING << 4, b"")
        parts = [bytes([tag | _ONLY]) + data]
    else:
        parts = [bytes([tag]) + written_number(len(data)) + data for tag, data in layers]
    return size + b"".join(part + _check(part[0], size + part) for part in parts)


def pack_bare(size: tuple[int, int], coder: int, code: bytes) -> bytes:
    """The packet without a check of a picture's only caption. coder, code: as `caption_codes` gives them."""
    return written_size(size, BARE) + bytes([_CAPTION << 4 | coder | _ONLY]) + code


def caption_codes(text: str, table: Table | None = None) -> dict[int, bytes]:
    """Every way to write a caption, the text coder and its code. Raises PacketError for a text that doesn't fit."""
    codes = dict([textcode.encode(text)])
    number = None if table is None else table.encode(text)
    return codes if number is None else {**codes, TABLE: number}


def unpack(payload: bytes, *, strict: bool = True, tables: Tables | None = None) -> Gist:
    """The gist of a packet, whole or cut at a layer border.

    tables: gives the trait table of a name, and raises PacketError where there is none; None knows none.

    strict: raises PacketError for any damage. Not strict: a broken layer is left out and named in `damaged`
    ("caption", "caption 2", "latent", "subject", "residual", "file", "layer <tag>"); where no layer is intact, nothing
    confirms the size, and that still raises.
    """
    size, start = _read_start(payload)
    if is_bare(payload):
        layers = [_bare_layer(payload, start, strict)]
    else:
        layers = _layers(payload, start) if strict else _intact_layers(payload, start)
    if all(layer.data is None for layer in layers):
        raise PacketError("no layer of the packet is intact")
    found = Gist((), size)
    damaged: set[str] = set()
    for layer, name in zip(layers, _layer_names(layers), strict=True):
        if layer.data is None:
            damaged.add(name)
            continue
        try:
            found = _with_layer(found, layer.kind, layer.tag & 15, layer.data, tables)
        except PacketError:
            if strict:
                raise
            damaged.add(name)
    return replace(found, damaged=frozenset(damaged))


def layer_borders(payload: bytes) -> list[int]:
    """Where the packet can be cut: behind each layer; the last is len(payload)."""
    _, start = _read_start(payload)
    if is_bare(payload):
        return [_bare_layer(payload, start, strict=True).end]
    return [layer.end for layer in _layers(payload, start)]


def checks_hold(payload: bytes) -> bool:
    """Whether the checks of all layers are right; what they say is not read."""
    try:
        _, start = _read_start(payload)
        return not is_bare(payload) and bool(_layers(payload, start))
    except PacketError:
        return False


def is_whole(payload: bytes) -> bool:
    """Whether all layers arrived as they were sent: their checks are right, and what they say can be read.

    Of random bytes with a right check of a caption a quarter to a hundredth can: the longer, the fewer.
    """
    try:
        return not is_bare(payload) and bool(unpack(payload))
    except PacketError:
        return False


def layer_name(kind: int) -> str:
    """What `Gist.damaged` calls a layer of this kind, 0 to 7: the high half of its tag without the first bit."""
    return _name(kind << 4)


def layer_kind(layer: bytes) -> int:
    """The kind of a layer, by its first byte."""
    return (layer[0] & ~_ONLY) >> 4


def _with_layer(gist: Gist, kind: int, reader: int, data: bytes, tables: Tables | None) -> Gist:
    """The gist with one more layer; as it was for a layer that is not known."""
    if kind == _CAPTION:
        text = traitcode.decode_named(data, tables) if reader == TABLE else textcode.decode(reader, data)
        return replace(gist, captions=(*gist.captions, text))
    if kind == _LATENT:
        return replace(gist, latent=Latent(_named(_LATENT_CODERS, reader, "coder"), data))
    if kind == _SUBJECT:
        return replace(gist, subject=_read_subject(_named(_MEDIA_TYPES, reader, "media type"), data, gist.size))
    if kind == _RESIDUAL:
        return replace(gist, residual=Residual(_named(_RESIDUAL_CODERS, reader, "coder"), data))
    if kind == _FILE:
        return replace(gist, file=ImageFile(_named(_MEDIA_TYPES, reader, "media type"), data))
    return gist


def _written(text: str, table: Table | None, readable: bool) -> tuple[int, bytes]:
    """The coder and the shortest code of a caption; of equals the one that needs no table."""
    codes = caption_codes(text, table)
    if readable and textcode.DICTIONARY in codes:
        codes[textcode.PLAIN] = text.encode()
        del codes[textcode.DICTIONARY]
    coder = min(sorted(codes), key=lambda coder: len(codes[coder]))
    return coder, codes[coder]


def _bare_layer(payload: bytes, at: int, strict: bool) -> _Layer:
    """The layer of a packet without checks. Its dictionary code may be filled up with zeros, so that all items of a
    batch have one length: no code ends with one.
    """
    if not strict:
        raise PacketError("the packet has no check, so that nobody can tell whether it arrived whole")
    tag = payload[at]
    if tag >> 4 != _CAPTION | _ONLY >> 4:
        raise PacketError(
            f"a packet without checks holds one caption, not {_name(tag & ~_ONLY)} and what may follow it"
        )
    data = payload[at + 1 :]
    if len(data) > _LIMITS[_CAPTION]:
        raise PacketError(f"caption claims {len(data)} bytes: at most {_LIMITS[_CAPTION]} are allowed")
    tag &= ~_ONLY
    return _Layer(tag, data.rstrip(b"\0") if tag & 15 == textcode.DICTIONARY else data, len(payload))


def _tagged(kind: int, reader: int, data: bytes) -> tuple[int, bytes]:
    """The tag of a layer, and its data."""
    if len(data) > _LIMITS[kind]:
        raise PacketError(f"{_NAMES[kind]} of {len(data)} bytes: at most {_LIMITS[kind]} fit a packet")
    return kind << 4 | reader, data


def _check(tag: int, checked: bytes) -> bytes:
    """The check of a layer, of what stands before it: the size and the layer itself."""
    if _check_bytes(tag) == SHORT_CHECK:
        return binascii.crc_hqx(checked, 0xFFFF).to_bytes(SHORT_CHECK)
    return crc32c(checked).to_bytes(LONG_CHECK)


def _check_bytes(tag: int) -> int:
    return SHORT_CHECK if (tag & ~_ONLY) >> 4 <= _CAPTION else LONG_CHECK


def _placed(subject: Subject, gist: Gist) -> bytes:
    """The data of a subject's layer: its box, then the file."""
    if not _lies_within(subject.box, gist.size):
        raise PacketError(f"subject at {subject.box} does not lie in a picture of {gist.size[0]} x {gist.size[1]}")
    return b"".join(map(written_number, subject.box)) + subject.data


def _read_subject(media_type: str, data: bytes, size: tuple[int, int]) -> Subject:
    box, at = [], 0
    for _ in range(4):
        number, at = read_number(data, at)
        box.append(number)
    left, top, width, height = box
    if not _lies_within((left, top, width, height), size):
        raise PacketError(f"the subject at {tuple(box)} does not lie in a picture of {size[0]} x {size[1]}")
    return Subject(media_type, data[at:], (left, top, width, height))


def _lies_within(box: tuple[int, int, int, int], size: tuple[int, int]) -> bool:
    left, top, width, height = box
    return min(left, top) >= 0 and min(width, height) >= 1 and left + width <= size[0] and top + height <= size[1]


def _read_start(payload: bytes) -> tuple[tuple[int, int], int]:
    """The size, and where the first layer starts."""
    if len(payload) > MAX_BYTES:
        raise PacketError(f"payload of {len(payload)} bytes: a packet has at most {MAX_BYTES}")
    size, at = read_size(payload)
    if at == len(payload):
        raise PacketError("packet is cut before its first layer")
    return size, at


def _layers(payload: bytes, at: int) -> list[_Layer]:
    """Every layer, all of them intact and in order; anything else raises PacketError."""
    layers: list[_Layer] = []
    size = payload[:at]
    while at < len(payload):
        layer = _read_layer(payload, size, at)
        if layer.data is None:
            raise PacketError(f"{_name(layer.tag)} is damaged: its check differs")
        if not _may_follow(layers, layer):
            last = _name(layers[-1].tag)
            raise PacketError(
                f"{_name(layer.tag)} comes after {last}: twice, out of order, or beyond {MAX_CAPTIONS} captions"
            )
        layers.append(layer)
        at = layer.end
    return layers


def _intact_layers(payload: bytes, at: int) -> list[_Layer]:
    """The intact layers, and a layer without data in place of each of the others.

    Behind a broken length no border can be trusted, so the next layer is looked for at every byte.
    """
    layers: list[_Layer] = []
    size = payload[:at]
    while at < len(payload):
        intact = _next_intact(payload, size, at, layers)
        stop = len(payload) if intact is None else intact[0]
        layers += _broken_layers(payload, size, at, stop)
        if intact is None:
            break
        layers.append(intact[1])
        at = intact[1].end
    return layers


def _next_intact(payload: bytes, size: bytes, at: int, before: list[_Layer]) -> tuple[int, _Layer] | None:
    effort = 4 * len(payload) + 65536  # bytes to check at most: a payload may be made to look like many long layers
    known = [layer for layer in before if layer.data is not None]
    while at < len(payload) and effort > 0:
        # A layer of an unknown kind is believed only where the layer before it ends.
        if payload[at] >> 4 in _NAMES or at == len(size) or (known and known[-1].end == at):
            try:
                layer = _read_layer(payload, size, at)
            except PacketError:
                layer = None
            if layer is not None:
                effort -= layer.end - at
                if layer.data is not None and _may_follow(known, layer):
                    return at, layer
        at += 1
    return None


def _broken_layers(payload: bytes, size: bytes, at: int, stop: int) -> list[_Layer]:
    """The layers between two positions; only the first of them where their lengths don't add up."""
    layers: list[_Layer] = []
    while at < stop:
        try:
            layer = _read_layer(payload, size, at)
        except PacketError:
            layer = _Layer(payload[at] & ~_ONLY, None, stop + 1)
        layers.append(_Layer(layer.tag, None, layer.end))
        at = layer.end
    return layers if at == stop else layers[:1]


def _read_layer(payload: bytes, size: bytes, at: int) -> _Layer:
    tag, only = payload[at] & ~_ONLY, payload[at] & _ONLY
    check = _check_bytes(tag)
    if only and at != len(size):
        raise PacketError(f"{_name(tag)} says that it is the only layer, and is not")
    length, start = (len(payload) - at - 1 - check, at + 1) if only else read_number(payload, at + 1)
    limit = _LIMITS.get(tag >> 4, _UNKNOWN_LIMIT)
    if length > limit:
        raise PacketError(f"{_name(tag)} claims {length} bytes: at most {limit} are allowed")
    end = start + length
    if length < 0 or end + check > len(payload):
        raise PacketError(f"packet is cut inside its {_name(tag)}")
    intact = _check(tag, size + payload[at:end]) == payload[end : end + check]
    return _Layer(tag, payload[start:end] if intact else None, end + check)


def _may_follow(before: list[_Layer], layer: _Layer) -> bool:
    """Kinds that are not known may stand anywhere; "nothing" stands alone."""
    if before and _NOTHING in (layer.kind, before[0].kind):
        return False
    if layer.kind not in _NAMES:
        return True
    last = max((other.kind for other in before if other.kind in _NAMES), default=_NOTHING)
    if layer.kind == _CAPTION:
        return last <= _CAPTION and sum(other.kind == _CAPTION for other in before) < MAX_CAPTIONS
    return last < layer.kind


def _layer_names(layers: list[_Layer]) -> list[str]:
    """The name of each layer in `Gist.damaged`: "caption" is the first caption, "caption 2" the next."""
    names, captions = [], 0
    for layer in layers:
        captions += layer.kind == _CAPTION
        names.append(f"caption {captions}" if layer.kind == _CAPTION and captions > 1 else _name(layer.tag))
    return names


def _name(tag: int) -> str:
    return _NAMES.get(tag >> 4, f"layer {tag}")


def _number(table: dict[int, str], name: str) -> int:
    number = next((number for number, known in table.items() if known == name), None)
    if number is None:
        raise PacketError(f"{name!r} has no number in this version of packets: use one of {', '.join(table.values())}")
    return number


def _named(table: dict[int, str], number: int, what: str) -> str:
    return table.get(number, f"{what} {number}")
