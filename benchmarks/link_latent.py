"""What Img2Img-SC sends, what that costs, and from which step a painter should start (S2.7, S2.9, S2.10, T2.1-T2.4).

    python -m benchmarks.link_latent      # about 20 CPU-minutes; needs the photos: python -m training.data.photos

payloads: bytes of a 512 x 512 photo, its text and its latents, before and after coders, the uses that they take in
uncoded 16-QAM, and what each gives back without noise; uses_coded: at 10 dB, of what gzip or a coder of ours left, in
our codes at a block error rate of 1e-2.
literal: the published system by Eb/N0, with the latent of our autoencoder; avif_fits: how many of the photos would
arrive in its uses as an AVIF of quality 90, whose SSIM is avif_ssim.
restart: analogue latents of held-out punks and Nouns by strength and SNR; "matched" starts where the channel's noise is
and adds none, a number adds noise as published.
"""

from __future__ import annotations

import argparse
import gzip
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import report
from benchmarks.link_systems import Measured, photo_pictures, said_of
from gistchain.collection.known import pfp30
from gistchain.errors import LinkError
from gistchain.gist.packet import pack
from gistchain.image import png_bytes, read_image
from gistchain.image.smallfile import FileSearch
from gistchain.link.channel import open_link
from gistchain.link.errorrates import published_bit_flip_rate
from gistchain.link.predict import uses_for
from gistchain.link.snr import es_n0_db
from gistchain.models.photo.autoencoder import Autoencoder
from gistchain.models.photo.latent import PhotoLatent
from gistchain.senders import sender
from gistchain.sending.literal import TEXT_BYTES, uses
from gistchain.systems import fidelity
from gistchain.types import Conditions, Gist, Picture, Pixels

_UNCODED = 262_298
EB_N0_DB = 0.0, 2.5, 5.0, 7.5, 10.0, 12.5, 15.0
SNRS_DB = -5.0, 0.0, 5.0, 10.0, 15.0, 20.0
STRENGTHS = None, 0.0, 0.125, 0.25, 0.5, 0.75, 1.0
BUDGETS = 256, 1024
_LATENT_BYTES = 250, 1000, 4000
_FILE_BYTES = 1000, 3000, 9000


def payloads(pictures: list[Picture]) -> list[dict[str, Any]]:
    """A row for each thing that could be sent: bytes and fidelity, each with its interval."""
    found: dict[str, list[tuple[int, int | None, float | None]]] = {}
    for picture in pictures:
        for name, data, left, back in _sent(picture, said_of(picture)):
            quality = None if back is None else fidelity(picture.pixels, back)
            found.setdefault(name, []).append((data, left, quality))
    rows = []
    for name, each in found.items():
        size = float(np.mean([data for data, _, _ in each]))
        after = [left for _, left, _ in each if left is not None]
        quality = [q for _, _, q in each if q is not None]
        coded = float(np.mean(after)) if after else size
        rows.append({
            "what": name, "bytes": round(size, 1), "coded_bytes": round(coded, 1) if after else None,
            "uses": uses(round(8 * size)), "uses_coded": uses_for(round(8 * coded), 1e-2, "awgn", 10.0, 1 << 22),
            "ssim": report.with_interval(quality) if quality else None,
        })  # fmt: skip
    return rows


def _sent(picture: Picture, caption: str) -> Iterator[tuple[str, int, int | None, Pixels | None]]:
    """(what, bytes as published, bytes after a coder, what it gives back)."""
    pixels, coder = picture.pixels, Autoencoder()
    yield "pixels as float64, [3, 512, 512]", pixels.size * 8, None, pixels
    yield "pixels as 8 bits", pixels.size, len(png_bytes(pixels)), pixels
    yield "text, field of 77 characters", TEXT_BYTES, None, None
    text = caption.encode()
    yield "text, its own length", len(text), len(gzip.compress(text, mtime=0)), None
    yield "text, packed with size and check (ours)", len(pack(Gist((caption,), picture.size))), None, None
    latent = coder.latent_of(pixels, (512, 512))
    for kind, values in _written(latent):
        raw = values.tobytes()
        packed = len(gzip.compress(raw, mtime=0))
        yield f"latent [4, 64, 64] as {kind}", len(raw), packed, coder.pixels_of(_read(values))
    for size in _LATENT_BYTES:
        made = PhotoLatent().encode(pixels, size)
        yield f"latent of our coder, {size:,} bytes", len(made.data), None, PhotoLatent().decode(made, picture.size)
    search = FileSearch(pixels, fidelity, ("AVIF",))
    for size in _FILE_BYTES:
        if (file := search.within(size)) is not None:
            yield f"AVIF, at most {size:,} bytes", len(file.file.data), None, file.back


def _written(latent: Any) -> Iterator[tuple[str, Any]]:
    yield "float64 (as published)", latent.astype("<f8")
    yield "float16", latent.astype("<f2")
    yield "int8, steps of 1/16", np.clip(np.rint(latent * 16), -127, 127).astype(np.int8)


def _read(values: Any) -> Any:
    return (values.astype(np.float32) / (16 if values.dtype == np.int8 else 1)).astype(np.float32)


def literal(pictures: list[Picture]) -> list[dict[str, Any]]:
    """The published system by Eb/N0, and what else its uses would carry."""
    made = [(Measured(picture.pixels), picture, sender("img2img_sc_literal").prepare(picture)) for picture in pictures]
    files, rows = [_avif(picture) for picture in pictures], []
    for eb_n0 in EB_N0_DB:
        snr_db = es_n0_db(eb_n0, 4)
        link, conditions = open_link("awgn", snr_db), Conditions("awgn", snr_db, _UNCODED)
        sent = [(m, prepared.send(link, conditions, seed=(k,))) for k, (m, _, prepared) in enumerate(made)]
        found = [m.of(one.picture) for m, one in sent]
        rows.append({
            "eb_n0_db": eb_n0, "snr_db": round(snr_db, 2), "flips": published_bit_flip_rate(eb_n0),
            "ssim": report.with_interval([row["ssim"] for row in found]),
            "perceptual": report.with_interval([row["perceptual"] for row in found]),
            "sound_text": float(np.mean([one.caption == p.text.decode() for (_, _, p), (_, one) in
                                         zip(made, sent, strict=True)])),
            "avif_fits": float(np.mean([_fits(len(file), snr_db) for file, _ in files])),
            "avif_ssim": report.with_interval([quality for _, quality in files]),
        })  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def _avif(picture: Picture) -> tuple[bytes, float]:
    """The photo as a good AVIF, and its SSIM."""
    file = io.BytesIO()
    Image.fromarray(picture.pixels).save(file, "AVIF", quality=90, speed=6)
    with Image.open(io.BytesIO(file.getvalue())) as image:
        return file.getvalue(), fidelity(picture.pixels, np.asarray(image.convert("RGB")))


def _fits(size: int, snr_db: float) -> bool:
    """Whether so many bytes would arrive in the same uses, one time in a hundred not."""
    return uses_for(8 * size, 1e-2, "awgn", snr_db, _UNCODED) is not None


def restart(each: int) -> list[dict[str, Any]]:
    """Means over tokens, each sent once."""
    tokens = [read_image(png_bytes(image), f"{name}-{k}") for name in ("punks", "nouns")
              for k, image in enumerate(pfp30.held_out(name, each).images)]  # fmt: skip
    measured = [Measured(token.pixels) for token in tokens]
    rows = []
    for strength in STRENGTHS:
        prepared = [sender("img2img_sc_analogue", strength=strength).prepare(token) for token in tokens]
        for budget in BUDGETS:
            for snr_db in SNRS_DB:
                row = _restarted(prepared, measured, snr_db, budget)
                rows.append({"strength": "matched" if strength is None else strength, **row})
                print(rows[-1], flush=True)
    return rows


def _restarted(prepared: list[Any], measured: list[Measured], snr_db: float, budget: int) -> dict[str, Any]:
    link, conditions = open_link("awgn", snr_db), Conditions("awgn", snr_db, budget)
    found, refused = [], 0
    for k, (one, to) in enumerate(zip(prepared, measured, strict=True)):
        try:
            found.append(to.of(one.send(link, conditions, seed=(k,)).picture))
        except LinkError:
            refused += 1
    told = {"snr_db": snr_db, "budget": budget, "refused": refused}
    if not found:
        return told
    return told | {name: report.with_interval([row[name] for row in found]) for name in ("ssim", "perceptual")}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=46)
    parser.add_argument("--tokens", type=int, default=20, help="of each collection")
    given = parser.parse_args()
    pictures = list(photo_pictures())[: given.photos]
    figures = {"payloads": payloads(pictures), "literal": literal(pictures), "restart": restart(given.tokens)}
    report.write(
        "link_latent", figures=figures, models=["autoencoder", "latent-photo", "painter-punks", "painter-nouns"],
        data=f"crops of 512 x 512 of {len(pictures)} held-out photos; {given.tokens} held-out punks and as many Nouns",
    )  # fmt: skip


if __name__ == "__main__":
    main()
