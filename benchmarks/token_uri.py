"""1,100 tokens of every form -> their tokenURI: gas of the call, strict JSON, and every image shown by a browser.

    python -m benchmarks.token_uri [--sheet docs/images/tokens.webp]

All are registered through the contract on an embedded chain, in batches and singly, and minted. Captions are those of
random tokens of Nouns and CryptoPunks and 40 English ones; pictures are random Nouns and cuts from photos of
scikit-image. The hostile ones are captions and gists that were written to break a reader. gas: of an eth_call, with the
21,000 of every transaction. An image counts as shown where Chromium gives it a size and it has more than one colour.
"""

from __future__ import annotations

import argparse
import base64
import html
import io
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from eth.vm.spoof import SpoofTransaction
from PIL import Image
from skimage import data as photos

from benchmarks import report
from benchmarks.browser import Seen, photographed, seen
from gistchain.collection.known import nouns
from gistchain.digest import keccak
from gistchain.gist import residual, subject, traitcode
from gistchain.gist.packet import caption_codes, pack, pack_bare
from gistchain.ledger import abi
from gistchain.ledger.connection import Call
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import EvmLedger, open_embedded
from gistchain.ledger.pyevm import InProcess
from gistchain.models.known import known_traits
from gistchain.models.thumb8 import Thumb8
from gistchain.types import Gist, ImageFile, Pixels

HERE = Path(__file__).parent
SIZE = 512, 512
PLAIN, DICTIONARY, TABLE = range(3)
RATING = 9_701 << 96 | 1 << 88 | 3 << 72 | 123_456 << 32 | 1_700
LIMIT = 25_000_000
BATCH = 100
DATA = (
    "1,100 tokens: captions of random Nouns and CryptoPunks, 40 English ones, cuts of scikit-image photos, "
    "hostile bytes"
)
HOSTILE = (
    b"</text></svg><script>alert(1)</script>", b'"quotes", \'quotes\' and \\ a backslash', b"&amp;&#0;]]><!--", b"",
    "صورة قلعة عند الغروب، أزرق وأخضر فاتح".encode(), "\u202egnirts a ,desrever".encode(), b"\0\x01\x1b[31m\x7f\n\r\t",
    b"\xff\xfe\xc0\x80\xed\xa0\x80 and \xf0\x9f\x98", b"W" * 4096, b'"' * 4096, b"\x01a" * 2048,
    "日本語のテキスト \U0001f600 שלום".encode(),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A token, and what came of asking for its URI."""

    form: str
    token: int
    gas: int
    uri_bytes: int
    metadata: dict[str, Any]


def main() -> None:
    wanted = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    wanted.add_argument("--sheet", type=Path, help="write a sheet of cards to this image file")
    options = wanted.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_embedded(Path(folder) / "home") as ledger:
        chain = Chain(ledger)
        asked = [chain.asked(form, token) for form, tokens in chain.registered().items() for token in tokens]
        mint_gas, transfer_gas = chain.mint_gas, chain.moved(asked[0].token)
    looked = seen([each.metadata["image"] for each in asked])
    figures = summary(asked, looked) | {"mint_gas": mint_gas, "transfer_gas": transfer_gas}
    report.write("token_uri", data=DATA, command="python -m benchmarks.token_uri", figures=figures)
    if options.sheet:
        sheet(asked).save(options.sheet, quality=88, method=6)


def summary(asked: Sequence[Asked], looked: Sequence[Seen]) -> dict[str, Any]:
    """Counts and gas of every form, and of all."""
    shown = [found.width > 0 and found.colours > 1 for found in looked]

    def of(rows: list[int]) -> dict[str, float]:
        return {
            "n": len(rows),
            "shown": sum(shown[k] for k in rows),
            "mean_gas": round(float(np.mean([asked[k].gas for k in rows]))),
            "max_gas": max(asked[k].gas for k in rows),
            "max_uri_bytes": max(asked[k].uri_bytes for k in rows),
        }

    forms = dict.fromkeys(each.form for each in asked)
    return {
        "forms": {form: of([k for k, each in enumerate(asked) if each.form == form]) for form in forms},
        "all": of(list(range(len(asked)))),
        "not_shown": [asked[k].form for k in range(len(asked)) if not shown[k]],
    }


class Chain:
    """An embedded chain on which tokens of all forms are registered and minted."""

    def __init__(self, ledger: EvmLedger) -> None:
        self._ledger, self._rng = ledger, random.Random(721)
        self._made = 0
        self.mint_gas = 0

    def registered(self) -> dict[str, list[int]]:
        """The forms, and the tokens of each."""
        found = {form: self._batches(make) for form, make in (("trait table", by_table), ("dictionary", by_dictionary))}
        for traits in _collections():
            self._ledger.add_table(traitcode.written(traits))
        found["proof"] = self._batches(by_dictionary, proofs=True)[:BATCH]
        singles: dict[str, tuple[int, Callable[[random.Random, int], bytes]]] = {
            "plain caption": (150, plain), "caption and thumbnail": (100, thumbnail), "subject": (80, cut_out),
            "exact pixels": (90, exact), "image file": (80, file), "hostile": (100, hostile),
        }  # fmt: skip
        for form, (count, make) in singles.items():
            found[form] = [self._single(make(self._rng, k), rated=k % 2 == 1) for k in range(count)]
        return found

    def _batches(self, make: Callable[[random.Random], bytes], *, proofs: bool = False) -> list[int]:
        """Two batches of gists of one length each, or one of proofs."""
        tokens: list[int] = []
        for _ in range(1 if proofs else 2):
            gists = [make(self._rng) for _ in range(BATCH)]
            hashes = sorted(self._image() for _ in gists)
            ends = np.cumsum([len(gist) for gist in gists])
            batch = b"\0" + len(gists).to_bytes(2) + b"\0\0" + b"".join(hashes)
            batch += b"".join(int(end).to_bytes(2) for end in ends) + b"".join(gists)
            if proofs:
                self._run("registry", "registerProofs", keccak(batch), len(gists), batch)
            else:
                self._run("registry", "registerBatch", batch)
            last = self._ledger.count()
            tokens += range(last - len(gists) + 1, last + 1)
        return tokens

    def _single(self, gist: bytes, *, rated: bool) -> int:
        name = "register" if len(gist) <= (18 if rated else 64) else "registerLong"
        ticket = (keccak(b"evidence"), RATING) if rated else (bytes(32), 0)
        self._run("registry", name, self._image(), *ticket, gist)
        return self._ledger.count()

    def _image(self) -> bytes:
        self._made += 1
        return keccak(self._made.to_bytes(32))

    def _run(self, contract: str, function: str, *arguments: object) -> int:
        made = compiled(contract)
        return self._ledger.run(Call(made.address, abi.calldata(made, function, *arguments))).gas

    def asked(self, form: str, token: int) -> Asked:
        """The token minted, and its URI read by a strict parser."""
        made = compiled("token")
        self.mint_gas = self._run("token", "mint", token)
        answer, gas = self._called(made.address, abi.calldata(made, "tokenURI", token))
        uri = abi.returned(made, "tokenURI", answer)
        found = Asked(form, token, gas, len(uri), strict(uri))
        print(found.form, found.token, f"{found.gas:,}", found.metadata["attributes"][-1]["value"], flush=True)
        return found

    def _called(self, contract: str, data: bytes) -> tuple[bytes, int]:
        """What a call returns, and the gas that it takes."""
        connection = self._ledger.node.connection
        assert isinstance(connection, InProcess)
        vm = connection.chain.get_vm(connection.chain.get_canonical_head())
        asked = vm.create_unsigned_transaction(
            nonce=0, gas_price=0, gas=LIMIT, to=bytes.fromhex(contract[2:]), value=0, data=data
        )
        with vm.in_costless_state() as state:
            done = state.costless_execute_transaction(SpoofTransaction(asked, from_=bytes(20)))
            done.raise_if_error()
            return done.output, LIMIT - done.get_gas_remaining()

    def moved(self, token: int) -> int:
        """Gas of giving a token away to somebody who has none."""
        return self._run("token", "transferFrom", self._ledger.owner, "0x" + "ca" * 20, token)


def strict(uri: str) -> dict[str, Any]:
    """The JSON of a data URI; raises ValueError for anything that RFC 8259 does not allow."""

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    head, _, text = uri.partition(",")
    if head != "data:application/json;base64":
        raise ValueError(f"{head!r} is not what a wallet expects")
    found: dict[str, Any] = json.loads(base64.b64decode(text, validate=True).decode("utf-8"), parse_constant=refuse)
    return found


@cache
def _collections() -> list[Any]:
    return [traits for traits in known_traits() if traits.collection in ("punks", "nouns")]


def _caption(rng: random.Random) -> tuple[Any, str]:
    traits = rng.choice(_collections())
    return traits, traits.caption([rng.randint(0, len(values)) for values in traits.values.values()])


def by_table(rng: random.Random) -> bytes:
    traits, caption = _caption(rng)
    table = traitcode.written(traits)
    return pack_bare((24, 24), TABLE, traitcode.name(table) + (traitcode.encode(traits, caption) or b""))


def by_dictionary(rng: random.Random) -> bytes:
    return pack_bare(SIZE, DICTIONARY, caption_codes(_caption(rng)[1])[DICTIONARY])


@cache
def _english() -> list[str]:
    return (HERE / "english_captions.txt").read_text("utf-8").splitlines()


def plain(rng: random.Random, k: int) -> bytes:
    text = _english()[k % len(_english())] if k % 2 else _caption(rng)[1]
    return pack_bare(SIZE, PLAIN, text.encode())


def _noun(rng: random.Random) -> Pixels:
    seed = np.random.default_rng(rng.randrange(2**32))
    pixels: Pixels = nouns.tokens(nouns.sample(1, rng=seed, held=False)).image(0)
    return pixels


def _photo(rng: random.Random, side: int) -> Pixels:
    whole = rng.choice((photos.astronaut, photos.chelsea, photos.coffee))()[..., :3]
    top, left = (rng.randrange(length - 256 + 1) for length in whole.shape[:2])
    cut = Image.fromarray(whole[top : top + 256, left : left + 256])
    return np.asarray(cut.resize((side, side), Image.Resampling.LANCZOS))


def thumbnail(rng: random.Random, k: int) -> bytes:
    latent = Thumb8().encode(_photo(rng, 256), 192)
    return pack(Gist((_english()[k % len(_english())],), (256, 192 + k % 64), latent=latent))


def cut_out(rng: random.Random, k: int) -> bytes:
    pixels = _noun(rng).repeat(8, 0).repeat(8, 1)
    mask = (np.abs(pixels.astype(int) - pixels[0, 0]).sum(-1) > 30).astype(np.float32)
    latent = Thumb8().encode(_photo(rng, 256), 192) if k % 2 else None
    return pack(Gist(("a Noun",), (256, 256), latent=latent, subject=subject.cut(pixels, mask, 4_000)))


def exact(rng: random.Random, k: int) -> bytes:
    return pack(Gist((_caption(rng)[1],), (32, 32), residual=residual.encode(_noun(rng))))


def file(rng: random.Random, k: int) -> bytes:
    kind, side = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")[k % 5], (24, 48, 80)[k % 3]
    pixels = _photo(rng, side)
    if k == 0:
        pixels = _photo(rng, 90)  # a PNG of 24 KB
    saved = io.BytesIO()
    Image.fromarray(pixels).save(saved, kind)
    height, width, _ = pixels.shape
    return pack(Gist((), (width, height), file=ImageFile(f"image/{kind.lower()}", saved.getvalue())))


def hostile(rng: random.Random, k: int) -> bytes:
    if k % 4 == 0:
        return rng.randbytes(rng.randrange(1, 400))
    if k % 4 == 1:
        whole = bytearray(pack(Gist(("a castle",), (64, 64), file=ImageFile("image/png", b"<script>" * 9))))
        whole[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        return bytes(whole)
    if k % 4 == 2:
        return pack_bare(SIZE, rng.choice((TABLE, 7)), rng.randbytes(6))
    return pack_bare(SIZE, PLAIN, HOSTILE[k // 4 % len(HOSTILE)])


def sheet(asked: Sequence[Asked], columns: int = 6, side: int = 200) -> Image.Image:
    """Some of the tokens as a wallet shows them: the picture, and its name below."""
    forms = list(dict.fromkeys(each.form for each in asked))
    chosen = [each for form in forms for each in list(_varied([one for one in asked if one.form == form]))[:2]]
    cells = "".join(
        f'<figure><img src="{html.escape(each.metadata["image"])}"><figcaption>{html.escape(each.form)}</figcaption>'
        "</figure>"
        for each in chosen[: 3 * columns]
    )
    style = (
        f"body{{margin:12px;background:#fff;display:grid;grid-template-columns:repeat({columns},{side}px);gap:12px}}"
        f"figure{{margin:0}}img{{width:{side}px;height:{side}px;object-fit:contain;background:#eef0f3;"
        "border-radius:10px}figcaption{font:13px sans-serif;color:#5d6778;text-align:center;padding-top:4px}"
    )
    rows = -(-len(chosen[: 3 * columns]) // columns)
    page = f'<!doctype html><meta charset="utf-8"><style>{style}</style><body>{cells}</body>'
    return photographed(page, columns * (side + 12) + 12, rows * (side + 34) + 24)


def _varied(asked: list[Asked]) -> Iterator[Asked]:
    yield asked[7]
    yield asked[11]


if __name__ == "__main__":
    main()
