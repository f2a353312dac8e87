"""Trains one collection's painter: flow matching in a PCA latent by a residual MLP, conditioned on caption phrases.

    python -m training.traitnet.painter punks --minutes 35        # CPU-minutes on one thread
    python -m training.traitnet.export painter punks     # -> gistchain/models/weights/

Recipe. Canvas at the collection's own resolution; PCA of the training images; x-prediction with the linear-Gaussian
posterior mean as a skip; condition = sum over the caption's phrases of an MLP over their MiniLM vectors; 10% of the
samples unconditional, 20% with phrases dropped, synonyms of the phrases; a quarter of the samples also see an 8x8
thumbnail with noise of a stated level (the latent that a link may carry); EMA of the weights; bfloat16 autocast.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from gistchain.collection.known import dicebear, nouns
from gistchain.models.packaged.minilm import MiniLM
from gistchain.traits import Traits
from training.data.tokens import dicebear_training, nouns_training, punks_training, rarity
from training.loop import train_for, warm_then_falling
from training.places import CACHE
from training.traitnet import punk_edits

SCALE = 2.0  # latents are PCA coordinates of pixels in [-1, 1], times this
THUMB = 194  # 8 x 8 x 3 numbers in [-1, 1], their noise level, and 1 where there are any


@dataclass(frozen=True)
class Shape:
    """canvas: pixels a side. rank: PCA numbers. width, hidden, blocks: of the residual MLP. condition: its input."""

    canvas: int
    rank: int
    width: int
    hidden: int
    blocks: int
    condition: int


SHAPES = {
    "punks": Shape(24, 448, 512, 768, 4, 384),
    "nouns": Shape(32, 768, 640, 896, 4, 384),
    **{style: Shape(64, 160, 320, 512, 3, 256) for style in dicebear.STYLES},
    "critters": Shape(64, 224, 320, 512, 3, 256),  # faint patterns and many colours need a larger basis
}


class Net(nn.Module):
    mean: Tensor
    basis: Tensor
    variance: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        s = shape
        pixels = s.canvas * s.canvas * 3
        self.register_buffer("mean", torch.zeros(pixels))
        self.register_buffer("basis", torch.zeros(pixels, s.rank))
        self.register_buffer("variance", torch.ones(s.rank))
        self.phrase_in, self.phrase_out = nn.Linear(384, 512), nn.Linear(512, s.condition)
        self.condition_norm = nn.LayerNorm(s.condition)
        self.nothing = nn.Parameter(torch.zeros(s.condition))
        self.latent_in, self.thumb_in, self.time_in = (
            nn.Linear(s.rank, s.width),
            nn.Linear(THUMB, s.width),
            nn.Linear(64, s.width),
        )
        self.norms = nn.ModuleList(nn.LayerNorm(s.width) for _ in range(s.blocks))
        self.rise = nn.ModuleList(nn.Linear(s.width, s.hidden) for _ in range(s.blocks))
        self.steer = nn.ModuleList(nn.Linear(s.condition, s.hidden, bias=False) for _ in range(s.blocks))
        self.fall = nn.ModuleList(nn.Linear(s.hidden, s.width) for _ in range(s.blocks))
        self.out_norm, self.out = nn.LayerNorm(s.width), nn.Linear(s.width, s.rank)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        for layer in self.fall:
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def phrases(self, vectors: Tensor) -> Tensor:
        return self.phrase_out(F.gelu(self.phrase_in(vectors * 4)))

    def condition(self, phrases: Tensor, mask: Tensor) -> Tensor:
        """(B, P, C), (B, P) -> (B, C)."""
        return self.condition_norm((phrases * mask[..., None]).sum(-2) + self.nothing)

    def forward(self, z: Tensor, t: Tensor, condition: Tensor, thumb: Tensor) -> Tensor:
        """The clean latent expected behind z = t * clean + (1 - t) * noise. z (B, rank), t (B,)."""
        t = t[:, None]
        spread = t * t * self.variance + (1 - t) ** 2
        turns = torch.exp(torch.arange(32, device=z.device) * (-math.log(1000) / 31)) * (t * 200)
        h = (
            self.latent_in(z / spread.sqrt())
            + self.time_in(torch.cat([turns.cos(), turns.sin()], 1))
            + self.thumb_in(thumb)
        )
        for norm, rise, steer, fall in zip(self.norms, self.rise, self.steer, self.fall, strict=True):
            h = h + fall(F.gelu(rise(norm(h)) + steer(condition), approximate="tanh"))
        return t * self.variance / spread * z + self.variance.sqrt() * self.out(self.out_norm(h))

    def encode(self, pixels: Tensor) -> Tensor:
        return (pixels.flatten(1) - self.mean) * SCALE @ self.basis

    def decode(self, latents: Tensor) -> Tensor:
        return latents @ self.basis.T / SCALE + self.mean


def thumbnail(pixels: Tensor, noise: Tensor) -> Tensor:
    """(B, S, S, 3) in [-1, 1], (B, 1) -> (B, THUMB): 8-bit means of an 8x8 grid, plus noise of that deviation."""
    small = F.adaptive_avg_pool2d(pixels.permute(0, 3, 1, 2), 8).permute(0, 2, 3, 1).flatten(1)
    small = ((small * 0.5 + 0.5) * 255).round() / 127.5 - 1
    return torch.cat([small + noise * torch.randn_like(small), noise, torch.ones_like(noise)], 1)


def wordings(traits: Traits) -> list[list[str]]:
    """For the subject and then every (type, value) in order: the phrase of the caption first, then its synonyms."""
    subject = [traits.subject, traits.subject.lower(), f"{traits.subject} avatar"]
    return [subject] + [[f"{v} {t}", v, f"{t}: {v}"] for t, values in traits.values.items() for v in values]


def source(name: str, rng: np.random.Generator) -> tuple[Traits, Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]]:
    """Traits, and an endless stream of (images, labels) chunks of the training part."""
    if name == "nouns":
        return nouns.layers().traits, _nouns_stream(rng)
    tokens = punks_training() if name == "punks" else dicebear_training(name)
    images, labels = tokens.images, tokens.labels
    weights = np.ones(len(labels))
    if name == "punks":  # edited punks too; rare traits are drawn more often, by the root of their rarity
        more_images, more_labels = punk_edits.pool()
        images, labels = np.concatenate([images, more_images]), np.concatenate([labels, more_labels])
        weights = rarity(labels)
    return tokens.traits, _finite_stream(images, labels, weights / weights.sum(), rng)


def _nouns_stream(rng: np.random.Generator) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    while True:
        tokens = nouns_training(2048, rng)
        yield tokens.images, tokens.labels


def _finite_stream(
    images: NDArray[np.uint8], labels: NDArray[np.int64], weights: NDArray[np.float64], rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    while True:
        picked = rng.choice(len(images), 2048, p=weights)
        yield images[picked], labels[picked]


def train(name: str, minutes: float, *, batch: int = 512, rate: float = 1.2e-3, seed: int = 0) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    traits, stream = source(name, rng)
    net = Net(SHAPES[name])
    fit_basis(net, np.concatenate([next(stream)[0] for _ in range(6)]))
    matrices = [p for p in net.parameters() if p.ndim == 2]
    others = [p for p in net.parameters() if p.ndim != 2]
    groups = [{"params": matrices, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)
    millions = [sum(p.numel() for p in some) / 1e6 for some in (net.parameters(), [net.basis])]
    print(name, f"{millions[0]:.2f} M + basis {millions[1]:.2f} M", flush=True)
    losses = _losses(net, traits, stream, batch, rng)
    train_for(
        minutes, net, optimiser, lambda: next(losses), rate=warm_then_falling(rate, warm_up=200, least=0.01),
        keep=lambda steps: min(0.999, (steps + 1) / (steps + 20)), clip=1.0, path=CACHE / f"painter-{name}.pt",
        shape=asdict(SHAPES[name]),
    )  # fmt: skip


def _losses(
    net: Net,
    traits: Traits,
    stream: Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]],
    batch: int,
    rng: np.random.Generator,
) -> Iterator[tuple[Tensor, float]]:
    """The loss of one batch after the other: how far the expected clean latent is off."""
    words, minilm = wordings(traits), MiniLM()
    vectors = torch.from_numpy(np.stack([minilm.embed(w) for w in words]))  # (phrases, wordings, 384)
    offsets = np.cumsum([1, *(len(v) for v in traits.values.values())])[:-1]
    for images, labels in stream:
        for at in range(0, len(images), batch):
            x = torch.from_numpy(images[at : at + batch]).float() / 127.5 - 1
            ids = phrase_ids(labels[at : at + batch], offsets, rng)
            wording = torch.from_numpy(np.where(rng.random(len(words)) < 0.6, 0, rng.integers(0, 3, len(words))))
            clean = net.encode(x)
            t = torch.sigmoid(torch.randn(len(x)) * 1.1 - 0.7)
            z = t[:, None] * clean + (1 - t[:, None]) * torch.randn_like(clean)
            noise = torch.rand(len(x), 1) * 0.6 * (torch.rand(len(x), 1) > 0.3)
            thumb = thumbnail(x, noise) * (torch.rand(len(x), 1) < 0.25)
            with torch.autocast("cpu", torch.bfloat16):
                known = net.phrases(vectors[torch.arange(len(words)), wording])
                known = torch.cat([torch.zeros(1, known.shape[1], dtype=known.dtype), known])
                guess = net(z, t, net.condition(known[ids], (ids > 0).to(known.dtype)), thumb)
            loss = ((guess.float() - clean) ** 2 / (1 - t[:, None]).clamp(min=0.1) ** 2).mean()
            yield loss, loss.item()


def phrase_ids(labels: NDArray[np.int64], offsets: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
    """(B, 1 + types): 0 = nothing, 1 = the subject, 2 ... the traits; some rows emptied, some thinned."""
    ids = np.zeros((len(labels), 1 + labels.shape[1]), np.int64)
    ids[:, 0] = 1
    ids[:, 1:] = np.where(labels > 0, labels + offsets, 0)
    u = rng.random(len(labels))
    thinned = (u >= 0.1) & (u < 0.3)
    drop = rng.random(ids.shape) < np.where(thinned, rng.random(len(labels)) * 0.7, 0)[:, None]
    drop[:, 0] = False
    ids[drop] = 0
    ids[u < 0.1] = 0
    return torch.from_numpy(ids)


def fit_basis(net: Net, images: NDArray[np.uint8]) -> None:
    x = torch.from_numpy(images.reshape(len(images), -1)).float() / 127.5 - 1
    mean = x.mean(0)
    rank = net.basis.shape[1]
    if x.shape[1] <= 3072:
        values, vectors = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))
        values, vectors = values.flip(0)[:rank], vectors.flip(1)[:, :rank]
    else:
        _, s, v = torch.svd_lowrank(x - mean, q=rank + 32, niter=4)
        values, vectors = s[:rank] ** 2 / len(x), v[:, :rank]
    net.mean.copy_(mean)
    net.basis.copy_(vectors)
    net.variance.copy_(values.clamp(min=1e-6) * SCALE**2)
    rest = ((x[:500] - mean) - (x[:500] - mean) @ vectors @ vectors.T).pow(2).mean() / 4
    print(f"basis of rank {rank}: PSNR {-10 * torch.log10(rest):.1f} dB", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("collection", choices=SHAPES)
    parser.add_argument("--minutes", type=float, default=30)
    given = parser.parse_args()
    train(given.collection, given.minutes)
