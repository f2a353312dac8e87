"""Trains the heads of the default joint embedder on frozen features: gistchain/models/weights/joint-default.onnx.

    python -m training.packaged.joint    # after training.packaged.pictures; about 4 CPU-minutes
    python -m training.packaged.joint --without landscape,moods,...    # to tune: those collections are only scored

Contrastive (InfoNCE both ways) over batches in which most pictures have siblings of their own collection, so that the
subject's name alone does not find them; texts are bags of phrases of which some are left out each time.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gistchain.collection.known import pfp30
from gistchain.models.packaged import joint
from gistchain.models.packaged.minilm import MiniLM
from gistchain.models.packaged.networks import class_names
from gistchain.traits import parts
from training.packaged import pictures
from training.quantised import write_onnx
from training.weights import minutes_since

STEPS = 900
LEAN = 1.0
_ANCHORS = 53
_COLOURS = joint.PLACES * _ANCHORS


@dataclass(frozen=True)
class Corpus:
    """Every picture of the training sources. `phrase` (N, most): numbers of phrases, -1 where there are no more."""

    images: Tensor
    classes: Tensor
    caption: Tensor
    source: Tensor
    phrase: Tensor
    names: list[str]

    def of(self, name: str) -> Tensor:
        return (self.source == self.names.index(name)).nonzero()[:, 0]


@dataclass(frozen=True)
class Phrases:
    phrases: Tensor
    bare: Tensor
    colours: Tensor
    kinds: Tensor


def corpus(every: list[pictures.Measured]) -> tuple[Corpus, Phrases]:
    texts = [c for m in every for c in m.captions]
    known: dict[tuple[str, int], int] = {}
    rows = [[known.setdefault(p, len(known)) for p in _phrases(t)] for t in texts]
    longest = max(map(len, rows))
    numbers = torch.tensor([r + [-1] * (longest - len(r)) for r in rows])
    caption_of: dict[str, int] = {}
    return Corpus(
        torch.from_numpy(np.concatenate([m.images for m in every]).astype(np.float32)),
        torch.from_numpy(np.sqrt(np.concatenate([m.classes for m in every]).astype(np.float32))),
        torch.tensor([caption_of.setdefault(t, len(caption_of)) for t in texts]),
        torch.cat([torch.full((len(m.captions),), k) for k, m in enumerate(every)]),
        numbers,
        [m.name for m in every],
    ), phrase_table(list(known))


def _phrases(text: str) -> list[tuple[str, int]]:
    """(phrase, kind): 1 the subject of a caption, 2 free text, 0 else; as in models.packaged.joint.phrase_numbers."""
    subject, phrases = parts(text)
    return [(subject, 1), *((p, 0) for p in phrases)] if subject else [(p, 2) for p in phrases or [text]]


def phrase_table(known: list[tuple[str, int]]) -> Phrases:
    path, words = pictures.FOLDER / "phrases.npz", sorted({w for p, _ in known for w in (p, joint.bare(p))})
    kept: dict[str, NDArray[np.float32]] = {}
    if path.exists():
        with np.load(path) as file:
            kept = dict(zip(map(str, file["words"]), file["vectors"], strict=True))
    if missing := [w for w in words if w not in kept]:
        kept |= dict(zip(missing, MiniLM().embed(missing), strict=True))
        np.savez(path, words=np.array(list(kept)), vectors=np.stack(list(kept.values())))
    return Phrases(
        torch.from_numpy(np.stack([kept[p] for p, _ in known])),
        torch.from_numpy(np.stack([kept[joint.bare(p)] for p, _ in known])),
        torch.from_numpy(np.stack([joint.named_colours(p) for p, _ in known])),
        torch.tensor([[float(k == 1), float(k == 2)] for _, k in known]),
    )


class Heads(nn.Module):
    """The trained part, image side and text side; both give unit vectors of three blocks."""

    def __init__(self, size: int, rank: int = 256, hidden: int = 384, wide: int = 192, drop: float = 0.6) -> None:
        super().__init__()
        self.drop = drop
        for name, shape in (("mean", (size,)), ("basis", (size, rank)), ("usual", (_COLOURS,)), ("names", (1000, 384))):
            self.register_buffer(name, torch.zeros(shape))
        self.image_1, self.image_2 = nn.Linear(rank + _COLOURS, hidden), nn.Linear(hidden, wide)
        self.image_gate = nn.Linear(hidden, 3)
        self.image_palette, self.text_palette = nn.Parameter(torch.eye(_ANCHORS)), nn.Parameter(torch.eye(_ANCHORS))
        self.image_places = nn.Parameter(torch.ones(joint.PLACES, 1))
        self.text_1, self.text_2 = nn.Linear(768 + _ANCHORS + 2, hidden), nn.Linear(hidden, wide)
        self.text_weight, self.text_gate = nn.Linear(hidden, 1), nn.Linear(hidden, 3)
        self.place_1, self.place_2 = nn.Linear(386, 64), nn.Linear(64, joint.PLACES)
        self.log_scale = nn.Parameter(torch.tensor(3.0))
        self.register_buffer("lean", torch.zeros(3))

    def fit(self, images: Tensor, names: NDArray[np.float32]) -> None:
        """Mean and principal components of the frozen numbers, each kind of them scaled to the same variance."""
        rest = images[:, _COLOURS:]
        scale = torch.ones(rest.shape[1])
        for part in _kinds():
            scale[part] = 1 / rest[:, part].std(0).square().sum().sqrt()
        self.mean.copy_(rest.mean(0))
        torch.manual_seed(0)
        _, spread, basis = torch.pca_lowrank((rest - self.mean) * scale, q=self.basis.shape[1], center=False, niter=3)
        spread = spread / len(rest) ** 0.5
        self.basis.copy_(scale[:, None] * basis / (spread + 0.1 * spread[0]))
        self.usual.copy_(images[:, :_COLOURS].mean(0))
        self.names.copy_(torch.from_numpy(names))

    def components(self, x: Tensor) -> Tensor:
        """(N, places * anchors + rank) of the frozen numbers: nothing trained is in it."""
        return torch.cat([x[:, :_COLOURS] - self.usual, (x[:, _COLOURS:] - self.mean) @ self.basis], 1)

    def image(self, z: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """(vector, its third block as a unit vector) of rows of `components`."""
        colours = z[:, :_COLOURS]
        h = torch.cat([4 * colours, z[:, _COLOURS:]], 1)
        h = F.gelu(self.image_1(F.dropout(h, self.drop, self.training)))
        h = F.dropout(h, self.drop, self.training)
        by_place = colours.reshape(-1, joint.PLACES, _ANCHORS) @ self.image_palette * self.image_places
        conse = _unit(classes @ self.names)
        gates = F.softmax(self.image_gate(h), 1).sqrt()
        blocks = _unit(self.image_2(h)), _unit(by_place.flatten(1)), conse
        return torch.cat([g * b for g, b in zip(gates.split(1, 1), blocks, strict=True)], 1), conse

    def text(self, phrases: Tensor, bare: Tensor, colours: Tensor, kinds: Tensor, who: Tensor) -> Tensor:
        """Inputs (P, .); who (texts, P): 1 where a text has the phrase."""
        h = torch.cat([phrases, bare, 2 * colours, kinds], 1)
        h = F.gelu(self.text_1(F.dropout(h, self.drop, self.training)))
        h = F.dropout(h, self.drop, self.training)
        meaning = who @ (F.softplus(self.text_weight(h)) * self.text_2(h))
        place = F.softplus(self.place_2(F.gelu(self.place_1(torch.cat([bare, kinds], 1)))))
        by_place = who @ (place[:, :, None] * (colours @ self.text_palette)[:, None]).flatten(1)
        coloured = (who @ colours.sum(1, keepdim=True)).clamp(max=1)
        gate = self.text_gate(who @ h / who.sum(1, keepdim=True))
        gate = gate - 30 * (1 - coloured) * torch.tensor([0.0, 1.0, 0.0])
        gate = gate + (who @ kinds[:, 1:]).clamp(max=1) * self.lean
        gates = F.softmax(gate, 1).sqrt()
        blocks = _unit(meaning), _unit(by_place), _unit(who @ phrases)
        return _unit(torch.cat([g * b for g, b in zip(gates.split(1, 1), blocks, strict=True)], 1))


def _kinds() -> list[slice]:
    ends = np.cumsum([192, 128, 1280, 9 * 112]).tolist()
    return [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(-1, keepdim=True) + 1e-12).sqrt()


def texts_of(heads: Heads, data: Corpus, table: Phrases, rows: Tensor, keep: Tensor | None = None) -> Tensor:
    used, who = who_says(data, rows, keep)
    return heads.text(table.phrases[used], table.bare[used], table.colours[used], table.kinds[used], who)


def who_says(data: Corpus, rows: Tensor, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(numbers of the phrases in use, (rows, phrases): 1 where the row's caption has the phrase)."""
    numbers = data.phrase[rows]
    there = (numbers >= 0) if keep is None else (numbers >= 0) & keep
    used, at = numbers[there].unique(return_inverse=True)
    who = torch.zeros(len(rows), len(used))
    who[there.nonzero()[:, 0], at] = 1
    return used, who


def also_right(data: Corpus, rows: Tensor, keep: Tensor) -> Tensor:
    """(texts, images): what is left of the text is true of the image too, which is not its own."""
    used, said = who_says(data, rows, keep)
    every, true = who_says(data, rows)
    true = true[:, torch.searchsorted(every, used)]
    right = said @ true.T >= said.sum(1, keepdim=True)
    return right.fill_diagonal_(False)


def batch(data: Corpus, rng: np.random.Generator, collections: list[str]) -> Tensor:
    """Row numbers: many of each of a few collections, some of everything else."""
    chosen = [(c, 64) for c in rng.choice(collections, 4, replace=False)]
    others = [("emoji", 64), ("clipart", 64), ("stamps", 48), ("photos", 24)]
    rows = []
    for name, count in [*chosen, *((n, c) for n, c in others if n in data.names)]:
        pool = data.of(str(name)).numpy()
        rows.append(rng.choice(pool, min(count, len(pool)), replace=False))
    return torch.from_numpy(np.concatenate(rows))


def kept_phrases(data: Corpus, rows: Tensor, rng: np.random.Generator) -> Tensor:
    """Which phrases a step's captions keep: at least one of each."""
    shape = tuple(data.phrase[rows].shape)
    keep = rng.random(shape) < rng.uniform(0.7, 1.0, (shape[0], 1))
    count = (data.phrase[rows] >= 0).sum(1).numpy()
    keep[np.arange(shape[0]), rng.integers(0, count)] = True
    return torch.from_numpy(keep)


def loss_of(heads: Heads, data: Corpus, table: Phrases, rows: Tensor, keep: Tensor) -> Tensor:
    t = texts_of(heads, data, table, rows, keep)
    i = heads.image(data.images[rows], data.classes[rows])[0]
    same = also_right(data, rows, keep)
    wide = heads.image_2.out_features
    total = torch.zeros(())
    for part, weight in ((slice(None), 1.0), (slice(wide), 0.3)):
        a, b = _unit(t[:, part]), _unit(i[:, part])
        scores = (a @ b.T * heads.log_scale.exp().clamp(max=60)).masked_fill(same, -1e4)
        aim = torch.arange(len(rows))
        total = total + weight * (F.cross_entropy(scores, aim) + 0.5 * F.cross_entropy(scores.T, aim))
    return total


def recalls(heads: Heads, data: Corpus, table: Phrases, rows: Tensor) -> dict[str, float]:
    """Text to image among these rows; any picture with the same caption counts."""
    heads.eval()
    with torch.inference_mode():
        t, (i, conse) = texts_of(heads, data, table, rows), heads.image(data.images[rows], data.classes[rows])
        phrases = (data.phrase[rows] >= 0)[..., None] * table.phrases[data.phrase[rows].clamp(min=0)]
        plain = _unit(phrases.sum(1))
    heads.train()
    right = data.caption[rows][:, None] == data.caption[rows][None]
    found = {}
    for name, scores in (("", t @ i.T), ("conse ", plain @ conse.T)):
        best = scores.masked_fill(~right, -9).amax(1, keepdim=True)
        rank = (scores.masked_fill(right, -9) > best).sum(1)
        found |= {f"{name}@{k}": float((rank < k).float().mean()) for k in (1, 5, 10)}
    return found


def train(
    heads: Heads, data: Corpus, table: Phrases, without: set[str], steps: int, rate: float = 1e-3, decay: float = 0.05
) -> None:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    collections = [n for n in data.names if n in {*pfp30.TRAINING, "avatars"} - without]
    optimiser = torch.optim.AdamW(heads.parameters(), lr=rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    scored = [n for n in data.names if n in {*without, *pfp30.VALIDATION}]
    for step in range(steps):
        rows = batch(data, rng, collections)
        loss = loss_of(heads, data, table, rows, kept_phrases(data, rows, rng))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 250 == 249 or step == steps - 1:
            report(heads, data, table, scored, step, loss.item())


def report(heads: Heads, data: Corpus, table: Phrases, scored: list[str], step: int, loss: float) -> None:
    within = [recalls(heads, data, table, data.of(n)[:200]) for n in scored]
    together = recalls(heads, data, table, torch.cat([data.of(n)[:200] for n in scored]))
    photo = recalls(heads, data, table, data.of("stamps-tuning"))
    for name, found in (
        ("within", {k: float(np.mean([w[k] for w in within])) for k in within[0]}), ("together", together),
        ("stamps", photo),
    ):  # fmt: skip
        print(step, f"{loss:.3f}", name, {k: round(v, 3) for k, v in found.items()}, flush=True)


class Both(nn.Module):
    """What ships: both sides of the heads for one text and any number of images."""

    def __init__(self, heads: Heads) -> None:
        super().__init__()
        self.heads = heads

    def forward(
        self, phrases: Tensor, bare: Tensor, colours: Tensor, kinds: Tensor, image: Tensor, classes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        one = torch.ones_like(kinds[:, :1]).T
        image_vector, conse = self.heads.image(self.heads.components(image), classes)
        return self.heads.text(phrases, bare, colours, kinds, one), image_vector, conse


def export(heads: Heads, minutes: float, steps: int) -> None:
    size = _COLOURS + len(heads.mean)
    inputs = {
        "phrases": torch.randn(3, 384), "bare": torch.randn(3, 384), "colours": torch.rand(3, _ANCHORS),
        "kinds": torch.zeros(3, 2), "image": torch.rand(2, size), "classes": torch.rand(2, 1000),
    }  # fmt: skip
    axes = {k: {0: "p"} for k in ("phrases", "bare", "colours", "kinds")} | {k: {0: "n"} for k in ("image", "classes")}
    axes |= {"image_vector": {0: "n"}, "conse": {0: "n"}}
    card = {
        "kind": "joint-embedder", "data": pictures.DATA, "licence": "Apache-2.0 (weights); pictures: see data",
        "recipe": "training/packaged/joint.py (and 6 minutes of training/packaged/pictures.py)",
        "cpu_minutes": minutes, "steps": steps, "frozen": ["efficientnet-lite0", "minilm"],
    }  # fmt: skip
    write_onnx(joint.NAME, Both(heads), inputs, ["text_vector", "image_vector", "conse"], axes, card)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument(
        "--without", default="", help="collections that are scored instead of trained on; nothing is written"
    )
    given = parser.parse_args()
    started = time.process_time()
    data, table = corpus([pictures.measure(n, p) for n, p in pictures.sources().items()])
    heads = Heads(data.images.shape[1] - _COLOURS)
    fitted = [data.of(n) for n in data.names if n not in (*pfp30.VALIDATION, "stamps-tuning")]
    heads.fit(data.images[torch.cat(fitted)], MiniLM().embed(class_names()))
    with torch.no_grad():
        data = replace(data, images=heads.components(data.images))
    train(heads, data, table, set(filter(None, given.without.split(","))), given.steps)
    # Of what free text means the heads saw little: there ConSE is leaned on more, by as much as helped stamps-tuning.
    heads.lean.copy_(torch.tensor([0.0, 0.0, LEAN]))
    report(heads, data, table, list(pfp30.VALIDATION), given.steps, 0.0)
    if not given.without:
        export(heads, minutes_since(started), given.steps)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
