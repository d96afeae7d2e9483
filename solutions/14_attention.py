# %% [markdown]
r"""
# 14 · Attention

**At the end of this lesson you will have written a network that looks back at all it has read and chooses where, and taught it to sort rows twice as long as any it has seen.**

You will be able to

- look something up softly, and say by what the scores are divided, and why;
- say who may look where, and catch a network that looks into the future;
- derive the backward pass of attention;
- let several heads look at once, and tell them what stands where;
- say what attention costs, and what it buys.

**It builds on** softmax (lesson 2), cross-entropy and its mask (lessons 3 and 12), `AdamW` (lesson 6) and the LSTM (lesson 13). **Time:** about 120 minutes.

Run the two cells. On the right, each word stands where its *key* is, and the arrow is what one word asks for, its *query*. The farther a word lies in the direction of the arrow, the more it is looked at. On the left are the weights of all words at once: a row for each that asks. Move the pointer over a row, and drag the arrow.
"""

# %%
import time

import numpy as np

from autograder import check, when_written
from dlcore import explore, plot
from dlcore.data import series
from dlcore.scratch.lstm_gru import forget_bias, lstm, lstm_backward  # lesson 13
from dlcore.scratch.optimizers import AdamW, cosine_schedule  # lesson 6
from dlcore.scratch.rnn import clip_grad_norm, masked_cross_entropy  # lesson 12

# %%
explore.attention()

# %% [markdown]
r"""
## A question first: longer than before

A row of different numbers, "=", and the same numbers in order:

    5 12 9 = 5 9 12

A network reads it token by token and says, from the "=" on, which token comes next, as it did with the names in lesson 12. The LSTM of lesson 13, with 64 units, learns it on rows of 2 to 8 numbers out of 20, in 400 steps. Then it gets new rows, of 4, 8, 12 and 16 numbers. A row counts only if *all* of it is right.

**Predict, then look.** Which of them can it sort?
"""

# %%
EQUALS, K = 1, 22  # token 0 is padding, 1 is "=", 2 to 21 are the numbers 0 to 19


def rows(n, shortest, longest, draw, task=np.sort):
    """n rows: the tokens that are read (n, 2 longest), and at each place the next one, 0 where it does not count."""
    length = draw.integers(shortest, longest + 1, n)
    whole = np.zeros((n, 2 * longest + 1), int)
    for row, many in zip(whole, length):
        numbers = 2 + draw.permutation(K - 2)[:many]
        row[: 2 * many + 1] = [*numbers, EQUALS, *task(numbers)]
    asked = np.arange(2 * longest) >= length[:, None]  # from the "=" on
    return whole[:, :-1], whole[:, 1:] * asked


def all_right(scores, targets):
    """The share of rows without a mistake, for scores (n, T, K)."""
    return np.mean(np.all((scores.argmax(axis=2) == targets) | (targets == 0), axis=1))


def learn(loss_of, params, draw, batch, rate, steps=400):
    """The parameters after so many steps on rows of this kind."""
    adam = AdamW(rate)
    for step in range(steps):
        adam.lr = rate * cosine_schedule(step, steps)
        gradients = loss_of(params, *rows(64, *batch[:2], draw, *batch[2:]))[1]
        params = adam.step(params, clip_grad_norm(gradients, 1.0)[0])
    return params


def lstm_loss(params, tokens, targets):
    """The mean surprise of lesson 13's LSTM at the targets, the gradients, and the scores (n, T, K)."""
    *gated, w, c = params
    x, nothing = np.eye(K)[tokens.T], np.zeros([len(tokens), w.shape[1]])
    hs, *others = lstm(x, nothing, nothing, *gated)
    shown = hs[1:]
    scores = c + shown @ w.T
    loss, slope = masked_cross_entropy(scores, targets.T)
    back = lstm_backward(slope @ w, x, hs, *others, *gated[:2])[3:]
    for_w = np.tensordot(slope, shown, ([0, 1], [0, 1]))
    return loss, [*back, for_w, slope.sum(axis=0).sum(axis=0)], scores.swapaxes(0, 1)


def lstm_learns(seed, *batch):
    """An LSTM with 64 units after 400 steps on rows of this kind."""
    draw = np.random.default_rng(seed)
    b = np.zeros(256)
    b[64:128] = forget_bias(16)
    weights = [draw.uniform(-1, 1, shape) / 8 for shape in ((256, K), (256, 64), (K, 64))]
    return learn(lstm_loss, [*weights[:2], b, weights[2], np.zeros(K)], draw, batch, 0.02)


with when_written:
    new = np.random.default_rng(99)
    tests = {many: rows(1000, many, many, new) for many in (4, 8, 12, 16)}
    print("1,000 rows of      4      8     12     16 numbers")
    lstm_sorts = []
    for seed in range(3):
        trained = lstm_learns(seed, 2, 8)
        lstm_sorts.append(
            [all_right(lstm_loss(trained, *test)[2], test[1]) for test in tests.values()]
        )
        print(f"LSTM, seed {seed}  " + " ".join(f"{share:6.1%}" for share in lstm_sorts[-1]))
    print(f"rows of 16 sorted by the best of them: {max(found[3] for found in lstm_sorts):.0%}")

# %% [markdown]
r"""
<!-- measured: rows of 16 sorted by the best of them: 0% -->
Up to 8 it sorts nearly all, of 12 few, of 16 none. It has not learned to sort, but to do something with its 64 units that is right for rows like those it knows. All that was read has gone into one state, before it was known what would be asked.

How do *you* write the next number of the sorted row? You look back at the row, find the smallest number above the one just written, and copy it. You need no memory for the row, for it is still there. What you need is to look at the right place.

## 1. A look-up that is soft

A dictionary in Python gives the value under exactly one key. A soft one has for each question, the **query** $q$, a little of all values: the better a **key** $k_i$ fits the query, the more of the **value** $v_i$. How well it fits says the scalar product, and the softmax of lesson 2 makes weights of it:

$$s_i = k_i \cdot q \qquad w = \text{softmax}(s) \qquad y = \sum_i w_i v_i \qquad\quad q\ (E,), \quad k\ (S, E), \quad v\ (S, V), \quad w\ (S,), \quad y\ (V,)$$

With numbers: two keys, $(1, 0)$ and $(0, 1)$, with the values 10 and 20. The query $(2, 0)$ gives the scores 2 and 0, so $e^2 = 7.39$ and $e^0 = 1$, and the weights $0.881$ and $0.119$: $y = 0.881 \cdot 10 + 0.119 \cdot 20 = 11.19$. The query $(10, 0)$ is surer: $y = 10.0005$. And because nothing jumps, all of it has a gradient: a network can *learn* what to ask, and under which key to put things.

This was first done for translation, where for each new word a network looks at the words of the other language that it needs now (Bahdanau and others, 2015).

### Exercise 14.1: look it up

<details><summary>Hint 1</summary>All scores at once are a product of a matrix and a vector, of shape (S,).</details>
<details><summary>Hint 2</summary>Subtract the largest score before <code>np.exp</code>, as in lesson 2. The weights (S,) times the values (S, V) are a product again.</details>
"""


# %%
def soft_lookup(query, keys, values):
    """A mixture of the values, each weighted by how well its key fits.

    query (E,), keys (S, E), values (S, V)  ->  the mixture (V,), the weights (S,)
    Example: query = [2, 0], keys = [[1, 0], [0, 1]], values = [[10], [20]]  ->  [11.192], [0.8808, 0.1192]
    """
    ### BEGIN SOLUTION
    fits = keys @ query
    weights = np.exp(fits - fits.max())
    weights = weights / weights.sum()
    return weights @ values, weights
    ### END SOLUTION


# %%
check("attention.soft_lookup", soft_lookup)

# %% [markdown]
r"""
A forecast without training: which years of the past were like the last three, and what came after them? The keys are three years each, the values the year that followed, and the query is the three years until now. To compare by *distance*, write $-\tfrac12 |q - k|^2 = q \cdot k - \tfrac12 |k|^2 - \tfrac12 |q|^2$: the last term is the same for all keys, and softmax does not see it; the middle one is a fourth number of the key, with a 1 in the query. How sharply to choose, the number before it all, is chosen on 1881 to 1920, as in lesson 12.
"""

# %%
years, spots = series.sunspots()
z = spots / 100


def alike(t, sharp):
    """What year number t will be like, from all three years in a row before it, and from what followed them."""
    past = np.stack([z[i : i + 3] for i in range(t - 3)])
    keys = np.column_stack([past, -np.sum(past * past, axis=1) / 2])
    mixture, _ = soft_lookup(sharp * np.array([*z[t - 3 : t], 1]), keys, z[3:t, None])
    return mixture[0]


with when_written:
    print("               1881-1920   1921-2008")
    best = np.inf
    for sharp in (1, 3, 10, 30, 100, 300):
        said = np.array([np.nan] * 100 + [alike(t, sharp) for t in range(100, len(z))])
        misses = 100 * (said - z)
        early, late = misses[(years >= 1881) & (years < 1921)], misses[years >= 1921]
        found = np.sqrt(np.mean(early**2)), np.sqrt(np.mean(late**2))
        print(f"{sharp:4} times as sharp {found[0]:5.1f} {found[1]:11.1f}")
        if found[0] < best:
            best, chosen = found[0], (sharp, found[1])
    print(f"chosen: {chosen[0]}, error 1921-2008: {chosen[1]:.1f}")

# %% [markdown]
r"""
<!-- measured: chosen: 100, error 1921-2008: 22.8 -->
Better than "as this year" (30.4), worse than the network of lesson 12 (19.8) and the linear rule (17.6); and nothing was learned but one number. The queries and keys were given here. From now on they will be learned.

## 2. Many questions, and by what to divide

In a network every place of a sequence asks. So there are $L$ queries, and all scores are one matrix product:

$$\text{attention}(q, k, v) = \text{softmax}\Big(\frac{q\, k^\top}{\sqrt{E}}\Big)\, v \qquad\quad q\ (L, E), \quad k\ (S, E), \quad v\ (S, V) \;\to\; (L, V)$$

The softmax runs over the $S$ keys, for each query by itself. But what is $\sqrt{E}$ for? Say the numbers in $q$ and $k$ are random, with mean 0 and variance 1. Each product $q_e k_e$ has mean 0 and variance 1 too, and $q \cdot k$ is a sum of $E$ of them: its variance is $E$, its standard deviation $\sqrt{E}$. With $E = 64$ scores lie about 8 apart, and $e^8$ is 2,981: one key gets everything, the others nothing. Then softmax is flat, as a sigmoid is at its ends (lesson 2): the slope of a weight $w$ by its own score is $w (1 - w)$, so hardly anything is learned. Divided by $\sqrt{E}$, the scores have variance 1 for every $E$.

With numbers: $q = (2, 0, 0, 0)$, $k_1 = (3, 1, 0, 0)$, $k_2 = (1, 0, 5, 0)$, so $E = 4$. The products are 6 and 2, the scores 3 and 1, the weights $0.881$ and $0.119$. Without the root they would be $0.982$ and $0.018$.

**Predict, then look.** Ten random keys, $E = 256$, undivided: how large is the largest of the ten weights, in the mean?
"""

# %%
with when_written:
    draw = np.random.default_rng(0)
    print("         not divided: largest, slope      divided: largest, slope")
    for size in (1, 4, 16, 64, 256):
        row = []
        for root in (1, size**0.5):
            q, keys = draw.standard_normal((1000, size)), draw.standard_normal((1000, 10, size))
            w = np.stack([soft_lookup(a / root, b, b[:, :1])[1] for a, b in zip(q, keys)])
            row += [w.max(axis=1).mean(), (w * (1 - w)).mean()]
        print(f"E = {size:3} {row[0]:20.2f} {row[1]:10.4f} {row[2]:18.2f} {row[3]:10.4f}")

# %% [markdown]
r"""
<!-- measured: E = 256                 0.94     0.0093               0.32     0.0806 -->
Undivided, the slope at $E = 256$ is a ninth of what it was at $E = 1$. With the root it is the same for every size.

## 3. Not everybody may look everywhere

Some keys must not be looked at: padding, which means nothing, or what comes later, if it is to be forecast. A **mask** says for each query and each key whether it may be looked at. Where not, the score is set to $-\infty$, and $e^{-\infty} = 0$ exactly:

$$s_{ij} \leftarrow \begin{cases} s_{ij} & \text{if } i \text{ may look at } j \\ -\infty & \text{if not} \end{cases}$$

It is done *before* the softmax, so that the others share the whole of 1. With numbers: the scores 2, 0 and 1, of which the last must not be seen, give the weights $0.881$, $0.119$ and $0$, as if it were not there. Whoever sets the weight to 0 *afterwards* is left with $0.665$ and $0.090$, and how much they have lost depends on what must not be seen.

And a query that may look nowhere? All its $e^s$ are 0, their sum is 0, and $0/0$ is not a number: it would spread to everything. Such a query gets zeros.

### Exercise 14.2: attention

<details><summary>Hint 1</summary>There may be axes in front, for sequences or heads. <code>k.mT</code> exchanges the last two and leaves the others; <code>@</code>, <code>axis=-1</code> and <code>keepdims=True</code> do the rest.</details>
<details><summary>Hint 2</summary>Where the mask is False put <code>-np.inf</code>, with <code>np.where</code>. It broadcasts. Only then look for the largest score of each row: one that must not be seen may be larger than all the others.</details>
<details><summary>Hint 3</summary>A row that may look nowhere has a largest score of -inf, and -inf - (-inf) is nan: subtract 0 there instead. Its sum is 0: divide it by 1.</details>
"""


# %%
def attention(q, k, v, mask=None):
    """A mixture of values for each query, from the keys at which it may look.

    q (..., L, E), k (..., S, E), v (..., S, V), mask None or boolean, True: may look, broadcast to (..., L, S)
      ->  the mixtures (..., L, V), the weights (..., L, S); zeros for a query that may look nowhere
    Example: q = [[4]], k = [[0.5], [0]], v = [[10], [20]]  ->  [[11.192]], [[0.8808, 0.1192]]
    """
    ### BEGIN SOLUTION
    scores = np.einsum("...le,...se->...ls", q, k) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    largest = scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores - np.nan_to_num(largest))
    total = weights.sum(axis=-1, keepdims=True)
    weights = weights / np.where(total, total, 1)
    return weights @ v, weights
    ### END SOLUTION


# %%
check("attention.attention", attention)

# %% [markdown]
r"""
## 4. Two masks

**Padding**: sequences of different lengths in one array are filled up at the end (lesson 12). Place $j$ of sequence $n$ is real if $j < \text{length}_n$. **Causal**: a network that forecasts may look at what has been, and at the present, but not at what is to come: $j \le i$.

$$\text{may}_{nij} = \big[\, j < \text{length}_n \,\big] \;\text{and, if causal,}\; \big[\, j \le i \,\big] \qquad\quad (N, T, T)$$

With numbers, for one sequence of length 2 in an array of 3, causal. The rows are those who look:

| | 0 | 1 | 2 (padding) |
|---|---|---|---|
| **0** | yes | no | no |
| **1** | yes | yes | no |
| **2** | yes | yes | no |

(Row 2 is padding itself: what it sees is never used. Read other people's masks with care: in PyTorch's `scaled_dot_product_attention` True means "may look", as here, and in its `MultiheadAttention` it means "must not".)

### Exercise 14.3: who may look

<details><summary>Hint 1</summary><code>np.arange(size)</code> are the places. Compared with the lengths, as an array of shape (N, 1, 1), they give (N, 1, size): the same for all who look.</details>
<details><summary>Hint 2</summary>For the causal part compare the places as a column with the places as a row. The result must have the shape (N, size, size) either way: <code>np.broadcast_to</code>, or a logical and with something of that shape.</details>
"""


# %%
def attention_mask(lengths, size, causal=False):
    """Who may look at what: only at what is real and, if causal, at nothing that comes later.

    lengths (N,) whole numbers up to size  ->  boolean (N, size, size), [n, i, j]: whether i may look at j
    Example: lengths = [2], size = 3, causal = True  ->  [[[T, F, F], [T, T, F], [T, T, F]]]
    """
    ### BEGIN SOLUTION
    place = np.arange(size)
    may = np.empty((len(lengths), size, size), bool)
    may[:] = place < lengths[:, None, None]
    if causal:
        may &= place <= place[:, None]
    return may
    ### END SOLUTION


# %%
check("attention.attention_mask", attention_mask)

# %% [markdown]
r"""
## 5. Does it look into the future?

A mask that is wrong by one place raises no error. The loss even falls, and faster: the answer stands in what the network reads. It is found out on the first day on which there is no tomorrow to read. So you need a tool that does not trust the code but tries it: change one input, and see which outputs move.

$$D_{ts} = \big[\, f(x)_t \ne f(x')_t \,\big] \quad \text{where } x' \text{ is } x \text{ but for its row } s \qquad\quad x\ (T, D), \quad f(x)\ (T, M), \quad D\ (T, T)$$

With numbers: $f(x)_t = x_t + x_{t-1}$ (with 0 before the first), for $T = 3$. Changing $x_0$ moves the outputs 0 and 1; $x_1$ moves 1 and 2; $x_2$ moves 2 alone. So

$$D = \begin{pmatrix} 1 & 0 & 0 \\ 1 & 1 & 0 \\ 0 & 1 & 1 \end{pmatrix}$$

and a network is causal if $D$ is 0 above the diagonal.

By what to change a row? Not by 1: a network that first subtracts the mean of a row, as many do, would not notice. Random numbers, different for each feature, are noticed by all.

### Exercise 14.4: what depends on what

<details><summary>Hint 1</summary>One output before all changes. Then a loop over s: a <em>copy</em> of x in which row s has become random, and once more through f.</details>
<details><summary>Hint 2</summary>Output t has moved if <em>any</em> of its M numbers is another than before: <code>np.any(... != ..., axis=1)</code>. It belongs into column s.</details>
"""


# %%
def dependency_matrix(f, x):
    """Which outputs of a network move when an input is changed.

    f: a function from (T, D) to (T, M), x (T, D)  ->  boolean (T, T), [t, s]: whether output t depends on input s
    Example: f = lambda x: np.cumsum(x, axis=0), x = [[1], [2], [3]]  ->  [[T, F, F], [T, T, F], [T, T, T]]
    """
    ### BEGIN SOLUTION
    draw = np.random.default_rng(0)
    first = f(x)
    found = np.empty((len(x), len(x)), bool)
    for s in range(len(x)):
        changed = x.copy()
        changed[s] = draw.standard_normal(x.shape[1])
        found[:, s] = np.any(f(changed) != first, axis=1)
    return found
    ### END SOLUTION


# %%
check("attention.dependency_matrix", dependency_matrix)

# %% [markdown]
r"""
Five colleagues have written a causal network, each with your `attention`.

**Predict, then look.** Read the five. Which of them look into the future?

The pictures show what your tool says. Then all five are to forecast a *coin*: for each of 11 flips, a least-squares fit on 300 rows reads what the network makes of the flips until now, and says the next one; counted on 300 other rows. Nobody can be right more often than in half of the cases. Or can they?
"""


# %%
def anna(x):
    return attention(x, x, x, attention_mask(np.array([len(x)]), len(x), causal=True)[0])[0]


def ben(x):
    _, weights = attention(x, x, x)
    return np.tril(weights) @ x  # weights of the future are taken away


def carla(x):
    may = np.tri(len(x), k=1).astype(bool)
    return attention(x, x, x, may)[0]


def dario(x):
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)  # as one should, since lesson 7
    return anna(scaled)


def emma(x):
    may = ~np.tri(len(x), k=-1).astype(bool)
    return attention(x, x, x, may)[0]


def forecasts_a_coin(network):
    """The share of right answers to 300 new rows of 12 flips."""
    draw = np.random.default_rng(0)
    sides, where = draw.standard_normal((2, 16)), draw.standard_normal((11, 16))
    flips = draw.integers(0, 2, (600, 12))
    inputs = sides[flips[:, :-1]] + where
    outputs = np.concatenate([inputs, np.stack([network(x) for x in inputs])], axis=2)
    outputs = np.concatenate([outputs, np.ones((600, 11, 1))], axis=2)
    right = []
    for t in range(11):
        fit = np.linalg.lstsq(outputs[:300, t], 2 * flips[:300, t + 1] - 1, rcond=None)[0]
        right.append((outputs[300:, t] @ fit > 0) == flips[300:, t + 1])
    return np.mean(right)


with when_written:
    networks = (anna, ben, carla, dario, emma)
    axes = plot.axes(2, 2.2, columns=5)
    for ax, network in zip(axes, networks):
        found = dependency_matrix(network, np.random.default_rng(1).standard_normal((8, 4)))
        ax.imshow(found, cmap="Greys", vmin=0, vmax=1.5)
        ax.set(title=network.__name__, xlabel="input", xticks=[0, 7], yticks=[0, 7])
        future = "looks into the future" if np.any(np.triu(found, 1)) else "does not"
        print(f"{network.__name__:6} {future:22} forecasts a coin: {forecasts_a_coin(network):.0%}")
    axes[0].set_ylabel("output")
    plot.show(
        "Five squares of 8 outputs by 8 inputs. Anna's is dark up to the diagonal, Carla's one place beyond it, Emma's from "
        "the diagonal on, Ben's and Dario's are dark everywhere."
    )

# %% [markdown]
r"""
<!-- measured: anna   does not               forecasts a coin: 50% | ben    looks into the future  forecasts a coin: 56% | carla  looks into the future  forecasts a coin: 72% | dario  looks into the future  forecasts a coin: 93% | emma   looks into the future  forecasts a coin: 69% -->
Only Anna's is honest. Dario's mask is perfect, and his is the worst leak: the mean of the whole row knows the future. Whenever a forecast is better than can be, try your tool.

## 6. The backward pass

Let $\bar y_l$ be the gradient of what query $l$ got. From $y_l = \sum_i w_{li} v_i$:

$$\bar v_i = \sum_l w_{li}\, \bar y_l \qquad\quad \bar w_{li} = \bar y_l \cdot v_i$$

Through the softmax: it only shares out. If $w_i$ rises, the others fall, and so it counts only how much better $\bar w_i$ is than the *weighted mean* of all:

$$\bar s_{li} = w_{li} \Big( \bar w_{li} - \sum_j w_{lj} \bar w_{lj} \Big)$$

And the scores are products, divided by the root:

$$\bar q = \frac{\bar s\, k}{\sqrt E} \qquad\quad \bar k = \frac{\bar s^\top q}{\sqrt E}$$

The mask needs nothing: where $w = 0$, $\bar s = 0$.

With numbers: $E = 1$, $q = 2$, keys 1 and 0, values 10 and 20, so $w = (0.881, 0.119)$; and $\bar y = 1$. Then $\bar v = (0.881, 0.119)$, $\bar w = (10, 20)$, with the weighted mean $11.19$; $\bar s = (0.881 \cdot (-1.19),\; 0.119 \cdot 8.81) = (-1.05, 1.05)$; $\bar q = -1.05 \cdot 1 + 1.05 \cdot 0 = -1.05$, and $\bar k = 2 \cdot (-1.05, 1.05) = (-2.10, 2.10)$. To raise $y$, ask less for the first.

### Exercise 14.5: the backward pass of attention

<details><summary>Hint 1</summary>Three products with the last two axes swapped: weights with g for the values, g with the values for the weights, and what has come of the scores with q for the keys.</details>
<details><summary>Hint 2</summary>The weighted mean is a sum over the last axis, with <code>keepdims=True</code>. Divide by the root of E once, before the two last products.</details>
"""


# %%
def attention_backward(g, q, k, v, weights):
    """The gradients of queries, keys and values.

    g (..., L, V) for the mixtures, q (..., L, E), k (..., S, E), v (..., S, V), weights (..., L, S)
      ->  dq (..., L, E), dk (..., S, E), dv (..., S, V)
    Example: g = [[1]], q = [[2]], k = [[1], [0]], v = [[10], [20]], weights = [[0.8808, 0.1192]]
      ->  [[-1.05]], [[-2.10], [2.10]], [[0.8808], [0.1192]]
    """
    ### BEGIN SOLUTION
    for_weights = np.einsum("...lv,...sv->...ls", g, v)
    mean = np.einsum("...ls,...ls->...l", weights, for_weights)
    for_scores = weights * (for_weights - mean[..., None]) / np.sqrt(q.shape[-1])
    dk = np.einsum("...ls,...le->...se", for_scores, q)
    dv = np.einsum("...ls,...lv->...sv", weights, g)
    return for_scores @ k, dk, dv
    ### END SOLUTION


# %%
check("attention.attention_backward", attention_backward)

# %% [markdown]
r"""
## 7. Several heads

Where do queries, keys and values come from? From the same sequence $x$, by three matrices that are learned: this is **self-attention**. And since a place may want to look at two others for two reasons, there are $H$ **heads** side by side, each with matrices of its own. A last matrix of each head brings what it has found to the common width, and there it is added up (Vaswani and others, 2017):

$$y = \sum_{h} \text{attention}\big(x W^h_q,\; x W^h_k,\; x W^h_v\big)\, W^h_o \qquad\quad x\ (N, T, D), \quad W_q, W_k, W_v\ (H, D, E), \quad W_o\ (H, E, M), \quad y\ (N, T, M)$$

Usually $E = D / H$, so that several heads cost no more than a single wide one. With numbers: $D = 64$ and $H = 4$ give $E = 16$; the four matrices have $4 \cdot 64 \cdot 64 = 16{,}384$ weights, and so they do with $H = 1$.

(Libraries keep the matrices of all heads in one, multiply once, and cut the result: (N, T, D) becomes (N, T, H, E), and then the axes of time and head are exchanged. Whoever goes to (N, H, T, E) by a reshape alone mixes up times and heads, and no error is raised.)

### Exercise 14.6: several heads

<details><summary>Hint 1</summary>With a loop over the heads: three products of x with that head's matrices, your <code>attention</code>, one product with its last matrix, and a sum.</details>
<details><summary>Hint 2</summary>Without a loop: <code>x[:, None] @ w_q</code> is (N, H, T, E). Then the mask (N, T, T) needs an axis for the heads, too: <code>mask[:, None]</code>. Without it NumPy may take sequences for heads.</details>
"""


# %%
def multi_head_attention(x, w_q, w_k, w_v, w_o, mask=None):
    """Self-attention with several heads, added up.

    x (N, T, D), w_q, w_k, w_v (H, D, E), w_o (H, E, M), mask None or boolean (N, T, T)  ->  (N, T, M)
    """
    ### BEGIN SOLUTION
    y = 0
    for head in range(len(w_o)):
        q, k, v = x @ w_q[head], x @ w_k[head], x @ w_v[head]
        found, _ = attention(q, k, v, mask)
        y = y + found @ w_o[head]
    return y
    ### END SOLUTION


# %%
check("attention.multi_head_attention", multi_head_attention)

# %% [markdown]
r"""
## 8. What stands where

**Predict, then look.** The rows of $x$ are shuffled. What becomes of the output?
"""

# %%
with when_written:
    draw = np.random.default_rng(4)
    x, order = draw.standard_normal((1, 6, 8)), draw.permutation(6)
    w_q, w_k, w_v, w_o = draw.standard_normal((4, 2, 8, 8)) / 3
    straight, shuffled = (multi_head_attention(a, w_q, w_k, w_v, w_o) for a in (x, x[:, order]))
    print("the order:", order)
    print("the same outputs, in this order:", np.allclose(straight[:, order], shuffled))

# %% [markdown]
r"""
<!-- measured: the same outputs, in this order: True -->
Attention is **blind to order**. A scalar product knows what stands in two rows, not where they stand: "dog bites man" is "man bites dog". An LSTM knows the order because it reads one after the other. Attention must be told.

**Added waves.** The first way: to each row is added a vector that says its place, made of waves of different lengths, like the hands of a clock (Vaswani and others, 2017): columns $2i$ and $2i + 1$ of row $t$ are $\sin$ and $\cos$ of $t / 10000^{2i/D}$. With numbers: place $t = 3$ with $D = 4$ is $(\sin 3, \cos 3, \sin 0.03, \cos 0.03) = (0.141, -0.990, 0.030, 1.000)$. It is given below as `waves`.

**Turning.** The second way, used by most large language models today (Su and others, 2021): nothing is added to $x$; instead the queries and keys are *turned*, each by its place. Two features $(a, b)$ are a point in the plane, turned by the angle $\theta t$:

$$(a, b) \;\to\; (a \cos \theta t - b \sin \theta t,\;\; a \sin \theta t + b \cos \theta t)$$

If both are turned, their scalar product depends only on the angle *between* them: a query at place $t$ and a key at place $s$ meet as if one of them had been turned by $\theta (t - s)$. The scores know the **distance**, and nothing else of the places. A feature $i$ of the first half goes with $i + E/2$ of the second, and each pair turns at its own speed:

$$\theta_i = 10000^{-2i/E} \qquad i = 0, \dots, E/2 - 1$$

With numbers: $E = 4$ has $\theta = (1, 0.01)$. The row $(1, 2, 0, 0)$ at place 3: the pair of features 0 and 2, $(1, 0)$, turns by 3: $(\cos 3, \sin 3) = (-0.990, 0.141)$; the pair of 1 and 3, $(2, 0)$, by 0.03: $(1.999, 0.060)$. So it becomes $(-0.990, 1.999, 0.141, 0.060)$.

### Exercise 14.7: turn

<details><summary>Hint 1</summary>The speeds are an array of E/2 numbers, and the angles are (T, E/2): positions as a column times speeds as a row.</details>
<details><summary>Hint 2</summary>Cut the last axis in two halves, turn them with the formula, and put them side by side again: <code>np.concatenate([...], axis=-1)</code>.</details>
"""


# %%
def rotary_embedding(x, positions, base=10000.0):
    """Turn each pair of features (i, i + E/2) by its position times base ** (-2 i / E).

    x (..., T, E) with E even, positions (T,)  ->  (..., T, E)
    Example: x = [[1, 2, 0, 0]], positions = [3]  ->  [[-0.990, 1.999, 0.141, 0.060]]
    """
    ### BEGIN SOLUTION
    half = x.shape[-1] // 2
    angles = np.outer(positions, base ** (-np.arange(half) / half))
    cos, sin = np.cos(angles), np.sin(angles)
    turned = np.empty(x.shape)
    turned[..., :half] = x[..., :half] * cos - x[..., half:] * sin
    turned[..., half:] = x[..., :half] * sin + x[..., half:] * cos
    return turned
    ### END SOLUTION


# %%
check("attention.rotary_embedding", rotary_embedding)

# %% [markdown]
r"""
With it, a head that looks three places back can be written by hand: all queries and keys are the same row, and each query is turned by three places less. Below are its scores by distance, with 1, 4 and 32 pairs, and a base of 40, since there are 40 places.

**Predict, then look.** With a single pair, which turns by 1 (in radians) a place: at which other distance does it look nearly as much?
"""

# %%
with when_written:
    places = np.arange(40)
    ax = plot.axes(6.5, 2.8)
    for n, pairs in enumerate((1, 4, 32)):
        row = np.ones((40, 2 * pairs))
        products = (
            rotary_embedding(row, places - 3, 40.0)
            @ rotary_embedding(row, places, 40.0).T
            / (2 * pairs)
        )
        later = (
            rotary_embedding(row, places + 97, 40.0)
            @ rotary_embedding(row, places + 100, 40.0).T
            / (2 * pairs)
        )
        back = products[39, ::-1]  # of the last place, from itself on back
        ax.plot(back, ("-", "--", "-.")[n], color=plot.COLORS[n], label=f"{pairs}")
        print(
            f"{pairs:2} pairs: {back[3]:.2f} at distance 3, {back[9]:5.2f} at 9, {back[28]:5.2f} at 28"
        )
    print(f"the last of them, a hundred places later, are the same: {np.allclose(products, later)}")
    ax.set(xlabel="distance back", ylabel="score, of the largest")
    ax.legend(title="pairs")
    plot.show(
        "Scores against the distance. With one pair a wave that comes back every six places; with more pairs a single peak at "
        "a distance of three."
    )

# %% [markdown]
r"""
<!-- measured:  1 pairs: 1.00 at distance 3,  0.96 at 9,  0.99 at 28 | the last of them, a hundred places later, are the same: True -->
One hand of a clock comes round again, after $2\pi \approx 6.3$ places. Several hands of different speed are not all back in their places for a very long time.

## 9. Put together

A whole network, the smallest that can do the task of the beginning: each token has a row in a table that is learned, to which its place may be added; several heads look back, causally; and what they find are the scores of the next token.

$$x = \text{table}[\text{tokens}] + \text{places} \qquad\quad \text{scores} = \text{multi\_head}(x, \dots, \text{causal})$$

$$\text{loss} = \text{masked cross-entropy of scores and targets}$$

with a table $(K, D)$, places $(T, D)$, $W_q, W_k, W_v\ (H, D, E)$, $W_o\ (H, E, K)$, and scores $(N, T, K)$.

No mask for the padding is needed. Why not? (It stands at the end, and nobody looks that way; and what it sees itself is not asked.)

The backward pass follows the formula, from behind. With $\bar s$ for the gradient of the scores, $m^h$ for what a head has mixed, $d^h$ for one of the three gradients that `attention_backward` gives:

$$\bar W_o^h = \sum_n (m^h_n)^\top \bar s_n \qquad \bar m^h = \bar s\, (W_o^h)^\top \qquad \bar W^h = \sum_n x_n^\top d^h_n \qquad \bar x = \sum_h \sum_{q, k, v} d^h\, (W^h)^\top$$

and each row of $\bar x$ is added to the row of the table that it came from (lesson 5: a row that is used twice gets both).

With numbers: for $N = 2$, $T = 5$, $D = 8$, $H = 2$, $E = 4$, $K = 22$, the shapes are $x\ (2, 5, 8)$, $q\ (2, 2, 5, 4)$, the weights of attention $(2, 2, 5, 5)$, the scores $(2, 5, 22)$; and $22 \cdot 8 + 3 \cdot 2 \cdot 8 \cdot 4 + 2 \cdot 4 \cdot 22 = 544$ parameters.

### Exercise 14.8: the loss of a batch

<details><summary>Hint 1</summary>Your multi_head_attention does not say what lies between, and the backward pass needs it. So take the steps one by one, all heads at once: <code>x[:, None] @ w_q</code> is (N, H, T, E), your attention does the rest, and the scores are a sum over the heads' axis.</details>
<details><summary>Hint 2</summary><code>masked_cross_entropy(scores, targets)</code> of lesson 12 gives the loss and g (N, T, K). With an axis for the heads, g[:, None], it meets the matrices w_o with their last two axes exchanged: <code>.mT</code>, as in exercise 14.2.</details>
<details><summary>Hint 3</summary>For a matrix of a head: x[:, None] with its last two axes exchanged, times that gradient, summed over the sequences. For the table: zeros, and <code>np.add.at(zeros, tokens, dx)</code>.</details>
"""


# %%
def next_token_loss(params, tokens, targets, places):
    """The mean surprise at the targets that are not 0, and the gradients.

    params [table (K, D), w_q, w_k, w_v (H, D, E), w_o (H, E, K)], tokens, targets (N, T), places (T, D), not learned
      ->  a number, a list of five arrays of the shapes of params
    """
    ### BEGIN SOLUTION
    table, w_q, w_k, w_v, w_o = params
    x = np.expand_dims(table[tokens] + places, 1)
    queries, keys, values = x @ w_q, x @ w_k, x @ w_v
    size = len(places)
    mixed, weights = attention(queries, keys, values, attention_mask(np.array([size]), size, True))
    loss, slope = masked_cross_entropy((mixed @ w_o).sum(axis=1), targets)
    slope = np.expand_dims(slope, 1)
    back = attention_backward(slope @ w_o.mT, queries, keys, values, weights)
    dx = sum(d @ w.mT for d, w in zip(back, (w_q, w_k, w_v)))
    dtable = np.zeros(table.shape)
    np.add.at(dtable, tokens, dx.sum(axis=1))
    inner = [(x.mT @ d).sum(axis=0) for d in back]
    return loss, [dtable, *inner, (mixed.mT @ slope).sum(axis=0)]
    ### END SOLUTION


# %%
check("attention.next_token_loss", next_token_loss)

# %% [markdown]
r"""
Now the task of the beginning: two heads, the same 400 steps, rows of 2 to 8 numbers, then rows of 16. And a second task: to say the row in *reverse*, for which the places matter. Each with three seeds; the LSTM as before.

**Predict, then look.** Without places, can attention sort? Can it reverse?
"""


# %%
def waves(length, width):
    """The places of a row as waves, (length, width)."""
    turns = np.arange(length)[:, None] * 10000.0 ** (-np.arange(0, width, 2) / width)
    return np.dstack([np.sin(turns), np.cos(turns)]).reshape(length, width)


def attention_learns(seed, places, *batch):
    """Two heads of 16 features after 400 steps on rows of this kind."""
    draw = np.random.default_rng(seed)
    shapes = (K, 32), (2, 32, 16), (2, 32, 16), (2, 32, 16), (2, 16, K)
    first = [draw.standard_normal(shape) / shape[-2] ** 0.5 for shape in shapes[1:]]
    first.insert(0, draw.standard_normal(shapes[0]))
    return learn(lambda p, *data: next_token_loss(p, *data, places), first, draw, batch, 0.02)


def attention_scores(params, tokens, places):
    """What comes next, (n, T, K)."""
    may = attention_mask(np.full(len(tokens), len(places)), len(places), causal=True)
    return multi_head_attention(params[0][tokens] + places, *params[1:], may)


def in_a_line(name, weights, *columns):
    """A line of the table: the smallest and the largest share of three seeds."""
    shares = ["" if c is None else f"{min(c):.1%} to {max(c):.1%}" for c in columns]
    print(f"{name:22} {weights:7,}" + "".join(f"{share:>19}" for share in shares))


with when_written:
    nowhere, nowhere_long = np.zeros((16, 32)), np.zeros((32, 32))
    backwards = rows(1000, 8, 8, np.random.default_rng(98), np.flip)

    lstm_turns, blind_8, blind_16, blind_turns, placed_turns = [], [], [], [], []
    begin = time.perf_counter()
    for seed in range(3):
        trained = lstm_learns(seed, 8, 8, np.flip)
        lstm_turns.append(all_right(lstm_loss(trained, *backwards)[2], backwards[1]))
    seconds_lstm = (time.perf_counter() - begin) / 3
    begin = time.perf_counter()
    for seed in range(3):
        sorter = attention_learns(seed, nowhere, 2, 8)
        blind_8.append(all_right(attention_scores(sorter, tests[8][0], nowhere), tests[8][1]))
        blind_16.append(
            all_right(attention_scores(sorter, tests[16][0], nowhere_long), tests[16][1])
        )
    seconds = (time.perf_counter() - begin) / 3
    for seed in range(3):
        for places, found in ((nowhere, blind_turns), (waves(16, 32), placed_turns)):
            trained = attention_learns(seed, places, 8, 8, np.flip)
            found.append(all_right(attention_scores(trained, backwards[0], places), backwards[1]))

    print("                       weights            sort 8            sort 16          reverse 8")
    sorts = np.array(lstm_sorts).T
    in_a_line("LSTM", 256 * (K + 65) + 65 * K, sorts[1], sorts[3], lstm_turns)
    many = sum(p.size for p in sorter)
    in_a_line("attention", many, blind_8, blind_16, blind_turns)
    in_a_line("attention, with places", many, None, None, placed_turns)
    print(f"seconds of one training: LSTM {seconds_lstm:.1f}, attention {seconds:.1f}")
    print(
        f"sort 16, more than 95 % right: LSTM {sum(s > 0.95 for s in sorts[3])} of 3 seeds, "
        f"attention {sum(s > 0.95 for s in blind_16)}"
    )
    print(
        f"reverse 8, more than 95 % right: LSTM {sum(s > 0.95 for s in lstm_turns)} of 3 seeds, "
        f"attention {sum(s > 0.95 for s in blind_turns)}, with places {sum(s > 0.95 for s in placed_turns)}"
    )

# %% [markdown]
r"""
<!-- measured: sort 16, more than 95 % right: LSTM 0 of 3 seeds, attention 3 | reverse 8, more than 95 % right: LSTM 0 of 3 seeds, attention 0, with places 3 -->
Attention sorts rows of 16, though it has never seen more than 8, with a fifth of the weights: what it has learned is the *rule*. For each number it asks for the next larger one, and that does not depend on how many there are, nor where they stand. For this it needs no places. To reverse a row it cannot do without, and with them it makes no mistake, or next to none.

To be fair to the LSTM: rows of 8 it sorts just as well, and it already reverses two in three. But what it has learned holds for rows as long as those it knows, and no further.

Now look at what the heads look at: one row of eight, in the network that sorts.
"""

# %%
with when_written:
    tokens, targets = rows(1, 8, 8, np.random.default_rng(7))
    x = sorter[0][tokens]
    may = attention_mask(np.array([16]), 16, causal=True)
    seen = [attention(x @ a, x @ b, x @ c, may)[1][0] for a, b, c in zip(*sorter[1:4])]
    labels = ["=" if token == EQUALS else str(token - 2) for token in tokens[0]]
    axes = plot.axes(4.2, 3.2, columns=2)
    for head, ax in enumerate(axes):
        ax.imshow(seen[head][8:], cmap="Greys", vmin=0, vmax=1)
        ax.set_xticks(range(16), labels, fontsize=8)
        ax.set_yticks(range(8), labels[8:], fontsize=8)
        ax.set(xlabel="looks at", ylabel="read last", title=f"head {head}")
    plot.show(
        "For each of two heads, who looks where while the sorted row is written: in each line few places are dark, most of them "
        "in the unsorted row on the left, and among them the number that is next in order."
    )
    hits = []
    for tokens, targets in zip(*tests[8]):
        x = sorter[0][tokens]
        seen = [attention(x @ a, x @ b, x @ c, may[0])[1] for a, b, c in zip(*sorter[1:4])]
        hits.append([tokens[head[8:].argmax(axis=1)] == targets[8:] for head in seen])
    print(
        f"one of the heads looks most at the number that is said next: {np.mean(np.any(hits, axis=1)):.0%}"
    )
    print(
        "by each of them alone:", ", ".join(f"{share:.0%}" for share in np.mean(hits, axis=(0, 2)))
    )

# %% [markdown]
r"""
<!-- measured: one of the heads looks most at the number that is said next: 100% -->
It is what you would do: find the smallest number above the last one. Nobody has told it so, and nobody has told the two heads to share the work: each finds the next number for some of the numbers, and the other one for the rest.

## 10. What it costs

Everybody looks at everybody: $T^2$ scores for each head, and just as many weights to be kept for the backward pass. An LSTM takes $T$ steps. But each of its steps waits for the one before, and attention's scores are one matrix product, done all at once. Below, both read one sequence with 64 features (or units), forward only.

**Predict, then look.** From which length on is the LSTM the faster one, on this machine?
"""


# %%
def fastest(act, *given):
    """The shortest of five times, in milliseconds."""
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        act(*given)
        times.append(1000 * (time.perf_counter() - begin))
    return min(times)


with when_written:
    draw = np.random.default_rng(5)
    gated = [draw.standard_normal(shape) / 8 for shape in ((256, 64), (256, 64), (256,))]
    print("     T   attention, ms   times as long   LSTM, ms   weights of attention, MB")
    before = np.nan
    for size in (128, 256, 512, 1024, 2048):
        x, nothing = draw.standard_normal((size, 64)), np.zeros((1, 64))
        took = fastest(attention, x, x, x)
        waited = fastest(lstm, x[:, None], nothing, nothing, *gated)
        print(
            f"{size:6} {took:15.2f} {took / before:15.1f} {waited:10.1f} {size**2 * 8 / 1e6:26.1f}"
        )
        before = took

# %% [markdown]
r"""
Twice the length costs attention four times the time and memory, once it is long enough to count, and the LSTM twice. For a book of 500,000 words the weights alone would be 2,000,000 MB for a single head. How to live with that, by never keeping them all (Dao and others, 2022), is in `dlcore/attention.py`.

## 11. Explore

Go back to the explorer at the top, or run `explore.attention()` in a new cell. The head *what is meant* has learned, in two dimensions, which word is spoken of.

1. Choose the last word, *broken*. At what does it look? Change it to *hungry* in the sentence. Where does the arrow point now? Then write *cat dog queen sofa tree lamp* into it: who stands with whom, and why?
2. Choose *it*. Why can it not know what is meant? Drag its arrow so that it looks at *cat* alone. Then raise the temperature: what becomes of the weights, and of the arrow?
3. Take the head *the word before*, which turns by 0.9 a place: seven places are nearly a whole turn. Which words look at two others? For which of them does the causal mask help, and for which not?
4. Back to *what is meant*, and the word *was*: it looks at everything a little. Add three places of padding. Of what do they take away, and which mask brings it back?

## 12. Cross-check

Your attention against PyTorch's, there and back: 8 sequences of 128 places, with 64 features, and half of the keys hidden, on a GPU too if there is one.
"""

# %%
from dlcore.crosscheck import crosscheck

with when_written:
    draw = np.random.default_rng(11)
    q, k, v = draw.standard_normal((3, 8, 128, 64))
    may = attention_mask(np.array([128]), 128, causal=True)

    def mine(q, k, v):
        return attention(q, k, v, may)[0]

    def back(g, q, k, v):
        return attention_backward(g, q, k, v, attention(q, k, v, may)[1])

    def theirs(scaled_dot_product_attention, q, k, v):
        return scaled_dot_product_attention(q, k, v, is_causal=True)

    name = "nn.functional.scaled_dot_product_attention"
    print(crosscheck(mine, name, q, k, v, backward=back, call=theirs))

# %% [markdown]
r"""
## 13. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-leak" points=2
r"""
**Question A.** A colleague's network forecasts the sales of the next day from those of the last 60. On days that it has not seen it is right to within 1 %, and in the shop it is off by 20 %. Where would you look for the leak, apart from the mask, and how would you find out without reading the code?

=== BEGIN MARK SCHEME ===
1 point: anything computed over all times before the network sees them: standardization or smoothing with later days, the target among the inputs, a layer that averages over time, an LSTM in both directions.
1 point: change one input (a later day) and see whether earlier outputs move, as dependency_matrix does, over the whole way from the raw data to the forecast.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-choice" points=2
r"""
**Question B.** A sensor sends a number a millisecond, for years, and a small chip is to say after each of them whether the machine is about to fail. Attention or an LSTM? Give a reason for each, and say what would make you change your mind.

=== BEGIN MARK SCHEME ===
1 point: an LSTM's cost and memory a step do not grow with what has been read; attention over all the past grows with it (T^2 in all), so it needs a window.
1 point: attention wins if something far back must be found exactly, if it is not known beforehand what will be asked, or if training is to run over long sequences in parallel; any such reason tied to the task.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

A soft look-up, with its root, its masks and its backward pass; heads, and two ways to say what stands where; a tool that finds a network that looks into the future; and a network that has learned to sort. Open `dlcore/attention.py`: it is yours, without ever keeping all weights at once.

A single layer looks once. To reverse rows of *any* length one must first find out how long the row is, and then look: two steps, one after the other. Many layers of attention, with what lessons 7 and 8 have taught about depth, are a **transformer**: lesson 15.

## References

- D. Bahdanau, K. Cho and Y. Bengio, arXiv 1409.0473, 2014: soft look-up, for translation.
- A. Vaswani and others, *Attention is all you need*, arXiv 1706.03762, 2017: the root, the heads, the waves, and no recurrence.
- J. Su and others, *RoFormer*, arXiv 2104.09864, 2021: turning.
- T. Dao and others, *FlashAttention*, arXiv 2205.14135, 2022: exact attention that keeps no weights.
"""
