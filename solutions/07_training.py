# %% [markdown]
r"""
# 7 · Training

**At the end of this lesson you will be able to train a network from raw data to a number that you can stand up for; and when it does not learn, you will know where to look.**

You will be able to

- split data so that nothing leaks from the test into the training;
- bring columns to one scale, and cut data into batches;
- choose first weights with which a deep network can learn at all, and look inside it: signals, gradients, dead units;
- find the one wrong line in a training script from its symptoms;
- write the training loop, and read digits with it, 97 % and more.

**It builds on** `Tensor` (lesson 5) and `AdamW` (lesson 6). **Time:** about 120 minutes.

Run the two cells, then press play: a network learns to tell two classes of points apart, while you watch. The small pictures are its units, each with the region in which it answers. Change the data, the layers, the activation, the rate.
"""

# %%
import time

import numpy as np

from autograder import check, when_written
from dlcore import data, explore, plot
from dlcore.scratch import debugging
from dlcore.scratch.optimizers import AdamW  # lesson 6
from dlcore.scratch.tensors import Tensor  # lesson 5

rng = np.random.default_rng(7)

# %%
explore.playground()

# %% [markdown]
r"""
## A question first: why does it not learn?

Lesson 5's network for the digits had two layers. Here are six, with ReLU between them. Its gradients are right, AdamW is right, the learning rate is an ordinary one.

The two functions work for any number of layers, as a list of parameters $[w_1, b_1, w_2, b_2, \ldots]$. Your `Tensor` has no method for ReLU, and needs none: to multiply by 1 where a number is positive and by 0 elsewhere is ReLU, and its backward pass is right, too.
"""

# %%
digits = data.digits()


def loss_and_gradients(params, x, t):
    """The cross-entropy of a network of ReLUs on x (N, D), t (N,), and its gradient for each parameter."""
    leaves, h = [Tensor(p) for p in params], Tensor(x)
    *hidden, (w, b) = zip(leaves[::2], leaves[1::2])
    for v, c in hidden:
        h = h @ v.T + c
        h = h * (h.data > 0)
    loss = (h @ w.T + b).cross_entropy(t)
    loss.backward()
    return float(loss.data), [leaf.grad for leaf in leaves]


def predict(params, x):
    """The class with the largest score, for each row of x (N, D)."""
    *hidden, (w, b) = zip(params[::2], params[1::2])
    for v, c in hidden:
        x = np.maximum(x @ v.T + c, 0)
    return (x @ w.T + b).argmax(axis=1)


SIZES = [64, 64, 64, 64, 64, 64, 10]
draw = np.random.default_rng(0)
small = []
for inputs, outputs in zip(SIZES[:-1], SIZES[1:]):
    small += [0.01 * draw.standard_normal((outputs, inputs)), np.zeros(outputs)]

params, optimizer = small, AdamW(lr=0.001)
for t in range(31):
    loss, gradients = loss_and_gradients(params, digits.x, digits.y)
    if t % 10 == 0:
        print(f"step {t:2}: loss {loss:.4f}")
    params = optimizer.step(params, gradients)

# %% [markdown]
r"""
<!-- measured: step  0: loss 2.3026 | step 30: loss 2.2987 -->
2.3026 is $\ln 10$: the surprise of somebody who guesses among ten digits. After 30 steps it has learned next to nothing. You will find the reason in section 6, and the same network will learn with one number changed.

This lesson is about all that stands *around* a network. None of it is deep, and nearly everything that goes wrong in practice goes wrong here.

## 1. What nobody may have seen: the test

A network that has learned 1,000 examples by heart is worth nothing. What counts is how it does on examples that it has never seen, so some are kept apart: the **test set**. That sounds like a matter of course. Look how it fails.

A colleague had only 300 digits, so she photographed each of them five times; the pictures differ by a little noise. Then she mixed up the list of labels, without noticing: they are now *pure chance*. She shuffles the 1,500 rows, keeps a fifth for the test, and lets the simplest of all readers work, which answers with the label of the nearest picture that it knows.

**Predict, then look.** The labels are dice. Which share of the test will be read "right"?
"""

# %%
from sklearn.neighbors import KNeighborsClassifier

original = np.repeat(np.arange(300), 5)  # which digit each row is a photograph of
photos = digits.x[original] + 0.05 * rng.standard_normal((1500, 64))
dice = rng.integers(0, 10, 300)[original]

shuffled = rng.permutation(1500)
kept, tested = shuffled[300:], shuffled[:300]
reader = KNeighborsClassifier(1).fit(photos[kept], dice[kept])
print(f"right: {reader.score(photos[tested], dice[tested]):.1%}")

# %% [markdown]
r"""
<!-- measured: right: 100.0% -->
A perfect score, on labels in which there is nothing to know. Almost every picture of the test has a twin in the training set, so the reader only has to remember. This is a **leak**, and it is the most expensive mistake in the field: several pictures of one patient, sentences of one document, days of one week on both sides. A review of 2023 found leaks in 294 published papers, in 17 fields (Kapoor and Narayanan).

The remedy: what belongs together stays together. Each row has a **group** (the original, the patient, the document), and whole groups go to one side or the other. Where every row stands for itself, each is its own group, `np.arange(N)`.

$$\text{groups}\ (N,) \;\longrightarrow\; \text{training rows}\ (A,),\quad \text{test rows}\ (N - A,)$$

With numbers: groups $(7, 7, 8, 8, 9, 9)$ and a share of $1/3$: one of the three groups, say 8, goes to the test. Training rows $0, 1, 4, 5$; test rows $2, 3$.

Files are often sorted, so the groups for the test are drawn at random. `rng` may be a generator or a seed; the first line of the function, which is given, makes a generator of either.

### Exercise 7.1: a split without a leak

<details><summary>Hint 1</summary><code>np.unique(groups)</code> lists each group once; <code>rng.permutation</code> shuffles the list. The first round(share · number of groups) of them are the test.</details>
<details><summary>Hint 2</summary><code>np.isin(groups, chosen)</code> says for every row whether its group was chosen; <code>np.flatnonzero</code> turns the answers into row numbers.</details>
"""


# %%
def group_split(groups, share=0.2, rng=0):
    """Row numbers for training and for testing; the rows of a group stay on one side.

    groups (N,)  ->  training rows (A,), test rows (N - A,); round(share * number of groups) groups are tested
    Example: groups = [7, 7, 8, 8, 9, 9], share = 1/3  ->  4 rows and 2 rows, such as [0, 1, 4, 5], [2, 3]
    """
    rng = np.random.default_rng(rng)
    ### BEGIN SOLUTION
    names = rng.permutation(np.unique(groups))
    chosen = np.isin(groups, names[: round(share * len(names))])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
    ### END SOLUTION


# %%
check("training.group_split", group_split)

# %%
with when_written:
    kept, tested = group_split(original, 0.2, rng=0)
    reader = KNeighborsClassifier(1).fit(photos[kept], dice[kept])
    print(f"right, with whole groups in the test: {reader.score(photos[tested], dice[tested]):.1%}")

# %% [markdown]
r"""
<!-- measured: with whole groups in the test: 6.7% -->
About one in ten: the truth about dice.

There is a second, slower leak. Whoever tries twenty settings and keeps the one that does best on the test has *trained on the test*, by hand. So there are three parts: the **training set**, from which the weights are learned; the **validation set**, by which you choose everything else; and the test set, which is looked at once, at the very end.
"""

# %%
with when_written:
    rest, test = group_split(np.arange(len(digits.y)), 1 / 3, rng=7)
    a, b = group_split(np.arange(len(rest)), 1 / 6, rng=7)
    train, valid = rest[a], rest[b]
    print(f"training {len(train)}, validation {len(valid)}, test {len(test)}")

# %% [markdown]
r"""
## 2. One scale for all columns

Here are three wines, with four of their thirteen measurements.
"""

# %%
wine = data.wine()
columns = [0, 7, 10, 12]
print("".join(f"{wine.features[c]:>24}" for c in columns))
for row in wine.x[[0, 60, 130]]:
    print("".join(f"{row[c]:24}" for c in columns))

# %% [markdown]
r"""
Proline is in the hundreds, the hue around 1. Whoever measures a distance between two wines measures proline and nothing else. A network has the same trouble: a column a thousand times as large has gradients a thousand times as large, and so a curvature a *million* times as large. You know from lesson 6 what that does to the learning rate.

**Standardization** gives every column the mean 0 and the standard deviation 1:

$$x' = \frac{x - \mu}{\sigma} \qquad\quad x\ (N, D), \quad \mu,\ \sigma\ (D,)\ \text{of the training rows}$$

With numbers: a column $(1, 3)$ has $\mu = 2$ and $\sigma = 1$, and becomes $(-1, 1)$. A *new* row with 5 becomes $3$: new rows are moved and scaled exactly as the training rows were. To measure them, too, would be a leak; and how would you measure a single one?

A column that is the same in all training rows has $\sigma = 0$. It is only shifted. But do not ask the computer whether $\sigma$ is 0: the mean of six times 0.1 is rounded to 0.09999999999999999, so that their $\sigma$ comes out as 1.4e-17, and a new 0.2 divided by that would be 7e15. `np.ptp`, the largest minus the smallest, is exact.

### Exercise 7.2: standardize

<details><summary>Hint 1</summary><code>train.mean(axis=0)</code> and <code>train.std(axis=0)</code> have the shape (D,) and broadcast over the rows of either table.</details>
<details><summary>Hint 2</summary><code>np.ptp(train, axis=0)</code> is 0 for the columns that are to be divided by 1, and <code>np.where</code> chooses.</details>
"""


# %%
def standardize(train, new):
    """Both tables, with columns shifted and scaled by the mean and the standard deviation of train.

    train (N, D), new (M, D)  ->  the same shapes; a column that is constant in train is only shifted
    Example: train = [[1], [3]], new = [[5]]  ->  [[-1], [1]], [[3]]
    """
    ### BEGIN SOLUTION
    mean, std = train.mean(axis=0), train.std(axis=0)
    std = np.where(np.ptp(train, axis=0) > 0, std, 1)
    return (train - mean) / std, (new - mean) / std
    ### END SOLUTION


# %%
check("training.standardize", standardize)

# %%
with when_written:
    known, new = group_split(np.arange(len(wine.y)), 1 / 3, rng=0)
    before = wine.x[known], wine.x[new]
    for name, (one, other) in {"as they are": before, "standardized": standardize(*before)}.items():
        reader = KNeighborsClassifier(3).fit(one, wine.y[known])
        print(f"whose wine is it? {name:12} {reader.score(other, wine.y[new]):.1%} right")

# %% [markdown]
r"""
<!-- measured: as they are  69.5% right | standardized 94.9% right -->
Three in ten wrong, or one in twenty, by nothing but the units. It is not a law, however. Pixels all have the same unit, and one at the edge that is nearly always white tells little; standardization blows its noise up to the size of all others. You will see below that it costs the nearest neighbors something there.

## 3. The bar

Before you build anything, find out what the simple methods reach. A network that does worse than a table of neighbors is not worth its electricity. Here are three of them, on the training and the validation digits, tested on the test. (They do not look at it while they learn; we look once, and only at them.)

A single number does not say what goes wrong, so you want the **confusion matrix**: how often each class was taken for each.

$$C_{ij} = \text{how often } i \text{ was taken for } j \qquad\quad C\ (K, K)$$

With numbers: the targets are $(0, 0, 1, 1)$ and the predictions $(0, 1, 1, 1)$. Then $C = \begin{pmatrix} 1 & 1 \\ 0 & 2 \end{pmatrix}$. On the diagonal stands what was right; the share of the diagonal is the accuracy, $3/4$.

### Exercise 7.3: the confusion matrix

<details><summary>Hint 1</summary>Begin with a square of zeros, of whole numbers (<code>dtype=int</code>). A loop over the pairs <code>zip(targets, predictions)</code> adds 1 to one place each.</details>
<details><summary>Hint 2</summary>Without a loop: <code>np.add.at</code>. With <code>counts[targets, predictions] += 1</code> a pair that comes five times is counted once, as you saw in lesson 5.</details>
"""


# %%
def confusion_matrix(targets, predictions, classes):
    """How often each class (row) was predicted as each class (column).

    targets and predictions (N,), class numbers  ->  (classes, classes), whole numbers
    Example: targets = [0, 0, 1, 1], predictions = [0, 1, 1, 1], classes = 2  ->  [[1, 1], [0, 2]]
    """
    ### BEGIN SOLUTION
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (targets, predictions), 1)
    return counts
    ### END SOLUTION


# %%
check("training.confusion_matrix", confusion_matrix)


# %%
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression


def draw_confusion(ax, targets, predictions, title):
    counts = confusion_matrix(targets, predictions, 10)
    ax.imshow(np.sqrt(counts), cmap="Greys")
    for i, j in np.argwhere(counts):
        ax.text(j, i, counts[i, j], ha="center", va="center", color="white" if i == j else "black")
    ax.set(xlabel="prediction", ylabel="target", title=title, xticks=range(10), yticks=range(10))


rivals = {
    "logistic regression": LogisticRegression(max_iter=2000),
    "random forest": RandomForestClassifier(100, random_state=0),
    "three neighbors": KNeighborsClassifier(3),
}
with when_written:
    for name, rival in rivals.items():
        rival.fit(digits.x[rest], digits.y[rest])
        print(f"{name:20} {rival.score(digits.x[test], digits.y[test]):.1%}")
    one, other = standardize(digits.x[rest], digits.x[test])
    reader = KNeighborsClassifier(3).fit(one, digits.y[rest])
    print(f"three neighbors, with standardized pixels: {reader.score(other, digits.y[test]):.1%}")
    simplest = rivals["logistic regression"]
    draw_confusion(
        plot.axes(4.2, 3.8), digits.y[test], simplest.predict(digits.x[test]), "logistic regression"
    )
    plot.show(
        "A table of ten by ten counts. Most stand on the diagonal; of the few beside it, several are eights."
    )

# %% [markdown]
r"""
<!-- measured: three neighbors      98.8% | three neighbors, with standardized pixels: 97.3% -->
The **logistic regression** is lesson 3's single layer: 95.8 %. The **random forest** asks 100 trees of yes-no questions and lets them vote: 97.5 %. And the three neighbors, who have not learned anything and only compare, are the best of all: 98.8 %, though only as long as all pixels keep the same unit. That is the bar. Keep it in mind; section 9 comes back to it.

## 4. A few at a time

In lesson 6 every step looked at all the digits. Its gradient is a mean over all of them, and a mean can be *estimated* from a few. The error of a mean of $B$ random terms falls with the root of their number:

$$\text{error of the gradient} \;\approx\; \frac{\sigma}{\sqrt{B}} \qquad B\ \text{the size of the batch}$$

With numbers: a batch four times as large costs four times the work, and halves the error. From 10 to 1,000 examples the work is 100 times as much, and the error a tenth. Since the direction changes with the next step anyway, a rough estimate taken often beats an exact one taken rarely.

In practice one shuffles all rows and deals them out like cards, a **batch** at a time. When all are dealt, an **epoch** is over; the next one begins with a new shuffle.

### Exercise 7.4: batches

<details><summary>Hint 1</summary><code>rng.permutation(n)</code> is all row numbers in a random order. Cut it into slices of the length size; the last one may be shorter, and a slice that reaches beyond the end is no error.</details>
<details><summary>Hint 2</summary>Return a list of arrays, or write a generator with <code>yield</code>.</details>
"""


# %%
def batches(n, size=32, rng=0):
    """The row numbers 0 to n - 1 in a random order, size at a time.

    n, size  ->  several arrays (size,), of which the last may be shorter
    Example: n = 7, size = 3  ->  such as [4, 0, 5], [2, 6, 1], [3]
    """
    rng = np.random.default_rng(rng)
    ### BEGIN SOLUTION
    order = rng.permutation(n)
    for start in range(0, n, size):
        yield order[start : start + size]
    ### END SOLUTION


# %%
check("training.batches", batches)

# %% [markdown]
r"""
**Predict, then look.** The gradient of a batch of 8 is off by a certain share of its length. By how much less is one of 32, and one of 128?
"""

# %%
with when_written:
    x, labels = digits.x[train], digits.y[train]
    network = [rng.standard_normal((10, 64)) / 8, np.zeros(10)]
    whole = loss_and_gradients(network, x, labels)[1][0]
    for size in (8, 32, 128):
        parts = [
            loss_and_gradients(network, x[rows], labels[rows])[1][0]
            for rows in batches(len(x), size)
        ]
        off = np.sqrt(np.mean([np.sum((g - whole) ** 2) for g in parts[:-1]]) / np.sum(whole**2))
        print(f"batches of {size:3}: {len(parts):3} steps an epoch, each off by {off:.0%}")
    for size in (8, len(x)):
        walker = network
        for rows in batches(len(x), size):
            gradients = loss_and_gradients(walker, x[rows], labels[rows])[1]
            walker = [p - 0.1 * g for p, g in zip(walker, gradients)]
        loss, _ = loss_and_gradients(walker, x, labels)
        print(f"after an epoch in batches of {size:3}, rate 0.1: loss {loss:.2f}")

# %% [markdown]
r"""
<!-- measured: batches of   8: 125 steps an epoch, each off by 244% | batches of  32:  32 steps an epoch, each off by 117% | batches of 128:   8 steps an epoch, each off by 55% | after an epoch in batches of   8, rate 0.1: loss 0.98 | after an epoch in batches of 998, rate 0.1: loss 2.36 -->
Four times the examples, half the error, as the formula says. A batch of 8 is off by more than twice the length of the gradient itself, and yet 125 such steps lead much farther than one exact step, for the same work: their errors point in all directions and cancel, and what they have in common adds up.

## 5. The first weights

Why did the six layers not learn? Follow a signal through one layer, before its activation:

$$z = \sum_{i=1}^{D} w_i\,h_i \qquad\quad w_i\ \text{independent, with the mean 0 and the variance}\ \sigma_w^2$$

Variances of independent terms add up. Each term has the variance $\sigma_w^2 \cdot \overline{h^2}$, where $\overline{h^2}$ is the mean square of the inputs, so

$$\mathrm{Var}(z) = D\,\sigma_w^2\,\overline{h^2}$$

ReLU then throws the negative half away. $z$ is as often negative as positive, so half of the mean square is lost: $\overline{\mathrm{relu}(z)^2} = \frac{1}{2} \mathrm{Var}(z)$. From layer to layer the mean square is multiplied by

$$\frac{D\,\sigma_w^2}{2} \qquad\text{which is 1 exactly if}\qquad \sigma_w^2 = \frac{2}{D}$$

With numbers: $D = 64$ and weights of spread $0.01$, as in the question above: the mean square is multiplied by $64 \cdot 0.0001 / 2 = 0.0032$ in each layer, and by $3 \cdot 10^{-13}$ in five of them. The last layer sees nothing. With $\sigma_w^2 = 2/64$, a spread of $0.18$, the signal arrives as it set out.

This is **He's initialization** (2015), with which a network of 30 layers learned where the weights used before had left it standing. For tanh, which is a straight line around 0, the factor $\frac{1}{2}$ is missing. And in the backward pass the gradient is summed over the *outputs* of a layer; so **Xavier's** (2010), made for tanh, takes the middle of both: $\sigma_w^2 = 2 / (D + M)$.

The biases begin at 0. The weights cannot: units that begin alike get the same gradient and stay alike for ever.

### Exercise 7.5: He's weights

<details><summary>Hint 1</summary>For each pair of neighbors in sizes: a matrix (outputs, inputs) of <code>rng.standard_normal</code>, times the root of 2 / inputs; then the zeros of the biases. Append both to one list.</details>
<details><summary>Hint 2</summary><code>zip</code> the list with itself, moved by one: each pair is (inputs, outputs).</details>
"""


# %%
def he_init(sizes, rng=0):
    """Weights of variance 2 / inputs, and biases of 0, for every layer.

    sizes, such as [64, 32, 10]  ->  the list [w (32, 64), b (32,), w (10, 32), b (10,)]
    """
    rng = np.random.default_rng(rng)
    ### BEGIN SOLUTION
    params = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:]):
        params.append(rng.standard_normal((outputs, inputs)) * np.sqrt(2 / inputs))
        params.append(np.zeros(outputs))
    return params
    ### END SOLUTION


# %%
check("training.he_init", he_init)

# %% [markdown]
r"""
## 6. A look inside

When a network does not learn, do not guess. Look. Three numbers for each layer tell most of it:

- the **spread** of its outputs. It should be about the same in all layers;
- the share of **dead** units, those that give 0 for *every* example. No gradient goes through them, so their weights no longer move;
- the **slope**: the spread of the loss's gradient with respect to the outputs. If it is far smaller in the first layers than in the last, the first ones do not learn.

### Exercise 7.6: examine a network

`loss_and_gradients` above shows how to go through the layers, with ReLU as `h * (h.data > 0)`. The outputs of a layer are those *after* its ReLU; the last layer has none, and its outputs are the scores.

<details><summary>Hint 1</summary>Keep every layer's output, a Tensor, in a list. After <code>loss.backward()</code> each of them holds its values in <code>.data</code> and its gradient in <code>.grad</code>, both (N, M).</details>
<details><summary>Hint 2</summary>A unit is a column. It is dead if <code>(h.data &lt;= 0).all(axis=0)</code>; the mean of these answers is the share.</details>
<details><summary>Hint 3</summary>Return three arrays, with a number for each layer: the <code>.std()</code> of the data, the share of the dead, the <code>.std()</code> of the grad. For the scores the share has no meaning, but compute it in the same way.</details>
"""


# %%
def layer_statistics(params, x, t):
    """Spread of the outputs, share of dead units, spread of the gradient at the outputs: for each layer.

    params [w (M, D), b (M,), ...] of L layers, x (N, D), t (N,) class numbers  ->  three arrays (L,)
    """
    ### BEGIN SOLUTION
    h, outputs = Tensor(x), []
    for i in range(0, len(params), 2):
        h = h @ Tensor(params[i]).T + params[i + 1]
        if i + 2 < len(params):
            h = h * (h.data > 0)
        outputs.append(h)
    h.cross_entropy(t).backward()
    spread = np.array([h.data.std() for h in outputs])
    dead = np.array([(h.data <= 0).all(axis=0).mean() for h in outputs])
    slope = np.array([h.grad.std() for h in outputs])
    return spread, dead, slope
    ### END SOLUTION


# %%
check("training.layer_statistics", layer_statistics)

# %%
with when_written:
    beginnings = {
        "spread 0.01": small,
        "He": he_init(SIZES),
        "spread 0.5": [0.5 / np.sqrt(2 / 64) * p for p in he_init(SIZES)],
    }
    axes = plot.axes(4, 3.2, columns=2)
    for (name, begun), color, marker in zip(beginnings.items(), plot.COLORS, plot.MARKERS):
        spread, dead, slope = layer_statistics(begun, digits.x[train], digits.y[train])
        print(f"{name:12} spread of the scores {spread[-1]:8.2g}, slope at layer 1 {slope[0]:8.2g}")
        for ax, values in zip(axes, (spread, slope)):
            ax.semilogy(range(1, 7), values, marker=marker, color=color, label=name)
    axes[0].set(xlabel="layer", ylabel="standard deviation", title="signal, forward")
    axes[1].set(xlabel="layer", ylabel="standard deviation", title="gradient, backward")
    axes[0].legend()
    plot.show(
        "Signal and gradient in six layers, logarithmic. With He's weights both are level; with 0.01 they "
        "fall to a hundred-millionth and below, with 0.5 they grow."
    )

# %% [markdown]
r"""
A standard deviation is one number for thousands. When it puzzles you, look at all of them: here is how the outputs are distributed, layer by layer, by their order of magnitude.
"""

# %%
with when_written:
    axes = plot.axes(1.9, 2.2, columns=6)
    for (name, begun), color in zip(beginnings.items(), plot.COLORS):
        h = digits.x[train]
        for layer, ax in enumerate(axes):
            h = h @ begun[2 * layer].T + begun[2 * layer + 1]
            h = np.maximum(h, 0) if layer < 5 else h
            sizes = np.log10(np.abs(h[h != 0]))
            ax.hist(
                sizes, np.linspace(-10, 4, 57), histtype="step", color=color, lw=1.5, label=name
            )
            ax.set(title=f"layer {layer + 1}", yticks=[], xlabel="$\\log_{10}$ of the size")
    axes[0].set(ylabel="outputs")
    axes[0].legend(fontsize=7, loc="upper left")
    plot.show(
        "A histogram of the outputs for each of six layers, sizes in powers of ten. With He's weights it stays in "
        "place, with 0.01 it moves left by an order of magnitude a layer and more, with 0.5 to the right."
    )

# %% [markdown]
r"""
<!-- measured: spread 0.01  spread of the scores  2.9e-08, slope at layer 1  1.3e-10 | He           spread of the scores     0.88, slope at layer 1  0.00024 -->
There it is. With a spread of 0.01 next to nothing arrives, neither forward nor backward: the gradient at the first layer is nearly two million times smaller than with He's weights. With 0.5 the scores are in the hundreds before anything is learned. And now the network of the question again, with one number changed.
"""

# %%
with when_written:
    params, optimizer = he_init(SIZES), AdamW(lr=0.001)
    for t in range(31):
        loss, gradients = loss_and_gradients(params, digits.x[train], digits.y[train])
        if t % 10 == 0:
            print(f"step {t:2}: loss {loss:.4f}")
        params = optimizer.step(params, gradients)

# %% [markdown]
r"""
<!-- measured: step 30: loss 0.8171 -->
From 2.61 to 0.82 in the same 30 steps.

## 7. When it does not learn

It happens to everyone, and the worst is that nothing crashes. So there is an order in which to look.

1. **The first loss.** With $K$ classes it should be near $\ln K$, since nothing is known yet. Far above: the weights are too large, or the data are not scaled.
2. **One batch first.** Train on ten examples only. Any sound network learns them by heart in a hundred steps. If it cannot, something is *broken*, and more data will not help.
3. **Look inside.** `layer_statistics`: does the signal arrive, does the gradient, who is dead?
4. **Check the gradients.** `compare_gradients`, from lesson 5.
5. **Training against new.** Good on what it has learned and bad on new examples: either it has learned by heart (lesson 8), or new examples are *treated differently*.

Now you. In the module `sabotaged` are training scripts of five colleagues. Each runs to the end, and in each *one line is wrong*. First the symptoms. Everything that the scripts import is right, and so are `relu`, `network`, `accuracy` and `predict` of that module; their rates are ordinary, and a healthy script of this kind ends with a loss below 0.1 and 95 % or more on both sides.
"""

# %%
order = np.random.default_rng(0).permutation(len(digits.y))
learned, unseen = order[:1200], order[1200:]

axes = plot.axes(2.4, 2.6, columns=5)
print("script   loss: first, last   right: learned, new   digits that are never said")
for ax, (script, run) in zip(axes, debugging.SCRIPTS.items()):
    losses, known, said = run(digits.x[learned], digits.y[learned], digits.x[unseen])
    new = np.mean(said == digits.y[unseen])
    never = sorted(set(range(10)) - set(said.tolist()))
    print(
        f"{script:6} {losses[0]:13.2f} {np.mean(losses[-20:]):6.2f} {known:15.1%} {new:6.1%}   {never}"
    )
    ax.plot(losses, color=plot.COLORS[0], lw=1)
    ax.set(xlabel="step", ylim=(0, 3.2), title=f"script {script}")
axes[0].set(ylabel="cross-entropy")
plot.show(
    "Five loss curves. A and C stay near 2.3, B falls to about 1.5 and stays, D falls to 0, E stays above 0.5."
)

# %% [markdown]
r"""
<!-- measured: B               2.30   1.51           97.2%  96.3% | D               2.83   0.01           99.9%  83.2% | E               2.53   0.59           78.5%  78.9% -->
**Predict first.** Write down, for each script, what kind of mistake would look like that. Two scripts guess, but not for the same reason. One is nearly always right and its loss does not know it. One is perfect on what it has learned. One has forgotten that a digit exists.

Then read the scripts.
"""

# %%
print(debugging.listing("A"), debugging.listing("B"), sep="\n\n")

# %%
print(debugging.listing("C"), debugging.listing("D"), sep="\n\n")

# %%
print(debugging.listing("E"))

# %% [markdown]
r"""
### Exercise 7.7: the wrong line

Copy a script into a new cell whenever you like, below `from dlcore.scratch.debugging import *`; print what you want to see, and mend it.

<details><summary>Hint 1</summary>A and C: their losses stay at ln 10. Take ten rows and look at x and t before and after the shuffle, in A; and at the gradients of the four parameters, in C.</details>
<details><summary>Hint 2</summary>B and E: what does <code>cross_entropy</code> expect, and what does it get? Which numbers can never come out of the last line before it?</details>
<details><summary>Hint 3</summary>D: print <code>x.mean()</code> and <code>new_x.mean()</code> at the end of the preparation. They should be close.</details>
"""


# %%
def wrong_line(script):
    """The number of the line that is wrong in a script.

    script "A", "B", "C", "D" or "E"  ->  the number that stands before the line
    """
    ### BEGIN SOLUTION
    return {"A": 6, "B": 10, "C": 5, "D": 4, "E": 10}[script]
    ### END SOLUTION


# %%
check("training.wrong_line", wrong_line)

# %% [markdown]
r"""
## 8. The loop

Now write the loop yourself, with none of these mistakes. It knows nothing of the network: it is handed a function that says loss and gradients of a batch, and one that makes a step, such as the method `step` of your optimizer. So it will train every network of this course.

After each epoch it notes the mean loss over all rows that were seen in it. The last batch is smaller; its loss is a mean over fewer rows, and must count less:

$$\text{loss of the epoch} = \frac{1}{N} \sum_{\text{batches}} B \cdot \text{loss of the batch}$$

With numbers: five rows in batches of two, with the losses 1, 1 and 4. The last batch has a single row, so it is $(2 \cdot 1 + 2 \cdot 1 + 1 \cdot 4)/5 = 1.6$, and not 2.

### Exercise 7.8: the training loop

<details><summary>Hint 1</summary>Two loops: over the epochs, and within it over the row numbers of your <code>batches</code>.</details>
<details><summary>Hint 2</summary>Hand over rng, the generator, as it is. It draws a new order each time; a seed would give the same order in every epoch.</details>
<details><summary>Hint 3</summary>In the inner loop: loss and gradients of <code>x[rows], t[rows]</code>; <code>params = step(params, gradients)</code>; add <code>loss * len(rows)</code> to a total that begins at 0 in every epoch.</details>
"""


# %%
def fit(params, loss_and_gradients, step, x, t, epochs=10, size=32, rng=0):
    """Train: the new parameters, and the mean loss of each epoch.

    loss_and_gradients(params, x, t) -> the mean loss of a batch, a list of gradients
    step(params, gradients) -> the new parameters, as AdamW(...).step does
    x (N, ...), t (N,)  ->  parameters like params, a list of epochs numbers
    """
    rng = np.random.default_rng(rng)
    ### BEGIN SOLUTION
    losses = []
    for _ in range(epochs):
        total = 0
        for rows in batches(len(x), size, rng):
            loss, gradients = loss_and_gradients(params, x[rows], t[rows])
            params = step(params, gradients)
            total += loss * len(rows)
        losses.append(total / len(x))
    return params, losses
    ### END SOLUTION


# %%
check("training.fit", fit)

# %% [markdown]
r"""
## 9. Digits

All of it together: 64 pixels, 64 units, 10 scores. First ten examples only, as the list above demands. Then the whole training set, an epoch at a time, with a look at the validation set after each; so you see when it stops getting better.
"""

# %%
with when_written:
    x, x_valid = standardize(digits.x[train], digits.x[valid])
    few = x[:10], digits.y[train][:10]
    _, losses = fit(
        he_init([64, 64, 10]), loss_and_gradients, AdamW(lr=0.005).step, *few, epochs=100
    )
    print(f"ten examples: loss {losses[0]:.2f} at first, {losses[-1]:.4f} after 100 steps")

    draw, params, optimizer = np.random.default_rng(7), he_init([64, 64, 10]), AdamW(lr=0.005)
    learned, known, unknown = [], [], []
    for _ in range(20):
        params, [loss] = fit(
            params, loss_and_gradients, optimizer.step, x, digits.y[train], 1, rng=draw
        )
        learned.append(loss)
        known.append(np.mean(predict(params, x) == digits.y[train]))
        unknown.append(np.mean(predict(params, x_valid) == digits.y[valid]))
    print(
        f"validation: {unknown[0]:.1%} after 1 epoch, {unknown[9]:.1%} after 10, {unknown[-1]:.1%} after 20"
    )

    axes = plot.axes(4.2, 3, columns=2)
    axes[0].semilogy(learned, color=plot.COLORS[0], lw=2)
    axes[0].set(xlabel="epoch", ylabel="cross-entropy", title="loss in training")
    axes[1].plot(100 * np.array(known), color=plot.COLORS[0], lw=2, label="training")
    axes[1].plot(100 * np.array(unknown), "--", color=plot.COLORS[1], lw=2, label="validation")
    axes[1].set(xlabel="epoch", ylabel="right (%)", ylim=(85, 100.5), title="learning curves")
    axes[1].legend()
    plot.show(
        "Left, the loss falls for 20 epochs. Right, training rises to 100 percent in about ten epochs, "
        "validation levels off just below it."
    )

# %% [markdown]
r"""
<!-- measured: validation: 92.5% after 1 epoch, 99.5% after 10, 99.5% after 20 -->
After some ten epochs the validation stands still, while the loss in training goes on falling: from there on the network only learns by heart. So 15 epochs are plenty. With that decided, train once more, on training and validation digits together, and open the test. Once.
"""

# %%
with when_written:
    x, x_test = standardize(digits.x[rest], digits.x[test])
    start = time.perf_counter()
    adam = AdamW(lr=0.005)
    params, _ = fit(he_init([64, 64, 10]), loss_and_gradients, adam.step, x, digits.y[rest], 15)
    took = time.perf_counter() - start
    guesses = predict(params, x_test)
    right = np.sum(guesses == digits.y[test])
    print(
        f"test: {right} of {len(test)} right, {right / len(test):.1%}; {took:.1f} seconds of training"
    )
    draw_confusion(plot.axes(4.2, 3.8), digits.y[test], guesses, "your network")
    plot.show("A table of ten by ten counts, nearly all of them on the diagonal.")

# %% [markdown]
r"""
<!-- measured: test: 586 of 599 right, 97.8% -->
Of 599 digits that nobody has seen, the network with the reference solutions reads 586 right, 97.8 %. (99.5 % in the validation were luck: of 200 digits, a single one was wrong. A share of 200 is uncertain by about a percent.) Here are some of those that it misses. Would you have known?
"""

# %%
with when_written:
    missed = np.flatnonzero(guesses != digits.y[test])[:8]
    axes = plot.axes(1.2, 1.5, columns=8)
    for ax in axes:
        ax.axis("off")
    for ax, i in zip(axes, missed):
        ax.imshow(digits.x[test[i]].reshape(8, 8), cmap="Greys")
        ax.set_title(f"{digits.y[test[i]]}, not {guesses[i]}", fontsize=9)
    plot.show(
        "Eight digits of 8 by 8 pixels that the network misreads, each with its label and the answer."
    )

# %% [markdown]
r"""
### What it buys, and what it does not

It beats the logistic regression, and it is about as good as the forest. The three neighbors are still better. On a small set of small, centered, cleanly cut pictures that is normal, and an honest engineer takes the neighbors here.

**Predict, then look.** All test digits are moved by *one pixel* to the right. You would hardly notice. How many will each method still read?
"""

# %%
with when_written:
    moved = np.roll(digits.x[test].reshape(-1, 8, 8), 1, axis=2).reshape(-1, 64)
    _, moved_standard = standardize(digits.x[rest], moved)
    for name, rival in rivals.items():
        print(f"{name:20} {rival.score(moved, digits.y[test]):.1%}")
    print(f"{'your network':20} {np.mean(predict(params, moved_standard) == digits.y[test]):.1%}")

# %% [markdown]
r"""
<!-- measured: three neighbors      59.6% | your network         37.6% -->
They all go to pieces, your network most of all. None of them knows that a pixel has neighbors: shuffle all 64 columns, and nothing would change for any of them. What a network *can* do, and a forest or a table of neighbors cannot, is to have such knowledge built in. That is lesson 9, and it is what deep learning buys.

## 10. Explore

Go back to the explorer at the top, or run `explore.playground()` in a new cell.

1. Take the spirals, and find a network that tells them apart. What is the smallest number of units with which you succeed? Is it better to spend them on one layer, or on two?
2. Take one hidden layer with two units and the xor points, and start several times with another seed. Sometimes it succeeds, sometimes it gets stuck. Look at the units' own pictures: what do they look like when it fails?
3. Take the moons with much noise and a large network, and train for long. What happens to the border, and to the two accuracies? Now add weight decay.

## 11. Cross-check

Your loop against PyTorch: the same first weights, the same batches in the same order, AdamW; on a GPU if there is one. If every piece of yours is right, the losses agree to the last digits after hundreds of steps.
"""

# %%
from dlcore.crosscheck import torch_training

with when_written:
    begun, x, labels = (
        he_init([64, 64, 10]),
        standardize(digits.x[rest], digits.x[test])[0],
        digits.y[rest],
    )
    start = time.perf_counter()
    mine, _ = fit(begun, loss_and_gradients, AdamW(lr=0.005).step, x, labels, 10, 32, rng=3)
    took = time.perf_counter() - start
    draw = np.random.default_rng(3)
    order = [rows for _ in range(10) for rows in batches(len(x), 32, draw)]
    for report in torch_training(begun, x, labels, order, lr=0.005):
        off = max(np.abs(a - b).max() for a, b in zip(mine, report.params))
        print(
            f"{report.device}: largest difference of a weight after {len(order)} steps {off:.1e}; "
            f"yours {took:.2f} s, PyTorch {report.seconds:.2f} s"
        )

# %% [markdown]
r"""
## 12. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-leak" points=2
r"""
**Question A.** A hospital has 40,000 X-ray pictures of 9,000 patients. A team standardizes all of them, splits the pictures at random, 80 to 20, trains 50 networks with different settings, and reports that the best one is right in 94 % of the test. Name the leaks. How would you have done it?

=== BEGIN MARK SCHEME ===
1 point: pictures of one patient are on both sides (split by patient); mean and deviation were measured on test pictures too (measure on the training part).
1 point: 50 settings were compared on the test set, so the best is chosen by it: choose on a validation set, open the test once.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-symptoms" points=2
r"""
**Question B.** A network for 100 classes. Its first loss is 41, then it falls to 4.6 within a few steps and stays there for ever. What do the two numbers tell you, and what would you look at next?

=== BEGIN MARK SCHEME ===
1 point: ln 100 = 4.6 is pure guessing; 41 at first means large, wrongly sure scores: first weights too large or inputs not scaled; it has only learned to be unsure.
1 point: next: scale of inputs and weights, spread/dead/slope per layer (ReLUs may have died in the first large steps), one batch first, labels that no longer belong to their rows.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

A split that does not leak, one scale, batches, first weights, a look inside, and the loop; with them you trained a network on real data and know what its number is worth. Open `dlcore/train.py` now: it is your loop, with a way to stop early and a file to go on from.

You have also seen the training loss fall and fall, while the validation had long stopped moving. A network with more weights than examples can learn anything by heart, even dice. Why does it nevertheless find something true, and how can one help it? That is lesson 8.

## References

- X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010. Section 6 of this lesson is their method.
- K. He and others, *Delving deep into rectifiers*, 2015. The factor 2.
- S. Kapoor and A. Narayanan, *Leakage and the reproducibility crisis in machine-learning-based science*, Patterns, 2023. Leaks, sorted and counted.
- A. Karpathy, *A recipe for training neural networks*, 2019. Section 7, from long experience.
- L. Bottou, *Large-scale machine learning with stochastic gradient descent*, 2010. Why rough gradients win.
"""
