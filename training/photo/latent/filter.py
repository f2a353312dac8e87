"""Pictures decoded at many sizes -> the network that corrects them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gistchain.models.photo.latent.contexts import TrainedOdds
from gistchain.models.photo.latent.rangecoder import ONE, Exhausted
from gistchain.models.photo.latent.scan import Bits, Index, scan
from gistchain.models.photo.latent.wavelet import CHROMA_GAIN, synthesise, to_planes
from gistchain.types import Pixels
from training.loop import train_for
from training.photo.latent.contexts import kept_odds
from training.photo.latent.pictures import started, training_pictures
from training.places import CACHE

DECODED, FILTER = CACHE / "photolatent-decoded.npz", CACHE / "photolatent-filter.pt"
PATCH, BATCH = 128, 6


class Meter:
    """A Coder that only counts bytes and calls `reached` at each of `sizes`."""

    def __init__(self, sizes: Sequence[int], reached: Any) -> None:
        self.bits, self.left, self.reached = 0.0, list(sizes), reached

    def code(self, ones: Index, bits: Bits) -> Bits:
        chance = ones / ONE
        self.bits -= float(np.log2(np.where(bits != 0, chance, 1 - chance)).sum())
        while self.left and self.bits > 8 * self.left[0]:
            self.left.pop(0)
            self.reached()
        if not self.left:
            raise Exhausted(bits)
        return bits


def decoded(image: Pixels, sizes: Sequence[int], odds: TrainedOdds) -> Iterator[NDArray[np.float32]]:
    """The planes of the picture as a decoder of each size knows them, and how far it came: (4, H, W)."""
    pyramid, planes = started(image)
    found: list[NDArray[np.float32]] = []

    def keep() -> None:
        known = [synthesise(bands) for bands in pyramid.give()]
        found.append(np.stack([*known, np.full_like(known[0], pyramid.reached)]))

    scan(pyramid, planes, odds, Meter(sizes, keep))
    return iter(found)


def pictures() -> None:
    rng, odds = np.random.default_rng(2), kept_odds()
    arrays: dict[str, Any] = {}
    for image in training_pictures(1, seed=2):
        if min(image.shape[:2]) < PATCH:
            continue
        ends = sorted(int(np.exp(rng.uniform(np.log(48), np.log(6000)))) for _ in range(3))
        for planes in decoded(image, ends, odds):
            number = len(arrays) // 2
            arrays[f"image{number}"], arrays[f"planes{number}"] = image, planes.astype(np.float16)
    np.savez(DECODED, **arrays)
    print(len(arrays) // 2, flush=True)


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.two(F.relu(self.one(x)))


class FilterNet(nn.Module):
    """(B, 4, H, W) as network_input makes them -> (B, 3, H, W): what to add to Y, Cb and Cr. Three scales, U-Net."""

    def __init__(self, widths: tuple[int, int, int] = (24, 40, 64)) -> None:
        super().__init__()
        a, b, c = widths
        self.first = nn.Conv2d(16, a, 3, padding=1)
        self.enter, self.leave = Block(a), Block(a)
        self.down, self.down_again = nn.Conv2d(a, b, 3, 2, 1), nn.Conv2d(b, c, 3, 2, 1)
        self.middle, self.middle_again = Block(b), Block(b)
        self.deep = nn.Sequential(Block(c), Block(c))
        self.up, self.up_again = nn.Conv2d(c, 4 * b, 1), nn.Conv2d(b, 4 * a, 1)
        self.last = nn.Conv2d(a, 12, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        for module in self.modules():
            if isinstance(module, Block):
                module.two.weight.data *= 0.3
        self.up.weight.data *= 0.3
        self.up_again.weight.data *= 0.3
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.enter(F.relu(self.first(F.pixel_unshuffle(x, 2))))
        middle = self.middle(F.relu(self.down(fine)))
        deep = self.deep(F.relu(self.down_again(middle)))
        middle = self.middle_again(middle + F.pixel_shuffle(self.up(deep), 2))
        fine = self.leave(fine + F.pixel_shuffle(self.up_again(middle), 2))
        # In units of the threshold that the scan had come to: what coarser coefficients do needs more correction.
        return F.pixel_shuffle(self.last(fine), 2) * torch.exp((8 * x[:, 3:] - 1) * math.log(2))


def train_filter(minutes: float) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    net = FilterNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with np.load(DECODED) as kept:
        pairs = [(kept[f"image{k}"], kept[f"planes{k}"]) for k in range(len(kept.files) // 2)]

    def step() -> tuple[Tensor, float]:
        """The loss, and how many dB of PSNR are gained."""
        x, y = _batch(pairs, rng)
        return _loss(x, net(x), y)

    def rate(steps: int, done: float) -> float:
        return 1.5e-3 * min(1, (steps + 1) / 100) * max(0.02, 0.5 + 0.5 * math.cos(math.pi * done))

    train_for(
        minutes, net, torch.optim.Adam(net.parameters()), step, rate=rate,
        keep=lambda steps: min(0.995, 1 - 1 / steps), clip=1.0, path=FILTER,
    )  # fmt: skip


def _batch(pairs: list[tuple[Pixels, NDArray[np.float16]]], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    xs, ys = [], []
    for k in rng.integers(0, len(pairs), BATCH):
        image, planes = pairs[k]
        top, left = (int(rng.integers(0, (side - PATCH) // 2 + 1)) * 2 for side in image.shape[:2])
        cut = np.s_[top : top + PATCH, left : left + PATCH]
        x, y = planes[:, cut[0], cut[1]].astype(np.float32), np.stack(to_planes(image[cut]))
        for axis in (1, 2):
            if rng.random() < 0.5:
                x, y = np.flip(x, axis), np.flip(y, axis)
        if rng.random() < 0.5:
            x, y = x.transpose(0, 2, 1), y.transpose(0, 2, 1)
        xs.append(x * np.array([1 / 64, 1 / 64, 1 / 64, 1 / 8], np.float32)[:, None, None])
        ys.append(y)
    return torch.from_numpy(np.stack(xs)), torch.from_numpy(np.stack(ys))


def _loss(x: Tensor, change: Tensor, y: Tensor) -> tuple[Tensor, float]:
    """PSNR of RGB and SSIM of the luma, of each picture, so that small errors count as much as large ones."""
    before = y - x[:, :3] * 64
    error, plain = _rgb_error(before - change), _rgb_error(before)
    ssim = _ssim(x[:, :1] * 64 + change[:, :1], y[:, :1])
    return torch.log(error + 20).mean() + 2 * (1 - ssim), float((10 * torch.log10(plain / error)).mean().detach())


def _rgb_error(difference: Tensor) -> Tensor:
    y, cb, cr = difference[:, 0], difference[:, 1] / CHROMA_GAIN, difference[:, 2] / CHROMA_GAIN
    r, g, b = y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb
    return ((r**2 + g**2 + b**2) / 3).mean((1, 2))


def _ssim(a: Tensor, b: Tensor) -> Tensor:
    def mean(v: Tensor) -> Tensor:
        return F.avg_pool2d(v, 7, 2)

    ma, mb = mean(a), mean(b)
    a0, b0 = ma + 128, mb + 128  # luma is centred; SSIM's first factor is not
    va, vb, cov = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    c1, c2 = 6.5025, 58.5225
    return ((2 * a0 * b0 + c1) * (2 * cov + c2) / ((a0 * a0 + b0 * b0 + c1) * (va + vb + c2))).mean()
