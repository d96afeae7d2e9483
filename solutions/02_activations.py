# %% [markdown]
r"""
# 2 · Activations

**At the end of this lesson you will be able to say why a stack of ten sigmoid layers hardly learns, and to show it on a picture that your
own functions drew.**

You will be able to

- show that layers without a bend between them are one layer in disguise;
- write ReLU, leaky ReLU, sigmoid, GELU and softmax so that no input makes them fail;
- pass a slope backwards through an activation, and say where it dies;
- choose an activation for a deep stack, and the size of its weights.

**It builds on** lesson 1: a layer is `x @ w.T + b`. **Time:** about 100 minutes.

Run the two cells, then play. The left plot shows one activation: move $x$ and watch the tangent. The other two show what becomes of a signal that
passes through many layers of it, and of the slope that comes back.
"""

# %%
import numpy as np

from autograder import check, when_written
from dlcore import data, explore, plot

rng = np.random.default_rng(2)

# %%
explore.activations()

# %% [markdown]
r"""
## A question first: do ten layers do more than one?

Lesson 1 ended with two layers that computed XOR, and XOR is beyond a single one. So deeper should be better. Let us stack ten layers, leave out the
step between them, and send a thousand points through.
"""

# %%
stack = [rng.standard_normal((8, 8)) / np.sqrt(8) for _ in range(10)]
points = rng.standard_normal((1000, 8))

ten_layers = points
for w in stack:
    ten_layers = ten_layers @ w.T

product = stack[0]
for w in stack[1:]:
    product = w @ product  # one matrix, multiplied out beforehand
one_layer = points @ product.T

print(f"largest difference between ten layers and one: {np.abs(ten_layers - one_layer).max():.0e}")

# %% [markdown]
r"""
No difference: rounding apart, the ten layers *are* one layer. A product of matrices is a matrix, so without something between them depth buys nothing. With numbers, for
layers of one neuron each: $3 \cdot (2 \cdot x) = 6 \cdot x$.

That something is the **activation function**, a bend that is applied to every number on its own. The step of lesson 1 is one, but
it is flat on both sides: move a weight a little and nothing at all changes. To learn by small moves we need a bend that *leans*: one with a slope.

## 1. ReLU: the simplest bend

The **re**ctified **l**inear **u**nit keeps what is positive and sends the rest to zero:

$$\text{relu}(x) = \max(0, x) \qquad \text{any shape} \to \text{same shape}$$

With numbers: $\text{relu}(-2) = 0$, $\text{relu}(0) = 0$, $\text{relu}(2) = 2$.

### Exercise 2.1: ReLU

<details><summary>Hint 1</summary>You want the larger of two numbers, entry by entry.</details>
<details><summary>Hint 2</summary>NumPy has one function for the largest entry of an array and another for the larger of two arrays.
Look at their names closely.</details>
"""


# %%
def relu(x):
    """Keep what is positive, entry by entry.

    x any shape  ->  same shape
    Example: [-2, 0, 2]  ->  [0, 0, 2]
    """
    ### BEGIN SOLUTION
    return np.maximum(x, 0)
    ### END SOLUTION


# %%
check("activations.relu", relu)

# %% [markdown]
r"""
## 2. The slope, and how it travels

Learning asks one question of every number in the network: *if this number grew a little, how would the final result change?* The answer is a slope. For ReLU
it could not be simpler:

$$\text{relu}'(x) = \begin{cases} 1 & x > 0 \\ 0 & x \le 0 \end{cases}$$

(At exactly 0 there is a corner, and any value from 0 to 1 would be defensible. PyTorch chooses 0, and so do we.)

Slopes multiply along a chain. Let $y = \text{relu}(x)$, and let something further on turn $y$ into the final result. Suppose we know how strongly the result depends on
$y$; call that $g$. Then it depends on $x$ as

$$dx = g \cdot \text{relu}'(x) \qquad g,\ x,\ dx\ \text{all of the same shape}$$

With numbers: $x = (-2, 3)$ gave $y = (0, 3)$. Further on, the result grows by 5 for each unit of $y_1$ and by −4 for each unit of $y_2$, so $g = (5, -4)$. Then
$dx = (5 \cdot 0,\; -4 \cdot 1) = (0, -4)$. The first entry is cut off: ReLU was shut there.

Such a function is called the **backward** of ReLU. You will write one for every building block of this course; together they are backpropagation (lesson 4).

### Exercise 2.2: ReLU backward

<details><summary>Hint 1</summary>x decides where the gate is open; g says what passes through it.</details>
<details><summary>Hint 2</summary>A comparison gives True and False, and in a product they count as 1 and 0.</details>
"""


# %%
def relu_backward(g, x):
    """Pass the slope g back through relu.

    g, x the same shape  ->  dx of that shape
    Example: g = [5, -4], x = [-2, 3]  ->  [0, -4]
    """
    ### BEGIN SOLUTION
    return g * (x > 0)
    ### END SOLUTION


# %%
check("activations.relu_backward", relu_backward)

# %% [markdown]
r"""
You need not take the formula's word for it. A slope can be measured: go a little to the right and a little to the left, and divide the difference of the results
by the difference of the inputs.
"""

# %%
with when_written:
    x, g, h = np.array([-2.0, 3.0]), np.array([5.0, -4.0]), 1e-6
    measured = g * (relu(x + h) - relu(x - h)) / (2 * h)
    print("measured:", measured, " yours:", relu_backward(g, x))

# %% [markdown]
r"""
## 3. Leaky ReLU: when a unit dies

**Predict, then look.** A layer of 50 ReLU units gets ordinary inputs, but something has pushed all its biases to −6. How many of the units will
ever fire, over 500 inputs? And those that never fire: what slope do they send back, and so, how will their weights change? Commit yourself, then run.
"""

# %%
with when_written:
    x, w = rng.standard_normal((500, 16)), rng.standard_normal((50, 16)) / 4
    for bias in (0.0, -1.0, -2.0, -3.0, -6.0):
        z = x @ w.T + bias
        dead = ~(relu(z) > 0).any(axis=0)
        sent_back = np.abs(relu_backward(np.ones_like(z), z)).mean()
        print(f"bias {bias:4.0f}: {dead.sum():2d} of 50 units dead, average slope {sent_back:.4f}")

# %% [markdown]
r"""
A unit that is silent for every input sends back a slope of 0 for every input. Nothing tells its weights to move, so it stays silent: it is **dead**. The remedy is to leave a
little slope on the negative side (Maas and others, 2013), with a small number $a$, usually 0.01:

$$\text{leaky}(x) = \begin{cases} x & x > 0 \\ a\,x & x \le 0 \end{cases}$$

With numbers, for $a = 0.1$: $\text{leaky}(-3) = -0.3$ and $\text{leaky}(2) = 2$. The slope on the left is 0.1: small, and not zero.

### Exercise 2.3: leaky ReLU

<details><summary>Hint 1</summary><code>np.where(condition, this, that)</code> chooses entry by entry.</details>
<details><summary>Hint 2</summary>Use the argument, not the number 0.01: the check tries other slopes.</details>
"""


# %%
def leaky_relu(x, negative_slope=0.01):
    """Keep what is positive, scale what is negative.

    x any shape, negative_slope a number from 0 to 1  ->  same shape as x
    Example: x = [-3, 2], negative_slope = 0.1  ->  [-0.3, 2]
    """
    ### BEGIN SOLUTION
    return np.where(x > 0, x, negative_slope * x)
    ### END SOLUTION


# %%
check("activations.leaky_relu", leaky_relu)

# %% [markdown]
r"""
## 4. The sigmoid: a step that leans

For the answer of a network, *yes* and *no* are often too hard; a probability is better. The **sigmoid** (its letter is $\sigma$) bends the whole line of numbers into the range from 0 to 1:

$$\sigma(x) = \frac{1}{1 + e^{-x}}$$

With numbers: $\sigma(0) = \frac{1}{1 + 1} = 0.5$, and $\sigma(2) = \frac{1}{1 + e^{-2}} = \frac{1}{1 + 0.135} = 0.881$.

Multiply above and below by $e^{x}$ and you have the same function in another dress, $\sigma(x) = \frac{e^{x}}{1 + e^{x}}$. On paper they are equal. In a computer they are not:
"""

# %%
with np.errstate(all="ignore"):  # NumPy would warn about what is shown here
    for x in (2.0, 40.0, 1000.0, -1000.0):
        first, second = 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x))
        print(
            f"x = {x:6.0f}:  1 / (1 + exp(-x)) = {first:<19.17g} exp(x) / (1 + exp(x)) = {second:.17g}"
        )

# %% [markdown]
r"""
A float64 ends at about $10^{308}$, so $e^{710}$ is infinite, and infinity over infinity is `nan`: *not a number*. One `nan` in a network spreads to everything it touches. The first form
survives, but for $x = -1000$ it also passes through an infinity, and NumPy warns. The clean way is to let `exp` see only numbers that are zero or below:

$$\sigma(x) = \begin{cases} \dfrac{1}{1 + e^{-x}} & x \ge 0 \\[2ex] \dfrac{e^{x}}{1 + e^{x}} & x < 0 \end{cases}$$

### Exercise 2.4: sigmoid

Any form earns full points whose *values* are right for scores of ±1000. A warning costs nothing; avoiding it is a point of honor.

<details><summary>Hint 1</summary>The first form alone already has the right values everywhere. To avoid the warning, read on.</details>
<details><summary>Hint 2</summary><code>np.where</code> computes <em>both</em> of its branches before it chooses, so the overflow happens anyway. Compute one exponential that is safe for
every x first: which number is −x for positive x and x for negative x?</details>
<details><summary>Hint 3</summary>It is −|x|. Both fractions have 1 + exp(−|x|) below the bar. What stands above it in each case?</details>
"""


# %%
def sigmoid(x):
    """Squash numbers into (0, 1); exact also for scores of 1000 and -1000.

    x any shape  ->  same shape
    Example: [0, 2]  ->  [0.5, 0.881]
    """
    ### BEGIN SOLUTION
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1 + e)
    ### END SOLUTION


# %%
check("activations.sigmoid", sigmoid)

# %% [markdown]
r"""
Its sister **tanh** runs from −1 to 1 and passes through zero. It is the sigmoid, stretched: $\tanh(x) = 2\,\sigma(2x) - 1$.
"""

# %%
with when_written:
    x = np.linspace(-6, 6, 201)
    ax = plot.axes()
    plot.curves(
        ax,
        x,
        {
            "sigmoid": sigmoid,
            "2 sigmoid(2x) - 1": lambda x: 2 * sigmoid(2 * x) - 1,
            "tanh": np.tanh,
        },
    )
    ax.set(xlabel="x", ylabel="f(x)", title="tanh lies on the stretched sigmoid")
    plot.show(
        "Three S-shaped curves. tanh and the stretched sigmoid are the same curve, from -1 to 1."
    )

# %% [markdown]
r"""
## 5. Saturation

The sigmoid's slope can be written with its own *output* $y = \sigma(x)$, which the forward pass has computed already:

$$\sigma'(x) = y\,(1 - y) \qquad\text{so}\qquad dx = g \cdot y\,(1 - y)$$

With numbers: at $x = 0$, $y = 0.5$ and the slope is $0.5 \cdot 0.5 = 0.25$. At $x = 2$, $y = 0.881$ and the slope is $0.881 \cdot 0.119 = 0.105$. At $x = 6$, $y = 0.9975$ and the
slope is 0.0025: the curve is so flat there that the unit is called **saturated**.

(Where does it come from? Write $y = (1 + e^{-x})^{-1}$ and differentiate: $y' = (1 + e^{-x})^{-2}\, e^{-x} = y^2 \left(\frac{1}{y} - 1\right) = y\,(1 - y)$.)

### Exercise 2.5: sigmoid backward

The second argument is the *output* y of the sigmoid, not its input.

<details><summary>Hint 1</summary>Everything you need is given; there is no exponential in this function.</details>
<details><summary>Hint 2</summary>With y = 0.5 and g = 1 the result is 0.25. With g = −2 it is −0.5.</details>
"""


# %%
def sigmoid_backward(g, y):
    """Pass the slope g back through the sigmoid whose output was y.

    g, y the same shape  ->  dx of that shape
    Example: g = [1, -2], y = [0.5, 0.5]  ->  [0.25, -0.5]
    """
    ### BEGIN SOLUTION
    return g * y * (1 - y)
    ### END SOLUTION


# %%
check("activations.sigmoid_backward", sigmoid_backward)

# %% [markdown]
r"""
The slope is *at most* 1/4. Ten sigmoids in a row multiply ten such slopes: at best $0.25^{10} \approx 0.000\,001$. Keep that number in mind.

## 6. GELU: a soft gate

ReLU multiplies $x$ by a gate that is either open (1) or shut (0). The **G**aussian **e**rror **l**inear **u**nit (Hendrycks and Gimpel, 2016) opens the gate gradually: it multiplies $x$ by the
probability that a standard normal random number lies below $x$. Most language models since BERT use it or a close relative. The usual approximation is

$$\text{gelu}(x) \approx \tfrac{1}{2}\,x\,\Bigl(1 + \tanh\bigl(\sqrt{2/\pi}\,(x + 0.044715\,x^3)\bigr)\Bigr)$$

With numbers, at $x = 1$: $\sqrt{2/\pi} = 0.7979$, the inner bracket is $1.0447$, their product $0.8336$, its tanh $0.6824$, and so $\text{gelu}(1) \approx 0.5 \cdot 1 \cdot 1.6824 = 0.8412$. Of a 1, 84 % gets
through; of a −1, 16 %, so that $\text{gelu}(-1) \approx -0.159$.

### Exercise 2.6: GELU

<details><summary>Hint 1</summary>Translate from the inside out: first the bracket with the cube, then the root, then tanh.</details>
<details><summary>Hint 2</summary><code>np.tanh</code>, <code>np.sqrt</code> and <code>np.pi</code> are what you need. Test yourself at 1 before you run the check.</details>
"""


# %%
def gelu(x):
    """The Gaussian error linear unit, in its tanh form.

    x any shape  ->  same shape
    Example: [-1, 0, 1]  ->  [-0.1588, 0, 0.8412]
    """
    ### BEGIN SOLUTION
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    return 0.5 * x * (1 + np.tanh(inner))
    ### END SOLUTION


# %%
check("activations.gelu", gelu)

# %%
with when_written:
    x = np.linspace(-4, 4, 201)
    ax = plot.axes()
    plot.curves(
        ax, x, {"ReLU": relu, "leaky ReLU, 0.1": lambda x: leaky_relu(x, 0.1), "GELU": gelu}
    )
    ax.set(xlabel="x", ylabel="f(x)", title="three bends, all yours")
    plot.show(
        "Three curves that agree for large x. Below zero ReLU is flat, leaky ReLU falls slowly, and GELU "
        "dips to -0.17 and comes back to zero."
    )

# %% [markdown]
r"""
## 7. Softmax: from scores to shares

A classifier with $K$ classes ends in $K$ scores, and we want $K$ probabilities: positive, and adding up to 1. Exponentiate (now all are positive), then divide by the sum (now they add up):

$$\text{softmax}(x)_i = \frac{e^{x_i}}{\sum_{j=1}^{K} e^{x_j}} \qquad x\ (N, K) \to (N, K),\ \text{each row on its own}$$

With numbers: for the scores $(1, 2, 3)$ the exponentials are $(2.718,\ 7.389,\ 20.086)$, their sum is $30.193$, and the shares are $(0.090,\ 0.245,\ 0.665)$.

Here `exp` meets the scores themselves, and they may be large. The way out is a property worth proving on the back of an envelope: **adding the same number to all scores changes
nothing**, since $e^{x_i + c} = e^{x_i} e^{c}$ and the $e^{c}$ cancels. So subtract the largest score. Then the largest exponent is 0, and nothing can overflow.

### Exercise 2.7: softmax

<details><summary>Hint 1</summary>Three lines: subtract the maximum, exponentiate, divide by the sum.</details>
<details><summary>Hint 2</summary>Maximum and sum run along <code>axis</code>. With <code>keepdims=True</code> they keep a place of length 1 there, and line up with x again.</details>
"""


# %%
def softmax(x, axis=-1):
    """Turn scores into shares that add up to 1 along ``axis``.

    x any shape, axis one of its axes  ->  same shape
    Example: [[1, 2, 3]]  ->  [[0.090, 0.245, 0.665]]
    """
    ### BEGIN SOLUTION
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
    ### END SOLUTION


# %%
check("activations.softmax", softmax)

# %% [markdown]
r"""
**Predict, then look.** Multiply all scores by 10 before the softmax: does the winner's share grow or shrink? Divide them by 10? And *add* 10 to all of them? Write down three answers first.
"""

# %%
with when_written:
    scores = np.array([1.0, 2.0, 3.0])
    for name, x in (
        ("as they are", scores),
        ("times 10", 10 * scores),
        ("divided by 10", scores / 10),
        ("plus 10", scores + 10),
    ):
        print(f"{name:13s} {np.round(softmax(x), 3)}")

# %% [markdown]
r"""
Dividing by a number above 1 is called raising the **temperature**: the shares even out. You will meet it again when a language model chooses its next word (lesson 16).

## 8. Ten layers deep

Now the pieces come together. A layer is a matrix product (lesson 1), then a bend. Send real images, the handwritten digits, through a deep stack of such layers and ask after each one: how large are the numbers still?
The **standard deviation** over all examples and units tells.

If it shrinks toward 0, the layers further on see almost the same thing whatever the image was. If it grows, it overflows in the end. We want it to stay near where it began.

### Exercise 2.8: the signal, layer by layer

The biases are zero here; leave them out.

<details><summary>Hint 1</summary>Keep one variable for the current signal and feed it through layer after layer. Weights have one neuron a row, as in lesson 1.</details>
<details><summary>Hint 2</summary>Measure with <code>.std()</code> <em>after</em> the activation, and append to a list.</details>
"""


# %%
def activation_stds(x, weights, activation):
    """Send x through all layers; return the standard deviation after each of them.

    x (N, D0), weights a list of arrays (D_next, D_before), activation a function of an array
    ->  a list of numbers, one for each layer
    """
    ### BEGIN SOLUTION
    spreads = []
    for w in weights:
        x = activation(x @ w.T)
        spreads.append(x.std())
    return spreads
    ### END SOLUTION


# %%
check("activations.activation_stds", activation_stds)

# %% [markdown]
r"""
**Predict, then look.** The weights below are drawn with standard deviation $\text{gain} / \sqrt{D}$, where $D$ is the number of inputs of a unit. With gain 1 a layer *without* activation would keep the spread as it is. Which of sigmoid, tanh and ReLU keeps it,
which loses it, and which gains most from a gain of $\sqrt 2$?
"""

# %%
digits = data.digits()
images = (digits.x - digits.x.mean()) / digits.x.std()  # mean 0, spread 1
width, depth = 64, 20
base = [
    np.random.default_rng(k).standard_normal((width, width)) / np.sqrt(width) for k in range(depth)
]

with when_written:
    spreads = {}
    for ax, gain in zip(plot.axes(4.2, 3.2, columns=2), (1.0, np.sqrt(2))):
        for k, (name, f) in enumerate({"sigmoid": sigmoid, "tanh": np.tanh, "ReLU": relu}.items()):
            spread = spreads[name, round(gain, 1)] = activation_stds(
                images, [gain * w for w in base], f
            )
            layers = np.arange(1, depth + 1)
            ax.plot(layers, spread, marker=plot.MARKERS[k], color=plot.COLORS[k], ms=4, label=name)
        ax.set(xlabel="layer", ylabel="standard deviation", yscale="log", ylim=(1e-4, 2))
        ax.set(title=f"gain {gain:.2f}", xticks=[1, 5, 10, 15, 20])
        ax.legend()
    for (name, gain), spread in spreads.items():
        print(f"{name:8s} gain {gain}: after layer 20 {spread[-1]:.4f}")
    plot.show(
        "Spread by layer. At gain 1 sigmoid stays near 0.1, tanh falls slowly and ReLU falls a "
        "thousandfold. At gain 1.41 all three stay level, ReLU near 1."
    )

# %% [markdown]
r"""
<!-- measured: sigmoid  gain 1.0: after layer 20 0.11 | ReLU     gain 1.0: after layer 20 0.0012 -->
ReLU cuts away half of every signal, and with it half of the mean square. At gain 1 it therefore shrinks by about $\sqrt 2$ a layer: after 20 layers by about $2^{10}$, and 0.0012 is left. A gain of $\sqrt 2$
makes up for it (He and others, 2015). Tanh fades slowly; the sigmoid looks steady, at about 0.11. But the signal is only half of the story.

### And backward?

Your backward functions can tell how strongly the result depends on each layer. Start with a random slope at the top and send it down: through the activation's slope, then through the weights.
(Why the weights appear without the transpose is a matter for lesson 5.)
"""

# %%
with when_written:

    def slopes_by_layer(f, backward, gain):
        """The spread of the slope that arrives at each layer, from the top down."""
        h, kept = images, []
        for w in base:
            z = h @ (gain * w).T
            h = f(z)
            kept.append((z, h))
        g, found = np.random.default_rng(1).standard_normal(h.shape), []
        for w, (z, y) in zip(base[::-1], kept[::-1]):
            g = backward(g, z, y)
            found.append(g.std())
            g = g @ (gain * w)
        return found[::-1]

    ax = plot.axes(5.5, 3.4)
    stacks = {
        "sigmoid, gain 1": (sigmoid, lambda g, z, y: sigmoid_backward(g, y), 1.0),
        "ReLU, gain 1": (relu, lambda g, z, y: relu_backward(g, z), 1.0),
        "ReLU, gain 1.41": (relu, lambda g, z, y: relu_backward(g, z), np.sqrt(2)),
    }
    for k, (name, options) in enumerate(stacks.items()):
        found = slopes_by_layer(*options)
        ax.plot(
            range(1, depth + 1),
            found,
            marker=plot.MARKERS[k],
            color=plot.COLORS[k],
            ms=4,
            label=name,
        )
        print(
            f"{name:16s} slope at layer 20: {found[-1]:.2g}, at layer 11: {found[10]:.1g}, at layer 1: {found[0]:.1g}"
        )
    ax.set(
        xlabel="layer",
        ylabel="standard deviation of the slope",
        yscale="log",
        xticks=[1, 5, 10, 15, 20],
    )
    ax.set_title("what comes back from the top")
    ax.legend()
    plot.show(
        "The slope by layer, on a logarithmic scale. ReLU with gain 1.41 stays near 1, ReLU with gain 1 "
        "falls to 0.002 at layer 1, sigmoid to less than a trillionth."
    )

# %% [markdown]
r"""
<!-- measured: slope at layer 20: 0.24, at layer 11: 5e-07 -->
Here is the promise of this lesson. On the way down each sigmoid layer divides the slope by four or more. From layer 20 to layer 11 it falls by a factor of about 500,000, and layer 1 hears practically nothing: its weights will not move in a lifetime.
The signal gave no sign of it; the gradient, on its way back from the result, did. This is the **vanishing gradient**, and it held up deep networks until about 2010. ReLU, with weights of the right size, passes it on undiminished.

## 9. Explore

Go back to the explorer at the top, or run `explore.activations()` in a new cell.

1. Choose *sigmoid* and find the range of $x$ where its slope is above 0.05. Then do the same for *tanh*. Which one has the wider range, and which the larger slope at its best?
2. With *ReLU* and 20 layers, find the gain that keeps both curves in the middle plot level. Then find the one for *tanh*. How exact does it have to be?
3. Kill a network: choose *ReLU* and lower the bias until all units of some layer are dead. Now switch to *leaky ReLU* without touching anything else. What happens to the backward curve?

## 10. Cross-check

Your functions against PyTorch's: values and slopes, on 100,000 random numbers, and on a GPU if there is one. Errors near $10^{-16}$ are rounding.
"""

# %%
from dlcore.crosscheck import crosscheck

x = 3 * rng.standard_normal((100, 1000))
with when_written:
    print(crosscheck(relu, "relu", x, backward=relu_backward))
with when_written:
    print(crosscheck(leaky_relu, "nn.functional.leaky_relu", x))
with when_written:
    print(crosscheck(sigmoid, "sigmoid", x, backward=lambda g, x: sigmoid_backward(g, sigmoid(x))))
with when_written:
    print(crosscheck(gelu, "nn.functional.gelu", x, options={"approximate": "tanh"}))
with when_written:
    print(crosscheck(softmax, "softmax", x, options={"dim": -1}))

# %% [markdown]
r"""
## 11. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-bends" points=2
r"""
**Question A.** Someone proposes $f(x) = 0.5\,x$ as an activation "with a slope that never vanishes", and someone else $f(x) = x^2$. Say for each what is wrong with it in a
stack of twenty layers.

=== BEGIN MARK SCHEME ===
1 point: 0.5 x is linear, so the stack collapses into a single layer (and the signal and slope shrink by 2 a layer, 0.5^20 in all).
1 point: x^2 bends, but signal and slope (2x) grow or shrink without limit: above 1 squares explode within a few layers, below 1 they vanish; also it maps x and -x
to the same value. Any one well-argued defect is enough.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-shift" points=2
r"""
**Question B.** Adding the same number to all scores does not change the softmax. Does multiplying all of them by the same positive number change (a) the shares, (b) which class has the largest share? Explain each in one sentence, and say what that
means for a classifier of which you only want to know the winning class.

=== BEGIN MARK SCHEME ===
1 point: (a) yes, larger factors sharpen the shares toward the winner, smaller ones even them out; (b) no, since exp and division by a common positive sum keep the order.
1 point: for the winner alone softmax is not needed: the largest score wins.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

You wrote the activations that nearly every network is made of, in forms that no input can break, and two of their backward functions. You saw that depth needs a bend, that a bend needs a slope, and that slopes multiply.

What is missing is the *final result* whose slope is sent back: a number that says how wrong the network is. Lesson 3 is about choosing it, and about why softmax and its loss belong together.

## References

- X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010. Saturation, measured layer by layer as you did.
- V. Nair and G. Hinton, *Rectified linear units improve restricted Boltzmann machines*, 2010. ReLU enters the field.
- A. Maas, A. Hannun and A. Ng, *Rectifier nonlinearities improve neural network acoustic models*, 2013. The leak.
- K. He, X. Zhang, S. Ren and J. Sun, *Delving deep into rectifiers*, 2015. Where the $\sqrt 2$ comes from.
- D. Hendrycks and K. Gimpel, *Gaussian error linear units*, 2016. GELU, and both of its forms.
"""
