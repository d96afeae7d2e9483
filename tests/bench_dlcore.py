"""dlcore beside PyTorch eager: time and memory of what the lessons train.

Same process, same number of threads, float32, forward + backward (+ Adam's step where a model is
trained), interleaved; a row is the median of the rounds' ratios, with the middle half of them. Before it is
timed, every pair is run once and must agree, so that no row compares different work.
"""

from __future__ import annotations

import itertools
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as TF
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from threadpoolctl import threadpool_info

import dlcore
import dlcore.functional as F
from dlcore import generative, nn, optim
from dlcore.crosscheck import to_torch

console = Console(width=100)
Step = Callable[[], Any]
RNG = np.random.default_rng(0)


def floats(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def op(
    ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray
) -> tuple[Step, Step]:
    """One function, forward and backward with a random cotangent, all inputs differentiated."""
    here = [dlcore.tensor(a, requires_grad=True) for a in arrays]
    there = [torch.tensor(a, requires_grad=True) for a in arrays]
    g = np.asarray(floats(*ours(*here).shape))
    gt = torch.tensor(g)

    def run_ours() -> list[Any]:
        for x in here:
            x.grad = None
        ours(*here).backward(g)
        return [x.grad.data for x in here]

    def run_theirs() -> list[Any]:
        for x in there:
            x.grad = None
        theirs(*there).backward(gt)
        return [x.grad.numpy() for x in there]

    return run_ours, run_theirs


def training(
    model: nn.Module, loss: Any, their_loss: Any, *inputs: np.ndarray, lr: float = 1e-4
) -> Any:
    """A model with Adam's step; the weights are copied, so both compute the same."""
    other = to_torch(model)
    a, b = optim.Adam(model.parameters(), lr=lr), torch.optim.Adam(other.parameters(), lr=lr)
    here, there = [dlcore.tensor(x) for x in inputs], [torch.tensor(x) for x in inputs]

    def run_ours() -> list[Any]:
        a.zero_grad()
        value = loss(model, *here)
        value.backward()
        a.step()
        return [value.item()]

    def run_theirs() -> list[Any]:
        b.zero_grad()
        value = their_loss(other, *there)
        value.backward()
        b.step()
        return [value.item()]

    return run_ours, run_theirs


def classify(f: Any) -> Any:
    return lambda model, x, t: f.cross_entropy(model(x), t)


def mlp() -> Any:
    layers = [nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)]
    return training(
        nn.Sequential(*layers),
        classify(F),
        classify(TF),
        floats(128, 784),
        RNG.integers(0, 10, 128),
    )


def lenet() -> Any:
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    return training(
        model, classify(F), classify(TF), floats(64, 1, 28, 28), RNG.integers(0, 10, 64)
    )


def conv() -> Any:
    arrays = floats(32, 64, 28, 28), floats(64, 64, 3, 3), floats(64)
    return op(
        lambda x, w, b: F.conv2d(x, w, b, padding=1),
        lambda x, w, b: TF.conv2d(x, w, b, padding=1),
        *arrays,
    )


def columns_norm() -> Any:
    """Batch norm over (N, C), as in a network of dense layers, then layer norm over its rows."""

    def run(lib: Any) -> Any:
        def norms(x: Any, w: Any, b: Any) -> Any:
            return lib.layer_norm(lib.batch_norm(x, None, None, w, b, True), (512,), w, b)

        return norms

    return op(run(F), run(TF), floats(256, 512), floats(512), floats(512))


def softmax(rows: int, width: int) -> Any:
    f = lambda lib: lambda x: lib.softmax(x, -1)
    return lambda: op(f(F), f(TF), floats(rows, width))


def embedding() -> Any:
    ids = RNG.integers(0, 10_000, 65_536)
    there = torch.tensor(ids)
    ours, theirs = lambda w: F.embedding(ids, w), lambda w: TF.embedding(there, w)
    return op(ours, theirs, floats(10_000, 64))


def rows_by_number() -> Any:
    ids = RNG.integers(0, 10_000, 65_536)
    there = torch.tensor(ids)
    return op(lambda x: x[ids], lambda x: x[there], floats(10_000, 64))


def long_attention() -> Any:
    qkv = [floats(1, 8, 2048, 64) for _ in range(3)]
    return op(F.scaled_dot_product_attention, TF.scaled_dot_product_attention, *qkv)


def convolution(shape: Any, kernel: Any, **options: Any) -> Any:
    f = lambda lib: lambda x, w: lib.conv2d(x, w, None, **options)
    return lambda: op(f(F), f(TF), floats(*shape), floats(*kernel))


def transposed() -> Any:
    f = lambda lib: lambda x, w: lib.conv_transpose2d(x, w, None, 2, 1)
    return op(f(F), f(TF), floats(32, 32, 14, 14), floats(32, 16, 4, 4))


def gelu(rows: int) -> Any:
    return lambda: op(F.gelu, TF.gelu, floats(rows, 1024))


def small_tensor() -> Any:
    """A step with the Tensor that lesson 5 writes, beside PyTorch in the same float64."""
    from dlcore.scratch import tensors as scratch

    sizes = [64, 128, 64, 10]
    x, t = RNG.standard_normal((128, 64)), RNG.integers(0, 10, 128)
    layers = [
        (RNG.standard_normal((m, d)) / math.sqrt(d), np.zeros(m))
        for d, m in itertools.pairwise(sizes)
    ]
    there = torch.tensor(x), torch.tensor(t)

    def run_ours() -> list[Any]:
        return [p for layer in scratch.training_step(layers, x, t)[1] for p in layer]

    def run_theirs() -> list[Any]:
        params = [torch.tensor(p, requires_grad=True) for layer in layers for p in layer]
        h = there[0]
        for k in range(0, len(params), 2):
            h = h @ params[k].T + params[k + 1]
            h = h.tanh() if k < len(params) - 2 else h
        TF.cross_entropy(h, there[1]).backward()
        with torch.no_grad():
            return [(p - 0.1 * p.grad).numpy() for p in params]

    return run_ours, run_theirs


def batch_norm() -> Any:
    f = lambda lib: lambda x, w, b: lib.batch_norm(x, None, None, w, b, True)
    return op(f(F), f(TF), floats(64, 32, 28, 28), floats(32), floats(32))


def layer_norm(rows: int, width: int) -> Any:
    f = lambda lib: lambda x, w, b: lib.layer_norm(x, (width,), w, b)
    return lambda: op(f(F), f(TF), floats(rows, width), floats(width), floats(width))


def recurrent(name: str) -> Any:
    """Hidden 128, T 64, batch 32, over 128 inputs."""

    def make() -> Any:
        layer = getattr(nn, name)(128, 128)
        other = to_torch(layer)
        ours = lambda x, *p: layer(x)[0]
        theirs = lambda x, *p: other(x)[0]
        run_ours, run_theirs = op(ours, theirs, floats(64, 32, 128))

        def fresh(run: Step, module: Any) -> Step:
            def act() -> Any:
                for p in module.parameters():
                    p.grad = None
                return run()

            return act

        return fresh(run_ours, layer), fresh(run_theirs, other)

    return make


def attention() -> Any:
    qkv = [floats(16, 4, 128, 32) for _ in range(3)]
    return op(F.scaled_dot_product_attention, TF.scaled_dot_product_attention, *qkv)


class LanguageModel(nn.Module):
    def __init__(self, vocabulary: int = 96, d: int = 128, length: int = 128) -> None:
        self.tokens = nn.Embedding(vocabulary, d)
        self.places = nn.Embedding(length, d)
        layer = nn.TransformerEncoderLayer(
            d, 4, 4 * d, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, 2)
        self.out = nn.Linear(d, vocabulary)


def language_model() -> Any:
    """Two layers, d 128, T 128, batch 16: predict the next character."""
    ours = LanguageModel()
    theirs = torch.nn.Module()
    for name, part in ours.named_children():
        setattr(theirs, name, to_torch(part))
    ids, places = RNG.integers(0, 96, (16, 129)), np.arange(128)
    hidden = torch.triu(torch.full((128, 128), -math.inf), 1)
    a, b = optim.Adam(ours.parameters(), lr=1e-4), torch.optim.Adam(theirs.parameters(), lr=1e-4)
    there = torch.tensor(ids), torch.tensor(places)

    def run_ours() -> Any:
        a.zero_grad()
        x = ours.tokens(ids[:, :-1]) + ours.places(places)
        y = ours.out(ours.blocks(x, is_causal=True))
        loss = F.cross_entropy(y.reshape(-1, 96), ids[:, 1:].reshape(-1))
        loss.backward()
        a.step()
        return [loss.item()]

    def run_theirs() -> Any:
        b.zero_grad()
        x = theirs.tokens(there[0][:, :-1]) + theirs.places(there[1])
        y = theirs.out(theirs.blocks(x, mask=hidden, is_causal=True))
        loss = TF.cross_entropy(y.reshape(-1, 96), there[0][:, 1:].reshape(-1))
        loss.backward()
        b.step()
        return [loss.item()]

    return run_ours, run_theirs


def cross_entropy() -> Any:
    t = RNG.integers(0, 5000, 512)
    tt = torch.tensor(t)
    return op(lambda x: F.cross_entropy(x, t), lambda x: TF.cross_entropy(x, tt), floats(512, 5000))


def dense(*sizes: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return layers[:-1]


def digits() -> np.ndarray:
    from dlcore import data

    return data.digits().x[:128].astype(np.float32)


def vae() -> Any:
    """64 -> 128 -> 2 x 8 -> 128 -> 64 on digits, batch 128."""
    encoder, decoder = nn.Sequential(*dense(64, 128, 16)), nn.Sequential(*dense(8, 128, 64))
    x, noise = digits(), floats(128, 8)
    models = encoder, decoder
    others = [to_torch(m) for m in models]
    a = optim.Adam([p for m in models for p in m.parameters()])
    b = torch.optim.Adam([p for m in others for p in m.parameters()])
    xt, nt = torch.tensor(x), torch.tensor(noise)
    xo, no = dlcore.tensor(x), dlcore.tensor(noise)

    def run_ours() -> Any:
        a.zero_grad()
        mu, logvar = encoder(xo).chunk(2, 1)
        z = mu + (0.5 * logvar).exp() * no
        loss = generative.elbo(decoder(z), xo, mu, logvar).loss
        loss.backward()
        a.step()
        return [loss.item()]

    def run_theirs() -> Any:
        b.zero_grad()
        mu, logvar = others[0](xt).chunk(2, 1)
        z = mu + (0.5 * logvar).exp() * nt
        bce = TF.binary_cross_entropy_with_logits(others[1](z), xt, reduction="sum")
        kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum()
        loss = (bce + kl) / len(xt)
        loss.backward()
        b.step()
        return [loss.item()]

    return run_ours, run_theirs


def gan() -> Any:
    """A judge's and a forger's step on digits, 16 -> 128 -> 64 against 64 -> 128 -> 1, batch 128."""
    forger, judge = nn.Sequential(*dense(16, 128, 64)), nn.Sequential(*dense(64, 128, 1))
    others = [to_torch(m) for m in (forger, judge)]
    x, z = digits(), floats(128, 16)
    ours = [optim.Adam(m.parameters(), 1e-4) for m in (forger, judge)]
    theirs = [torch.optim.Adam(m.parameters(), 1e-4) for m in others]
    xo, zo, xt, zt = dlcore.tensor(x), dlcore.tensor(z), torch.tensor(x), torch.tensor(z)
    bce, one, zero = TF.binary_cross_entropy_with_logits, torch.ones(128, 1), torch.zeros(128, 1)

    def run_ours() -> Any:
        d = generative.discriminator_step(forger, judge, ours[1], xo, zo)
        return [d, generative.generator_step(forger, judge, ours[0], zo)]

    def run_theirs() -> Any:
        with torch.no_grad():
            fake = others[0](zt)
        theirs[1].zero_grad()
        d = bce(others[1](xt), one) + bce(others[1](fake), zero)
        d.backward()
        theirs[1].step()
        theirs[0].zero_grad()
        others[1].requires_grad_(False)
        g = bce(others[1](others[0](zt)), one)
        g.backward()
        others[1].requires_grad_(True)
        theirs[0].step()
        return [d.item(), g.item()]

    return run_ours, run_theirs


def chain() -> Any:
    def long(x: Any) -> Any:
        y = x
        for _ in range(500):
            y = y * 1.001 + 0.001
        return y.sum()

    return op(long, long, floats(1))


ROWS: dict[str, tuple[Callable[[], tuple[Step, Step]], float]] = {
    "MLP 784-256-128-10, batch 128, step": (mlp, 1.0),
    "LeNet on 1x28x28, batch 64, step": (lenet, 0.95),
    "conv2d 32x64x28x28 -> 64, 3x3": (conv, 0.95),
    "conv2d depthwise 32x64x28x28, 3x3": (
        convolution((32, 64, 28, 28), (64, 1, 3, 3), padding=1, groups=64),
        1.2,
    ),
    "conv2d 32x16x28x28 -> 32, 5x5, stride 2": (
        convolution((32, 16, 28, 28), (32, 16, 5, 5), stride=2, padding=2),
        1.2,
    ),
    "transposed conv 32x32x14x14 -> 16, 4x4": (transposed, 1.2),
    "batch norm 64x32x28x28": (batch_norm, 1.0),
    "batch norm + layer norm 256x512": (columns_norm, 1.3),
    "layer norm 2048x128": (layer_norm(2048, 128), 1.5),
    "softmax 65536x64": (softmax(65_536, 64), 1.0),
    "GELU 4096x1024": (gelu(4096), 1.2),
    "RNN hidden 128, T 64, batch 32": (recurrent("RNN"), 1.0),
    "GRU hidden 128, T 64, batch 32": (recurrent("GRU"), 1.0),
    "LSTM hidden 128, T 64, batch 32": (recurrent("LSTM"), 1.1),
    "attention 16x4x128x32": (attention, 1.0),
    "attention 1x8x2048x64": (long_attention, 1.0),
    "transformer LM, 2 layers, d 128, step": (language_model, 1.0),
    "cross entropy 512x5000": (cross_entropy, 1.0),
    "embedding, 65,536 of 10,000": (embedding, 1.0),
    "x[i], 65,536 of 10,000 rows": (rows_by_number, 1.0),
    "VAE on digits, step": (vae, 1.0),
    "GAN on digits, both steps": (gan, 1.0),
    "chain of 1,000 scalar ops": (chain, 1.0),
    "lesson 5's Tensor, MLP, float64": (small_tensor, 1.5),
}

# from small to large: where an operation falls off
SCALING: dict[str, list[tuple[str, Callable[[], tuple[Step, Step]]]]] = {
    "layer norm": [(f"{n}x128", layer_norm(n, 128)) for n in (16, 512, 16_384)],
    "softmax": [(f"{n}x64", softmax(n, 64)) for n in (16, 1024, 65_536)],
    "GELU": [(f"{n}x1024", gelu(n)) for n in (1, 64, 4096)],
    "conv2d 16 -> 16, 3x3": [
        (f"{n}x16x28x28", convolution((n, 16, 28, 28), (16, 16, 3, 3), padding=1))
        for n in (1, 16, 64)
    ],
}


def agree(name: str, ours: Step, theirs: Step) -> None:
    for a, b in zip(ours(), theirs(), strict=True):
        scale = float(np.abs(b).max()) or 1.0
        error = float(np.abs(a - b).max()) / scale
        assert error < 1e-3, f"{name}: the two do not compute the same ({error:.1e})"


def seconds(act: Step) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def in_turn(act: Step, settle: float) -> float:
    """Time one call, after ``settle`` seconds of calls that do not count.

    Each library's worker threads go on spinning for a while after their work is done, in wait for
    more; with two threads on two cores the other library would be timed beside them.
    """
    start = time.perf_counter()
    while time.perf_counter() - start < settle:
        act()
    return seconds(act)


def measure(ours: Step, theirs: Step, budget: float, settle: float) -> tuple[Any, int]:
    """(ms, ms, ratio) of as many interleaved rounds as fit into ``budget`` seconds, 15 at least."""
    ours(), theirs()
    each = seconds(ours) + seconds(theirs)
    rounds = max(15, min(300, int(budget / (each + 2 * settle))))
    times = [(in_turn(ours, settle), in_turn(theirs, settle)) for _ in range(rounds)]
    return [(1000 * a, 1000 * b, a / b) for a, b in times], rounds


def summary(times: list[tuple[float, float, float]]) -> tuple[float, float, float, float, float]:
    """Medians of both times and of the ratio, and the ratio's lower and upper quartile."""
    a, b, ratio = (list(column) for column in zip(*times, strict=True))
    low, middle, high = statistics.quantiles(ratio, n=4)
    return statistics.median(a), statistics.median(b), middle, low, high


def speed(threads: int, budget: float = 3.0, only: str = "") -> None:
    torch.set_num_threads(threads)
    dlcore.set_num_threads(threads)
    names = [name for name in ROWS if only in name]
    families = {x.get("architecture") for x in threadpool_info() if x["user_api"] == "blas"}
    title = f"{threads} thread{'s' if threads > 1 else ''}, {', '.join(map(str, families))} kernels"
    table = Table(
        title, "dlcore ms", "PyTorch ms", "ratio", "middle half", "aim", "rounds", box=None
    )
    ratios = []
    for name in names:
        make, aim = ROWS[name]
        dlcore.manual_seed(0)
        ours, theirs = make()
        agree(name, ours, theirs)
        times, rounds = measure(ours, theirs, budget, 0.0 if threads == 1 else 0.2)
        a, b, ratio, low, high = summary(times)
        ratios.append(ratio)
        mark = ("" if ratio <= aim else " *") + (" noisy" if high - low > 0.25 * ratio else "")
        table.add_row(
            escape(name), f"{a:.2f}", f"{b:.2f}", f"{ratio:.2f}", f"{low:.2f}-{high:.2f}", f"{aim:.2f}{mark}", str(rounds)
        )  # fmt: skip
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    table.add_row("geometric mean", "", "", f"{mean:.2f}", "", "0.70" if threads == 1 else "0.75")
    console.print(table)


def scaling() -> None:
    """One thread: the ratio at a small, a middle and a large size."""
    torch.set_num_threads(1)
    dlcore.set_num_threads(1)
    table = Table("ratio by size", "small", "middle", "large", box=None)
    for name, sizes in SCALING.items():
        cells = []
        for size, make in sizes:
            ours, theirs = make()
            agree(f"{name} {size}", ours, theirs)
            cells.append(f"{size} {summary(measure(ours, theirs, 1.0, 0.0)[0])[2]:.2f}")
        table.add_row(name, *cells)
    console.print(table)


def peak(row: str, library: str) -> float:
    """Most memory above what was there before, in MB, of a forward and backward in a new process.

    Measured at the second time, after what was freed has been given back: the first one loads code, and
    memory that is kept for later would hide what is used.
    """
    code = (
        "import ctypes, gc\n"
        "from tests import bench_dlcore as b\n"
        f"ours, theirs = b.ROWS[{row!r}][0]()\n"
        f"act = {'ours' if library == 'dlcore' else 'theirs'}\n"
        "for _ in range(2):\n"
        "    act()\n"
        "gc.collect()\nctypes.CDLL(None).malloc_trim(0)\n"
        "b.reset_peak()\nbefore = b.peak_kb()\nact()\nprint((b.peak_kb() - before) / 1024)"
    )
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    return float(done.stdout.split()[-1])


def reset_peak() -> None:
    """Linux: let the kernel's high-water mark start from what is in use now."""
    with open("/proc/self/clear_refs", "w") as file:  # noqa: PTH123
        file.write("5")


def peak_kb() -> int:
    with open("/proc/self/status") as file:  # noqa: PTH123
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def memory() -> None:
    if not os.access("/proc/self/clear_refs", os.W_OK):
        console.print("peak memory is measured on Linux only")
        return
    table = Table("peak extra memory", "dlcore MB", "PyTorch MB", "ratio", "aim", box=None)
    rows = (
        "conv2d 32x64x28x28 -> 64, 3x3",
        "attention 16x4x128x32",
        "attention 1x8x2048x64",
        "LSTM hidden 128, T 64, batch 32",
        "cross entropy 512x5000",
    )
    for row in rows:
        a, b = peak(row, "dlcore"), peak(row, "torch")
        table.add_row(row, f"{a:.1f}", f"{b:.1f}", f"{a / b:.2f}", "1.30")
    console.print(table)


def main() -> None:
    for threads in map(int, os.environ.get("THREADS", "1 2").split()):
        speed(threads, only=sys.argv[1] if len(sys.argv) > 1 else "")
        console.print()
    if len(sys.argv) == 1:
        scaling()
        console.print()
        memory()


if __name__ == "__main__":
    main()
