# %% [markdown]
r"""
# 4 · Backprop

**At the end of this lesson you will have written a program that finds every slope of any formula by itself, and it will have trained the network for XOR that lesson 1 could
only build by hand.**

You will be able to

- measure a slope, and say how far the measurement can be trusted;
- work out a neuron's slopes on paper, link by link;
- draw a formula as a graph, and send slopes through it from the result to the leaves;
- write `Value`, a number that remembers how it was made;
- train a small network with nothing in it but your own code.

**It builds on** slopes that travel backwards (lesson 2) and walking downhill (lesson 3). **Time:** about 120 minutes.

Run the two cells, then play: step forward through the formula and see every value appear, then step back and see every slope. Change a leaf and watch them all move.
"""

# %%
import math
import time

import numpy as np

from autograder import check, when_written
from dlcore import data, explore, plot

rng = np.random.default_rng(4)

# %%
explore.graph()

# %% [markdown]
r"""
## A question first: could we not measure every slope?

Lesson 3 trained one layer, because there we could work out on paper how the loss depends on each weight. Networks have many layers, and paper is patient but slow. Here is a way that needs no paper at all: move one weight a little up, then a little
down, run the network both times, and divide the difference of the losses by the distance. That works for any network. What does it cost?
"""


# %%
def loss_of(parameters, x, t):
    """A network of two layers, its weights taken from one long list."""
    w1, b1, w2, b2 = np.split(parameters, [1280, 1300, 1320])
    h = np.tanh(x @ w1.reshape(20, 64).T + b1)
    return np.mean((h @ w2 + b2 - t) ** 2)


digits = data.digits()
parameters = 0.1 * rng.standard_normal(1321)
start = time.perf_counter()
for _ in range(20):
    loss_of(parameters, digits.x, digits.y)
once = (time.perf_counter() - start) / 20

for name, count in (
    ("this one", 1321),
    ("a small image network", 10**6),
    ("a language model", 10**11),
):
    days = 2 * count * once / 86400
    print(
        f"{name}: {count:,} weights, {2 * count:,} runs for a single step: {days:,.4f} days or more"
    )

# %% [markdown]
r"""
Two runs for each weight, for a *single* step downhill, and training takes thousands of steps. For a network of today that is hopeless. The method of this lesson finds **all** slopes, a hundred billion if need be, for the price of two or three
runs. It is called **backpropagation**, and it is nothing but the chain rule, kept in good order.

## 1. Measuring a slope

Measuring is too slow for training, but nothing is better for *checking*. So this comes first.

$$f'(x) \approx \frac{f(x_\text{right}) - f(x_\text{left})}{2h} \qquad x_\text{right} = x + h,\quad x_\text{left} = x - h,\qquad f\ \text{from a number to a number}$$

With numbers, for $f(x) = x^2$ at $x = 3$ with $h = 0.1$: $(3.1^2 - 2.9^2) / 0.2 = (9.61 - 8.41) / 0.2 = 6$. It is exact here. A step to the right alone would give $(9.61 - 9) / 0.1 = 6.1$.

### Exercise 4.1: a measured slope

<details><summary>Hint 1</summary>f is a function: call it, twice.</details>
<details><summary>Hint 2</summary>From x − h to x + h the distance is 2h. Mind the brackets below the bar.</details>
"""


# %%
def numerical_derivative(f, x, h=1e-6):
    """The slope of f at x, measured over a step to each side.

    f a function of a number, x and h numbers  ->  a number
    Example: f(x) = x * x, x = 3  ->  6
    """
    ### BEGIN SOLUTION
    rise = f(x + h) - f(x - h)
    return rise / (2 * h)
    ### END SOLUTION


# %%
check("backprop.numerical_derivative", numerical_derivative)

# %% [markdown]
r"""
**Predict, then look.** The default is $h = 10^{-6}$. Would $10^{-12}$ be a million times better? Draw the error against $h$ in your mind, for $f = \exp$ at 1, then run.
"""

# %%
with when_written:
    steps = np.logspace(-14, -1, 53)
    two_sided = [abs(numerical_derivative(math.exp, 1.0, h) - math.e) for h in steps]
    one_sided = [abs((math.exp(1 + h) - math.e) / h - math.e) for h in steps]
    ax = plot.axes(5.5, 3.4)
    ax.loglog(steps, one_sided, "s--", ms=3, color=plot.COLORS[1], label="one side")
    ax.loglog(steps, two_sided, "o-", ms=3, color=plot.COLORS[0], label="both sides (yours)")
    ax.set(xlabel="step h", ylabel="error of the slope")
    ax.legend()
    plot.show(
        "Error against step, both logarithmic: two valleys. The two-sided error is smallest near 1e-6, "
        "the one-sided one near 1e-8; below that both rise again."
    )

# %% [markdown]
r"""
Two enemies meet here. On the right the curve's bend spoils the slope, and less so as $h$ shrinks: like $h$ for one side, like $h^2$ for both. On the left it is rounding: $f(x + h)$ and $f(x - h)$ agree in nearly all their 16 digits, and their difference keeps only the last few. Between $10^{-6}$ and $10^{-5}$ they
balance. So expect a measured slope to agree with the true one in about ten digits, not in sixteen.

## 2. The chain rule, on paper

A neuron with two inputs and a tanh, $y = \tanh(w_1 x_1 + w_2 x_2 + b)$. How does $y$ depend on $w_1$? Take the formula apart, give the part inside a name, and follow the links:

$$z = w_1 x_1 + w_2 x_2 + b \qquad y = \tanh(z)$$

If $w_1$ grows by a little, $z$ grows $x_1$ times as much. If $z$ grows by a little, $y$ grows $\tanh'(z) = 1 - y^2$ times as much. One after the other: slopes **multiply along a chain**.

$$\frac{\partial y}{\partial w_i} = \underbrace{(1 - y^2)}_{\partial y / \partial z} \cdot \underbrace{x_i}_{\partial z / \partial w_i} \qquad \frac{\partial y}{\partial x_i} = (1 - y^2) \cdot w_i \qquad \frac{\partial y}{\partial b} = (1 - y^2) \cdot 1 \qquad\quad w,\ x\ (D,),\ \ b, y\ \text{numbers}$$

With numbers: $w = (0.5, -1)$, $x = (2, 1)$, $b = 0.25$ give $z = 0.25$ and $y = \tanh(0.25) = 0.245$. The bend's slope is $1 - 0.245^2 = 0.940$, so $\partial y / \partial w = (1.880, 0.940)$, $\partial y / \partial x = (0.470, -0.940)$ and $\partial y / \partial b = 0.940$.

### Exercise 4.2: a neuron's slopes, by hand

<details><summary>Hint 1</summary>The factor 1 − y² stands in all three: compute it once.</details>
<details><summary>Hint 2</summary>Return three things: an array like w, an array like x, a number. <code>np.tanh</code> is at hand.</details>
"""


# %%
def neuron_gradients(w, x, b):
    """The slopes of y = tanh(w x + b) with respect to w, x and b.

    w (D,), x (D,), b a number  ->  dw (D,), dx (D,), db a number
    Example: w = [0.5, -1], x = [2, 1], b = 0.25  ->  [1.880, 0.940], [0.470, -0.940], 0.940
    """
    ### BEGIN SOLUTION
    bend = 1 - np.tanh(np.dot(w, x) + b) ** 2
    return bend * x, bend * w, bend
    ### END SOLUTION


# %%
check("backprop.neuron_gradients", neuron_gradients)

# %%
with when_written:
    w, x, b = np.array([0.5, -1.0]), np.array([2.0, 1.0]), 0.25
    measured = numerical_derivative(lambda w1: np.tanh(w1 * x[0] + w[1] * x[1] + b), w[0])
    print(f"first weight: measured {measured:.8f}, by hand {neuron_gradients(w, x, b)[0][0]:.8f}")

# %% [markdown]
r"""
Get used to this: a formula that was worked out by hand is wrong until a measurement agrees.

## 3. A formula is a graph

Paper works because we gave the part in the middle a name. Do so with *every* part, until each line holds a single operation:

$$y = (a\,b + c)\,a \qquad\longrightarrow\qquad p = a \cdot b \qquad q = p + c \qquad y = q \cdot a$$

Each name is a **node**, and an arrow leads to it from each of its **parents**, the one or two names that it is made of. The names without parents are the **leaves**; here $a$, $b$ and $c$. Any formula, and any network, is such a graph.

To compute, we need an order: a node can be computed only when its parents have been. Such an order is called **topological**: *every name after all its parents*. For the graph above, $a, b, p, c, q, y$ is one, and $c, b, a, p, q, y$ another. To find one:

1. Start at the result. A node is **visited** by visiting its parents first, and then adding itself to the list.
2. A node that has been visited is not visited again.

The obvious way is a function that calls itself for each parent. But Python gives up when about 1,000 calls are open inside each other, and a formula can be deeper than that (a network that reads 2,000 words, one after the other, is). So keep a list of what is still to be done, your own **stack**, and a loop. The trick is to put a node on the stack *twice*: once to say
"visit me", and, when that comes up, again below its parents to say "my parents are done, add me".

### Exercise 4.3: parents before children

The graph is a dictionary: each name with the list of its parents. Every right order gets full points.

<details><summary>Hint 1</summary>Write it as a function that calls itself first, if that is closer to your thinking. It earns three of four points; the last one is for the deep chain.</details>
<details><summary>Hint 2</summary>On the stack lie pairs (name, parents_are_done). Begin with the pair (root, False).</details>
<details><summary>Hint 3</summary>Take a pair off the end. If its parents are done: append the name to the result. If not, and if you have not seen it: note that you have, put (name, True) on the stack, then (parent, False) for each parent.</details>
"""


# %%
def topological_order(graph, root):
    """The names that root depends on, and root itself, each once, after all its parents.

    graph {name: [parents]}, root a name  ->  a list of names, root last
    Example: {"a": [], "b": [], "p": ["a", "b"], "y": ["p", "a"]}, "y"  ->  ["a", "b", "p", "y"]
    """
    ### BEGIN SOLUTION
    order, seen, stack = [], set(), [(root, False)]
    while stack:
        name, parents_are_done = stack.pop()
        if parents_are_done:
            order.append(name)
        elif name not in seen:
            seen.add(name)
            stack.append((name, True))
            for parent in graph[name]:
                stack.append((parent, False))
    return order
    ### END SOLUTION


# %%
check("backprop.topological_order", topological_order)

# %% [markdown]
r"""
## 4. Backwards through the graph

Write on every arrow the **local derivative**, the slope of this one step: how much the child grows when this parent grows by 1 and nothing else changes. A sum has 1 and 1. For a product it is the *other* factor. For $a = 2$, $b = -3$, $c = 10$:

$$p = a b = -6 \qquad q = p + c = 4 \qquad y = q a = 8$$

| arrow | $a \to p$ | $b \to p$ | $p \to q$ | $c \to q$ | $q \to y$ | $a \to y$ |
|---|---|---|---|---|---|---|
| local derivative | $b = -3$ | $a = 2$ | $1$ | $1$ | $a = 2$ | $q = 4$ |

Now walk from the result to the leaves, with one number at each name, its **gradient**: how much $y$ grows when this name grows by 1. For $y$ itself that is 1. Every name passes to each of its parents *its own gradient times the local derivative on the arrow*. This walk is called the **backward pass**; computing the values before it was the **forward pass**.

$$y: 1 \qquad q: 1 \cdot 2 = 2 \qquad p: 2 \cdot 1 = 2 \qquad c: 2 \cdot 1 = 2 \qquad b: 2 \cdot 2 = 4 \qquad a: \underbrace{2 \cdot (-3)}_{\text{through } p} + \underbrace{1 \cdot 4}_{\text{directly}} = -2$$

With numbers, as a check: at $a = 2.001$, $y = (2.001 \cdot (-3) + 10) \cdot 2.001 = 7.998$, which is $0.002$ less for $0.001$ more.

Look at $a$: it acts on $y$ along two ways, and what comes along them is **added**. That is the one thing to remember of this lesson. And the order matters: $p$ must not pass anything on before all its children have reported. Going backwards through a topological order sees to that.

### Exercise 4.4: all gradients of a graph

Now each name comes with its parents *and* the local slopes.

<details><summary>Hint 1</summary>You have the order: <code>topological_order</code> wants a graph without slopes. Make one from this one, or write the loop anew.</details>
<details><summary>Hint 2</summary>All gradients begin at 0, that of the root at 1. Then go through the order backwards, and let each name add to its parents.</details>
"""


# %%
def gradients(graph, root):
    """How root changes with each name that it depends on.

    graph {name: [(parent, local slope), ...]}, root a name  ->  {name: gradient}
    Example: {"a": [], "p": [("a", 3.0)], "y": [("p", 2.0), ("a", 5.0)]}, "y"  ->  {"a": 11, "p": 2, "y": 1}
    """
    ### BEGIN SOLUTION
    parents = {name: [parent for parent, _ in pairs] for name, pairs in graph.items()}
    grad = dict.fromkeys(topological_order(parents, root), 0.0)
    grad[root] = 1.0
    for name in reversed(list(grad)):
        for parent, slope in graph[name]:
            grad[parent] += grad[name] * slope
    return grad
    ### END SOLUTION


# %%
check("backprop.gradients", gradients)

# %%
with when_written:
    a, b, c = 2.0, -3.0, 10.0
    p, q = a * b, a * b + c
    formula = {
        "a": [],
        "b": [],
        "c": [],
        "p": [("a", b), ("b", a)],
        "q": [("p", 1), ("c", 1)],
        "y": [("q", a), ("a", q)],
    }
    print(gradients(formula, "y"))

# %% [markdown]
r"""
## 5. Numbers that remember

You have typed that graph by hand. Let the computer do it: a class `Value` that holds a number and behaves like one. Add two of them and you get a third, which *remembers* its two parents and the two local slopes. Compute any formula with such numbers, and the graph is there, as a
by-product. Python lets a class say what its `+`, `*`, `**` and so on shall do: they are methods called `__add__`, `__mul__`, `__pow__`.

Each operation is one line: the result, the parents, the local slopes.

| operation | result | local slopes |
|---|---|---|
| $a + b$ | $a + b$ | $1,\ 1$ |
| $a \cdot b$ | $a b$ | $b,\ a$ |
| $a^n$, $n$ a plain number | $a^n$ | $n\,a^{n-1}$ |
| $\exp a$ | $y = e^a$ | $y$ |
| $\tanh a$ | $y = \tanh a$ | $1 - y^2$ |
| $\text{relu}\ a$ | $\max(0, a)$ | $1$ if $a > 0$, else $0$ |

Minus and division need no slopes of their own: $a - b = a + (-1) \cdot b$ and $a / b = a \cdot b^{-1}$. Where a plain number stands on the left, as in $2 \cdot a$, Python calls `__rmul__` of `a`; those methods are given.

With numbers, for $a = 3$: `a * a` holds 9, has the parents `(a, a)` and the local slopes `(3, 3)`. Going backwards, $a$ gets $3 + 3 = 6$, which is the slope of $x^2$ at 3: the sum over both ways does it.

### Exercise 4.5: Value

Each operation has points of its own, so begin with `__add__`, `__mul__` and `backward`, and run the check as you go.

<details><summary>Hint 1</summary>Each operation is one line, <code>return Value(result, parents, slopes)</code>, with two tuples of equal length. The line that is given makes other a Value, so that it has a <code>.data</code>. The slopes are in the table.</details>
<details><summary>Hint 2</summary>backward is exercises 4.3 and 4.4 in one, with the values themselves instead of names: self is the root, <code>node.parents</code> its parents. A set of the nodes seen works, since each Value is a thing of its own.</details>
<details><summary>Hint 3</summary>Set self.grad to 1 before you walk. <code>zip(node.parents, node.slopes)</code> gives each parent with its slope. And it is +=.</details>
"""


# %%
class Value:
    """A number that remembers how it was made.

    data the number, parents the values it was made of, slopes one local slope for each parent
    Example: a = Value(3.0); y = a * a; y.backward()  ->  y.data is 9, a.grad is 6
    """

    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = data, 0.0
        self.parents, self.slopes = parents, slopes

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        ### BEGIN SOLUTION
        return Value(self.data + other.data, (self, other), (1.0, 1.0))
        ### END SOLUTION

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        ### BEGIN SOLUTION
        return Value(self.data * other.data, (self, other), (other.data, self.data))
        ### END SOLUTION

    def __pow__(self, n):  # n is a plain number
        ### BEGIN SOLUTION
        return Value(self.data**n, (self,), (n * self.data ** (n - 1),))
        ### END SOLUTION

    def exp(self):
        ### BEGIN SOLUTION
        y = math.exp(self.data)
        return Value(y, (self,), (y,))
        ### END SOLUTION

    def tanh(self):
        ### BEGIN SOLUTION
        y = math.tanh(self.data)
        return Value(y, (self,), (1 - y**2,))
        ### END SOLUTION

    def relu(self):
        ### BEGIN SOLUTION
        return Value(max(0.0, self.data), (self,), (1.0 if self.data > 0 else 0.0,))
        ### END SOLUTION

    def __sub__(self, other):
        ### BEGIN SOLUTION
        return self + (-1.0) * other
        ### END SOLUTION

    def __truediv__(self, other):
        ### BEGIN SOLUTION
        return self * (other**-1)
        ### END SOLUTION

    def backward(self):
        """Add to every value's grad how much self changes with it."""
        ### BEGIN SOLUTION
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, parents_are_done = stack.pop()
            if parents_are_done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((parent, False) for parent in node.parents)
        self.grad = 1.0
        for node in reversed(order):
            for parent, slope in zip(node.parents, node.slopes):
                parent.grad += slope * node.grad
        ### END SOLUTION

    def __neg__(self):
        return self * -1.0

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return Value(other) - self

    def __rtruediv__(self, other):
        return Value(other) / self


# %%
check("backprop.Value", Value)

# %% [markdown]
r"""
The formula of section 4, without typing a graph:
"""

# %%
with when_written:
    a, b, c = Value(2.0), Value(-3.0), Value(10.0)
    y = (a * b + c) * a
    y.backward()
    print(f"y = {y.data}, gradients: a {a.grad}, b {b.grad}, c {c.grad}")

# %% [markdown]
r"""
<!-- measured: y = 8.0, gradients: a -2.0, b 4.0, c 2.0 -->
**Predict, then look.** Call `y.backward()` a second time, without computing anything anew. What will `a.grad` be? (It was −2. There are several things one could wish for; think of what your code does.)
"""

# %%
with when_written:
    a, b, c = Value(2.0), Value(-3.0), Value(10.0)
    y = (a * b + c) * a
    y.backward()
    y.backward()
    print("a.grad after the second backward:", a.grad)

# %% [markdown]
r"""
<!-- measured: a.grad after the second backward: -16.0 -->
With the reference solution it is −16: neither −2 nor −4, because $p$ and $q$, too, still held what the first walk had left there, and passed it on once more. Gradients **add up** until somebody sets them back. (PyTorch sets those in the middle back by itself and would say −4. The leaves' gradients add up there as well, and forgetting `zero_grad()` is a mistake that everyone makes
once.) In a training loop, therefore: gradients to zero, then backward, then step.

Now trust, but measure: a formula with everything in it, and the slope of each leaf.
"""

# %%
with when_written:

    def everything(a, b, c):
        d = a * b + c.tanh()
        return (d * d / (b**2 + 1) + (a - c).exp()).relu() + 2 / c

    at = (1.5, -2.0, 0.7)
    leaves = [Value(x) for x in at]
    everything(*leaves).backward()
    for k, leaf in enumerate(leaves):

        def along(x, k=k):
            return everything(*[Value(x if i == k else v) for i, v in enumerate(at)]).data

        print(
            f"{'abc'[k]}: measured {numerical_derivative(along, at[k]):10.7f}, backward {leaf.grad:10.7f}"
        )

# %% [markdown]
r"""
## 6. A network of numbers that remember

A layer is a list of neurons, a neuron a list of weights and a bias. In this exercise nothing is said about `Value`: write it for anything that can be added and multiplied, and it will work for plain numbers *and* for Values.

$$h_j = f\Bigl(\sum_i w_{ji}\,x_i + b_j\Bigr) \qquad w\ (M, D),\quad b\ (M,),\quad x\ (D,) \to h\ (M,)$$

In the last layer the bend $f$ is left out: its sums are the network's answer. With numbers: $x = (1, 2)$, weights $(3, -1)$, bias $0.5$ give $3 - 2 + 0.5 = 1.5$, and then the bend.

### Exercise 4.6: a network of any depth

<details><summary>Hint 1</summary>One layer first: for each row and its bias, a sum over <code>zip(row, x)</code>. Collect the sums in a list.</details>
<details><summary>Hint 2</summary>The list becomes the next layer's x, bent unless this is the last layer. No NumPy is needed.</details>
"""


# %%
def mlp(x, layers, activation):
    """Send x through all layers, with the activation after each but the last.

    x a list of D numbers, layers a list of (w, b) with w M rows of D numbers and b M numbers,
    activation a function of one number  ->  a list: what the last layer says
    """
    ### BEGIN SOLUTION
    for depth, (w, b) in enumerate(layers, 1):
        z = [bias + sum(p * q for p, q in zip(row, x)) for row, bias in zip(w, b)]
        x = [activation(v) for v in z] if depth < len(layers) else z
    return x
    ### END SOLUTION


# %%
check("backprop.mlp", mlp)

# %% [markdown]
r"""
## 7. XOR, learned

In lesson 1 you set the nine weights of an XOR network by hand, because no rule could find them. Here is the rule. Four points; a network of four hidden neurons with tanh and one output; the squared error; and your `backward`.
"""


# %%
def new_network(widths, seed):
    """Small random weights and zero biases, all of them Values."""
    draw = np.random.default_rng(seed).standard_normal
    return [
        (
            [[Value(v) for v in row] for row in draw((m, d)) / np.sqrt(d)],
            [Value(0.0) for _ in range(m)],
        )
        for d, m in zip(widths, widths[1:])
    ]


def all_values(layers):
    return [v for w, b in layers for row in [*w, b] for v in row]


def train(layers, x, t, steps, rate):
    """Gradient descent on the mean squared error; the loss at each step."""
    losses = []
    for _ in range(steps):
        loss = Value(0.0)
        for point, target in zip(x, t):
            (answer,) = mlp(point, layers, lambda z: z.tanh())
            loss = loss + (answer - target) ** 2 / len(x)
        for value in all_values(layers):
            value.grad = 0.0
        loss.backward()
        for value in all_values(layers):
            value.data -= rate * value.grad
        losses.append(loss.data)
    return losses


# %%
corners, xor = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)], [-1.0, 1.0, 1.0, -1.0]
with when_written:
    network = new_network([2, 4, 1], seed=1)
    losses = train(network, corners, xor, steps=200, rate=0.2)
    print(f"loss: {losses[0]:.2f} at first, {losses[-1]:.4f} after 200 steps")
    for corner, wanted in zip(corners, xor):
        (answer,) = mlp(corner, network, lambda z: z.tanh())
        print(f"{corner} -> {answer.data:6.2f}   wanted {wanted:4.0f}")

# %% [markdown]
r"""
It took psychologists, physicists and engineers from 1969, when Minsky and Papert showed that a single layer cannot do XOR, until the middle of the eighties to agree that *this* is how more layers learn. Now something with a shape: two moons, 60 points.
"""

# %%
moons = data.moons(30, np.random.default_rng(0))  # 30 of each
x, t = moons.x.tolist(), (2.0 * moons.y - 1).tolist()
with when_written:
    network = new_network([2, 8, 1], seed=0)
    losses = train(network, x, t, steps=200, rate=0.3)

    plain = [([[v.data for v in row] for row in w], [v.data for v in b]) for w, b in network]

    def says_one(points):
        return np.array([mlp(p, plain, math.tanh)[0] > 0 for p in points.tolist()], dtype=int)

    right = int(np.sum(says_one(moons.x) == moons.y))
    print(f"loss {losses[0]:.2f} -> {losses[-1]:.3f}, {right} of 60 points on the right side")
    ax = plot.axes(5, 3.8)
    plot.regions(ax, says_one, -1.8, 2.8)
    plot.points(ax, moons.x, moons.y, names=("first moon", "second moon"))
    ax.set(xlabel="$x_1$", ylabel="$x_2$", title="a boundary found by your own backward")
    plot.show(
        "Two interlocking half moons of points, and a curved boundary that runs between them."
    )

# %% [markdown]
r"""
<!-- measured: 60 of 60 points on the right side -->
All 60 are on the right side, with the reference solution. The background was colored by the *same* `mlp`, with plain numbers and `math.tanh`. And the price? One run of the loss forward, one backward, and, for comparison, what measuring all the slopes would cost:
"""

# %%
with when_written:

    def forward():
        answers = [mlp(point, network, lambda z: z.tanh())[0] for point in x]
        return sum((answer - target) ** 2 for answer, target in zip(answers, t))

    def seconds(f, times=3):
        marks = [time.perf_counter()]
        for _ in range(times):
            f()
            marks.append(time.perf_counter())
        return float(np.median(np.diff(marks)))

    there = seconds(forward)
    result = forward()
    back = seconds(result.backward)
    count = len(all_values(network))
    print(
        f"forward {1000 * there:.0f} ms, backward {1000 * back:.0f} ms, measuring {count} slopes {2000 * count * there:.0f} ms"
    )

# %% [markdown]
r"""
The backward pass costs about as much as the forward pass, however many weights there are: each arrow of the graph is walked once. Measuring costs two runs for every weight.

## 8. Explore

Go back to the explorer at the top, or run `explore.graph()` in a new cell.

1. Take `(a * b + c) * a` and step back until only the leaves are missing. Work out the gradient of $a$ yourself, along both ways, before you take the last steps.
2. Type a formula in which a leaf has the gradient 0 although the result depends on it. (A bend will help, or two ways that cancel.)
3. Take `tanh(a * b)` and find an $a$ and a $b$ for which both gradients are smaller than 0.001, although neither $a$ nor $b$ is small. What did lesson 2 call this?

## 9. Cross-check

Your values against PyTorch's, which work in the same way: 300 numbers through each function, value and gradient; on a GPU if there is one. Mind the times: this is what Python objects cost.
"""

# %%
from dlcore.crosscheck import crosscheck


def through(f):
    """f on Values as a function of arrays, forward and backward."""

    def forward(x):
        return np.array([f(Value(v)).data for v in x])

    def backward(g, x):
        leaves = [Value(v) for v in x]
        for leaf, scale in zip(leaves, g):
            (f(leaf) * scale).backward()
        return np.array([leaf.grad for leaf in leaves])

    return forward, backward


numbers = rng.standard_normal(300)
for name in ("tanh", "exp", "relu"):
    with when_written:
        forward, backward = through(lambda v, name=name: getattr(v, name)())
        print(crosscheck(forward, name, numbers, backward=backward, repeat=5))

# %% [markdown]
r"""
## 10. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-order" points=2
r"""
**Question A.** Somebody walks backwards through the graph without a topological order: each node passes its gradient on as soon as it has received something. For which graphs is the result right all the same, and what goes wrong in the others? Give a smallest example.

=== BEGIN MARK SCHEME ===
1 point: right for trees, i.e. when every node is used only once (a single way from each node to the result).
1 point: otherwise a node may pass on an incomplete gradient, what arrives later is lost or passed on a second time; example such as p = a b, y = p + p c or y = (a b) a with ways of different length.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-direction" points=2
r"""
**Question B.** One could also walk *forwards*: pick one leaf, and compute for every node how it changes with that leaf. When is this cheaper than walking backwards, and why does it not suit the training of networks?

=== BEGIN MARK SCHEME ===
1 point: one forward walk serves one leaf and all results; so it is cheaper when there are few leaves and many results.
1 point: training has one result (the loss) and millions of leaves (the weights): one backward walk against millions of forward ones.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

You wrote an engine for automatic differentiation: small, complete, and in its idea the same as PyTorch's. It found the weights for XOR, and a boundary between two moons.

It is also slow. Each single number is a Python object with its own list of parents, and the digits of lesson 3, a matter of seconds there, would take it an hour or so. Lesson 5 makes the same idea fast: a node will hold a whole *array*, and one arrow will stand for millions of them.

## References

- S. Linnainmaa, *Taylor expansion of the accumulated rounding error*, 1976. The reverse mode, in print for the first time (his thesis is from 1970).
- D. Rumelhart, G. Hinton and R. Williams, *Learning representations by back-propagating errors*, 1986. The paper that made it the way networks learn.
- M. Minsky and S. Papert, *Perceptrons*, 1969. XOR and its relatives.
- A. Griewank, *Who invented the reverse mode of differentiation?*, 2012. Several people did.
- A. Baydin and others, *Automatic differentiation in machine learning: a survey*, 2018. Forward, backward, and everything between.
"""
