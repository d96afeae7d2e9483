# %% [markdown]
r"""
# 9 · Convolution

**At the end of this lesson you will have written a network that knows that a pixel has neighbors, trained it on digits, and looked at what goes on inside it.**

You will be able to

- slide a window over a picture, and say what comes out of many layers of windows, and what each number has seen;
- write a convolutional layer twice, in loops and as a product of matrices, and measure the gain;
- derive the backward pass of a convolution and of pooling;
- train a LeNet, and measure what it knows that other networks do not;
- look inside: its filters, its maps, what it waits for, and what it looks at.

**It builds on** `Tensor` (lesson 5), `AdamW` (lesson 6), the loop (lesson 7) and moved pictures (lesson 8). **Time:** about 120 minutes.

Run the two cells, then move the window over the picture, row by row. What the nine numbers below it add up to is one number on the right. Choose another kernel, or type one of your own. Draw.
"""

# %%
import math
import time

import numpy as np

from autograder import check, when_written
from dlcore import data, explore, plot
from dlcore.scratch.optimizers import AdamW  # lesson 6
from dlcore.scratch.regularization import loss_and_gradients, shift_images  # lesson 8
from dlcore.scratch.tensors import Tensor  # lesson 5
from dlcore.scratch.training import fit, group_split, he_init, standardize  # lesson 7

# %%
explore.convolution()

# %% [markdown]
r"""
## A question first: can you read this?

**Predict, then look.** The digits of lesson 7, and beside each the same digit with its 64 pixels shuffled: the same shuffle for all. You would not read a single one of them. A network like that of lesson 7, trained on shuffled digits, gets how many right: 97.8 % as before, far fewer, or one in ten?
"""

# %%
digits = data.digits()
order = np.random.default_rng(9).permutation(64)
shuffled = digits.x[:, order]
rest, test = group_split(np.arange(len(digits.y)), 1 / 3, rng=7)  # as in lesson 7


def scores_of(params, x):
    w1, b1, w2, b2 = params
    return np.maximum(x @ w1.T + b1, 0) @ w2.T + b2


for name, x in (("as they are", digits.x), ("shuffled", shuffled)):
    known, new = standardize(x[rest], x[test])
    params, _ = fit(
        he_init([64, 64, 10]), loss_and_gradients, AdamW(0.005).step, known, digits.y[rest], 15
    )
    right = np.sum(scores_of(params, new).argmax(axis=1) == digits.y[test])
    print(f"{name:11} {right} of {len(test)} right, {right / len(test):.1%}")

axes = plot.axes(1.2, 1.3, columns=6)
for k in range(3):
    for ax, x in zip(axes[2 * k :], (digits.x, shuffled)):
        ax.imshow(x[test[k]].reshape(8, 8), cmap="Greys")
        ax.set_title(digits.y[test[k]], fontsize=9)
        ax.axis("off")
plot.show(
    "Three digits, and beside each of them its pixels in another order, which nobody can read."
)

# %% [markdown]
r"""
It does not mind at all. And that is bad news: it has never known that pictures are pictures. To it they are 64 numbers in a row, the first as near to the second as to the last. What it knows about edges and bows it had to learn for each place anew, and when the picture moves by a pixel, it has to begin again: 37.6 % in lesson 7.

What do *you* know about pictures? That what belongs together stands together; and that a bow is a bow wherever it stands. So: small windows, and the same weights in all places. Nothing more is needed for a **convolutional network** (LeCun, 1989).

## 1. A window that slides

Take a small array of weights, the **kernel**, lay it on the picture, multiply each weight with the pixel below it, and add up. Move on by one, and do it again. What comes out is a **feature map**: one number for each place.

$$y_{ij} = \sum_{a=0}^{A-1} \sum_{b=0}^{B-1} k_{ab}\; x_{i+a,\,j+b} \qquad\quad x\ (H, W), \quad k\ (A, B), \quad y\ (H - A + 1,\; W - B + 1)$$

With numbers: $x = \begin{pmatrix} 1 & 2 & 3 \\ 4 & 5 & 6 \end{pmatrix}$ and $k = (1, -1)$. The kernel fits in two places a row. First $1 \cdot 1 - 1 \cdot 2 = -1$, then $1 \cdot 2 - 1 \cdot 3 = -1$; the second row is $4 - 5$ and $5 - 6$. So $y = \begin{pmatrix} -1 & -1 \\ -1 & -1 \end{pmatrix}$: the kernel measures by how much a pixel exceeds its right neighbor, and that is the same everywhere here.

### Exercise 9.1: the sliding window

<details><summary>Hint 1</summary>Begin with zeros of the shape of the result. Two loops go over its rows i and columns j.</details>
<details><summary>Hint 2</summary>What the window sees at i, j is <code>image[i:i + A, j:j + B]</code>. Times the kernel, and the sum of all.</details>
"""


# %%
def correlate2d(image, kernel):
    """The kernel laid on every place of the image where it fits: products, summed.

    image (H, W), kernel (A, B)  ->  (H - A + 1, W - B + 1)
    Example: image = [[1, 2, 3], [4, 5, 6]], kernel = [[1, -1]]  ->  [[-1, -1], [-1, -1]]
    """
    ### BEGIN SOLUTION
    height, width = kernel.shape
    rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
    y = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            y[i, j] = np.sum(image[i : i + height, j : j + width] * kernel)
    return y
    ### END SOLUTION


# %%
check("convolution.correlate2d", correlate2d)

# %% [markdown]
r"""
Long before anybody *learned* kernels, people thought them up. Here are four classics on a three. Blue is negative, red positive.
"""

# %%
KERNELS = {
    "blur": np.full((3, 3), 1 / 9),
    "edges, left to right": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "edges, top to bottom": np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "outline": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
}
three = digits.x[3].reshape(8, 8)

with when_written:
    axes = plot.axes(1.8, 2, columns=5)
    axes[0].imshow(three, cmap="Greys")
    axes[0].set_title("the picture", fontsize=9)
    for ax, (name, kernel) in zip(axes[1:], KERNELS.items()):
        found = correlate2d(three, kernel)
        ax.imshow(found, cmap="RdBu_r", vmin=-np.abs(found).max(), vmax=np.abs(found).max())
        ax.set_title(name, fontsize=9)
    for ax in axes:
        ax.axis("off")
    plot.show(
        "A three, and what four kernels make of it: a blurred one, its left and right edges, its upper and lower "
        "edges, and its outline."
    )

# %% [markdown]
r"""
### Convolution or cross-correlation?

What you have written is called **cross-correlation**. A **convolution**, in mathematics, turns the kernel by 180° first. For $x = (0, 0, 1, 0, 0)$, a single dot, and $k = (1, 2, 3)$: the convolution prints the kernel at the dot as it is, the correlation prints it mirrored.
"""

# %%
dot, k = np.array([[0.0, 0.0, 1.0, 0.0, 0.0]]), np.array([[1.0, 2.0, 3.0]])
with when_written:
    print("correlation:", correlate2d(dot, k)[0], "  convolution:", correlate2d(dot, k[:, ::-1])[0])
    print(
        "np.correlate:",
        np.correlate(dot[0], k[0]),
        " np.convolve:",
        np.convolve(dot[0], k[0], "valid"),
    )

# %% [markdown]
r"""
<!-- measured: correlation: [3. 2. 1.]   convolution: [1. 2. 3.] -->
Whoever *learns* the kernel gets the one or its mirror image, and need not care. So all libraries compute the correlation, and call it convolution. From here on we do the same.

## 2. How many, and what each has seen

The result is smaller than the picture. Zeros around it make up for that: **padding** $p$ on each side. And a window need not stop everywhere: with a **stride** $s$ it goes on by $s$ pixels. Along one axis with $n$ pixels, a kernel of $k$ gives

$$n' = \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1$$

With numbers: $n = 8$, $k = 3$. Without padding $8 - 3 + 1 = 6$. With $p = 1$: $8 + 2 - 3 + 1 = 8$, as many as before. With $p = 1$ and $s = 2$: $\lfloor 7 / 2 \rfloor + 1 = 4$; the last column of zeros is seen by no window.

When layers follow each other, each number has seen more of the picture. This is its **receptive field** $r$. A window of $k$ numbers, which stand $j$ pixels apart, sees $(k - 1)\, j$ pixels more than one of them; and after a stride they stand farther apart:

$$r \leftarrow r + (k - 1)\, j \qquad\quad j \leftarrow s\, j \qquad\quad \text{at first } r = j = 1$$

With numbers: three layers of $k = 3$ and stride 1: $r = 1 + 2 + 2 + 2 = 7$. With a stride of 2 in the first one: $1 + 2 + 2 \cdot 2 + 2 \cdot 2 = 11$. Padding changes how many numbers there are, not what each of them sees.

### Exercise 9.2: the geometry of layers

<details><summary>Hint 1</summary>One loop over the layers, with three numbers that change: how many there are, what each has seen, and how far apart they stand. Rounding down is <code>//</code>.</details>
<details><summary>Hint 2</summary>The order counts: the field grows by the distance that stands before this layer's stride, then the distance is multiplied.</details>
"""


# %%
def receptive_field(n, layers):
    """How many numbers come out along one axis, and how many pixels each of them has seen.

    n pixels; layers: a list of (kernel, stride, padding), the first layer first  ->  two whole numbers
    Example: n = 8, layers = [(3, 1, 1), (2, 2, 0), (3, 1, 1)]  ->  4, 8
    """
    ### BEGIN SOLUTION
    seen, apart = 1, 1
    for kernel, stride, padding in layers:
        n = (n + 2 * padding - kernel) // stride + 1
        seen += (kernel - 1) * apart
        apart *= stride
    return n, seen
    ### END SOLUTION


# %%
check("convolution.receptive_field", receptive_field)

# %% [markdown]
r"""
How many layers of 3 by 3 must a network have until one number has seen the whole of a photograph, 224 by 224? And what if every second layer has a stride of 2?
"""

# %%
with when_written:
    for name, pattern in (
        ("stride 1", [(3, 1, 1)]),
        ("stride 1, 2, 1, 2 ...", [(3, 1, 1), (3, 2, 1)]),
    ):
        layers = []
        while receptive_field(224, layers)[1] < 224:
            layers.append(pattern[len(layers) % len(pattern)])
        print(
            f"{name:21} {len(layers):3} layers, then {receptive_field(224, layers)[0]} numbers a side"
        )

# %% [markdown]
r"""
<!-- measured: stride 1              112 layers, then 224 numbers a side | stride 1, 2, 1, 2 ...  12 layers, then 4 numbers a side -->
A third way to see more is **dilation**: the weights stand $d$ pixels apart, so a kernel of 3 with $d = 2$ reaches over 5 pixels, and looks at 9 of its 25. In the formulas $k$ becomes $d\,(k - 1) + 1$. Try it in the explorer.

## 3. A layer

A color picture has three numbers a pixel, its **channels**; a feature map is a channel, too. The kernel of a layer is as deep as its input, and a layer has many of them, one for each channel that comes out, with one bias each. For one picture:

$$y_{m i j} = b_m + \sum_{c} \sum_{a} \sum_{b} w_{m c a b}\; x_{c,\; s i + a,\; s j + b} \qquad\quad x\ (C, H, W), \quad w\ (M, C, K, K), \quad b\ (M,), \quad y\ (M, H', W')$$

Here $x$ has got its padding already, and $H'$, $W'$ come from the formula above.

With numbers: a layer with $K = 3$ from 1 to 16 channels has $16 \cdot 9 + 16 = 160$ weights, however large the pictures are. From the 64 pixels of a digit to as many numbers, 16 maps of 8 by 8, a linear layer has $1024 \cdot 64 + 1024 = 66{,}560$.

### Exercise 9.3: a convolutional layer, window by window

<details><summary>Hint 1</summary>First the padding: <code>np.pad</code> takes a pair (before, after) for each of the four axes, and pictures and channels get (0, 0). Then the shape of the result by the formula, with H and W apart.</details>
<details><summary>Hint 2</summary>Loops over pictures n, channels m, rows i and columns j of the result. The window begins at <code>i * stride</code> and <code>j * stride</code>, and is as deep as x.</details>
"""


# %%
def conv2d_loops(x, w, b, stride=1, padding=0):
    """A convolutional layer, one window after the other.

    x (N, C, H, W), w (M, C, K, K), b (M,)  ->  (N, M, H', W') with H' = (H + 2 padding - K) // stride + 1
    Example: x = [[[[1, 2], [3, 4]]]], w = [[[[1, 0], [0, -1]]]], b = [10]  ->  [[[[7]]]]
    """
    ### BEGIN SOLUTION
    size = w.shape[-1]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (x.shape[2] - size) // stride + 1
    columns = (x.shape[3] - size) // stride + 1
    y = np.zeros((len(x), len(w), rows, columns))
    for n in range(len(x)):
        for m in range(len(w)):
            for i in range(rows):
                for j in range(columns):
                    top, left = i * stride, j * stride
                    window = x[n, :, top : top + size, left : left + size]
                    y[n, m, i, j] = np.sum(window * w[m]) + b[m]
    return y
    ### END SOLUTION


# %%
check("convolution.conv2d_loops", conv2d_loops)

# %% [markdown]
r"""
## 4. All windows at once

Four loops in Python are slow. But look at one window: its $C \cdot K \cdot K$ numbers, written one below the other, times a row of weights, plus a bias. That is a linear layer! So write *all* windows down as the columns of a matrix $U$, with $L = H' \cdot W'$ columns, and the whole layer is one product:

$$Y = W\, U + b \qquad\quad W\ (M,\; C K K), \quad U\ (C K K,\; L), \quad Y\ (M, L)$$

Each pixel is written down several times, once for each window that sees it. This costs memory, and buys speed (Chellapilla and others, 2006). PyTorch calls it `unfold`, others call it im2col.

With numbers: $x = \begin{pmatrix} 1 & 2 & 3 \\ 4 & 5 & 6 \end{pmatrix}$ and windows of 2 by 2. There are two, $\begin{pmatrix} 1 & 2 \\ 4 & 5 \end{pmatrix}$ and $\begin{pmatrix} 2 & 3 \\ 5 & 6 \end{pmatrix}$, so $U = \begin{pmatrix} 1 & 2 \\ 2 & 3 \\ 4 & 5 \\ 5 & 6 \end{pmatrix}$. Read it by *rows*: the first row is what all windows see in their upper left corner. It is a piece of the picture itself, and with a stride it is every second or third pixel of it. So two loops suffice, over the $K \cdot K$ places *within* a window.

### Exercise 9.4: all windows as columns

<details><summary>Hint 1</summary>Fill an array of shape (N, C, K, K, H', W'), and reshape it at the end: NumPy writes the last axes together in the right order.</details>
<details><summary>Hint 2</summary>What all windows see in their place (a, b) begins at pixel (a, b) of the padded picture and goes on in steps of stride: <code>a::stride</code> for the rows, and likewise for the columns. Of these you need the first H' rows and W' columns.</details>
"""


# %%
def unfold(x, kernel_size, stride=1, padding=0):
    """All windows as columns: what each of them sees, channel by channel and row by row.

    x (N, C, H, W)  ->  (N, C kernel_size kernel_size, L) with L windows, row by row
    Example: x = [[[[1, 2, 3], [4, 5, 6]]]], kernel_size = 2  ->  [[[1, 2], [2, 3], [4, 5], [5, 6]]]
    """
    ### BEGIN SOLUTION
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (x.shape[2] - kernel_size) // stride + 1
    columns = (x.shape[3] - kernel_size) // stride + 1
    u = np.zeros((*x.shape[:2], kernel_size, kernel_size, rows, columns))
    for a in range(kernel_size):
        for b in range(kernel_size):
            u[:, :, a, b] = x[:, :, a::stride, b::stride][:, :, :rows, :columns]
    return u.reshape(len(x), -1, rows * columns)
    ### END SOLUTION


# %%
check("convolution.unfold", unfold)

# %% [markdown]
r"""
**Predict, then look.** The same layer with your `unfold` and one product of matrices, for 100 digits and 16 kernels. How many times as fast as your loops: 2, 20, 200?
"""


# %%
def conv2d(x, w, b, stride=1, padding=0):
    """As conv2d_loops, all windows at once."""
    (m, _, k, _), side = w.shape, x.shape[2]
    y = w.reshape(m, -1) @ unfold(x, k, stride, padding) + b[:, None]
    return y.reshape(len(x), m, (side + 2 * padding - k) // stride + 1, -1)


images = digits.x.reshape(-1, 1, 8, 8)
with when_written:
    draw = np.random.default_rng(0)
    w, b = draw.standard_normal((16, 1, 3, 3)), draw.standard_normal(16)
    took, results = {}, {}
    for layer in (conv2d_loops, conv2d):
        start = time.perf_counter()
        results[layer] = layer(images[:100], w, b, padding=1)
        took[layer] = time.perf_counter() - start
    print(
        f"loops {1000 * took[conv2d_loops]:.0f} ms, product of matrices {1000 * took[conv2d]:.1f} ms"
    )
    print(f"{took[conv2d_loops] / took[conv2d]:.0f} times as fast")
    print("the same:", np.allclose(results[conv2d_loops], results[conv2d]))

# %% [markdown]
r"""
<!-- measured: the same: True -->
Hundreds of times, and the arithmetic is the same. What has gone is Python.

## 5. The backward pass

It follows from lesson 5. In $Y = W U + b$, a gradient $G$, with the shape of $Y$, goes back as in every product of matrices; the sum is over all pictures:

$$dW = \sum_n G_n\, U_n^\top \qquad\quad db = \sum_{n,\, l} G_{n\,l} \qquad\quad dU_n = W^\top G_n$$

Only the step from $U$ back to $x$ is new. A pixel was written into $U$ several times, so its gradient is the *sum* of what comes back from all these places: what `unfold` has copied, its backward pass adds up. (PyTorch calls it `fold`.) At the end the padding is cut off: zeros need no gradient.

With numbers, a row of three pixels and a kernel of two: $x = (1, 2, 3)$, $w = (2, -1)$, $g = (1, 10)$. The windows are $(1, 2)$ and $(2, 3)$.

- $dw = 1 \cdot (1, 2) + 10 \cdot (2, 3) = (21, 32)$ and $db = 11$.
- The first window sends $1 \cdot (2, -1)$ to pixels 1 and 2, the second $10 \cdot (2, -1)$ to pixels 2 and 3: $dx = (2,\; -1 + 20,\; -10) = (2, 19, -10)$.

### Exercise 9.5: the backward pass of a convolution

<details><summary>Hint 1</summary>Two good ways. Window by window, four loops: each window gets <code>g[n, m, i, j] * w[m]</code> added to its pixels, and <code>dw[m]</code> gets g times the window.</details>
<details><summary>Hint 2</summary>Or with matrices: g as (N, M, L) and <code>unfold</code> of x give dw; the transposed w times g gives dU. Then the two loops of unfold with <code>+=</code> in the other direction.</details>
<details><summary>Hint 3</summary>In both cases collect dx with its padding, of shape H + 2 padding, and cut it off at the end: rows <code>padding</code> to <code>padding + H</code>.</details>
"""


# %%
def conv2d_backward(g, x, w, stride=1, padding=0):
    """The gradients of a convolutional layer for its input, its weights and its biases.

    g (N, M, H', W'), x (N, C, H, W), w (M, C, K, K)  ->  dx like x, dw like w, db (M,)
    Example: g = [[[[2]]]], x = [[[[1, 2], [3, 4]]]], w = [[[[1, 0], [0, -1]]]]
             ->  [[[[2, 0], [0, -2]]]], [[[[2, 4], [6, 8]]]], [2]
    """
    ### BEGIN SOLUTION
    (n, c, height, width), (m, _, size, _), (rows, columns) = x.shape, w.shape, g.shape[2:]
    flat = g.reshape(n, m, -1)
    dw = np.sum(flat @ unfold(x, size, stride, padding).transpose(0, 2, 1), axis=0)
    du = (w.reshape(m, -1).T @ flat).reshape(n, c, size, size, rows, columns)
    dx = np.zeros((n, c, height + 2 * padding, width + 2 * padding))
    for a in range(size):
        for b in range(size):
            seen = dx[:, :, a::stride, b::stride]  # a view: what is added to it is added to dx
            seen[:, :, :rows, :columns] += du[:, :, a, b]
    dx = dx[:, :, padding : padding + height, padding : padding + width]
    return dx, dw.reshape(w.shape), g.sum(axis=(0, 2, 3))
    ### END SOLUTION


# %%
check("convolution.conv2d_backward", conv2d_backward)

# %% [markdown]
r"""
## 6. Pooling

A bow is a bow, a pixel to the left or to the right. **Pooling** makes a map coarser and forgets where exactly something was: of each square of 2 by 2 only the largest number is kept (**max pooling**), or the mean (**average pooling**). It has no weights. Rows and columns that do not fill a square are left out.

With numbers: $\begin{pmatrix} 1 & 5 \\ 2 & 3 \end{pmatrix}$ becomes $5$, or $2.75$.

### Exercise 9.6: pooling

<details><summary>Hint 1</summary>Cut off what does not fill a square. Then reshape to (N, C, H', size, W', size): the axes 3 and 5 lie within a square.</details>
<details><summary>Hint 2</summary><code>max</code> and <code>mean</code> take a pair of axes: <code>axis=(3, 5)</code>.</details>
"""


# %%
def pool2d(x, size=2, kind="max"):
    """The largest ("max") or the mean ("avg") of each square of size by size.

    x (N, C, H, W)  ->  (N, C, H // size, W // size)
    Example: x = [[[[1, 5], [2, 3]]]]  ->  [[[[5]]]]; with kind="avg"  [[[[2.75]]]]
    """
    ### BEGIN SOLUTION
    n, c, height, width = x.shape
    rows, columns = height // size, width // size
    x = x[:, :, : rows * size, : columns * size].reshape(n, c, rows, size, columns, size)
    return x.max(axis=(3, 5)) if kind == "max" else x.mean(axis=(3, 5))
    ### END SOLUTION


# %%
check("convolution.pool2d", pool2d)

# %% [markdown]
r"""
The backward pass of the mean: each of the four pixels has a share of a quarter, so each gets a quarter of $g$. The backward pass of the maximum: only the largest pixel made a difference, so it gets all of $g$, and the others nothing.

With numbers: for $\begin{pmatrix} 1 & 5 \\ 2 & 3 \end{pmatrix}$ and $g = 8$ it is $\begin{pmatrix} 0 & 8 \\ 0 & 0 \end{pmatrix}$, and with the mean $\begin{pmatrix} 2 & 2 \\ 2 & 2 \end{pmatrix}$.

And if two are equally large? Behind a ReLU that is not rare: four zeros. Then only *one* gets it, or they share it. If both got all of it, the gradient would have doubled on its way. (PyTorch gives it to the first.)

### Exercise 9.7: the backward pass of pooling

<details><summary>Hint 1</summary>Begin with zeros like x. A loop over the squares: <code>argmax</code> of a square gives the number of the largest, counted row by row; <code>divmod</code> by size makes row and column of it.</details>
<details><summary>Hint 2</summary>Without loops: with the squares as the last axis, of size * size numbers, <code>argmax(axis=-1)</code> compared with <code>np.arange(size * size)</code> marks the first of the largest.</details>
"""


# %%
def pool2d_backward(g, x, size=2, kind="max"):
    """What comes back to each pixel: all of g to one of the largest of a square, or to all alike.

    g (N, C, H // size, W // size), x (N, C, H, W)  ->  like x
    Example: g = [[[[8]]]], x = [[[[1, 5], [2, 3]]]]  ->  [[[[0, 8], [0, 0]]]]; with "avg"  [[[[2, 2], [2, 2]]]]
    """
    ### BEGIN SOLUTION
    n, c, rows, columns = g.shape
    used = x[:, :, : rows * size, : columns * size]
    squares = used.reshape(n, c, rows, size, columns, size).swapaxes(3, 4)
    squares = squares.reshape(n, c, rows, columns, size * size)
    share = np.full(squares.shape, 1 / size**2)
    if kind == "max":
        share = squares.argmax(axis=-1)[..., None] == np.arange(size * size)
    sent = (g[..., None] * share).reshape(n, c, rows, columns, size, size).swapaxes(3, 4)
    dx = np.zeros(x.shape)
    dx[:, :, : rows * size, : columns * size] = sent.reshape(used.shape)
    return dx
    ### END SOLUTION


# %%
check("convolution.pool2d_backward", pool2d_backward)

# %% [markdown]
r"""
## 7. A LeNet

Now the parts in their order:

| layer | shape of the result | weights |
|---|---|---|
| pictures | (N, 1, 8, 8) | |
| convolution 3 by 3, padding 1; ReLU | (N, 16, 8, 8) | 160 |
| convolution 3 by 3, padding 1; ReLU | (N, 32, 8, 8) | 4,640 |
| max pooling 2 by 2 | (N, 32, 4, 4) | |
| written in a row; linear | (N, 10) | 5,130 |

This is the pattern of LeNet (LeCun and others, 1998), which read the amounts on bank cheques: windows, pooling, and a linear layer at the end. Its digits had 32 by 32 pixels, and it pooled behind each convolution; ours have little to spare, so once is enough.

Your `Tensor` knows products and sums, but neither convolution nor pooling. It need not: whatever has a backward pass can be put on the tape. A new `Tensor` gets its value, its parents, and a function that makes a gradient for each parent out of its own. Here is one that writes maps in a row, as an example:
"""


# %%
def flatten(x):
    """A Tensor (N, C, H, W)  ->  a Tensor (N, C H W)"""
    return Tensor(
        x.data.reshape(len(x.data), -1), (x,), lambda gradient: (gradient.reshape(x.data.shape),)
    )


# %% [markdown]
r"""
### Exercise 9.8: the loss of a LeNet

<details><summary>Hint 1</summary>Write a small function for each operation, as <code>flatten</code> is one. That of the convolution has three parents x, w, b, and <code>conv2d_backward</code> gives you the three gradients.</details>
<details><summary>Hint 2</summary>As in lesson 7: a Tensor for each parameter, and one for the pictures. <code>h * (h.data &gt; 0)</code> is the ReLU; for the last layer <code>@ w.T + b</code>, then <code>cross_entropy(t)</code> and <code>backward()</code>.</details>
<details><summary>Hint 3</summary>The convolutions have padding=1, forward and backward alike. A single parent still gets a tuple of gradients, with a comma: <code>(gradient,)</code>.</details>
"""


# %%
def lenet_loss(params, x, t):
    """The cross-entropy of a LeNet; its gradients for the parameters; and for the pictures themselves.

    params [w1 (M, C, 3, 3), b1 (M,), w2, b2, w (K, D), b (K,)], x (N, C, H, W), t (N,) class numbers
    ->  a number, a list of arrays like params, an array like x
    """

    ### BEGIN SOLUTION
    def convolution(x, w, b):
        y = conv2d(x.data, w.data, b.data, padding=1)
        return Tensor(y, (x, w, b), lambda g: conv2d_backward(g, x.data, w.data, padding=1))

    def pooling(x):
        return Tensor(pool2d(x.data), (x,), lambda g: (pool2d_backward(g, x.data),))

    tensors = w1, b1, w2, b2, w, b = [Tensor(p) for p in params]
    pictures = Tensor(x)
    h = convolution(pictures, w1, b1)
    h = convolution(h * (h.data > 0), w2, b2)
    h = pooling(h * (h.data > 0))
    loss = (flatten(h) @ w.T + b).cross_entropy(t)
    loss.backward()
    return float(loss.data), [p.grad for p in tensors], pictures.grad
    ### END SOLUTION


# %%
check("convolution.lenet_loss", lenet_loss)

# %% [markdown]
r"""
Five trainings on the same digits, 12 epochs each. In two of them the pictures are moved by up to a pixel in every epoch, as in lesson 8.

**Predict, then look.** On the test digits as they are, and on the same digits moved by one pixel to the right: which network will be best, and which worst? What do moved pictures do to a network *without* windows? And what does the LeNet do with *shuffled* pixels?
"""


# %%
from dlcore.scratch.optimizers import cosine_schedule  # lesson 6


def first_weights(shapes, draw):
    """He's weights: a window of K by K in C channels is a row of C K K numbers."""
    params = []
    for shape in shapes:
        w, b = he_init([math.prod(shape[1:]), shape[0]], draw)
        params += [w.reshape(shape), b]
    return params


def moved(pictures, draw):
    """Each picture by up to a pixel, in any direction."""
    where, result = draw.integers(-1, 2, (len(pictures), 2)), np.empty_like(pictures)
    for way in np.unique(where, axis=0):
        chosen = (where == way).all(axis=1)
        result[chosen, 0] = shift_images(pictures[chosen, 0], *way)
    return result


def answer(params, x):
    """Scores (N, 10) for pictures (N, 1, 8, 8): of a LeNet, or of a network without windows."""
    if len(params) == 4:
        return scores_of(params, x.reshape(len(x), -1) - 0.3)
    k1, c1, k2, c2, w, b = params
    h = np.maximum(conv2d(x, k1, c1, padding=1), 0)
    h = np.maximum(conv2d(h, k2, c2, padding=1), 0)
    return pool2d(h).reshape(len(x), -1) @ w.T + b


def loss_of(params, x, t):
    """The loss and its gradients, of either of them."""
    if len(params) == 4:
        return loss_and_gradients(params, x.reshape(len(x), -1) - 0.3, t)
    return lenet_loss(params, x, t)[:2]


right_by_one = lambda x: shift_images(x[:, 0], right=1)[:, None]
as_they_are = lambda x: x
shuffle = lambda x: x.reshape(len(x), 64)[:, order].reshape(x.shape)
FLAT, LENET = [(64, 64), (10, 64)], [(16, 1, 3, 3), (32, 16, 3, 3), (10, 512)]
NETWORKS = {
    "64 units": (FLAT, False, as_they_are),
    "64 units, moved pictures": (FLAT, True, as_they_are),
    "LeNet": (LENET, False, as_they_are),
    "LeNet, moved pictures": (LENET, True, as_they_are),
    "LeNet, shuffled pixels": (LENET, False, shuffle),
}


def train(shapes, move, look, epochs=12):
    """The parameters after so many epochs, at a rate that falls from 0.005 to 0."""
    draw = np.random.default_rng(0)
    params, adam = first_weights(shapes, draw), AdamW(0.005)
    for epoch in range(epochs):
        adam.lr = 0.005 * cosine_schedule(epoch, epochs)
        seen = look(moved(images[rest], draw) if move else images[rest])
        params, _ = fit(params, loss_of, adam.step, seen, digits.y[rest], 1, rng=draw)
    return params


with when_written:
    trained = {name: train(*how) for name, how in NETWORKS.items()}
    for name, (_, _, look) in NETWORKS.items():
        ok, still = (
            answer(trained[name], look(x)).argmax(axis=1) == digits.y[test]
            for x in (images[test], right_by_one(images[test]))
        )
        print(
            f"{name:25} {ok.sum()} of {len(test)} right, {ok.mean():.1%}; a pixel on {still.mean():.1%}"
        )

# %% [markdown]
r"""
<!-- measured: 64 units                  579 of 599 right, 96.7%; a pixel on 43.6% | 64 units, moved pictures  548 of 599 right, 91.5%; a pixel on 87.6% | LeNet                     593 of 599 right, 99.0%; a pixel on 73.1% | LeNet, moved pictures     591 of 599 right, 98.7%; a pixel on 98.2% | LeNet, shuffled pixels    584 of 599 right, 97.5%; a pixel on 48.9% -->
Read the table twice; there is much in it.

- **The LeNet reads 593 of 599 digits, 99.0 %**, and has caught up with the three nearest neighbors of lesson 7 (98.8 %, which is a digit less, so chance).
- **Windows alone are not enough.** One pixel to the right it falls to 73.1 %: the linear layer at its end has a weight for each place.
- **With moved pictures it does not mind**: 98.7 % and, one pixel on, 98.2 %. There the neighbors were at 59.6 %.
- **Without windows, moved pictures do harm**: 91.5 %. 64 units have to learn each bow in nine places, in the same twelve epochs. To the LeNet it is the same bow.
- **Shuffled, it is no better than the network of the beginning**, 97.5 %. What it knows about pictures is not true there.

That is what deep learning buys: not a cleverer way to fit, but a way to build in what one knows.

## 8. A look inside

What has it learned? With 64 units and no windows that is hard to see. Windows are small pictures themselves.

**The filters of the first layer**, and below each what it makes of a three. In several of them red stands on one side and blue on the other: they find edges of one direction. Others take the picture nearly as it is. Nobody has told them to.
"""


# %%
def tiles(pictures, columns):
    """Pictures (R * columns, H, W) as one, with a gap between them."""
    framed = np.pad(pictures, ((0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    _, height, width = framed.shape
    rows = framed.reshape(-1, columns, height, width).swapaxes(1, 2)
    return rows.reshape(-1, columns * width)


with when_written:
    best = trained["LeNet, moved pictures"]
    k1, c1, k2, c2 = best[:4]
    maps = np.maximum(conv2d(images[3:4], k1, c1, padding=1), 0)[0]
    axes = plot.axes(6.4, 2, columns=2)
    axes[0].imshow(tiles(k1[:, 0], 8), cmap="RdBu_r", vmin=-1.5, vmax=1.5)
    axes[1].imshow(tiles(maps, 8), cmap="Greys")
    for ax, title in zip(axes, ("16 filters", "what they make of a three")):
        ax.set_title(title, fontsize=10)
        ax.axis("off")
    plot.show(
        "Left, sixteen filters of 3 by 3 weights, blue for negative and red for positive. Right, sixteen maps of a "
        "three: in some the whole of it is dark, in others single edges, and a few are nearly empty."
    )

# %% [markdown]
r"""
**What a unit waits for.** Each number of the second layer has seen 5 by 5 pixels. So one can look for the pieces of real digits at which a unit is largest. Below, eight units, and for each the six pieces that excite it most, each from another digit.
"""

# %%
with when_written:
    seen = receptive_field(8, [(3, 1, 1), (3, 1, 1)])[1]
    print(f"each number has seen {seen} by {seen} pixels")
    h = np.maximum(conv2d(images[test], k1, c1, padding=1), 0)
    h = np.maximum(conv2d(h, k2, c2, padding=1), 0)
    room = np.pad(images[test, 0], ((0, 0), (2, 2), (2, 2)))
    found = []
    for unit in np.argsort(-h.max(axis=(2, 3)).max(axis=0))[:8]:
        largest = h[:, unit].reshape(len(test), 64)
        for n in np.argsort(-largest.max(axis=1))[:6]:
            i, j = divmod(largest[n].argmax(), 8)
            found.append(room[n, i : i + seen, j : j + seen])
    ax = plot.axes(5.6, 4.4)
    pieces = np.array(found).reshape(8, 6, seen, seen).swapaxes(0, 1)
    ax.imshow(tiles(pieces.reshape(-1, seen, seen), 8), cmap="Greys")
    ax.set_title("each column is a unit of the second layer", fontsize=10)
    ax.axis("off")
    plot.show(
        "Eight columns of six pieces of digits, 5 by 5 pixels each. Within a column the pieces are much alike: an upper "
        "right corner, a foot, a slanted stroke."
    )

# %% [markdown]
r"""
**What maximizes an answer.** Your `lenet_loss` returns a gradient for the *pictures*. So far you have moved the weights, to make the loss small for given pictures. Now hold the weights, and move the picture: begin with an even gray, and ask for the picture that the network is most certain is a 0, a 1, and so on. A penalty on the pixels, as in lesson 8, keeps it from getting lost.

**Predict, then look.** Will you be able to read them?
"""


# %%
def probabilities(scores):
    """Softmax, row by row."""
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


with when_written:
    dream, adam = np.full((10, 1, 8, 8), 0.3), AdamW(0.02, weight_decay=0.5)
    for _ in range(200):
        _, _, slope = lenet_loss(best, dream, np.arange(10))
        [dream] = adam.step([dream], [slope])
        dream = np.clip(dream, 0, 1)
    sure = probabilities(answer(best, dream)).diagonal()
    print(f"it is sure of all ten: at least {sure.min():.1%}")
    ax = plot.axes(8, 1.3)
    ax.imshow(tiles(dream[:, 0], 10), cmap="Greys")
    ax.axis("off")
    plot.show("Ten pictures of which the network is certain that they are the digits from 0 to 9.")

# %% [markdown]
r"""
A few you can read, a 0 and a 5 perhaps. Others look like nothing at all, and the network is certain of them all the same. It has learned to tell ten digits apart, and not what a digit looks like; so there are pictures that mean nothing to you and everything to it. Keep that in mind when a network says that it is sure.

**What it looks at.** Cover a piece of the picture, 3 by 3 pixels, and see how far the probability of the right answer falls. Where it falls most, there the network has looked. This is called **occlusion** (Zeiler and Fergus, 2014).
"""

# %%
with when_written:
    axes = plot.axes(1.6, 1.8, columns=6)
    for k, ax in enumerate(axes):
        digit, truth = images[test[k]], digits.y[test[k]]
        covered = np.repeat(digit[None], 64, axis=0)
        for place in range(64):
            i, j = divmod(place, 8)
            covered[place, 0, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2] = 0
        whole, *p = probabilities(answer(best, np.concatenate([digit[None], covered])))[:, truth]
        ax.imshow(digit[0], cmap="Greys")
        fall = np.reshape(whole - p, (8, 8))
        ax.imshow(fall, cmap="Oranges", alpha=0.6, vmin=0, vmax=1)
        ax.set_title(f"{truth}: {whole:.0%}, covered {min(p):.0%}", fontsize=8)
        ax.axis("off")
    plot.show(
        "Six digits, each with the probability of the right answer, and the smallest one when covered; places are orange "
        "where covering them makes it less probable. Nearly all of them lie on the strokes."
    )

# %% [markdown]
r"""
## 9. Pictures in time

A film is a pile of pictures, and a window can slide through the pile as well: over $T$ frames in time, $H$ rows and $W$ columns. This is a **3D convolution**; its kernels have one axis more.

$$y_{m t i j} = b_m + \sum_c \sum_{\tau} \sum_a \sum_b w_{m c \tau a b}\; x_{c,\, t + \tau,\, i + a,\, j + b} \qquad\quad x\ (C, T, H, W), \quad w\ (M, C, D, K, K), \quad y\ (M,\; T - D + 1,\; H', W')$$

With numbers: 10 frames and a kernel that is $D = 2$ frames deep give maps at $10 - 2 + 1 = 9$ times, and one kernel of 3 by 3 has $2 \cdot 9 = 18$ weights.

You have all that you need for it. With $D = 2$ a window sees two frames one after the other, and to your `conv2d` these are *two channels*. So make a pair of each frame and the next, nine pairs in all, and they are nine pictures with two channels. Below, a one stands still and a three walks to the right, a pixel a frame. Two kernels:

- *change*: the later frame minus the earlier one;
- *other than to the right*: the later frame minus what stood one pixel farther left in the earlier one.

**Predict, then look.** Which digit is seen by which kernel?
"""

# %%
clip = np.zeros((10, 1, 12, 28))
clip[:, 0, 2:10, 1:9] = images[1, 0]  # a one
for t in range(10):
    clip[t, 0, 2:10, 10 + t : 18 + t] = np.maximum(clip[t, 0, 2:10, 10 + t : 18 + t], images[3, 0])

motion = np.zeros((2, 2, 3, 3))
motion[:, 1, 1, 1] = 1  # the later frame
motion[0, 0, 1, 1] = -1  # the earlier one, same place
motion[1, 0, 1, 0] = -1  # the earlier one, a pixel to the left

with when_written:
    pairs = np.concatenate([clip[:-1], clip[1:]], axis=1)
    seen = conv2d(pairs, motion, np.zeros(2), padding=1)
    for name, kernel in (("change", 0), ("other than to the right", 1)):
        one, three = np.abs(seen[:, kernel, :, :9]).max(), np.abs(seen[:, kernel, :, 10:]).max()
        print(f"{name:24} at the one up to {one:.2f}, at the three up to {three:.2f}")
    axes = plot.axes(3, 1.6, columns=3)
    axes[0].imshow(clip[5, 0], cmap="Greys")
    for ax, kernel in zip(axes[1:], (0, 1)):
        ax.imshow(seen[4, kernel], cmap="RdBu_r", vmin=-1, vmax=1)
    for ax, title in zip(axes, ("a frame", "change", "other than to the right")):
        ax.set_title(title, fontsize=10)
        ax.axis("off")
    plot.show(
        "A one and a three. The map of change shows the three alone, the map of what goes other than to the right "
        "shows the one alone."
    )

# %% [markdown]
r"""
<!-- measured: change                   at the one up to 0.00, at the three up to 0.81 | other than to the right  at the one up to 0.94, at the three up to 0.00 -->
What stands still is invisible to the first, what walks to the right to the second. Eighteen weights see a movement. A network would *learn* such kernels; with D frames instead of two your pairs become piles of D channels.

## 10. Explore

Go back to the explorer at the top, or run `explore.convolution()` in a new cell.

1. Take the square, and type a kernel that gives 0 where nothing changes, and is positive at the left edge of the square alone. (At the right edge it may be negative.) What must its nine weights add up to?
2. The map is to have 4 by 4 numbers. There are two pairs of stride and padding, besides larger dilations, that do it. Find them by the formula first.
3. Take the stripes and blur them. Then set the dilation to 2. What has become of the stripes, and why?

## 11. Cross-check

Your layer against PyTorch's: 60 pictures of 3 channels and 32 by 32 pixels, on a GPU too if there is one.
"""

# %%
from dlcore.crosscheck import crosscheck

with when_written:
    draw = np.random.default_rng(11)
    print(
        crosscheck(
            lambda x, w, b: conv2d(x, w, b, padding=1),
            "nn.functional.conv2d",
            draw.standard_normal((60, 3, 32, 32)),
            draw.standard_normal((16, 3, 3, 3)),
            draw.standard_normal(16),
            backward=lambda g, x, w, b: conv2d_backward(g, x, w, padding=1),
            options={"padding": 1},
        )
    )

# %% [markdown]
r"""
## 12. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-neighbours" points=2
r"""
**Question A.** A hospital has 64 measurements of each patient: age, blood pressure, sugar, and so on. Somebody writes them as pictures of 8 by 8 and trains a LeNet. What does the LeNet take for granted that is not true here? Name a kind of data other than photographs for which it *is* true, and say along which axis the window would slide.

=== BEGIN MARK SCHEME ===
1 point: it takes for granted that neighbors belong together and that the same pattern means the same in every place; with measurements in an arbitrary order neither holds (as with the shuffled pixels).
1 point: for example sound, heart curves or other time series (along time), texts (along the words), spectrograms, weather maps, DNA; the axis is named.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-growth" points=2
r"""
**Question B.** The LeNet of this lesson is to read pictures of 16 by 16 pixels instead of 8 by 8. Which of its layers need more weights, and by what factor? Which need more multiplications? What could be put in, so that the last layer needs no more weights than before?

=== BEGIN MARK SCHEME ===
1 point: the convolutions keep their weights (they do not depend on the size of the picture) but need four times as many multiplications; the linear layer needs four times as many weights (32 maps of 8 by 8, not 4 by 4) and multiplications.
1 point: another pooling (or a stride of 2, or a mean over the whole map), so that the maps are 4 by 4 again.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

A window that slides, forward and backward, in loops and as a product of matrices; pooling; and a network that knows two things about pictures before it has seen one: what belongs together stands together, and a bow is a bow wherever it stands. Open `dlcore/conv.py`: it is yours, with dilation and groups, and `dlcore/backend/winograd.py` does a window of 3 by 3 with fewer multiplications than it has weights.

Two layers of windows see 5 by 5 pixels. For a photograph you need dozens, as the arithmetic of section 2 has shown. But stack thirty of these layers, and the training stops working, even with He's weights and batch norm: it gets worse on the *training* data. Why, and the small change that mends it, is lesson 10.

## References

- Y. LeCun and others, *Backpropagation applied to handwritten zip code recognition*, 1989: a network of this kind, trained by backpropagation, reads post codes.
- Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, *Gradient-based learning applied to document recognition*, 1998: LeNet-5.
- K. Chellapilla, S. Puri and P. Simard, *High performance convolutional neural networks for document processing*, 2006: convolution as a product of matrices.
- V. Dumoulin and F. Visin, arXiv 1603.07285, 2016: the arithmetic of strides and padding, in pictures.
- M. Zeiler and R. Fergus, *Visualizing and understanding convolutional networks*, 2014: occlusion, and what units wait for.
"""
