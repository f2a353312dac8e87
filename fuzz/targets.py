"""Each kind of input that strangers bring: its seeds, how it is changed, its reader, and what that may take."""

from __future__ import annotations

import json
import lzma
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz import kept, pictures
from fuzz.mutate import json_value, mutated, one_of, words
from gistchain.errors import GistchainError, ModelError, PacketError

_CAPTIONS = (
    "A picture of CryptoPunks, containing male type, medium skin, mohawk head, earring ear",
    "A photo of a castle, sky blue and blue grey above, dark green and grey below",
    "a red bicycle leaning on a wall", "zqxj", "\u00e9" * 300, "x" * 3000,
)  # fmt: skip
_LONGEST_CODE = 4_000  # bytes of a caption that a packet takes
_SIZES = (1, 24, 512, 10_000, 65_535)

Read = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Target:
    """name: a word. made: a seed of chance -> an input. reader: makes the function that reads one, once a process.

    errors: in which it may refuse. limit_s, limit_mb: CPU-seconds and megabytes that one input may take. children: it
    works in child processes, which count too.
    """

    name: str
    made: Callable[[random.Random, Sequence[bytes]], bytes]
    seeds: Callable[[], Sequence[bytes]]
    reader: Callable[[], Read]
    errors: tuple[type[Exception], ...] = (GistchainError,)
    limit_s: float = 10.0
    limit_mb: int = 500
    children: bool = False


def _changed(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    return one_of(seeds, rng)


def _packets() -> list[bytes]:
    from gistchain.gist.packet import pack
    from gistchain.types import Gist, ImageFile, Latent, Residual, Subject

    plain = [pack(Gist((caption,), (512, 512))) for caption in _CAPTIONS]
    layered = Gist(
        (_CAPTIONS[0], _CAPTIONS[3]), (640, 480), Latent("thumb8", bytes(192)),
        Subject("image/png", b"\x89PNG", (1, 2, 300, 200)), Residual("exact", b"\x02x"),
        ImageFile("image/gif", b"GIF8"),
    )  # fmt: skip
    return [*plain, pack(layered), pack(Gist((_CAPTIONS[1],), (300, 200), Latent("photo", _latent())))]


def _latent() -> bytes:
    import numpy as np

    from gistchain.models.photo.latent import PhotoLatent

    return PhotoLatent().encode(np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8), 600).data


def _unpack() -> Read:
    from gistchain.gist.packet import unpack

    return unpack


def _unpack_loosely() -> Read:
    from gistchain.gist.packet import unpack

    return lambda data: unpack(data, strict=False)


def _hostile_inside(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A packet whose frame and checksums are right and whose caption layer is not."""
    from gistchain.gist import packet
    from gistchain.gist.header import written_number, written_size

    size = written_size((rng.choice(_SIZES), rng.choice(_SIZES)))
    body = size
    for _ in range(rng.randrange(1, 4)):
        code = rng.randbytes(rng.randrange(40)) if rng.random() < 0.5 else mutated(rng.choice(seeds)[1:], rng)
        tag = rng.choice((0x00, 0x10, 0x11, 0x11, 0x12, 0x22, 0x31, 0x41, 0x51, 0x60))
        layer = bytes([tag]) + written_number(len(code[:_LONGEST_CODE])) + code[:_LONGEST_CODE]
        body += layer + packet._check(tag, size + layer)
    return body


def _codes() -> list[bytes]:
    from gistchain.gist.textcode import encode

    return [bytes([coder]) + code for coder, code in map(encode, _CAPTIONS)]


def _code(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    length = rng.choice((*range(60), 4_096))
    return one_of(seeds, rng) if rng.random() < 0.5 else bytes([1]) + rng.randbytes(length)


def _decode_text() -> Read:
    from gistchain.gist.textcode import decode

    return lambda data: decode(data[0], data[1:]) if data else None


def _decode_latent() -> Read:
    from gistchain.models.photo.latent import PhotoLatent
    from gistchain.types import Latent

    coder = PhotoLatent()
    return lambda data: coder.decode(Latent("photo", data), (64, 64))


def _grid(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A latent of any grid with noise behind it, or a changed real one."""
    if rng.random() < 0.5:
        return one_of(seeds, rng)
    sides = (rng.randrange(512) << 9) | rng.randrange(512)
    head = (1 << 29) | (rng.randrange(2) << 28) | (rng.randrange(16) << 24) | (rng.randrange(2) << 18) | sides
    return head.to_bytes(4, "big") + rng.randbytes(rng.choice((0, 10, 300, 4_000)))


def _gists(rng: random.Random, _: Sequence[bytes]) -> bytes:
    """A sound packet that asks for too much: sizes, thousands of phrases, latents of noise, strangers' words."""
    from gistchain.gist.packet import pack
    from gistchain.types import Gist, Latent

    subject = rng.choice(
        ("Big Smile", "CryptoPunks", "Nouns", words(rng, 20).encode("ascii", "replace").decode() or "x")
    )
    phrases = ", ".join(rng.choice(("a", "b hat", "q", "red eyes")) for _ in range(rng.choice((1, 5, 1_000))))
    caption = rng.choice((f"A picture of {subject}, containing {phrases}", _CAPTIONS[1], "", "word " * 200, "\x1b[2J"))
    size = rng.choice(_SIZES), rng.choice(_SIZES)
    noise = rng.choice((None, Latent("photo", _grid(rng, [bytes(40)])), Latent("thumb8", rng.randbytes(192))))
    return pack(Gist((caption[:_LONGEST_CODE],) if caption else (), size, noise))


def _rebuild() -> Read:
    from gistchain.gist.packet import unpack
    from gistchain.systems import rosis

    system = rosis()
    return lambda data: system.rebuild(unpack(data), seeds=range(1))


def _layer_files() -> list[bytes]:
    from gistchain.models.zoo.weights import WEIGHTS

    return [path.read_bytes() for path in sorted(WEIGHTS.glob("collection-*.layers"))[:2]]


def _gate(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A file of layers whose gate is packed rightly around changed bytes."""
    raw = rng.choice(seeds)
    if rng.random() < 0.4:
        return mutated(raw, rng)
    stop = 8 + int.from_bytes(raw[4:8], "little")
    packed = lzma.compress(mutated(lzma.decompress(raw[8:stop]), rng), preset=0)
    return raw[:4] + len(packed).to_bytes(4, "little") + packed


def _read_layers() -> Read:
    from gistchain.models.layered.model import unpack

    return lambda data: unpack(data, "x")


def _read_gate() -> Read:
    from gistchain.models.layered.model import unpack_gate

    return lambda data: unpack_gate(data, "x")


def _state_dicts() -> list[bytes]:
    import pickle

    head = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04NtQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0K\x02K\x02\x86K\x02K\x01\x86\x89h\0)RtR"
    state = b"\x80\x02ccollections\nOrderedDict\nq\0)Rq\x01(X\x01\0\0\0w" + tensor + b"u."
    return [head + state + pickle.dumps(["0"], 2) + (4).to_bytes(8, "little") + bytes(16)]


def _read_state_dict() -> Read:
    from gistchain.models.packaged.statedict import state_dict

    return state_dict


def _metadata(rng: random.Random, _: Sequence[bytes]) -> bytes:
    """ERC-721 metadata, some of it of another kind than it should be; sometimes a list; sometimes damaged JSON."""

    def token() -> dict[str, object]:
        traits: list[object] = [{"trait_type": "Hat", "value": rng.choice(("cap", words(rng)))} for _ in range(3)]
        made: dict[str, object] = {"name": f"Cat #{rng.randrange(9)}", "image": "7.png", "attributes": traits}
        if rng.random() < 0.7:
            made[rng.choice((*made, "edition", "id"))] = json_value(rng)
        if rng.random() < 0.3:
            traits.append({"trait_type": json_value(rng), "value": json_value(rng)})
        return made

    raw = json.dumps(token() if rng.random() < 0.7 else [token() for _ in range(4)]).encode()
    return mutated(raw, rng) if rng.random() < 0.3 else raw


def _read_metadata() -> Read:
    from PIL import Image

    from gistchain.collection.folder import listed

    place = tempfile.TemporaryDirectory(prefix="gistchain-fuzz-")
    folder = Path(place.name)
    Image.new("RGB", (2, 2)).save(folder / "7.png")
    hats = [{"edition": n, "image": "7.png", "attributes": {"Hat": ("cap", "crown")[n % 2]}} for n in range(100, 160)]
    (folder / "all.json").write_text(json.dumps(hats))  # enough for a collection

    def read(data: bytes) -> object:
        (folder / "7.json").write_bytes(data)
        return listed(Path(place.name), name="cats", skip=True)  # `place`: the folder lives as long as the reader

    return read


def _read_picture() -> Read:
    from gistchain.image import read_image

    return lambda data: read_image(data, "f")


def _pages() -> list[bytes]:
    return [
        b'<html><title>a &amp; b</title><base href="/x/"><meta name=robots content="noindex">'
        b'<a href="b.html">b</a><img src=a.png srcset="a.png 1x, b.png 2x,, c" alt="a <b>"><!-- x --><script>a</script>'
    ]


def _read_page() -> Read:
    from gistchain.internet.page import read_page

    return lambda data: read_page(data, "http://a.example/")


def _documents() -> list[bytes]:
    fields = {
        "score": 1, "interval": [1, 2], "subscores": {"a": 1}, "content": {"b": 2}, "nearest": None,
        "web": [{"provider": "x", "time": 1, "pages": 1, "matches": [{"url": "u", "similarity": 5}]}],
    }  # fmt: skip
    return [json.dumps(fields).encode()]


def _read_document() -> Read:
    from gistchain.rareness.evidence import read

    return read


def _settings() -> list[bytes]:
    return [b'rpc = "http://127.0.0.1:8545"\nseeds = 4\nkey = "a.key"\nchain_id = 1\nneuralhash = true\n']


def _read_settings() -> Read:
    from gistchain.settings import load

    place = tempfile.TemporaryDirectory(prefix="gistchain-fuzz-")
    path = Path(place.name) / "settings.toml"

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return load({"home": place.name}, {})

    return read


TARGETS = (
    Target("packet", _changed, _packets, _unpack, (PacketError,)),
    Target("packet-loose", _changed, _packets, _unpack_loosely, (PacketError,)),
    Target("packet-inside", _hostile_inside, _codes, _unpack, (PacketError,)),
    Target("caption-code", _code, _codes, _decode_text),
    Target("latent", _grid, lambda: [_latent()], _decode_latent),
    Target("rebuild", _gists, list, _rebuild, limit_s=30.0, limit_mb=1_500),
    Target("layers", _changed, _layer_files, _read_layers, (ModelError,)),
    Target("gate", _gate, _layer_files, _read_gate, (ModelError,)),
    Target("state-dict", _changed, _state_dicts, _read_state_dict, (ModelError,)),
    Target("metadata", _metadata, list, _read_metadata),
    Target(
        "image",
        lambda rng, seeds: pictures.picture(list(seeds), rng),
        pictures.seeds,
        _read_picture,
        limit_s=12.0,
        limit_mb=1_600,
        children=True,
    ),
    Target("page", _changed, _pages, _read_page),
    Target("evidence", _changed, _documents, _read_document),
    Target("settings", _changed, _settings, _read_settings),
    Target("collection", kept.collection, kept.collections, kept.read_collection),
    Target("ledgers", kept.fields, kept.ledgers, kept.read_ledgers),
    Target("database", kept.fields, kept.memories, kept.read_memory),
    Target("key", kept.fields, kept.keystores, kept.read_key),
    Target("trie", _changed, kept.nodes, kept.read_node, (KeyError, ValueError, IndexError, TypeError, RecursionError)),
    Target("transaction", _changed, kept.transactions, kept.read_transaction, (ValueError, IndexError, TypeError)),
    Target("batch", _changed, kept.batches, kept.read_batch, (ValueError, IndexError)),
    Target("reply", kept.fields, kept.replies, kept.read_reply),
)
