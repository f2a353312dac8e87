"""Gist -> packet -> gist: bytes in layers of falling importance.

    "gI" version width height check ‖ caption ... ‖ latent ‖ subject ‖ residual        layer = tag length data CRC-32C

Cut at any ‖ the packet is a valid, poorer gist. A layer with an unknown tag is skipped. docs/packet.md is the
specification.
"""

from __future__ import annotations

from dataclasses import dataclass

from gistchain.errors import PacketError
from gistchain.gist import textcode
from gistchain.gist.crc32c import crc32c
from gistchain.types import Gist, Latent, Subject

MAGIC = b"gI"
VERSION = 1
MAX_SIDE = 65535
MAX_CAPTIONS = 16

# Tags grow as importance falls; the gaps leave room for layers between these.
_CAPTION, _LATENT, _SUBJECT, _RESIDUAL = 0x10, 0x20, 0x30, 0x40
_NAMES = {_CAPTION: "caption", _LATENT: "latent", _SUBJECT: "subject", _RESIDUAL: "residual"}
_LIMITS = {_CAPTION: 1 + textcode.MAX_TEXT_BYTES, _LATENT: 1 << 16, _SUBJECT: 1 << 20, _RESIDUAL: 1 << 24}
_UNKNOWN_LIMIT = 1 << 24
MAX_BYTES = 1 << 25
_LATENT_CODERS = {1: "thumb8", 2: "photo", 3: "sd-vae"}
_MEDIA_TYPES = {1: "image/png", 2: "image/jpeg", 3: "image/webp"}


@dataclass(frozen=True, slots=True)
class _Layer:
    """data: None where the checksum differs. end: the position behind the layer, by its own length."""

    tag: int
    data: bytes | None
    end: int


def pack(gist: Gist) -> bytes:
    """The packet of a gist. Raises PacketError for a gist beyond the limits of docs/packet.md."""
    if gist.damaged:
        raise PacketError(f"gist lost its {', '.join(sorted(gist.damaged))}: only a whole gist can be packed")
    if len(gist.captions) > MAX_CAPTIONS:
        raise PacketError(f"gist has {len(gist.captions)} captions: at most {MAX_CAPTIONS} fit a packet")
    layers = [_layer(_CAPTION, textcode.encode(text)) for text in gist.captions]
    if gist.latent is not None:
        layers.append(_layer(_LATENT, _number(_LATENT_CODERS, gist.latent.coder) + gist.latent.data))
    if gist.subject is not None:
        kind = _number(_MEDIA_TYPES, gist.subject.media_type)
        layers.append(_layer(_SUBJECT, kind + gist.subject.data))
    if gist.residual is not None:
        layers.append(_layer(_RESIDUAL, gist.residual))
    return _header(gist.size) + b"".join(layers)


def unpack(payload: bytes, *, strict: bool = True) -> Gist:
    """The gist of a packet, whole or cut at a layer border.

    strict: raises PacketError for any damage. Not strict: a broken layer is left out and named in `damaged`
    ("caption", "caption 2", "latent", "subject", "residual", "layer <tag>"); a broken header still raises.
    """
    size, start = _read_header(payload)
    layers = _layers(payload, start) if strict else _intact_layers(payload, start)
    captions: list[str] = []
    latent, subject, residual = None, None, None
    damaged: set[str] = set()
    for layer, name in zip(layers, _names(layers), strict=True):
        if layer.data is None:
            damaged.add(name)
            continue
        try:
            if layer.tag == _CAPTION:
                captions.append(textcode.decode(layer.data))
            elif layer.tag == _LATENT:
                latent = Latent(*_named(_LATENT_CODERS, layer.data, "coder"))
            elif layer.tag == _SUBJECT:
                subject = Subject(*_named(_MEDIA_TYPES, layer.data, "media type"))
            elif layer.tag == _RESIDUAL:
                residual = layer.data
        except PacketError:
            if strict:
                raise
            damaged.add(name)
    return Gist(tuple(captions), size, latent, subject, residual, frozenset(damaged))


def layer_borders(payload: bytes) -> list[int]:
    """Where the packet can be cut: behind the header and behind each layer; the last is len(payload)."""
    _, start = _read_header(payload)
    return [start, *(layer.end for layer in _layers(payload, start))]


def _header(size: tuple[int, int]) -> bytes:
    width, height = size
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise PacketError(f"image of {width} x {height} pixels: sides of 1 to {MAX_SIDE} fit a packet")
    # Most images are square: height 0 says so.
    head = MAGIC + bytes([VERSION]) + _varint(width) + _varint(0 if height == width else height)
    return head + _check(head)


def _check(head: bytes) -> bytes:
    return crc32c(head).to_bytes(4)[2:]


def _read_header(payload: bytes) -> tuple[tuple[int, int], int]:
    if len(payload) > MAX_BYTES:
        raise PacketError(f"payload of {len(payload)} bytes: a packet has at most {MAX_BYTES}")
    if payload[: len(MAGIC)] != MAGIC:
        raise PacketError("payload is not a gist packet: it doesn't start with 'gI'" if payload else "payload is empty")
    if len(payload) <= len(MAGIC):
        raise PacketError("packet is cut inside its header")
    version = payload[len(MAGIC)]
    if version > VERSION:
        raise PacketError(f"packet version {version} is newer than this gistchain understands: upgrade")
    width, at = _read_varint(payload, len(MAGIC) + 1)
    height, at = _read_varint(payload, at)
    if len(payload) < at + 2:
        raise PacketError("packet is cut inside its header")
    size = (width, height or width)
    if payload[at : at + 2] != _check(payload[:at]) or version == 0:
        raise PacketError("packet header is damaged: its check differs")
    if _header(size) != payload[: at + 2]:
        raise PacketError("packet header is not in its shortest form")
    return size, at + 2


def _layer(tag: int, data: bytes) -> bytes:
    if len(data) > _LIMITS[tag]:
        raise PacketError(f"{_NAMES[tag]} of {len(data)} bytes: at most {_LIMITS[tag]} fit a packet")
    body = bytes([tag]) + _varint(len(data)) + data
    return body + crc32c(body).to_bytes(4)


def _layers(payload: bytes, at: int) -> list[_Layer]:
    """Every layer, all of them intact and in order; anything else raises PacketError."""
    layers: list[_Layer] = []
    while at < len(payload):
        layer = _read_layer(payload, at)
        if layer.data is None:
            raise PacketError(f"{_name(layer.tag)} is damaged: its CRC-32C differs")
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
    while at < len(payload):
        intact = _next_intact(payload, at, layers)
        stop = len(payload) if intact is None else intact[0]
        layers += _broken_layers(payload, at, stop)
        if intact is None:
            break
        layers.append(intact[1])
        at = intact[1].end
    return layers


def _next_intact(payload: bytes, at: int, before: list[_Layer]) -> tuple[int, _Layer] | None:
    effort = 4 * len(payload) + 65536  # bytes to check at most: a payload may be made to look like many long layers
    known = [layer for layer in before if layer.data is not None]
    while at < len(payload) and effort > 0:
        # An unknown tag is believed only where the layer before it ends.
        if payload[at] in _NAMES or (known and known[-1].end == at):
            try:
                layer = _read_layer(payload, at)
            except PacketError:
                layer = None
            if layer is not None:
                effort -= layer.end - at
                if layer.data is not None and _may_follow(known, layer):
                    return at, layer
        at += 1
    return None


def _broken_layers(payload: bytes, at: int, stop: int) -> list[_Layer]:
    """The layers between two positions; only the first of them where their lengths don't add up."""
    layers: list[_Layer] = []
    while at < stop:
        try:
            layer = _read_layer(payload, at)
        except PacketError:
            layer = _Layer(payload[at], None, stop + 1)
        layers.append(_Layer(layer.tag, None, layer.end))
        at = layer.end
    return layers if at == stop else layers[:1]


def _read_layer(payload: bytes, at: int) -> _Layer:
    tag = payload[at]
    length, start = _read_varint(payload, at + 1)
    limit = _LIMITS.get(tag, _UNKNOWN_LIMIT)
    if length > limit:
        raise PacketError(f"{_name(tag)} claims {length} bytes: at most {limit} are allowed")
    end = start + length
    if end + 4 > len(payload):
        raise PacketError(f"packet is cut inside its {_name(tag)}")
    intact = crc32c(payload[at:end]) == int.from_bytes(payload[end : end + 4])
    return _Layer(tag, payload[start:end] if intact else None, end + 4)


def _may_follow(before: list[_Layer], layer: _Layer) -> bool:
    if layer.tag == _CAPTION:
        return all(other.tag == _CAPTION for other in before) and len(before) < MAX_CAPTIONS
    return not before or before[-1].tag < layer.tag


def _names(layers: list[_Layer]) -> list[str]:
    """The name of each layer in `Gist.damaged`: "caption" is the first caption, "caption 2" the next."""
    names, captions = [], 0
    for layer in layers:
        captions += layer.tag == _CAPTION
        names.append(f"caption {captions}" if layer.tag == _CAPTION and captions > 1 else _name(layer.tag))
    return names


def _name(tag: int) -> str:
    return _NAMES.get(tag, f"layer {tag}")


def _number(table: dict[int, str], name: str) -> bytes:
    number = next((number for number, known in table.items() if known == name), None)
    if number is None:
        raise PacketError(f"{name!r} has no number in packet version {VERSION}: use one of {', '.join(table.values())}")
    return bytes([number])


def _named(table: dict[int, str], data: bytes, what: str) -> tuple[str, bytes]:
    if not data:
        raise PacketError(f"layer is empty: not even its {what} is named")
    return table.get(data[0], f"{what} {data[0]}"), data[1:]


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit says that more follow (LEB128)."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _read_varint(payload: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(4):
        if at + place >= len(payload):
            raise PacketError("packet is cut inside a number")
        byte = payload[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            if byte == 0 and place > 0:
                raise PacketError("packet holds a number that is not in its shortest form: it is damaged")
            return value, at + place + 1
    raise PacketError("packet holds a number of more than four bytes: it is damaged")
