"""Licensed photos -> the autoencoder of models/photo/autoencoder.py: python -m training.photo.autoencoder --minutes 25

A stand-in for the autoencoder of Stable Diffusion, of the same shape: four numbers for each 8 x 8 pixels (S2.1). The
decoder is told how much noise lies on the numbers, and is trained to take it away. Only training_photos(),
training_drawings() and DiceBear avatars of the training seeds are looked at.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gistchain.models.photo.autoencoder import CHANNELS, FACTOR, NAME
from training.data import photos
from training.loop import train_for, warm_then_falling
from training.places import CACHE, WEIGHTS
from training.quantised import write_onnx
from training.weights import add_to_card

CHECKPOINT = CACHE / "autoencoder.pt"
SIDE, BATCH = 128, 12
WIDTH, FINE = 96, 48
_LARGEST_NOISE = 1.0
_WINDOW = 8


class Residual(nn.Module):
    """Two convolutions beside the way through."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(width, width, 3, 1, 1), nn.Conv2d(width, width, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        after: Tensor = x + self.second(F.silu(self.first(F.silu(x))))
        return after


class Encoder(nn.Module):
    """(B, 3, H, W) in -1..1 -> (B, CHANNELS, H / 8, W / 8), each channel of mean 0 and variance 1 over the photos."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Conv2d(3 * 16, FINE, 3, 1, 1)
        self.coarse = nn.Sequential(
            nn.Conv2d(4 * FINE, WIDTH, 1), Residual(WIDTH), Residual(WIDTH), nn.SiLU(), nn.Conv2d(WIDTH, CHANNELS, 1)
        )
        self.norm = nn.BatchNorm2d(CHANNELS, affine=False, momentum=0.02)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.fine(F.pixel_unshuffle(x, 4)))
        latent: Tensor = self.norm(self.coarse(F.pixel_unshuffle(x, 2)))
        return latent


class Decoder(nn.Module):
    """(B, CHANNELS, h, w) and the standard deviation of the noise on it, (B, 1, h, w) -> (B, 3, 8 h, 8 w) in -1..1."""

    def __init__(self) -> None:
        super().__init__()
        self.coarse = nn.Sequential(
            nn.Conv2d(CHANNELS + 1, WIDTH, 3, 1, 1), Residual(WIDTH), Residual(WIDTH), Residual(WIDTH), nn.SiLU(),
            nn.Conv2d(WIDTH, 4 * FINE, 1),
        )  # fmt: skip
        self.fine = nn.Sequential(Residual(FINE), nn.SiLU(), nn.Conv2d(FINE, 3 * 16, 3, 1, 1))

    def forward(self, latent: Tensor, noise: Tensor) -> Tensor:
        x = F.pixel_shuffle(self.coarse(torch.cat([latent, noise], 1)), 2)
        pixels: Tensor = F.pixel_shuffle(self.fine(x), 4)
        return pixels


class Both(nn.Module):
    """Encoder and decoder as one graph: a session runs whichever output is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def forward(self, image: Tensor, latent: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        return self.encoder(image), self.decoder(latent, noise)


def pictures() -> list[NDArray[np.uint8]]:
    """Training photos at 640 pixels, and drawings at 256."""
    found = [photos.pixels(photo, 640) for photo in photos.training_photos()]
    drawings = photos.training_drawings()
    found += [photos.over(photos.rgba(drawing, 256)) for drawing in drawings[:: max(1, len(drawings) // 150)]]
    return [picture for picture in found if min(picture.shape[:2]) >= SIDE]


def batch(found: list[NDArray[np.uint8]], rng: np.random.Generator, *, count: int = BATCH, side: int = SIDE) -> Tensor:
    """(count, 3, side, side): crops at many scales, mirrored half the time."""
    from PIL import Image

    crops = []
    for k in rng.integers(0, len(found), count):
        picture = found[k]
        most = min(picture.shape[:2])
        cut = int(min(most, side * rng.uniform(1, 4)))
        top, left = (int(rng.integers(0, length - cut + 1)) for length in picture.shape[:2])
        crop = Image.fromarray(picture[top : top + cut, left : left + cut])
        pixels = np.asarray(crop.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0))
        crops.append(pixels[:, ::-1] if rng.random() < 0.5 else pixels)
    return torch.from_numpy(np.stack(crops).astype(np.float32)).permute(0, 3, 1, 2) / 127.5 - 1


def unlikeness(a: Tensor, b: Tensor) -> Tensor:
    """1 - SSIM of the brightness over windows of 8 x 8."""
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    x, y = (a * weights).sum(1, keepdim=True), (b * weights).sum(1, keepdim=True)

    def mean(z: Tensor) -> Tensor:
        return F.avg_pool2d(z, _WINDOW, 2)

    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    return 1 - ((2 * mx * my + c1) * (2 * both + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean()


def train(minutes: float) -> None:
    torch.manual_seed(0)
    net, rng, found = Both(), np.random.default_rng(0), pictures()
    print(f"{len(found)} pictures, {sum(p.numel() for p in net.parameters()):,} numbers", flush=True)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=1e-4)

    def step() -> tuple[Tensor, float]:
        image = batch(found, rng)
        clean = net.encoder(image)
        deviation = torch.from_numpy(
            np.where(rng.random((BATCH, 1, 1, 1)) < 0.4, 0, rng.uniform(0, _LARGEST_NOISE, (BATCH, 1, 1, 1)))
        ).float()
        noisy = clean + deviation * torch.randn_like(clean)
        back = net.decoder(noisy, deviation.expand(-1, 1, *clean.shape[2:]))
        error = (back - image).square().mean((1, 2, 3))
        quiet = deviation.view(-1) == 0
        figure = float(-10 * torch.log10(error[quiet].mean() / 4)) if quiet.any() else float("nan")
        return (error / (0.02 + error.detach())).mean() * 0.05 + error.mean() + 0.1 * unlikeness(back, image), figure

    train_for(
        minutes, net, optimiser, step, rate=warm_then_falling(1.5e-3, warm_up=200, least=0.02),
        keep=lambda steps: min(0.998, steps / (steps + 20)), clip=1.0, path=CHECKPOINT,
    )  # fmt: skip


def export() -> None:
    kept = torch.load(CHECKPOINT, weights_only=True)
    net = Both()
    net.load_state_dict(kept["state"])
    side = 64 // FACTOR
    inputs = {
        "image": torch.zeros(1, 3, 64, 64), "latent": torch.zeros(1, CHANNELS, side, side),
        "noise": torch.zeros(1, 1, side, side),
    }  # fmt: skip
    axes = {"image": {2: "height", 3: "width"}, "latent": {2: "rows", 3: "columns"}, "noise": {2: "rows", 3: "columns"}}
    card = {
        "kind": "autoencoder", "licence": "Apache-2.0 (weights)", "recipe": "training/photo/autoencoder.py",
        "data": ["photos of Debian packages and of scikit-image (training/data/photos.json), training part",
                 "openclipart and Tux Paint stamps (Debian packages), training part"],
        "cpu_minutes": round(kept["cpu_minutes"], 1), "steps": kept["step"],
    }  # fmt: skip
    write_onnx(NAME, net, inputs, ["clean", "pixels"], axes, card)
    add_to_card(NAME, {"held_out": measured()})


def measured() -> dict[str, float]:
    """PSNR and SSIM of the held-out photos at 512 x 512, without noise on the numbers."""
    from gistchain.models.photo.autoencoder import Autoencoder
    from gistchain.score.fidelity import psnr, ssim

    coder, found = Autoencoder(), []
    for photo in photos.held_out_photos():
        image = photos.crop(photo, 512, rng=np.random.default_rng(0))
        back = coder.pixels_of(coder.latent_of(image, (512, 512)))
        found.append((psnr(image, back), ssim(image, back)))
    n = len(found)
    return {"n": n, "psnr": sum(p for p, _ in found) / n, "ssim": sum(s for _, s in found) / n}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=25, help="CPU minutes of training")
    torch.set_num_threads(1)
    train(parser.parse_args().minutes)
    export()
    assert (WEIGHTS / f"{NAME}.onnx").is_file()
