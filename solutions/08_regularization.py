# %% [markdown]
r"""
# 8 · Regularization

**At the end of this lesson you will know why a network that can learn anything by heart nevertheless finds something true, and you will have written the five things that help it.**

You will be able to

- tell too small a model from too large a one, and know why a far too large one can be good again;
- hold weights back with an L1 or L2 penalty;
- write dropout and batch norm, forward and backward, for training and for afterwards;
- stop in time, and make more data out of the data that there is;
- measure what each of them does, with error bars.

**It builds on** `Tensor` (lesson 5), `AdamW` (lesson 6) and the loop (lesson 7). **Time:** about 120 minutes.

Run the two cells, then move the number of weights: a curve through 15 noisy points. With few weights it is too stiff, with 15 it hits every point and goes wild in between. Then go on, to 60. Drag a point, too.
"""

# %%
import numpy as np

from autograder import check, when_written
from dlcore import data, explore, plot
from dlcore.scratch.optimizers import AdamW  # lesson 6
from dlcore.scratch.tensors import Tensor  # lesson 5
from dlcore.scratch.training import batches, he_init  # lesson 7

# %%
explore.fitting()

# %% [markdown]
r"""
## A question first: what did it learn?

Here are 200 digits, and 30 % of them have got a label by chance. That is not far from what one gets when people label a thousand pictures in an afternoon. A network of 128 units is trained on them; the labels of the other 1,400 digits are right.
"""

# %%
digits = data.digits()


def task(seed):
    """Rows for training, validation and test, and labels, of which 30 % were drawn by chance."""
    rng = np.random.default_rng(seed)
    order, labels = rng.permutation(len(digits.y)), digits.y.copy()
    unlucky = rng.random(len(labels)) < 0.3
    labels[unlucky] = rng.integers(0, 10, unlucky.sum())
    return order[:200], order[200:400], order[400:], labels


def scores_of(params, x):
    """The scores of a network of ReLUs, for Tensors or for arrays."""
    *hidden, (w, b) = zip(params[::2], params[1::2])
    for v, c in hidden:
        x = x @ v.T + c
        x = x * ((x.data if isinstance(x, Tensor) else x) > 0)
    return x @ w.T + b


def share_right(scores, t):
    return np.mean(scores.argmax(axis=1) == t)


images = digits.x - 0.3  # about their mean
rows, _, test, labels = task(0)
draw, params, optimizer = np.random.default_rng(0), he_init([64, 128, 10], 0), AdamW(0.005)
for epoch in range(40):
    for part in batches(len(rows), 32, draw):
        leaves = [Tensor(p) for p in params]
        loss = scores_of(leaves, Tensor(images[rows][part])).cross_entropy(labels[rows][part])
        loss.backward()
        params = optimizer.step(params, [leaf.grad for leaf in leaves])
    if epoch in (4, 9, 39):
        known = share_right(scores_of(params, images[rows]), labels[rows])
        new = share_right(scores_of(params, images[test]), digits.y[test])
        print(f"epoch {epoch + 1:2}: {known:.1%} of its 200 labels, {new:.1%} of the new digits")

# %% [markdown]
r"""
<!-- measured: epoch 10: 75.5% of its 200 labels, 83.0% of the new digits | epoch 40: 99.5% of its 200 labels, 73.0% of the new digits -->
After ten epochs it read 83 % of the new digits. After forty it knows all but one of its 200 labels, the wrong ones too, and has *unlearnt* a good part of what it knew: 73 %. That is **overfitting**: the more exactly it repeats what it was told, the less it is worth.

## 1. Too few, enough, too many

The explorer's curve is the smallest case of it. A model with $D$ weights is fitted to $N$ points; the features of a point are a row of $X$.

$$\min_w \; \lVert X w - y \rVert^2 + \lambda\, \lVert w \rVert^2 \qquad\quad X\ (N, D), \quad w\ (D,), \quad y\ (N,)$$

The first term is the squared error, the second the **penalty**: among weights that fit about as well it prefers the smaller ones. Set the slope to 0, and you have the solution in one line; this is **ridge regression** (1970):

$$X^\top (X w - y) + \lambda w = 0 \quad\Longrightarrow\quad w = (X^\top X + \lambda I)^{-1} X^\top y$$

With numbers: $X = (1, 2)^\top$, $y = (2, 4)$. Without a penalty $w = 10/5 = 2$, a perfect fit. With $\lambda = 5$ it is $10 / (5 + 5) = 1$: the penalty has halved it.

Without a penalty and with more weights than points, $X^\top X$ has no inverse: infinitely many $w$ fit all points. Of these one takes the *shortest*; `np.linalg.pinv(X) @ y` is it.

### Exercise 8.1: ridge regression

<details><summary>Hint 1</summary><code>np.linalg.solve(A, c)</code> solves A w = c, and is more exact than the inverse. A is a square of D by D.</details>
<details><summary>Hint 2</summary>Two cases: with l2 = 0 the pseudo-inverse, which needs no penalty; else the formula, with l2 on the diagonal, <code>np.eye(D)</code>.</details>
"""


# %%
def ridge(x, y, l2=0.0):
    """The weights with the smallest squared error plus l2 times their squared length.

    x (N, D), y (N,)  ->  (D,); with l2 = 0 the shortest of all weights that fit best
    Example: x = [[1], [2]], y = [2, 4], l2 = 5  ->  [1]
    """
    ### BEGIN SOLUTION
    if l2 == 0:
        return np.linalg.pinv(x) @ y
    return np.linalg.solve(x.T @ x + l2 * np.eye(x.shape[1]), x.T @ y)
    ### END SOLUTION


# %%
check("regularization.ridge", ridge)

# %% [markdown]
r"""
**Predict, then look.** 15 noisy points of a smooth curve, and polynomials with 1 to 60 weights. The error on the points themselves falls to 0 at 15 weights, of course. What does the error on *new* points do between 15 and 60: stay as bad as it is, get ever worse, or get better?
"""

# %%
rng = np.random.default_rng(1)
x15 = 2 * (np.arange(15) + rng.random(15)) / 15 - 1
x_new = np.linspace(-1, 1, 200)
curve = lambda x: np.sin(np.pi * x) + 0.3 * np.cos(3 * np.pi * x)
y15 = curve(x15) + 0.2 * rng.standard_normal(15)
# polynomials that are orthogonal, the higher ones made smaller
powers = lambda x: np.polynomial.legendre.legvander(x, 59) / np.sqrt(np.arange(1, 61))

with when_written:
    ax = plot.axes(6, 3.4)
    for l2, color, dash in ((0.0, plot.COLORS[0], "-"), (0.001, plot.COLORS[1], "--")):
        errors = []
        for many in range(1, 61):
            w = ridge(powers(x15)[:, :many], y15, l2)
            errors.append(np.mean((powers(x_new)[:, :many] @ w - curve(x_new)) ** 2))
        ax.semilogy(range(1, 61), errors, dash, color=color, lw=2, label=f"penalty {l2:g}")
        few = min(errors[:12])
        print(
            f"penalty {l2:5}: best below 12 weights {few:.3f}, at 15 {errors[14]:.3g}, at 60 {errors[59]:.3f}"
        )
    ax.set(xlabel="weights", ylabel="mean squared error", title="the error on new points")
    ax.legend()
    plot.show(
        "The error on new points against the number of weights. Without a penalty it falls, rises to a sharp "
        "peak at 15 weights, and falls again below its first minimum. With a penalty there is no peak."
    )

# %% [markdown]
r"""
<!-- measured: penalty   0.0: best below 12 weights 0.048 | penalty 0.001: best below 12 weights 0.048, at 15 0.13, at 60 0.043 -->
It gets better again, better even than the best of the small ones. This is **double descent** (Belkin and others, 2019). With exactly as many weights as points there is *one* curve through all points, and it is wild. With more there are many, and the shortest of them is a smooth one. So "too large" is not the trouble. Being *just* large enough to learn the noise is; and a little penalty takes the peak away.

A network with 9,000 weights and 200 examples is far to the right in this picture, and that is why it is not hopeless. But nothing says that what gradient descent finds is the smoothest. One has to help.

## 2. A penalty

For a network the penalty is added to the loss, and its slope to the gradient:

$$\text{loss} + \lambda_1 \sum \lvert w \rvert + \frac{\lambda_2}{2} \sum w^2 \qquad\qquad \text{slope:}\quad \lambda_1\, \mathrm{sign}(w) + \lambda_2\, w$$

The sums go over all weight matrices, but not over the biases: those only move a function, they do not make it steep. **L2** pulls on each weight in proportion to its size: large ones become smaller, none becomes 0. **L1** pulls on all with the same force, so the small ones end at 0: it chooses.

With numbers: the weights $(3, -1)$ and $\lambda_2 = 0.5$: the penalty is $0.25 \cdot (9 + 1) = 2.5$, its slope $(1.5, -0.5)$. With $\lambda_1 = 0.5$ instead: $0.5 \cdot 4 = 2$, and $(0.5, -0.5)$.

Under plain gradient descent L2 is the same as the weight decay of lesson 6. Under Adam it is not, as you know from there: the pull of the penalty is divided by $\sqrt{s}$ with all the rest.

### Exercise 8.2: the penalty and its slope

<details><summary>Hint 1</summary>Go through the parameters; a weight matrix has <code>p.ndim == 2</code>, a bias 1. For a bias the gradient is <code>np.zeros_like(p)</code>.</details>
<details><summary>Hint 2</summary>For a matrix: add l1 times the sum of <code>np.abs(p)</code> and l2 / 2 times the sum of the squares to the total.</details>
"""


# %%
def penalty(params, l1=0.0, l2=0.0):
    """The penalty for all weight matrices, and its gradient for every parameter.

    params [w (M, D), b (M,), ...]  ->  a number, a list of arrays like params
    Example: params = [[[3, -1]], [5]], l2 = 0.5  ->  2.5, [[[1.5, -0.5]], [0]]
    """
    ### BEGIN SOLUTION
    total, gradients = 0.0, []
    for p in params:
        if p.ndim == 1:
            gradients.append(np.zeros_like(p))
        else:
            total += l1 * np.abs(p).sum() + l2 / 2 * (p**2).sum()
            gradients.append(l1 * np.sign(p) + l2 * p)
    return total, gradients
    ### END SOLUTION


# %%
check("regularization.penalty", penalty)

# %% [markdown]
r"""
## 3. Dropout

A unit that can rely on its neighbor learns what only makes sense beside it. **Dropout** (Srivastava and others, 2014) takes that away: in every training step each output is set to 0 with probability $p$. What survives is divided by $1 - p$, so that the next layer gets as much as before, on average:

$$y = x \odot s \qquad s = \begin{cases} 0 & \text{with probability } p \\ \frac{1}{1 - p} & \text{else} \end{cases} \qquad\quad x,\ s,\ y\ \text{of the same shape}$$

With numbers: $p = 0.5$ and $x = (1, 2, 3, 4)$. One draw could be $s = (2, 0, 0, 2)$, and $y = (2, 0, 0, 8)$. Their sums are both 10 here by chance; over many draws they are on average.

When the training is over, nothing is dropped and nothing scaled: the division has made up for it beforehand. And the backward pass is the same multiplication, $g \odot s$: what did not reach the loss has no gradient.

### Exercise 8.3: dropout

<details><summary>Hint 1</summary><code>rng.random(x.shape)</code> are numbers from 0 to 1, one for each entry. A share of p of them is smaller than p.</details>
<details><summary>Hint 2</summary>A comparison gives True and False, which count as 1 and 0 when they are divided by 1 − p.</details>
"""


# %%
def dropout(x, p=0.5, training=True, rng=0):
    """x with a random share p of its entries set to 0, the others divided by 1 - p; and the factors.

    x (...)  ->  y and scale of the same shape, y = x * scale; with training=False x and ones
    Example: x = [1, 2, 3, 4], p = 0.5  ->  such as [2, 0, 0, 8], [2, 0, 0, 2]
    """
    rng = np.random.default_rng(rng)
    ### BEGIN SOLUTION
    if not training:
        return x, np.ones(x.shape)
    scale = (rng.random(x.shape) >= p) / (1 - p)
    return x * scale, scale
    ### END SOLUTION


# %%
check("regularization.dropout", dropout)

# %% [markdown]
r"""
## 4. Batch norm

He's weights keep a signal at its size when the training begins. **Batch norm** (Ioffe and Szegedy, 2015) sees to it in every step: each column of a batch, that is each unit, is standardized as in lesson 7, by the batch's own mean and variance. Two learned numbers a unit, $w$ and $b$, can undo it where that is better.

$$y = w\,\frac{x - \mu}{\sqrt{v + \varepsilon}} + b \qquad\quad x,\ y\ (N, D), \quad \mu,\ v,\ w,\ b\ (D,)$$

With numbers: a column $(1, 3)$ has $\mu = 2$ and $v = 1$, and becomes $(-1, 1)$.

When the training is over, an example must not depend on who stands beside it. So in training one keeps **running** values, of which each batch gives a share, the momentum $m$:

$$\mu_{\text{run}} \leftarrow (1 - m)\,\mu_{\text{run}} + m\,\mu \qquad\quad v_{\text{run}} \leftarrow (1 - m)\,v_{\text{run}} + m\,\frac{N}{N - 1}\,v$$

and later uses these. (The factor $N / (N - 1)$ makes up for the fact that a few examples, measured from their own mean, seem to differ less than they do. PyTorch has it in the running variance alone, and so have we.)

### Exercise 8.4: batch norm, forward

<details><summary>Hint 1</summary>Two cases. After training: the formula with the running mean and variance, which are returned as they are.</details>
<details><summary>Hint 2</summary>In training: <code>x.mean(axis=0)</code>, <code>x.var(axis=0)</code>, the formula; then the new running values. Do not write into mean and var.</details>
"""


# %%
def batch_norm(x, w, b, mean, var, training=True, momentum=0.1, eps=1e-5):
    """Columns of mean 0 and variance 1, then times w plus b; and the new running mean and variance.

    x (N, D); w, b, mean, var (D,)  ->  y (N, D), mean (D,), var (D,)
    Example: x = [[1], [3]], w = 1, b = 0, mean = 0, var = 1  ->  [[-1], [1]], [0.2], [1.1]
    """
    ### BEGIN SOLUTION
    if not training:
        return w * (x - mean) / np.sqrt(var + eps) + b, mean, var
    mu, v = x.mean(axis=0), x.var(axis=0)
    y = w * (x - mu) / np.sqrt(v + eps) + b
    mean = (1 - momentum) * mean + momentum * mu
    var = (1 - momentum) * var + momentum * v * len(x) / (len(x) - 1)
    return y, mean, var
    ### END SOLUTION


# %%
check("regularization.batch_norm", batch_norm)

# %% [markdown]
r"""
Its backward pass is the first one with a trap in it. $\mu$ and $v$ are made of $x$: when one example moves, all others of its column move a little. Write $\hat{x}$ for the standardized $x$. Then $w$ and $b$ are as in a linear layer,

$$dw = \sum_n g_n\, \hat{x}_n \qquad\quad db = \sum_n g_n$$

and for $x$ there are three ways: directly, through the mean, and through the variance.

$$dx = \frac{w}{\sqrt{v + \varepsilon}} \left( g - \overline{g} - \hat{x}\; \overline{g\,\hat{x}} \right) \qquad\quad \overline{g} = \frac{1}{N} \sum_n g_n$$

You can read off what it means. Adding a constant to a whole column changes nothing in $y$, so the part of $g$ that is the same for all, $\overline{g}$, is taken out. Stretching the column changes nothing either, so the part that points along $\hat{x}$ is taken out.

With numbers: a column $(0, 1, 2)$ has $\hat{x} = (-1.22,\; 0,\; 1.22)$. For $g = (1, 0, 0)$: $\overline{g} = 0.33$, $\overline{g \hat{x}} = -0.41$; the bracket is $(1 - 0.33 - 0.5,\; -0.33,\; -0.33 + 0.5) = (0.17,\; -0.33,\; 0.17)$, and with $\sqrt{v} = 0.82$: $dx = (0.20,\; -0.41,\; 0.20)$. Its sum is 0, as it must be.

### Exercise 8.5: batch norm, backward

<details><summary>Hint 1</summary>First the root and the standardized x again, from x. Then dw and db, sums over axis 0.</details>
<details><summary>Hint 2</summary>The two means of the formula are <code>db / N</code> and <code>dw / N</code>.</details>
"""


# %%
def batch_norm_backward(g, x, w, eps=1e-5):
    """The backward pass of batch_norm in training.

    g, x (N, D), w (D,)  ->  dx (N, D), dw (D,), db (D,)
    Example: g = [[1], [0], [0]], x = [[0], [1], [2]], w = [1]  ->  [[0.20], [-0.41], [0.20]], [-1.22], [1]
    """
    ### BEGIN SOLUTION
    std = np.sqrt(x.var(axis=0) + eps)
    z = (x - x.mean(axis=0)) / std
    dw, db = (g * z).sum(axis=0), g.sum(axis=0)
    dx = w / std * (g - db / len(x) - z * dw / len(x))
    return dx, dw, db
    ### END SOLUTION


# %%
check("regularization.batch_norm_backward", batch_norm_backward)

# %% [markdown]
r"""
Do you remember lesson 7's six layers with weights of spread 0.01, which learned nothing? The very same weights, now with your batch norm before each ReLU, on 600 digits. It becomes an operation of `Tensor` in one line: the result, its parents, the backward pass.

**Predict, then look.** Will it learn, from weights that are a hundred times too small?
"""


# %%
def loss_with_batch_norm(params, x, t, running):
    """Loss and gradients of a network of ReLUs with batch norm before each: [w, scale, offset] * hidden + [w, b]."""
    leaves, h = [Tensor(p) for p in params], Tensor(x)
    for k in range(len(leaves) // 3):
        w, scale, offset = leaves[3 * k : 3 * k + 3]
        z = h @ w.T
        y, *running[k] = batch_norm(z.data, scale.data, offset.data, *running[k])
        back = lambda g, z=z, s=scale: batch_norm_backward(g, z.data, s.data)
        h = Tensor(y, (z, scale, offset), back)
        h = h * (h.data > 0)
    scores = h @ leaves[-2].T + leaves[-1]
    loss = scores.cross_entropy(t)
    loss.backward()
    return float(loss.data), [leaf.grad for leaf in leaves]


def with_norms(weights):
    """[w, b, ..., w, b] made into [w, scale 1, offset 0, ..., w, b], and running values for each hidden layer."""
    *hidden, (w, b) = zip(weights[::2], weights[1::2])
    params = [p for v, c in hidden for p in (v, np.ones(len(c)), np.zeros(len(c)))]
    return [*params, w, b], [[np.zeros(len(c)), np.ones(len(c))] for _, c in hidden]


with when_written:
    draw = np.random.default_rng(0)
    sizes = [64, 64, 64, 64, 64, 64, 10]
    tiny = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:]):
        tiny += [0.01 * draw.standard_normal((outputs, inputs)), np.zeros(outputs)]
    (params, running), optimizer = with_norms(tiny), AdamW(lr=0.001)
    for step in range(31):
        loss, gradients = loss_with_batch_norm(params, digits.x[:600], digits.y[:600], running)
        if step % 10 == 0:
            print(f"step {step:2}: loss {loss:.4f}")
        params = optimizer.step(params, gradients)

# %% [markdown]
r"""
<!-- measured: step 30: loss 1.0561 -->
It does: whatever the size of the weights, the next layer gets a signal of size 1. That is what batch norm is mostly used for, and why networks with it forgive large learning rates. That it also regularizes a little, since every example is shaken a little by its chance neighbors, is a gift that not every task gets.

## 5. Stop in time

The cheapest remedy costs nothing: watch the loss on the validation set, and stop when it no longer falls. It goes up and down by chance, so one waits for a while, the **patience**, and then goes back to the best weights.

With numbers: the losses $5, 3, 4, 4, 2, 6$ and a patience of 2. The best so far is 3, in epoch 1. Two epochs later, in epoch 3, there was nothing better: stop. That 2 would have come next nobody could know.

### Exercise 8.6: early stopping

<details><summary>Hint 1</summary>Go through the losses with <code>enumerate</code>, and remember the number of the best epoch so far. Only a smaller loss is a new best, an equal one is not.</details>
<details><summary>Hint 2</summary>After each epoch: if <code>epoch - best</code> has reached patience, return both. After the loop: the last epoch, and the best.</details>
"""


# %%
def early_stopping(losses, patience=5):
    """The epoch after which to stop, because patience epochs brought nothing better; and the best epoch.

    losses, one for each epoch, from epoch 0 on  ->  two whole numbers; the last epoch where patience does not end
    Example: losses = [5, 3, 4, 4, 2, 6], patience = 2  ->  3, 1
    """
    ### BEGIN SOLUTION
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= patience:
            return epoch, best
    return len(losses) - 1, best
    ### END SOLUTION


# %%
check("regularization.early_stopping", early_stopping)

# %% [markdown]
r"""
## 6. More data out of the data

The best remedy against too few examples is more of them. A three that stands a pixel farther to the right is still a three, and you saw in lesson 7 what a pixel does to a network: from 97.8 % to 37.6 %. So in every epoch each picture is moved a little, at random. This is **data augmentation**; it says to the network what makes no difference.

With numbers: $\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}$ moved down by 1 is $\begin{pmatrix} 0 & 0 \\ 1 & 2 \end{pmatrix}$. What comes in from the edge is 0, what goes out is lost.

### Exercise 8.7: move pictures

<details><summary>Hint 1</summary>Begin with zeros, and copy the part that stays within the picture. Moved down by 1, rows 1 to H of the result are rows 0 to H − 1 of the picture.</details>
<details><summary>Hint 2</summary>For up and left the same with the two sides exchanged. Or make a larger array of zeros, put the pictures into it, and cut out the right window.</details>
"""


# %%
def shift_images(images, down=0, right=0):
    """Pictures moved by whole pixels; negative numbers go up and left; what comes in is 0.

    images (N, H, W)  ->  same shape
    Example: images = [[[1, 2], [3, 4]]], down = 1  ->  [[[0, 0], [1, 2]]]
    """
    ### BEGIN SOLUTION
    n, height, width = images.shape
    room = np.zeros((n, height + 2 * abs(down), width + 2 * abs(right)))
    top, left = abs(down), abs(right)
    room[:, top + down : top + down + height, left + right : left + right + width] = images
    return room[:, top : top + height, left : left + width]
    ### END SOLUTION


# %%
check("regularization.shift_images", shift_images)

# %% [markdown]
r"""
## 7. All together

The loss of a network of ReLUs with dropout behind every hidden layer and an L2 penalty; and its gradients.

$$\text{cross-entropy of the dropped-out network} + \frac{\lambda_2}{2} \sum w^2$$

### Exercise 8.8: the whole loss

<details><summary>Hint 1</summary>As in lesson 7: Tensors of all parameters, layer by layer, <code>h * (h.data &gt; 0)</code> behind all but the last, <code>cross_entropy</code>, <code>backward</code>.</details>
<details><summary>Hint 2</summary>Behind each ReLU: the scale, which is the second result of <code>dropout</code> of h.data, and <code>h = h * scale</code>. So the tape knows what was dropped. Hand over rng as it is.</details>
<details><summary>Hint 3</summary><code>penalty(params, l2=l2)</code> gives a number for the loss and a list for the gradients.</details>
"""


# %%
def loss_and_gradients(params, x, t, p=0.0, l2=0.0, rng=0):
    """The loss of a network of ReLUs with dropout behind each of them, plus the L2 penalty; and its gradients.

    params [w (M, D), b (M,), ...], x (N, D), t (N,) class numbers  ->  a number, a list of arrays like params
    """
    rng = np.random.default_rng(rng)
    ### BEGIN SOLUTION
    tensors = [Tensor(a) for a in params]
    h, last = Tensor(x), len(tensors) - 2
    for i in range(0, last, 2):
        h = h @ tensors[i].T + tensors[i + 1]
        h = h * (h.data > 0)
        _, scale = dropout(h.data, p, rng=rng)
        h = h * scale
    loss = (h @ tensors[last].T + tensors[last + 1]).cross_entropy(t)
    loss.backward()
    extra, slopes = penalty(params, l2=l2)
    return float(loss.data) + extra, [a.grad + g for a, g in zip(tensors, slopes)]
    ### END SOLUTION


# %%
check("regularization.loss_and_gradients", loss_and_gradients)

# %% [markdown]
r"""
Now the question of the beginning again, with each remedy alone: 200 digits, three labels in ten by chance, the same network, the same 40 epochs. A single run says little, so each is run with five different draws of digits, labels and first weights.

**Predict, then look.** Which will help most? And which will do *worse* on its own 200 labels than the network without any help, and why is that good?
"""


# %%
def moved(pictures, rng):
    """Each picture by up to a pixel, in any direction."""
    squares = pictures.reshape(-1, 8, 8) + 0.3  # the background is 0 again
    where = rng.integers(-1, 2, (len(squares), 2))
    result = np.empty_like(squares)
    for way in np.unique(where, axis=0):
        chosen = (where == way).all(axis=1)
        result[chosen] = shift_images(squares[chosen], *way)
    return result.reshape(len(squares), 64) - 0.3


def run(seed, p=0.0, l2=0.0, decay=0.0, norm=False, patience=None, augment=False):
    """Shares of right answers: on the 200 labels that were learned, and on new digits."""
    rows, valid, test, labels = task(seed)
    draw, params = np.random.default_rng(seed), he_init([64, 128, 10], seed)
    optimizer, losses, kept = AdamW(0.005, weight_decay=decay), [], []
    if norm:
        params, running = with_norms(params)
    for _ in range(40):
        x = moved(images[rows], draw) if augment else images[rows]
        for part in batches(len(rows), 32, draw):
            given = params, x[part], labels[rows][part]
            _, gradients = (
                loss_with_batch_norm(*given, running)
                if norm
                else loss_and_gradients(*given, p, l2, draw)
            )
            params = optimizer.step(params, gradients)
        if patience:
            losses.append(loss_and_gradients(params, images[valid], labels[valid])[0])
            kept.append(params)
            stop, best = early_stopping(losses, patience)
            if stop - best >= patience:
                break
    if patience:
        params = kept[best]

    def answer(x):
        if not norm:
            return scores_of(params, x)
        w, scale, offset, v, c = params
        z, *_ = batch_norm(x @ w.T, scale, offset, *running[0], training=False)
        return np.maximum(z, 0) @ v.T + c

    return share_right(answer(images[rows]), labels[rows]), share_right(
        answer(images[test]), digits.y[test]
    )


REMEDIES = {
    "none": {},
    "batch norm": {"norm": True},
    "moved pictures": {"augment": True},
    "early stopping": {"patience": 5},
    "L2, 0.02": {"l2": 0.02},
    "weight decay, 3": {"decay": 3.0},
    "dropout, 0.7": {"p": 0.7},
}

with when_written:
    ax = plot.axes(6, 3.4)
    for place, (name, settings) in enumerate(REMEDIES.items()):
        known, new = 100 * np.array([run(seed, **settings) for seed in range(5)]).T
        print(
            f"{name:16} own labels {known.mean():5.1f} %, new digits {new.mean():.1f} ± {new.std():.1f} %"
        )
        ax.errorbar(new.mean(), place, xerr=new.std(), fmt="o", color=plot.COLORS[0], capsize=4)
        ax.plot(new, [place] * 5, "|", color="0.6")
    ax.set(
        xlabel="new digits right (%), mean and deviation of five runs", yticks=range(len(REMEDIES))
    )
    ax.set_yticklabels(REMEDIES)
    plot.show(
        "For each remedy the mean share of new digits that are read, with error bars; none is lowest."
    )

# %% [markdown]
r"""
<!-- measured: none             own labels  99.2 %, new digits 74.9 ± 4.3 % | dropout, 0.7     own labels  81.4 %, new digits 85.2 ± 2.2 % | batch norm       own labels 100.0 %, new digits 71.6 ± 4.7 % -->
Dropout, weight decay, the L2 penalty and early stopping all bring eight to ten points, and the error bars say that one cannot tell which of them is best. Moved pictures bring five, though these digits have hardly moved. All of them are *worse* on their own labels: they refuse to learn the wrong ones by heart. Of the 200 labels about 145 are right (three in ten were drawn anew, and one in ten of those by chance is right after all), so 73 % is what an honest reader would reach there.

And batch norm does not help here at all. It makes a network learn faster, by heart too. A remedy is not good in itself: it answers to a trouble, and which one you have only measuring tells.

Is it right to compare them on the test digits? For learning what each does, yes. To *choose* one for use, you would look at the validation set, with its right or wrong labels, and open the test at the end.

## 8. Explore

Go back to the explorer at the top, or run `explore.fitting()` in a new cell.

1. 15 points, 15 weights, no penalty to speak of. Drag a point in the middle by a little. How far does the curve move at its ends? Now the same with 60 weights, and then with 15 weights and a penalty of 0.001.
2. Set the noise to 0. Is there still a peak at 15 weights? What is it, then, that the curve goes wild about?
3. Find, for 10 points and a noise of 0.5, the pair of weights and penalty with the smallest error on new points. Then change the seed. Are they still the best? What would you need in order to choose them honestly?

## 9. Cross-check

Your batch norm, forward and backward, against PyTorch's, on a large batch; on a GPU if there is one. PyTorch's layer norm measures rows, so batch norm is layer norm of the transposed array.
"""

# %%
from dlcore.crosscheck import crosscheck

# 2,000 examples of 300 units, transposed
columns = np.random.default_rng(9).standard_normal((300, 2000))


def forward(x):
    many = len(x)
    return batch_norm(x.T, np.ones(many), np.zeros(many), np.zeros(many), np.ones(many))[0].T


def backward(g, x):
    return batch_norm_backward(g.T, x.T, np.ones(len(x)))[0].T


with when_written:
    print(
        crosscheck(
            forward,
            "nn.functional.layer_norm",
            columns,
            backward=backward,
            options={"normalized_shape": (2000,)},
        )
    )

# %% [markdown]
r"""
## 10. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-curves" points=2
r"""
**Question A.** Two networks for the same task. The first has 99 % right in training and 80 % in validation; the second 82 % and 81 %. Somebody proposes dropout for both. What would you expect in each case, and what would you propose for the second?

=== BEGIN MARK SCHEME ===
1 point: the first overfits (gap of 19 points): dropout (or penalty, augmentation, more data) can help; training will get worse, validation better.
1 point: the second underfits (no gap): dropout makes it worse; a larger network, longer training, a better rate, better features.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-norm" points=2
r"""
**Question B.** A network with batch norm reads digits well in training. In use it gets one digit at a time, and somebody has forgotten to say training=False. What comes out of the first batch norm, whatever the digit, and why? (Take one row, and compute.)

=== BEGIN MARK SCHEME ===
1 point: the mean of one row is the row itself and its variance is 0, so x - mean is 0 and the output is b for every digit: the answer is the same for all.
1 point: in use the running mean and variance must be taken, which do not depend on the other examples (and in training the running variance of one row would be a division by N - 1 = 0).
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

A penalty, dropout, batch norm, early stopping, moved pictures: five ways to say to a network what it should *not* learn; and you have measured what each is worth on the same task. Open `dlcore/normalization.py` and `dlcore/dropout.py`: they are yours, for any number of axes.

One of the five was different. To move pictures is to *know* something about them, and to make the network learn it from a thousand examples. Could one build it in, so that nobody has to learn it? A unit that looks at a small window, and the same unit in all places. That is lesson 9.

## References

- A. Hoerl and R. Kennard, *Ridge regression*, 1970.
- N. Srivastava and others, *Dropout: a simple way to prevent neural networks from overfitting*, 2014.
- S. Ioffe and C. Szegedy, arXiv 1502.03167, 2015: batch norm. S. Santurkar and others, arXiv 1805.11604, 2018, doubt its reasons, and not its use.
- C. Zhang and others, *Understanding deep learning requires rethinking generalization*, 2017. Networks that learn dice by heart.
- M. Belkin and others, *Reconciling modern machine-learning practice and the bias-variance trade-off*, 2019. Double descent.
- L. Prechelt, *Early stopping, but when?*, 1998.
"""
