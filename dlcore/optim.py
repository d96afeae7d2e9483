"""Optimizers: how a gradient becomes a step.

Updates are written in place and, for large parameters, some ten thousand numbers at a time
(``_pieces``): ten passes over a piece that stays in the cache cost less than ten passes over
memory. Every formula is PyTorch's, so the same gradients give the same path.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from dlcore.backend.arrays import zeros_like
from dlcore.backend.device import to_device
from dlcore.clipping import clip_grad_norm_ as clip_grad_norm_
from dlcore.clipping import clip_grad_value_ as clip_grad_value_
from dlcore.clipping import listed
from dlcore.dtypes import number
from dlcore.operands import as_tensor
from dlcore.tensor import Tensor

BLOCK = 1 << 15  # 128 kB of float32 for each array that takes part


def _pieces(*arrays: Any) -> Iterator[tuple[Any, ...]]:
    """The arrays as flat views, cut alike. What cannot be viewed flat stays whole."""
    if arrays[0].size <= BLOCK or not all(a.flags.c_contiguous for a in arrays):
        yield arrays
        return
    flat = [a.reshape(-1) for a in arrays]
    for start in range(0, flat[0].size, BLOCK):
        yield tuple(a[start : start + BLOCK] for a in flat)


def _plain(op: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options as Python's numbers: NumPy's float64 would compute in its own width."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name == "params" or isinstance(value, bool):
            continue
        if isinstance(value, tuple | list):
            found[name] = tuple(number(op, name, v) for v in value)
            continue
        found[name] = value = number(op, name, value)
        if name in ("lr", "eps", "weight_decay", "momentum") and not value >= 0:
            raise ValueError(f"{op}: {name} must not be negative or NaN")
    return options | found


def _check_parameter(op: str, p: Any) -> None:
    if not isinstance(p, Tensor):
        raise TypeError(
            f"{op}: parameters must be tensors, not {type(p).__name__}\n  write model.parameters()"
        )
    if p._vjp is not None and p.requires_grad:
        raise ValueError(
            f"{op}: a tensor of shape {p.shape} was computed from others; only those can be learned"
        )
    if p.dtype.kind != "f":
        raise TypeError(f"{op}: only floating-point numbers can be learned, not {p.dtype}")


class Optimizer:
    """What all optimizers share: parameters in groups with options, and a state for each.

    ``params`` is an iterable of tensors, or of dicts {"params": ..., "lr": ...} with own options.
    Raises ValueError for no parameters, for one that is given twice or computed from others, and for an
    option that makes no sense; TypeError for what is no parameter.
    """

    def __init__(self, params: Iterable[Any], **defaults: Any) -> None:
        name = type(self).__name__
        groups = listed(name, params)
        if not groups:
            raise ValueError(f"{name}: there are no parameters to optimize")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        self.param_groups: list[dict[str, Any]] = [
            {**_plain(name, {**defaults, **group}), "params": listed(name, group["params"])}
            for group in groups
        ]
        seen: set[int] = set()
        for p in self.parameters():
            _check_parameter(name, p)
            if id(p) in seen:
                raise ValueError(
                    f"{name}: a parameter is given twice and would make two steps at a time\n"
                    "  model.parameters() gives each once; weights that two layers share, too"
                )
            seen.add(id(p))
        self.schedules: list[Any] = []  # what sets the learning rates, in order; see schedule.py
        self.state: dict[int, dict[str, Any]] = {}  # by the parameter's place in the list

    def parameters(self) -> Iterator[Tensor]:
        """All parameters of all groups, in order."""
        return (p for group in self.param_groups for p in group["params"])

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.parameters():
            p.grad = None

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        index = 0
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    state = self.state.setdefault(index, {})
                    if isinstance(p.data, np.generic):
                        p.data = np.asarray(p.data)
                    data, grad = p.data, as_tensor(type(self).__name__, p.grad).data
                    if not data.ndim:  # a product of such is no array, cannot be changed in place
                        data, grad = data.reshape(1), grad.reshape(1)
                    self.update(data, grad, state, group)
                    p.changed()
                index += 1

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change the array ``p`` in place, given its gradient ``g``."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Copies of the options and of every parameter's state, for ``load_state_dict``."""
        options = [{k: v for k, v in g.items() if k != "params"} for g in self.param_groups]
        copies = {
            i: {k: v.copy() if hasattr(v, "copy") else v for k, v in state.items()}
            for i, state in self.state.items()
        }
        return {"state": copies, "param_groups": options}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where ``state_dict`` was taken.  Raises ValueError for another number of groups."""
        if len(state_dict["param_groups"]) != len(self.param_groups):
            raise ValueError("load_state_dict: the optimizer has another number of groups")
        places = [p.data for p in self.parameters()]
        for i, state in state_dict["state"].items():
            sizes = {v.size for v in state.values() if hasattr(v, "size")}
            if int(i) >= len(places) or not sizes <= {places[int(i)].size}:
                raise ValueError(
                    f"load_state_dict: the state of parameter {i} does not fit\n"
                    "  the optimizer must be built as the one that was saved, with the same parameters"
                )
        for group, options in zip(self.param_groups, state_dict["param_groups"], strict=True):
            group.update(options)
        self.state = {
            int(i): {
                k: to_device(v.copy(), places[int(i)]) if hasattr(v, "copy") else v
                for k, v in state.items()
            }
            for i, state in state_dict["state"].items()
        }


def _decayed(p: Any, g: Any, weight_decay: float) -> Any:
    return g + weight_decay * p if weight_decay else g


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum:  v = momentum v + (1 - dampening) g;  p = p - lr v.

    With ``nesterov`` the step is g + momentum v, the slope a little ahead.
    Paper: Polyak (1964), Some methods of speeding up the convergence of iteration methods;
    Sutskever et al. (2013), On the importance of initialization and momentum in deep learning.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("SGD: nesterov needs a momentum above 0 and no dampening")
        super().__init__(
            params,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
        )

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        g = _decayed(p, g, group["weight_decay"])
        if group["momentum"]:
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = g.copy()
            else:
                v = state["momentum_buffer"]
                v *= group["momentum"]
                v += (1 - group["dampening"]) * g
            v = state["momentum_buffer"]
            g = g + group["momentum"] * v if group["nesterov"] else v
        p -= group["lr"] * g


class RMSprop(Optimizer):
    """Divide by the recent size of the gradient:  v = alpha v + (1 - alpha) g^2;  p = p - lr g / (sqrt v + eps).

    ``centered`` subtracts the square of the average gradient, so that v is its variance.
    Paper: Tieleman and Hinton (2012), Lecture 6.5; Graves (2013), Generating sequences with
    recurrent neural networks, equations 38 to 41, for the centered form.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
        )

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        g, alpha = _decayed(p, g, group["weight_decay"]), group["alpha"]
        if not state:
            state.update(square_avg=zeros_like(p), grad_avg=zeros_like(p))
            state["momentum_buffer"] = zeros_like(p)
        v = state["square_avg"]
        v *= alpha
        v += (1 - alpha) * g * g
        if group["centered"]:
            mean = state["grad_avg"]
            mean *= alpha
            mean += (1 - alpha) * g
            v = v - mean * mean
        step = g / (np.sqrt(v) + group["eps"])
        if group["momentum"]:
            buffer = state["momentum_buffer"]
            buffer *= group["momentum"]
            buffer += step
            step = buffer
        p -= group["lr"] * step


class Adagrad(Optimizer):
    """Divide by the size of all gradients so far:  v = v + g^2;  p = p - lr g / (sqrt v + eps).

    Paper: Duchi, Hazan and Singer (2011), Adaptive subgradient methods for online learning.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        g = _decayed(p, g, group["weight_decay"])
        if not state:
            state.update(
                step=0, sum=zeros_like(p) + p.dtype.type(group["initial_accumulator_value"])
            )
        lr = group["lr"] / (1 + state["step"] * group["lr_decay"])
        state["step"] += 1
        v = state["sum"]
        v += g * g
        p -= lr * g / (np.sqrt(v) + group["eps"])


class Adam(Optimizer):
    """Adaptive moment estimation: momentum, and a step size for each weight.

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p = p - lr mhat / (sqrt(vhat) + eps), where
    mhat = m / (1 - b1^t) and vhat = v / (1 - b2^t) undo the start at 0. ``amsgrad`` divides by the
    largest v so far.
    Paper: Kingma and Ba (2015), Adam, algorithm 1; Reddi, Kale and Kumar (2018), On the convergence
    of Adam and beyond, algorithm 2.
    """

    decoupled = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        if len(betas) != 2 or not all(0 <= b < 1 for b in betas):
            raise ValueError(f"{type(self).__name__}: betas must be in [0, 1), not {betas}")
        super().__init__(
            params, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay, amsgrad=amsgrad
        )

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state.update(step=0, m=zeros_like(p), v=zeros_like(p))
            if group["amsgrad"]:
                state["largest"] = zeros_like(p)
        state["step"] += 1
        if self.decoupled:
            p *= 1 - group["lr"] * group["weight_decay"]
        else:
            g = _decayed(p, g, group["weight_decay"])
        b1, b2 = group["betas"]
        # m and v are kept without their factors (1 - b), which are put into the step: with
        # r^2 = (1 - b2) / (1 - b2^t),  mhat / (sqrt(vhat) + eps) = mhat / r / (sqrt(v) + eps / r)
        r = math.sqrt((1 - b2) / (1 - b2 ** state["step"]))
        step = -group["lr"] * (1 - b1) / (1 - b1 ** state["step"]) / r
        largest = [state["largest"]] if group["amsgrad"] else []
        for p_, g_, m, v, *top in _pieces(p, g, state["m"], state["v"], *largest):
            m *= b1
            m += g_
            v *= b2
            part = g_ * g_
            v += part
            if top:
                np.maximum(top[0], v, out=top[0])
            np.sqrt(top[0] if top else v, out=part)
            part += group["eps"] / r
            np.divide(m, part, out=part)
            part *= step
            p_ += part


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights themselves:  p = (1 - lr weight_decay) p, then Adam.

    In Adam, decay added to the gradient is divided by its size like everything else, so that
    weights with large gradients decay less.
    Paper: Loshchilov and Hutter (2019), Decoupled weight decay regularization, algorithm 2.
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)
