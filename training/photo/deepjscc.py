"""Licensed photos -> deep joint source-channel coders (Bourtsoulatze et al. 2019): models/photo/deepjscc.py.

    python -m training.photo.deepjscc deepjscc-sixth --minutes 25
    python -m training.photo.deepjscc deepjscc-sixth-19db --minutes 8 --start deepjscc-sixth

The network of the paper: five convolutions of 5 x 5 with PReLU, power normalised, noise, and five transposed ones. Its
last layer has c filters at a quarter of the side, so that a picture of n values takes n c / 96 channel uses. Each layer
has a gain that follows from the SNR (Xu et al. 2021); for a network that is trained and run at one SNR it is a constant
of the next layer, so that those are the paper's own. Only training photos are looked at.
"""

from __future__ import annotations

import argparse
import itertools
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from gistchain.models.photo.deepjscc import LARGEST_DB, NETWORKS, SMALLEST_DB
from training.loop import train_for, warm_then_falling
from training.photo.autoencoder import batch, pictures
from training.places import CACHE
from training.quantised import write_onnx
from training.weights import add_to_card

NARROW, WIDE = 16, 32
_HIDDEN = 16
SIDE, BATCH = 64, 16
_FLOOR = 1e-5
SNRS_DB = -5.0, 0.0, 5.0, 10.0, 15.0, 20.0


class Gains(nn.Module):
    """SNR in dB, shape (B, 1) -> one factor for each filter of each layer, around 1."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.widths = widths
        self.first, self.second = nn.Linear(1, _HIDDEN), nn.Linear(_HIDDEN, sum(widths))
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, snr_db: Tensor) -> list[Tensor]:
        gains = 2 * torch.sigmoid(self.second(torch.tanh(self.first(snr_db / 10))))
        return [gain[:, :, None, None] for gain in gains.split(self.widths, 1)]


class Encoder(nn.Module):
    """(B, 3, H, W) in -1..1 -> (B, c, H / 4, W / 4), before the power is normalised."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        widths = [3, NARROW, WIDE, WIDE, WIDE]
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 5, 2 if k < 2 else 1, 2) for k, (a, b) in enumerate(itertools.pairwise(widths))
        )
        self.bends = nn.ModuleList(nn.PReLU(width) for width in widths[1:])
        self.last = nn.Conv2d(WIDE, filters, 5, 1, 2)
        self.gains = Gains(widths[1:])

    def forward(self, x: Tensor, snr_db: Tensor) -> Tensor:
        for layer, bend, gain in zip(self.layers, self.bends, self.gains(snr_db), strict=True):
            x = bend(layer(x)) * gain
        values: Tensor = self.last(x)
        return values


class Decoder(nn.Module):
    """(B, c, h, w) as it arrived -> (B, 3, 4 h, 4 w) in -1..1."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        widths = [filters, WIDE, WIDE, WIDE, NARROW]
        self.layers = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 5, 2 if k == 3 else 1, 2, 1 if k == 3 else 0)
            for k, (a, b) in enumerate(itertools.pairwise(widths))
        )
        self.bends = nn.ModuleList(nn.PReLU(width) for width in widths[1:])
        self.last = nn.ConvTranspose2d(NARROW, 3, 5, 2, 2, 1)
        self.gains = Gains(widths[1:])

    def forward(self, x: Tensor, snr_db: Tensor) -> Tensor:
        for layer, bend, gain in zip(self.layers, self.bends, self.gains(snr_db), strict=True):
            x = bend(layer(x)) * gain
        pixels: Tensor = self.last(x)
        return pixels


class Both(nn.Module):
    """Encoder and decoder as one graph: a session runs whichever output is asked for."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(filters), Decoder(filters)
        for part in self.modules():
            if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
                inward: Literal["fan_in", "fan_out"] = "fan_in" if isinstance(part, nn.Conv2d) else "fan_out"
                nn.init.kaiming_normal_(part.weight, a=0.25, mode=inward)
                nn.init.zeros_(part.bias)

    def forward(self, image: Tensor, values: Tensor, snr_db: Tensor) -> tuple[Tensor, Tensor]:
        return self.encoder(image, snr_db), self.decoder(values, snr_db)


def normalised(values: Tensor) -> Tensor:
    """Each picture's numbers with mean square 1, so that two of them make a symbol of power 2 at twice the noise."""
    return values / values.square().mean((1, 2, 3), keepdim=True).clamp_min(_FLOOR).sqrt()


def train(name: str, minutes: float, start: str) -> None:
    torch.manual_seed(0)
    kind = NETWORKS[name]
    net, rng, found = Both(kind.filters), np.random.default_rng(0), pictures()
    if start:
        net.load_state_dict(_begun(net, start), strict=True)
    print(f"{len(found)} pictures, {sum(p.numel() for p in net.parameters()):,} numbers", flush=True)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=1e-5)

    def step() -> tuple[Tensor, float]:
        image = batch(found, rng, count=BATCH, side=SIDE)
        among = rng.uniform(SMALLEST_DB, LARGEST_DB, (len(image), 1))
        snr_db = torch.from_numpy(among if kind.snr_db is None else np.full_like(among, kind.snr_db)).float()
        sent = normalised(net.encoder(image, snr_db))
        noise = torch.randn_like(sent) * 10 ** (-snr_db[:, :, None, None] / 20)
        error = (net.decoder(sent + noise, snr_db) - image).square().mean((1, 2, 3)) / 4
        # A loss of decibels, tried for 100 CPU-seconds each, was 1.3 dB worse at 10 dB on ten training photos.
        return 20 * error.mean(), float(-10 * torch.log10(error.detach() + _FLOOR).mean())

    train_for(
        minutes, net, optimiser, step, rate=warm_then_falling(2e-3, warm_up=200, least=0.02),
        keep=lambda steps: min(0.998, steps / (steps + 20)), clip=1.0, path=CACHE / f"{name}.pt",
    )  # fmt: skip


def _begun(net: Both, start: str) -> dict[str, Tensor]:
    """The state of another network, as many of its filters as this one has."""
    kept = torch.load(CACHE / f"{start}.pt", weights_only=True)["state"]
    return {
        name: kept[name][tuple(slice(0, length) for length in wanted.shape)]
        for name, wanted in net.state_dict().items()
    }


def export(name: str, start: str) -> None:
    kept = torch.load(CACHE / f"{name}.pt", weights_only=True)
    net = Both(NETWORKS[name].filters)
    net.load_state_dict(kept["state"])
    inputs = {
        "image": torch.zeros(1, 3, 64, 64), "values": torch.zeros(1, NETWORKS[name].filters, 16, 16),
        "snr_db": torch.zeros(1, 1),
    }  # fmt: skip
    axes = {"image": {2: "height", 3: "width"}, "values": {2: "rows", 3: "columns"}}
    card = {
        "kind": "deep joint source-channel coder", "licence": "Apache-2.0 (weights)",
        "recipe": f"training/photo/deepjscc.py {name}" + (f" --start {start}" if start else ""),
        "data": ["photos of Debian packages and of scikit-image (training/data/photos.json), training part",
                 "openclipart and Tux Paint stamps (Debian packages), training part"],
        "cpu_minutes": round(kept["cpu_minutes"], 1), "steps": kept["step"],
    }  # fmt: skip
    write_onnx(name, net, inputs, ["sent", "pixels"], axes, card)
    add_to_card(name, {"held_out_psnr": measured(name)})


def measured(name: str) -> dict[str, float]:
    """PSNR in dB of the held-out photos at 512 x 512 over AWGN, by SNR; the mean over photos."""
    from benchmarks.deepjscc import psnr_of

    return {f"{snr_db:g}": round(float(np.mean(psnr_of(name, snr_db))), 2) for snr_db in SNRS_DB}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=tuple(NETWORKS))
    parser.add_argument("--minutes", type=float, default=25, help="CPU minutes of training")
    parser.add_argument("--start", default="", choices=("", *NETWORKS), help="begin with this network's weights")
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(given.name, given.minutes, given.start)
    export(given.name, given.start)
