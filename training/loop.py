"""Trains a torch network for so many CPU-minutes, and keeps the average of its weights as a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

_REPORTED = 200  # steps between two reports, each with a checkpoint


def train_for(
    minutes: float,
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    step: Callable[[], tuple[Tensor, float]],
    *,
    rate: Callable[[int, float], float],
    keep: Callable[[int], float],
    clip: float,
    path: Path,
    **more: object,
) -> None:
    """Trains until `minutes` of this process's CPU time are spent. Time, not steps, is what a recipe is given.

    step: draws a batch and returns its loss, and a figure whose mean is printed now and then.
    rate: (steps done, share of the time spent) -> learning rate.
    keep: steps done -> share of itself that the average of the weights keeps in this step.
    clip: largest norm of a gradient. path, more: the checkpoint holds state, step, cpu_minutes and `more`.
    """
    average = {k: v.detach().clone() for k, v in net.state_dict().items() if v.is_floating_point()}
    weights = [v for v in net.state_dict().values() if v.is_floating_point()]
    start, steps, figures = time.process_time(), 0, list[float]()

    def save(spent: float) -> None:
        state = net.state_dict() | average
        torch.save({"state": state, "step": steps, "cpu_minutes": spent, **more}, path)

    while (spent := (time.process_time() - start) / 60) < minutes:
        for group in optimiser.param_groups:
            group["lr"] = rate(steps, spent / minutes)
        loss, figure = step()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimiser.step()
        steps += 1
        with torch.no_grad():
            torch._foreach_lerp_(list(average.values()), weights, 1 - keep(steps))
        figures.append(figure)
        if steps % _REPORTED == 0:
            mean = sum(figures[-_REPORTED:]) / _REPORTED
            print(f"{path.stem} step {steps} cpu-min {spent:.1f} {mean:.4f}", flush=True)
            save(spent)
    save(spent)


def warm_then_falling(peak: float, *, warm_up: int, least: float) -> Callable[[int, float], float]:
    """Rises over `warm_up` steps, stays at the peak for two fifths of the time, falls in a line to a share of it."""

    def rate(steps: int, done: float) -> float:
        return peak * min(1, (steps + 1) / warm_up) * (1 if done < 0.4 else max(least, (1 - done) / 0.6))

    return rate
