"""What a new user sees: 40 photos and drawings that no training has seen, registered without a question, and rebuilt.

    python -m benchmarks.first_use [--sheet docs/images/first-use.webp]

From Debian packages that nothing here was trained on: photos of a camera of 2005, wallpapers, clip art, a manual.
Each is registered on an embedded chain as `gistchain register` does, and rebuilt from it. WebP and AVIF get the bytes
of the whole gist, at the scale where their PSNR is best, as in benchmarks/photo_latent.py. All are judged with the
longer side at 256 pixels. distance: between the captions that the photo captioner gives the original and the picture.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import report
from benchmarks.photo_latent import Rival
from benchmarks.report import sheet, with_interval
from gistchain.gist.packet import pack
from gistchain.image import read_image
from gistchain.ledger.evm import open_embedded
from gistchain.models.known import known_collections
from gistchain.models.packaged.perceptual import PackagedPerceptual
from gistchain.models.photo.captioner import PhotoCaptioner
from gistchain.pipeline import Registry
from gistchain.rebuild.isotope import caption_distances, reduced
from gistchain.score.fidelity import ssim
from gistchain.systems import Rosis, rosis
from gistchain.traits import parts
from gistchain.types import Pixels
from training.data.photos import unpack
from training.places import CACHE

PACKAGES = {"kphotoalbum": "5.9.1-1", "ukui-wallpapers": "20.04.3-1.1", "pysiogame": "4.20.01-1",
            "gnome-user-docs": "43.0-2"}  # fmt: skip
SIDE = 256
SCALES = (0.75, 0.5, 0.375)
"""Of the rivals: larger ones seldom fit into 1,000 bytes, smaller ones blur."""
CODECS = ("gistchain", "WEBP", "AVIF")
_ALBUM, _WALLS = "usr/share/kphotoalbum/demo", "usr/share/backgrounds"
_CLIPART, _SCREENS = "usr/share/games/pysiogame/res/images/art4apps", "usr/share/help/C/gnome-help/figures"
PICTURES: dict[str, tuple[str, str, str]] = {
    "photo": ("kphotoalbum", _ALBUM,
              "blackie.jpg cold_water.jpg donna.jpg donna_2.jpg grand_canyon_1.jpg grand_canyon_2.jpg "
              "grand_canyon_3.jpg jesper_2.jpg new_wave_2.jpg pool.jpg pool_2.jpg qt-logo.jpg skagen.jpg skagen_2.jpg "
              "snow.jpg spiff.jpg spiff_2.jpg sunset.jpg wayne.jpg bar55.jpg"),
    "wallpaper": ("ukui-wallpapers", _WALLS,
                  "2004default.jpg calla.png city.png firstgeneration.jpg goldfish.png rollpaper.png string.jpg "
                  "the-mouse.jpg"),
    "drawing": ("pysiogame", _CLIPART, "dig lick sniff beaver dolphin horse pullover kennel papaya shore"),
    "manual": ("gnome-user-docs", _SCREENS, "color-printer.png screenshot-tool.png"),
}  # fmt: skip
"""Kind -> package, folder, and the names of its files; those of drawings are looked for below the folder."""


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """One picture all the way. shown: by codec, and the original, all of the judged size."""

    kind: str
    name: str
    caption: str
    gist_bytes: int
    latent_bytes: int
    shown: dict[str, Pixels]


def fetched() -> list[tuple[str, Path]]:
    """(kind, file) of the 40 pictures, from Debian where they are not here yet."""
    root = CACHE / "first_use"
    for package, version in PACKAGES.items():
        where = root / package
        if not where.exists():
            with tempfile.TemporaryDirectory() as folder:
                unpack(package, version, Path(folder))
                shutil.copytree(Path(folder) / "root", where, symlinks=True)
    return [(kind, _found(root / package / inside, name)) for kind, (package, inside, names) in PICTURES.items()
            for name in names.split()]  # fmt: skip


def _found(folder: Path, name: str) -> Path:
    return folder / name if "." in name else next(iter(sorted(folder.rglob(f"{name}.*"))))


def sent(kind: str, file: Path, registry: Registry) -> Sent:
    picture = read_image(file, file.stem)
    done = registry.register(picture)
    rebuilt = registry.rebuild(done.token, isotopes=1).chosen.image
    size = reduced(picture.size, SIDE)
    original, size_bytes = _at(picture.pixels, size), len(pack(done.gist))
    shown: dict[str, Pixels] = {"original": original, "gistchain": _at(rebuilt, size)}
    for codec in CODECS[1:]:
        best = Rival(original, codec).best(size_bytes, SCALES)
        if best is not None:
            shown[codec] = best
    latent = done.gist.latent
    return Sent(kind, file.stem, done.gist.caption, size_bytes, 0 if latent is None else len(latent.data), shown)


def judged(one: Sent, system: Rosis, perceptual: PackagedPerceptual) -> dict[str, Any]:
    original, rows, captioner = one.shown["original"], {}, PhotoCaptioner()
    text = captioner.caption(original).text
    for codec in CODECS:
        if codec in one.shown:
            image = one.shown[codec]
            said = captioner.caption(image).text
            rows[codec] = {
                "ssim": round(ssim(original, image), 4),
                "perceptual": round(perceptual.distance(original, image), 4),
                "distance": round(caption_distances(text, [said], embedder=system.embedder)[0], 4),
            }
    told = {"kind": one.kind, "name": one.name, "caption": one.caption}
    return {**told, "gist_bytes": one.gist_bytes, "latent_bytes": one.latent_bytes, **rows}


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over those that each codec brings to the size; `reached` says how many these are."""
    means: dict[str, Any] = {"n": len(rows), "gist_bytes": round(float(np.mean([r["gist_bytes"] for r in rows])), 1)}
    for codec in CODECS:
        of = [row[codec] for row in rows if codec in row]
        names = ("ssim", "perceptual", "distance")
        means[codec] = {"reached": len(of)} | {k: with_interval([r[k] for r in of]) for k in names if of}
    return means


def drawn(every: list[Sent], path: Path) -> None:
    """Two pictures a row, each as original, ours, WebP, AVIF."""
    cells = [[_cell(one.shown.get(name)) for name in ("original", *CODECS)] for one in every]
    half = (len(cells) + 1) // 2
    sheet([a + b for a, b in zip(cells[:half], cells[half:], strict=True)], gap=4).save(path, "WEBP", quality=82)


def _cell(image: Pixels | None) -> Pixels:
    """156 x 108, the picture in the middle of white."""
    cell = Image.new("RGB", (156, 108), "white")
    if image is not None:
        small = Image.fromarray(image)
        small.thumbnail(cell.size, Image.Resampling.LANCZOS)
        cell.paste(small, ((cell.width - small.width) // 2, (cell.height - small.height) // 2))
    return np.asarray(cell)


def _at(image: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sheet", type=Path, help="draw all pictures into this WebP")
    given = parser.parse_args()
    system, perceptual, every, rows = rosis(), PackagedPerceptual(), [], []
    with tempfile.TemporaryDirectory() as folder, open_embedded(Path(folder) / "home") as ledger:
        registry = Registry(ledger, system)
        for kind, file in fetched():
            every.append(sent(kind, file, registry))
            rows.append(judged(every[-1], system, perceptual))
            print(rows[-1], flush=True)
    known = {collection.subject for collection in known_collections()}
    kinds = {kind: summary([row for row in rows if row["kind"] == kind]) for kind in PICTURES}
    figures = {
        "n": len(rows),
        "taken_for_tokens": sum(parts(row["caption"])[0] in known for row in rows),
        "without_a_latent": sum(row["latent_bytes"] == 0 for row in rows),
        "kinds": {**kinds, "all": summary(rows)},
        "pictures": rows,
    }
    report.write(
        "first_use", figures=figures, models=["latent-photo", "captioner-default"], data=list(PACKAGES.items())
    )
    if given.sheet:
        drawn(every, given.sheet)


if __name__ == "__main__":
    main()
