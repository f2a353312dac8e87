"""Pictures with captions and a checkpoint of Stable Diffusion -> a LoRA of its UNet (S3.10), by peft and diffusers.

    picture ──> autoencoder ──> latent + noise of step t ──> UNet with the LoRA ──> the noise? ──> squared error
    caption ──> text encoder ───────────────────────────────────┘

The loss is the one that the checkpoint was trained with (Ho et al. 2020; Rombach et al. 2022), the LoRA that of Hu et
al. 2021 on the projections of all attentions; only the LoRA learns. Every step draws picture, noise and t from the seed
and its own number, so that an interrupted training goes on with the same numbers. On one machine and with one number of
threads the CPU gives the same bytes each time; a GPU need not.
"""

from __future__ import annotations

import functools
import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gistchain.errors import ModelError, SettingError
from gistchain.models.diffusers.loras import LORA_FILE
from gistchain.models.diffusers.painters import canvas, native
from gistchain.models.diffusers.pipelines import load, silently
from gistchain.models.diffusers.prompts import parse
from gistchain.models.diffusers.vae import SdVae
from gistchain.models.diffusers.words import conditioning
from gistchain.models.transformers.loading import Checkpoint, located, need, reading
from gistchain.models.transformers.running import finite, memory, positive
from gistchain.models.zoo.checkpointfiles import PICKLED, SAFE, check_safetensors
from gistchain.types import Pixels

WHO = "collection train --lora"
RANK, STEPS, LEARNING_RATE = 8, 1000, 1e-4
TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
_LARGEST_RANK = 1024
_MEASURED = 8  # pictures of each part; a real network takes seconds for one on a CPU
_SAVED_STEPS, _SAVED_S = 25, 30.0
_LONGEST_GRADIENT = 1.0
_LESS = "a smaller rank, dtype bfloat16, or a device with more memory"
_PARTS = "unet", "vae", "text_encoder", "tokenizer", "scheduler"


@dataclass(frozen=True, slots=True)
class Example:
    """A picture with its caption. picture: reads it when it is needed; uint8 (H, W, 3)."""

    caption: str
    picture: Callable[[], Pixels]


@dataclass(frozen=True, slots=True)
class LearntLora:
    """weights: a safetensors file that `load_lora_weights` of diffusers reads. learnt, held_out: mean squared error of
    the denoiser, (before, after), on up to eight pictures that it learnt from and that it did not, with the same noise.
    resumed_at: the step at which an interrupted training went on, else 0."""

    weights: bytes
    learnt: tuple[float, float]
    held_out: tuple[float, float]
    resumed_at: int


def check_asked(rank: int, steps: int, seed: int) -> None:
    """Raises SettingError for what can't be trained, ModelError where a package is missing; loads nothing large."""
    positive(steps, "steps")
    if not 1 <= rank <= _LARGEST_RANK:
        raise SettingError(f"rank is {rank}: give 1 to {_LARGEST_RANK}, 4 to 32 are usual")
    if not 0 <= seed < 2**32:
        raise SettingError(f"seed is {seed}: give 0 to {2**32 - 1}")
    need(WHO, "torch", "transformers", "diffusers", "peft", "accelerate")


class LoraTraining:
    """A checkpoint of Stable Diffusion 1 or 2 with a LoRA on its UNet that has learnt nothing yet.

    source: a folder in diffusers' layout or a hub id. rank: of the LoRA; its alpha is the same, so that a scale of 1 is
    what was trained. side: as in TextToImage. Raises SettingError for arguments that can't be, ModelError for a
    checkpoint that is missing, broken or of another kind.
    """

    def __init__(
        self,
        source: str,
        *,
        rank: int = RANK,
        seed: int = 0,
        learning_rate: float = LEARNING_RATE,
        side: int = 0,
        device: str = "cpu",
        dtype: str = "float32",
        allow_download: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        check_asked(rank, 1, seed)
        if dtype == "float16":
            raise SettingError("a LoRA is not trained in float16, its gradients vanish: choose bfloat16 or float32")
        self._checkpoint = Checkpoint(WHO, source, device, dtype, allow_download, allow_pickle)
        self._pipe = load(self._checkpoint)
        _check_kind(self._pipe, self._checkpoint.source)
        self._seed, self._rate = seed, learning_rate
        self._side, self._multiple = native(self._pipe, side)
        self._coder = SdVae.of(self._pipe.vae, self._side)
        self._put_on(rank)
        with silently():
            import diffusers

            # The noise of every scheduler is that of its betas; this one also knows the velocity as a target.
            self._noise = diffusers.DDPMScheduler.from_config(self._pipe.scheduler.config)

    @property
    def folder(self) -> Path:
        """Where the checkpoint is on disk."""
        return Path(located(WHO, self._checkpoint.source, allow_download=False))

    @functools.cached_property
    def base_sha256(self) -> str:
        """Of the files that the checkpoint's parts are loaded from, names included."""
        folder, whole = self.folder, hashlib.sha256()
        for path in _files(folder):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(f"{path.relative_to(folder).as_posix()} {digest}\n".encode())
        return whole.hexdigest()

    def learn(
        self,
        examples: Sequence[Example],
        held_out: Sequence[Example] = (),
        *,
        steps: int = STEPS,
        checkpoint: Path | None = None,
        put: Callable[[bytes, Path], None] = lambda content, path: None,
        progress: Callable[[str, float], None] = lambda what, share: None,
    ) -> LearntLora:
        """Train for `steps` pictures, those of `examples` in an order of the seed, each once before any comes again.

        checkpoint: a file that `put` writes now and then, and from which a training goes on where it is there.
        progress: what is done and its share. Raises ModelError for weights that compute no number, and too little
        memory.
        """
        positive(steps, "steps")
        with silently(), memory(WHO, self._checkpoint.device, _LESS):
            run = _Run(self._pipe.unet, self._rate)
            if checkpoint is not None and checkpoint.exists():
                run.load(checkpoint)
            else:
                progress("measuring", 0.0)
                run.before = self._losses(examples), self._losses(held_out)
                progress("measuring", 1.0)
            resumed_at, saved, saved_s = run.step, run.step, time.monotonic()
            latents, words = self._latents(examples), self._words(examples)
            while run.step < steps:
                which = self._order(run.step // len(examples), len(examples))[run.step % len(examples)]
                loss = self._loss(latents(which), words(which), f"step {run.step}")
                finite(WHO, float(loss.detach()))
                run.learn_from(loss)
                due = run.step - saved >= _SAVED_STEPS or time.monotonic() - saved_s >= _SAVED_S
                if checkpoint is not None and due and run.step < steps:
                    put(run.packed(), checkpoint)
                    saved, saved_s = run.step, time.monotonic()
                progress("training the LoRA", run.step / steps)
            progress("measuring again", 0.0)
            after = self._losses(examples), self._losses(held_out)
            progress("measuring again", 1.0)
            (learnt, unseen), weights = zip(run.before, after, strict=True), self._packed()
        return LearntLora(weights, learnt, unseen, resumed_at)

    def _put_on(self, rank: int) -> None:
        import torch
        from peft import LoraConfig

        for part in (self._pipe.unet, self._pipe.vae, self._pipe.text_encoder):
            part.requires_grad_(False).eval()
        with torch.random.fork_rng(devices=[]), reading(WHO, self._checkpoint.source), silently():
            torch.manual_seed(self._seed)
            self._pipe.unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=list(TARGETS)))
        for weights in self._pipe.unet.parameters():
            if weights.requires_grad:
                weights.data = weights.data.float()  # steps are too small for narrow numbers

    def _loss(self, latent: Any, words: Any, draw: str, at: int | None = None) -> Any:
        """The mean squared error for one latent (1, C, h, w). draw: names its noise, and its t where `at` is None."""
        import torch

        chance = torch.Generator("cpu").manual_seed(_number(self._seed, draw))
        noise = torch.randn(latent.shape, generator=chance).to(latent.device)
        last = int(self._noise.config.num_train_timesteps)
        drawn = torch.randint(0, last, (1,), generator=chance)
        t = (drawn if at is None else torch.tensor([at])).to(latent.device)
        wanted = {
            "epsilon": lambda: noise,
            "v_prediction": lambda: self._noise.get_velocity(latent, noise, t),
            "sample": lambda: latent,
        }[str(self._noise.config.prediction_type)]()
        narrow = self._checkpoint.dtype != "float32"
        device = torch.device(self._checkpoint.device).type
        with torch.autocast(device, self._pipe.unet.dtype if narrow else None, enabled=narrow):
            told = self._pipe.unet(self._noise.add_noise(latent, noise, t), t, words, return_dict=False)[0]
        return torch.nn.functional.mse_loss(told.float(), wanted.float())

    def _losses(self, examples: Sequence[Example]) -> float:
        """The mean over the first few, at steps from the least noise to the most; 0 for none."""
        import torch

        few = examples[:_MEASURED]
        latents, words = self._latents(few), self._words(few)
        last = int(self._noise.config.num_train_timesteps)
        with torch.no_grad():
            losses = [
                float(self._loss(latents(k), words(k), f"measured {k}", int((k + 0.5) / len(few) * last)))
                for k in range(len(few))
            ]
        return finite(WHO, float(np.mean(losses))) if losses else 0.0

    def _order(self, epoch: int, count: int) -> Any:
        return np.random.RandomState(_number(self._seed, f"epoch {epoch}") % 2**32).permutation(count)

    def _latents(self, examples: Sequence[Example]) -> Callable[[int], Any]:
        """Number of an example -> its latent (1, C, h, w), those that were asked for last kept."""
        import torch

        @functools.lru_cache(1000)
        def latent(which: int) -> Any:
            picture = examples[which].picture()
            size = canvas((picture.shape[1], picture.shape[0]), self._side, self._multiple)
            return torch.from_numpy(self._coder.latent_of(picture, size)[None]).to(self._pipe.device)

        return latent

    def _words(self, examples: Sequence[Example]) -> Callable[[int], Any]:
        """Number of an example -> the embedding of its caption (1, tokens, width), as painters make it."""
        import torch

        @functools.lru_cache(300)
        def words(which: int) -> Any:
            with torch.no_grad():
                asked = conditioning(self._pipe, parse(examples[which].caption), "", WHO)
                if "prompt_embeds" in asked:
                    return asked["prompt_embeds"]
                return self._pipe.encode_prompt(asked["prompt"], self._pipe.device, 1, False)[0]

        return words

    def _packed(self) -> bytes:
        from diffusers.utils import convert_state_dict_to_diffusers
        from peft import get_peft_model_state_dict

        layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(self._pipe.unet))
        layers = {name: layer.detach().cpu().contiguous() for name, layer in layers.items()}
        with tempfile.TemporaryDirectory() as folder:
            type(self._pipe).save_lora_weights(folder, unet_lora_layers=layers)
            return (Path(folder) / LORA_FILE).read_bytes()


class _Run:
    """The weights that learn, with the state of their optimiser, AdamW, and how far it is."""

    def __init__(self, unet: Any, rate: float) -> None:
        import torch

        self._learning = {name: weights for name, weights in unet.named_parameters() if weights.requires_grad}
        self._optimiser = torch.optim.AdamW(self._learning.values(), lr=rate)
        self.step = 0
        self.before = 0.0, 0.0

    def learn_from(self, loss: Any) -> None:
        import torch

        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        # Before the step: what is saved afterwards must be something to go on from.
        finite(WHO, float(torch.nn.utils.clip_grad_norm_(self._learning.values(), _LONGEST_GRADIENT)))
        self._optimiser.step()
        self.step += 1

    def packed(self) -> bytes:
        import torch
        from safetensors.torch import save

        tensors = {"at": torch.tensor([self.step, *self.before], dtype=torch.float64)}
        for name, weights in self._learning.items():
            state = self._optimiser.state[weights]
            tensors |= {f"0 {name}": weights.data, f"1 {name}": state["exp_avg"], f"2 {name}": state["exp_avg_sq"]}
        return bytes(save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}))

    def load(self, path: Path) -> None:
        import torch

        tensors = unpacked(path)
        step, *before = tensors["at"].tolist()
        self.step, self.before = int(step), (before[0], before[1])
        for name, weights in self._learning.items():
            weights.data.copy_(tensors[f"0 {name}"])
            self._optimiser.state[weights] = {
                "step": torch.tensor(float(step)),
                "exp_avg": tensors[f"1 {name}"].to(weights.device),
                "exp_avg_sq": tensors[f"2 {name}"].to(weights.device),
            }


def unpacked(checkpoint: Path) -> dict[str, Any]:
    """The tensors of a training that was interrupted. Raises ModelError for a damaged file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    check_safetensors(checkpoint)
    try:
        return dict(load_file(checkpoint))
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{checkpoint} is damaged: {error}") from error


def _check_kind(pipe: Any, source: str) -> None:
    name, unet = type(pipe).__name__, type(getattr(pipe, "unet", None)).__name__
    if (name, unet) != ("StableDiffusionPipeline", "UNet2DConditionModel"):
        raise ModelError(
            f"{source} is a {name}; {WHO} wants a StableDiffusionPipeline: Stable Diffusion 1 or 2, or one made of them"
        )
    if getattr(pipe.scheduler, "alphas_cumprod", None) is None:
        raise ModelError(
            f"the scheduler of {source}, {type(pipe.scheduler).__name__}, does not say how much noise its steps have: "
            "give a checkpoint with one such as DDIMScheduler or PNDMScheduler"
        )


def _files(folder: Path) -> list[Path]:
    """What the parts of a checkpoint are made of; pickles only where there is nothing else."""
    found: list[Path] = []
    for part in _PARTS:
        here = sorted(path for path in (folder / part).glob("*") if path.is_file())
        safe = any(path.suffix == SAFE for path in here)
        found += [path for path in here if not (safe and path.suffix.lower() in PICKLED)]
    return found


def _number(seed: int, draw: str) -> int:
    """63 bits."""
    return int.from_bytes(hashlib.sha256(f"{seed} {draw}".encode()).digest()[:8]) >> 1
