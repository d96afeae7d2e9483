# Right answers to lesson 04, written in other styles. Each cell is titled "exercise: style".
# All of them must get full marks: `tests/solutions/test_exercises.py` sees to it.
# ruff: noqa: B905

# %% numerical_derivative: named points
import numpy as np


def numerical_derivative(f, x, h=1e-6):
    left, right = x - h, x + h
    return (f(right) - f(left)) / (right - left)


# %% numerical_derivative: the mean of two one-sided slopes
def numerical_derivative(f, x, h=1e-6):
    return 0.5 * ((f(x + h) - f(x)) / h + (f(x) - f(x - h)) / h)


# %% numerical_derivative: np.diff
def numerical_derivative(f, x, h=1e-6):
    return np.diff([f(x - h), f(x + h)])[0] / (2 * h)


# %% neuron_gradients: with math and lists
import math


def neuron_gradients(w, x, b):
    z = b + sum(wi * xi for wi, xi in zip(w, x))
    slope = 1 - math.tanh(z) ** 2
    return np.array([slope * xi for xi in x]), np.array([slope * wi for wi in w]), slope


# %% neuron_gradients: one over cosh squared
def neuron_gradients(w, x, b):
    slope = 1 / np.cosh(np.dot(w, x) + b) ** 2
    return slope * x, slope * w, slope


# %% neuron_gradients: from exponentials
def neuron_gradients(w, x, b):
    e = np.exp(-2 * (w @ x + b))
    y = (1 - e) / (1 + e)
    dz = (1 - y) * (1 + y)
    return x * dz, w * dz, dz


# %% topological_order: counting children
def topological_order(graph, root):
    needed, queue = {root}, [root]
    while queue:
        for parent in graph[queue.pop()]:
            if parent not in needed:
                needed.add(parent)
                queue.append(parent)
    children = dict.fromkeys(needed, 0)
    for name in needed:
        for parent in graph[name]:
            children[parent] += 1
    order, free = [], [root]
    while free:
        name = free.pop()
        order.append(name)
        for parent in graph[name]:
            children[parent] -= 1
            if children[parent] == 0:
                free.append(parent)
    return order[::-1]


# %% topological_order: iterators on a stack
def topological_order(graph, root):
    order, seen = [], {root}
    stack = [(root, iter(graph[root]))]
    while stack:
        name, parents = stack[-1]
        for parent in parents:
            if parent not in seen:
                seen.add(parent)
                stack.append((parent, iter(graph[parent])))
                break
        else:
            order.append(name)
            stack.pop()
    return order


# %% topological_order: looking twice at each
def topological_order(graph, root):
    order, done, stack = [], set(), [root]
    while stack:
        name = stack[-1]
        missing = [parent for parent in graph[name] if parent not in done]
        if missing:
            stack.extend(missing)
        else:
            stack.pop()
            if name not in done:
                done.add(name)
                order.append(name)
    return tuple(order)


# %% gradients: the sum over all children, remembered
def gradients(graph, root):
    children, seen, stack = {root: []}, set(), [root]
    while stack:
        name = stack.pop()
        if name in seen:
            continue
        seen.add(name)
        for parent, slope in graph[name]:
            children.setdefault(parent, []).append((name, slope))
            stack.append(parent)
    found = {root: 1.0}

    def of(name):
        if name not in found:
            found[name] = sum(slope * of(child) for child, slope in children[name])
        return found[name]

    return {name: of(name) for name in seen}


# %% gradients: every way on its own
def gradients(graph, root):
    total = {}
    ways = [(root, 1.0)]
    while ways:
        name, product = ways.pop()
        total[name] = total.get(name, 0.0) + product
        ways += [(parent, product * slope) for parent, slope in graph[name]]
    return total


# %% gradients: counting who still has to pass on
def gradients(graph, root):
    waits, queue, seen = {root: 0}, [root], {root}
    while queue:
        for parent, _ in graph[queue.pop()]:
            waits[parent] = waits.get(parent, 0) + 1
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)
    grad = {name: 0.0 for name in seen}
    grad[root] = 1.0
    ready = [root]
    while ready:
        name = ready.pop()
        for parent, slope in graph[name]:
            grad[parent] = grad[parent] + slope * grad[name]
            waits[parent] -= 1
            if not waits[parent]:
                ready.append(parent)
    return grad


# %% Value: a closure for each operation
import math


class Value:
    def __init__(self, data, parents=()):
        self.data, self.grad = data, 0.0
        self.parents = parents
        self.push = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def push():
            self.grad += out.grad
            other.grad += out.grad

        out.push = push
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def push():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out.push = push
        return out

    def _map(self, y, slope):
        out = Value(y, (self,))

        def push():
            self.grad += slope * out.grad

        out.push = push
        return out

    def __pow__(self, n):
        return self._map(self.data**n, n * self.data ** (n - 1))

    def exp(self):
        return self._map(math.exp(self.data), math.exp(self.data))

    def tanh(self):
        return self._map(math.tanh(self.data), 1 - math.tanh(self.data) ** 2)

    def relu(self):
        return self._map(max(0, self.data), 1.0 if self.data > 0 else 0.0)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-1) * other

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * (other**-1 if isinstance(other, Value) else 1 / other)

    def __rtruediv__(self, other):
        return self**-1 * other

    def backward(self):
        order, seen, stack = [], set(), [(self, 0)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, 1))
                stack.extend((p, 0) for p in node.parents)
        self.grad = 1.0
        for node in order[::-1]:
            node.push()


# %% Value: every value numbered on one tape
import math


class Value:
    count = 0

    def __init__(self, data, *made_of):
        self.data, self.grad, self.made_of = data, 0.0, made_of
        self.number = Value.count
        Value.count += 1

    @staticmethod
    def of(x):
        return x if isinstance(x, Value) else Value(float(x))

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, n):
        return Value(self.data**n, (self, n * self.data ** (n - 1)))

    def __sub__(self, other):
        other = Value.of(other)
        return Value(self.data - other.data, (self, 1.0), (other, -1.0))

    def __truediv__(self, other):
        return self * Value.of(other) ** -1

    def __radd__(self, other):
        return Value.of(other) + self

    def __rmul__(self, other):
        return Value.of(other) * self

    def __rsub__(self, other):
        return Value.of(other) - self

    def __rtruediv__(self, other):
        return Value.of(other) / self

    def __neg__(self):
        return 0 - self

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self, e))

    def tanh(self):
        return 1 - 2 / ((2 * self).exp() + 1)

    def relu(self):
        return self if self.data > 0 else 0 * self

    def backward(self):
        # a value is always younger than those it is made of
        found, waiting = {self.number: self}, [self]
        while waiting:
            for parent, _ in waiting.pop().made_of:
                if parent.number not in found:
                    found[parent.number] = parent
                    waiting.append(parent)
        self.grad = 1.0
        for number in sorted(found, reverse=True):
            for parent, slope in found[number].made_of:
                parent.grad += slope * found[number].grad


# %% Value: slopes kept in dictionaries
import math


class Value:
    def __init__(self, data, slopes=None, parents=None):
        self.data = data
        self.grad = 0.0
        self.slopes = slopes or {}
        self.parents = parents or {}

    def _new(self, data, *pairs):
        slopes, parents = {}, {}
        for parent, slope in pairs:
            slopes[id(parent)] = slopes.get(id(parent), 0.0) + slope
            parents[id(parent)] = parent
        return Value(data, slopes, parents)

    def _wrap(self, x):
        return x if hasattr(x, "slopes") else Value(x)

    def __add__(self, other):
        other = self._wrap(other)
        return self._new(self.data + other.data, (self, 1), (other, 1))

    def __sub__(self, other):
        return self + self._wrap(other) * -1

    def __mul__(self, other):
        other = self._wrap(other)
        return self._new(self.data * other.data, (self, other.data), (other, self.data))

    def __truediv__(self, other):
        other = self._wrap(other)
        y = self.data / other.data
        return self._new(y, (self, 1 / other.data), (other, -y / other.data))

    def __pow__(self, n):
        return self._new(self.data**n, (self, n * self.data**n / self.data))

    def __neg__(self):
        return self._new(-self.data, (self, -1))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return self._wrap(other) - self

    def __rtruediv__(self, other):
        return self._wrap(other) / self

    def exp(self):
        return self._new(np.exp(self.data), (self, np.exp(self.data)))

    def tanh(self):
        return self._new(np.tanh(self.data), (self, 1 / np.cosh(self.data) ** 2))

    def relu(self):
        return self._new(np.maximum(self.data, 0.0), (self, np.heaviside(self.data, 0.0)))

    def backward(self):
        uses, stack, seen = {}, [self], {id(self)}
        while stack:
            for key, parent in stack.pop().parents.items():
                uses[key] = uses.get(key, 0) + 1
                if key not in seen:
                    seen.add(key)
                    stack.append(parent)
        self.grad, ready = 1.0, [self]
        while ready:
            node = ready.pop()
            for key, parent in node.parents.items():
                parent.grad += node.slopes[key] * node.grad
                uses[key] -= 1
                if not uses[key]:
                    ready.append(parent)


# %% mlp: matrices
def mlp(x, layers, activation):
    for w, b in layers[:-1]:
        x = [activation(z) for z in np.array(w) @ np.array(x) + np.array(b)]
    w, b = layers[-1]
    return list(np.array(w) @ np.array(x) + np.array(b))


# %% mlp: recursion
def mlp(x, layers, activation):
    (w, b), rest = layers[0], layers[1:]
    sums = [sum([wi * xi for wi, xi in zip(row, x)], bias) for row, bias in zip(w, b)]
    return mlp([activation(z) for z in sums], rest, activation) if rest else sums


# %% mlp: loops over indices
def mlp(x, layers, activation):
    for k in range(len(layers)):
        w, b = layers[k]
        out = []
        for j in range(len(w)):
            z = b[j]
            for i in range(len(x)):
                z = z + w[j][i] * x[i]
            out.append(z if k == len(layers) - 1 else activation(z))
        x = out
    return x
