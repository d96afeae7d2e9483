# %% [markdown]
r"""
# 17 · Autoencoders

**At the end of this lesson you will have written a network that says a digit in two numbers, mends pictures of which half is missing, and hears that a machine breaks long before it is loud.**

You will be able to

- find the plane that is nearest to all points, and say what is lost in it;
- train a network through a narrow middle, and prove what it finds if nothing in it bends;
- teach a network to mend what is spoilt;
- make small maps large, with the backward pass of a convolution;
- tell what does not fit, and judge an alarm that somebody sells you.

**It builds on** layers and their backward pass (lessons 4 and 5), `AdamW` (lesson 6), a split and first weights (lesson 7) and convolution (lesson 9). **Time:** about 120 minutes.

Run the two cells. Each dot on the left is a digit of 64 pixels that a network has said in two numbers. Click anywhere, and see what the network makes of those two numbers. Then draw a digit of your own on the right, and see where it lands.
"""

# %%
import numpy as np

from autograder import check, when_written
from dlcore import data, explore, plot
from dlcore.data import series
from dlcore.scratch.convolution import conv2d, conv2d_backward  # lesson 9
from dlcore.scratch.optimizers import AdamW, cosine_schedule  # lesson 6
from dlcore.scratch.training import batches, group_split, he_init  # lesson 7

# %%
explore.autoencoder()

# %% [markdown]
r"""
## A question first: how many numbers are in a picture?

A digit has $8 \times 8 = 64$ pixels. In the upper row below are eight of them. The lower row has been made from 1,258 digits: each pixel was drawn from what *this* pixel is in some digit, every pixel by itself. So each of them is as bright as it should be, and as often.

**Predict, then look.** Will you be able to read them?
"""

# %%
digits = data.digits()
x = digits.x.reshape(-1, 64) / digits.x.max()
known, new = group_split(np.arange(len(x)), 0.3, rng=0)


def row_of(axes, pictures, title=""):
    """Pictures of 64 pixels, side by side."""
    for ax, picture in zip(axes, pictures):
        ax.imshow(picture.reshape(8, 8), cmap="Greys", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    axes[0].set_ylabel(title)


with when_written:
    draw = np.random.default_rng(0)
    mixed = np.stack([draw.permutation(pixel) for pixel in x[known].T], axis=1)
    for pictures, title in ((x[known], "digits"), (mixed, "mixed")):
        row_of(plot.axes(1, 1.1, columns=8), pictures, title)
        plot.show(f"Eight pictures in gray, of 8 by 8 pixels each: {title}.")
    print(f"digits: {len(known)} known, {len(new)} new")

# %% [markdown]
r"""
Nobody can read the lower row. It takes more than 64 right pixels; they have to *belong together*. Digits fill only a tiny part of all that 64 numbers can be, and whoever knows that part needs fewer numbers to say one. How many? And what can one do with them?

## 1. The nearest plane

The plainest part of a space is a plane. It has a middle $m$ and $K$ directions, the rows of $U$, each of length 1 and at right angles to the others. The **code** of a point says where in the plane it stands; from the code one gets back the point of the plane that is nearest to it:

$$c = (x - m)\, U^\top \qquad\quad \hat x = c\, U + m \qquad\quad x, \hat x\ (N, D), \quad m\ (D,), \quad U\ (K, D), \quad c\ (N, K)$$

With numbers: $m = (1, 1)$ and a single direction, $u = (0.6, 0.8)$. For $x = (3, 2)$: $x - m = (2, 1)$, the code is $2 \cdot 0.6 + 1 \cdot 0.8 = 2$, and $\hat x = 2 \cdot (0.6, 0.8) + (1, 1) = (2.2, 2.6)$. What is lost is $x - \hat x = (0.8, -0.6)$, at a right angle to $u$.

### Exercise 17.1: onto the plane

<details><summary>Hint 1</summary>First the codes: subtract the mean from each row, and one product with the directions, transposed.</details>
<details><summary>Hint 2</summary>Back: codes times directions, not transposed, and the mean is added again.</details>
"""


# %%
def project(x, mean, directions):
    """Where each point stands in a plane, and the nearest point of the plane.

    x (N, D), mean (D,), directions (K, D), orthonormal rows  ->  codes (N, K), nearest points (N, D)
    Example: x = [[3, 2]], mean = [1, 1], directions = [[0.6, 0.8]]  ->  [[2]], [[2.2, 2.6]]
    """
    ### BEGIN SOLUTION
    away = x - mean
    codes = away @ directions.T
    return codes, mean + codes @ directions
    ### END SOLUTION


# %%
check("autoencoders.project", project)

# %% [markdown]
r"""
## 2. The best plane

Which plane loses least? The middle is the mean of all points. And by Pythagoras, what a point has in length away from the mean is what is kept in the plane, plus what is lost:

$$|x - m|^2 = |c|^2 + |x - \hat x|^2$$

The left side does not depend on the plane. So the plane that *loses least* is the one that *keeps most variance*. Its directions are those in which the points lie farthest apart: the eigenvectors of the covariance matrix that belong to its largest eigenvalues. They are called **principal components**, and to find them is PCA (Pearson, 1901).

With numbers: the points $(2, 2)$, $(-2, -2)$, $(1, -1)$ and $(-1, 1)$ have the mean 0 and the covariance matrix $\frac14 \begin{pmatrix} 10 & 6 \\ 6 & 10 \end{pmatrix} = \begin{pmatrix} 2.5 & 1.5 \\ 1.5 & 2.5 \end{pmatrix}$. Its eigenvectors are $(0.707, 0.707)$ with the eigenvalue 4, and $(0.707, -0.707)$ with 1. So of a variance of 5, the first direction keeps 4 and loses 1.

NumPy finds them in two ways: `np.linalg.eigh` takes the covariance matrix, and gives the eigenvalues in *rising* order with the eigenvectors as columns. `np.linalg.svd` takes the points less their mean, and gives the directions as the rows of its last result, the best first.

### Exercise 17.2: PCA

<details><summary>Hint 1</summary>The mean over the points first, and from then on work with the points less their mean. PCA without it finds the direction to the mean.</details>
<details><summary>Hint 2</summary>With svd: <code>full_matrices=False</code>, and the first k rows of the third result. With eigh: the last k columns, turned round and transposed. The sign of a direction does not matter.</details>
"""


# %%
def pca(x, k):
    """The mean, and the k directions along which the points vary most, the largest first.

    x (N, D), k up to N and D  ->  mean (D,), directions (k, D), orthonormal rows
    Example: x = [[2, 2], [-2, -2], [1, -1], [-1, 1]], k = 1  ->  [0, 0], [[0.7071, 0.7071]]
    """
    ### BEGIN SOLUTION
    mean = x.mean(axis=0)
    away = x - mean
    _, vectors = np.linalg.eigh(away.T @ away)
    return mean, vectors.T[::-1][:k]
    ### END SOLUTION


# %%
check("autoencoders.pca", pca)

# %% [markdown]
r"""
**Predict, then look.** How many numbers does PCA need before *you* can read the digits?
"""

# %%
with when_written:
    row_of(plot.axes(1, 1.1, columns=8), x[new], "64")
    plot.show("Eight digits in gray, of 8 by 8 pixels each, as they are.")
    for k in (2, 4, 8, 16):
        _, nearest = project(x[new], *pca(x[known], k))
        print(f"{k:2} numbers: mean squared error {np.mean((nearest - x[new]) ** 2):.4f}")
        row_of(plot.axes(1, 1.1, columns=8), nearest, f"{k}")
        plot.show(f"The same eight digits from {k} numbers each: the more numbers, the sharper.")

# %% [markdown]
r"""
<!-- measured:  2 numbers: mean squared error 0.0521 |  4 numbers: mean squared error 0.0382 |  8 numbers: mean squared error 0.0241 | 16 numbers: mean squared error 0.0114 -->
## 3. A narrow middle

A plane is flat. Digits need not be: turn a 1 slowly, and the picture moves along a *curve* in the space of 64 pixels. To follow it, one needs something that bends.

An **autoencoder** is a network that is to say what it was given. That would be no task, had it not a narrow place in the middle, through which only a few numbers pass. The half before it is the **encoder**, the half behind it the **decoder**:

$$x \;\xrightarrow{\ \text{encoder}\ }\; c \;\xrightarrow{\ \text{decoder}\ }\; \hat x$$

Both are layers of lesson 1, $a = h w^\top + b$, and ReLU follows each but two. After the *last* it must not stand, for there the pixels are said. And not after the *code*: it would throw away all that is negative, half of the room, just where room is scarce.

With numbers: four layers, each with a single weight, $w = 2, 1, -1, 3$, and all biases 0. For $x = -1$: the first gives $-2$, and ReLU makes $0$ of it. For $x = 2$: $4$, after ReLU $4$; the code is $4$; the third layer gives $-4$, after ReLU $0$; the last one $0$. And with $w = 2, -1, -1, 3$: $4$, then the code $-4$ (no ReLU here), then $4$, then $12$.

### Exercise 17.3: layer by layer

<details><summary>Hint 1</summary>The parameters come in pairs: <code>params[::2]</code> are the weights, <code>params[1::2]</code> the biases. With four layers, numbers 2 and 4 have no ReLU; with L layers, L/2 and L.</details>
<details><summary>Hint 2</summary>Begin with a list that holds x. Each layer takes the last element, and appends what comes out, after ReLU where there is one.</details>
"""


# %%
def layer_outputs(params, x):
    """What comes out of each layer: x, then all layers, ReLU included, the code in the middle.

    params [w, b, w, b ...] of an even number of layers, w (M, D), b (M,), x (N, D)  ->  list of arrays (N, ...)
    Example: params = [[[2]], [0], [[-1]], [0], [[-1]], [0], [[3]], [0]], x = [[2]]
      ->  [[[2]], [[4]], [[-4]], [[4]], [[12]]]
    """
    ### BEGIN SOLUTION
    outputs = [x]
    code, last = len(params) // 4, len(params) // 2
    for layer in range(1, last + 1):
        a = outputs[-1] @ params[2 * layer - 2].T + params[2 * layer - 1]
        if layer not in (code, last):
            a = a * (a > 0)
        outputs.append(a)
    return outputs
    ### END SOLUTION


# %%
check("autoencoders.layer_outputs", layer_outputs)

# %% [markdown]
r"""
The loss is the mean squared error of lesson 3, over all pixels of all pictures. Only what it is compared with is new: the picture itself. Later you will want the network to *see* something else than it is to say, so they are two arguments:

$$\text{loss} = \frac{1}{ND} \sum_{n, d} (\hat x_{nd} - x_{nd})^2 \qquad \hat x = \text{decoder}(\text{encoder}(\text{seen}))$$

The backward pass is that of lesson 5. For a layer $a = h w^\top + b$ with $\bar a$ for the gradient of $a$:

$$\bar w = \bar a^\top h \qquad \bar b = \sum_n \bar a_n \qquad \bar h = \bar a\, w$$

and where ReLU stands after it, $\bar a = \bar h' \odot [h' > 0]$ with $h'$ for what came out.

With numbers: the second network of above, seen $2$, to be said $2$. It says $12$, so the loss is $100$, and $\bar{\hat x} = 2 \cdot 10 = 20$. For the last layer $\bar w = 20 \cdot 4 = 80$ and $\bar b = 20$; backwards goes $20 \cdot 3 = 60$, and through ReLU, since $4 > 0$. The third: $\bar w = 60 \cdot (-4) = -240$, $\bar b = 60$, backwards $-60$. The code has no ReLU: $\bar w = -60 \cdot 4 = -240$, $\bar b = -60$, backwards $60$. The first: through ReLU, $\bar w = 60 \cdot 2 = 120$, $\bar b = 60$.

### Exercise 17.4: the loss and its gradients

<details><summary>Hint 1</summary>Your layer_outputs gives all that is needed. The gradient of what was said is 2 (x̂ - x) divided by <em>how many numbers</em> there are, N times D.</details>
<details><summary>Hint 2</summary>Go from the last layer to the first. Where a layer has a ReLU, multiply with <code>outputs[layer] > 0</code> first. Then its w gets g transposed times what went in, its b the sum, and g becomes g times w.</details>
<details><summary>Hint 3</summary>Collect b and w of each layer in this order, and turn the list round at the end.</details>
"""


# %%
def autoencoder_loss(params, seen, x):
    """The mean squared error of what the network says to ``seen``, against x, and the gradients.

    params as in layer_outputs, seen and x (N, D)  ->  a number, a list of the shapes of params
    Example: params as in layer_outputs, seen = x = [[2]]
      ->  100, [[[120]], [60], [[-240]], [-60], [[-240]], [60], [[80]], [20]]
    """
    ### BEGIN SOLUTION
    outputs = layer_outputs(params, seen)
    code, last = len(params) // 4, len(params) // 2
    off = outputs[-1] - x
    slope = off * (2 / off.size)
    gradients = [None] * len(params)
    for layer in range(last, 0, -1):
        if layer not in (code, last):
            slope = np.where(outputs[layer] > 0, slope, 0)
        gradients[2 * layer - 2] = slope.T @ outputs[layer - 1]
        gradients[2 * layer - 1] = slope.sum(axis=0)
        slope = slope @ params[2 * layer - 2]
    return np.mean(off**2), gradients
    ### END SOLUTION


# %%
check("autoencoders.autoencoder_loss", autoencoder_loss)

# %% [markdown]
r"""
## 4. If nothing bends

With two layers only, one to the code and one from it, there is no ReLU at all: $\hat x = (x w_1^\top + b_1)\, w_2^\top + b_2$. Such an autoencoder is called linear. What does it learn?

**It finds the plane of PCA.** In three lines (Baldi and Hornik, 1989):

1. Whatever the encoder does, $\hat x$ lies in the plane that the columns of $w_2$ span, moved by $b_2$.
2. In a given plane, nothing is nearer to $x$ than its projection, and an encoder that projects exists; so the best loss for this plane is what its projection loses.
3. By section 2, of all planes that of PCA loses least. So at the minimum, the columns of $w_2$ span that plane.

They *span* it: they need not be PCA's directions themselves, nor have length 1, nor stand at right angles. To see whether two planes are the same, one needs the angles between them. If $Q$ and $R$ have orthonormal columns that span one plane each, then

$$\cos \theta_1 \ge \cos \theta_2 \ge \dots \quad \text{are the singular values of } Q^\top R \qquad\quad Q, R\ (D, K)$$

With numbers, in three dimensions: the plane of $(1, 0, 0)$ and $(0, 1, 0)$, and that of $(1, 0, 0)$ and $(0, 0.6, 0.8)$. $Q^\top R = \begin{pmatrix} 1 & 0 \\ 0 & 0.6 \end{pmatrix}$, so the angles are $0°$ (they share a line) and $\arccos 0.6 = 53.1°$.

### Exercise 17.5: the angles between two planes

<details><summary>Hint 1</summary><code>np.linalg.qr</code> of a (D, K) matrix gives Q with orthonormal columns that span the same as its columns. The planes come as rows, so transpose them first.</details>
<details><summary>Hint 2</summary><code>np.linalg.svd(..., compute_uv=False)</code> gives the singular values, the largest first. By rounding one may be a hair above 1, of which arccos is nan: <code>np.clip</code>. And degrees are asked for.</details>
"""


# %%
def principal_angles(a, b):
    """The angles between two planes, in degrees, the smallest first.

    a, b (K, D): rows that span a plane each, K at most D  ->  (K,)
    Example: a = [[1, 0, 0], [0, 1, 0]], b = [[1, 0, 0], [0, 0.6, 0.8]]  ->  [0, 53.13]
    """
    ### BEGIN SOLUTION
    first, _ = np.linalg.qr(a.T)
    second, _ = np.linalg.qr(b.T)
    cosines = np.linalg.svd(first.T @ second, compute_uv=False)
    return np.degrees(np.arccos(np.minimum(cosines, 1)))
    ### END SOLUTION


# %%
check("autoencoders.principal_angles", principal_angles)

# %% [markdown]
r"""
Now train a linear autoencoder with a code of two numbers, and watch the angles between its plane and that of PCA.
"""


# %%
def learn(sizes, x, seed, epochs=60, rate=0.003, spoil=None):
    """An autoencoder trained to say x (from spoilt pictures, if there is a spoil), and its third array after each epoch."""
    draw, way = np.random.default_rng(seed), []
    params, adam = he_init(sizes, draw), AdamW(rate)
    for epoch in range(epochs):
        adam.lr = rate * cosine_schedule(epoch, epochs)
        for rows in batches(len(x), 64, draw):
            seen = x[rows] if spoil is None else spoil(x[rows], draw)
            params = adam.step(params, autoencoder_loss(params, seen, x[rows])[1])
        way.append(params[2])
    return params, way


def error(params, seen, x):
    """The mean squared error of each picture."""
    return np.mean((layer_outputs(params, seen)[-1] - x) ** 2, axis=1)


with when_written:
    _, plane = pca(x[known], 2)
    ax = plot.axes(5.2, 3)
    largest = []
    for seed in range(3):
        _, decoders = learn([64, 2, 64], x[known], seed, 400, 0.01)
        angles = np.stack([principal_angles(w.T, plane) for w in decoders])
        largest.append(angles[-1, 1])
        for line, style in zip(angles.T, ("-", "--")):
            ax.semilogy(line, style, color=plot.COLORS[seed])
    ax.set(xlabel="epoch", ylabel="angle to PCA's plane, degrees")
    plot.show(
        "Two angles for each of three seeds, on a logarithmic scale: from tens of degrees they fall below one."
    )
    print(
        f"planes that are less than 1 degree from PCA's: {np.sum(np.array(largest) < 1)} of 3 seeds"
    )

# %% [markdown]
r"""
<!-- measured: planes that are less than 1 degree from PCA's: 3 of 3 seeds -->
It took 8,000 steps to find what `pca` finds at once. Gradient descent is not the tool for this; it is the tool for what has no formula.

## 5. If it bends

Now three layers to the code and three from it, with ReLUs. It has far more weights than PCA has numbers, and it is judged on digits that it has not seen.

**Predict, then look.** With 2, 4, 8 and 16 numbers: where does bending help most?
"""

# %%
with when_written:
    print("numbers   PCA      autoencoder, three seeds")
    better = []
    for k in (2, 4, 8, 16):
        _, nearest = project(x[new], *pca(x[known], k))
        flat = np.mean((nearest - x[new]) ** 2)
        bent = []
        for seed in range(3):
            params, _ = learn([64, 128, 64, k, 64, 128, 64], x[known], seed)
            bent.append(error(params, x[new], x[new]).mean())
            if k == 2 and seed == 0:
                in_two = params
        better.append(np.mean(np.array(bent) < flat))
        print(f"{k:7}   {flat:.4f}   " + "  ".join(f"{e:.4f}" for e in bent))
    print("better than PCA, of 3 seeds:", ", ".join(f"{3 * share:.0f}" for share in better[:3]))

    axes = plot.axes(4.6, 4, columns=2)
    codes = project(x[new], *pca(x[known], 2))[0], layer_outputs(in_two, x[new])[3]
    for ax, code, name in zip(axes, codes, ("PCA", "autoencoder")):
        for digit in range(10):
            for place in code[digits.y[new] == digit][:25]:
                ax.text(*place, str(digit), color=plot.COLORS[digit % 5], fontsize=7)
        ax.set(title=name, xlabel="first number", ylabel="second number")
        ax.set(xlim=(code[:, 0].min(), code[:, 0].max()), ylim=(code[:, 1].min(), code[:, 1].max()))
    plot.show(
        "New digits in two numbers each. In the plane of PCA, left, many kinds lie on top of each other. In the code of the "
        "autoencoder, right, most kinds have a place of their own."
    )

# %% [markdown]
r"""
<!-- measured: better than PCA, of 3 seeds: 3, 3, 3 -->
With few numbers, bending pays: the error is smaller by a fifth or more, with every seed. With 16 the two are about even: there is little left to bend, and 1,258 digits are few for so many weights. Nobody has told the network which digit is which, and yet most kinds have found a place of their own.

## 6. Mending

The narrow middle is one way to keep a network from copying. Another is to give it something that is not worth copying: a *spoilt* picture, of which it is to say the whole one (Vincent and others, 2008). Below half of the pixels are set to 0, other ones each time. It sees $x \odot [\text{drawn} > 0.5]$ and is compared with $x$; your `autoencoder_loss` takes both.

Who can mend? The picture as it is; PCA's plane, which does not know what is missing; the best *linear* map from spoilt to whole, by least squares; the network of section 5 that has never seen a spoilt picture; and one that was trained to mend.

**Predict, then look.** In which order?
"""


# %%
def half_gone(x, draw):
    """The pictures with half of their pixels set to 0."""
    return x * (draw.random(x.shape) > 0.5)


with when_written:
    draw = np.random.default_rng(9)
    spoilt = half_gone(x[new], draw)
    found = {"as it is": spoilt}
    found["PCA, 8 numbers"] = project(spoilt, *pca(x[known], 8))[1]
    many = np.concatenate([half_gone(x[known], draw) for _ in range(10)])
    linear, *_ = np.linalg.lstsq(
        np.column_stack([many, np.ones(len(many))]), np.tile(x[known], (10, 1)), rcond=None
    )
    found["best linear map"] = np.column_stack([spoilt, np.ones(len(new))]) @ linear
    sizes = [64, 128, 16, 128, 64]
    found["trained on whole ones"] = layer_outputs(learn(sizes, x[known], 0)[0], spoilt)[-1]
    for name, said in found.items():
        print(f"{name:22} {np.mean((said - x[new]) ** 2):.4f}")
    menders = [learn(sizes, x[known], seed, 100, spoil=half_gone)[0] for seed in range(3)]
    errors = [error(mender, spoilt, x[new]).mean() for mender in menders]
    print("trained to mend       ", "  ".join(f"{e:.4f}" for e in errors))
    found["trained to mend"] = layer_outputs(menders[0], spoilt)[-1]
    others = min(
        np.mean((said - x[new]) ** 2) for name, said in found.items() if name != "trained to mend"
    )
    print(f"better than all others: {np.sum(np.array(errors) < others)} of 3 seeds")
    for name, pictures in (
        ("whole", x[new]),
        ("spoilt", spoilt),
        ("mended", found["trained to mend"]),
    ):
        row_of(plot.axes(1, 1.1, columns=8), pictures, name)
        plot.show(f"Eight digits in gray, of 8 by 8 pixels each: {name}.")

# %% [markdown]
r"""
<!-- measured: better than all others: 3 of 3 seeds -->
The network that has only seen whole pictures is of little use with spoilt ones: it has never been asked. What it is asked is what it learns. The one that was trained to mend does not know the missing pixels either; it says what is *likely* there, given the others.

## 7. Making pictures larger

A convolution with a stride of 2 makes a picture smaller (lesson 9). A decoder needs the opposite: a small map with many channels is to become a large picture. You have written it already! The *backward pass* of a convolution takes the gradient of each output number, multiplies the kernel with it, and adds it up where the window was. Used forwards, this is a **transposed convolution**: each number of the small map presses a stamp, as strongly as it is large, and stamps that overlap add up.

$$y_{m,\; i s + a - p,\; j s + b - p} \mathrel{+}= x_{c i j}\; w_{c m a b} \qquad\quad x\ (N, C, H, W), \quad w\ (C, M, K, K), \quad b\ (M,)$$

with a stride $s$ between stamps, and $p$ rows and columns cut off at each side. From $H$ rows come

$$H' = (H - 1)\, s + K - 2p$$

With numbers, in one dimension: $x = (1, 2)$, $w = (1, 3, 5)$, stride 2, no padding. The stamps are $(1, 3, 5)$ from place 0, and $(2, 6, 10)$ from place 2. They overlap at place 2: $y = (1, 3, 5 + 2, 6, 10) = (1, 3, 7, 6, 10)$, of length $(2 - 1) \cdot 2 + 3 = 5$.

### Exercise 17.6: stamps

<details><summary>Hint 1</summary>Begin with zeros of the size before the cut, ((H - 1) s + K) rows and the same for columns. Loop over i and j of the small map: a square of K by K of the large one, from (i s, j s) on, gets something added with <code>+=</code>.</details>
<details><summary>Hint 2</summary>What is added is, for all pictures at once, x[:, :, i, j] of shape (N, C) times w (C, M, K, K), summed over C: <code>np.tensordot(..., axes=1)</code> gives (N, M, K, K).</details>
<details><summary>Hint 3</summary>Cut p rows and columns off at each side. With p = 0 a slice [p:-p] would be empty; [p : size - p] is not. The bias comes last, one for each channel: b[:, None, None].</details>
"""


# %%
def conv_transpose2d(x, w, b, stride=1, padding=0):
    """Each number of a small map presses a stamp into a large one.

    x (N, C, H, W), w (C, M, K, K), b (M,)  ->  (N, M, (H - 1) stride + K - 2 padding, and the same for W)
    Example: x = [[[[1, 2]]]], w = [[[[1, 3], [0, 1]]]], b = [0], stride = 2  ->  [[[[1, 3, 2, 6], [0, 1, 0, 2]]]]
    """
    ### BEGIN SOLUTION
    k, (height, width) = w.shape[-1], x.shape[2:]
    rows, columns = (height - 1) * stride + k, (width - 1) * stride + k
    large = np.zeros((len(x), len(b), rows, columns))
    for i in range(height):
        for j in range(width):
            top, left = i * stride, j * stride
            stamp = np.tensordot(x[:, :, i, j], w, axes=1)
            large[:, :, top : top + k, left : left + k] += stamp
    cut = large[:, :, padding : rows - padding, padding : columns - padding]
    return cut + b[:, None, None]
    ### END SOLUTION


# %%
check("autoencoders.conv_transpose2d", conv_transpose2d)

# %% [markdown]
r"""
With it, an autoencoder of convolutions: $8 \times 8$ pixels become 16 maps of $4 \times 4$, then a code of 2 maps of $2 \times 2$, which are eight numbers; and back the same way. Its backward pass is made of lesson 9: the backward pass of a transposed convolution is a convolution.

**Predict, then look.** It has 1,235 weights; the network of section 5 with eight numbers has 34,248. Which is better?
"""


# %%
def picture_loss(params, x):
    """The mean squared error of a convolutional autoencoder for pictures (N, 1, 8, 8), and the gradients."""
    w1, b1, w2, b2, w3, b3, w4, b4 = params
    h1 = np.maximum(conv2d(x, w1, b1, 2, 1), 0)
    code = conv2d(h1, w2, b2, 2, 1)
    h3 = np.maximum(conv_transpose2d(code, w3, b3, 2, 1), 0)
    off = conv_transpose2d(h3, w4, b4, 2, 1) - x
    g = 2 / off.size * off
    dw4, db4 = conv2d_backward(h3, g, w4, 2, 1)[1], g.sum(axis=(0, 2, 3))
    g = conv2d(g, w4, np.zeros(16), 2, 1) * (h3 > 0)
    dw3, db3 = conv2d_backward(code, g, w3, 2, 1)[1], g.sum(axis=(0, 2, 3))
    g, dw2, db2 = conv2d_backward(conv2d(g, w3, np.zeros(2), 2, 1), h1, w2, 2, 1)
    _, dw1, db1 = conv2d_backward(g * (h1 > 0), x, w1, 2, 1)
    return np.mean(off * off), [dw1, db1, dw2, db2, dw3, db3, dw4, db4]


with when_written:
    pictures = x.reshape(-1, 1, 8, 8)
    shapes = (16, 1, 3, 3), (2, 16, 3, 3), (2, 16, 4, 4), (16, 1, 4, 4)
    reach, biases = (9, 144, 8, 64), (16, 2, 16, 1)  # numbers that go into one output, outputs
    errors = []
    for seed in range(3):
        draw = np.random.default_rng(seed)
        params, adam = [], AdamW(0.01)
        for shape, fan, many in zip(shapes, reach, biases):
            params += [draw.standard_normal(shape) * (2 / fan) ** 0.5, np.zeros(many)]
        for epoch in range(30):
            adam.lr = 0.01 * cosine_schedule(epoch, 30)
            for rows in batches(len(known), 64, draw):
                params = adam.step(params, picture_loss(params, pictures[known[rows]])[1])
        errors.append(picture_loss(params, pictures[new])[0])
    flat = np.mean((project(x[new], *pca(x[known], 8))[1] - x[new]) ** 2)
    print(
        f"convolutions, {sum(p.size for p in params):,} weights:",
        "  ".join(f"{e:.4f}" for e in errors),
    )
    print(
        f"PCA, 8 numbers: {flat:.4f}; better than it: {np.sum(np.array(errors) < flat)} of 3 seeds"
    )

# %% [markdown]
r"""
<!-- measured: better than it: 0 of 3 seeds -->
Not even as good as PCA's plane, which has 576 numbers. Pictures of 8 by 8 are too small: after two steps nothing is left over which a window could slide, and the four corners of the code must each say their quarter with two numbers of their own. On pictures of 100 by 100, PCA needs 10,000 numbers for each direction, and a window still has nine: there these stamps are at home.

## 8. What does not fit

An autoencoder can say only what it has learned to say. Give it something else, and it says it badly. So its error tells how *unusual* something is, and nobody has had to collect examples of what may go wrong. That is worth much: who has a thousand pictures of each fault?

A score becomes an alarm by a **threshold**. If it is low, there are many hits, and many false alarms; if it is high, few of both. Neither number alone says anything. The **ROC curve** shows them for all thresholds: to the right the share of *false* alarms among the normal, upwards the share of *hits* among the unusual:

$$\text{false}(s) = \frac{\#\{\text{normal with score} \ge s\}}{\#\{\text{normal}\}} \qquad\quad \text{hits}(s) = \frac{\#\{\text{unusual with score} \ge s\}}{\#\{\text{unusual}\}}$$

The area below it (AUC) is the chance that something unusual has a higher score than something normal: 1 is perfect, 0.5 is a coin.

With numbers: the scores 0.9, 0.6, 0.5 and 0.1, of which the first and the third are unusual. Lowering the threshold from above all: the curve starts at $(0, 0)$; the 0.9 is a hit: $(0, 0.5)$; the 0.6 a false alarm: $(0.5, 0.5)$; the 0.5 a hit: $(0.5, 1)$; then $(1, 1)$. The area is $0.75$: of the four pairs, three are in the right order.

Equal scores cross the threshold *together*: they are one point of the curve. Otherwise the curve would depend on the order in which they happen to stand.

### Exercise 17.7: the ROC curve

<details><summary>Hint 1</summary>One point for each <em>different</em> score, the largest first, and (0, 0) before them all: <code>np.unique(scores)[::-1]</code> are the thresholds.</details>
<details><summary>Hint 2</summary>For a threshold s, look at <code>scores >= s</code> among the unusual and among the normal; the mean of each is a share.</details>
"""


# %%
def roc_curve(scores, labels):
    """The shares of false alarms and of hits, for all thresholds from above all scores down to the lowest.

    scores (N,), labels (N,) of 0 and 1, both of which occur  ->  false alarms (M,), hits (M,), from 0 to 1;
    M is one more than there are different scores
    Example: scores = [0.9, 0.6, 0.5, 0.1], labels = [1, 0, 1, 0]  ->  [0, 0, 0.5, 0.5, 1], [0, 0.5, 0.5, 1, 1]
    """
    ### BEGIN SOLUTION
    false, hits = [0.0], [0.0]
    for threshold in np.unique(scores)[::-1]:
        alarm = scores >= threshold
        false.append(np.mean(alarm[labels == 0]))
        hits.append(np.mean(alarm[labels == 1]))
    return np.array(false), np.array(hits)
    ### END SOLUTION


# %%
check("autoencoders.roc_curve", roc_curve)

# %% [markdown]
r"""
A test: one kind of digit is taken out of all that is learned from, and then the new digits come, with it among them. Who notices? PCA with four numbers, and autoencoders with four numbers, three seeds for each of the ten digits.

**Predict, then look.** Which digit will be noticed best, which worst?
"""


# %%
def area(curve):
    """The area below a ROC curve."""
    return np.trapezoid(curve[1], curve[0])


with when_written:
    print("left out    PCA   autoencoder, three seeds")
    table = []
    for digit in range(10):
        usual, strange = x[known[digits.y[known] != digit]], digits.y[new] == digit
        _, nearest = project(x[new], *pca(usual, 4))
        row = [area(roc_curve(np.mean((nearest - x[new]) ** 2, axis=1), strange))]
        for seed in range(3):
            params, _ = learn([64, 128, 64, 4, 64, 128, 64], usual, seed, 40)
            row.append(area(roc_curve(error(params, x[new], x[new]), strange)))
        table.append(row)
        print(f"{digit:8}   {row[0]:.2f}   " + "  ".join(f"{a:.2f}" for a in row[1:]))
    table = np.array(table)
    print(
        f"mean       {table[:, 0].mean():.2f}   "
        + "  ".join(f"{a:.2f}" for a in table[:, 1:].mean(axis=0))
    )
    print(
        f"better than PCA's, in the mean of all digits: {np.sum(table.mean(axis=0) > table[:, 0].mean())} of 3 seeds"
    )

# %% [markdown]
r"""
<!-- measured: better than PCA's, in the mean of all digits: 3 of 3 seeds -->
Where the left-out digit can be made of others (a 9 is much like a 4 or a 7 or a 3), it fits too well to be noticed. Unusual for the network is not the same as unusual for you.

## 9. A machine

A sensor on a machine counts how it shakes, about twenty numbers a turn. Speed and load drift, as they do in life, so there is no fixed pattern and no fixed strength. The machine here is simulated, and so are its four faults: a bearing that knocks, a worn gear, a mount that comes loose, each of which grows slowly from nothing, and a sensor that is stuck. The autoencoder learns from 20,000 numbers of a healthy machine, in windows of 32, with a code of four: enough for where in the turn, how fast and how strong.

To watch a machine while it runs, the score at time $t$ may look at the past only:

$$s_t = \frac{1}{K} \big|\, \hat v_t - v_t \,\big|^2 \qquad v_t = (x_{t-K+1}, \dots, x_t) \qquad\quad s_t = 0 \text{ for } t < K - 1$$

With numbers: $K = 2$, a network that always says $(0, 0)$, and the series $(1, 2, 3)$. There is no window at $t = 0$. At $t = 1$ the window is $(1, 2)$, so $s_1 = (1 + 4) / 2 = 2.5$; at $t = 2$ it is $(2, 3)$, so $s_2 = 6.5$. The scores are $(0, 2.5, 6.5)$.

### Exercise 17.8: a score for each time

<details><summary>Hint 1</summary>All windows as rows: <code>np.lib.stride_tricks.sliding_window_view(x, size)</code>, or a list of slices. There are T - size + 1 of them.</details>
<details><summary>Hint 2</summary>The last element of layer_outputs is what the network says to each window. The mean of the squared differences over a window belongs to its <em>last</em> time; before the first stand size - 1 zeros.</details>
"""


# %%
def anomaly_scores(params, series, size):
    """How badly an autoencoder says the last ``size`` numbers, for each time; 0 where there are not yet so many.

    params as in layer_outputs, for windows of this size, series (T,), size at most T  ->  (T,)
    """
    ### BEGIN SOLUTION
    scores = np.zeros(len(series))
    windows = np.lib.stride_tricks.sliding_window_view(series, size)
    said = layer_outputs(params, windows)[-1]
    scores[size - 1 :] = np.mean((said - windows) ** 2, axis=1)
    return scores
    ### END SOLUTION


# %%
check("autoencoders.anomaly_scores", anomaly_scores)

# %% [markdown]
r"""
Against whom? Against the rule in most factories, an alarm where it shakes too much (the largest of the last 32 numbers), and against PCA with four numbers. All three get a threshold at which a healthy machine, one that none of them has seen, gives an alarm in one of 1,000 moments; and five alarms in a row are needed. Faults begin at half time and reach their full size at the end.

**Predict, then look.** How much of a fault must there be before each of them notices?
"""


# %%
def first_alarm(scores, threshold, onset):
    """How far the fault has come, from 0 to 1, when five scores in a row are above; nan if they never are."""
    above = np.convolve(scores > threshold, np.ones(5))[: len(scores)] == 5
    found = np.flatnonzero(above[onset:])
    return found[0] / (len(scores) - onset) if len(found) else np.nan


def by_loudness(series):
    """The largest of the last 32 numbers."""
    windows = np.lib.stride_tricks.sliding_window_view(np.abs(series), 32)
    return np.concatenate([np.zeros(31), windows.max(axis=1)])


def windows_of(series):
    """Every fifth window of 32."""
    return np.stack([series[i : i + 32] for i in range(0, len(series) - 31, 5)])


with when_written:
    learnt_from = windows_of(series.bearing_vibration(20_000, np.random.default_rng(0)))
    healthy = series.bearing_vibration(20_000, np.random.default_rng(1))
    ill = {
        fault: series.bearing_vibration(6000, np.random.default_rng(5), fault, 3000)
        for fault in series.FAULTS
    }

    mean, plane = pca(learnt_from, 4)
    flat = [
        plane.T @ plane,
        mean - plane.T @ (plane @ mean),
    ]  # the projection as a layer: x w.T + b
    same = [np.eye(32), np.zeros(32)]
    watchers = {"loudness": by_loudness, "PCA": lambda s: anomaly_scores([*flat, *same], s, 32)}
    for seed in range(3):
        params, _ = learn([32, 64, 32, 4, 32, 64, 32], learnt_from, seed, 40)
        watchers[f"autoencoder, seed {seed}"] = lambda s, params=params: anomaly_scores(
            params, s, 32
        )
    print("noticed at                " + "".join(f"{fault:>10}" for fault in ill))
    noticed = {}
    for name, score in watchers.items():
        threshold = np.quantile(score(healthy), 0.999)
        noticed[name] = [first_alarm(score(s), threshold, 3000) for s in ill.values()]
        print(
            f"{name:26}"
            + "".join(f"{at:10.0%}" if at == at else "     never" for at in noticed[name])
        )
    others = np.fmin(
        np.nan_to_num(noticed["loudness"], nan=2), np.nan_to_num(noticed["PCA"], nan=2)
    )
    earlier = [np.sum(np.array(noticed[f"autoencoder, seed {seed}"]) < others) for seed in range(3)]
    print("faults of 4 that the autoencoder notices first:", ", ".join(str(n) for n in earlier))

    axes = plot.axes(4.6, 2.6, columns=2)
    axes[0].plot(ill["bearing"][2900:6000:1], lw=0.4, color=plot.COLORS[0])
    axes[0].set(xlabel="time since shortly before the fault", ylabel="vibration", title="a bearing")
    axes[1].semilogy(
        watchers["autoencoder, seed 0"](ill["bearing"])[2900:], lw=0.5, color=plot.COLORS[1]
    )
    axes[1].axhline(
        np.quantile(watchers["autoencoder, seed 0"](healthy), 0.999), color="black", lw=1
    )
    axes[1].set(
        xlabel="time since shortly before the fault",
        ylabel="score",
        title="the line is the threshold",
    )
    plot.show(
        "Left, the vibration of a machine whose bearing wears out: it grows a little toward the end. Right, the "
        "autoencoder's score on a logarithmic scale: it crosses the threshold early and climbs by a factor of ten or more."
    )

# %% [markdown]
r"""
<!-- measured: faults of 4 that the autoencoder notices first: 4, 4, 4 -->
The loudness notices a knocking bearing when it is nearly through, and the stuck sensor never, for what is stuck is not loud. A plane cannot follow a speed that changes: even a healthy machine is far from it, so its threshold has to be high. The network has learned what turning *looks like* at any speed.

Mind what makes this fair: the threshold comes from a healthy run that nobody has learned from, and it is the same rate of false alarms for all. An alarm that is praised for its hits alone is worth nothing.

## 10. Explore

Go back to the explorer at the top, or run `explore.autoencoder()` in a new cell.

1. Walk with the code from a 0 to a 1, in a straight line. What stands between them? Is it always a digit? (Lesson 18 begins here.)
2. Choose *PCA* instead, and walk again. What can a plane not do?
3. Draw a 4, and close it slowly until it is a 9. Where does it wander? Then draw something that is no digit: what does the network say, and how large is the error?

## 11. Cross-check

Your stamps against PyTorch's `conv_transpose2d`, on a GPU too if there is one; its backward pass is lesson 9's convolution.
"""

# %%
from dlcore.crosscheck import crosscheck

with when_written:
    draw = np.random.default_rng(11)
    shapes = (16, 8, 12, 12), (8, 4, 4, 4), (4,)
    given = [draw.standard_normal(shape) for shape in shapes]

    def mine(x, w, b):
        return conv_transpose2d(x, w, b, 2, 1)

    def back(g, x, w, b):
        dw = conv2d_backward(x, g, w, 2, 1)[1]
        return conv2d(g, w, np.zeros(len(w)), 2, 1), dw, g.sum(axis=(0, 2, 3))

    def theirs(conv_transpose2d, x, w, b):
        return conv_transpose2d(x, w, b, 2, 1)

    print(crosscheck(mine, "conv_transpose2d", *given, backward=back, call=theirs))

# %% [markdown]
r"""
## 12. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-copy" points=2
r"""
**Question A.** A colleague trains an autoencoder for 64 pixels with a code of 64 numbers. Its error on new pictures is nearly 0, and she is happy. Then she uses it to find unusual pictures, and it finds none. Why? Name two things that she could change.

=== BEGIN MARK SCHEME ===
1 point: nothing is narrow, so it can copy; what copies everything copies the unusual as well, so the error says nothing.
1 point for two of: a smaller code; spoilt pictures to be mended; a penalty on the code or weights; fewer training steps judged on known unusual ones.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-alarm" points=2
r"""
**Question B.** A firm sells an alarm for machines "that finds 99 % of all faults". A machine is looked at once a second, and breaks once a year. What do you ask the firm, and from which answer on would you buy?

=== BEGIN MARK SCHEME ===
1 point: ask for the rate of false alarms at this threshold (the ROC curve), on machines from which it was not learned, and how early it notices.
1 point: a number: a year has about 31.5 million seconds, so a false-alarm rate of 1 in 1,000 would be 31,500 false alarms a year (86 a day); buy only if it is around 1 in a million or below (or if several in a row are needed), weighed against the cost of a breakdown.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

PCA, and a proof that a network without bends finds it; a network through a narrow middle, which says digits in two numbers, mends them, and knows what does not fit; stamps that make small maps large; and a fair judge of alarms. Open `dlcore/generative.py`: it begins with yours.

In the explorer you have walked from one digit to another, and met places where there is no digit at all. The code has holes: the network was never asked to make anything of them. So it cannot be used to *invent* a digit, for nobody knows where to point. A code without holes, from which one can draw, is lesson 18.

## References

- K. Pearson, *On lines and planes of closest fit to systems of points in space*, 1901: PCA.
- P. Baldi and K. Hornik, *Neural networks and principal component analysis*, Neural Networks 2, 1989: what a linear autoencoder finds, and that there are no other minima.
- G. Hinton and R. Salakhutdinov, *Reducing the dimensionality of data with neural networks*, Science 313, 2006: deep ones.
- P. Vincent and others, *Extracting and composing robust features with denoising autoencoders*, 2008: mending.
- T. Fawcett, *An introduction to ROC analysis*, Pattern Recognition Letters 27, 2006: what a ROC curve says, and what not.
"""
