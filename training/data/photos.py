"""Photos and drawings with free licences, from Debian packages: pixels, titles, authors, and a fixed split.

    python -m training.data.photos      # fetches about 540 MB with apt-get and lists what it unpacked; needs dpkg-deb

Nothing of this is shipped. photos.json holds every photo's package, file, author and licence (as debian/copyright and
the packages' metadata state them), and, for those held out, our captions and the words that name their subject truly.

The split is a hash of names, not a choice: sha256(motif) % 4 == 0 is held out, where a motif is the place or thing
that several photos may share. Of a held-out motif the largest photo is used, if its shorter side has 400 pixels.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from gistchain.types import Pixels
from training.places import CACHE

PHOTOS, DRAWINGS = CACHE / "photos", CACHE / "drawings"
READY = PHOTOS / "READY"
PACKAGES = {
    "gcompris-qt-data": "3.1-2",
    "lomiri-wallpapers-16.04": "20.04.0-2",
    "lomiri-wallpapers-20.04": "20.04.0-2",
    "mate-backgrounds": "1.26.0-1",
    "palapeli-data": "4:22.12.3-1",
    "plasma-workspace-wallpapers": "4:5.27.5-2",
    "tuxpaint-stamps-default": "2022.06.04-1",
    "openclipart-png": "1:0.18+dfsg-19",
}
_TABLE = json.loads(Path(__file__).with_name("photos.json").read_text("utf-8"))
_HELD_OUT_SHORT_SIDE = 400
# One motif for every file: the folders number different things.
_NUMBERED = ("fishes", "renewable", "tools", "others")
_STAMPS = "usr/share/tuxpaint/stamps"
_CLIPART = "usr/share/openclipart/png"
_NO_PICTURES = ("symbols", "computer", "shapes", "signs_and_symbols", "buttons", "logos", "special", "geography")
# Names of artists that openclipart appends to what a file shows.
_ARTIST = re.compile(
    r"[_ .]+(architett|archit|archi|francesc|gerald|nicu|benji|ganson|leif|jarno|abiclip|uliphant|linda|jean|juliane"
    r"|fran|mimooh|dan_g|erik|yemu|james|chaspo|lumen|anton|bw\b|\d+|r\b|a\b).*$"
)


@dataclass(frozen=True, slots=True)
class Photo:
    """One photograph. title: what its file is called; caption, words: ours, only where it is held out."""

    name: str
    path: Path
    licence: str
    author: str
    title: str
    motif: str
    size: tuple[int, int]
    caption: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture, mostly cut out (with an alpha channel). source: 'stamps' (some are photographs) or 'clipart'."""

    name: str
    path: Path
    caption: str
    source: Literal["stamps", "clipart"]


def training_photos() -> list[Photo]:
    return [p for p in _photos() if not _held(p.motif)]


def held_out_photos() -> list[Photo]:
    """One photo of each held-out motif, with a caption."""
    largest: dict[str, Photo] = {}
    for photo in _photos():
        best = largest.get(photo.motif)
        if _held(photo.motif) and (best is None or min(photo.size) > min(best.size)):
            largest[photo.motif] = photo
    return [p for p in largest.values() if min(p.size) >= _HELD_OUT_SHORT_SIDE]


def training_drawings() -> list[Drawing]:
    return [d for d in _drawings() if not _held_drawing(d)]


def held_out_drawings() -> list[Drawing]:
    """A fifth, by the hash of what they are called without number and artist: variants of one name stay together."""
    return [d for d in _drawings() if _held_drawing(d)]


def pixels(photo: Photo, longest_side: int | None = None) -> Pixels:
    """The photo, scaled down (never up) to the longest side given."""
    with Image.open(photo.path) as image:
        if longest_side is not None:
            image.draft("RGB", (longest_side * 2, longest_side * 2))  # JPEG: decode no more than is needed
        rgb = image.convert("RGB")
    if longest_side is not None:
        rgb.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(rgb)


def crop(photo: Photo, side: int, *, rng: np.random.Generator) -> Pixels:
    """A random square of the photo, at least half as wide as its shorter side, scaled to (side, side)."""
    with Image.open(photo.path) as image:
        image.draft("RGB", (side * 2, side * 2))
        rgb = image.convert("RGB")
    short = min(rgb.size)
    edge = int(rng.integers(max(1, short // 2), short + 1))
    left, top = (int(rng.integers(0, whole - edge + 1)) for whole in rgb.size)
    box = (left, top, left + edge, top + edge)
    return np.asarray(rgb.resize((side, side), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0))


def rgba(drawing: Drawing, longest_side: int) -> Image.Image:
    with Image.open(drawing.path) as image:
        whole = image.convert("RGBA")
    whole.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    return whole


def over(picture: Image.Image, colour: tuple[int, int, int] = (255, 255, 255)) -> Pixels:
    """An RGBA picture laid over one colour."""
    return np.asarray(Image.alpha_composite(Image.new("RGBA", picture.size, colour), picture).convert("RGB"))


def fetch() -> None:
    """Fetches and unpacks what isn't there yet. Exits with what to do where a package can't be had."""
    for package, version in PACKAGES.items():
        done = CACHE / "unpacked" / package
        if done.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            unpack(package, version, Path(folder))
            _keep(package, Path(folder) / "root")
        done.parent.mkdir(parents=True, exist_ok=True)
        done.touch()
    _keep_scikit_image()
    READY.touch()


def unpack(package: str, version: str, folder: Path) -> None:
    wanted = f"{package}={version}"
    try:
        subprocess.run(["apt-get", "download", wanted], cwd=folder, check=True, capture_output=True, text=True)
        deb = next(folder.glob("*.deb"))
        subprocess.run(["dpkg-deb", "-x", deb, folder / "root"], check=True, capture_output=True)
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is missing: run this on Debian, or in a container of it")
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or "").strip().splitlines()[-1:]
        sys.exit(
            f"{wanted} can't be had ({' '.join(reason)}). It is in Debian 12 (bookworm), section main: add that "
            "release to the apt sources and run apt-get update; a later version may do: change PACKAGES, look at it"
        )


def _keep(package: str, root: Path) -> None:
    if package == "tuxpaint-stamps-default":
        _keep_stamps(root / _STAMPS)
        return
    if package == "openclipart-png":
        _keep_clipart(root / _CLIPART)
        return
    for name, file, *_ in _TABLE["photos"][package]:
        target = _path_of(package, name, file)
        target.parent.mkdir(parents=True, exist_ok=True)
        if package == "gcompris-qt-data":
            activity, inside = file.split("/", 1)
            wanted = f"/gcompris/src/activities/{activity}/resource/{inside}.webp"
            target.write_bytes(_qt_resources(root / f"usr/share/gcompris-qt/rcc/{activity}.rcc")[wanted])
        else:
            shutil.copy(root / file, target)


def _keep_scikit_image() -> None:
    import skimage

    for name, file, *_ in _TABLE["photos"]["scikit-image"]:
        target = _path_of("scikit-image", name, file)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(skimage.__file__).parent / file, target)


def _keep_stamps(root: Path) -> None:
    for picture in sorted(root.rglob("*.png")):
        words, place = picture.with_suffix(".txt"), picture.relative_to(root)
        if words.exists() and place.parts[0] not in _NO_PICTURES:
            target = DRAWINGS / "stamps" / place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, target)
            target.with_suffix(".txt").write_text(words.read_text("utf-8", "replace").splitlines()[0], "utf-8")


def _keep_clipart(root: Path) -> None:
    for picture in sorted(root.rglob("*.png")):
        place = picture.relative_to(root)
        if place.parts[0] not in _NO_PICTURES:
            target = DRAWINGS / "clipart" / place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, target)


@functools.cache
def _qt_resources(path: Path) -> dict[str, bytes]:
    """The uncompressed files of a Qt resource collection, which is a tree of nodes, their names and their data."""
    raw = path.read_bytes()
    magic, version, tree, data, names = struct.unpack_from(">4s4I", raw)
    if magic != b"qres" or version not in (2, 3):
        sys.exit(f"{path.name} is not a Qt resource file of version 2 or 3: see what the package holds now")
    found: dict[str, bytes] = {}

    def walk(node: int, parent: str) -> None:
        start = tree + 22 * node
        name_at, flags = struct.unpack_from(">IH", raw, start)
        (length,) = struct.unpack_from(">H", raw, names + name_at)
        name = raw[names + name_at + 6 : names + name_at + 6 + 2 * length].decode("utf-16-be")
        place = f"{parent}/{name}" if node else ""
        if flags & 2:  # a folder
            count, first = struct.unpack_from(">2I", raw, start + 6)
            for child in range(first, first + count):
                walk(child, place)
        elif not flags & 5:  # neither zlib nor zstd: pictures are stored as they are
            (at,) = struct.unpack_from(">I", raw, start + 10)
            (size,) = struct.unpack_from(">I", raw, data + at)
            found[place] = raw[data + at + 4 : data + at + 4 + size]

    walk(0, "")
    return found


def _path_of(package: str, name: str, file: str) -> Path:
    return PHOTOS / f"{name}{'.webp' if package == 'gcompris-qt-data' else Path(file).suffix}"


def _photos() -> Iterator[Photo]:
    if not READY.exists():
        sys.exit("the photos aren't here yet: python -m training.data.photos")
    for package, rows in _TABLE["photos"].items():
        for name, file, width, height, author, licence in rows:
            said = _TABLE["held_out"].get(name, {"caption": "", "words": []})
            title = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|[-_]", " ", name.split("/")[-1]).lower()
            yield Photo(
                name, _path_of(package, name, file), licence, author, title, _motif(name), (width, height),
                said["caption"], tuple(said["words"]),
            )  # fmt: skip


def _motif(name: str) -> str:
    _, *folder, last = name.split("/")
    derived = name if folder and folder[0] in _NUMBERED else last.lower()
    return str(_TABLE["motifs"].get(name, derived))


def _drawings() -> Iterator[Drawing]:
    if not READY.exists():
        sys.exit("the drawings aren't here yet: python -m training.data.photos")
    for path in sorted((DRAWINGS / "stamps").rglob("*.png")):
        name = path.relative_to(DRAWINGS).with_suffix("").as_posix()
        yield Drawing(name, path, path.with_suffix(".txt").read_text("utf-8").strip(), "stamps")
    for path in sorted((DRAWINGS / "clipart").rglob("*.png")):
        name = path.relative_to(DRAWINGS).with_suffix("").as_posix()
        yield Drawing(name, path, _ARTIST.sub("", path.stem).replace("_", " ").strip(" .") or path.stem, "clipart")


def _held(motif: str) -> bool:
    return int(hashlib.sha256(motif.encode()).hexdigest(), 16) % 4 == 0


def _held_drawing(drawing: Drawing) -> bool:
    called = re.sub(r"[^a-z]+", " ", f"{Path(drawing.name).parent} {drawing.caption}".lower()).strip()
    return int(hashlib.sha256(called.encode()).hexdigest(), 16) % 5 == 0


def main() -> None:
    fetch()
    for photo in training_photos():
        print("training", photo.name, *photo.size, photo.licence, photo.author, sep="\t")
    for photo in held_out_photos():
        print("held out", photo.name, *photo.size, photo.licence, photo.author, photo.caption, sep="\t")
    print(
        f"{len(training_photos())} photos for training, {len(held_out_photos())} held out; "
        f"{len(training_drawings())} drawings for training, {len(held_out_drawings())} held out"
    )


if __name__ == "__main__":
    main()
