"""Images -> captions of whole pictures and of their 4 and 9 pieces: what corrector.py tunes on (S4.3).

python -m training.text.pieces --out captions.txt --captioner llava=FOLDER
python -m training.text.pieces --images FOLDER --out captions.txt

Without --images they are the training photos and drawings of training/data/photos.py, never those held out: with the
captioner `photo`, 2,779 images in 14 captions each take an hour. `default` first looks for a token of a collection,
which photos are not: the same words in 25 times the time. The file has a caption a line, in UTF-8, each text once,
written as they come. What is no image, or a broken one, is named and left out.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from gistchain.errors import GistchainError, ImageError
from gistchain.gist.pieces import boxes, piece
from gistchain.image import flatten, images_in, read_image
from gistchain.models.zoo import registry
from gistchain.types import Captioner, Pixels
from training.data import photos

COUNTS = 1, 4, 9
_LONGEST_SIDE = 1152
"""Of a training photo: a ninth of it is then as large as what captioners look at, 384 pixels."""
_WHITE = 255, 255, 255
Source = Callable[[], Pixels]


def captions(images: Iterable[Pixels], captioner: Captioner) -> Iterator[str]:
    """What the captioner says of each image and of its pieces; each text once, on one line, and none that is empty."""
    said: set[str] = set()
    for image in images:
        for part in pieces(image):
            text = " ".join(captioner.caption(part).text.split())
            if text and text not in said:
                said.add(text)
                yield text


def pieces(image: Pixels) -> Iterator[Pixels]:
    """The image, its 4 and its 9 pieces, as far as it has as many pixels."""
    size = image.shape[1], image.shape[0]
    for count in COUNTS:
        if min(size) ** 2 >= count:
            yield from (piece(image, box) for box in boxes(size, count))


def of_training() -> list[Source]:
    """What reads each training photo and each training drawing, that over white."""
    taken = [partial(photos.pixels, photo, _LONGEST_SIDE) for photo in photos.training_photos()]
    return [*taken, *(partial(_drawn, drawing) for drawing in photos.training_drawings())]


def of_folder(folder: Path) -> list[Source]:
    """What reads each image of the folder, a transparent one over white. Raises ImageError where there is none."""
    found = images_in([folder])
    for note in found.notes():
        print(note, file=sys.stderr)
    return [partial(_of_file, path) for path in found.images]


def read(sources: Iterable[Source]) -> Iterator[Pixels]:
    """The images, without those that can't be read."""
    for source in sources:
        try:
            image = source()
        except ImageError as error:
            print(f"left out: {error}", file=sys.stderr)
        else:
            yield image


def main(arguments: Sequence[str] | None = None) -> None:
    args = _arguments(arguments)
    try:
        sources = of_folder(args.images) if args.images else of_training()
        if args.most is not None and args.most < len(sources):
            sources = random.Random(args.seed).sample(sources, args.most)
        count = _write(args.out, captions(read(sources), _captioner(args)))
    except GistchainError as error:
        raise SystemExit(str(error)) from error
    print(f"{count} captions: {args.out}")


def _drawn(drawing: photos.Drawing) -> Pixels:
    return photos.over(photos.rgba(drawing, _LONGEST_SIDE), _WHITE)


def _of_file(path: Path) -> Pixels:
    return flatten(read_image(path), _WHITE)


def _captioner(args: argparse.Namespace) -> Captioner:
    name, source = registry.parse(args.captioner)
    made: Captioner = registry.load(
        "captioner", name, source=source, device=args.device, dtype=args.dtype, allow_download=args.allow_download
    )
    return made


def _write(out: Path, texts: Iterable[str]) -> int:
    """How many texts were written, each as it comes."""
    count = 0
    with out.open("w", encoding="utf-8") as file:
        for text in texts:
            print(text, file=file, flush=True)
            count += 1
            if count % 100 == 0:
                print(f"{count} captions", file=sys.stderr)
    return count


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=Path, help="folder; without it, the training photos and drawings")
    parser.add_argument("--out", required=True, type=Path, help="text file, a caption a line")
    parser.add_argument("--captioner", default="photo", help="NAME or NAME=SOURCE, as gistchain takes it")
    parser.add_argument("--most", type=int, help="take so many of the images, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of --most")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--allow-download", action="store_true", help="fetch the captioner from the hub")
    args = parser.parse_args(arguments)
    if args.most is not None and args.most < 1:
        parser.error(f"--most is {args.most}: give 1 or more")
    return args


if __name__ == "__main__":
    main()
