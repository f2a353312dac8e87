"""What the photo captioner's guesses are worth: fits weights/photo-captioner.json, about 3 CPU-minutes.

    python -m training.photo.captioner

medium: a logistic regression on the numbers of gistchain/models/photo/medium.py, photographs against drawings.
label: for drawings, photographs of things and other photographs, at each depth of the tree of labels.py, Platt's two
numbers from the training photos, stamps and clip art. A word counts as right if the title or the folder of the picture
says it, or if the word below it on the path is right. That is strict: confidences come out too low, not too high.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gistchain.collection.known import nouns
from gistchain.models.packaged.networks import class_names, network
from gistchain.models.photo.captioner import branch, probabilities
from gistchain.models.photo.labels import LabelNode, best_path, class_paths
from gistchain.models.photo.medium import medium_features
from gistchain.types import Pixels
from training.data import cutouts, photos
from training.data.negatives import OTHER_STYLES
from training.weights import write_card

# What every picture of a folder shows; longer names are asked first.
FOLDERS = {
    "animals/birds": "bird animal", "animals/bugs": "animal", "animals/mammals": "mammal animal",
    "animals/insects": "insect animal", "animals/fish": "fish animal", "animals/amphibians": "amphibian animal",
    "animals/lizards": "reptile lizard animal",
    "animals/marsupials": "marsupial mammal animal", "animals/shellfish": "animal",
    "animals/dinosaur": "reptile animal",
    "mammals/cats": "mammal animal", "mammals/dogs": "mammal animal", "mammals/rodents": "rodent mammal animal",
    "mammals/aquatic": "mammal animal", "mammals/bears": "bear mammal animal", "bovines": "mammal animal",
    "food/fruit": "fruit food", "food/vegetables": "vegetable food", "food/dessert": "dessert food", "food": "food",
    "plants/flowers": "flower plant", "plants/mushrooms": "mushroom", "plants": "plant", "clothes": "clothing",
    "hobbies/music": "musical instrument", "household/tools": "tool", "household/dishes": "kitchenware",
    "vehicles/ship": "boat vehicle", "vehicles/flight": "aircraft vehicle", "vehicles/locomotive": "train vehicle",
    "vehicles/auto": "car vehicle", "vehicles": "vehicle", "town/houses": "building structure",
    "town/monuments": "monument structure", "fishes": "fish animal", "gcompris/farm": "animal",
    "gcompris/world": "animal", "gcompris/nature": "animal", "monuments": "building structure monument",
    "places": "building structure", "egypt": "structure monument building", "france": "building structure",
    "germany": "building structure", "india": "building structure", "usa": "structure", "wonders": "structure",
    "renewable/windmill": "structure building", "renewable/dam": "dam structure", "renewable/solar": "structure",
    "gcompris/tools": "tool", "gcompris/music": "musical instrument stage", "clipart/animals": "animal",
    "clipart/food": "food", "clipart/buildings": "building structure", "clipart/plants": "plant",
    "clipart/tools": "tool", "clipart/transportation": "vehicle",
}  # fmt: skip
# Words of titles that the network has no class for, and what is true of them.
MORE = {
    "kingfisher": "bird animal", "giraffe": "mammal animal", "rhinoceros": "mammal animal",
    "calf": "mammal animal cattle", "cow": "mammal animal cattle", "deer": "mammal animal",
    "donkey": "mammal animal", "kangaroo": "marsupial mammal animal", "pika": "mammal animal rabbit",
    "swan": "bird animal", "owl": "bird animal", "moose": "mammal animal", "camel": "mammal animal",
    "kitten": "cat mammal animal", "gosling": "bird animal", "harrier": "bird animal",
    "caterpillar": "insect animal", "crab": "crustacean animal", "dolphin": "sea mammal animal",
    "narwhal": "sea mammal animal", "flower": "plant", "tower": "building", "cathedral": "church building",
    "castle": "building", "chateau": "castle building",
}  # fmt: skip
_RIDGE = 3.0
_PLACES = (
    "monuments",
    "places",
    "egypt",
    "france",
    "germany",
    "india",
    "usa",
    "wonders",
    "renewable",
    "music",
    "fishes",
)


def said_of(name: str, title: str) -> set[str]:
    """The words that are true of a training picture, as far as its folder and title tell."""
    folders = [words for folder, words in FOLDERS.items() if folder in name]
    told = {w for word in re.findall(r"[a-z]+", title.lower()) for w in (word, word.removesuffix("s"))}
    # A heron is a bird, and an animal: so says the tree, where a class is called that.
    above = {word for path in class_paths(class_names()) if path[-1].lower().split()[-1] in told for word in path[:-1]}
    return told | set(" ".join([*folders, *above, *(MORE[w] for w in told if w in MORE)]).split())


def right(path: list[LabelNode], truth: set[str]) -> list[bool]:
    """For each word of a path whether it is right: it, its last word or its plural is said, or the next is right."""
    found = []
    for node in path:
        last = node.word.lower().split()[-1]
        whole = all(w in truth for w in node.word.lower().split())
        found.append(bool({last, f"{last}s", f"{last}es"} & truth) or whole)
    return [any(found[k:]) for k in range(len(found))]


def examples() -> Iterator[tuple[str, str, Pixels]]:
    """(name, title, pixels): training photos, and training stamps over white."""
    for photo in photos.training_photos():
        yield photo.name, photo.title, photos.pixels(photo, 512)
    for drawing in photos.training_drawings():
        known = drawing.source == "stamps" or any(f in drawing.name for f in FOLDERS if f.startswith("clipart"))
        if known and drawing.path.stat().st_size < 500_000:
            yield drawing.name, drawing.caption, photos.over(photos.rgba(drawing, 400))


def fit_labels() -> dict[str, list[list[float]]]:
    """Per branch and depth (the last for all deeper ones), the bias and slope of Platt's calibration."""
    rows: dict[str, list[list[tuple[float, bool]]]] = {b: [[], [], []] for b in ("photo", "object", "drawing")}
    for name, title, pixels in examples():
        path = best_path(probabilities(pixels, network().run(pixels)), class_names())
        for depth, (node, ok) in enumerate(zip(path, right(path, said_of(name, title)), strict=True)):
            unnamed = depth >= 2 and any(p in name for p in _PLACES)  # titles of places don't say what stands there
            if node.path != ("object",) and not unnamed:
                rows[branch(node, drawn=is_drawn(name))][min(depth, 2)].append((node.probability, ok))
    return {name: [_platt(found) if found else [0.0, 1.0] for found in depths] for name, depths in rows.items()}


def _platt(found: list[tuple[float, bool]]) -> list[float]:
    p = np.clip([p for p, _ in found], 1e-4, 1 - 1e-4)
    logits = np.log(p / (1 - p))[:, None]
    weights, bias = logistic(logits, np.array([ok for _, ok in found], float), ridge=0.3)
    print(f"{len(found)} words, {np.mean([ok for _, ok in found]):.2f} right, bias {bias:.2f}, slope {weights[0]:.2f}")
    return [round(bias, 3), round(float(weights[0]), 3)]


def is_drawn(name: str) -> bool:
    return name.startswith("clipart") or any(folder in name for folder in ("cartoon", "roadsigns", "seasonal", "flags"))


def media(rng: np.random.Generator) -> tuple[list[Pixels], list[bool]]:
    """(images, whether each is a photo) of the training side, at many sizes and JPEG qualities."""
    images: list[Pixels] = []
    truth: list[bool] = []

    def add(image: Pixels, photo: bool) -> None:
        images.append(_worn(image, rng))
        truth.append(photo)

    for photo in photos.training_photos():
        whole = photos.pixels(photo, 1024)
        for _ in range(4):
            edge = int(min(whole.shape[:2]) * rng.uniform(0.5, 1.0))
            top, left = (int(rng.integers(0, s - edge + 1)) for s in whole.shape[:2])
            add(whole[top : top + edge, left : left + edge] if rng.random() < 0.7 else whole, True)
    drawings = photos.training_drawings()
    for number, k in enumerate(rng.permutation(len(drawings))):
        drawing = drawings[int(k)]
        # Every cut-out photograph: over white it has a drawing's flat ground, and is the hardest to tell.
        stamp = drawing.source == "stamps" and not is_drawn(drawing.name)
        if (stamp or number < 800) and drawing.path.stat().st_size < 500_000:
            white = rng.random() < 0.7
            colour = (255, 255, 255) if white else tuple(int(c) for c in rng.integers(0, 256, 3))
            add(photos.over(photos.rgba(drawing, 512), colour), stamp)
    for image in nouns.tokens(nouns.sample(60, rng=rng, held=False)).images:
        side = int(rng.choice([32, 64, 320, 500]))
        add(np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.NEAREST)), False)
    for style in OTHER_STYLES:
        for seed in range(8):
            add(cutouts.dicebear.avatar(style, {"seed": f"train-{seed}"}, int(rng.integers(64, 512))), False)
    return images, truth


def _worn(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Resized, and half of the time saved as a JPEG, as pictures on the web are."""
    picture = Image.fromarray(image)
    if rng.random() < 0.7:
        longest = int(rng.integers(64, 700))
        picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    if rng.random() < 0.5:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=int(rng.integers(60, 98)))
        picture = Image.open(file)
    return np.asarray(picture.convert("RGB"))


def fit_medium() -> dict[str, object]:
    images, truth = media(np.random.default_rng(0))
    x, y = np.stack([medium_features(i, network().run(i).maps) for i in images]), np.array(truth, float)
    mean, scale = x.mean(0), x.std(0) + 1e-6
    standard = ((x - mean) / scale).clip(-4, 4)
    fold = np.arange(len(y)) * 20 // len(y) % 5  # neighbours are crops of one photo
    guesses = np.zeros(len(y))
    for k in range(5):
        weights, bias = logistic(standard[fold != k], y[fold != k], ridge=_RIDGE)
        guesses[fold == k] = standard[fold == k] @ weights + bias
    print(f"medium: {len(y)} images, {y.mean():.2f} photos, accuracy {((guesses > 0) == (y > 0.5)).mean():.3f}")
    weights, bias = logistic(standard, y, ridge=_RIDGE)
    # How sure the guesses may be is what the pictures say that were left out.
    (temper,), shift = logistic(guesses[:, None], y, ridge=0.1)
    weights, bias = weights * temper, bias * temper + shift
    print(f"tempered by {temper:.2f}, shifted by {shift:.2f}")
    return {
        "mean": _short(mean),
        "scale": _short(scale),
        "weights": _short(weights),
        "bias": round(bias, 4),
    }


def _short(numbers: NDArray[np.float64]) -> list[float]:
    return [round(float(n), 5) for n in numbers]


def logistic(x: NDArray[np.float64], y: NDArray[np.float64], *, ridge: float) -> tuple[NDArray[np.float64], float]:
    """(weights, bias) of a logistic regression, by Newton's method; the bias is not shrunk."""
    wide = np.hstack([x, np.ones((len(x), 1))])
    shrink = np.diag([ridge] * x.shape[1] + [0.0])
    weights = np.zeros(wide.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(wide @ weights, -30, 30)))
        slope = wide.T @ (p - y) + shrink @ weights
        curve = (wide * (p * (1 - p))[:, None]).T @ wide + shrink + 1e-9 * np.eye(len(weights))
        weights = weights - np.linalg.solve(curve, slope)
    return weights[:-1], float(weights[-1])


def main() -> None:
    fitted = {"medium": fit_medium(), "label": fit_labels()}
    card = {
        "kind": "captioner", "backbone": "efficientnet-lite0", "recipe": "training/photo/captioner.py",
        "data": "training photos of training/data/photos.json, tuxpaint-stamps-default (GPL-2), openclipart-png "
        "(public domain), Nouns (CC0), DiceBear (CC0, CC BY 4.0)",
        "licence": "Apache-2.0 (numbers); pictures: see data",
        "numbers_sha256": hashlib.sha256(json.dumps(fitted, sort_keys=True).encode()).hexdigest(), **fitted,
    }  # fmt: skip
    write_card("photo-captioner", card)


if __name__ == "__main__":
    main()
