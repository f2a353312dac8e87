"""Trains the captioner: one small CNN on 64x64 pixels, one head per collection and trait type, one for the collection.

    python -m training.traitnet.captioner default --minutes 40
    python -m training.traitnet.captioner second --minutes 20     # other weights and shape, for scoring only (T0.7)

Every image is brought to 64x64 by exact area averaging, as the shipped captioner does with images of any size.
Augmentation: resampling through another size, colour, noise, small shifts, other backgrounds behind the punks. One
more class, "unknown", is trained on images of no collection: other DiceBear styles, shuffled and mixed images, dead
leaves, noise, gradients. The confidence is P(collection) times the product of the heads' best.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from gistchain.collection.known import punks
from gistchain.collection.tokens import Tokens
from training.data.negatives import dead_leaves, other_styles, plain
from training.data.tokens import dicebear_training, nouns_training, punks_training, rarity
from training.loop import train_for, warm_then_falling
from training.places import CACHE
from training.traitnet import punk_edits
from training.traitnet.traits import every_collection

SIDE = 64
COLLECTIONS = every_collection()
HEADS = [len(COLLECTIONS) + 1] + [len(v) + 1 for c in COLLECTIONS for v in c.values.values()]
OFFSETS = np.cumsum([0, *HEADS])
# Of a batch, the share of each collection; the rest is unknown.
SHARES = {"punks": 0.3, "nouns": 0.27, "voxel-bot": 0.06, "critters": 0.14, "big-smile": 0.08, "fun-emoji": 0.04}


@dataclass(frozen=True)
class Shape:
    channels: tuple[int, int, int]
    bottleneck: int
    hidden: int
    seed: int


SHAPES = {"default": Shape((32, 64, 128), 48, 384, 0), "second": Shape((40, 56, 96), 40, 320, 1)}


class Net(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        a, b, c = shape.channels

        def block(i: int, o: int, size: int, stride: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(i, o, size, stride, 1 if size > 1 else 0, bias=False), nn.BatchNorm2d(o), nn.ReLU(True)
            )

        self.trunk = nn.Sequential(
            block(3, a, 4, 2),
            block(a, b, 3, 2),
            block(b, b, 3, 1),
            block(b, c, 3, 2),
            block(c, c, 3, 1),
            block(c, shape.bottleneck, 1, 1),
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(shape.bottleneck * 64, shape.hidden),
            nn.ReLU(True),
            nn.Linear(shape.hidden, int(OFFSETS[-1])),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 64, 64) in [-1, 1] -> logits of all heads side by side."""
        return self.head(self.trunk(x))


def area(images: NDArray[np.uint8]) -> Tensor:
    """uint8 (B, S, S, 3) -> (B, 3, 64, 64) in [-1, 1] by exact area averaging."""
    weights = torch.from_numpy(area_weights(images.shape[1])).float()
    x = torch.from_numpy(images).float() / 127.5 - 1
    return torch.einsum("ih,bhwc,jw->bcij", weights, x, weights).contiguous()


def area_weights(size: int, side: int = SIDE) -> NDArray[np.float64]:
    edges = np.linspace(0, size, side + 1)
    lower, upper = np.maximum(edges[:-1, None], np.arange(size)), np.minimum(edges[1:, None], np.arange(1, size + 1))
    return np.clip(upper - lower, 0, None) * side / size


class Stream:
    """Batches of (x (B, 3, 64, 64), collection (B,), labels (B, all trait types))."""

    def __init__(self, rng: np.random.Generator, batch: int) -> None:
        self.rng, self.batch = rng, batch
        self.finite = {
            "punks": punks_training(),
            **{c.collection: dicebear_training(c.collection) for c in COLLECTIONS[2:]},
        }
        real = self.finite["punks"]
        edited, labels = punk_edits.pool()
        names = real.names + tuple(f"edited-{i}" for i in range(len(edited)))
        labels = np.concatenate([real.labels, labels])
        self.finite["punks"] = Tokens(real.traits, names, np.concatenate([real.images, edited]), labels)
        weights = rarity(labels)
        self.weights = {"punks": weights / weights.sum()}
        self.others = area(other_styles())
        self.nouns: Iterator[int] = iter(())

    def images(self, name: str, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        if name == "nouns":
            tokens = nouns_training(count, self.rng)
            return tokens.images, tokens.labels
        kept = self.finite[name]
        picked = self.rng.choice(len(kept), count, p=self.weights.get(name))
        images = kept.images[picked]
        if name == "punks":  # shown on any plain background, not only the usual one
            swap = self.rng.random(count) < 0.3
            colours = np.where(self.rng.random((count, 1)) < 0.5, 255, self.rng.integers(0, 256, (count, 3)))
            back = (images == punks.BACKGROUND).all(-1) & swap[:, None, None]
            images = np.where(back[..., None], colours[:, None, None].astype(np.uint8), images)
        return images, kept.labels[picked]

    def __call__(self) -> tuple[Tensor, Tensor, Tensor]:
        x, collection, rows, column = [], [], [], 0
        width = sum(len(c.types) for c in COLLECTIONS)
        for number, c in enumerate(COLLECTIONS):
            count = round(SHARES[c.collection] * self.batch)
            images, labels = self.images(c.collection, count)
            row = np.zeros((count, width), np.int64)
            row[:, column : column + labels.shape[1]] = labels
            column += labels.shape[1]
            x.append(area(images))
            collection += [number] * count
            rows.append(row)
        known = augment(torch.cat(x), self.rng)
        count = self.batch - len(known)
        unknown = self.unknown(known, count)
        collection += [len(COLLECTIONS)] * count
        rows.append(np.zeros((count, width), np.int64))
        return torch.cat([known, unknown]), torch.tensor(collection), torch.from_numpy(np.concatenate(rows))

    def unknown(self, known: Tensor, count: int) -> Tensor:
        rng, made = self.rng, []
        for _ in range(count):
            a, b = known[rng.integers(len(known))], known[rng.integers(len(known))]
            match rng.integers(8):
                case 0 | 1 | 2:
                    made.append(augment(self.others[rng.integers(len(self.others))][None], rng)[0])
                case 3:  # shuffled tiles
                    n = int(rng.choice([2, 4, 8]))
                    tiles = (
                        a.unfold(1, SIDE // n, SIDE // n)
                        .unfold(2, SIDE // n, SIDE // n)
                        .reshape(3, n * n, SIDE // n, SIDE // n)
                    )
                    tiles = tiles[:, torch.from_numpy(rng.permutation(n * n))].reshape(3, n, n, SIDE // n, SIDE // n)
                    made.append(tiles.permute(0, 1, 3, 2, 4).reshape(3, SIDE, SIDE))
                case 4:  # turned or upside down, two mixed, colours inverted
                    match rng.integers(3):
                        case 0:
                            made.append(torch.rot90(a, int(rng.integers(1, 4)), (1, 2)))
                        case 1:
                            made.append((a + b) / 2)
                        case _:
                            made.append(-a)
                case 5:
                    made.append(torch.from_numpy(dead_leaves(rng)))
                case _:
                    made.append(torch.from_numpy(plain(rng)))
        return torch.stack(made)


def augment(x: Tensor, rng: np.random.Generator) -> Tensor:
    if rng.random() < 0.4:
        size = int(rng.integers(40, 160))
        mode = str(rng.choice(["bilinear", "bicubic"]))
        x = F.interpolate(x, size=size, mode=mode, antialias=True)
        x = F.interpolate(x, size=SIDE, mode="bilinear", antialias=True)
    n = len(x)
    jitter = torch.from_numpy((rng.random((n, 1, 1, 1)) < 0.5).astype(np.float32))
    x = x * (1 + 0.03 * jitter * torch.randn(n, 1, 1, 1)) + 0.012 * jitter * torch.randn(n, 3, 1, 1)
    x = x + torch.randn_like(x) * torch.rand(n, 1, 1, 1) * 0.2 * (torch.rand(n, 1, 1, 1) < 0.5)
    if rng.random() < 0.15:
        dy, dx = (int(v) for v in rng.integers(-1, 2, 2))
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")[:, :, 1 + dy : 1 + dy + SIDE, 1 + dx : 1 + dx + SIDE]
    return x


def loss_of(logits: Tensor, collection: Tensor, labels: Tensor) -> Tensor:
    total = F.cross_entropy(logits[:, : HEADS[0]], collection)
    head = 1
    for number, c in enumerate(COLLECTIONS):
        mine = collection == number
        for _ in c.types:
            if mine.any():
                part = logits[mine, OFFSETS[head] : OFFSETS[head + 1]]
                total = total + F.cross_entropy(part, labels[mine, head - 1], reduction="sum") / len(logits) * 2
            head += 1
    return total


def train(name: str, minutes: float, *, batch: int = 256, rate: float = 2e-3, go_on: bool = False) -> None:
    torch.set_num_threads(1)
    shape = SHAPES[name]
    torch.manual_seed(shape.seed)
    rng = np.random.default_rng(shape.seed + 17)
    stream, net = Stream(rng, batch), Net(shape)
    if go_on:
        net.load_state_dict(torch.load(CACHE / f"captioner-{name}.pt", weights_only=True)["state"])
    net = net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    print(name, f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M", flush=True)

    def step() -> tuple[Tensor, float]:
        x, collection, labels = stream()
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(x.contiguous(memory_format=torch.channels_last))
        loss = loss_of(logits.float(), collection, labels)
        return loss, loss.item()

    train_for(
        minutes, net, optimiser, step, rate=warm_then_falling(rate, warm_up=100, least=0.005),
        keep=lambda steps: min(0.998, (steps + 1) / (steps + 20)), clip=2.0, path=CACHE / f"captioner-{name}.pt",
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=SHAPES)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--go-on", action="store_true", help="from the last checkpoint")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    given = parser.parse_args()
    train(given.name, given.minutes, rate=given.rate, go_on=given.go_on)
