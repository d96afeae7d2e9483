"""The training loop: batches, steps, metrics, early stopping, and a checkpoint to go on from."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dlcore.backend.device import to_numpy
from dlcore.checkpoint import load_checkpoint, save_checkpoint
from dlcore.errors import ShapeError
from dlcore.nn.module import Module
from dlcore.operands import as_tensor
from dlcore.optim import Optimizer, clip_grad_norm_
from dlcore.rng import generator
from dlcore.tensor import Tensor, no_grad

Metric = Callable[[Any, Any], float]


class Diverged(RuntimeError):
    """The loss became infinite or not a number; the message says when and where it began."""


class History:
    """What was measured, one row an epoch; ``history["loss"]`` is a column, ``note`` why it ended."""

    def __init__(self, rows: Iterable[Mapping[str, float]] = (), note: str = "") -> None:
        self.rows = [dict(row) for row in rows]
        self.note = note

    def __getitem__(self, name: str) -> list[float]:
        if self.rows and name not in self.rows[0]:
            raise KeyError(f"history has {', '.join(self.rows[0])}; not {name!r}")
        return [row[name] for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        last = ", ".join(f"{k}={v:.4g}" for k, v in self.rows[-1].items()) if self.rows else ""
        return f"History({len(self)} epochs{'; last: ' + last if last else ''}; {self.note})"


def accuracy(output: Any, target: Any) -> float:
    """The share of rows whose largest score is the right class.  Shapes: (N, K, ...), (N, ...) -> number.

    Raises ShapeError.
    """
    scores, right = (to_numpy(as_tensor("accuracy", a).data) for a in (output, target))
    if scores.ndim < 2 or scores.shape[1] < 2 or right.shape != (len(scores), *scores.shape[2:]):
        rule = "output is (N, K) scores of two classes or more, target (N,) class numbers"
        mend = "with one score for yes or no, compare yourself: ((output > 0) == target).mean()"
        raise ShapeError("accuracy", rule, mend, output=scores.shape, target=right.shape)
    return float((scores.argmax(axis=1) == right).mean())


def evaluate(
    model: Module,
    loader: Iterable[Any],
    loss_fn: Callable[..., Tensor],
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, float]:
    """Loss and metrics over all batches, weighted by their size, in evaluation mode, without a tape."""
    before, count = [(module, module.training) for module in model.modules()], 0
    totals: dict[str, float] = {}
    model.eval()
    try:
        with no_grad():
            for batch in loader:
                inputs, target = _parts(batch)
                output = model(*inputs)
                found = {
                    "loss": loss_fn(output, target).item(),
                    **_measure(metrics, output, target),
                }
                n = len(inputs[0])
                count += n
                for name, value in found.items():
                    totals[name] = totals.get(name, 0.0) + n * value
    finally:
        for module, training in before:  # one by one: some may be frozen
            module.training = training
    if not count:
        raise ValueError("evaluate: the loader gave no batch")
    return {name: total / count for name, total in totals.items()}


def _parts(batch: Any) -> tuple[tuple[Any, ...], Any]:
    """Inputs and target. A batch of one tensor is its own target, as for an autoencoder."""
    if isinstance(batch, Tensor):
        return (batch,), batch
    return (tuple(batch[:-1]) or (batch[0],)), batch[-1]


def _measure(metrics: Mapping[str, Metric] | None, output: Any, target: Any) -> dict[str, float]:
    plain = [to_numpy(t.data) if isinstance(t, Tensor) else t for t in (output, target)]
    return {name: float(f(*plain)) for name, f in (metrics or {}).items()}


class _Best:
    """The best value so far, the weights that reached it, and how long ago that was."""

    def __init__(self) -> None:
        self.value, self.waited = math.inf, 0
        self.weights: dict[str, Any] = {}

    def see(self, value: float, model: Module) -> None:
        self.waited += 1
        if value < self.value:
            self.value, self.waited, self.weights = value, 0, model.state_dict()


def fit(
    model: Module,
    loss_fn: Callable[..., Tensor],
    optimizer: Optimizer,
    train_loader: Any,
    valid_loader: Any = None,
    epochs: int = 1,
    metrics: Mapping[str, Metric] | None = None,
    scheduler: Any = None,
    max_norm: float | None = None,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> History:
    """Train ``model`` on batches (inputs ..., target) until ``epochs`` epochs are done.

    ``loss_fn(output, target)`` gives one number. ``metrics`` maps names to functions of two arrays.
    ``scheduler`` steps once an epoch. ``max_norm`` clips the gradient. With ``patience``, training
    ends when so many epochs in a row brought no lower validation loss (training loss without a
    ``valid_loader``), and the best weights are put back. ``checkpoint`` is a file that is written
    after every epoch and, if it exists, continued from: the numbers are those of a run that was
    never interrupted. Ctrl-C or a notebook's stop button ends the run and keeps what was learned.

    Returns the history: loss, metrics and lr, and valid_loss, valid_... if there is a valid_loader.
    Raises Diverged if the loss is no longer finite, naming the layer where that began; ValueError
    for a checkpoint that cannot be read or belongs to another model.
    """
    history, best, start = History(note="all epochs done"), _Best(), 0
    state = _State(model, optimizer, train_loader, scheduler, history, best)
    if checkpoint is not None and Path(checkpoint).exists():
        start = state.load(Path(checkpoint))
    if not model.training:
        model.train()
    bar = _bar(train_loader, epochs - start, progress)
    try:
        for epoch in range(start, epochs):
            if patience is not None and best.waited >= patience:
                history.note = f"no better for {patience} epochs; best weights restored"
                break
            bar.set_description(f"epoch {epoch + 1}/{epochs}", refresh=False)
            row = _epoch(model, loss_fn, optimizer, train_loader, metrics, max_norm, epoch, bar)
            if valid_loader is not None:
                seen = evaluate(model, valid_loader, loss_fn, metrics)
                row |= {f"valid_{name}": value for name, value in seen.items()}
            row["lr"] = optimizer.param_groups[0]["lr"]
            history.rows.append(row)
            bar.set_postfix({k: f"{v:.4g}" for k, v in row.items()}, refresh=False)
            watched = row["valid_loss" if valid_loader is not None else "loss"]
            if patience is not None:
                best.see(watched, model)
            if scheduler is not None:
                scheduler.step(watched) if hasattr(scheduler, "patience") else scheduler.step()
            if checkpoint is not None:
                state.save(Path(checkpoint), epoch + 1)
    except KeyboardInterrupt:
        history.note = f"interrupted in epoch {len(history) + 1}"
    finally:  # however it ended
        bar.close()
        if best.weights:
            model.load_state_dict(best.weights)
    return history


def _epoch(
    model: Module,
    loss_fn: Callable[..., Tensor],
    optimizer: Optimizer,
    loader: Any,
    metrics: Mapping[str, Metric] | None,
    max_norm: float | None,
    epoch: int,
    bar: Any,
) -> dict[str, float]:
    totals: dict[str, float] = {}
    count = 0
    for step, batch in enumerate(loader):
        inputs, target = _parts(batch)
        optimizer.zero_grad()
        output = model(*inputs)
        loss = loss_fn(output, target)
        value = loss.item()
        if not math.isfinite(value):
            where = _where_it_began(model, inputs)
            raise Diverged(
                f"fit: the loss became {value} in epoch {epoch + 1}, step {step + 1}; {where}\n"
                "  lower the learning rate, clip the gradient with max_norm, or look for log(0), "
                "a division by 0 or inputs that are not scaled"
            )
        loss.backward()
        if max_norm is not None:
            clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        n = len(inputs[0])
        count += n
        for name, found in {"loss": value, **_measure(metrics, output, target)}.items():
            totals[name] = totals.get(name, 0.0) + n * found
        bar.update()
    if not count:
        raise ValueError("fit: train_loader gave no batch (drop_last with too few rows?)")
    return {name: total / count for name, total in totals.items()}


class _NoBar:
    """A progress bar that shows nothing."""

    def update(self) -> None: ...
    def close(self) -> None: ...
    def set_description(self, text: str, refresh: bool) -> None: ...
    def set_postfix(self, row: Any, refresh: bool) -> None: ...


def _bar(loader: Any, epochs: int, progress: bool) -> Any:
    """One progress bar for all steps of all epochs; none where tqdm is not installed."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _NoBar()
    total = epochs * len(loader) if hasattr(loader, "__len__") else None
    # to stdout: a graded cell must leave stderr empty
    return tqdm(total=total, unit="step", file=sys.stdout, disable=not progress)


def _where_it_began(model: Module, inputs: tuple[Any, ...]) -> str:
    """Run the batch again and name the first thing that is not finite."""
    for x in inputs:
        if isinstance(x, Tensor) and not _finite(x):
            return "the inputs of this batch already hold values that are not finite"
    for name, p in model.named_parameters():
        if not _finite(p):
            return f"parameter {name!r} is no longer finite: an earlier step was too large"
    names = {id(module): name for name, module in model.named_modules()}
    first: list[str] = []

    def look(module: Module, out: Any) -> None:
        parts = out if isinstance(out, tuple) else (out,)
        if not first and any(isinstance(t, Tensor) and not _finite(t) for t in parts):
            name = names.get(id(module), "")
            first.append(
                f"layer {name!r} ({type(module).__name__})" if name else "the model itself"
            )

    Module.watch = look
    try:
        with no_grad(), np.errstate(all="ignore"):
            model(*inputs)
    finally:
        Module.watch = None
    return (
        f"the first output that is not finite is that of {first[0]}"
        if first
        else ("every layer's output is finite, so it arose in the loss function")
    )


def _finite(t: Tensor) -> bool:
    return t.data.dtype.kind != "f" or bool(np.isfinite(t.data).all())


class _State:
    """Everything that training depends on, as arrays and plain data."""

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loader: Any,
        scheduler: Any,
        history: History,
        best: _Best,
    ) -> None:
        self.model, self.optimizer, self.loader, self.scheduler = (
            model,
            optimizer,
            loader,
            scheduler,
        )
        self.history, self.best, self.warned = history, best, False

    def _generators(self) -> list[np.random.Generator]:
        """All sources of chance that the run draws from, each once."""
        owners = [self.loader, *self.model.modules()]
        found = [generator(), *(getattr(owner, "rng", None) for owner in owners)]
        return list({id(g): g for g in found if isinstance(g, np.random.Generator)}.values())

    def save(self, path: Path, epoch: int) -> None:
        arrays = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        arrays |= {f"best.{k}": v for k, v in self.best.weights.items()}
        optimizer = self.optimizer.state_dict()
        scalars: dict[str, dict[str, Any]] = {}
        for i, state in optimizer["state"].items():
            scalars[str(i)] = {k: v for k, v in state.items() if not hasattr(v, "dtype")}
            arrays |= {f"optimizer.{i}.{k}": v for k, v in state.items() if hasattr(v, "dtype")}
        plain = {
            "epoch": epoch,
            "history": self.history.rows,
            "best": [self.best.value, self.best.waited],
            "optimizer": {"state": scalars, "param_groups": optimizer["param_groups"]},
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "generators": [g.bit_generator.state for g in self._generators()],
        }
        try:
            save_checkpoint(path, arrays, plain)
        except OSError as error:
            if not self.warned:  # a full disk must not end hours of training
                warnings.warn(f"fit: no checkpoint could be written: {error}", stacklevel=3)
            self.warned = True

    def load(self, path: Path) -> int:
        arrays, plain = load_checkpoint(path)
        part = lambda prefix: {
            k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)
        }
        try:
            self.model.load_state_dict(part("model."))
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"fit: the checkpoint {path.name} belongs to another model\n"
                f"  {error.args[0]}\n  delete the file, or name another one, to begin again"
            ) from error
        state: dict[str, dict[str, Any]] = plain["optimizer"]["state"]
        for key, array in part("optimizer.").items():
            i, name = key.split(".", 1)
            state[i][name] = array
        self.optimizer.load_state_dict(plain["optimizer"])
        if self.scheduler is not None and plain["scheduler"] is not None:
            self.scheduler.load_state_dict(plain["scheduler"])
        self.history.rows[:] = plain["history"]
        self.best.value, self.best.waited = plain["best"]
        self.best.weights = part("best.")
        for g, saved in zip(self._generators(), plain["generators"], strict=False):
            g.bit_generator.state = saved
        return int(plain["epoch"])
