"""The default segmenter: a small decoder over the frozen stage maps of EfficientNet-lite0, trained on composites.

    python -m training.packaged.segment     # 4 CPU-minutes on one core; writes weights/segmenter-default.onnx and .json

Composites are made and put through the network once; the decoder trains on what was kept of it.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gistchain.models.packaged.networks import network
from gistchain.models.packaged.segment import FINE, SIDE, colours_of, maps_of
from gistchain.types import Pixels
from training.data import cutouts, photos
from training.places import CACHE
from training.quantised import write_onnx
from training.weights import minutes_since

COMPOSITES = 2400
VALIDATION = 160
EPOCHS = 5
BATCH = 16
CHANNELS = (24, 40, 112, 320)
WIDTH = 24


class Decoder(nn.Module):
    """Stage maps at 1/4, 1/8, 1/16, 1/32 and colours at 1/4 of the network's input -> logits at 1/4."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.ModuleList(nn.Sequential(nn.BatchNorm2d(c), nn.Conv2d(c, WIDTH, 1)) for c in CHANNELS)
        self.mix = nn.ModuleList(_block(WIDTH + (8 if k == 0 else 0), WIDTH) for k in range(4))
        self.wide = _block(WIDTH, WIDTH)
        self.colour = _block(3, 8)
        self.out = nn.Conv2d(WIDTH, 1, 1)

    def forward(self, quarter: Tensor, eighth: Tensor, sixteenth: Tensor, last: Tensor, colours: Tensor) -> Tensor:
        maps = (quarter, eighth, sixteenth, last)
        x = self.wide(self.mix[3](self.enter[3](maps[3])))
        # The whole picture has a say everywhere: what is the subject depends on what else there is.
        x = x + x.mean((2, 3), keepdim=True)
        for k in (2, 1, 0):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False) + self.enter[k](maps[k])
            x = self.mix[k](x if k else torch.cat([x, self.colour(colours)], 1))
        return self.out(x)


def _block(inside: int, outside: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU())


class Masks(nn.Module):
    """What runs: probabilities instead of logits."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, quarter: Tensor, eighth: Tensor, sixteenth: Tensor, last: Tensor, colours: Tensor) -> Tensor:
        return torch.sigmoid(self.decoder(quarter, eighth, sixteenth, last, colours))


def composites(count: int, seed: int) -> tuple[list[NDArray[np.float16]], NDArray[np.float16]]:
    """([quarter, eighth, sixteenth, last, colours], alphas at FINE x FINE) of cut-outs over training photos."""
    rng = np.random.default_rng(seed)
    behind = cutouts.backgrounds(photos.training_photos(), 3, rng=rng)
    pieces = cutouts.cutouts(held_out=False)
    by_kind = {kind: [p for p in pieces if p.kind == kind] for kind in ("photo", "drawing", "emoji", "avatar")}
    print({kind: len(found) for kind, found in by_kind.items()}, flush=True)
    kept: list[list[NDArray[np.float16]]] = [[], [], [], [], []]
    alphas = []
    for _ in range(count):
        kind = str(rng.choice(["photo", "drawing", "emoji", "avatar"], p=[0.55, 0.2, 0.15, 0.1]))
        image, alpha = cutouts.compose(by_kind[kind], behind, rng=rng)
        for store, part in zip(kept, _inputs(image), strict=True):
            store.append(part.astype(np.float16))
        alphas.append(alpha.reshape(FINE, SIDE // FINE, FINE, SIDE // FINE).mean((1, 3)).astype(np.float16))
    return [np.stack(store) for store in kept], np.stack(alphas)


def _inputs(image: Pixels) -> list[NDArray[np.float32]]:
    return [*maps_of(network(), image), colours_of(image)]


def train() -> tuple[Decoder, float]:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    start = time.process_time()
    parts, alphas = composites(COMPOSITES, seed=0)
    print(f"{len(alphas)} composites in {time.process_time() - start:.0f} CPU s", flush=True)
    train_on, check_on = np.arange(VALIDATION, COMPOSITES), np.arange(VALIDATION)
    decoder = Decoder()
    print(f"{sum(p.numel() for p in decoder.parameters()):,} parameters")
    steps = EPOCHS * (len(train_on) // BATCH)
    optimiser = torch.optim.AdamW(decoder.parameters(), 3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps, pct_start=0.1)
    rng = np.random.default_rng(1)
    for epoch in range(EPOCHS):
        decoder.train()
        for rows in rng.permutation(train_on)[: len(train_on) // BATCH * BATCH].reshape(-1, BATCH):
            loss = _loss(decoder(*_batch(parts, rows)), torch.from_numpy(alphas[rows].astype(np.float32))[:, None])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        torch.save(decoder.state_dict(), CACHE / "segmenter-default.pt")
        print(f"epoch {epoch}: IoU {_check(decoder, parts, alphas, check_on):.3f}, "
              f"{time.process_time() - start:.0f} CPU s", flush=True)  # fmt: skip
    return decoder, minutes_since(start)


def _batch(parts: list[NDArray[np.float16]], rows: NDArray[np.int64]) -> list[Tensor]:
    return [torch.from_numpy(p[rows].astype(np.float32)) for p in parts]


def _loss(logits: Tensor, alpha: Tensor) -> Tensor:
    """Cross entropy of each pixel, and 1 - IoU of the whole, which small subjects count in as much as large ones."""
    mask = torch.sigmoid(logits)
    both, either = (mask * alpha).sum((1, 2, 3)), (mask + alpha - mask * alpha).sum((1, 2, 3))
    return F.binary_cross_entropy_with_logits(logits, alpha) + (1 - (both + 1) / (either + 1)).mean()


def _check(
    decoder: Decoder, parts: list[NDArray[np.float16]], alphas: NDArray[np.float16], rows: NDArray[np.int64]
) -> float:
    decoder.eval()
    with torch.no_grad():
        masks = torch.cat([decoder(*_batch(parts, some)) for some in rows.reshape(-1, 20)])[:, 0].numpy() > 0
    true = alphas[rows] > 0.5
    return float(((masks & true).sum((1, 2)) / np.maximum((masks | true).sum((1, 2)), 1)).mean())


def main() -> None:
    decoder, minutes = train()
    shapes = {"quarter": (24, 4), "eighth": (40, 8), "sixteenth": (112, 16), "last": (320, 32), "colours": (3, 4)}
    inputs = {name: torch.zeros(1, channels, SIDE // by, SIDE // by) for name, (channels, by) in shapes.items()}
    card = {
        "kind": "segmenter", "backbone": "efficientnet-lite0",
        "data": "composites: cut-outs of tuxpaint-stamps-default (GPL-2), openclipart-png (public domain), "
        "Fluent Emoji 3D (MIT), DiceBear (CC0, CC BY 4.0) over the training photos of training/data/photos.json",
        "licence": "Apache-2.0 (weights); pictures: see data", "recipe": "training/packaged/segment.py",
        "cpu_minutes": minutes, "composites": COMPOSITES, "epochs": EPOCHS,
    }  # fmt: skip
    write_onnx("segmenter-default", Masks(decoder), inputs, ["mask"], {}, card)


if __name__ == "__main__":
    main()
