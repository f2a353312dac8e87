"""Pictures -> three small networks that give the chance of each bit, in whole numbers."""

from __future__ import annotations

import io
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gistchain.models.photo.latent.contexts import NETWORKS, ContextNetwork, TrainedOdds
from gistchain.models.photo.latent.pyramid import LEVELS, PLANES
from gistchain.models.photo.latent.rangecoder import ONE, Exhausted
from gistchain.models.photo.latent.scan import CONSTANT, DYNAMIC, Bits, Index, scan
from training.photo.latent.pictures import started, training_pictures
from training.places import CACHE

RECORDS, CONTEXTS = CACHE / "photolatent-records.npz", CACHE / "photolatent-contexts.npz"
HIDDEN = {"significance": (32, 16), "refinement": (12, 8), "sign": (16, 8)}
STEPS = {"significance": 4000, "refinement": 1500, "sign": 2500}


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


def packed_tables() -> bytes:
    """What ships as latent-photo.npz: whole numbers in the smallest type that holds them."""
    with np.load(CONTEXTS) as kept:
        small = {k: kept[k].astype(np.int32 if k == "flags" or k[-1] in "135" else np.int16) for k in kept.files}
    out = io.BytesIO()
    np.savez_compressed(out, **small)
    return out.getvalue()
