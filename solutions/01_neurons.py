# %% [markdown]
r"""
# 1 · Neurons

**At the end of this lesson you will have written a machine that learns to tell handwritten 4s from 9s, and you
will have seen, on four points, what no machine of its kind can ever learn.**

You will be able to

- compute what a neuron computes, for one input and for twenty thousand at once;
- say where a neuron's decision boundary lies, and move it where you want it;
- write the learning rule of 1957 that finds the boundary by itself;
- show why one neuron cannot compute XOR, and build a network of three that can.

**You need** Python, NumPy arrays, and the equation of a straight line. **Time:** about 90 minutes.

Run the two cells below (Shift + Enter runs a cell), then drag a slider, or click it and use the arrow keys. The neuron
colors the plane: orange where it says *yes*, blue where it says *no*. A ring marks a point it gets wrong.
"""

# %%
import numpy as np

from autograder import check, when_written
from dlcore import data, explore, plot

rng = np.random.default_rng(1957)

# %%
explore.neuron()

# %% [markdown]
r"""
## A question first: which rule tells a 4 from a 9?

Here are handwritten digits, 8 × 8 pixels each, every pixel a gray value from 0 to 1. You see at once which are 4s. Try to
say *how*.
"""

# %%
digits = data.digits()
chosen = (digits.y == 4) | (digits.y == 9)
images, is_nine = digits.x[chosen], (digits.y[chosen] == 9).astype(int)

for ax, image, nine in zip(plot.axes(1.3, 1.5, columns=8), images, is_nine):
    ax.imshow(image.reshape(8, 8), cmap="gray_r")
    ax.set(title="9" if nine else "4", xticks=[], yticks=[])
plot.show(
    "Eight handwritten digits: 4, 9, 4, 9, 4, 9, 9, 9. Some 4s are closed at the top, like 9s."
)

# %% [markdown]
r"""
A first idea: perhaps one of the two takes more ink. Let us try *every* threshold on the amount of ink, in both
directions, and keep the best one.
"""

# %%
ink = images.mean(axis=1)
accuracy = max(np.mean((sign * (ink - t) > 0) == is_nine) for t in ink for sign in (1, -1))
print(f"best rule about ink: {accuracy:.1%} right (guessing: about 50 %)")

# %% [markdown]
r"""
<!-- measured: 58.4% -->
58.4 %: hardly better than a coin. We could look for cleverer rules, pixel by pixel, for a long time. People did, for
decades. The other way is to write a program that *finds* the rule from examples, and for that we need something
that has a rule inside it which can be turned gradually. That something is a neuron.

## 1. A weighted sum

A neuron looks at its $D$ inputs $x_1 \dots x_D$. Each input has a **weight** $w_i$ that says how much it counts, and in which
direction. The neuron adds everything up, and adds one more number, the **bias** $b$:

$$z = \sum_{i=1}^{D} w_i\,x_i + b \qquad\qquad x\ (D,),\quad w\ (D,),\quad b\ \text{and}\ z\ \text{numbers}$$

With numbers: for $x = (1, 2)$, $w = (3, -1)$ and $b = 0.5$,

$$z = 3 \cdot 1 + (-1) \cdot 2 + 0.5 = 1.5$$

The first input speaks *for* (weight 3), the second *against* (weight −1), and the bias is what the neuron thinks before it has
seen anything.
"""

# %% [markdown]
r"""
### Exercise 1.1: weighted sum

Write the body of the function. Then run the cell below it: `check` tries your function on a few inputs and on fresh random ones,
and tells you what it found. You can check as often as you like. In all lessons, write your answers with Python and NumPy; you may import
what you wrote in earlier lessons. Do not use SciPy, scikit-learn, pandas or PyTorch: they are not available during grading.

<details><summary>Hint 1</summary>Multiply entry by entry, add up the products, add the bias once.</details>
<details><summary>Hint 2</summary>NumPy multiplies arrays entry by entry with <code>*</code>, and <code>.sum()</code> adds up.
There is also one operator that does both: <code>@</code>.</details>
"""


# %%
def weighted_sum(x, w, b):
    """Weigh the inputs and add the bias.

    x (D,), w (D,), b a number  ->  a number
    Example: x = [1, 2], w = [3, -1], b = 0.5  ->  1.5
    """
    ### BEGIN SOLUTION
    return x @ w + b
    ### END SOLUTION


# %%
check("neurons.weighted_sum", weighted_sum)

# %% [markdown]
r"""
## 2. Yes or no

A neuron of 1943 (McCulloch and Pitts) has two answers only. It **fires**, 1, if the weighted sum is above zero, and
stays silent, 0, if not:

$$p = \begin{cases} 1 & z > 0 \\ 0 & z \le 0 \end{cases}$$

The example above had $z = 1.5$, so it fires. With $b = -1.5$ instead, $z$ would be $3 - 2 - 1.5 = -0.5$: silent. The bias sets how
much evidence it takes.

From here on we hand over many examples at once. They are the rows of a matrix $x$ of shape $(N, D)$: $N$ examples
with $D$ numbers each. That is how every library of deep learning does it.

### Exercise 1.2: predict

<details><summary>Hint 1</summary><code>x @ w</code> also works when x has N rows: it gives N sums.</details>
<details><summary>Hint 2</summary>A comparison such as <code>z > 0</code> gives an array of True and False;
<code>.astype(int)</code> turns it into 1 and 0.</details>
"""


# %%
def predict(x, w, b):
    """Answer 1 where the weighted sum is above zero, 0 elsewhere.

    x (N, D), w (D,), b a number  ->  (N,) of 0 and 1
    Example: x = [[2, 0], [0, 2]], w = [1, -1], b = 0.5  ->  [1, 0]
    """
    ### BEGIN SOLUTION
    return (x @ w + b > 0).astype(int)
    ### END SOLUTION


# %%
check("neurons.predict", predict)

# %% [markdown]
r"""
## 3. A layer is a matrix product

One neuron asks one question. To ask $M$ questions of the same input, take $M$ neurons side by side: a **layer**. Their weights are
the rows of a matrix $w$ of shape $(M, D)$, their biases a vector $b$ of shape $(M,)$. Entry $(n, m)$ of the result is the sum that
neuron $m$ computes for example $n$:

$$z_{nm} = \sum_{d=1}^{D} x_{nd}\,w_{md} + b_m \qquad\Longleftrightarrow\qquad
\underbrace{z}_{(N,\,M)} = \underbrace{x}_{(N,\,D)}\;\underbrace{w^\top}_{(D,\,M)} + \underbrace{b}_{(M,)}$$

With numbers: two examples, two neurons.

$$x = \begin{pmatrix} 1 & 2 \\ 0 & -1 \end{pmatrix},\quad
w = \begin{pmatrix} 1 & 0.5 \\ -2 & 1 \end{pmatrix},\quad b = (0.1,\ 0.2)$$

$$z = \begin{pmatrix} 1\cdot 1 + 2\cdot 0.5 + 0.1 & \; 1\cdot(-2) + 2\cdot 1 + 0.2 \\ 0\cdot 1 - 1\cdot 0.5 + 0.1 & \;
0\cdot(-2) - 1\cdot 1 + 0.2 \end{pmatrix} = \begin{pmatrix} 2.1 & 0.2 \\ -0.4 & -0.8 \end{pmatrix}$$

Notice the transpose. The weights are stored with one *neuron* a row (that is PyTorch's convention), and a matrix product takes rows
of the first with *columns* of the second.

### Exercise 1.3: layer

Three loops would do it, and would take minutes where a matrix product takes milliseconds. The last part of the check has 20,000 examples.

<details><summary>Hint 1</summary>Write down the shapes: (N, D) times what gives (N, M)?</details>
<details><summary>Hint 2</summary><code>.T</code> is the transpose. Adding b, of shape (M,), to a matrix of shape (N, M) adds it to every row:
that is broadcasting.</details>
"""


# %%
def layer(x, w, b):
    """The weighted sums of M neurons for N examples.

    x (N, D), w (M, D), b (M,)  ->  (N, M)
    """
    ### BEGIN SOLUTION
    return x @ w.T + b
    ### END SOLUTION


# %%
check("neurons.layer", layer)

# %% [markdown]
r"""
How much does the matrix product gain? Here is the same layer by three loops, timed beside yours.
"""

# %%
import time


def layer_by_loops(x, w, b):
    z = np.zeros((len(x), len(w)))
    for n in range(len(x)):
        for m in range(len(w)):
            z[n, m] = b[m]
            for d in range(x.shape[1]):
                z[n, m] += x[n, d] * w[m, d]
    return z


with when_written:
    x, w, b = rng.standard_normal((200, 64)), rng.standard_normal((32, 64)), np.zeros(32)
    start = time.perf_counter()
    slow = layer_by_loops(x, w, b)
    middle = time.perf_counter()
    fast = layer(x, w, b)
    end = time.perf_counter()
    print(f"largest difference: {np.abs(slow - fast).max():.1e}")
    print(f"loops {1000 * (middle - start):.0f} ms, yours {1000 * (end - middle):.2f} ms")

# %% [markdown]
r"""
## 4. A neuron draws a line

With two inputs we can see what a neuron does. It changes its mind where $z$ is exactly zero, and

$$w_1 x_1 + w_2 x_2 + b = 0$$

is the equation of a straight line. On one side the neuron fires, on the other it is silent. (With three inputs it is a plane, with
64 a flat thing of 63 dimensions; the algebra is the same.) The weights, seen as an arrow $(w_1, w_2)$, stand at a right
angle on the line and point to the side that fires.

With numbers: $w = (1, 2)$ and $b = -2$. Above $x_1 = 0$ the line is where $2 x_2 - 2 = 0$, so at $x_2 = 1$; above $x_1 = 2$ it is where
$2 + 2 x_2 - 2 = 0$, so at $x_2 = 0$.

**Predict, then look.** Keep $w = (1, 2)$ and let $b$ grow from −2 to 0. Does the line move toward the arrow's side or away from it? And if all three
numbers are doubled, where does the line go? Decide before you read on; the picture below the exercise will tell.

### Exercise 1.4: decision boundary

Solve the equation for $x_2$.

<details><summary>Hint 1</summary>Bring everything without x2 to the other side (the signs turn), then divide by what
stands before x2.</details>
<details><summary>Hint 2</summary>Check by hand: w = (1, 2), b = −2 and x1 = 0 must give 1.</details>
"""


# %%
def decision_boundary(x1, w, b):
    """The height x2 of the decision line above each x1.

    x1 (N,), w (2,) with w[1] not zero, b a number  ->  (N,)
    Example: x1 = [0, 2], w = [1, 2], b = -2  ->  [1, 0]
    """
    ### BEGIN SOLUTION
    return -(w[0] * x1 + b) / w[1]
    ### END SOLUTION


# %%
check("neurons.decision_boundary", decision_boundary)

# %%
with when_written:
    ax = plot.axes()
    x1, w = np.linspace(-3, 3, 7), np.array([1.0, 2.0])
    cases = [(w, -2.0, "b = -2"), (w, 0.0, "b = 0"), (2 * w, -4.0, "all doubled, from b = -2")]
    for k, (weights, b, name) in enumerate(cases):
        style = {"ls": ["-", "--", ":"][k], "lw": [5, 2, 2.5][k], "alpha": [0.4, 1, 1][k]}
        ax.plot(x1, decision_boundary(x1, weights, b), color=plot.COLORS[k], label=name, **style)
    ax.annotate("", xytext=(0, 1), xy=(0.5, 2), arrowprops={"arrowstyle": "->", "lw": 2})
    ax.set(xlabel="x1", ylabel="x2", xlim=(-3, 3), ylim=(-2, 3), aspect="equal")
    ax.set_title("the arrow is w, and points to the side that fires")
    ax.legend()
    plot.show(
        "Two parallel lines that fall to the right. The one for b = 0 runs through the origin, the one "
        "for b = -2 above it; the line of the doubled neuron lies on that one."
    )

# %% [markdown]
r"""
A larger bias makes the neuron easier to persuade: the line moves *against* the arrow, and more of the plane fires. Doubling everything
moves nothing, because $2z = 0$ where $z = 0$. So the line has two degrees of freedom, not three. The third, the length of $w$,
will matter in lesson 2, when the answer is no longer just yes or no.

## 5. Learning from a mistake

In 1957 Frank Rosenblatt gave the neuron a rule to find its weights. Show it an example with its right answer $y$ (0 or 1), let it predict $p$,
and look at the error $y - p$:

| $y$ | $p$ | error | what to do |
|---|---|---|---|
| 1 | 1 | 0 | nothing |
| 0 | 0 | 0 | nothing |
| 1 | 0 | +1 | the sum was too low: move the weights *toward* this $x$ |
| 0 | 1 | −1 | the sum was too high: move them *away* from it |

One formula says all four lines. With a step size $\eta$ (eta, the **learning rate**):

$$w \leftarrow w + \eta\,(y - p)\,x \qquad\qquad b \leftarrow b + \eta\,(y - p)$$

With numbers: $w = (0.5, -1)$, $b = 0$, $\eta = 1$, and the example $x = (1, 2)$ with $y = 1$. The sum is
$0.5 - 2 + 0 = -1.5$, so $p = 0$: a mistake. The rule gives $w = (0.5, -1) + 1\cdot(1, 2) = (1.5, 1)$ and $b = 1$. Now the sum for
this $x$ is $1.5 + 2 + 1 = 4.5$, and the neuron fires.

**Predict, then look.** After one step the sum for *that* example always moves in the right direction. By how much? (With $\eta = 1$, compute the new sum minus
the old one for a missed $x$, in letters, before you open the answer.)

<details><summary>Answer</summary>The sum changes by w_new · x + b_new − w · x − b = ‖x‖² + 1, always above zero. In the example: 1 + 4 + 1 = 6,
from −1.5 to 4.5. Other examples may get worse, which is why learning takes several rounds.</details>

### Exercise 1.5: one step of learning

Return *new* weights and a new bias. The old ones belong to your caller, who may still need them.

<details><summary>Hint 1</summary>First the prediction p for this one x, then the error, then both formulas.</details>
<details><summary>Hint 2</summary>p must be the number 0 or 1. <code>w += ...</code> would change the caller's array;
<code>w + ...</code> makes a new one.</details>
"""


# %%
def perceptron_step(x, y, w, b, lr=1.0):
    """Learn from one example with the perceptron rule.

    x (D,), y 0 or 1, w (D,), b a number, lr the learning rate  ->  new w (D,), new b
    Example: x = [1, 2], y = 1, w = [0.5, -1], b = 0  ->  [1.5, 1], 1
    """
    ### BEGIN SOLUTION
    error = y - float(x @ w + b > 0)
    return w + lr * error * x, b + lr * error
    ### END SOLUTION


# %%
check("neurons.perceptron_step", perceptron_step)

# %% [markdown]
r"""
Watch your rule at work. The ring marks the mistake that it learns from next; four steps later the line stands.
"""

# %%
with when_written:
    clouds = data.blobs(15, np.random.default_rng(3), distance=3.0, spread=0.6)
    w, b, order = np.array([1.0, -1.0]), 0.0, np.random.default_rng(0).permutation(30)
    for ax in plot.axes(2.7, 2.9, columns=5):
        missed = [i for i in order if predict(clouds.x[i : i + 1], w, b)[0] != clouds.y[i]]
        plot.points(ax, clouds.x, clouds.y)
        plot.regions(ax, lambda points, w=w, b=b: predict(points, w, b), -3, 3)
        ax.set(title=f"{len(missed)} mistakes", xlabel="x1", ylabel="x2", aspect="equal")
        if missed:
            i = missed[0]
            ax.plot(*clouds.x[i], "o", mfc="none", mec="black", ms=15, mew=2)
            w, b = perceptron_step(clouds.x[i], clouds.y[i], w, b)
    plot.show(
        "Five pictures of the same two clouds with the line after each step. It swings round until it "
        "lies between the clouds: 13, 2, 1, 1 and 0 mistakes."
    )

# %% [markdown]
r"""
## 6. The perceptron of 1957

Now round after round. Go through the examples in order and learn from each; one such pass is an **epoch**. If an epoch passes without a mistake,
nothing will ever change again, and the training is done. If a line exists that separates the classes, this always happens, after
a finite number of mistakes (Novikoff, 1962). If none exists, it never does, so we need a limit on the epochs too.

With numbers: learning OR, starting from zero. In the first epoch $(0, 0)$ is right (the sum is 0: silent), $(0, 1)$ is a mistake and leaves $w = (0, 1)$, $b = 1$. Now
everything fires, so $(1, 0)$ and $(1, 1)$ are right. Mistakes: 1. The second epoch begins with $(0, 0)$, which now fires: a mistake, and $b$ goes back
to 0 …

### Exercise 1.6: train

<details><summary>Hint 1</summary>Two loops: over epochs, and inside over <code>zip(x, y)</code>. Use your
<code>perceptron_step</code> with lr = 1.</details>
<details><summary>Hint 2</summary>Count a mistake whenever the prediction differs from y, <em>before</em> the step. The counter starts at zero in every
epoch; the weights only once.</details>
<details><summary>Hint 3</summary>At the end of an epoch append the count to the list; if it is 0, leave the loop.</details>
"""


# %%
def train_perceptron(x, y, epochs=10):
    """Train from zero weights; stop after an epoch without a mistake, or after the last.

    x (N, D), y (N,) of 0 and 1  ->  w (D,), b, mistakes (a list, one count for each epoch run)
    """
    ### BEGIN SOLUTION
    w, b, mistakes = np.zeros(x.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for xi, yi in zip(x, y):
            wrong += int(predict(xi[None], w, b)[0] != yi)
            w, b = perceptron_step(xi, yi, w, b)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes
    ### END SOLUTION


# %%
check("neurons.train_perceptron", train_perceptron)

# %% [markdown]
r"""
Back to the question of the beginning. Two thirds of the 4s and 9s are for training, one third is kept aside: the machine never sees those while it learns,
so they show what it has *understood* rather than memorized.
"""

# %%
order = np.random.default_rng(0).permutation(len(images))
train, test = order[: 2 * len(order) // 3], order[2 * len(order) // 3 :]

with when_written:
    w, b, mistakes = train_perceptron(images[train], is_nine[train], epochs=50)
    right = predict(images[test], w, b) == is_nine[test]
    print("mistakes in each epoch:", mistakes)
    print(f"new digits: {right.sum()} of {len(test)} right, {right.mean():.1%}")

# %% [markdown]
r"""
<!-- measured: [14, 8, 3, 2, 0] | 118 of 121 right | 97.5% -->
With the reference solution: mistakes 14, 8, 3, 2, 0, and 118 of 121 new digits right, 97.5 % (the split is fixed by the seed 0). From 64 pixels, a rule
of three lines, and no idea of what a 9 is. What did it find? Its 64 weights have the shape of an image, so look at them.

**Predict, then look.** Which pixels should speak for a 9, and which for a 4? Decide, then run the cell.
"""

# %%
with when_written:
    w, b, mistakes = train_perceptron(images[train], is_nine[train], epochs=50)
    left, middle, right = plot.axes(3, 3, columns=3)
    for ax, title, picture in (
        (left, "average 4", images[is_nine == 0].mean(0)),
        (middle, "average 9", images[is_nine == 1].mean(0)),
    ):
        ax.imshow(picture.reshape(8, 8), cmap="gray_r")
        ax.set(title=title, xticks=[], yticks=[])
    size = np.abs(w).max()
    shown = right.imshow(w.reshape(8, 8), cmap="PuOr_r", vmin=-size, vmax=size)
    right.set(title="weights: orange for 9, purple for 4", xticks=[], yticks=[])
    right.figure.colorbar(shown, ax=right)
    plot.show(
        "The average 4, the average 9, and the 64 weights as an image: positive in the arc at the upper "
        "right, negative low on the left and in the middle."
    )

# %% [markdown]
r"""
The arc at the upper right speaks for a 9. The stroke low on the left, where a 4 passes and a 9 hardly ever does, speaks against. Nobody told it.

## 7. Four points that no neuron can learn

Take XOR: *one or the other, but not both*.
"""

# %%
corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
answers = np.array([0, 1, 1, 0])

with when_written:
    w, b, mistakes = train_perceptron(corners, answers, epochs=40)
    print("mistakes in each epoch:", mistakes)

# %% [markdown]
r"""
It goes round in circles, and it would for ever. The reason is on one line. Suppose weights existed. Then $(0,0)$ silent means $b \le 0$; $(0,1)$ and $(1,0)$
fire, so $w_2 + b > 0$ and $w_1 + b > 0$; add those two: $w_1 + w_2 + 2b > 0$, so $w_1 + w_2 + b > -b \ge 0$, and $(1,1)$ must fire as well. But it should not. Minsky and Papert
made this point in 1969, and research on neural networks nearly stopped for a decade.

The way out is a second layer. One hidden neuron can answer "at least one input is on", another "both are on", and a third looks only at *their* answers:

$$h = \text{step}(x\,w_1^\top + b_1)\quad (N, 2) \qquad\qquad p = \text{step}(h\,w_2^\top + b_2)\quad (N, 1)$$

### Exercise 1.7: three neurons for XOR

Find the numbers, with pencil and paper. There are many right answers.

<details><summary>Hint 1</summary>A neuron with both weights 1 computes the number of inputs that are on, plus b. Which b makes it fire from one on? Which
only at two?</details>
<details><summary>Hint 2</summary>Call the two hidden answers "or" and "and". XOR is "or, but not and": what signs must their
weights have in the output neuron?</details>
<details><summary>Hint 3</summary>Fill in a table with the four corners as rows: x1, x2, or, and, output sum. Only two of the sums may be above zero.</details>
"""


# %%
def xor_network():
    """The weights of two hidden neurons and one output neuron that compute XOR.

    ->  w1 (2, 2), b1 (2,), w2 (1, 2), b2 (1,)
    """
    ### BEGIN SOLUTION
    w1, b1 = np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([-0.5, -1.5])
    w2, b2 = np.array([[1.0, -1.0]]), np.array([-0.5])
    return w1, b1, w2, b2
    ### END SOLUTION


# %%
check("neurons.xor_network", xor_network)

# %% [markdown]
r"""
Your layers, stacked, draw what one neuron cannot: *two* lines, and the strip between them.
"""

# %%
with when_written:
    w1, b1, w2, b2 = xor_network()

    def two_layers(points):
        hidden = (layer(points, w1, b1) > 0).astype(float)
        return (layer(hidden, w2, b2) > 0).astype(int)[:, 0]

    ax = plot.axes(4, 3.6)
    plot.regions(ax, two_layers, -0.5, 1.5)
    plot.points(ax, corners, answers, names=("XOR = 0", "XOR = 1"))
    ax.set(xlabel="x1", ylabel="x2", title="two layers of threshold neurons")
    plot.show(
        "A diagonal strip between two parallel lines holds (0, 1) and (1, 0), and no other corner."
    )

# %% [markdown]
r"""
## 8. Explore

Go back to the explorer at the top (or run `explore.neuron()` in a new cell).

1. On *two clouds*, use only the two *line* sliders to get every point right. Then make $w_1$ and $w_2$ both twice as large and
   double $b$. What changes with *step*? What changes with *sigmoid*?
2. On *overlapping clouds*, find the line with the fewest mistakes you can. Then press *one epoch of learning* a few times. Does the rule beat you? Does it ever stop?
3. On *XOR*, what is the largest number of points that any line gets right? Argue why no line can do better.

## 9. Cross-check

PyTorch is the library that most of the field works with; your `layer` is its `nn.functional.linear`. Do the two agree, and
which is faster? (If PyTorch is not installed, or there is no GPU, the cell says so.)
"""

# %%
from dlcore.crosscheck import crosscheck

with when_written:
    sizes = rng.standard_normal((512, 256)), rng.standard_normal((128, 256)), np.ones(128)
    report = crosscheck(layer, "nn.functional.linear", *sizes)
    print(report)

# %% [markdown]
r"""
## 10. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-bias" points=2
r"""
**Question A.** Someone trains a perceptron *without* a bias on the digits, scaled so that an empty pixel is 0. It does almost as well. They conclude that
neurons need no bias. On which simple data in the plane would their neuron fail, although a line separates the classes, and why?

=== BEGIN MARK SCHEME ===
1 point: without a bias the boundary always runs through the origin (z = 0 at x = 0 whatever the weights).
1 point: an example that follows, such as two clouds on the same side of the origin, one behind the other, or OR/AND on 0/1 inputs,
where (0, 0) must be told apart from points in all positive directions; with a correct reason.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-errors" points=2
r"""
**Question B.** The mistakes per epoch on the digits fell 14, 8, 3, 2, 0, yet 3 of 121 new digits came out wrong. Why is 0 mistakes in training
no promise for new digits? And the rule stopped at the *first* line without mistakes: name one way in which another such line could be better.

=== BEGIN MARK SCHEME ===
1 point: training checks only the examples seen; new ones may fall on the other side of a line that merely fits those.
1 point: any sound criterion for a better line, such as a larger distance from the nearest points (margin), smaller error on held-out data, or an average
over the lines visited.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

You wrote a neuron, a layer, a learning rule, and a classifier of handwritten digits that finds its own rule. You also built a network of two layers, but its weights came
from your pencil: the perceptron rule has no idea what to do with a *hidden* neuron, since nobody tells it what that neuron's right answer would be.

The trouble is the step. It is flat on both sides, so a small change of a weight changes nothing at all, and nothing can be learned from nothing. Lesson 2 replaces the step by
curves that lean.

## References

- W. McCulloch and W. Pitts, *A logical calculus of the ideas immanent in nervous activity*, 1943. The threshold neuron; any logic can be built from it.
- F. Rosenblatt, *The perceptron: a probabilistic model for information storage and organization in the brain*, 1958. The learning rule, and great expectations.
- A. Novikoff, *On convergence proofs on perceptrons*, 1962. Why training ends if a line exists.
- M. Minsky and S. Papert, *Perceptrons*, 1969. What one layer cannot do.
- E. Alpaydin and C. Kaynak, *Optical recognition of handwritten digits*, UCI repository, 1998. The digits of this lesson.
"""
