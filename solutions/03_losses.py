# %% [markdown]
r"""
# 3 · Losses

**At the end of this lesson you will have taught a network to read ten handwritten digits at once, by walking downhill on a number that you
chose, and you will know why it was the right number.**

You will be able to

- say why accuracy cannot teach, and what a loss must have that accuracy lacks;
- derive squared error and cross-entropy from one question: *how probable is what happened?*
- write both, and their gradients, so that scores of a thousand do not break them;
- show why a softmax belongs together with its logarithm;
- train a classifier by gradient descent.

**It builds on** lesson 1 (a layer is `x @ w.T + b`) and lesson 2 (softmax, sigmoid, slopes). **Time:** about 110 minutes.

Run the two cells, then play. On the left a prediction is compared with a target; in the middle a score says yes or no; on the right three scores compete. Watch what each loss
does, and even more what its *slope* does, when the prediction is badly wrong.
"""

# %%
import numpy as np

from autograder import check, when_written
from dlcore import data, explore, plot
from dlcore.scratch.activations import sigmoid, softmax  # lesson 2

rng = np.random.default_rng(3)

# %%
explore.losses()

# %% [markdown]
r"""
## A question first: why not count the mistakes?

A network is judged by its mistakes, so let us make it learn from their number. Below is one neuron that tells malignant from benign tumours, by two measurements. We move one of its weights in 20,000 tiny steps
and ask after each: what share of the 569 cases is right now?
"""

# %%
cancer = data.breast_cancer()
two = cancer.x[:, [0, 1]]
two = (two - two.mean(axis=0)) / two.std(axis=0)  # mean 0, spread 1
benign = cancer.y

weights = np.linspace(-4, 0, 20_001)
scores = two @ np.stack([weights, np.full_like(weights, -0.8)]) + 0.6
accuracy = np.mean((scores > 0) == benign[:, None], axis=0)
print(f"steps that changed nothing at all: {np.mean(np.diff(accuracy) == 0):.1%}")
print(
    f"steps that changed it by exactly one case: {np.mean(np.isclose(np.abs(np.diff(accuracy)), 1 / 569)):.1%}"
)

# %%
ax = plot.axes(6, 3.2)
ax.plot(weights[9000:10_001], 100 * accuracy[9000:10_001], color=plot.COLORS[0], lw=2)
ax.set(xlabel="first weight", ylabel="accuracy (%)", title="a staircase")
plot.show(
    "Accuracy against one weight: flat treads and sudden steps, up and down, between 88.9 and "
    "89.5 per cent."
)

# %% [markdown]
r"""
<!-- measured: steps that changed nothing at all: 99.2% -->
Of 20,000 small moves, 99 % changed nothing. Standing on such a tread you cannot tell which way is up: the slope is zero, and zero says nothing about where to go. Lesson 2 ended with slopes
that travel back through the layers. They need something to start from: a number that says how wrong the network is and that *always* changes a little when a weight
does. Such a number is called a **loss**.

Many numbers would do. We get a good one by asking an honest question: **how probable is what really happened, if the network is right?**

## 1. Squared error

You measure a table three times: 2.1, 1.9 and 2.6 meters. How long is it? Suppose each measurement is the true length plus a normal random error with a standard deviation of 1. If the length is $\mu$, the probability (density) of measuring $t$ is

$$p(t) = \frac{1}{\sqrt{2\pi}}\; e^{-(t - \mu)^2 / 2}$$

and that of all three is the product. Products of many small numbers are awkward, so we take the logarithm, which turns them into a sum; and we turn its sign, so that *small is good*:

$$-\log\bigl(p(t_1)\,p(t_2)\,p(t_3)\bigr) = \tfrac{1}{2}\bigl[(t_1 - \mu)^2 + (t_2 - \mu)^2 + (t_3 - \mu)^2\bigr] + \text{a constant}$$

So the most probable length is the one with the smallest sum of squares. Whoever minimizes squared errors believes in normal errors, whether they know it or not. As a loss one takes the **mean squared error**, which does not
grow with the number $n$ of entries:

$$L = \frac{1}{n} \sum_{i=1}^{n} (x_i - t_i)^2 \qquad x,\ t\ \text{of the same shape} \to L\ \text{a number}$$

With numbers: for predictions $x = (1, 5)$ and targets $t = (1, 2)$ it is $\frac{1}{2}(0^2 + 3^2) = 4.5$.

### Exercise 3.1: mean squared error

<details><summary>Hint 1</summary>Difference, square, mean: in this order.</details>
<details><summary>Hint 2</summary><code>.mean()</code> without an axis averages over everything, whatever the shape.</details>
"""


# %%
def mse(x, t):
    """The mean squared error of predictions x for targets t.

    x, t of the same shape  ->  a number
    Example: x = [1, 5], t = [1, 2]  ->  4.5
    """
    ### BEGIN SOLUTION
    return np.mean((x - t) ** 2)
    ### END SOLUTION


# %%
check("losses.mse", mse)

# %% [markdown]
r"""
## 2. Its gradient

A prediction $x_i$ appears in one term only, $\frac{1}{n}(x_i - t_i)^2$, and the slope of $d^2$ is $2d$. So

$$\frac{\partial L}{\partial x_i} = \frac{2}{n}\,(x_i - t_i) \qquad \text{an array of the shape of } x$$

With numbers: $x = (1, 5)$, $t = (1, 2)$ gives $\frac{2}{2}\,(0, 3) = (0, 3)$. The first prediction is right and need not move. If the second one grows by 0.01, the loss grows by 0.03.

All these slopes together are the **gradient**. It points to where the loss grows fastest, so walk the other way:

$$x \leftarrow x - \eta\,\frac{\partial L}{\partial x}$$

The number $\eta$ ("eta") is the **learning rate**: how far a step goes. This is **gradient descent**, and nearly everything that has ever been called deep learning was found by it.

### Exercise 3.2: the gradient of the mean squared error

<details><summary>Hint 1</summary>Nothing is added up here: each entry of x gets a slope of its own.</details>
<details><summary>Hint 2</summary>n is the number of <em>all</em> entries, <code>x.size</code>, since that is what the mean divided by.</details>
"""


# %%
def mse_gradient(x, t):
    """How the mean squared error changes with each prediction.

    x, t of the same shape  ->  an array of that shape
    Example: x = [1, 5], t = [1, 2]  ->  [0, 3]
    """
    ### BEGIN SOLUTION
    return 2 * (x - t) / x.size
    ### END SOLUTION


# %%
check("losses.mse_gradient", mse_gradient)

# %% [markdown]
r"""
**Predict, then look.** Let one number stand for the five measurements 1, 2, 3, 4 and 90. Where does gradient descent on the squared error end? And where on the *absolute* error $|x - t|$, whose slope is +1 or −1
however far away the target is? Write two numbers down, then run.
"""

# %%
with when_written:
    measured = np.array([1.0, 2.0, 3.0, 4.0, 90.0])

    def descend(slope, steps=4000, rate=0.05):
        guess = 0.0
        for _ in range(steps):
            guess -= rate * slope(np.full(5, guess), measured).sum()
        return guess

    squared = descend(mse_gradient)
    absolute = descend(lambda x, t: np.sign(x - t) / x.size)
    print(f"squared error: {squared:.2f}   absolute error: {absolute:.2f}")

# %% [markdown]
r"""
<!-- measured: squared error: 20.00   absolute error: 3.00 -->
The squared error ends at the mean, 20, a number that none of the five is near: a measurement that is 70 off pulls 70 times as hard as one that is 1 off. The absolute error ends at the median, 3: each pulls with the same force, so the wild one counts as one of five. The
price is a slope that does not fade near the goal. **Huber's loss** (1964) takes the best of both: squared within a distance $\delta$, absolute beyond. You find it in the explorer.

## 3. From probabilities to surprise

Now the answer is a class. The network gives each class a probability, by a softmax, and the same question decides: how probable is what happened? Three pictures, and the probabilities that the network gave to the
*right* class of each: 0.7, 0.2 and 0.9. That all three happen together has the probability

$$0.7 \cdot 0.2 \cdot 0.9 = 0.126 \qquad\text{and}\qquad -\log 0.126 = 0.357 + 1.609 + 0.105 = 2.071$$

With the logarithm the product has become a sum again, with one term for each example. The term $-\log p$ is called the **surprise**: nothing for $p = 1$, a little for 0.9, much for 0.2, without limit as $p$ goes to 0. Its mean, here $2.071 / 3 = 0.690$, is the **cross-entropy**.

(Computers need the logarithm too. The product of 1,000 probabilities of 0.4 is smaller than any number they have, and becomes 0:)
"""

# %%
p = np.full(1000, 0.4)
print("the product:", np.prod(p), "  the sum of the logarithms:", np.round(np.log(p).sum(), 3))

# %% [markdown]
r"""
## 4. Scores of a thousand, and log-sum-exp

The plan seems clear: softmax, then the logarithm, then the mean. Here it is, with two classes, on scores that grow. The right class is the first one, and it is losing.
"""

# %%
with np.errstate(divide="ignore"):  # NumPy would warn about what is shown here
    for score in (1.0, 10.0, 100.0, 1000.0):
        p = softmax(np.array([0.0, score]))
        print(f"scores (0, {score:4.0f}): p = {p[0]:.3g}, surprise = {-np.log(p[0]):.6g}")

# %% [markdown]
r"""
The softmax of lesson 2 is stable, and still the surprise is infinite at 1000, where the true one is 1000: the probability $e^{-1000}$ had been rounded to 0 *before* the logarithm came. So do not compute it at all. The logarithm
of a fraction is a difference:

$$-\log \text{softmax}(x)_c = -\log \frac{e^{x_c}}{\sum_j e^{x_j}} = \underbrace{\log \sum_j e^{x_j}}_{\text{logsumexp}(x)} - x_c$$

Only the first part needs care, and the remedy is that of the softmax. With $m$ the largest score,

$$\text{logsumexp}(x) = m + \log \sum_j e^{x_j - m} \qquad x\ (N, K) \to (N,),\ \text{each row on its own}$$

With numbers: for $(1, 2, 3)$ it is $3 + \log(e^{-2} + e^{-1} + e^{0}) = 3 + \log(0.135 + 0.368 + 1) = 3 + 0.408 = 3.408$. For $(0, 1000)$ it is $1000 + \log(0 + 1) = 1000$. It is a *smooth maximum*: always a
little above the largest score, and never more than $\log K$ above it.

### Exercise 3.3: log-sum-exp

<details><summary>Hint 1</summary>What you take out of the exponentials with −m, you give back outside the logarithm with +m.</details>
<details><summary>Hint 2</summary>Inside, m has to line up with x: <code>keepdims=True</code>. The result has lost the axis: take a maximum without it as well, or use <code>np.squeeze(..., axis=axis)</code>.</details>
"""


# %%
def logsumexp(x, axis=-1):
    """The logarithm of the sum of the exponentials along ``axis``, for scores of any size.

    x (..., K, ...)  ->  the same shape without that axis
    Example: [[1, 2, 3], [0, 0, 1000]]  ->  [3.408, 1000]
    """
    ### BEGIN SOLUTION
    m = x.max(axis=axis, keepdims=True)
    total = np.exp(x - m).sum(axis=axis)
    return np.squeeze(m, axis=axis) + np.log(total)
    ### END SOLUTION


# %%
check("losses.logsumexp", logsumexp)

# %% [markdown]
r"""
## 5. Cross-entropy

Everything is ready. For $N$ examples with scores $x\ (N, K)$ and right classes $t\ (N,)$, numbers from 0 to $K - 1$:

$$L = \frac{1}{N} \sum_{n=1}^{N} \Bigl(\text{logsumexp}(x_n) - x_{n,\,t_n}\Bigr)$$

With numbers: one row of scores $(1, 2, 3)$ and the right class $t = 2$ (we count from 0) give $3.408 - 3 = 0.408$. If the right class were 0: $3.408 - 1 = 2.408$.

**Predict, then look.** A network with ten classes has not learned anything: all its scores are 0. What is its cross-entropy? This number is worth knowing by heart: a training run that begins far above it has a fault.

### Exercise 3.4: cross-entropy

Use your `logsumexp`.

<details><summary>Hint 1</summary>You need one score of each row: the one in column t[n]. An array indexed with two lists, <code>x[rows, columns]</code>, picks exactly that.</details>
<details><summary>Hint 2</summary>The rows are <code>np.arange(len(t))</code>, the columns are t. (<code>x[:, t]</code> is something else: look at its shape.)</details>
"""


# %%
def cross_entropy(x, t):
    """The average surprise at the right classes, from raw scores.

    x (N, K) scores, t (N,) class numbers  ->  a number
    Example: x = [[1, 2, 3]], t = [2]  ->  0.408
    """
    ### BEGIN SOLUTION
    right = x[np.arange(len(t)), t]
    return np.mean(logsumexp(x, axis=1) - right)
    ### END SOLUTION


# %%
check("losses.cross_entropy", cross_entropy)

# %%
with when_written:
    print(f"ten classes, all scores 0: {cross_entropy(np.zeros((5, 10)), np.arange(5)):.4f}")
    loud = np.array([[0.0, 1000.0]])
    print(
        f"scores (0, 1000), the right class is the first: {cross_entropy(loud, np.array([0])):.6g}"
    )

# %% [markdown]
r"""
<!-- measured: ten classes, all scores 0: 2.3026 -->
It is $\log 10 = 2.3026$: every class gets 1/10. And where the plan of section 4 broke down, yours says 1000.

## 6. The gradient: p − y

Softmax, logarithm, mean: one would expect the gradient to be a monster. Let us see, for one example with the right class $c$. In $L = \text{logsumexp}(x) - x_c$ the first part has the slope

$$\frac{\partial}{\partial x_k} \log \sum_j e^{x_j} = \frac{e^{x_k}}{\sum_j e^{x_j}} = \text{softmax}(x)_k = p_k$$

and the second part the slope $-1$ for $k = c$, and 0 for all others. Write $y$ for the row that has a 1 at the right class and 0 elsewhere (it is called **one-hot**). Then

$$\frac{\partial L}{\partial x} = \frac{1}{N}\,(p - y) \qquad p,\ y,\ \partial L / \partial x\ \text{of shape}\ (N, K)$$

The two inventions undo each other's difficulties, and what is left is: *what you said, minus what is true*. With numbers: for one row $(1, 2, 3)$ with right class 2, $p = (0.090, 0.245, 0.665)$ and $y = (0, 0, 1)$, so the gradient is $(0.090, 0.245, -0.335)$. It adds up to 0: what
the right class gains, the others lose, each in proportion to its share.

### Exercise 3.5: the gradient of the cross-entropy

`softmax(x, axis=1)`, from lesson 2, is at hand.

<details><summary>Hint 1</summary>p first. Then 1 is to be subtracted at one place of each row. You picked these places in the last exercise.</details>
<details><summary>Hint 2</summary>softmax returns a new array, so you may change it: <code>p[rows, columns] -= 1</code>. Do not forget the mean.</details>
"""


# %%
def cross_entropy_gradient(x, t):
    """How the cross-entropy changes with each score.

    x (N, K) scores, t (N,) class numbers  ->  (N, K)
    Example: x = [[1, 2, 3]], t = [2]  ->  [[0.090, 0.245, -0.335]]
    """
    ### BEGIN SOLUTION
    g = softmax(x, axis=1)
    g[np.arange(len(t)), t] -= 1
    return g / len(t)
    ### END SOLUTION


# %%
check("losses.cross_entropy_gradient", cross_entropy_gradient)

# %% [markdown]
r"""
Never believe a gradient that you have not measured. Move one score a little up and a little down, as in lesson 2:
"""

# %%
with when_written:
    x, t, h = rng.standard_normal((4, 3)), np.array([0, 2, 1, 1]), 1e-6
    nudge = np.zeros_like(x)
    nudge[1, 2] = h
    slope = (cross_entropy(x + nudge, t) - cross_entropy(x - nudge, t)) / (2 * h)
    print(f"measured: {slope:.8f}   yours: {cross_entropy_gradient(x, t)[1, 2]:.8f}")

# %% [markdown]
r"""
## 7. Yes or no

For a single yes-or-no question one score is enough: $s = \sigma(x)$ is the probability of *yes*, $1 - s$ that of *no*. With the answer $t$, 1 for yes and 0 for no, the surprise is

$$-t \log s - (1 - t) \log(1 - s)$$

(only one of the two terms is alive). It is the cross-entropy for the two scores $(x, 0)$, since $\text{softmax}(x, 0)_1 = e^x / (e^x + 1) = \sigma(x)$. So it has the same trouble and the same cure. From the score itself:

$$L = \frac{1}{n} \sum_{i} \Bigl(\max(x_i, 0) - t_i\,x_i + \log\bigl(1 + e^{-|x_i|}\bigr)\Bigr) \qquad x,\ t\ \text{of the same shape}$$

With numbers: a score of 2 and the answer yes cost $2 - 2 + \log(1 + e^{-2}) = 0.127$; with the answer no, $2 - 0 + 0.127 = 2.127$.

This raw score has a name: **logit**. PyTorch therefore calls the loss `binary_cross_entropy_with_logits`.

### Exercise 3.6: binary cross-entropy, from logits

<details><summary>Hint 1</summary>The formula can be typed as it stands. <code>np.maximum</code> is the maximum entry by entry.</details>
<details><summary>Hint 2</summary>The exponent is −|x|, which is never above zero, so nothing can overflow. <code>np.log1p(e)</code> is log(1 + e), exact also for tiny e.</details>
"""


# %%
def bce_with_logits(x, t):
    """The average surprise at yes-or-no answers, from raw scores.

    x scores, t answers from 0 (no) to 1 (yes), of the same shape  ->  a number
    Example: x = [2, 2], t = [1, 0]  ->  (0.127 + 2.127) / 2 = 1.127
    """
    ### BEGIN SOLUTION
    return np.mean(np.maximum(x, 0) - t * x + np.log1p(np.exp(-np.abs(x))))
    ### END SOLUTION


# %%
check("losses.bce_with_logits", bce_with_logits)

# %% [markdown]
r"""
Its gradient you can guess from section 6: what you said, minus what is true, divided by the number of entries: $(s - t) / n$ with $s = \sigma(x)$. With numbers: a score of 2 with the answer no has $s = 0.881$, so the slope is $0.881$; with the answer yes it is $0.881 - 1 = -0.119$.

### Exercise 3.7: its gradient

<details><summary>Hint 1</summary><code>sigmoid</code>, from lesson 2, is at hand, and stable.</details>
<details><summary>Hint 2</summary>No factor s (1 − s) appears: the slope of the logarithm has canceled it.</details>
"""


# %%
def bce_with_logits_gradient(x, t):
    """How the binary cross-entropy changes with each score.

    x scores, t answers from 0 to 1, of the same shape  ->  an array of that shape
    Example: x = [2, 2], t = [1, 0]  ->  [-0.060, 0.440]
    """
    ### BEGIN SOLUTION
    return (sigmoid(x) - t) / x.size
    ### END SOLUTION


# %%
check("losses.bce_with_logits_gradient", bce_with_logits_gradient)

# %% [markdown]
r"""
**Predict, then look.** One could also take the squared error of the probability, $(s - t)^2$: it is 0 when all is right, and it has a slope everywhere. A network is *confidently wrong*: score −8, and the answer was yes. Which of the two losses tells it more loudly to change, and by what
factor, roughly?
"""

# %%
with when_written:
    yes = np.array([1.0])
    print("score   slope of the squared error   slope of the cross-entropy")
    for score in (2.0, 0.0, -2.0, -4.0, -8.0):
        x = np.array([score])
        s = sigmoid(x)
        of_square = (mse_gradient(s, yes) * s * (1 - s)).item()
        print(f"{score:5.0f}   {of_square:27.5f}   {bce_with_logits_gradient(x, yes).item():27.5f}")

# %% [markdown]
r"""
<!-- measured: -8                      -0.00067                      -0.99966 -->
At −8 the squared error whispers, −0.00067, and the cross-entropy shouts, −1: a factor of 1,500. The squared error's slope has to pass through the flat end of the sigmoid, where lesson 2's slopes died. The logarithm is steep exactly where the sigmoid is flat. **That is why softmax and sigmoid belong together with cross-entropy**, and
why the network should be given the score, not the probability.

## 8. Walking downhill

A single layer turns an image of $D$ pixels into $K$ scores, $z = x\,w^\top + b$. We have the gradient of the loss for the scores, $g = (p - y) / N$. What does it mean for the weights? A weight $w_{kd}$ is multiplied with pixel $d$ and goes into
score $k$: if it grows by 1, the score $z_{nk}$ grows by $x_{nd}$. So its slope is $\sum_n g_{nk}\,x_{nd}$, added up over the examples, which is a matrix product. A bias goes into the score as it is:

$$\frac{\partial L}{\partial w} = g^\top x\ (K, D) \qquad\quad \frac{\partial L}{\partial b} = \sum_n g_n\ (K,)$$

With numbers, for one image of two pixels $x = (1, 2)$ and two classes, with $p = (0.5, 0.5)$ and the right class 0: $g = (-0.5, 0.5)$, and the slopes of the weights are $\begin{pmatrix} -0.5 & -1 \\ 0.5 & 1 \end{pmatrix}$. Going against them strengthens the right class wherever the image is bright, and
weakens the wrong one. Does it remind you of something? The perceptron of lesson 1 added $(y - p)\,x$ to its weights. It was gradient descent, with a $p$ that could only be 0 or 1.

### Exercise 3.8: one step of gradient descent

Return *new* arrays; the old ones still belong to the caller.

<details><summary>Hint 1</summary>Scores, then their gradient with the function you have written, then the two formulas above, then subtract lr times each.</details>
<details><summary>Hint 2</summary>g has shape (N, K) and x has (N, D). Which of them must be transposed for the product to be (K, D)?</details>
<details><summary>Hint 3</summary>The mean over the examples is in g already. So the biases' gradient is the <em>sum</em> of g over the rows, <code>g.sum(axis=0)</code>.</details>
"""


# %%
def gradient_descent_step(w, b, x, t, lr=0.1):
    """One step of gradient descent on the cross-entropy of a single layer.

    w (K, D), b (K,), x (N, D), t (N,) class numbers, lr the learning rate  ->  the new w and b
    """
    ### BEGIN SOLUTION
    g = cross_entropy_gradient(x @ w.T + b, t)
    return w - lr * g.T @ x, b - lr * g.sum(axis=0)
    ### END SOLUTION


# %%
check("losses.gradient_descent_step", gradient_descent_step)

# %% [markdown]
r"""
Now let it read. 1,797 handwritten digits, ten classes; 1,200 of them to learn from, 597 that it never sees. We begin with zero weights, so the loss must begin at 2.3026.
"""

# %%
digits = data.digits()
order = np.random.default_rng(0).permutation(len(digits.y))
train, test = order[:1200], order[1200:]
images, labels = digits.x[train], digits.y[train]

with when_written:
    w, b, curve = np.zeros((10, 64)), np.zeros(10), []
    for _ in range(300):
        curve.append(cross_entropy(images @ w.T + b, labels))
        w, b = gradient_descent_step(w, b, images, labels, lr=1.0)

    said = (digits.x[test] @ w.T + b).argmax(axis=1)
    right = np.sum(said == digits.y[test])
    print(f"loss: {curve[0]:.4f} at first, {curve[-1]:.3f} after 300 steps")
    print(f"new digits: {right} of {len(test)} right, {right / len(test):.1%}")
    ax = plot.axes(5.5, 3.2)
    ax.plot(curve, color=plot.COLORS[0], lw=2)
    ax.set(xlabel="step", ylabel="cross-entropy", title="downhill", ylim=(0, 2.4))
    plot.show("The loss against the step: it falls steeply from 2.3, then ever more slowly to 0.2.")

# %% [markdown]
r"""
<!-- measured: loss: 2.3026 at first, 0.160 after 300 steps | 576 of 597 right, 96.5% -->
With the reference solution 576 of 597 new digits are right, 96.5 % (the split is fixed by the seed 0): ten classes at once, by a rule that has not a word about digits in it. The weights of each class have the shape of an image again. Where it is purple, ink speaks for the digit; where it is orange, against it:
"""

# %%
with when_written:
    top = np.abs(w).max()
    for ax, k in zip(plot.axes(1.3, 1.5, columns=10), range(10)):
        ax.imshow(w[k].reshape(8, 8), cmap="PuOr", vmin=-top, vmax=top)
        ax.set(title=str(k), xticks=[], yticks=[])
    plot.show(
        "Ten weight pictures, one for each digit. The one for 0 is orange in the middle, where ink "
        "speaks against a 0."
    )

# %% [markdown]
r"""
## 9. Explore

Go back to the explorer at the top, or run `explore.losses()` in a new cell.

1. Left: put the prediction 3 away from the target. Compare the three slopes. Now choose $\delta$ so that Huber's slope is the same as that of the absolute error. What does the loss look like then, near the target?
2. Middle: with the answer *yes*, move the score from 6 to −6. Where does the squared error's slope have its greatest size, and what happens to it beyond? What does that mean for a network that begins badly?
3. Right: make class B the right one and give it a share of 99 %. What is left of the slopes? Now raise score A until A and B have the same share. Which score does the loss want lower, and how strongly? And what do the three slopes add up to, wherever the sliders stand?

## 10. Cross-check

Your losses against PyTorch's: values and gradients, with 1,000 examples of 100 classes; on a GPU if there is one. Errors near $10^{-16}$ are rounding.
"""

# %%
from dlcore.crosscheck import crosscheck

scores, classes = 3 * rng.standard_normal((1000, 100)), rng.integers(0, 100, 1000)
answers = rng.random((1000, 100)).round()

with when_written:
    backward = lambda g, x, t: g * mse_gradient(x, t)
    print(crosscheck(mse, "nn.functional.mse_loss", scores, answers, backward=backward))
with when_written:
    print(crosscheck(lambda x: logsumexp(x, 1), "logsumexp", scores, options={"dim": 1}))
with when_written:
    backward = lambda g, x, t: g * cross_entropy_gradient(x, t)
    print(
        crosscheck(cross_entropy, "nn.functional.cross_entropy", scores, classes, backward=backward)
    )
with when_written:
    backward = lambda g, x, t: g * bce_with_logits_gradient(x, t)
    name = "nn.functional.binary_cross_entropy_with_logits"
    print(crosscheck(bce_with_logits, name, scores, answers, backward=backward))

# %% [markdown]
r"""
## 11. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-loss" points=2
r"""
**Question A.** A colleague trains a classifier and reports: "The accuracy on new examples has not changed for ten rounds, but the cross-entropy on them keeps falling." Another one reports the opposite: the accuracy stays, the cross-entropy *rises*. Can both be? Say for each what the network is doing.

=== BEGIN MARK SCHEME ===
1 point: falling at equal accuracy: the same examples are right, but with larger probabilities for the right class (more confident where right, less wrong where wrong).
1 point: rising at equal accuracy: the wrong ones are becoming more confidently wrong (a few very large surprises dominate the mean), although no decision has changed; overconfidence, a sign of overfitting.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-zero" points=2
r"""
**Question B.** Can the cross-entropy of a network with finite scores ever be exactly 0? And what would gradient descent on digits that *can* be separated perfectly do to the weights, if it ran for ever?

=== BEGIN MARK SCHEME ===
1 point: no: softmax shares of finite scores are strictly between 0 and 1, so -log p > 0 (in a computer it may round to 0).
1 point: the gradient p - y never vanishes, so the weights keep growing (without limit, ever more slowly), the direction settles while their length goes on growing.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

You asked how probable the data are, and got squared error and cross-entropy for an answer. You wrote both in a form that no score can break, found that the gradient is *what you said minus what is true*, and trained a layer with it.

For one layer you could work out the weights' gradient on paper. With ten layers that would be a long afternoon, and after a change to the network another one. Lesson 4 hands the work to the computer: you will write a program that finds the gradient of *any* formula.

## References

- P. Huber, *Robust estimation of a location parameter*, 1964. Between the mean and the median.
- J. Bridle, *Probabilistic interpretation of feedforward classification network outputs*, 1990. The paper that named softmax, and derived p − y.
- C. Bishop, *Pattern recognition and machine learning*, 2006, chapters 1.2 and 4.3. Likelihood and its losses, at leisure.
- P. Blanchard, D. Higham and N. Higham, *Accurately computing the log-sum-exp and softmax functions*, 2021. What rounding does to them, proved.
"""
