"""Licensed photos and drawings -> the tables and the filter of the latent coder 'photo'.

    python -m training.photolatent record      # bits and what lies near them, from the training pictures
    python -m training.photolatent contexts    # three small networks: the chance of each bit
    python -m training.photolatent pictures    # decoded pictures at many sizes
    python -m training.photolatent filter      # a network that corrects them
    python -m training.photolatent export      # weights/latent-photo.npz, .onnx, .json

About 10 minutes of one core. Only training_photos(), training_drawings() and DiceBear avatars are looked at.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from gistchain.models.photo.latent import coder
from gistchain.models.photo.latent.contexts import NETWORKS, ContextNetwork, TrainedOdds
from gistchain.models.photo.latent.pyramid import LEVELS, PLANES, Pyramid
from gistchain.models.photo.latent.rangecoder import ONE, Exhausted
from gistchain.models.photo.latent.scan import CONSTANT, DYNAMIC, Bits, Index, scan
from gistchain.models.photo.latent.wavelet import CHROMA_GAIN, analyse, synthesise, to_planes
from gistchain.types import Pixels
from training import data, photos

SIDE = 256
RECORDS, CONTEXTS = data.CACHE / "photolatent-records.npz", data.CACHE / "photolatent-contexts.npz"
DECODED, FILTER = data.CACHE / "photolatent-decoded.npz", data.CACHE / "photolatent-filter.pt"
HIDDEN = {"significance": (32, 16), "refinement": (12, 8), "sign": (16, 8)}
STEPS = {"significance": 4000, "refinement": 1500, "sign": 2500}
PATCH, BATCH = 128, 6


def training_pictures(per_photo: int, seed: int) -> list[Pixels]:
    """Crops of the large photos, the small ones whole, cut-out drawings over a flat colour, and avatars."""
    rng = np.random.default_rng(seed)
    found: list[Pixels] = []
    for photo in photos.training_photos():
        if min(photo.size) >= 400:
            found += [photos.crop(photo, SIDE, rng=rng) for _ in range(per_photo)]
        else:
            found.append(photos.pixels(photo, SIDE))
    drawings = photos.training_drawings()
    for k in rng.choice(len(drawings), 70 * per_photo, replace=False):
        found.append(_over_colour(photos.rgba(drawings[k], int(rng.integers(96, SIDE + 1))), rng))
    for style in ("big-smile", "fun-emoji"):
        with np.load(data.CACHE / f"{style}.npz") as kept:
            found += list(kept["images"][:15])
    return found


def _over_colour(drawing: Image.Image, rng: np.random.Generator) -> Pixels:
    white = rng.random() < 0.6
    ground = Image.new(
        "RGBA", drawing.size, (255, 255, 255, 255) if white else (*map(int, rng.integers(0, 256, 3)), 255)
    )
    return np.asarray(Image.alpha_composite(ground, drawing).convert("RGB"))


def started(image: Pixels) -> tuple[Pyramid, int]:
    pyramid = Pyramid(*image.shape[:2], grey=False)
    return pyramid, pyramid.take([analyse(plane) for plane in to_planes(image)])


class Recorder:
    """Odds and Coder at once: keeps what the networks would see and the bit that came. Ends after `most` signs."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.signs, self.most = rng, 0, 0
        self.flags: list[tuple[int, int, int]] = []
        self.kept: dict[str, list[tuple[NDArray[np.int16], Bits, NDArray[np.float32]]]] = {k: [] for k in NETWORKS}

    def flag(self, group: int, plane: int) -> int:
        self.asked: tuple[Any, ...] = ("flag", group, plane)
        return ONE // 2

    def significance(self, x: NDArray[np.float32], constants: NDArray[np.float32], band: Index) -> Index:
        return self._ask("significance", x, constants, band)

    def refinement(self, x: NDArray[np.float32], constants: NDArray[np.float32], band: Index) -> Index:
        return self._ask("refinement", x, constants, band)

    def sign(self, x: NDArray[np.float32], constants: NDArray[np.float32], band: Index) -> Index:
        return self._ask("sign", x, constants, band)

    def _ask(self, *asked: Any) -> Index:
        self.asked = asked
        return np.full(asked[1].shape[1], ONE // 2)

    def code(self, ones: Index, bits: Bits) -> Bits:
        name, *rest = self.asked
        if name == "flag":
            self.flags.append((rest[0], rest[1], int(bits[0])))
            return bits
        x, constants, band = rest
        # Silence all round is what is asked most and says least: few of these are kept, each counts for more.
        busy = (x[:15] > 0).any(axis=0) if name == "significance" else np.ones(len(bits), bool)
        share = np.where(busy, 0.06, 0.01) if name == "significance" else np.full(len(bits), 0.5)
        take = self.rng.random(len(bits)) < share
        rows = np.concatenate([x[:, take].T, constants[band[take]]], axis=1).astype(np.int16)
        self.kept[name].append((rows, bits[take], (0.06 / share[take]).astype(np.float32)))
        self.signs += len(bits) if name == "sign" else 0
        if self.signs > self.most:
            raise Exhausted(bits)
        return bits


def record() -> None:
    rng = np.random.default_rng(1)
    recorder = Recorder(rng)
    for image in training_pictures(2, seed=1):
        recorder.signs, recorder.most = 0, int(np.exp(rng.uniform(np.log(800), np.log(9000))))
        pyramid, planes = started(image)
        scan(pyramid, planes, recorder, recorder)
    arrays: dict[str, Any] = {"flags": np.array(recorder.flags)}
    for name, parts in recorder.kept.items():
        for k, part in enumerate(zip(*parts, strict=True)):
            arrays[f"{name}.{k}"] = np.concatenate(part)
    np.savez(RECORDS, **arrays)
    print({k: v.shape for k, v in arrays.items()}, flush=True)


class ContextNet(nn.Module):
    """What ContextNetwork does in integers; inputs and activations in units of 16."""

    def __init__(self, name: str) -> None:
        super().__init__()
        one, two = HIDDEN[name]
        self.layers = nn.ModuleList([nn.Linear(DYNAMIC + CONSTANT, one), nn.Linear(one, two), nn.Linear(two, 1)])

    def forward(self, x: Tensor) -> Tensor:
        h = x / 16
        for layer in self.layers[:2]:
            h = layer(h).clamp(0, 15.9)
        logit: Tensor = self.layers[2](h)[:, 0]
        return logit

    def integers(self) -> list[NDArray[np.int32]]:
        """Weights in 64ths, biases in 1024ths."""
        found = []
        for layer in self.layers:
            found.append(np.clip(np.rint(layer.weight.detach().numpy() * 64), -1023, 1023).astype(np.int32))
            found.append(np.clip(np.rint(layer.bias.detach().numpy() * 1024), -(2**20), 2**20).astype(np.int32))
        return found


def contexts() -> None:
    arrays: dict[str, Any] = {}
    with np.load(RECORDS) as kept:
        counts = np.full((2 * (LEVELS + 1), PLANES, 2), 1.0)
        for group, plane, bit in kept["flags"]:
            counts[group, plane, bit] += 1
        arrays["flags"] = np.clip(np.rint(counts[..., 1] / counts.sum(-1) * ONE), 300, ONE - 300).astype(np.int32)
        for name in NETWORKS:
            x, y, weight = (kept[f"{name}.{k}"] for k in range(3))
            net = _train_context(name, x, y, weight)
            for k, part in enumerate(net.integers()):
                arrays[f"{name}.{k}"] = part
    np.savez_compressed(CONTEXTS, **arrays)


def _train_context(name: str, x: NDArray[np.int16], y: Bits, weight: NDArray[np.float32]) -> ContextNet:
    torch.manual_seed(0)
    rng, net, start = np.random.default_rng(0), ContextNet(name), time.process_time()
    optimiser = torch.optim.Adam(net.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=STEPS[name])
    for _ in range(STEPS[name]):
        at = rng.integers(0, len(y), 8192)
        loss = F.binary_cross_entropy_with_logits(
            net(torch.from_numpy(x[at]).float()), torch.from_numpy(y[at]).float(), torch.from_numpy(weight[at])
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        logit = torch.cat([net(torch.from_numpy(x[k : k + 100000]).float()) for k in range(0, len(y), 100000)])
        nats = F.binary_cross_entropy_with_logits(logit, torch.from_numpy(y).float(), torch.from_numpy(weight))
    bits = float(nats) / np.log(2) * len(y) / weight.sum()
    print(name, len(y), f"{bits:.4f} bits each, {(time.process_time() - start) / 60:.1f} minutes", flush=True)
    return net


def kept_odds() -> TrainedOdds:
    with np.load(CONTEXTS) as kept:
        networks = {
            name: ContextNetwork(*(kept[f"{name}.{k}"].astype(np.float32) for k in range(6))) for name in NETWORKS
        }
        return TrainedOdds(kept["flags"].astype(np.int64), networks)


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
    rng, start = np.random.default_rng(0), time.process_time()
    net = FilterNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with np.load(DECODED) as kept:
        pairs = [(kept[f"image{k}"], kept[f"planes{k}"]) for k in range(len(kept.files) // 2)]
    smooth = {k: v.clone() for k, v in net.state_dict().items()}
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    step, gained = 0, []
    while (spent := (time.process_time() - start) / 60) < minutes:
        for group in optimiser.param_groups:
            group["lr"] = 1.5e-3 * min(1, (step + 1) / 100) * max(0.02, 0.5 + 0.5 * np.cos(np.pi * spent / minutes))
        x, y = _batch(pairs, rng)
        change = net(x)
        loss, db = _loss(x, change, y)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
        keep = min(0.995, 1 - 1 / step)
        for k, v in net.state_dict().items():
            smooth[k].mul_(keep).add_(v, alpha=1 - keep)
        gained.append(db)
        if step % 100 == 0:
            print(step, f"{spent:.1f} minutes, gains {np.mean(gained[-100:]):.3f} dB", flush=True)
            torch.save({"state": smooth, "step": step, "cpu_minutes": spent}, FILTER)
    torch.save({"state": smooth, "step": step, "cpu_minutes": spent}, FILTER)


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


def export(cpu_minutes: float) -> None:
    from training.export import write
    from training.traits import WEIGHTS

    kept = torch.load(FILTER, weights_only=True)
    net = FilterNet()
    net.load_state_dict(kept["state"])
    raw = _packed_tables()
    (WEIGHTS / "latent-photo.npz").write_bytes(raw)
    card = {
        "kind": "latent coder", "version": coder.VERSION,
        "data": ["photos of Debian packages and of scikit-image (training/photos.json), training part",
                 "openclipart and Tux Paint stamps (Debian packages), training part",
                 "DiceBear Big Smile and Fun Emoji (CC BY 4.0), seeds train-0 .. train-14"],
        "licence": "Apache-2.0 (weights)", "recipe": "training/photolatent.py",
        "cpu_minutes": round(cpu_minutes, 1), "steps": kept["step"],
        "tables": "latent-photo.npz", "tables_sha256": hashlib.sha256(raw).hexdigest(),
    }  # fmt: skip
    axes = {"x": {2: "height", 3: "width"}}
    write("latent-photo", net, {"x": torch.zeros(1, 4, 64, 64)}, ["change"], axes, card)
    print(f"tables {len(raw) / 1e3:.0f} kB")


def _packed_tables() -> bytes:
    with np.load(CONTEXTS) as kept:
        small = {k: kept[k].astype(np.int32 if k == "flags" or k[-1] in "135" else np.int16) for k in kept.files}
    out = io.BytesIO()
    np.savez_compressed(out, **small)
    return out.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", choices=["record", "contexts", "pictures", "filter", "export"])
    said = "CPU minutes: for filter, how long it is trained; for export, what all stages took"
    parser.add_argument("--minutes", type=float, default=6, help=said)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.stage == "filter":
        train_filter(given.minutes)
    elif given.stage == "export":
        export(given.minutes)
    else:
        {"record": record, "contexts": contexts, "pictures": pictures}[given.stage]()
