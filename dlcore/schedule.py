"""Schedules: how the learning rate changes while training goes on.

Each one says by what factor the first learning rate is multiplied at an epoch (or at a step:
whatever ``step()`` is called for). It depends on the count alone, so resuming is setting it.
Several on one optimizer work one after the other: each changes what the one before it gives. A learning rate
that was set by hand is where a new schedule begins; one that goes on keeps its shape from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from dlcore.dtypes import size
from dlcore.optim import Optimizer


class Schedule:
    """Multiplies each group's first learning rate by ``factor(count)``, count = 0, 1, 2, ..."""

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: an optimizer is needed, not {type(optimizer).__name__}"
            )
        self.optimizer = optimizer
        self.last_epoch = 0
        if any(_changed(group) for group in optimizer.param_groups):
            optimizer.schedules = []  # those of an earlier phase, which ended with a rate set by hand
        if not optimizer.schedules:
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
        optimizer.schedules = [*optimizer.schedules, self]
        self._apply()

    def factor(self, epoch: int) -> float:
        """By what to multiply the first learning rate."""
        raise NotImplementedError

    def rate(self, base: float, epoch: int) -> float:
        """The learning rate at ``epoch``, for a group that began with ``base``."""
        return base * self.factor(epoch)

    def step(self) -> None:
        """Go on by one: call it after the optimizer's step (or at the end of each epoch)."""
        for group in self.optimizer.param_groups:
            if _changed(group) and group["scheduled_lr"]:  # by hand, or on a plateau
                group["initial_lr"] *= group["lr"] / group["scheduled_lr"]
            elif _changed(group):
                group["initial_lr"] = group["lr"]
        self.last_epoch += 1
        self._apply()

    def _apply(self) -> None:
        for group in self.optimizer.param_groups:
            lr = group["initial_lr"]
            for schedule in self.optimizer.schedules:
                lr = schedule.rate(lr, schedule.last_epoch)
            group["lr"] = group["scheduled_lr"] = lr

    def get_last_lr(self) -> list[float]:
        """The current learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` needs to go on."""
        rates = [group["initial_lr"] for group in self.optimizer.param_groups]
        return {"last_epoch": self.last_epoch, "initial_lrs": rates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where ``state_dict`` was taken."""
        self.last_epoch = int(state_dict["last_epoch"])
        for group, lr in zip(
            self.optimizer.param_groups, state_dict.get("initial_lrs", ()), strict=False
        ):
            group["initial_lr"] = lr
        self._apply()


def _changed(group: dict[str, Any]) -> bool:
    """Whether the learning rate is not the one that the schedules have set."""
    return bool(group.get("scheduled_lr", group["lr"]) != group["lr"])


class LambdaLR(Schedule):
    """Any function of the epoch."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]) -> None:
        self.lr_lambda = lr_lambda
        super().__init__(optimizer)

    def factor(self, epoch: int) -> float:
        return self.lr_lambda(epoch)


class StepLR(Schedule):
    """Times ``gamma`` every ``step_size`` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = size("StepLR", "step_size", step_size, 1), gamma
        super().__init__(optimizer)

    def factor(self, epoch: int) -> float:
        return self.gamma ** (epoch // self.step_size)


class ExponentialLR(Schedule):
    """Times ``gamma`` every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def factor(self, epoch: int) -> float:
        return self.gamma**epoch


class LinearLR(Schedule):
    """A straight line from ``start_factor`` to ``end_factor`` in ``total_iters`` steps: a warm-up.

    Paper: Goyal et al. (2017), Accurate, large minibatch SGD, section 2.2.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = size("LinearLR", "total_iters", total_iters, 1)
        super().__init__(optimizer)

    def factor(self, epoch: int) -> float:
        done = min(epoch, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * done


class CosineAnnealingLR(Schedule):
    """Down half a cosine to ``eta_min`` in ``T_max`` epochs (and, beyond, up again).

    lr = eta_min + (base - eta_min) (1 + cos(pi epoch / T_max)) / 2.
    Paper: Loshchilov and Hutter (2017), SGDR, equation 5.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        wave = (1 + math.cos(math.pi * epoch / self.T_max)) / 2
        return self.eta_min + (base - self.eta_min) * wave


class SequentialLR(Schedule):
    """One schedule until the first milestone, then the next: a warm-up, then a cosine.

    >>> from dlcore import Tensor
    >>> from dlcore.optim import SGD
    >>> opt = SGD([Tensor([1.0])], lr=1.0)
    >>> warm, cosine = LinearLR(opt, 0.5, 1.0, 2), CosineAnnealingLR(opt, 4)
    >>> both = SequentialLR(opt, [warm, cosine], milestones=[2])
    >>> rates = []
    >>> for _ in range(5):
    ...     rates.append(round(opt.param_groups[0]["lr"], 2))
    ...     both.step()
    >>> rates
    [0.5, 0.75, 1.0, 0.85, 0.5]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[Schedule], milestones: Sequence[int]
    ) -> None:
        if len(milestones) != len(schedulers) - 1:
            raise ValueError("SequentialLR: give one milestone less than there are schedulers")
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        own = set(map(id, self.schedulers))  # they are asked, and no longer work by themselves
        optimizer.schedules = [s for s in optimizer.schedules if id(s) not in own]
        for group in optimizer.param_groups:
            if not optimizer.schedules and not _changed(group):
                group["lr"] = group["scheduled_lr"] = group["initial_lr"]
        super().__init__(optimizer)

    def rate(self, base: float, epoch: int) -> float:
        at = sum(epoch >= m for m in self.milestones)
        return self.schedulers[at].rate(base, epoch - ([0, *self.milestones][at]))


class ReduceLROnPlateau:
    """Times ``factor`` when ``patience`` epochs in a row brought nothing better.

    Better means lower by the fraction ``threshold`` (mode "min") or higher (mode "max"); after a
    cut, ``cooldown`` epochs are not counted.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        if mode not in ("min", "max") or factor >= 1:
            raise ValueError('ReduceLROnPlateau: mode is "min" or "max", factor below 1')
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.cooldown, self.min_lr = threshold, cooldown, min_lr
        self.best, self.num_bad_epochs, self.cooldown_counter = math.inf, 0, 0

    def step(self, metrics: float) -> None:
        """Tell the number that should improve, once an epoch."""
        value = float(metrics) if self.mode == "min" else -float(metrics)
        # a threshold relative to the best so far, in the direction that counts as better
        if value < self.best - self.threshold * (abs(self.best) if math.isfinite(self.best) else 0):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group in self.optimizer.param_groups:
                new = max(group["lr"] * self.factor, self.min_lr)
                group["lr"] = new if group["lr"] - new > 1e-8 else group["lr"]
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def get_last_lr(self) -> list[float]:
        """The current learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` needs to go on."""
        keys = ("best", "num_bad_epochs", "cooldown_counter")
        return {key: getattr(self, key) for key in keys}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where ``state_dict`` was taken."""
        for key, value in state_dict.items():
            setattr(self, key, value)
