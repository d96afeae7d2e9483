# %% [markdown]
r"""
# 5 · Tensors

**At the end of this lesson you will have rebuilt lesson 4's engine for whole arrays, a PyTorch in small, and it will have learned to read digits in less time than `Value` needs to look at a few
hundred of them.**

You will be able to

- say what a vector-Jacobian product is, and why nobody writes the Jacobian down;
- work out the backward pass of a matrix product, a broadcast, a sum and an index, by asking *who used what*;
- write `Tensor`, an array that remembers how it was made;
- find the one wrong line in a gradient;
- train a network of several layers in a few seconds.

**It builds on** the graph and its backward pass (lesson 4), cross-entropy (lesson 3) and a layer as `x @ w.T + b` (lesson 1). **Time:** about 120 minutes.

Run the two cells, then play: choose the shapes of two arrays, and see how NumPy makes them fit. Click on an entry of A or B: the lit entries of the result are all those that it goes into.
"""

# %%
import time

import numpy as np

from autograder import check, when_written
from dlcore import data, explore, plot
from dlcore.scratch.activations import softmax  # lesson 2
from dlcore.scratch.backprop import Value, mlp  # lesson 4

rng = np.random.default_rng(5)

# %%
explore.shapes()

# %% [markdown]
r"""
## A question first: how long would the digits take?

Lesson 4's engine trained a network on 60 points. Now 1,200 digits of 64 pixels, a hidden layer of 32 neurons, ten classes, and 300 steps: a small task, even in 1990. Let us time *one* digit, forward and backward, and multiply.
"""

# %%
digits = data.digits()
order = np.random.default_rng(0).permutation(len(digits.y))
images, labels = digits.x[order[:1200]], digits.y[order[:1200]]
unseen, answers = digits.x[order[1200:]], digits.y[order[1200:]]


def new_network(widths, seed):
    """Small random weights (M, D) and zero biases (M,), for every layer."""
    draw = np.random.default_rng(seed).standard_normal
    return [(draw((m, d)) / np.sqrt(d), np.zeros(m)) for d, m in zip(widths, widths[1:])]


def as_values(a):
    return [as_values(part) for part in a] if np.ndim(a) else Value(float(a))


def surprise_of_values(layers, image, label):
    scores = mlp(image.tolist(), layers, lambda z: z.tanh())
    return sum((s.exp() for s in scores), start=Value(0.0)).log() - scores[label]


network = new_network([64, 32, 10], seed=0)
in_values = [(as_values(w), as_values(b)) for w, b in network]
marks = [time.perf_counter()]
for k in range(9):
    surprise_of_values(in_values, images[k], labels[k]).backward()
    marks.append(time.perf_counter())
one_digit = float(np.median(np.diff(marks)))
print(
    f"one digit: {1000 * one_digit:.0f} ms, 300 steps of 1,200: {300 * 1200 * one_digit / 3600:.1f} hours"
)

# %% [markdown]
r"""
Hours, for what lesson 3's single layer did in a second. The arithmetic is not to blame: one digit needs about 2,400 multiplications on the way there, some microseconds' work for any processor. Nearly all of the time goes into *objects*: each number has one of its own, with parents, slopes and a place in a list. NumPy was made for this. If a
node of the graph holds a whole array, then one object, and one arrow, stand for thousands of numbers. The question is what has to be written on such an arrow.

## 1. What an arrow carries

In lesson 4 it carried a slope. Now let $y = f(x)$ have $m$ numbers, and $x$ have $n$. Every $y_i$ has a slope for every $x_j$, and together they are a matrix, the **Jacobian**:

$$J_{ij} = \frac{\partial y_i}{\partial x_j} \qquad J\ (m, n)$$

From above arrives $g$, the gradient of the result of everything: $g_i = \partial L / \partial y_i$, of the shape of $y$. Each $x_j$ collects from all the $y_i$ that it goes into, exactly as in lesson 4:

$$\frac{\partial L}{\partial x_j} = \sum_i g_i\,J_{ij} = (g\,J)_j \qquad g\ (m,),\quad g\,J\ (n,)$$

A vector times the Jacobian: this is called a **vector-Jacobian product**, VJP for short. With numbers: $y = (x_1 + x_2,\; x_1 x_2,\; x_2^2)$ at $x = (1, 2)$, and $g = (1, 10, 100)$:

$$J = \begin{pmatrix} 1 & 1 \\ 2 & 1 \\ 0 & 4 \end{pmatrix} \qquad g\,J = (1 + 20 + 0,\;\; 1 + 10 + 400) = (21, 411)$$

Should the arrow carry the matrix, then? Take $y = \tanh(x)$ for the hidden layer above, 1,200 digits by 32 neurons. These are 38,400 numbers, and $J$ has $38{,}400^2 = 1.5$ billion entries, 12 gigabytes, all of them 0 except on the diagonal. What the backward pass needs is only the *product* $g\,J$, and that is `g * (1 - y**2)`, one line. So:

> **An arrow carries a function: in goes the gradient of the result, out comes the gradient of the operand. The Jacobian is never written down.**

For each operation there is one such function to find. To check them, here is the measured slope of lesson 4 for arrays: every entry of $x$ is nudged in turn, and the change of the result is weighed with $g$.
"""


# %%
def measured(f, x, g, h=1e-6):
    """g times the Jacobian of f at x, measured entry by entry: slow, and it needs no thought."""
    found = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        nudge = np.zeros_like(x)
        nudge[i] = h
        found[i] = np.sum(g * (f(x + nudge) - f(x - nudge))) / (2 * h)
    return found


def f(x):
    return np.array([x[0] + x[1], x[0] * x[1], x[1] ** 2])


print("g J, measured:", measured(f, np.array([1.0, 2.0]), np.array([1.0, 10.0, 100.0])).round(6))

# %% [markdown]
r"""
**Predict, then look.** Many programs are tested with a $g$ of ones, because it is short to type. Take $f = \text{softmax}$ (lesson 2) of three scores, and $g = (1, 1, 1)$. What is $g\,J$? And what does that mean for the test?
"""

# %%
x = rng.standard_normal(3)
rows = lambda x: softmax(x[None])[0]
print("g of ones:    ", measured(rows, x, np.ones(3)).round(6) + 0.0)
print("g at random:  ", measured(rows, x, rng.standard_normal(3)).round(6))

# %% [markdown]
r"""
<!-- measured: g of ones:     [0. 0. 0.] -->
Zeros, whatever the scores: the shares always add up to 1, so their plain sum never changes. With ones, a backward pass that returned nothing but zeros would pass the test. All checks of this course send a random $g$.

## 2. A matrix product

The work of a network is matrix products, so let us begin with them. For $a\ (N, K)$ and $b\ (K, M)$,

$$y = a\,b \qquad y_{nm} = \sum_k a_{nk}\,b_{km} \qquad y\ (N, M)$$

*Who used what?* The entry $a_{nk}$ went into row $n$ of the result, into every column of it: into $y_{nm}$ with the slope $b_{km}$. So it collects

$$\frac{\partial L}{\partial a_{nk}} = \sum_m g_{nm}\,b_{km} = (g\,b^\top)_{nk} \qquad\text{and likewise}\qquad \frac{\partial L}{\partial b_{km}} = \sum_n a_{nk}\,g_{nm} = (a^\top g)_{km}$$

If you forget which way round it was, let the shapes tell you: from $g\ (N, M)$ and $b\ (K, M)$'s numbers there is only one product that has the shape $(N, K)$.

With numbers: $a = (1\;\;2)$, $b = \begin{pmatrix} 3 & 0 \\ 1 & 4 \end{pmatrix}$ give $y = (5\;\;8)$. For $g = (1\;\;10)$, the gradient of $a$ is $(1 \cdot 3 + 10 \cdot 0,\;\; 1 \cdot 1 + 10 \cdot 4) = (3\;\;41)$, and that of $b$ is $\begin{pmatrix} 1 & 10 \\ 2 & 20 \end{pmatrix}$.

(You have met one of them: in lesson 3 the gradient of a layer's weights was $g^\top x$.)

### Exercise 5.1: back through a matrix product

<details><summary>Hint 1</summary>Two products, each with g in it and the <em>other</em> factor transposed. A wrong order is an error of shapes, unless the matrices are square.</details>
<details><summary>Hint 2</summary>For the gradient of a, g stands on the left, since both have a row for each n.</details>
"""


# %%
def matmul_backward(g, a, b):
    """The gradients of a and b, when g is the gradient of a @ b.

    g (N, M), a (N, K), b (K, M)  ->  da (N, K), db (K, M)
    Example: g = [[1, 10]], a = [[1, 2]], b = [[3, 0], [1, 4]]  ->  [[3, 41]], [[1, 10], [2, 20]]
    """
    ### BEGIN SOLUTION
    return g @ b.T, a.T @ g
    ### END SOLUTION


# %%
check("tensors.matmul_backward", matmul_backward)

# %%
with when_written:
    a, b, g = (rng.standard_normal(shape) for shape in [(2, 3), (3, 4), (2, 4)])
    da, db = matmul_backward(g, a, b)
    print("error of da:", np.abs(da - measured(lambda a: a @ b, a, g)).max().round(8))
    print("error of db:", np.abs(db - measured(lambda b: a @ b, b, g)).max().round(8))

# %% [markdown]
r"""
## 3. Broadcasting

In `x @ w.T + b` the biases $(M,)$ are added to a matrix $(N, M)$. NumPy **broadcasts** them: it acts as if there were a copy of $b$ for each of the $N$ rows. Lesson 4 has the answer for what is used several times: *its gradient is the sum over all uses.* So

> **The backward pass of copying is adding up.**

What was copied, and along which axes? NumPy lines the two shapes up **from the right**, and an array is copied along an axis

- that it does not have: $(2,)$ beside $(3, 2)$ is treated as $(1, 2)$; missing axes are always missing *in front*;
- where it has the length 1 and the other one has more: $(3, 1)$ beside $(3, 2)$.

Two lengths that differ, with neither of them 1, are an error. With numbers, for $g = \begin{pmatrix} 1 & 2 \\ 3 & 4 \\ 5 & 6 \end{pmatrix}$: an array of shape $(2,)$ gets $(9, 12)$, the sums over the rows. One of shape $(3, 1)$ gets the column $\begin{pmatrix} 3 \\ 7 \\ 11 \end{pmatrix}$, and keeps its axis of length 1. A single number, of shape $()$, gets 21.

**Predict, then look.** Add arrays of the shapes $(4, 1, 3)$ and $(2, 1)$. What shape has the result, and over which axes must its gradient be summed for each of them? The explorer at the top can show it; so can this:
"""

# %%
total = np.zeros((4, 1, 3)) + np.zeros((2, 1))
print("the result:", total.shape, "- of", total.size, "numbers")
print("each number of the first is used", total.size // 12, "times, of the second", total.size // 2)

# %% [markdown]
r"""
<!-- measured: the result: (4, 2, 3) - of 24 numbers -->
The result is $(4, 2, 3)$. The first array was copied along the axis in the middle; the second one, seen as $(1, 2, 1)$, along the first axis and the last.

### Exercise 5.2: unbroadcast

<details><summary>Hint 1</summary>First the missing axes: there are <code>g.ndim - len(shape)</code> of them, and they are the first ones of g. (<code>g.sum(axis=0)</code> removes one.)</details>
<details><summary>Hint 2</summary>Now g has as many axes as shape. Wherever shape says 1, sum over this axis, and keep it: <code>keepdims=True</code>. If it was 1 in g too, nothing is lost.</details>
"""


# %%
def unbroadcast(g, shape):
    """The gradient of an array of this shape, which was broadcast to the shape of g.

    g of any shape that ``shape`` broadcasts to  ->  an array of that shape
    Example: g = [[1, 2], [3, 4], [5, 6]], shape (2,)  ->  [9, 12];  shape (3, 1)  ->  [[3], [7], [11]]
    """
    ### BEGIN SOLUTION
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, length in enumerate(shape):
        if length == 1:
            g = g.sum(axis=axis, keepdims=True)
    return g
    ### END SOLUTION


# %%
check("tensors.unbroadcast", unbroadcast)

# %% [markdown]
r"""
## 4. Sums

Now the other way round. `x.sum(axis=1)` adds up each row of $x\ (N, K)$. Who used what? Every entry went into one number of the result, with the slope 1. So it gets that number's gradient, as it is:

> **The backward pass of adding up is copying.**

With numbers: $x$ of shape $(2, 3)$, summed over axis 1, gives two numbers. For $g = (5, 7)$ the gradient of $x$ is $\begin{pmatrix} 5 & 5 & 5 \\ 7 & 7 & 7 \end{pmatrix}$. Had it been summed over axis 0, there would be three numbers in $g$, and each would go down a *column*. Without an axis all of $x$ becomes one number, and every entry gets the same $g$.

One thing needs care. The summed axis is gone from $g$, unless `keepdims=True` has kept it there with length 1. It must be put back *where it was* before NumPy can make the copies.

### Exercise 5.3: back through a sum

<details><summary>Hint 1</summary><code>np.expand_dims(g, axis)</code> puts an axis of length 1 back at its place. When is there none to put back?</details>
<details><summary>Hint 2</summary>For the copies: <code>np.broadcast_to(g, shape)</code>, or <code>g * np.ones(shape)</code>.</details>
"""


# %%
def sum_backward(g, shape, axis=None, keepdims=False):
    """The gradient of x, of this shape, when g is the gradient of x.sum(axis=axis, keepdims=keepdims).

    g of the shape of the sum, axis a number or None for all  ->  an array of that shape
    Example: g = [5, 7], shape (2, 3), axis 1  ->  [[5, 5, 5], [7, 7, 7]]
    """
    ### BEGIN SOLUTION
    if axis is not None and not keepdims:
        g = np.expand_dims(g, axis)
    return g * np.ones(shape)
    ### END SOLUTION


# %%
check("tensors.sum_backward", sum_backward)

# %% [markdown]
r"""
## 5. Picking

The cross-entropy of lesson 3 picks one score of each row, `x[np.arange(N), t]`. Later a sentence will pick a row of a table for each of its words. Who used what? A place that was picked passes its gradient back; one that was not has no part in the result and gets 0; and one that was picked *several times* gets, once more, the sum.

With numbers: $x = (10, 20, 30)$ and `x[[2, 0, 2]]` is $(30, 10, 30)$. For $g = (1, 2, 3)$ the gradient of $x$ is $(2,\; 0,\; 1 + 3)$.

### Exercise 5.4: back through an index

<details><summary>Hint 1</summary>Begin with zeros of the shape of x.</details>
<details><summary>Hint 2</summary>Try <code>total[index] += g</code> on the example and look at the last entry: NumPy reads every entry before it writes any. What adds one after the other is <code>np.add.at</code>; look up which three things it wants.</details>
"""


# %%
def index_backward(g, shape, index):
    """The gradient of x, of this shape, when g is the gradient of x[index].

    g of the shape of x[index], index anything that NumPy takes  ->  an array of that shape
    Example: g = [1, 2, 3], shape (3,), index [2, 0, 2]  ->  [2, 0, 4]
    """
    ### BEGIN SOLUTION
    total = np.zeros(shape)
    np.add.at(total, index, g)
    return total
    ### END SOLUTION


# %%
check("tensors.index_backward", index_backward)

# %% [markdown]
r"""
## 6. Arrays that remember

Everything is ready. A `Tensor` is lesson 4's `Value` with two things changed: `data` is an array, and instead of the slopes it remembers one *function*, `vjp`. It takes the gradient of this tensor and returns a tuple with one gradient for each parent, each of that parent's shape.

| operation | result | what `vjp(g)` returns |
|---|---|---|
| $a + b$ | $a + b$ | $g$ and $g$, unbroadcast to the shapes of $a$ and $b$ |
| $a \cdot b$, entry by entry | $a b$ | $g\,b$ and $g\,a$, unbroadcast |
| $a\,b$, `a @ b` | matrix product | exercise 5.1 |
| $a^\top$, `a.T` | transpose | $g^\top$ |
| $a^n$, $n$ a plain number | $a^n$ | $g\,n\,a^{n-1}$ |
| $\exp a$, $\log a$, $\tanh a$ | $y$ | $g\,y$, $\;g / a$, $\;g\,(1 - y^2)$ |
| `a.sum(axis, keepdims)` | the sum | exercise 5.3 |
| `a[index]` | what was picked | exercise 5.4 |

A function can be defined inside another one, and remembers the names around it. So `vjp` can use everything that the forward computation knew. With numbers: `Tensor([1.0, 2.0]) * 3.0` holds $(3, 6)$ and has the parents $a$ and the constant 3. For $g = (1, 10)$ its `vjp` returns $(3, 30)$, and for the constant, of shape $()$, the sum $1 \cdot 1 + 10 \cdot 2 = 21$.

The order for the backward pass is given this time, and there is a new trick in it: a tensor is always younger than those it was made from, so whoever sorts by age has a topological order.

### Exercise 5.5: Tensor

Each operation has points of its own. Begin with `__add__` and `backward`, run the check, and go on.

<details><summary>Hint 1</summary>Each operation: compute the result, then <code>return Tensor(result, parents, vjp)</code>. With one parent, vjp returns a tuple of one: <code>lambda g: (g * y,)</code>, with its comma.</details>
<details><summary>Hint 2</summary>backward: first add g to self.grad. Then, for each node of <code>self.history()</code> that has a vjp, call it with node.grad and add what it returns to the parents' grad.</details>
<details><summary>Hint 3</summary>Write <code>parent.grad = parent.grad + gradient</code>, which makes a new array. The short form += writes into the old one, and that may be the very array that another tensor holds as its gradient.</details>
"""


# %%
class Tensor:
    """An array that remembers how it was made.

    data an array, parents the tensors it was made of, vjp a function: its gradient -> one for each parent
    Example: a = Tensor([1.0, 2.0]); (a * a).sum().backward()  ->  a.grad is [2, 4]
    """

    count = 0
    __array_ufunc__ = None  # NumPy then leaves array + tensor to the tensor

    def __init__(self, data, parents=(), vjp=None):
        self.data = np.asarray(data, dtype=float)
        self.grad = np.zeros_like(self.data)
        self.parents, self.vjp = parents, vjp
        Tensor.count += 1
        self.age = Tensor.count

    def __add__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)

        ### BEGIN SOLUTION
        def vjp(g):
            return unbroadcast(g, self.data.shape), unbroadcast(g, other.data.shape)

        return Tensor(self.data + other.data, (self, other), vjp)
        ### END SOLUTION

    def __mul__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)

        ### BEGIN SOLUTION
        def vjp(g):
            return (
                unbroadcast(g * other.data, self.data.shape),
                unbroadcast(g * self.data, other.data.shape),
            )

        return Tensor(self.data * other.data, (self, other), vjp)
        ### END SOLUTION

    def __matmul__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        ### BEGIN SOLUTION
        return Tensor(
            self.data @ other.data,
            (self, other),
            lambda g: matmul_backward(g, self.data, other.data),
        )
        ### END SOLUTION

    @property
    def T(self):
        ### BEGIN SOLUTION
        return Tensor(self.data.T, (self,), lambda g: (g.T,))
        ### END SOLUTION

    def __pow__(self, n):  # n is a plain number
        ### BEGIN SOLUTION
        return Tensor(self.data**n, (self,), lambda g: (g * n * self.data ** (n - 1),))
        ### END SOLUTION

    def exp(self):
        ### BEGIN SOLUTION
        y = np.exp(self.data)
        return Tensor(y, (self,), lambda g: (g * y,))
        ### END SOLUTION

    def log(self):
        ### BEGIN SOLUTION
        return Tensor(np.log(self.data), (self,), lambda g: (g / self.data,))
        ### END SOLUTION

    def tanh(self):
        ### BEGIN SOLUTION
        y = np.tanh(self.data)
        return Tensor(y, (self,), lambda g: (g * (1 - y**2),))
        ### END SOLUTION

    def sum(self, axis=None, keepdims=False):
        ### BEGIN SOLUTION
        return Tensor(
            self.data.sum(axis=axis, keepdims=keepdims),
            (self,),
            lambda g: (sum_backward(g, self.data.shape, axis, keepdims),),
        )
        ### END SOLUTION

    def __getitem__(self, index):
        ### BEGIN SOLUTION
        return Tensor(
            self.data[index], (self,), lambda g: (index_backward(g, self.data.shape, index),)
        )
        ### END SOLUTION

    def backward(self, g=1.0):
        """Send the gradient g, of the shape of self.data, back; add to every tensor's grad what reaches it."""
        ### BEGIN SOLUTION
        self.grad = self.grad + g
        for node in self.history():
            if node.vjp is not None:
                for parent, gradient in zip(node.parents, node.vjp(node.grad)):
                    parent.grad = parent.grad + gradient
        ### END SOLUTION

    # from here on everything is given

    def history(self):
        """Self and every tensor that it was made from, the youngest first."""
        family, new = {self}, {self}
        while new:
            new = {parent for node in new for parent in node.parents} - family
            family |= new
        return sorted(family, key=lambda node: -node.age)

    def mean(self):
        return self.sum() / self.data.size

    def cross_entropy(self, t):
        """The average surprise at the right classes t (N,), from scores (N, K)."""
        moved = self - self.data.max(axis=1, keepdims=True)  # lesson 3: no score above 0
        right = moved[np.arange(len(t)), t]
        return (moved.exp().sum(axis=1).log() - right).mean()

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + other * -1.0

    def __truediv__(self, other):
        return self * other**-1.0

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return self * -1.0 + other

    def __rtruediv__(self, other):
        return self**-1.0 * other


# %%
check("tensors.Tensor", Tensor)

# %% [markdown]
r"""
Look at `cross_entropy` among the methods that are given. It is put together from your operations, and nobody has told it its gradient.

**Predict, then look.** In lesson 3 the gradient was worked out on paper, $(p - y) / N$. What will yours be? One thing may trouble you: the largest score is subtracted as a plain *array*, which passes no gradient back, although it depends on the scores. Does that matter?
"""

# %%
with when_written:
    scores, t = Tensor(rng.standard_normal((4, 3))), np.array([0, 2, 1, 1])
    scores.cross_entropy(t).backward()
    on_paper = (softmax(scores.data, axis=1) - np.eye(3)[t]) / 4
    print("yours:   ", scores.grad[0].round(6))
    print("on paper:", on_paper[0].round(6))
    print("largest difference:", np.abs(scores.grad - on_paper).max().round(12))

# %% [markdown]
r"""
<!-- measured: largest difference: 0.0 -->
They agree. The largest score may be treated as a constant because the result does not depend on it at all: whatever is subtracted from all scores of a row, the cross-entropy stays the same. (With one operation written for the purpose, the gradient would be faster and a little more exact. That is why libraries have `cross_entropy` as a single operation, with the formula from paper.)

## 7. Which line is wrong?

A gradient with a mistake in it rarely crashes. The network learns a little worse, and nobody knows why. There is a cure: have *every* gradient on the way computed by a second program, and compare them all. Go backward from the loss: the first name at which they differ is where the mistake is.

What does "differ" mean? Two programs round differently, so no gradients are ever equal. Say that they **agree** if their shapes are equal and the largest error is small *measured by the largest entry*:

$$\max_i\,|m_i - r_i| \;\le\; \text{tolerance} \cdot \max_i\,|r_i| \qquad m,\ r\ \text{of the same shape}$$

With numbers: for $r = (100, 0.001)$ an error of $0.00001$ is small beside 100, although it is 1 % of the second entry. For $r = (10^{-8}, 10^{-8})$ it would be a disaster.

### Exercise 5.6: which gradients disagree?

<details><summary>Hint 1</summary>Shapes first: arrays of different shapes may not even be subtractable, or worse, they may.</details>
<details><summary>Hint 2</summary>A gradient can be nan, which is neither larger nor smaller than anything. Such a gradient is wrong. So test whether two arrays <em>agree</em>, and list a name if not.</details>
"""


# %%
def compare_gradients(mine, reference, tolerance=1e-6):
    """The names in mine whose gradients do not agree with the reference, in the order of mine.

    mine, reference dictionaries {name: array} with the same names  ->  a list of names
    Example: {"w": [1, 2], "b": [0.5]} and {"w": [1, 2.5], "b": [0.5]}  ->  ["w"]
    """
    ### BEGIN SOLUTION
    names = []
    for name, found in mine.items():
        wanted = reference[name]
        agree = found.shape == wanted.shape
        if agree:
            agree = np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max()
        if not agree:
            names.append(name)
    return names
    ### END SOLUTION


# %%
check("tensors.compare_gradients", compare_gradients)

# %% [markdown]
r"""
The second program is PyTorch. Its tensors have the same operations as yours, so one and the same function, `forward`, can be run with both; `torch_gradients` does it with PyTorch's and returns the gradient of every name. First, yours:
"""

# %%
from dlcore.crosscheck import crosscheck, torch_gradients

t = rng.integers(0, 3, 5)
arrays = {"x": rng.standard_normal((5, 4)), "w1": rng.standard_normal((6, 4)), "b1": rng.standard_normal(6),
          "w2": rng.standard_normal((3, 6)), "b2": rng.standard_normal(3)}  # fmt: skip


def forward(x, w1, b1, w2, b2):
    """Every tensor on the way, by name."""
    z = x @ w1.T + b1
    h = z.tanh()
    scores = h @ w2.T + b2
    loss = (scores.exp().sum(axis=1).log() - scores[np.arange(5), t]).mean()
    return {"z": z, "h": h, "scores": scores, "loss": loss}


reference = torch_gradients(forward, **arrays)  # nothing, if PyTorch is not installed
with when_written:
    leaves = {name: Tensor(a) for name, a in arrays.items()}
    way = forward(**leaves)
    way["loss"].backward()
    mine = {name: tensor.grad for name, tensor in {**leaves, **way}.items()}
    if reference:
        print("names compared:", *mine, "| compare_gradients:", compare_gradients(mine, reference))

# %% [markdown]
r"""
Now a colleague shows you *her* backward pass through the same network, worked out on paper. It runs, the shapes are right, the network even learns. One line is wrong.

**Predict, then look.** Can you see which? Then say which names will disagree: only one of them, or others too?
"""

# %%
x, w1, b1, w2, b2 = arrays.values()
z = x @ w1.T + b1
h = np.tanh(z)
p = softmax(h @ w2.T + b2, axis=1)

hers = {"scores": (p - np.eye(3)[t]) / 5}
hers["w2"] = hers["scores"].T @ h
hers["b2"] = hers["scores"].sum(axis=0)
hers["h"] = hers["scores"] @ w2
hers["z"] = hers["h"] * (1 - z**2)
hers["w1"] = hers["z"].T @ x
hers["b1"] = hers["z"].sum(axis=0)

with when_written:
    if reference:
        print(
            "hers, in the order of the backward pass; compare_gradients:",
            compare_gradients(hers, {name: reference[name] for name in hers}),
        )

# %% [markdown]
r"""
<!-- measured: compare_gradients: ['z', 'w1', 'b1'] -->
`scores`, `w2`, `b2` and `h` are right, and `z` is the first one that is not. So the line for `z` is to blame, and the names after it only pass its mistake on: the slope of tanh is $1 - h^2$, with the *output*. From now on, this is the first thing to do when a network does not learn.

## 8. Reading digits, fast

A network of any number of layers, its cross-entropy, the backward pass, and a step downhill. Nothing in it is new.

### Exercise 5.7: a step of a network

<details><summary>Hint 1</summary>Make tensors of all weights and biases first, and keep them in a list: after backward, each of them holds its gradient. The images become a tensor as well.</details>
<details><summary>Hint 2</summary>A layer is <code>h @ w.T + b</code>. Bend it with <code>.tanh()</code> unless it is the last one. The loss is <code>scores.cross_entropy(t)</code>.</details>
<details><summary>Hint 3</summary>After <code>loss.backward()</code> a new weight is <code>w.data - lr * w.grad</code>. Return the loss as a number, <code>float(loss.data)</code>, and a new list of pairs.</details>
"""


# %%
def training_step(layers, x, t, lr=0.1):
    """One step of gradient descent on the cross-entropy, with tanh between the layers.

    layers a list of (w (M, D), b (M,)), x (N, D), t (N,) class numbers  ->  the loss before the step, the new layers
    """
    ### BEGIN SOLUTION
    tensors = [(Tensor(w), Tensor(b)) for w, b in layers]
    h = Tensor(x)
    for depth, (w, b) in enumerate(tensors, 1):
        h = h @ w.T + b
        if depth < len(tensors):
            h = h.tanh()
    loss = h.cross_entropy(t)
    loss.backward()
    return float(loss.data), [(w.data - lr * w.grad, b.data - lr * b.grad) for w, b in tensors]
    ### END SOLUTION


# %%
check("tensors.training_step", training_step)

# %%
with when_written:
    layers, losses = new_network([64, 32, 10], seed=0), []
    start = time.perf_counter()
    for _ in range(300):
        loss, layers = training_step(layers, images, labels, lr=1.0)
        losses.append(loss)
    took = time.perf_counter() - start

    (w1, b1), (w2, b2) = layers
    said = (np.tanh(unseen @ w1.T + b1) @ w2.T + b2).argmax(axis=1)
    right = np.sum(said == answers)
    print(f"loss: {losses[0]:.2f} at first, {losses[-1]:.3f} after 300 steps")
    print(f"new digits: {right} of {len(answers)} right, {right / len(answers):.1%}")
    print(
        f"{took:.1f} seconds; with Value, {300 * 1200 * one_digit / 3600:.1f} hours: {300 * 1200 * one_digit / took:,.0f} times as long"
    )
    ax = plot.axes(5.5, 3.2)
    ax.semilogy(losses, color=plot.COLORS[0], lw=2)
    ax.set(xlabel="step", ylabel="cross-entropy", title="two layers, 300 steps")
    plot.show(
        "The loss against the step, on a logarithmic axis: it falls from above 2 to below 0.1."
    )

# %% [markdown]
r"""
<!-- measured: new digits: 584 of 597 right, 97.8% -->
Of 597 digits that it has never seen, the network with the reference solution reads 584 right, 97.8 %; lesson 3's single layer read 576 of the same ones.

The same idea, the same chain rule, the same number of multiplications; but one object now stands for thousands of numbers, and the loops run inside NumPy, in compiled code.

## 9. Explore

Go back to the explorer at the top, or run `explore.shapes()` in a new cell.

1. Find two shapes, neither of them $()$, for which *both* arrays are copied. Then one more pair in which an array is copied along two axes. Over which axes must each gradient be summed?
2. Make A of shape $(3, 1)$ and B of shape $(3,)$. Somebody wanted to subtract three targets from three predictions, and made this mistake. What shape has the result, and how often is each prediction used? Nothing crashes, and the network learns nonsense: this is one of the most frequent mistakes in the field.
3. Choose the matrix product. Which entries of the result does an entry of A go into? Find shapes for which a single entry of A goes into 8 numbers of the result. Which gradients does the backward pass add up for it, and with which weights?

## 10. Cross-check

Your backward pass against PyTorch's: a product of large matrices, and a whole log-softmax on your tensors, 1,000 examples of 100 classes; on a GPU if there is one.
"""

# %%
a, b = rng.standard_normal((400, 300)), rng.standard_normal((300, 200))
with when_written:
    print(crosscheck(lambda a, b: a @ b, "matmul", a, b, backward=matmul_backward))


def log_softmax(x):
    moved = x - x.data.max(axis=1, keepdims=True)
    return moved - moved.exp().sum(axis=1, keepdims=True).log()


def log_softmax_backward(g, x):
    leaf = Tensor(x)
    log_softmax(leaf).backward(g)
    return leaf.grad


with when_written:
    print(
        crosscheck(
            lambda x: log_softmax(Tensor(x)).data,
            "log_softmax",
            rng.standard_normal((1000, 100)),
            backward=log_softmax_backward,
            options={"dim": 1},
        )
    )

# %% [markdown]
r"""
## 11. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-mean" points=2
r"""
**Question A.** `y = x - x.mean(axis=0)` takes the mean out of every column of $x\ (N, D)$. Somebody says: "The mean is a constant that is subtracted, so the gradient of x is g." What is wrong, and what is the gradient? (Ask who used what. What would his formula give for a g of ones, and what is the truth?)

=== BEGIN MARK SCHEME ===
1 point: the mean depends on every x of its column, so each entry acts on all N results of the column through the mean; that way is missing.
1 point: the gradient is g minus the mean of g over axis 0; for a g of ones it is 0 (the sum of y is 0 whatever x is), his formula says 1.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-images" points=2
r"""
**Question B.** Your `training_step` makes a tensor of the images, and backward computes their gradient too, although nobody changes an image. What does that cost? And when would one *want* the gradient of an image?

=== BEGIN MARK SCHEME ===
1 point: one matrix product of the size of the first layer's, g @ w1 (about a third of the first layer's work), and an array as large as all images; libraries let one say which leaves need a gradient (requires_grad).
1 point: it says how each pixel acts on the result: to see what a network looks at (saliency), or to change the image so that the network errs (adversarial examples).
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

You have written automatic differentiation for arrays: five backward passes, a class that strings them together, and a tool that finds the wrong line. Open `dlcore/tensor.py` now. It is the engine of all the lessons to come, and you will know every part of it: the parents, the vjp, the order by age. What it has besides is care: which leaves need a gradient, what happens when an array is overwritten, memory that is given back early.

One number in the training above fell from the sky: a learning rate of 1.0. With 0.01 the network would hardly have moved, with 100 it would have run wild. Lesson 6 finds out why, and how to walk faster than straight downhill.

## References

- M. Giles, *Collected matrix derivative results for forward and reverse mode algorithmic differentiation*, 2008. The backward pass of a matrix product, an inverse, a determinant.
- D. Maclaurin, D. Duvenaud and R. Adams, *Autograd: effortless gradients in NumPy*, 2015. This lesson's design, for all of NumPy.
- A. Paszke and others, *PyTorch: an imperative style, high-performance deep learning library*, 2019. Why the graph is built while the program runs.
- C. Harris and others, *Array programming with NumPy*, 2020. Broadcasting, by those who made it.
- A. Griewank and A. Walther, *Evaluating derivatives*, 2008. The whole theory.
"""
