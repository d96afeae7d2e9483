# %% [markdown]
r"""
# 13 · LSTM and GRU

**At the end of this lesson you will have written a memory that decides what it keeps, and solved with it a task of a hundred steps at which the network of lesson 12 fails.**

You will be able to

- say what a gate is, and how long a gated memory lasts;
- write a step of an LSTM, and derive its backward pass;
- go through a whole sequence, forward and backward;
- write a GRU, and count what both cost;
- begin a training so that there is something to remember.

**It builds on** the sigmoid (lesson 2), `AdamW` (lesson 6) and backpropagation through time (lesson 12). **Time:** about 120 minutes.

Run the two cells. A memory of one number runs for twelve time steps, and you set its gates: choose a time step, and move them. Try to keep the 5 of the third step until the end.
"""

# %%
import time

import numpy as np

from autograder import check, when_written
from dlcore import explore, plot
from dlcore.scratch.activations import sigmoid  # lesson 2
from dlcore.scratch.optimizers import AdamW, cosine_schedule  # lesson 6
from dlcore.scratch.rnn import clip_grad_norm, rnn_backward, rnn_forward  # lesson 12

# %%
explore.gates()

# %% [markdown]
r"""
## A question first: two numbers to add

A sequence of 100 time steps with two inputs: a random number between 0 and 1, and a mark. Two of the 100 numbers are marked, one in the first half and one in the second. At the end, the network is to say the sum of these two (a variant of a task of Hochreiter and Schmidhuber, 1997). Such a **long-term dependency** is what this lesson is about.

Whoever always says 1 has a mean squared error of 0.167. The network of lesson 12, orthogonal, clipped, with 16 units, is trained for 250 steps.

**Predict, then look.** It could recall a sign over 40 steps. Will it do better than this constant?
"""


# %%
def adding_batch(n, length, draw):
    """n sequences x (length, n, 2) of numbers and marks, and the sums y (n,) of the two that are marked."""
    x = np.zeros((length, n, 2))
    x[:, :, 0] = draw.random((length, n))
    for start, end in ((0, length // 2), (length // 2, length)):
        x[draw.integers(start, end, n), np.arange(n), 1] = 1
    return x, np.sum(x[:, :, 0] * x[:, :, 1], axis=0)


def between(draw, largest, *shape):
    """Numbers between -largest and largest."""
    return draw.uniform(-largest, largest, shape)


def learn(loss_of, params, draw, steps=250):
    """The losses of so many steps, and the error on 500 new sequences; and the parameters."""
    adam, losses = AdamW(0.04), []
    for step in range(steps):
        adam.lr = 0.04 * cosine_schedule(step, steps)
        loss, gradients = loss_of(params, *adding_batch(32, 100, draw))
        params = adam.step(params, clip_grad_norm(gradients, 1.0)[0])
        losses.append(loss)
    return losses, loss_of(params, *adding_batch(500, 100, draw))[0], params


def rnn_loss(params, x, y):
    """The mean squared error of a number read from the last state of lesson 12's network, and the gradients."""
    *recurrent, w, c = params
    states = rnn_forward(x, np.zeros([len(y), 16]), *recurrent)
    miss = c - y[:, None] + states[-1] @ w.T
    said = np.zeros([len(x), len(y), 16])
    said[-1] = 2 / len(y) * miss @ w
    back = rnn_backward(said, x, states, *recurrent[:2])[2:]
    return np.mean(miss**2), [*back, 2 / len(y) * miss.T @ states[-1], 2 * miss.mean(axis=0)]


curves, errors = {}, []
with when_written:
    for seed in range(3):
        draw = np.random.default_rng(seed)
        turning = np.linalg.qr(draw.standard_normal((16, 16)))[0]
        first = [
            between(draw, 1, 16, 2),
            turning,
            np.zeros(16),
            between(draw, 0.25, 1, 16),
            np.zeros(1),
        ]
        curves["RNN"], error, _ = learn(rnn_loss, first, draw)
        errors.append(error)
        print(f"seed {seed}: error {error:.2f}")
    print(f"better than a constant: {np.sum(np.array(errors) < 0.13)} of 3 seeds")

# %% [markdown]
r"""
<!-- measured: better than a constant: 0 of 3 seeds -->
It has learned nothing. To recall a sign, it was enough to keep everything. Here 98 numbers must be ignored and two kept, and the state of lesson 12 cannot choose: each input goes into all of it, and each step turns all of it.

## 1. The cell state

Forget the network for a moment. What would a good memory look like? One that *keeps*: what lies on it goes along unchanged, like on a conveyor belt. Such a memory is called the **cell state**, $c$. At each time step there are three questions, each answered by a **gate**, a number between 0 and 1 that something is multiplied by:

$$c_t = f_t \odot c_{t-1} + i_t \odot g_t$$

How much of the old stays? That is the **forget gate** $f_t$. How much of the new goes in? The **input gate** $i_t$. And the new is the **candidate** $g_t$. (The third question comes later.) The $\odot$ means: number by number.

With numbers: an empty cell state, $c_0 = 0$, the new numbers $g = (5, 7, -1)$, with $i = (1, 0, 0.5)$ and $f = (1, 1, 0.5)$. Then $c_1 = 0 + 5 = 5$; $\;c_2 = 5 + 0 = 5$, the 7 has been ignored; $\;c_3 = 0.5 \cdot 5 - 0.5 = 2$.

And the backward pass? $\bar c_{t-1} = \bar c_t \odot f_t$. No matrix, no tanh: where $f = 1$, the gradient comes back as it is, from however far away.

### Exercise 13.1: the cell-state update

<details><summary>Hint 1</summary>T time steps give T + 1 states, the given one first, as in lesson 12.</details>
<details><summary>Hint 2</summary>A loop over t: the next state is f[t] times the last one plus i[t] times g[t]. Shapes take care of themselves.</details>
"""


# %%
def cell_state_update(c, f, i, g):
    """All states of a memory that keeps f of itself and takes in i of g.

    c (...), f, i, g (T, ...)  ->  (T + 1, ...), the given state first
    Example: c = 0, f = [1, 1, 0.5], i = [1, 0, 0.5], g = [5, 7, -1]  ->  [0, 5, 5, 2]
    """
    ### BEGIN SOLUTION
    states = np.empty((len(g) + 1, *np.shape(c)))
    states[0] = c
    for t in range(len(g)):
        states[t + 1] = f[t] * states[t] + i[t] * g[t]
    return states
    ### END SOLUTION


# %%
check("lstm_gru.cell_state_update", cell_state_update)

# %% [markdown]
r"""
With such a cell state the task of the beginning is not hard at all. *Predict*: what do you choose for f, i and g? Below it is done for 1,000 sequences.
"""

# %%
with when_written:
    x, y = adding_batch(1000, 100, np.random.default_rng(0))
    numbers, marks = x[:, :, 0], x[:, :, 1]
    states = cell_state_update(np.zeros(1000), np.ones(numbers.shape), marks, numbers)
    print(f"largest error of 1,000 sums: {np.abs(states[-1] - y).max():.1e}")

# %% [markdown]
r"""
Keep all, $f = 1$; let in what is marked, $i$ = the mark; and the new is the number. So all that remains to be *learned* is when to open.

## 2. A gate is a neuron

Who sets f and i? Neurons of lesson 1, which look at the input and at what is in mind, with a sigmoid at their end, since it lies between 0 and 1:

$$f_t = \sigma\big(x_t W_{if}^\top + h_{t-1} W_{hf}^\top + b_f\big) \qquad \sigma(a) = \frac{1}{1 + e^{-a}}$$

At the beginning the weights are small and random, so $f$ is about $\sigma(b_f)$ at every time, and after $k$ steps $\sigma(b_f)^k$ of a memory is left. Half of it is left after $k$ steps if

$$\sigma(b_f)^k = \tfrac12$$

With numbers: $b_f = 0$ gives $f = 0.5$, so half is left after *one* step, and after 100 steps nothing at all. For $k = 100$ one needs $f = 0.5^{1/100} = 0.9931$, and $\sigma(4.97) = 0.9931$. This is why it matters how the forget gate's bias begins: a network that forgets nearly everything gets next to no gradient from which to learn what was worth keeping.

### Exercise 13.2: the bias of a forget gate

<details><summary>Hint 1</summary>First f itself: the number between 0 and 1 whose power with this many steps is one half.</details>
<details><summary>Hint 2</summary>Then the b with σ(b) = f. Solve f = 1 / (1 + exp(-b)) for b: you get a logarithm of f / (1 - f).</details>
"""


# %%
def forget_bias(steps):
    """The bias at which a forget gate that gets nothing else halves its memory in this many steps.

    steps: a number above 0, or an array of them  ->  the same shape
    Example: steps = 1  ->  0, steps = 100  ->  4.9682
    """
    ### BEGIN SOLUTION
    f = 0.5 ** (1 / steps)
    return np.log(f / (1 - f))
    ### END SOLUTION


# %%
check("lstm_gru.forget_bias", forget_bias)

# %% [markdown]
r"""
## 3. A step of an LSTM

Put it together, and you have a step of **long short-term memory**. There are four parts, each with its own weights. All of them look at the input and at $h_{t-1}$:

$$a_t = x_t W_{ih}^\top + h_{t-1} W_{hh}^\top + b \qquad\quad x\ (N, D), \quad h, c\ (N, H), \quad W_{ih}\ (4H, D), \quad W_{hh}\ (4H, H), \quad b\ (4H,), \quad a\ (N, 4H)$$

The $4H$ columns of $a$ are cut into four pieces of $H$, in PyTorch's order:

$$i = \sigma(a_i) \qquad f = \sigma(a_f) \qquad g = \tanh(a_g) \qquad o = \sigma(a_o)$$

$$c_t = f \odot c_{t-1} + i \odot g \qquad\quad h_t = o \odot \tanh(c_t)$$

Here is the third question: the **output gate** $o$ says how much of the cell state goes out, to the gates of the next step and to the rest of the network. So there are two states: the **cell state** $c$, which is kept, and the **hidden state** $h$, which goes out.

With numbers: one unit, and the gates have come out as $i = 0.5$, $f = 0.8$, $g = 0.6$, $o = 0.9$. The cell state is $c = 1$. Then $c' = 0.8 \cdot 1 + 0.5 \cdot 0.6 = 1.1$, and $h' = 0.9 \cdot \tanh(1.1) = 0.9 \cdot 0.8005 = 0.720$.

**What it costs.** Four times the weights of lesson 12: $4\,(HD + H^2 + H)$. For $D = 2$ and $H = 16$ these are $4\,(32 + 256 + 16) = 1{,}216$, instead of 304.

### Exercise 13.3: a step

<details><summary>Hint 1</summary>One sum of two products and b for all four, (N, 4H). Then <code>np.split(..., 4, axis=1)</code> gives the four pieces, in order.</details>
<details><summary>Hint 2</summary>Three of them go through <code>sigmoid</code>, the third one through <code>np.tanh</code>. What you return as gates are the four after that, side by side again: <code>np.concatenate([...], axis=1)</code></details>
"""


# %%
def lstm_step(x, h, c, w_ih, w_hh, b):
    """One step of an LSTM, with the gates in the order i f g o.

    x (N, D), h, c (N, H), w_ih (4H, D), w_hh (4H, H), b (4H,)  ->  new h (N, H), new c (N, H), gates (N, 4H)
    Example: x = [[0]], h = [[0]], c = [[1]], all weights 0, b = [0, 0, 1, 0]
      ->  h = [[0.353]], c = [[0.881]], gates = [[0.5, 0.5, 0.762, 0.5]]
    """
    ### BEGIN SOLUTION
    i, f, g, o = np.split(x @ w_ih.T + h @ w_hh.T + b, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    kept = f * c + i * g
    return o * np.tanh(kept), kept, np.concatenate([i, f, g, o], axis=1)
    ### END SOLUTION


# %%
check("lstm_gru.lstm_step", lstm_step)

# %% [markdown]
r"""
## 4. The backward pass of a step

Two gradients come in: $\bar h'$ for what was shown, and $\bar c'$ for what is kept, from the step after this one. Go backwards through the formulas, line by line.

From $h' = o \odot \tanh(c')$: the output gate gets $\bar o = \bar h' \odot \tanh(c')$, and the cell state gets something *more*:

$$\bar c' \leftarrow \bar c' + \bar h' \odot o \odot (1 - \tanh^2 c')$$

From $c' = f \odot c + i \odot g$: each gets the other factor,

$$\bar i = \bar c' \odot g \qquad \bar f = \bar c' \odot c \qquad \bar g = \bar c' \odot i \qquad\quad \bar c = \bar c' \odot f$$

And through the ends of the neurons, whose slopes you know from lesson 2: $s(1 - s)$ for a sigmoid that gave $s$, and $1 - g^2$ for tanh:

$$\bar a_i = \bar i\, i (1 - i) \qquad \bar a_f = \bar f f (1 - f) \qquad \bar a_g = \bar g\, (1 - g^2) \qquad \bar a_o = \bar o\, o (1 - o)$$

With numbers: the step of above, with $c = 1$, $c' = 1.1$, and $\bar h' = 1$, $\bar c' = 0$. Then

- $\bar a_o = 1 \cdot 0.8005 \cdot 0.9 \cdot 0.1 = 0.072$;
- $\bar c' = 0 + 1 \cdot 0.9 \cdot (1 - 0.8005^2) = 0.323$;
- $\bar a_i = 0.323 \cdot 0.6 \cdot 0.25 = 0.0485$, $\;\bar a_f = 0.323 \cdot 1 \cdot 0.16 = 0.0517$, $\;\bar a_g = 0.323 \cdot 0.5 \cdot 0.64 = 0.1034$;
- $\bar c = 0.323 \cdot 0.8 = 0.259$.

### Exercise 13.4: the backward pass of a step

<details><summary>Hint 1</summary>Begin by completing the gradient of the new cell state: dc plus what comes through h. (Make a new array; dc belongs to the caller.) All others need it.</details>
<details><summary>Hint 2</summary>Each of the four is: what the formula multiplied it with, times the slope of its own end. The output gate's comes from dh, the others' from the completed dc. Put them side by side in the order i f g o.</details>
"""


# %%
def lstm_step_backward(dh, dc, c, c_new, gates):
    """What goes back through a step: to the pre-activations, and to the cell state before.

    dh, dc (N, H): the gradients of the new h, and of the new c without what h passes on to it;
    c, c_new (N, H): the cell state before and after the step, gates (N, 4H) in the order i f g o
      ->  da (N, 4H), dc (N, H) for the cell state before
    Example: dh = [[1]], dc = [[0]], c = [[1]], c_new = [[1.1]], gates = [[0.5, 0.8, 0.6, 0.9]]
      ->  da = [[0.0485, 0.0517, 0.1034, 0.072]], dc = [[0.2586]]
    """
    ### BEGIN SOLUTION
    i, f, g, o = np.split(gates, 4, axis=1)
    shown = np.tanh(c_new)
    whole = dc + dh * o * (1 - shown**2)
    di = whole * g * i * (1 - i)
    df = whole * c * f * (1 - f)
    dg = whole * i * (1 - g**2)
    do = dh * shown * o * (1 - o)
    return np.concatenate([di, df, dg, do], axis=1), whole * f
    ### END SOLUTION


# %%
check("lstm_gru.lstm_step_backward", lstm_step_backward)

# %% [markdown]
r"""
## 5. A whole sequence, there and back

There: as in lesson 12, with two states instead of one, and keep the gates, for the backward pass needs them.

### Exercise 13.5: unroll

<details><summary>Hint 1</summary>Two lists that begin with h and with c, and an empty one for the gates. Each step takes the last h and the last c.</details>
<details><summary>Hint 2</summary>Your <code>lstm_step</code> returns all three that are to be appended. At the end, <code>np.stack</code> makes an array of each list.</details>
"""


# %%
def lstm(x, h, c, w_ih, w_hh, b):
    """All steps of a sequence.

    x (T, N, D), h, c (N, H), w_ih (4H, D), w_hh (4H, H), b (4H,)
      ->  hs (T + 1, N, H), cs (T + 1, N, H), the given states first, gates (T, N, 4H)
    """
    ### BEGIN SOLUTION
    hs, cs, gates = [h], [c], []
    for now in x:
        shown, kept, opened = lstm_step(now, hs[-1], cs[-1], w_ih, w_hh, b)
        hs.append(shown)
        cs.append(kept)
        gates.append(opened)
    return np.stack(hs), np.stack(cs), np.stack(gates)
    ### END SOLUTION


# %%
check("lstm_gru.lstm", lstm)

# %% [markdown]
r"""
Back: also as in lesson 12, from the last time to the first. At each time, $\bar h_t$ is what the loss says, $g_t$, plus what comes from the step after it; $\bar c_t$ comes from the step after it alone. Your `lstm_step_backward` makes $\bar a_t$ and $\bar c_{t-1}$ of them, and

$$\bar h_{t-1} \text{ gets } \bar a_t W_{hh} \qquad \bar x_t = \bar a_t W_{ih} \qquad \bar W_{ih} = \sum_t \bar a_t^\top x_t \qquad \bar W_{hh} = \sum_t \bar a_t^\top h_{t-1} \qquad \bar b = \sum_t \sum_n \bar a_{tn}$$

With numbers: the step of above as the last one of a sequence. If the forget gate's row of $W_{hh}$ is $2$ and the other three are $0$, then $\bar h$ before it is $2 \cdot 0.0517 = 0.103$, and $\bar c$ is $0.259$. Both go on to the step before.

### Exercise 13.6: backpropagation through time

<details><summary>Hint 1</summary>Two arrays say what comes back from later, one for h and one for c, zeros at first. Walk from the last t to the first.</details>
<details><summary>Hint 2</summary>At time t the step began from cs[t] and made cs[t + 1]. Into lstm_step_backward go g[t] plus what has come back for h, what has come back for c, these two, and gates[t].</details>
<details><summary>Hint 3</summary>What it returns as dc is what comes back for c at the time before; da times w_hh is what comes back for h. After the loop they are dh and dc of the given states.</details>
"""


# %%
def lstm_backward(g, x, hs, cs, gates, w_ih, w_hh):
    """The gradients of a loss that says g[t] about the h after x[t].

    g (T, N, H), x (T, N, D), hs, cs (T + 1, N, H) and gates (T, N, 4H) as lstm returns them, w_ih (4H, D), w_hh (4H, H)
      ->  dx (T, N, D), dh, dc (N, H) for the given states, dw_ih (4H, D), dw_hh (4H, H), db (4H,)
    """
    ### BEGIN SOLUTION
    dx, dh, dc = np.empty(x.shape), 0, 0
    dw_ih, dw_hh, db = np.zeros(w_ih.shape), np.zeros(w_hh.shape), np.zeros(len(w_hh))
    for t in range(len(x) - 1, -1, -1):
        da, dc = lstm_step_backward(dh + g[t], dc, cs[t], cs[t + 1], gates[t])
        dh = da @ w_hh
        dx[t] = da @ w_ih
        dw_ih += da.T @ x[t]
        dw_hh += da.T @ hs[t]
        db += da.sum(axis=0)
    return dx, dh, dc, dw_ih, dw_hh, db
    ### END SOLUTION


# %%
check("lstm_gru.lstm_backward", lstm_backward)

# %% [markdown]
r"""
How far back does it reach? The experiment of lesson 12: only the last state counts, and one looks at how large its gradient still is, step by step, back to the first of 100. Three LSTMs with small recurrent weights, so that the cell state is seen almost alone, which differ in nothing but the bias of the forget gate: 0, 1, and what your `forget_bias` says for 100 steps.

**Predict, then look.** By which factor a step does each of them fall? You can compute it beforehand.
"""

# %%
with when_written:
    draw = np.random.default_rng(1)
    x, _ = adding_batch(16, 100, draw)
    weights, seen = between(draw, 0.05, 64, 16), between(draw, 0.25, 64, 2)
    ax = plot.axes(5.6, 3.2)
    for n, (name, bias) in enumerate((("0", 0), ("1", 1), ("for 100 steps", forget_bias(100)))):
        b = np.zeros(64)
        b[16:32] = bias
        _, cs, gates = lstm(x, np.zeros((16, 16)), np.zeros((16, 16)), seen, weights, b)
        dh, dc = draw.standard_normal((16, 16)), np.zeros((16, 16))
        norms = []
        for *states, opened in zip(cs[-2::-1], cs[:0:-1], gates[::-1]):  # from the last on back
            da, dc = lstm_step_backward(dh, dc, *states, opened)
            dh = da @ weights
            norms.append(np.linalg.norm(dc))
        factor = (norms[-1] / norms[49]) ** (1 / 50)
        print(
            f"bias {name:14} a factor of {factor:.3f} a step; sigmoid of the bias {sigmoid(np.array(bias)):.3f}"
        )
        ax.semilogy(
            np.array(norms) / norms[0],
            ("-", "--", "-.")[n],
            color=plot.COLORS[n],
            label=f"bias {name}",
        )
    ax.set(xlabel="steps back", ylabel="gradient of c, of the first", ylim=(1e-12, 10))
    ax.legend()
    plot.show(
        "Norm of the cell state's gradient against steps back, on a logarithmic scale: three nearly straight lines. With a bias "
        "of 0 it falls steeply, with 1 less so, and with the bias for 100 steps it does not fall."
    )

# %% [markdown]
r"""
<!-- measured: bias 0              a factor of 0.544 a step; sigmoid of the bias 0.500 | bias 1              a factor of 0.770 a step; sigmoid of the bias 0.731 | bias for 100 steps  a factor of 1.014 a step; sigmoid of the bias 0.993 -->
Each factor is a little above the sigmoid of the bias, for two reasons: the inputs open the gates of some units further, and these make up most of the norm; and something also comes back through the hidden state. With the bias for 100 steps that is enough for a gradient that does not fall at all. In lesson 12, each step multiplied by the same matrix and by the derivative of tanh; here the network can open and close a gate for each unit, at each time step.

## 6. With fewer gates

Do you need all of these? The **gated recurrent unit** (Cho and others, 2014) has one state and two gates. One of them, the **update gate** $z$, says how much of the old stays, and what does not stay is filled up with new: what $1 - z$ lets in, $z$ has let go. The other one, the **reset gate** $r$, says how much of the old state is looked at when the new is made (here as PyTorch has it; Cho and others multiply by $r$ before the matrix):

$$r = \sigma(a^x_r + a^h_r) \qquad z = \sigma(a^x_z + a^h_z) \qquad n = \tanh(a^x_n + r \odot a^h_n) \qquad h_t = (1 - z) \odot n + z \odot h_{t-1}$$

with $a^x = x_t W_{ih}^\top + b_{ih}$ and $a^h = h_{t-1} W_{hh}^\top + b_{hh}$, both $(N, 3H)$, cut into pieces in the order r z n. There are two biases, since $r$ stands between them.

With numbers: one unit, $h = 0.5$; $z = 0.8$ and $n = -1$. Then $h' = 0.2 \cdot (-1) + 0.8 \cdot 0.5 = 0.2$.

It costs three times the weights of lesson 12 (and a bias more): $3\,(HD + H^2 + 2H)$.

### Exercise 13.7: a step of a GRU

<details><summary>Hint 1</summary>Compute both sums, that of x and that of h, and cut each of them into three. Only for r and z are they added as they are.</details>
<details><summary>Hint 2</summary>For n, the piece of h, its bias included, is multiplied by r before the piece of x is added. Then mix n and h.</details>
"""


# %%
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    """One step of a GRU, with the pieces in the order r z n.

    x (N, D), h (N, H), w_ih (3H, D), w_hh (3H, H), b_ih, b_hh (3H,)  ->  (N, H)
    Example: x = [[0]], h = [[0.5]], all weights and b_hh 0, b_ih = [0, 0, 1]  ->  [[0.6308]]
    """
    ### BEGIN SOLUTION
    from_x = np.split(x @ w_ih.T + b_ih, 3, axis=1)
    from_h = np.split(h @ w_hh.T + b_hh, 3, axis=1)
    r = sigmoid(from_x[0] + from_h[0])
    z = sigmoid(from_x[1] + from_h[1])
    n = np.tanh(from_x[2] + r * from_h[2])
    return (1 - z) * n + z * h
    ### END SOLUTION


# %%
check("lstm_gru.gru_step", gru_step)

# %% [markdown]
r"""
## 7. A hundred steps

Now the task of the beginning, for your LSTM. A linear layer with one output reads the last state, and the loss is the mean squared error:

$$\hat y = h_T\, w^\top + c \qquad \text{loss} = \frac{1}{N} \sum_n (\hat y_n - y_n)^2 \qquad\quad w\ (1, H), \quad c\ (1,), \quad \hat y\ (N, 1)$$

With numbers: $h_T = (0.5, -0.2)$, $w = (2, 1)$ and $c = 0.1$ give $\hat y = 1 - 0.2 + 0.1 = 0.9$. If $y = 1.2$, the loss is $0.09$; its gradient for $\hat y$ is $2 \cdot (-0.3) = -0.6$, and for $h_T$ it is $-0.6 \cdot (2, 1) = (-1.2, -0.6)$.

### Exercise 13.8: the loss of a sequence

<details><summary>Hint 1</summary>Forward: your lstm from states of zeros, then the linear layer on hs[-1]. Mind the shapes: what is said is (N, 1), y is (N,), and their difference must not become (N, N).</details>
<details><summary>Hint 2</summary>Backward: the slope of the loss for each ŷ, (N, 1). Times w it is the gradient of the last h. Your lstm_backward wants an array for all times: zeros, with this one at the end.</details>
<details><summary>Hint 3</summary>For w it is the slope, transposed, times hs[-1]; for c the slope summed over the sequences.</details>
"""


# %%
def last_state_loss(params, x, y):
    """The mean squared error of a number read from an LSTM's last state, and the gradients.

    params [w_ih (4H, D), w_hh (4H, H), b (4H,), w (1, H), c (1,)], x (T, N, D), y (N,)
      ->  a number, a list of five arrays of the shapes of params
    """
    ### BEGIN SOLUTION
    w_ih, w_hh, b, w, c = params
    start = np.zeros((len(y), len(w_hh) // 4))
    hs, _, _ = ran = lstm(x, start, start, w_ih, w_hh, b)
    miss = hs[-1] @ w.T + c - y[:, None]
    slope = 2 * miss / len(y)
    g = np.zeros(hs[1:].shape)
    g[-1] = slope @ w
    _, _, _, *recurrent = lstm_backward(g, x, *ran, *params[:2])
    return np.mean(miss**2), [*recurrent, slope.T @ hs[-1], slope.sum(axis=0)]
    ### END SOLUTION


# %%
check("lstm_gru.last_state_loss", last_state_loss)

# %% [markdown]
r"""
The GRU needs a backward pass, too. It is given here, for reading: you have derived a longer one.

The race: the network of lesson 12 from above; an LSTM whose forget gates begin at a bias of 0; one whose units begin with memories of 1 to 100 steps, drawn at random, and with input gates that are as much closed as the forget gates are open (Tallec and Ollivier, 2018); and a GRU. All have 16 units, the same 250 steps, and three seeds each.

**Predict, then look.** Which of them solve it?
"""


# %%
def gru_loss(params, x, y):
    """As last_state_loss, for your GRU: params [w_ih, w_hh, b_ih, b_hh, w, c]."""
    *gated, w, c = params
    hs = [np.zeros([len(y), 16])]
    for now in x:
        hs.append(gru_step(now, hs[-1], *gated))
    hs = np.stack(hs)
    miss = c - y[:, None] + hs[-1] @ w.T
    w_ih, w_hh, b_ih, b_hh = gated
    both = np.stack([x @ w_ih.T + b_ih, hs[:-1] @ w_hh.T + b_hh])  # of all times at once
    opened = sigmoid(both[..., :32].sum(axis=0))
    r, z, hn = opened[..., :16], opened[..., 16:], both[1, ..., 32:]
    n = np.tanh(both[0, ..., 32:] + r * hn)
    ax, ah, dh = (
        np.empty([len(x), len(y), 48]),
        np.empty([len(x), len(y), 48]),
        2 / len(y) * miss @ w,
    )
    for t in np.arange(len(x))[::-1]:
        dn = dh * (1 - z[t]) * (1 - n[t] ** 2)
        dz = dh * (hs[t] - n[t]) * z[t] * (1 - z[t])
        dr = dn * hn[t] * r[t] * (1 - r[t])
        for gradient, last in ((ax[t], dn), (ah[t], dn * r[t])):
            gradient[:, :16], gradient[:, 16:32], gradient[:, 32:] = dr, dz, last
        dh = dh * z[t] + ah[t] @ w_hh
    back = [np.tensordot(*pair, axes=[(0, 1), (0, 1)]) for pair in ((ax, x), (ah, hs[:-1]))]
    sums = [a.sum(axis=0).sum(axis=0) for a in (ax, ah)]
    last = [2 / len(y) * miss.T @ hs[-1], 2 * miss.mean(axis=0)]
    return np.mean(miss**2), [*back, *sums, *last]


def first_gates(kind, draw):
    """Weights of 16 units, for two inputs and one output."""
    pieces = 3 if kind == "GRU" else 4
    b = np.zeros(16 * pieces)
    if kind == "LSTM, long memory":
        b[16:32] = forget_bias(draw.uniform(1, 100, 16))
        b[:16] = -b[16:32]
    biases = [b, np.zeros(48)] if kind == "GRU" else [b]
    weights = [between(draw, 1, 16 * pieces, 2), between(draw, 0.25, 16 * pieces, 16)]
    return [*weights, *biases, between(draw, 0.25, 1, 16), np.zeros(1)]


def race(kind, loss_of):
    """Train with three seeds and print the errors; the parameters of the last."""
    errors, begin = [], time.perf_counter()
    for seed in range(3):
        draw = np.random.default_rng(seed)
        curves[kind], error, params = learn(loss_of, first_gates(kind, draw), draw)
        errors.append(error)
    seconds, weights = (time.perf_counter() - begin) / 3, sum(p.size for p in params)
    shown = "  ".join(f"{error:.4f}" for error in errors)
    print(f"{kind:18} {weights:8}   {shown}   {seconds:9.1f}")
    solved[kind] = sum(error < 0.02 for error in errors)
    return params


solved = {}
with when_written:
    print("                    weights   errors of three seeds      seconds")
    print(f"{'RNN':18} {304 + 17:8}   see above")
    race("LSTM, bias 0", last_state_loss)
    trained = race("LSTM, long memory", last_state_loss)

# %%
with when_written:
    race("GRU", gru_loss)
    print("solved by (of 3 seeds):", ", ".join(f"{kind} {many}" for kind, many in solved.items()))

    ax = plot.axes(5.6, 3)
    for n, (kind, losses) in enumerate(curves.items()):
        smooth = np.convolve(losses, np.ones(10) / 10, "valid")
        ax.semilogy(smooth, ("-", "--", "-.", ":")[n], color=plot.COLORS[n], label=kind)
    ax.axhline(1 / 6, color="gray", lw=0.8)
    ax.set(xlabel="step", ylabel="loss (always 1: 0.167)", title="the last seed, means of ten")
    ax.legend(fontsize=8)
    plot.show(
        "Losses of four networks over 250 steps, on a logarithmic scale. The RNN and the LSTM with bias 0 stay at the level "
        "of a constant. The LSTM with long memory and the GRU fall by a factor of a hundred."
    )

# %% [markdown]
r"""
<!-- measured: solved by (of 3 seeds): LSTM, bias 0 0, LSTM, long memory 3, GRU 3 -->
Two of them solve it with every seed. The LSTM that begins by forgetting does not, in these 250 steps: what it would have to learn from is gone before it could. The same network, with 32 biases set otherwise, makes errors a tenth as large and less. The GRU does without such help here, although its $z$, too, begins at one half. Why is less plain: which cell does better at what is mostly found out by trying (Jozefowicz and others, 2015).

What has the LSTM learned? Look at it while it reads one sequence. Each row is a unit: how far its input gate is open at each time. The marks stand above.
"""

# %%
with when_written:
    x, y = adding_batch(1, 100, np.random.default_rng(5))
    _, cs, gates = lstm(x, *np.zeros((2, 1, 16)), *trained[:3])
    opened, marked = gates[:, 0, :16].T, np.flatnonzero(x[:, 0, 1])
    others = np.delete(opened, marked, axis=1)
    unit = np.argmax(opened[:, marked].min(axis=1) - others.max(axis=1))
    print(
        f"unit {unit}: its input gate is open by {opened[unit, marked].min():.2f} or more at the marks, "
        f"and by {others[unit].mean():.2f} elsewhere"
    )
    axes = plot.axes(4.6, 2.6, columns=2)
    axes[0].imshow(opened, aspect="auto", cmap="Greys", vmin=0, vmax=1)
    axes[0].set(xlabel="time", ylabel="unit", title="input gates (black is open)")
    axes[1].plot(cs[:, 0], lw=0.8)
    axes[1].set(xlabel="time", ylabel="c", title="cell states")
    for ax in axes:
        for t in marked:
            ax.axvline(t, color=plot.COLORS[1], lw=1, ls=":")
    plot.show(
        "Left, the input gates of 16 units over 100 times: one of them is dark at the two marks and nowhere else. Right, the cell "
        "states: most stay near 0, some drift steadily up or down, and some step at the marks."
    )

# %% [markdown]
r"""
There is a unit that does what you did by hand in section 1: closed all the time, but for the two marks. Others keep a gate open by a crack and drift as time goes by, and the linear layer has learned to allow for that. Nobody has asked the network to be tidy.

## 8. Explore

Go back to the explorer at the top, or run `explore.gates()` in a new cell.

1. *By hand.* What comes in is given, and the cell state is 0 at first. Set the gates so that at the end it holds 5 + 2, the third and the ninth, and nothing else. How many gates did you have to touch, if all others forget nothing and take in nothing?
2. *By hand.* Now the hidden state at the end must be 0 while the cell state still holds 7. Which gate is it?
3. *Trained.* A small LSTM has learned to say whether it is between brackets. Type a text with brackets, and find a unit that keeps this in mind. What do its gates do at "(" and at ")"?

## 9. Cross-check

Your LSTM against PyTorch's, there and back: 50 steps, 32 sequences, 64 units, on a GPU too if there is one. And a step of your GRU.
"""

# %%
from dlcore.crosscheck import crosscheck

with when_written:
    draw = np.random.default_rng(11)
    given = [draw.standard_normal(shape) for shape in ((50, 32, 16), (32, 64), (32, 64))]
    weights = [between(draw, 0.125, *shape) for shape in ((256, 16), (256, 64), (256,))]

    def mine(x, h, c, w_ih, w_hh, b):
        return lstm(x, h, c, w_ih, w_hh, b)[0][1:]

    def back(g, x, h, c, w_ih, w_hh, b):
        return lstm_backward(g, x, *lstm(x, h, c, w_ih, w_hh, b), w_ih, w_hh)

    def theirs(lstm, x, h, c, w_ih, w_hh, b):  # one layer, in one direction, times first
        states = h[None], c[None]
        return lstm(x, states, (w_ih, w_hh, b, 0 * b), True, 1, 0.0, False, False, False)[0]

    print(crosscheck(mine, "lstm", *given, *weights, backward=back, call=theirs))
    cell = [between(draw, 0.125, *shape) for shape in ((192, 16), (192, 64), (192,), (192,))]
    print(crosscheck(gru_step, "gru_cell", given[0][0], given[1], *cell))

# %% [markdown]
r"""
## 10. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-cell-state" points=2
r"""
**Question A.** Why does the gradient of the cell state come back over a hundred steps when that of lesson 12's state does not? And why does the LSTM with a bias of 0 fail all the same?

=== BEGIN MARK SCHEME ===
1 point: between two cell states stands only a multiplication by the forget gate, no matrix and no tanh; where the gate is near 1 the gradient stays as it is.
1 point: with a bias of 0 the gate is about 0.5, so after 100 steps 2^-100 is left: nothing arrives from which to learn that keeping would help.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-cost" points=2
r"""
**Question B.** A book of 500,000 words is read word by word by an LSTM with 1,000 units, and at the end it is asked about a name on page 3. What stands in the way, although its forget gates may be at 0.9999? Name two things.

=== BEGIN MARK SCHEME ===
1 point each for two of: all of the book must fit into 1,000 numbers, and it does not know yet what will be asked; 0.9999^500,000 is next to nothing; every step must wait for the one before, so it is slow and truncated training never sees so far back; whatever is written into a unit is mixed with what was there.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

A cell state, gates that are neurons, an LSTM with its backward pass, a GRU; and a memory that lasts for a hundred steps because it decides what it keeps. Open `dlcore/recurrent/lstm.py` and `dlcore/recurrent/gru.py`: they are yours, in layers and both directions, and with one tanh for all gates.

But everything that was read must fit into one state, before it is known what will be asked for. You, when asked about page 3, would turn back to page 3. A network can learn that as well: to look back at everything, and to choose where. This is attention, lesson 14.

## References

- S. Hochreiter and J. Schmidhuber, *Long short-term memory*, Neural Computation 9, 1997: the cell state (its "constant error carrousel"), and the task of this lesson.
- F. Gers, J. Schmidhuber and F. Cummins, *Learning to forget*, 2000: the forget gate, which the first LSTM did not have.
- K. Cho and others, arXiv 1406.1078, 2014: the GRU.
- R. Jozefowicz, W. Zaremba and I. Sutskever, *An empirical exploration of recurrent network architectures*, 2015: thousands of other cells, and how much the forget gate's bias matters.
- C. Tallec and Y. Ollivier, arXiv 1804.11188, 2018: biases for memories of a known length.
"""
