# %% [markdown]
r"""
# 12 · Recurrent networks

**At the end of this lesson you will have written a network that reads one thing after another and keeps something in mind, taught it to invent names and to forecast the sun, and measured how far back it can learn.**

You will be able to

- carry a state along a sequence, and say what it holds;
- derive backpropagation through time, whole or truncated;
- tell from one number of a matrix how far back a network can learn, and change it;
- train on sequences of different lengths, and keep a single bad step from spoiling it;
- judge a forecast against rules that need no network.

**It builds on** cross-entropy (lesson 3), `AdamW` (lesson 6) and the loop (lesson 7). **Time:** about 120 minutes.

Run the two cells. Each column is what a small network has in mind after a letter; type a text of your own and watch it. The bars below say how much the last column, if it were wrong, could teach the network about each letter before it. Move the recurrent weight.
"""

# %%
import numpy as np

from autograder import check, when_written
from dlcore import explore, plot
from dlcore.data import series
from dlcore.data.text import Vocabulary, names, pad_sequences
from dlcore.scratch.losses import cross_entropy, cross_entropy_gradient  # lesson 3
from dlcore.scratch.optimizers import AdamW, cosine_schedule  # lesson 6
from dlcore.scratch.regularization import loss_and_gradients  # lesson 8
from dlcore.scratch.training import fit, group_split, he_init  # lesson 7

# %%
explore.unrolled()

# %% [markdown]
r"""
## A question first: odd or even?

Below are rows of 20 bits. The answer is 1 if the number of ones is odd, and 0 if it is even. A network of 64 ReLUs, as in lesson 7, sees 1,000 such rows until it knows nearly all of them.

**Predict, then look.** Of 1,000 rows that it has not seen, how many will it get right?
"""

# %%
draw = np.random.default_rng(0)
bits = draw.integers(0, 2, (2000, 20))
odd = bits.sum(axis=1) % 2

params, _ = fit(
    he_init([20, 64, 2]), loss_and_gradients, AdamW(0.01).step, bits[:1000] - 0.5, odd[:1000], 60
)
w1, b1, w2, b2 = params
said = (np.maximum((bits - 0.5) @ w1.T + b1, 0) @ w2.T + b2).argmax(axis=1)
print(f"rows it has learned: {np.mean(said[:1000] == odd[:1000]):.1%} right")
print(f"new rows: {np.mean(said[1000:] == odd[1000:]):.1%} right")

# %% [markdown]
r"""
<!-- measured: rows it has learned: 98.6% right | new rows: 51.8% right -->
A coin would do as well. It has learned rows, not the rule; and a row of 21 bits it could not even read, for it has 20 inputs.

How would *you* do it, with a row of a thousand bits? From left to right, with one thing in mind: odd or even so far. A 1 turns it round, a 0 leaves it. What you keep in mind is a **state**; what you do at each bit is always the same small step. A network of this kind is called **recurrent** (Elman, 1990).

## 1. A step

The new state comes from the input and from the old state, and the weights are the same at every time:

$$h_t = \tanh\!\big(x_t W_{ih}^\top + h_{t-1} W_{hh}^\top + b\big) \qquad\quad x_t\ (N, D), \quad h\ (N, H), \quad W_{ih}\ (H, D), \quad W_{hh}\ (H, H), \quad b\ (H,)$$

It is a layer of lesson 1 with two inputs, one of which is its own last output. There are $N$ sequences side by side, as always.

With numbers: one input, one unit, $W_{ih} = 1$, $W_{hh} = 0.5$, $b = 0$, and $h_0 = 0$. The inputs are 1, 0, 0:

$$h_1 = \tanh(1) = 0.762 \qquad h_2 = \tanh(0.5 \cdot 0.762) = 0.363 \qquad h_3 = \tanh(0.5 \cdot 0.363) = 0.180$$

The 1 is over after the first step, but the state still knows of it, a little less each time.

### Exercise 12.1: a step

<details><summary>Hint 1</summary>Both products end up with the shape (N, H): states and inputs stand on the left, weights on the right and transposed.</details>
<details><summary>Hint 2</summary>Add the two products and b, which is added to every row, and let <code>np.tanh</code> run over the sum.</details>
"""


# %%
def rnn_step(x, h, w_ih, w_hh, b):
    """The next state of N sequences.

    x (N, D), h (N, H), w_ih (H, D), w_hh (H, H), b (H,)  ->  (N, H)
    Example: x = [[1]], h = [[0]], w_ih = [[1]], w_hh = [[0.5]], b = [0]  ->  [[0.7616]]
    """
    ### BEGIN SOLUTION
    from_input = x @ w_ih.T
    from_memory = h @ w_hh.T
    return np.tanh(from_input + from_memory + b)
    ### END SOLUTION


# %%
check("rnn.rnn_step", rnn_step)

# %% [markdown]
r"""
Two units are enough to keep "odd or even" in mind. In lesson 1 you made XOR from an OR and an AND; here one unit is the OR of the bit and what was in mind, the other the AND, and "odd" is OR *and not* AND. Nothing is learned here: the weights are written by hand. They are large, so that tanh gives very nearly -1 or 1.

Read the table line by line. That is all there is to unrolling a recurrence.
"""

# %%
BY_HAND = {
    "w_ih": 10 * np.array([[1.0], [1.0]]),
    "w_hh": 10 * np.array([[0.5, -0.5], [0.5, -0.5]]),
    "b": 10 * np.array([-0.5, -1.5]),
}

with when_written:
    print("bit   OR    AND   odd?")
    state = np.array([[-1.0, -1.0]])
    for bit in (1, 0, 1, 1):
        state = rnn_step(np.array([[bit]]), state, **BY_HAND)
        either, both = state[0]
        print(f"{bit:3} {either:6.2f} {both:6.2f} {(either - both) / 2:5.0f}")

# %% [markdown]
r"""
<!-- measured: bit   OR    AND   odd? |   1   1.00  -1.00     1 |   0   1.00  -1.00     1 |   1   1.00   1.00     0 |   1   1.00  -1.00     1 -->
## 2. A whole sequence

A sequence has $T$ times, and they come first: $x\ (T, N, D)$. You will want to have *all* states afterwards, for the backward pass needs them; and the one before the first input as well. So there are $T + 1$.

With numbers: the example above, $x = (1, 0, 0)$ from $h_0 = 0$, gives the states $(0,\; 0.762,\; 0.363,\; 0.180)$.

### Exercise 12.2: unroll the recurrence

<details><summary>Hint 1</summary>Begin with a list that holds h alone. A loop over x gives one time after the other, each of shape (N, D).</details>
<details><summary>Hint 2</summary>The last element of the list goes into your <code>rnn_step</code>, and what comes out is appended. <code>np.stack</code> makes an array of it at the end.</details>
"""


# %%
def rnn_forward(x, h, w_ih, w_hh, b):
    """All states of N sequences, the given one first.

    x (T, N, D), h (N, H), w_ih (H, D), w_hh (H, H), b (H,)  ->  (T + 1, N, H)
    Example: x = [[[1]], [[0]]], h = [[0]], w_ih = [[1]], w_hh = [[0.5]], b = [0]  ->  [[[0]], [[0.7616]], [[0.3634]]]
    """
    ### BEGIN SOLUTION
    states = np.empty((len(x) + 1, *h.shape))
    states[0] = h
    for t in range(len(x)):
        states[t + 1] = rnn_step(x[t], states[t], w_ih, w_hh, b)
    return states
    ### END SOLUTION


# %%
check("rnn.rnn_forward", rnn_forward)

# %% [markdown]
r"""
Now let the two units read the 2,000 rows of the beginning, and then 100 rows of 1,000 bits each.
"""


# %%
def is_odd(rows):
    """For rows of bits (N, T): 1 where the number of ones is odd."""
    nothing = -np.ones((len(rows), 2))
    either, both = rnn_forward(rows.T[:, :, None], nothing, **BY_HAND)[-1].T
    return np.round((either - both) / 2)


with when_written:
    long = draw.integers(0, 2, (100, 1000))
    print(f"2,000 rows of 20 bits: {np.mean(is_odd(bits) == odd):.1%} right")
    print(f"100 rows of 1,000 bits: {np.mean(is_odd(long) == long.sum(axis=1) % 2):.1%} right")

# %% [markdown]
r"""
<!-- measured: 2,000 rows of 20 bits: 100.0% right | 100 rows of 1,000 bits: 100.0% right -->
Eight numbers, for rows of any length. What a window is to pictures (the same weights in all places), a recurrence is to sequences: the same weights at all times. But we have written these weights ourselves. How can they be learned?

## 3. Backpropagation through time

Unrolled, the network is a deep one: $T$ layers, one after the other, all with the same weights. So nothing new is needed, only care. Let $g_t$ be what the loss says about the state $h_t$ *directly*: for example because a prediction is made from it. But $h_t$ has also made $h_{t+1}$, and through it everything later. With $a_t$ for what goes into tanh:

$$\bar h_t = g_t + \bar a_{t+1} W_{hh} \qquad\quad \bar a_t = \bar h_t \odot (1 - h_t^2)$$

from the last time back to the first; after the last there is nothing, so $\bar h_T = g_T$. A bar means: the gradient of the loss with respect to this. The weights were used at every time, so their gradients are sums over all times:

$$\bar W_{ih} = \sum_t \bar a_t^\top x_t \qquad \bar W_{hh} = \sum_t \bar a_t^\top h_{t-1} \qquad \bar b = \sum_t \sum_n \bar a_{t n} \qquad\quad \bar x_t = \bar a_t W_{ih} \qquad \bar h_0 = \bar a_1 W_{hh}$$

This is **backpropagation through time**.

With numbers: $x = (1, 0)$ with the weights of above, so $h = (0,\; 0.762,\; 0.363)$; and the loss is $h_2$ itself, so $g = (0, 1)$. Then

- $\bar a_2 = 1 \cdot (1 - 0.363^2) = 0.868$, and $\bar h_1 = 0 + 0.868 \cdot 0.5 = 0.434$;
- $\bar a_1 = 0.434 \cdot (1 - 0.762^2) = 0.182$, and $\bar h_0 = 0.182 \cdot 0.5 = 0.091$;
- $\bar W_{hh} = 0.868 \cdot 0.762 + 0.182 \cdot 0 = 0.661$, $\;\bar W_{ih} = 0.868 \cdot 0 + 0.182 \cdot 1 = 0.182$, $\;\bar b = 0.868 + 0.182 = 1.050$.

### Exercise 12.3: backpropagation through time

<details><summary>Hint 1</summary>Keep one array that says what comes back from later times, (N, H), zero at first. In a loop from the last t to the first: add g[t] to it, multiply with the slope of tanh at the state <em>after</em> x[t], which is states[t + 1], and you have the gradient of a.</details>
<details><summary>Hint 2</summary>From it come, at each time, dx[t], something for dw_ih (with x[t]), something for dw_hh (with the state <em>before</em>), something for db, and what goes on to the time before: times w_hh, not transposed.</details>
<details><summary>Hint 3</summary>The weights' gradients begin at zero and are added to with <code>+=</code> at every time. What is left over at the end, after the first time, is dh.</details>
"""


# %%
def rnn_backward(g, x, states, w_ih, w_hh):
    """The gradients of a loss that says g[t] about the state after x[t].

    g (T, N, H), x (T, N, D), states (T + 1, N, H) as rnn_forward returns them, w_ih (H, D), w_hh (H, H)
      ->  dx (T, N, D), dh (N, H) for the first state, dw_ih (H, D), dw_hh (H, H), db (H,)
    Example: g = [[[0]], [[1]]], x = [[[1]], [[0]]], states = [[[0]], [[0.7616]], [[0.3634]]], w_ih = [[1]], w_hh = [[0.5]]
      ->  dx = [[[0.182]], [[0.868]]], dh = [[0.091]], dw_ih = [[0.182]], dw_hh = [[0.661]], db = [1.050]
    """
    ### BEGIN SOLUTION
    dx, later = np.empty(x.shape), 0
    dw_ih, dw_hh, db = np.zeros(w_ih.shape), np.zeros(w_hh.shape), np.zeros(len(w_hh))
    for t in range(len(x) - 1, -1, -1):
        before, after = states[t], states[t + 1]
        slope = (later + g[t]) * (1 - after**2)
        dx[t] = slope @ w_ih
        dw_ih += slope.T @ x[t]
        dw_hh += slope.T @ before
        db += slope.sum(axis=0)
        later = slope @ w_hh
    return dx, later, dw_ih, dw_hh, db
    ### END SOLUTION


# %%
check("rnn.rnn_backward", rnn_backward)

# %% [markdown]
r"""
## 4. How far back does it reach?

Suppose that only the last state counts. What it says about a state $k$ steps earlier has gone through $k$ steps of the backward pass:

$$\bar h_{t-1} = \big(\bar h_t \odot (1 - h_t^2)\big)\, W_{hh}$$

Each step multiplies by $W_{hh}$, and by slopes of tanh that are at most 1. If the states are near 0, the slopes are near 1, and after $k$ steps it is the $k$-th power of $W_{hh}$ that counts. A power grows or shrinks as the largest of the matrix's eigenvalues, in absolute value: its **spectral radius** $\rho$. So one expects

$$|\bar h_{T-k}| \;\sim\; \rho^{\,k}$$

With numbers: $W_{hh} = \begin{pmatrix} 0.9 & 0 \\ 0 & 0.5 \end{pmatrix}$ has $\rho = 0.9$. From $\bar h = (1, 1)$, after 10 steps, $0.9^{10} = 0.35$ and $0.5^{10} = 0.001$ are left; after 100 steps $0.00003$ and nothing. With $1.1$ instead of $0.9$ it would be $2.6$, and after 100 steps $13{,}781$. In the one case the gradient **vanishes**, in the other it **explodes** (Hochreiter, 1991; Bengio and others, 1994).

### Exercise 12.4: what arrives

<details><summary>Hint 1</summary>The backward pass of exercise 12.3 with nothing from outside but g, and without the weights: one product for the slopes, one with w_hh, for each step.</details>
<details><summary>Hint 2</summary>The first step back leaves the last state, so it needs the slopes at states[-1]; the last one leaves states[1]. For each array the norm is <code>np.linalg.norm</code>, and there are T + 1 of them with that of g.</details>
"""


# %%
def gradient_norms(g, states, w_hh):
    """How large the gradient of the last state still is after 0, 1, 2 ... T steps back: the norm of all its numbers.

    g (N, H) for the last state, states (T + 1, N, H), w_hh (H, H)  ->  (T + 1,), the norm of g itself first
    Example: g = [[2]], states = [[[0]], [[0]], [[0]]], w_hh = [[0.5]]  ->  [2, 1, 0.5]
    """
    ### BEGIN SOLUTION
    found = [np.linalg.norm(g)]
    for t in range(len(states) - 1, 0, -1):
        g = (g * (1 - states[t] ** 2)) @ w_hh
        found.append(np.linalg.norm(g))
    return np.array(found)
    ### END SOLUTION


# %%
check("rnn.gradient_norms", gradient_norms)

# %% [markdown]
r"""
Now the experiment. A network of 64 units, its recurrent weights scaled to one spectral radius after another, reads 60 small random inputs, so small that tanh is nearly a straight line. Then the same with inputs a hundred times as large.

**Predict, then look.** With a radius of 1.5 and large inputs, does the gradient explode or vanish?
"""


# %%
def with_radius(w, radius):
    """The matrix w, scaled so that its largest eigenvalue has this absolute value."""
    return w * radius / np.abs(np.linalg.eigvals(w)).max()


with when_written:
    draw = np.random.default_rng(1)
    mixing, reading = draw.standard_normal((64, 64)), draw.standard_normal((64, 8)) / 8**0.5
    noise, g = draw.standard_normal((60, 16, 8)), draw.standard_normal((16, 64))
    axes = plot.axes(4.2, 3.4, columns=2)
    print("radius   per step: small inputs   large inputs")
    for n, radius in enumerate((0.5, 0.9, 1.0, 1.1, 1.5)):
        w_hh = with_radius(mixing, radius)
        factors = []
        for ax, size in zip(axes, (0.01, 1)):
            states = rnn_forward(size * noise, np.zeros((16, 64)), reading, w_hh, np.zeros(64))
            norms = gradient_norms(g, states, w_hh)
            factors.append((norms[60] / norms[30]) ** (1 / 30))
            style = ("-", "--", "-.", ":", "-")[n]
            ax.semilogy(norms / norms[0], style, color=plot.COLORS[n], label=f"{radius:g}")
        print(f"{radius:6} {factors[0]:24.2f} {factors[1]:14.2f}")
    for ax, title in zip(axes, ("small inputs", "large inputs")):
        ax.set(title=title, xlabel="steps back", ylabel="gradient, of the first", ylim=(1e-12, 1e6))
    axes[0].legend(title="radius", fontsize=8)
    plot.show(
        "Norm of the gradient against steps back, on a logarithmic scale. For small inputs the lines are straight: they fall "
        "below a radius of 1, stay at 1 and rise above it. For large inputs all of them fall."
    )

# %% [markdown]
r"""
<!-- measured:    0.5                     0.50           0.32 |    0.9                     0.90           0.56 |    1.0                     1.00           0.61 |    1.1                     1.09           0.66 |    1.5                     1.25           0.85 -->
With small inputs, the factor a step is the spectral radius, nearly to the second decimal; with 1.5 it is less, because such a network amplifies even small inputs until tanh bends. With large inputs everything vanishes, 1.5 included: where tanh is flat, nothing comes back.

What vanishes cannot be learned. A task to see it: the first input is -1 or 1, then come $T - 1$ inputs of noise, and at the end the network must say what the first one was. 16 units, 300 steps of `AdamW`, three seeds each. Two ways to begin: as PyTorch does, with numbers between $-1/\sqrt{H}$ and $1/\sqrt{H}$, which gives a radius of about 0.6; and with an **orthogonal** $W_{hh}$, which turns the state and makes it no longer or shorter: all its eigenvalues have the absolute value 1 (Saxe and others, 2014).
"""


# %%
def first_weights(inputs, units, outputs, draw, orthogonal=True):
    """w_ih, w_hh, b, and w, c of a linear layer that reads the states."""

    def between(*shape):
        return draw.uniform(-1, 1, shape) / np.sqrt(units)

    w_ih, w_hh, w = between(units, inputs), between(units, units), between(outputs, units)
    if orthogonal:
        w_hh = np.linalg.qr(draw.standard_normal((units, units)))[0]
    return [w_ih, w_hh, np.zeros(units), w, np.zeros(outputs)]


def recall_batch(n, length, draw):
    """n sequences: a sign, marked by a 1 beside it, then noise; and which sign it was, 0 or 1."""
    x = draw.standard_normal((length, n, 2)) * [1, 0]
    sign = draw.integers(0, 2, n)
    x[0] = np.stack([2 * sign - 1, np.ones(n)], axis=1)
    return x, sign


def recall_loss(params, x, sign):
    """The cross-entropy of an answer read from the last state, the gradients, and the share of right answers."""
    *recurrent, w, c = params
    nothing = np.zeros([len(x[0]), w.shape[1]])
    states = rnn_forward(x, nothing, *recurrent)
    scores = states[-1] @ w.T + c
    slope = cross_entropy_gradient(scores, sign)
    g = np.zeros(states[1:].shape)
    g[-1] = slope @ w
    back = rnn_backward(g, x, states, *recurrent[:2])[2:]
    right = np.mean(scores.argmax(axis=1) == sign)
    return cross_entropy(scores, sign), [*back, slope.T @ states[-1], slope.sum(axis=0)], right


def recall(length, orthogonal, seed):
    """The share of right answers to 1,000 new sequences after training."""
    draw = np.random.default_rng(seed)
    params, adam = first_weights(2, 16, 2, draw, orthogonal), AdamW(0.005)
    for _ in range(300):
        _, gradients, _ = recall_loss(params, *recall_batch(64, length, draw))
        params = adam.step(params, gradients)
    return recall_loss(params, *recall_batch(1000, length, draw))[2]


def verdict(shares):
    """What the shares of right answers of several seeds come to."""
    return "guesses" if max(shares) < 0.6 else "remembers" if min(shares) > 0.95 else "wavers"


with when_written:
    print("steps   between -1/4 and 1/4          orthogonal")
    for length in (5, 10, 20, 40):
        found = [[recall(length, how, seed) for seed in range(3)] for how in (False, True)]
        shown = ["  ".join(f"{share:4.0%}" for share in row) for row in found]
        usual, orthogonal = map(verdict, found)
        print(f"{length:5}   {shown[0]}  {usual:9}   {shown[1]}  {orthogonal}")
    print(f"over {length} steps: the usual start {usual}, the orthogonal one {orthogonal}")

# %% [markdown]
r"""
<!-- measured:     5   100%  100%  100%  remembers   100%  100%  100%  remembers | over 40 steps: the usual start guesses, the orthogonal one remembers -->
At 20 steps the usual start begins to fail, and at 40 it does no better than a coin, with every seed. It is the same network, with the same task, data and optimizer. The orthogonal start needs one line more and remembers all the way.

So is the trouble over? Only where everything is to be kept. Orthogonal weights carry the noise along with the sign, and once training has moved them they are orthogonal no more. To keep the one and drop the other, a network has to *decide* what it keeps; that is lesson 13.

## 5. When it explodes

What explodes can be learned all too fast: one step along a gradient a thousand times the usual length, and all that was learned is gone. The remedy is plain. Put all gradients into one long vector, and if it is longer than $c$, shorten it to $c$ (Pascanu and others, 2013):

$$g \leftarrow g \cdot \min\!\Big(1,\; \frac{c}{|g|}\Big) \qquad\quad |g| = \sqrt{\textstyle\sum \text{of the squares of all numbers in all arrays}}$$

With numbers: two arrays, $(3)$ and $(0, 4)$. The norm of both together is $\sqrt{9 + 16} = 5$. With $c = 1$ they become $(0.6)$ and $(0, 0.8)$; with $c = 10$ they stay as they are.

### Exercise 12.5: clip by the norm

<details><summary>Hint 1</summary>One norm for all arrays together: add up the squares of all of them first, and take the root at the end.</details>
<details><summary>Hint 2</summary>Return new arrays. If the norm is not above max_norm, their numbers are the same as before; else all of them are multiplied with the same number.</details>
"""


# %%
def clip_grad_norm(grads, max_norm):
    """The gradients, all shortened by the same factor if their common norm is above max_norm; and that norm.

    grads: a list of arrays, max_norm a positive number  ->  a list of the same shapes, the norm before clipping
    Example: grads = [[3], [0, 4]], max_norm = 1  ->  [[0.6], [0, 0.8]], 5
    """
    ### BEGIN SOLUTION
    norm = np.sqrt(sum(np.sum(array**2) for array in grads))
    if norm > max_norm:
        grads = [array * (max_norm / norm) for array in grads]
    return grads, norm
    ### END SOLUTION


# %%
check("rnn.clip_grad_norm", clip_grad_norm)

# %% [markdown]
r"""
The task of above over 20 steps, with orthogonal first weights, and now with plain gradient descent: `AdamW` divides each gradient by its usual size, and so hides the trouble. Once as it is, and once clipped at 0.01. The rate is 5, so clipped, no step is longer than 0.05.
"""


# %%
def by_gradient_descent(max_norm, seed):
    """Losses and norms of 300 steps."""
    draw = np.random.default_rng(seed)
    params, losses, norms = first_weights(2, 16, 2, draw), [], []
    for _ in range(300):
        loss, gradients, _ = recall_loss(params, *recall_batch(64, 20, draw))
        gradients, norm = clip_grad_norm(gradients, max_norm)
        params = [p - 5 * slope for p, slope in zip(params, gradients)]
        losses.append(loss)
        norms.append(norm)
    return losses, norms


with when_written:
    axes = plot.axes(3.6, 2.8, columns=2)
    learned = np.zeros(2, int)
    for seed in range(6):
        free, norms = by_gradient_descent(np.inf, seed)
        clipped, _ = by_gradient_descent(0.01, seed)
        ends = np.mean(free[-20:]), np.mean(clipped[-20:])
        learned += np.array(ends) < 0.1
        print(
            f"seed {seed}: gradients {np.median(norms):.2f} in the median, {max(norms):.1f} at most; "
            f"loss at the end {ends[0]:.2f}, clipped {ends[1]:.2f}"
        )
        if seed == 0:
            axes[0].semilogy(norms, color=plot.COLORS[1], lw=0.8)
            axes[1].plot(free, color=plot.COLORS[1], label="as it is")
            axes[1].plot(clipped, "--", color=plot.COLORS[0], label="clipped")
    compared = "fewer" if learned[0] < learned[1] else "no fewer"
    print(f"learned: clipped by {learned[1]} of 6 seeds, as it is by {compared}")
    axes[0].set(xlabel="step", ylabel="norm of the gradient", title="seed 0, as it is")
    axes[1].axhline(np.log(2), color="gray", lw=0.8)
    axes[1].set(xlabel="step", ylabel="loss (a coin: 0.69)", title="seed 0")
    axes[1].legend()
    plot.show(
        "Left, the norm of the gradient over 300 steps on a logarithmic scale, with spikes far above the rest. Right, the "
        "loss: without clipping it jumps far above that of a coin and never settles, with clipping it falls and stays low."
    )

# %% [markdown]
r"""
<!-- measured: learned: clipped by 6 of 6 seeds, as it is by fewer -->
Now and then a gradient is ten times the usual one, or a hundred times, and a single step along it takes the network to a place where it is surer, and more wrong, than a coin. A seed or two may be lucky and never meet such a place; a loss far above 0.69 is a network that did. Clipped, all six learn the task. Recurrent networks are nearly always trained in this way, and so, today, are large language models.

## 6. A piece at a time

To go back through a text of a million letters one would have to keep a million states, and wait for the end before the first step. So one cuts: read a piece of, say, 50 letters, go back through this piece, make a step, and read on. The *state* is carried on into the next piece; only the *gradient* ends at the cut. This is **truncated** backpropagation through time (Williams and Peng, 1990).

With numbers: the example of section 3, cut into pieces of one step. The loss still says $g = (0, 1)$. In the second piece $\bar a_2 = 0.868$ as before, but nothing goes on into the first: $\bar a_1 = 0$. So $\bar W_{hh} = 0.868 \cdot 0.762 = 0.661$, as before since $h_0 = 0$; but $\bar W_{ih} = 0$ instead of $0.182$. The 1 stood in the first piece, and its share in the result is not seen.

### Exercise 12.6: truncated

<details><summary>Hint 1</summary>A loop over where the pieces begin: <code>range(0, T, steps)</code>. The last piece may be shorter; slices take care of that.</details>
<details><summary>Hint 2</summary>Each piece goes through your <code>rnn_backward</code> with its own g and x, and with its states: those of its times and the one before, so one more. Of the five results you need the last three, and their sums over all pieces.</details>
"""


# %%
def truncated_bptt(g, x, states, w_ih, w_hh, steps):
    """The gradients of the weights if no gradient goes from a piece of so many steps to the one before it.

    g (T, N, H), x (T, N, D), states (T + 1, N, H), w_ih (H, D), w_hh (H, H), steps at least 1
      ->  dw_ih (H, D), dw_hh (H, H), db (H,)
    Example: that of rnn_backward with steps = 1  ->  dw_ih = [[0]], dw_hh = [[0.661]], db = [0.868]
    """
    ### BEGIN SOLUTION
    dw_ih = dw_hh = db = 0
    for first in range(0, len(x), steps):
        last = first + steps
        piece = g[first:last], x[first:last], states[first : last + 1]
        _, _, ih, hh, bias = rnn_backward(*piece, w_ih, w_hh)
        dw_ih, dw_hh, db = dw_ih + ih, dw_hh + hh, db + bias
    return dw_ih, dw_hh, db
    ### END SOLUTION


# %%
check("rnn.truncated_bptt", truncated_bptt)

# %% [markdown]
r"""
What does the cut cost? Below, a network reads 60 random inputs, the loss asks about each state, and the truncated gradient of $W_{hh}$ is compared with the true one: by the cosine of the angle between them, 1 if they point the same way.

**Predict, then look.** For which radius can you cut without regret?
"""

# %%
with when_written:
    draw = np.random.default_rng(2)
    mixing, reading = draw.standard_normal((32, 32)), draw.standard_normal((32, 8)) / 8**0.5
    noise, g = draw.standard_normal((60, 16, 8)), draw.standard_normal((60, 16, 32))
    print("radius   pieces of 1      2      5     10     20 steps")
    for radius in (0.5, 0.9, 1.0, 1.1):
        w_hh = with_radius(mixing, radius)
        states = rnn_forward(0.01 * noise, np.zeros((16, 32)), reading, w_hh, np.zeros(32))
        true = truncated_bptt(g, noise, states, reading, w_hh, 60)[1]
        row = []
        for steps in (1, 2, 5, 10, 20):
            cut = truncated_bptt(g, noise, states, reading, w_hh, steps)[1]
            row.append(np.sum(cut * true) / np.linalg.norm(cut) / np.linalg.norm(true))
        print(f"{radius:6}        " + "".join(f"{cosine:7.2f}" for cosine in row))

# %% [markdown]
r"""
<!-- measured:    0.5           0.88   0.94   0.97   0.99   0.99 |    0.9           0.58   0.71   0.84   0.91   0.95 |    1.0           0.39   0.41   0.58   0.68   0.77 |    1.1           0.06  -0.01   0.30   0.35   0.50 -->
Where the gradient vanishes by itself, a cut takes little away: for a radius of 0.5, pieces of five steps are as good as the whole. Where it would reach far, a cut takes just that, and for 1.1 even pieces of 20 steps point elsewhere.

## 7. Names

Now to letters. 1,065 names of countries, languages and scripts, from *abkhazian* to *zulu*. The network reads a name letter by letter, and after each letter says which will be next: a class among 38, as in lesson 3. One name becomes many questions:

| read | start | z | u | l | u |
|---|---|---|---|---|---|
| next | z | u | l | u | end |

Names have different lengths, and a batch is one array. So short ones are filled up with a token that means nothing, number 0, the **padding**. It must not count: not in the mean, and not in the gradient.

$$\text{loss} = \frac{1}{M} \sum_{(t, n)\ \text{real}} \big(\log \textstyle\sum_k e^{s_{t n k}} - s_{t n y_{tn}}\big) \qquad\quad s\ (T, N, K), \quad y\ (T, N), \quad M \text{ real tokens}$$

With numbers: two sequences, with the next tokens $(1, 2)$ and $(1, \text{padding})$, and all scores 0 for $K = 4$ classes. Each real token surprises by $\log 4 = 1.386$. The mean over the $M = 3$ real ones is $1.386$; whoever divides by 4 gets $1.040$, and would think a batch of short names the better one.

### Exercise 12.7: what does not count

<details><summary>Hint 1</summary>A mask of shape (T, N) says which tokens are real. <code>scores[mask]</code> is an array of shape (M, K), and <code>t[mask]</code> one of shape (M,): just what the functions of lesson 3 take.</details>
<details><summary>Hint 2</summary>The gradient begins as zeros of the shape of the scores. What cross_entropy_gradient says goes into the places of the mask: <code>gradient[mask] = ...</code></details>
"""


# %%
def masked_cross_entropy(scores, t, ignore_index=0):
    """The mean cross-entropy of all tokens but those of class ignore_index, and its gradient.

    scores (T, N, K), t (T, N) classes  ->  a number, (T, N, K)
    Example: scores = zeros (1, 2, 4), t = [[3, 0]]  ->  1.3863, [[[0.25, 0.25, 0.25, -0.75], [0, 0, 0, 0]]]
    """
    ### BEGIN SOLUTION
    mask = t != ignore_index
    counted, classes = scores[mask], t[mask]
    gradient = np.zeros(scores.shape)
    gradient[mask] = cross_entropy_gradient(counted, classes)
    return cross_entropy(counted, classes), gradient
    ### END SOLUTION


# %%
check("rnn.masked_cross_entropy", masked_cross_entropy)

# %% [markdown]
r"""
Now put it together. The tokens of a batch stand in an array $(T + 1, N)$, with the start in the first row. All rows but the last are read, all rows but the first are to be said. A token becomes a row of zeros with a single 1 (**one-hot**); the network starts from a state of zeros; a linear layer makes scores of each state:

$$x_t = \text{one-hot}(\text{token}_t) \qquad h_t = \text{step}(x_t, h_{t-1}) \qquad s_t = h_t W^\top + c \qquad\quad W\ (K, H), \quad c\ (K,)$$

With numbers: *zulu* is $T + 1 = 6$ tokens with start and end, so 5 are read and 5 are said.

### Exercise 12.8: the loss of a batch of names

<details><summary>Hint 1</summary>Forward: the one-hot rows are <code>np.eye(K)[tokens[:-1]]</code>, of shape (T, N, K). Then your rnn_forward, the linear layer on states[1:], and your masked_cross_entropy with tokens[1:].</details>
<details><summary>Hint 2</summary>Backward: the gradient g of the scores, (T, N, K). For the states it is g times w; your rnn_backward takes it from there. For c it is g summed over times and names.</details>
<details><summary>Hint 3</summary>For w it is, summed over times and names, g transposed times states: <code>np.einsum("tnk,tnh->kh", ...)</code>, or reshape both to two axes and take one product.</details>
"""


# %%
def next_token_loss(params, tokens):
    """The mean surprise at each next token, and the gradients.

    params [w_ih (H, K), w_hh (H, H), b (H,), w (K, H), c (K,)], tokens (T + 1, N), 0 after the end of a sequence
      ->  a number, a list of five arrays of the shapes of params
    """
    ### BEGIN SOLUTION
    w_ih, w_hh, b, w, c = params
    x = np.eye(len(c))[tokens[:-1]]
    states = rnn_forward(x, np.zeros((len(tokens.T), len(b))), w_ih, w_hh, b)
    scores = states[1:] @ w.T + c
    loss, g = masked_cross_entropy(scores, tokens[1:])
    dw = np.tensordot(g, states[1:], axes=([0, 1], [0, 1]))
    recurrent = rnn_backward(g @ w, x, states, w_ih, w_hh)
    return loss, [*recurrent[2:], dw, g.sum(axis=(0, 1))]
    ### END SOLUTION


# %%
check("rnn.next_token_loss", next_token_loss)

# %% [markdown]
r"""
A tenth of the names is kept aside. What must the network beat? Two rules that only count. The first knows how often each letter occurs. The second knows how often each letter follows each other one, and so remembers one letter. (A little is added to each count, so that nothing is impossible.)

**Predict, then look.** By how much can a network with 64 units do better on names that it has not seen?
"""

# %%
words = names()
vocabulary = Vocabulary.of(words)
K = len(vocabulary)
table, lengths = pad_sequences([vocabulary.encode(word) for word in words])
known, kept = group_split(np.arange(len(words)), 0.1, rng=0)
print(f"{len(known)} names to learn from, {len(kept)} kept aside, {K} tokens; some of them:")
print(", ".join(words[i] for i in known[::120]))


def counting_rule(remember):
    """The mean surprise at the tokens of the names kept aside, after counting in the others."""
    counts = np.full((K, K), 0.1)
    for row, many in zip(table[known], lengths[known]):
        np.add.at(counts, (row[: many - 1], row[1:many]), 1)
    if not remember:
        counts = np.broadcast_to(counts.sum(axis=0), (K, K))
    chance = counts / counts.sum(axis=1, keepdims=True)
    pairs = [chance[row[: n - 1], row[1:n]] for row, n in zip(table[kept], lengths[kept])]
    return -np.mean(np.log(np.concatenate(pairs)))


def names_loss(params, rows, _):
    """next_token_loss for the names of these numbers; the table is cut to the longest of them."""
    return next_token_loss(params, table[rows, : lengths[rows].max()].T)


def learn_names(seed, epochs=20):
    """The parameters, and after each epoch the loss of the names kept aside."""
    draw = np.random.default_rng(seed)
    params, adam, losses = first_weights(K, 64, K, draw), AdamW(0.005, weight_decay=0.1), []

    def step(params, gradients):
        return adam.step(params, clip_grad_norm(gradients, 1.0)[0])

    for epoch in range(epochs):
        adam.lr = 0.005 * cosine_schedule(epoch, epochs)
        params, _ = fit(params, names_loss, step, known, known, 1, rng=draw)
        losses.append(names_loss(params, kept, None)[0])
    return params, losses


with when_written:
    for name, remember in (
        ("how often each letter is", False),
        ("which letter follows which", True),
    ):
        print(f"{name:27} {counting_rule(remember):.2f}")
    trained, surprise = learn_names(0)
    print(f"{'the network':27} {surprise[-1]:.2f}")

# %% [markdown]
r"""
<!-- measured: how often each letter is    2.98 | which letter follows which  2.61 | the network                 2.39 -->
Surprise is counted in nats: 2.61 means that the rule is as unsure as if it had to choose among $e^{2.61} = 13.6$ letters that are equally likely; 2.39 means 10.9. Perfect it cannot be, for nobody can know how a name goes on.

A network that says what comes next can also *write*: let it say how likely each letter is, draw one, and let it read that letter next. Before drawing one may divide the scores by a **temperature**: below 1 it dares less, above 1 more.
"""


# %%
def write(params, draw, temperature=1.0, longest=20):
    """A new name, letter by letter."""
    w_ih, w_hh, b, w, c = params
    h, token, letters = np.zeros((1, len(b))), Vocabulary.START, []
    while len(letters) < longest:
        h = rnn_step(np.eye(K)[[token]], h, w_ih, w_hh, b)
        scores = (h @ w.T + c)[0] / temperature
        chance = np.exp(scores - scores.max())
        chance[: Vocabulary.END] = 0  # neither padding nor start
        token = draw.choice(K, p=chance / chance.sum())
        if token == Vocabulary.END:
            break
        letters.append(vocabulary.tokens[token])
    return "".join(letters)


with when_written:
    for temperature in (0.5, 1.0, 2.0):
        draw = np.random.default_rng(3)
        new = [write(trained, draw, temperature) for _ in range(8)]
        print(f"{temperature}: {', '.join(new)} ({len(set(new) & set(words))} of them in the list)")

# %% [markdown]
r"""
None of them is in the list, and at 0.5 and 1 most can be spoken. Nobody has told the network what a vowel is. At 2 it dares too much.

## 8. The sun

Sequences of numbers are forecast in the same way. The number of sunspots has been written down since 1700; it comes and goes in about eleven years. From all years until now, say the next one.

The rules of lesson 7 hold, with one more: **the future must not be known.** No shuffling here. Learn from the years before 1881, choose on 1881 to 1920, and look at 1921 to 2008 once, at the end. And again there are rules without a network:

- *as this year*: the next year will be like this one;
- *linear*: a weighted sum of the last $p$ years, by least squares; $p$ is chosen.

The network has 16 units; how much weight decay it gets was chosen on 1881 to 1920 as well. It learns from pieces of 50 years, and the first ten years of each do not count, since it has to get into the rhythm first.
"""

# %%
years, spots = series.sunspots()
z = spots / 100


def error(said, start, end):
    """The root of the mean squared error for the years from start up to, and without, end."""
    wanted = (years >= start) & (years < end)
    return np.sqrt(np.mean((100 * said[wanted] - spots[wanted]) ** 2))


def linear(p, until):
    """What a weighted sum of the last p years says; the weights are learned from the years before ``until``."""
    rows = np.stack([z[i : len(z) - p + i] for i in range(p)] + [np.ones(len(z) - p)], axis=1)
    before = years[p:] < until
    weights = np.linalg.lstsq(rows[before], z[p:][before], rcond=None)[0]
    return np.concatenate([np.full(p, np.nan), rows @ weights])


def forecast_loss(params, x, y):
    """The mean squared error, but for the first ten times, and the gradients."""
    *recurrent, w, c = params
    nothing = np.zeros([len(x[0]), w.shape[1]])
    states = rnn_forward(x, nothing, *recurrent)
    miss = c - y + states[1:] @ w.T
    miss[:10] = 0
    slope = 2 * miss / miss[10:].size
    back = rnn_backward(slope @ w, x, states, *recurrent[:2])[2:]
    for_w = (slope * states[1:]).sum(axis=(0, 1), keepdims=True)[0]  # there is one output
    return np.mean(miss[10:] ** 2), [*back, for_w, slope.sum(keepdims=True)[0, 0]]


def network(seed, until, epochs=300):
    """What the network says, after learning from the years before ``until``."""
    draw = np.random.default_rng(seed)
    params, adam = first_weights(1, 16, 1, draw), AdamW(0.01, weight_decay=1.0)
    starts = np.arange(0, np.sum(years < until) - 50, 3)
    pieces = np.stack([z[i : i + 51] for i in starts], axis=1)[:, :, None]
    for epoch in range(epochs):
        adam.lr = 0.01 * cosine_schedule(epoch, epochs)
        _, gradients = forecast_loss(params, pieces[:-1], pieces[1:])
        params = adam.step(params, clip_grad_norm(gradients, 1.0)[0])
    *recurrent, w, c = params
    states = rnn_forward(z[:-1, None, None], np.zeros((1, 16)), *recurrent)
    return np.concatenate([[np.nan], (states[1:] @ w.T + c)[:, 0, 0]])


with when_written:
    same = np.concatenate([[np.nan], z[:-1]])
    p = min(range(1, 15), key=lambda p: error(linear(p, 1881), 1881, 1921))
    print("                     1881-1920   1921-2008")
    print(f"as this year         {error(same, 1881, 1921):9.1f}   {error(same, 1921, 2009):9.1f}")
    chosen, final = error(linear(p, 1881), 1881, 1921), error(linear(p, 1921), 1921, 2009)
    print(f"linear, {p:2} years     {chosen:9.1f}   {final:9.1f}")
    forecasts = [network(seed, 1921) for seed in range(3)]
    for seed in range(3):
        chosen, final = error(network(seed, 1881), 1881, 1921), error(forecasts[seed], 1921, 2009)
        print(f"network, seed {seed}      {chosen:9.1f}   {final:9.1f}")
    early, late = (spots[(years >= a) & (years < b)] for a, b in ((1881, 1921), (1921, 2009)))
    print(f"the sun itself, mean {early.mean():9.1f}   {late.mean():9.1f}")
    print(f"the sun itself, at most {early.max():6.1f}   {late.max():9.1f}")
    ax = plot.axes(7.5, 2.8)
    ax.plot(years, spots, color="black", lw=1, label="the sun")
    ax.plot(years, 100 * forecasts[0], "--", color=plot.COLORS[1], lw=1, label="network, seed 0")
    ax.axvline(1921, color="gray", lw=0.8)
    ax.set(xlabel="year", ylabel="sunspots", xlim=(1881, 2009))
    ax.legend()
    plot.show(
        "Sunspots from 1881 to 2008, in waves of about eleven years, and the network's forecast of each year: it follows "
        "the waves, and falls short of the highest peaks after 1921."
    )

# %% [markdown]
r"""
<!-- measured: as this year              17.9        30.4 | linear, 10 years          13.2        17.6 | network, seed 0           11.8        19.8 | network, seed 1           11.7        19.8 | network, seed 2           11.9        19.9 | the sun itself, mean      39.5        65.5 | the sun itself, at most  103.9       190.2 -->
On the years it was chosen on, the network is the best. From 1921 on the linear rule is better, against every seed: eleven weights against 305, with 221 numbers to learn from. The sun was quiet from 1881 to 1920, and then more active than ever before; its old record was 154, in 1778. Forty quiet years are a poor judge of a network that must now say numbers that it has never seen.

That is an honest result, and a common one: with few numbers, try the plain rule first. Where there are many sequences and the rule is not a sum, as with names, the network wins.

## 9. Explore

Go back to the explorer at the top, or run `explore.unrolled()` in a new cell.

1. With an input weight of 0.1, find the recurrent weight at which the bars neither rise nor fall on their way to the left. Then raise the input weight to 3. What happens to the bars, and what do you see in the states? Do orthogonal weights help?
2. Set the recurrent weight to 0. What can two columns of the same letter tell you? Raise it until they differ.
3. Now a recurrent weight of 2 and an input weight of 0.5. How much of the gradient arrives at the first letter, and by how much would another first letter move the last state? How can that be? (A gradient speaks of small changes.)

## 10. Cross-check

Your sequence against PyTorch's `rnn_tanh`, forward and through time: 50 steps, 32 sequences, 64 units, on a GPU too if there is one. (PyTorch has two biases where one would do; the second is 0 here.)
"""

# %%
from dlcore.crosscheck import crosscheck

with when_written:
    draw = np.random.default_rng(11)
    x, h = draw.standard_normal((50, 32, 16)), draw.standard_normal((32, 64))
    w_ih, w_hh, b = (draw.uniform(-1, 1, shape) / 8 for shape in ((64, 16), (64, 64), 64))

    def mine(x, h, w_ih, w_hh, b):
        return rnn_forward(x, h, w_ih, w_hh, b)[1:]

    def back(g, x, h, w_ih, w_hh, b):
        return rnn_backward(g, x, rnn_forward(x, h, w_ih, w_hh, b), w_ih, w_hh)

    def theirs(rnn_tanh, x, h, w_ih, w_hh, b):  # one layer, in one direction, times first
        return rnn_tanh(x, h[None], (w_ih, w_hh, b, 0 * b), True, 1, 0.0, False, False, False)[0]

    print(crosscheck(mine, "rnn_tanh", x, h, w_ih, w_hh, b, backward=back, call=theirs))

# %% [markdown]
r"""
## 11. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-radius" points=2
r"""
**Question A.** A colleague trains a recurrent network on sequences of 100 steps in which the first input decides the answer. It guesses. "I shall clip the gradients", she says. Does that help? What would you look at first, and what would you change?

=== BEGIN MARK SCHEME ===
1 point: clipping shortens gradients that are too long and does nothing for those that vanish; guessing at long distance points to vanishing.
1 point: look at the gradient's norm against the distance (or the spectral radius of W_hh, or how saturated the states are), then begin with orthogonal weights of radius 1, or use gates (lesson 13).
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-future" points=2
r"""
**Question B.** Somebody forecasts sales: all days of three years are shuffled, a tenth is kept aside for the test, and for each of these days the network has read the days before it. The result is excellent, and in the shop it is poor. What went wrong, and how would you test instead? Would shuffling the *names* of this lesson have been wrong too?

=== BEGIN MARK SCHEME ===
1 point: the network has learned from days after (and right beside) the test days, so the future was known; keep the last stretch of time aside instead.
1 point: names are independent of each other, so a random split is right for them (each name stays whole).
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

A step, a sequence, backpropagation through time, whole or truncated; a gradient that is measured and clipped; and two networks that say what comes next. Open `dlcore/recurrent/`: it is yours, with more layers, both directions, and lengths.

Its memory is a state that is overwritten at every step, all of it. Orthogonal weights keep everything, the noise as well; small weights forget everything. What is missing is a network that decides, for each number of its state and at each time, whether to keep it: a gate. That is lesson 13.

## References

- J. Elman, *Finding structure in time*, Cognitive Science 14, 1990: this network, and what it finds out about words by reading.
- S. Hochreiter, *Untersuchungen zu dynamischen neuronalen Netzen*, diploma thesis, 1991, and Y. Bengio, P. Simard and P. Frasconi, *Learning long-term dependencies with gradient descent is difficult*, 1994: why gradients vanish.
- R. Pascanu, T. Mikolov and Y. Bengio, arXiv 1211.5063, 2013: exploding gradients, and clipping by the norm.
- R. Williams and J. Peng, *An efficient gradient-based algorithm for on-line training of recurrent network trajectories*, 1990: truncation.
- A. Saxe, J. McClelland and S. Ganguli, arXiv 1312.6120, 2014: orthogonal first weights.
"""
