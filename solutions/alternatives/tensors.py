# Right answers to lesson 05, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905, B023


# %% matmul_backward: einsum
import numpy as np


def matmul_backward(g, a, b):
    return np.einsum("nm,km->nk", g, b), np.einsum("nk,nm->km", a, g)


# %% matmul_backward: entry by entry
def matmul_backward(g, a, b):
    da, db = np.zeros(a.shape), np.zeros(b.shape)
    for n in range(a.shape[0]):
        for m in range(b.shape[1]):
            da[n] += g[n, m] * b[:, m]
            db[:, m] += a[n] * g[n, m]
    return da, db


# %% matmul_backward: transposed products
def matmul_backward(g, a, b):
    return np.dot(b, g.T).T, np.dot(g.T, a).T


# %% unbroadcast: both kinds of axes at once
def unbroadcast(g, shape):
    missing = g.ndim - len(shape)
    stretched = [missing + i for i, n in enumerate(shape) if n == 1]
    return g.sum(axis=(*range(missing), *stretched)).reshape(shape)


# %% unbroadcast: collecting copies by their place
def unbroadcast(g, shape):
    size = int(np.prod(shape))
    origin = np.broadcast_to(np.arange(size).reshape(shape), g.shape)
    return np.bincount(origin.ravel(), weights=g.ravel(), minlength=size).reshape(shape)


# %% unbroadcast: recursion
def unbroadcast(g, shape):
    if g.ndim > len(shape):
        return unbroadcast(sum(g), shape)
    for axis in range(g.ndim):
        if shape[axis] != g.shape[axis]:
            return unbroadcast(np.add.reduce(g, axis=axis, keepdims=True), shape)
    return g


# %% sum_backward: reshape and copy
def sum_backward(g, shape, axis=None, keepdims=False):
    kept = [1] * len(shape) if axis is None else list(shape)
    if axis is not None:
        kept[axis] = 1
    return np.broadcast_to(np.reshape(g, kept), shape).copy()


# %% sum_backward: adding to zeros
def sum_backward(g, shape, axis=None, keepdims=False):
    result = np.zeros(shape)
    if axis is None:
        result += np.sum(g)
        return result
    view = np.moveaxis(result, axis, 0)
    view += np.moveaxis(g, axis, 0) if keepdims else g
    return result


# %% sum_backward: stack and repeat
def sum_backward(g, shape, axis=None, keepdims=False):
    if axis is None:
        return np.full(shape, np.ravel(g)[0])
    if keepdims:
        return np.repeat(g, shape[axis], axis=axis)
    return np.stack([g] * shape[axis], axis=axis)


# %% index_backward: numbers for places
def index_backward(g, shape, index):
    size = int(np.prod(shape))
    places = np.arange(size).reshape(shape)[index]
    return np.bincount(places.ravel(), weights=g.ravel(), minlength=size).reshape(shape)


# %% index_backward: one at a time
def index_backward(g, shape, index):
    result = np.zeros(shape).ravel()
    places = np.arange(result.size).reshape(shape)[index]
    for place, value in zip(places.ravel(), g.ravel()):
        result[place] += value
    return result.reshape(shape)


# %% index_backward: a table of who took what
def index_backward(g, shape, index):
    size = int(np.prod(shape))
    places = np.arange(size).reshape(shape)[index].ravel()
    taken = places[:, None] == np.arange(size)
    return (g.ravel() @ taken).reshape(shape)


# %% Tensor: each result knows how to send back
class Tensor:
    __array_ufunc__ = None

    def __init__(self, data, parents=(), vjp=None):
        self.data = np.array(data, dtype=np.float64)
        self.grad = np.zeros(self.data.shape)
        self.parents, self.vjp = parents, vjp
        self.send = lambda: None

    def make(self, data, parents, send):
        out = Tensor(data, parents)
        out.send = lambda: send(out.grad)
        return out

    def collect(self, g):
        while g.ndim > self.data.ndim:
            g = g.sum(0)
        axes = tuple(i for i, n in enumerate(self.data.shape) if n == 1)
        self.grad = self.grad + g.sum(axis=axes, keepdims=True)

    def __add__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)

        def send(g):
            self.collect(g)
            other.collect(g)

        return self.make(self.data + other.data, (self, other), send)

    def __mul__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)

        def send(g):
            self.collect(g * other.data)
            other.collect(g * self.data)

        return self.make(self.data * other.data, (self, other), send)

    def __matmul__(self, other):
        def send(g):
            self.collect(g @ other.data.T)
            other.collect(self.data.T @ g)

        return self.make(self.data @ other.data, (self, other), send)

    @property
    def T(self):
        return self.make(self.data.T, (self,), lambda g: self.collect(g.T))

    def __pow__(self, n):
        slope = n * self.data ** (n - 1)
        return self.make(self.data**n, (self,), lambda g: self.collect(g * slope))

    def exp(self):
        y = np.exp(self.data)
        return self.make(y, (self,), lambda g: self.collect(g * y))

    def log(self):
        return self.make(np.log(self.data), (self,), lambda g: self.collect(g / self.data))

    def tanh(self):
        y = np.tanh(self.data)
        return self.make(y, (self,), lambda g: self.collect(g * (1 - y) * (1 + y)))

    def sum(self, axis=None, keepdims=False):
        def send(g):
            g = g if axis is None or keepdims else np.expand_dims(g, axis)
            self.grad = self.grad + np.broadcast_to(g, self.data.shape)

        return self.make(self.data.sum(axis=axis, keepdims=keepdims), (self,), send)

    def __getitem__(self, index):
        def send(g):
            found = np.zeros(self.data.shape)
            np.add.at(found, index, g)
            self.grad = self.grad + found

        return self.make(self.data[index], (self,), send)

    def backward(self, g=1.0):
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack.extend((parent, False) for parent in node.parents)
        self.grad = self.grad + g
        for node in order[::-1]:
            node.send()

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -1 * other

    def __rsub__(self, other):
        return other + -self

    def __truediv__(self, other):
        return self * other**-1

    def __rtruediv__(self, other):
        return other * self**-1


# %% Tensor: gradients in a dictionary, None until they come
class Tensor:
    __array_priority__ = 1000
    newest = 0

    def __init__(self, data, parents=(), vjp=None):
        self.data, self.grad = np.asarray(data, float), None
        self.parents, self.vjp = parents, vjp
        Tensor.newest += 1
        self.number = Tensor.newest

    @staticmethod
    def of(x):
        return x if isinstance(x, Tensor) else Tensor(x)

    def _elementwise(self, other, result, slopes):
        def back(g):
            both = []
            for parent, slope in zip((self, other), slopes):
                share = g * slope
                shape = parent.data.shape
                share = share.sum(tuple(range(share.ndim - len(shape))))
                for axis in range(len(shape)):
                    if shape[axis] == 1:
                        share = share.sum(axis, keepdims=True)
                both.append(share)
            return both

        return Tensor(result, [self, other], back)

    def __add__(self, other):
        other = Tensor.of(other)
        return self._elementwise(other, self.data + other.data, (1.0, 1.0))

    def __sub__(self, other):
        other = Tensor.of(other)
        return self._elementwise(other, self.data - other.data, (1.0, -1.0))

    def __mul__(self, other):
        other = Tensor.of(other)
        return self._elementwise(other, self.data * other.data, (other.data, self.data))

    def __truediv__(self, other):
        other = Tensor.of(other)
        slopes = 1 / other.data, -self.data / other.data**2
        return self._elementwise(other, self.data / other.data, slopes)

    def __radd__(self, other):
        return Tensor.of(other) + self

    def __rsub__(self, other):
        return Tensor.of(other) - self

    def __rmul__(self, other):
        return Tensor.of(other) * self

    def __rtruediv__(self, other):
        return Tensor.of(other) / self

    def __neg__(self):
        return 0.0 - self

    def __matmul__(self, other):
        a, b = self.data, other.data
        back = lambda g: [np.einsum("ij,kj->ik", g, b), np.einsum("ij,ik->jk", a, g)]
        return Tensor(a @ b, [self, other], back)

    @property
    def T(self):
        return Tensor(self.data.transpose(), [self], lambda g: [g.transpose()])

    def _map(self, result, slope):
        return Tensor(result, [self], lambda g: [g * slope])

    def __pow__(self, n):
        return self._map(np.power(self.data, n), n * np.power(self.data, n - 1))

    def exp(self):
        return self._map(np.exp(self.data), np.exp(self.data))

    def log(self):
        return self._map(np.log(self.data), self.data**-1.0)

    def tanh(self):
        return self._map(np.tanh(self.data), np.cosh(self.data) ** -2.0)

    def sum(self, axis=None, keepdims=False):
        shape = self.data.shape
        kept = self.data.sum(axis=axis, keepdims=True).shape
        back = lambda g: [np.ones(shape) * np.reshape(g, kept)]
        return Tensor(self.data.sum(axis=axis, keepdims=keepdims), [self], back)

    def __getitem__(self, index):
        places = np.arange(self.data.size).reshape(self.data.shape)[index]

        def back(g):
            flat = np.bincount(places.ravel(), g.ravel(), minlength=self.data.size)
            return [flat.reshape(self.data.shape)]

        return Tensor(self.data[index], [self], back)

    def backward(self, g=1.0):
        arrived, waiting = {self: np.zeros_like(self.data) + g}, {self}
        while waiting:
            node = max(waiting, key=lambda t: t.number)
            waiting.remove(node)
            gradient = arrived.pop(node)
            node.grad = gradient if node.grad is None else node.grad + gradient
            if node.vjp:
                for parent, share in zip(node.parents, node.vjp(gradient)):
                    arrived[parent] = arrived[parent] + share if parent in arrived else share
                    waiting.add(parent)


# %% Tensor: a table of operations
class Tensor:
    __array_ufunc__ = None
    RESULT = {
        "+": np.add,
        "*": np.multiply,
        "@": np.matmul,
        "exp": np.exp,
        "log": np.log,
        "tanh": np.tanh,
        "T": np.transpose,
    }
    BACK = {
        "+": lambda g, y, a, b: (g, g),
        "*": lambda g, y, a, b: (g * b, g * a),
        "@": lambda g, y, a, b: (g @ b.T, a.T @ g),
        "exp": lambda g, y, a: (g * y,),
        "log": lambda g, y, a: (g / a,),
        "tanh": lambda g, y, a: (g * (1 - y**2),),
        "T": lambda g, y, a: (g.T,),
    }

    def __init__(self, data, parents=(), vjp=None):
        self.data = np.asarray(data, dtype=float)
        self.grad = np.zeros_like(self.data)
        self.parents, self.vjp = parents, vjp

    def apply(self, name, *others):
        operands = [self, *(o if isinstance(o, Tensor) else Tensor(o) for o in others)]
        arrays = [o.data for o in operands]
        y = Tensor.RESULT[name](*arrays)
        return Tensor(y, operands, lambda g: Tensor.BACK[name](g, y, *arrays))

    def __add__(self, other):
        return self.apply("+", other)

    def __mul__(self, other):
        return self.apply("*", other)

    def __matmul__(self, other):
        return self.apply("@", other)

    def exp(self):
        return self.apply("exp")

    def log(self):
        return self.apply("log")

    def tanh(self):
        return self.apply("tanh")

    @property
    def T(self):
        return self.apply("T")

    def __pow__(self, n):
        return Tensor(self.data**n, (self,), lambda g: (n * self.data ** (n - 1) * g,))

    def sum(self, axis=None, keepdims=False):
        shape = [1 if axis in (None, i) else n for i, n in enumerate(self.data.shape)]
        total = self.data.sum(axis=axis, keepdims=keepdims)
        return Tensor(total, (self,), lambda g: (0 * self.data + g.reshape(shape),))

    def __getitem__(self, index):
        def back(g):
            out = 0 * self.data
            np.add.at(out, index, g)
            return (out,)

        return Tensor(self.data[index], (self,), back)

    def backward(self, g=1.0):
        children, family, new = {self: 0}, [self], [self]
        while new:
            for parent in new.pop().parents:
                if parent not in children:
                    children[parent] = 0
                    new.append(parent)
                    family.append(parent)
        for node in family:
            for parent in node.parents:
                children[parent] += 1
        self.grad = self.grad + g
        ready = [self]
        while ready:
            node = ready.pop()
            shares = node.vjp(node.grad) if node.vjp else ()
            for parent, share in zip(node.parents, shares):
                extra = share.ndim - parent.data.ndim
                share = share.sum(axis=tuple(range(extra)))
                ones = tuple(i for i in range(share.ndim) if parent.data.shape[i] == 1)
                parent.grad = parent.grad + share.sum(axis=ones, keepdims=True)
                children[parent] -= 1
                if not children[parent]:
                    ready.append(parent)

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other)

    def __truediv__(self, other):
        return self * other**-1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other


# %% compare_gradients: one line
def compare_gradients(mine, reference, tolerance=1e-6):
    return [
        name
        for name, m in mine.items()
        if m.shape != (r := reference[name]).shape
        or not np.allclose(m, r, rtol=0, atol=tolerance * abs(r).max())
    ]


# %% compare_gradients: a helper that says whether two agree
def compare_gradients(mine, reference, tolerance=1e-6):
    def agree(a, b):
        if a.shape != b.shape:
            return False
        largest = max(abs(v) for v in b.ravel())
        return all(abs(u - v) <= tolerance * largest for u, v in zip(a.ravel(), b.ravel()))

    return [name for name in mine if not agree(mine[name], reference[name])]


# %% compare_gradients: norms
def compare_gradients(mine, reference, tolerance=1e-6):
    wrong = []
    for name in mine:
        a, b = mine[name], reference[name]
        if a.shape != b.shape or np.isnan(a).any():
            wrong.append(name)
        elif np.linalg.norm((a - b).ravel(), np.inf) > tolerance * np.linalg.norm(
            b.ravel(), np.inf
        ):
            wrong.append(name)
    return wrong


# %% training_step: the backward pass by hand
def training_step(layers, x, t, lr=0.1):
    inputs = [x]
    for w, b in layers[:-1]:
        inputs.append(np.tanh(inputs[-1] @ w.T + b))
    w, b = layers[-1]
    scores = inputs[-1] @ w.T + b
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    n = np.arange(len(t))
    loss = -np.log(p[n, t]).mean()
    g = p
    g[n, t] -= 1
    g /= len(t)
    new = []
    for (w, b), h in zip(layers[::-1], inputs[::-1]):
        new.insert(0, (w - lr * (g.T @ h), b - lr * g.sum(axis=0)))
        g = (g @ w) * (1 - h**2)
    return loss, new


# %% training_step: one layer calls the next
def training_step(layers, x, t, lr=0.1):
    def down(depth, h):
        """The loss, the new layers from here on, and the gradient of h."""
        w, b = layers[depth]
        z = np.einsum("nd,md->nm", h, w) + b
        if depth == len(layers) - 1:
            m = z.max(axis=1)
            log_sum = m + np.log(np.exp(z - m[:, None]).sum(axis=1))
            loss = float(np.mean(log_sum - z[np.arange(len(t)), t]))
            g = (np.exp(z - log_sum[:, None]) - np.eye(z.shape[1])[t]) / len(t)
            rest = []
        else:
            y = np.tanh(z)
            loss, rest, g = down(depth + 1, y)
            g = g * (1 - y * y)
        new = w - lr * np.einsum("nm,nd->md", g, h), b - lr * g.sum(0)
        return loss, [new, *rest], g @ w

    loss, new, _ = down(0, x)
    return loss, new


# %% training_step: the biases as one more column
def training_step(layers, x, t, lr=0.1):
    joined = [np.column_stack([w, b]) for w, b in layers]
    h, seen = x, []
    for depth, weights in enumerate(joined):
        h = np.column_stack([h, np.ones(len(h))])
        seen.append(h)
        h = h @ weights.T
        if depth + 1 < len(joined):
            h = np.tanh(h)
    y = np.zeros(h.shape)
    y[np.arange(len(t)), t] = 1
    surprise = np.logaddexp.reduce(h, axis=1, keepdims=True) - h
    loss = np.sum(surprise * y) / len(t)
    g = (np.exp(-surprise) - y) / len(t)
    for depth in range(len(joined) - 1, -1, -1):
        change = g.T @ seen[depth]
        g = (g @ joined[depth])[:, :-1] * (1 - seen[depth][:, :-1] ** 2)
        joined[depth] = joined[depth] - lr * change
    return loss, [(weights[:, :-1], weights[:, -1]) for weights in joined]
