# Right answers to lesson 09, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905


# %% correlate2d: a loop over the weights
import numpy as np


def correlate2d(image, kernel):
    rows, columns = np.array(image.shape) - kernel.shape + 1
    y = np.zeros((rows, columns))
    for (a, b), weight in np.ndenumerate(kernel):
        y += weight * image[a : a + rows, b : b + columns]
    return y


# %% correlate2d: all windows at once
def correlate2d(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return np.einsum("ijab,ab->ij", windows, kernel)


# %% correlate2d: lists of numbers
def correlate2d(image, kernel):
    (height, width), (tall, wide) = image.shape, kernel.shape
    return np.array(
        [
            [
                sum(image[i + a, j + b] * kernel[a, b] for a in range(tall) for b in range(wide))
                for j in range(width - wide + 1)
            ]
            for i in range(height - tall + 1)
        ]
    )


# %% receptive_field: from the last layer back
def receptive_field(n, layers):
    for kernel, stride, padding in layers:
        n = 1 + int(np.floor((n + 2 * padding - kernel) / stride))
    seen = 1
    for kernel, stride, _ in reversed(layers):
        seen = (seen - 1) * stride + kernel
    return n, seen


# %% receptive_field: by counting places
def receptive_field(n, layers):
    ends = [0]  # the pixels that the first number has seen, without padding
    for kernel, stride, padding in layers[::-1]:
        ends = [stride * p + a for p in ends for a in range(kernel)]
    for kernel, stride, padding in layers:
        n = len(range(0, n + 2 * padding - kernel + 1, stride))
    return n, max(ends) + 1


# %% receptive_field: products of strides
def receptive_field(n, layers):
    strides = [stride for _, stride, _ in layers]
    seen = 1 + sum((k - 1) * int(np.prod(strides[:i])) for i, (k, _, _) in enumerate(layers))
    for k, s, p in layers:
        n = (n + 2 * p - k + s) // s
    return np.int64(n), seen


# %% conv2d_loops: a tensor product at each place
def conv2d_loops(x, w, b, stride=1, padding=0):
    k = w.shape[-1]
    x = np.pad(x, [(0, 0)] * 2 + [(padding, padding)] * 2)
    rows = [
        [
            np.tensordot(x[:, :, i : i + k, j : j + k], w, axes=([1, 2, 3], [1, 2, 3]))
            for j in range(0, x.shape[3] - k + 1, stride)
        ]
        for i in range(0, x.shape[2] - k + 1, stride)
    ]
    return np.moveaxis(np.array(rows), (0, 1), (2, 3)) + b[:, None, None]


# %% conv2d_loops: windows of NumPy
def conv2d_loops(x, w, b, stride=1, padding=0):
    if padding:
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    seen = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    y = np.einsum("ncijab,mcab->nmij", seen[:, :, ::stride, ::stride], w)
    return y + b.reshape(1, -1, 1, 1)


# %% conv2d_loops: zeros only where they are needed
def conv2d_loops(x, w, b, stride=1, padding=0):
    n, c, height, width = x.shape
    m, _, k, _ = w.shape
    rows = (height + 2 * padding - k) // stride + 1
    columns = (width + 2 * padding - k) // stride + 1
    y = np.zeros((n, m, rows, columns)) + b[None, :, None, None]
    for i in range(rows):
        for j in range(columns):
            for a in range(k):
                for bb in range(k):
                    p, q = i * stride + a - padding, j * stride + bb - padding
                    if 0 <= p < height and 0 <= q < width:
                        y[:, :, i, j] += x[:, :, p, q] @ w[:, :, a, bb].T
    return y


# %% unfold: window by window
def unfold(x, kernel_size, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    columns = []
    for i in range(0, x.shape[2] - kernel_size + 1, stride):
        for j in range(0, x.shape[3] - kernel_size + 1, stride):
            window = x[:, :, i : i + kernel_size, j : j + kernel_size]
            columns.append(window.reshape(len(x), -1))
    return np.stack(columns, axis=2)


# %% unfold: a view of NumPy
def unfold(x, kernel_size, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    seen = np.lib.stride_tricks.sliding_window_view(x, (kernel_size, kernel_size), axis=(2, 3))
    seen = seen[:, :, ::stride, ::stride].transpose(0, 1, 4, 5, 2, 3)
    return seen.reshape(len(x), x.shape[1] * kernel_size**2, -1)


# %% unfold: by integer indices
def unfold(x, kernel_size, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    places = [np.arange(0, side - kernel_size + 1, stride) for side in x.shape[2:]]
    steps = np.arange(kernel_size)
    i = steps[:, None, None, None] + places[0][:, None]
    j = steps[None, :, None, None] + places[1]
    return x[:, :, i, j].reshape(len(x), -1, len(places[0]) * len(places[1]))


# %% conv2d_backward: window by window
def conv2d_backward(g, x, w, stride=1, padding=0):
    k, (height, width) = w.shape[-1], x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dx, dw = np.zeros(padded.shape), np.zeros(w.shape)
    for n, m, i, j in np.ndindex(g.shape):
        rows, columns = (slice(p * stride, p * stride + k) for p in (i, j))
        dx[n, :, rows, columns] += g[n, m, i, j] * w[m]
        dw[m] += g[n, m, i, j] * padded[n, :, rows, columns]
    inner = dx[:, :, padding : padding + height, padding : padding + width]
    return inner, dw, np.sum(g, axis=(0, 2, 3))


# %% conv2d_backward: einsum for each weight
def conv2d_backward(g, x, w, stride=1, padding=0):
    rows, columns = g.shape[2:]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for a, b in np.ndindex(w.shape[2:]):
        at = np.s_[:, :, a : a + stride * rows : stride, b : b + stride * columns : stride]
        dw[:, :, a, b] = np.einsum("nmij,ncij->mc", g, x[at])
        dx[at] += np.einsum("nmij,mc->ncij", g, w[:, :, a, b])
    far = [side - padding for side in x.shape[2:]]
    return dx[:, :, padding : far[0], padding : far[1]], dw, g.sum((0, 2, 3))


# %% conv2d_backward: a correlation with turned kernels
def conv2d_backward(g, x, w, stride=1, padding=0):
    k, n, (height, width) = w.shape[-1], len(x), x.shape[2:]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    # g as a window of stride 1 would have it: zeros between its numbers, and k - 1 of them around
    apart = np.zeros((n, len(w), x.shape[2] - k + 1, x.shape[3] - k + 1))
    apart[:, :, ::stride, ::stride][:, :, : g.shape[2], : g.shape[3]] = g
    wide = np.pad(apart, ((0, 0), (0, 0), (k - 1, k - 1), (k - 1, k - 1)))
    view = np.lib.stride_tricks.sliding_window_view
    dx = np.einsum("nmijab,mcab->ncij", view(wide, (k, k), axis=(2, 3)), w[:, :, ::-1, ::-1])
    dw = np.einsum("ncabij,nmij->mcab", view(x, apart.shape[2:], axis=(2, 3)), apart)
    dx = dx[:, :, padding : padding + height, padding : padding + width]
    return dx, dw, g.sum(axis=-1).sum(axis=-1).sum(axis=0)


# %% pool2d: a loop over the places within a square
def pool2d(x, size=2, kind="max"):
    rows, columns = x.shape[2] // size, x.shape[3] // size
    parts = [
        x[:, :, a::size, b::size][:, :, :rows, :columns] for a in range(size) for b in range(size)
    ]
    return np.max(parts, axis=0) if kind == "max" else sum(parts) / len(parts)


# %% pool2d: square by square
def pool2d(x, size=2, kind="max"):
    f = {"max": np.max, "avg": np.mean}[kind]
    y = np.empty((*x.shape[:2], x.shape[2] // size, x.shape[3] // size))
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            square = x[:, :, i * size : (i + 1) * size, j * size : (j + 1) * size]
            y[:, :, i, j] = f(square, axis=(2, 3))
    return y


# %% pool2d: windows with a stride
def pool2d(x, size=2, kind="max"):
    seen = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    seen = seen[:, :, ::size, ::size]
    return getattr(seen, {"max": "max", "avg": "mean"}[kind])(axis=(-2, -1))


# %% pool2d_backward: square by square
def pool2d_backward(g, x, size=2, kind="max"):
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(g.shape):
        top, left = i * size, j * size
        if kind == "max":
            a, b = divmod(int(x[n, c, top : top + size, left : left + size].argmax()), size)
            dx[n, c, top + a, left + b] = g[n, c, i, j]
        else:
            dx[n, c, top : top + size, left : left + size] = g[n, c, i, j] / size**2
    return dx


# %% pool2d_backward: the largest share it
def pool2d_backward(g, x, size=2, kind="max"):
    rows, columns = g.shape[2:]
    dx = np.zeros_like(x)
    used = x[:, :, : rows * size, : columns * size]
    wide = g.repeat(size, axis=2).repeat(size, axis=3)
    if kind == "avg":
        share = np.ones(used.shape)
    else:
        at = (*x.shape[:2], rows, size, columns, size)
        largest = used.reshape(at).max(axis=(3, 5)).repeat(size, axis=2).repeat(size, axis=3)
        share = (used == largest) * 1.0
    count = share.reshape(*x.shape[:2], rows, size, columns, size).sum(axis=(3, 5))
    share = share / count.repeat(size, axis=2).repeat(size, axis=3)
    dx[:, :, : rows * size, : columns * size] = wide * share
    return dx


# %% pool2d_backward: the last of the largest, by np.kron
def pool2d_backward(g, x, size=2, kind="max"):
    dx = np.zeros(x.shape)
    rows, columns = g.shape[2:]
    whole = dx[:, :, : rows * size, : columns * size]
    if kind == "avg":
        whole += np.kron(g, np.ones((size, size))) / size**2
        return dx
    left = g.copy()
    best = np.kron(
        np.stack(
            [
                x[:, :, a::size, b::size][:, :, :rows, :columns]
                for a in range(size)
                for b in range(size)
            ]
        ).max(axis=0),
        np.ones((size, size)),
    )
    for a in reversed(range(size)):
        for b in reversed(range(size)):
            hit = (x[:, :, a::size, b::size][:, :, :rows, :columns]) == best[:, :, a::size, b::size]
            whole[:, :, a::size, b::size] += left * hit
            left = left * ~hit
    return dx


# %% lenet_loss: by hand, without a tape
def lenet_loss(params, x, t):
    w1, b1, w2, b2, w, b = params

    def convolve(x, w, b):
        x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        seen = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
        return np.einsum("ncijab,mcab->nmij", seen, w) + b[:, None, None], seen

    def back(g, seen, w):
        dx = convolve(g, w[:, :, ::-1, ::-1].swapaxes(0, 1), np.zeros(w.shape[1]))[0]
        return dx, np.einsum("ncijab,nmij->mcab", seen, g), g.sum(axis=(0, 2, 3))

    z1, seen1 = convolve(x, w1, b1)
    h1 = np.maximum(z1, 0)
    z2, seen2 = convolve(h1, w2, b2)
    h2 = np.maximum(z2, 0)
    n, m, height, width = h2.shape
    squares = h2.reshape(n, m, height // 2, 2, width // 2, 2)
    y = squares.max(axis=(3, 5))
    flat = y.reshape(n, -1)
    scores = flat @ w.T + b
    scores = scores - scores.max(axis=1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    g = (np.exp(logs) - np.eye(len(b))[t]) / n
    dw, db = g.T @ flat, g.sum(axis=0)
    g = (g @ w).reshape(y.shape)[:, :, :, None, :, None] * (squares == y[:, :, :, None, :, None])
    g, dw2, db2 = back(g.reshape(h2.shape) * (z2 > 0), seen2, w2)
    g, dw1, db1 = back(g * (z1 > 0), seen1, w1)
    return -logs[np.arange(n), t].mean(), [dw1, db1, dw2, db2, dw, db], g


# %% lenet_loss: pooling before the ReLU
from dlcore.scratch.tensors import Tensor


def lenet_loss(params, x, t):
    def unfolded(x):
        x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))

    def convolution(x, w, b):
        def send(g):
            around = unfolded(g)
            dx = np.einsum("nmijab,mcab->ncij", around, w.data[:, :, ::-1, ::-1])
            return dx, np.einsum("ncijab,nmij->mcab", unfolded(x.data), g), g.sum(axis=(0, 2, 3))

        y = np.einsum("ncijab,mcab->nmij", unfolded(x.data), w.data)
        return Tensor(y + b.data[:, None, None], (x, w, b), send)

    def pooling(x):
        n, c, height, width = x.data.shape
        parts = [x.data[:, :, a::2, b::2] for a in (0, 1) for b in (0, 1)]
        which = np.argmax(parts, axis=0)

        def send(g):
            dx = np.zeros(x.data.shape)
            for k in range(4):
                dx[:, :, k // 2 :: 2, k % 2 :: 2] = g * (which == k)
            return (dx,)

        return Tensor(np.max(parts, axis=0), (x,), send)

    leaves = [Tensor(p) for p in params]
    first, last = Tensor(x), leaves[4:]
    h = convolution(first, *leaves[:2])
    h = pooling(convolution(h * (h.data > 0), *leaves[2:4]))
    h = h * (h.data > 0)
    row = Tensor(h.data.reshape(len(x), -1), (h,), lambda g: [g.reshape(h.data.shape)])
    loss = (row @ last[0].T + last[1]).cross_entropy(t)
    loss.backward()
    return loss.data, [leaf.grad for leaf in leaves], first.grad


# %% lenet_loss: windows by index, on the tape that is there
from dlcore.scratch.tensors import Tensor


def lenet_loss(params, x, t):
    leaves = [Tensor(p) for p in params]
    start = Tensor(x)

    def windows(h):
        """Each window as a row, by indices into the padded maps: the tape knows the backward pass of an index."""
        n, c, height, width = h.data.shape
        room = Tensor(
            np.pad(h.data, ((0, 0), (0, 0), (1, 1), (1, 1))),
            (h,),
            lambda g: (g[:, :, 1:-1, 1:-1],),
        )
        n_, i, j, c_, a, b = np.ogrid[:n, :height, :width, :c, :3, :3]
        return room[n_, c_, i + a, j + b], (n, height, width)

    h = start
    for w, b in zip(leaves[:4:2], leaves[1:4:2]):
        seen, (n, height, width) = windows(h)
        many = w.data[0].size
        rows = Tensor(
            seen.data.reshape(-1, many), (seen,), lambda g, seen=seen: (g.reshape(seen.data.shape),)
        )
        flat = Tensor(w.data.reshape(-1, many), (w,), lambda g, w=w: (g.reshape(w.data.shape),))
        z = rows @ flat.T + b
        z = z * (z.data > 0)
        at = (n, height, width, len(w.data))
        h = Tensor(
            np.moveaxis(z.data.reshape(at), 3, 1),
            (z,),
            lambda g, z=z: (np.moveaxis(g, 1, 3).reshape(z.data.shape),),
        )
    n, m, height, width = h.data.shape
    squares = h.data.reshape(n, m, height // 2, 2, width // 2, 2).swapaxes(3, 4)
    which = squares.reshape(n, m, height // 2, width // 2, 4).argmax(axis=-1)
    n_, m_, i, j = np.ogrid[:n, :m, : height // 2, : width // 2]
    y = h[n_, m_, 2 * i + which // 2, 2 * j + which % 2]
    row = Tensor(y.data.reshape(n, -1), (y,), lambda g: (g.reshape(y.data.shape),))
    loss = (row @ leaves[4].T + leaves[5]).cross_entropy(t)
    loss.backward()
    return loss.data, [leaf.grad for leaf in leaves], start.grad
