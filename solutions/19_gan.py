# %% [markdown]
r"""
# 19 · Generative adversarial networks

**At the end of this lesson you will have written a forger and a judge that learn from each other until the forger makes digits, and you will have found out whether he makes them or copies them.**

You will be able to

- write the game of two networks down, and say what the best judge would answer;
- explain why a forger who is bad learns nothing from one loss, and much from the other;
- give each network its turn, with the right one of them held still;
- make a forger collapse on purpose, measure it, and cure it;
- tell whether something has been made or memorized.

**It builds on** leaky ReLU (lesson 2), binary cross-entropy (lesson 3), the backward pass of a layer (lesson 5), `AdamW` (lesson 6) and the VAE (lesson 18). **Time:** about 120 minutes.

Run the two cells. In the rings are the points that the forger is to imitate, of which he has never seen one. Orange is where the judge believes what he sees. Press play.
"""

# %%
import numpy as np

from autograder import check, when_written
from dlcore import data, explore, plot
from dlcore.backend.device import to_gpu, to_numpy, where
from dlcore.scratch.activations import sigmoid  # lesson 2
from dlcore.scratch.optimizers import AdamW, cosine_schedule  # lesson 6
from dlcore.scratch.regularization import loss_and_gradients  # lesson 8
from dlcore.scratch.training import batches, group_split, he_init  # lesson 7
from dlcore.scratch.vae import vae_loss  # lesson 18

# %%
explore.gan()

# %% [markdown]
r"""
## A question first: can you be told from the real?

The VAE of lesson 18 makes digits up. You have seen that they are soft. Is that a matter of taste? Let a network decide: it is shown real digits and made-up ones, learns to tell them apart, and is then asked about pictures of both sorts that it has not seen. Whoever cannot tell is right in 50 of 100.

**Predict, then look.** In how many is it right?
"""

# %%
digits = data.digits()
x = digits.x.reshape(-1, 64) / digits.x.max()
known, new = group_split(np.arange(len(x)), 0.3, rng=0)


def learn(params, gradients, many, epochs, seed, rate=0.003):
    """The parameters after training; gradients takes parameters, the numbers of some rows, and a generator."""
    draw, adam = np.random.default_rng(seed), AdamW(rate)
    for epoch in range(epochs):
        adam.lr = rate * cosine_schedule(epoch, epochs)
        for rows in batches(many, 64, draw):
            params = adam.step(params, gradients(params, rows, draw))
    return params


def classifier(pictures, kinds, seed=0, epochs=40):
    """A network of lesson 7 that has learned these pictures."""

    def gradients(params, rows, draw):
        return loss_and_gradients(params, pictures[rows], kinds[rows])[1]

    first = he_init([64, 64, max(kinds) + 1], np.random.default_rng(seed))
    return learn(first, gradients, len(pictures), epochs, seed)


def scores_of(network, pictures):
    """Two layers with a ReLU between them."""
    between = pictures @ network[0].T + network[1]
    return np.where(between > 0, between, 0) @ network[2].T + network[3]


def told_apart(made):
    """In which share of unseen pictures, real and made, a new network says rightly which is which."""
    real, fresh = x[known], made[: len(known)]
    network = classifier(np.concatenate([real, fresh]), np.repeat([0, 1], len(known)), epochs=30)
    rest = made[len(known) : len(known) + len(new)]
    said = scores_of(network, np.concatenate([x[new], rest])).argmax(axis=1)
    return np.mean(said == np.repeat([0, 1], len(new)))


def row_of(axes, pictures, title=""):
    """Pictures of 64 pixels, side by side."""
    for ax, picture in zip(axes, pictures):
        ax.imshow(picture.reshape(8, 8), cmap="Greys", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    axes[0].set_ylabel(title)


with when_written:

    def vae_gradients(params, rows, draw):
        return vae_loss(params, x[known[rows]], draw.standard_normal((len(rows), 8)))[2]

    draw = np.random.default_rng(0)
    first = [*he_init([64, 128, 16], draw), *he_init([8, 128, 64], draw)]
    vae = learn(first, vae_gradients, len(known), 60, 0)
    of_vae = sigmoid(scores_of(vae[4:], draw.standard_normal((2000, 8))))
    share = told_apart(of_vae)
    print(f"right in {share:.0%}; more than 9 in 10: {'yes' if share > 0.9 else 'no'}")

# %% [markdown]
r"""
<!-- measured: more than 9 in 10: yes -->
It is no matter of taste. And here is the idea of this lesson (Goodfellow and others, 2014): such a network is not only a *verdict*. It can be asked how a picture would have to change to be taken for real, for it has gradients. So let it teach the network that makes the pictures.

## 1. The judge

There are two networks. The **generator** $G$, a forger, makes something of noise: $z\,(M, Z)$, drawn from $\mathcal N(0, 1)$, becomes $G(z)\,(M, D)$. The **discriminator**, a judge, gives each row a score $a$, a logit: above 0 he takes it for real. With $s(a)$ for the sigmoid, his loss is the cross-entropy of lesson 3, one mean over the $N$ real rows, and one over the $M$ made ones:

$$L_D = -\frac1N \sum_n \log s(a^{\text{real}}_n) - \frac1M \sum_m \log\big(1 - s(a^{\text{made}}_m)\big)$$

$$\frac{\partial L_D}{\partial a^{\text{real}}_n} = -\frac1N \big(1 - s(a^{\text{real}}_n)\big) \qquad\qquad \frac{\partial L_D}{\partial a^{\text{made}}_m} = \frac1M\, s(a^{\text{made}}_m)$$

As in lesson 3, one does not take the logarithm of a sigmoid: $-\log s(a) = \log(1 + e^{-a})$ and $-\log(1 - s(a)) = \log(1 + e^{a})$.

With numbers: real scores $\log 3 = 1.099$ and $0$, so $s = 0.75$ and $0.5$; one made score, $-\log 4 = -1.386$, so $s = 0.2$. $L_D = \frac12 (0.288 + 0.693) + 0.223 = 0.714$. The gradients are $-\frac12 \cdot 0.25 = -0.125$ and $-\frac12 \cdot 0.5 = -0.25$, and $0.2$.

There is a second kind of judge, of which more in section 5: he gives no probabilities, only marks, and is to give higher ones to the real. This kind is called "wasserstein":

$$L_D = \frac1M \sum_m a^{\text{made}}_m - \frac1N \sum_n a^{\text{real}}_n$$

### Exercise 19.1: the judge's loss

<details><summary>Hint 1</summary><code>np.logaddexp(0, a)</code> is log(1 + exp(a)) for any a. The real need it of minus their scores, the made of their scores.</details>
<details><summary>Hint 2</summary>1 - s(a) is s(-a). Each gradient is divided by the number of rows that its own mean runs over. For "wasserstein" all entries are the same: <code>np.full(shape, value)</code>.</details>
"""


# %%
def discriminator_loss(real, fake, kind="non-saturating"):
    """How badly scores tell the real from what was made, and the gradients of both.

    real (N, 1), fake (M, 1), kind "wasserstein" or another word  ->  a number, (N, 1), (M, 1)
    Example: real = [[1.0986], [0]], fake = [[-1.3863]]  ->  0.7136, [[-0.125], [-0.25]], [[0.2]]
    """
    ### BEGIN SOLUTION
    if kind == "wasserstein":
        same = np.ones(real.shape) / -len(real), np.ones(fake.shape) / len(fake)
        return fake.mean() - real.mean(), *same
    badly = np.logaddexp(0, -real).sum() / len(real) + np.logaddexp(0, fake).sum() / len(fake)
    return badly, (sigmoid(real) - 1) / len(real), sigmoid(fake) / len(fake)
    ### END SOLUTION


# %%
check("gan.discriminator_loss", discriminator_loss)

# %% [markdown]
r"""
What would the *best* judge say? At a place where real rows have the density $p$ and made ones the density $q$, he sees a real one with the probability

$$s^*(x) = \frac{p(x)}{p(x) + q(x)}$$

With numbers: where $p = 0.3$ and $q = 0.1$, three of four are real: $s^* = 0.75$. Where the forger is perfect, $p = q$ everywhere, $s^* = 0.5$: the judge can only guess, and $L_D = 2 \log 2 = 1.386$. That is what the forger wants.

## 2. What the judge can pass on

Both networks are layers $a = h w^\top + b$ with a **leaky ReLU** between them (lesson 2): what is below 0 is multiplied by 0.2. With a plain ReLU, units of the judge that are off would tell the forger nothing. Forwards you know; it is in the cell below.

Backwards there is something new. Up to now, gradients were wanted for *parameters*. The forger wants the judge's gradient for *what went into him*: how should this point move to look more real? The backward pass only has to go one layer further. With $\bar a$ for what arrives at a layer,

$$\bar w = \bar a^\top h \qquad \bar b = \sum_n \bar a_n \qquad \bar h = \bar a\, w $$

and before that, where a leaky ReLU stands after the layer, what arrives at it is multiplied by 1 where $h' > 0$ and by 0.2 elsewhere; $h'$ is what came out of it.

With numbers: one of everything, $w_1 = 2$, $w_2 = 3$, no biases, $x = -1$. The first layer says $-2$, which leaks to $-0.4$; the second $-1.2$. With $\bar a = 1$: $\bar w_2 = 1 \cdot (-0.4) = -0.4$, $\bar b_2 = 1$; backwards $3$, through the leak $0.6$; $\bar w_1 = 0.6 \cdot (-1) = -0.6$, $\bar b_1 = 0.6$; and for what went in, $0.6 \cdot 2 = 1.2$.
"""


# %%
def mlp_outputs(params, x):
    """What comes out of each layer, x first: leaky ReLUs (slope 0.2) after all but the last.

    params [w, b, w, b ...], w (M, D), b (M,), x (N, D)  ->  list of arrays (N, ...)
    """
    outputs = [x]
    for layer in range(0, len(params), 2):
        a = outputs[-1] @ params[layer].T + params[layer + 1]
        last = layer == len(params) - 2
        outputs.append(a if last else np.maximum(a, 0.2 * a))
    return outputs


# %% [markdown]
r"""
### Exercise 19.2: back to what went in

<details><summary>Hint 1</summary>From the last layer to the first. There are as many layers as pairs in params, and outputs has one entry more: layer l (from 0) takes outputs[l] and makes outputs[l + 1].</details>
<details><summary>Hint 2</summary>Before a layer that is not the last, g passes the leak: multiply with <code>np.where(outputs[l + 1] > 0, 1, 0.2)</code>. Then come its two gradients, and then g times w, for the first layer too: that is what x gets.</details>
"""


# %%
def mlp_backward(params, outputs, g):
    """The gradients of all parameters, and of what went in.

    params and outputs as in mlp_outputs, g (N, M) of the last output  ->  list of the shapes of params, (N, D)
    Example: params = [[[2]], [0], [[3]], [0]], outputs = [[[-1]], [[-0.4]], [[-1.2]]], g = [[1]]
      ->  [[[-0.6]], [0.6], [[-0.4]], [1]], [[1.2]]
    """
    ### BEGIN SOLUTION
    gradients = [None] * len(params)
    for i in range(len(params) - 2, -1, -2):
        went_in, came_out = outputs[i // 2], outputs[i // 2 + 1]
        if i + 2 != len(params):
            g = np.where(came_out > 0, g, g / 5)
        gradients[i : i + 2] = g.T @ went_in, g.sum(axis=0)
        g = g @ params[i]
    return gradients, g
    ### END SOLUTION


# %%
check("gan.mlp_backward", mlp_backward)

# %% [markdown]
r"""
## 3. The judge's turn

He is shown real rows, and rows that the forger has made *just now*. What was made is taken as given: in the judge's turn, nobody asks how the forger could be worse. (In PyTorch you would write `G(z).detach()`. To forget it is the classic mistake of all who train two networks: nothing complains, and one of them learns to please the other.) His gradients are the sum of those for the real rows and those for the made ones.

### Exercise 19.3: gradients of the judge

<details><summary>Hint 1</summary>Make the rows, with the last of mlp_outputs; let the judge look at both sorts, separately; ask your discriminator_loss; go back twice, and add up pair by pair.</details>
<details><summary>Hint 2</summary>What mlp_backward says of what went in is not needed here.</details>
"""


# %%
def discriminator_gradients(discriminator, generator, x, z, kind="non-saturating"):
    """The judge's loss on real rows x and on what the generator makes of z, and the gradients of the judge alone.

    discriminator and generator: params as in mlp_outputs, x (N, D), z (M, Z)
      ->  a number, a list of the shapes of discriminator
    """
    ### BEGIN SOLUTION
    *_, forged = mlp_outputs(generator, z)
    seen = [mlp_outputs(discriminator, rows) for rows in (x, forged)]
    loss, *slopes = discriminator_loss(seen[0][-1], seen[1][-1], kind)
    first, second = (mlp_backward(discriminator, s, g)[0] for s, g in zip(seen, slopes))
    return loss, [one + other for one, other in zip(first, second)]
    ### END SOLUTION


# %%
check("gan.discriminator_gradients", discriminator_gradients)

# %% [markdown]
r"""
Is the trained judge the best one of section 1? Take a forger who cannot learn: $G(z) = 0.8\, z + 1$, so what he makes is normal, with the mean 1 and the deviation 0.8. Real numbers have the mean 0 and the deviation 1. Then $p$ and $q$ are known.
"""

# %%
with when_written:
    draw = np.random.default_rng(0)
    forger = [np.array([[0.8]]), np.array([1.0])]
    judge, adam = he_init([1, 32, 32, 1], draw), AdamW(0.005, weight_decay=0)
    for step in range(1500):
        adam.lr = 0.005 * cosine_schedule(step, 1500)
        rows, z = draw.standard_normal((2, 256, 1))
        judge = adam.step(judge, discriminator_gradients(judge, forger, rows, z)[1])
    line = np.linspace(-2, 3, 101)[:, None]
    p, q = np.exp(-(line**2) / 2), np.exp(-(((line - 1) / 0.8) ** 2) / 2) / 0.8
    found = sigmoid(mlp_outputs(judge, line)[-1])
    off = np.abs(found - p / (p + q)).max()
    print(
        f"farthest from the best answer: {off:.2f}; by less than 0.15: {'yes' if off < 0.15 else 'no'}"
    )
    ax = plot.axes(5.2, 2.8)
    ax.plot(line, found, label="the judge after 1,500 steps")
    ax.plot(line, p / (p + q), "--", label="p / (p + q)")
    ax.set(xlabel="x", ylabel="probability of being real", ylim=(0, 1))
    ax.legend()
    plot.show("The judge's answers and the best ones over x: two curves that nearly coincide.")

# %% [markdown]
r"""
<!-- measured: by less than 0.15: yes -->
## 4. The forger's turn

What does the forger want? In the game as it stands, the opposite of the judge: to make $\log(1 - s(a))$ small on what he has made. This is the **minimax** loss. But look at its slope:

$$\text{minimax:}\quad L_G = \frac1M \sum_m \log(1 - s(a_m)) \qquad \frac{\partial L_G}{\partial a_m} = -\frac1M\, s(a_m)$$

At the beginning every forger is bad, and the judge knows: $s$ is nearly 0. Then so is the slope, and he learns nothing, just when he has most to learn. So one lets him make $-\log s(a)$ small instead. He wants the same, and the slope is steep where he is bad. This loss is called **non-saturating**:

$$\text{non-saturating:}\quad L_G = -\frac1M \sum_m \log s(a_m) \qquad \frac{\partial L_G}{\partial a_m} = -\frac1M \big(1 - s(a_m)\big)$$

For a judge who gives marks, "wasserstein", $L_G = -\frac1M \sum_m a_m$: the slope is always the same.

With numbers: one made row with $a = -\log 4 = -1.386$, $s = 0.2$. Minimax: $\log 0.8 = -0.223$, slope $-0.2$. Non-saturating: $-\log 0.2 = 1.609$, slope $-0.8$. And with $a = -7$, where $s = 0.0009$: slopes of $-0.0009$ and $-0.9991$.

### Exercise 19.4: the forger's losses

<details><summary>Hint 1</summary>log(1 - s(a)) is minus np.logaddexp(0, a); -log s(a) is np.logaddexp(0, -a). No sigmoid inside a logarithm.</details>
<details><summary>Hint 2</summary>All three slopes are negative: a higher score is always better for the forger. Each is divided by how many scores there are.</details>
"""


# %%
def generator_loss(fake, kind="non-saturating"):
    """How badly the scores of what was made deceive, and their gradient.

    fake (N, 1), kind "minimax", "non-saturating" or "wasserstein"  ->  a number, (N, 1)
    Example: fake = [[-1.3863]]  ->  1.6094, [[-0.8]];  with kind "minimax"  ->  -0.2231, [[-0.2]]
    """
    ### BEGIN SOLUTION
    if kind == "wasserstein":
        each, slope = -fake, np.full(fake.shape, -1.0)
    elif kind == "minimax":
        each, slope = -np.logaddexp(0, fake), -sigmoid(fake)
    else:
        each, slope = np.logaddexp(0, -fake), sigmoid(fake) - 1
    return each.mean(), slope / len(fake)
    ### END SOLUTION


# %%
check("gan.generator_loss", generator_loss)

# %% [markdown]
r"""
Now from the scores back to the forger's weights: first through the judge, who only passes on; then through the forger himself.

### Exercise 19.5: gradients of the forger

<details><summary>Hint 1</summary>Keep the outputs of all layers, of the forger and of the judge who looks at what he made. generator_loss gives the slope at the scores.</details>
<details><summary>Hint 2</summary>mlp_backward of the judge returns two things: gradients of his parameters, which nobody wants now, and that of what went into him. The second goes into mlp_backward of the forger.</details>
"""


# %%
def generator_gradients(generator, discriminator, z, kind="non-saturating"):
    """The forger's loss before the judge as he stands, and the gradients of the forger alone.

    generator and discriminator: params as in mlp_outputs, z (N, Z)  ->  a number, a list of the shapes of generator
    """
    ### BEGIN SOLUTION
    forged = mlp_outputs(generator, z)
    seen = mlp_outputs(discriminator, forged[-1])
    loss, slope = generator_loss(seen[-1], kind)
    wanted = mlp_backward(discriminator, seen, slope)[1]
    return loss, mlp_backward(generator, forged, wanted)[0]
    ### END SOLUTION


# %%
check("gan.generator_gradients", generator_gradients)

# %% [markdown]
r"""
The beginning, measured. A forger who has not learned anything yet makes points near 0; the real ones lie around $(3, 3)$. A judge learns for a while alone, and then says how far the forger's weights are pulled by each loss: the length of all his gradients together.

**Predict, then look.** The better the judge, the more the forger should learn from him. With which loss does he?
"""

# %%
with when_written:
    draw = np.random.default_rng(0)
    forger = he_init([2, 32, 2], draw)
    judge, adam, pulls = he_init([2, 32, 1], draw), AdamW(0.01, weight_decay=0), []
    print("judge's steps   s of the made   minimax pulls with   non-saturating")
    for step in range(201):
        if step in (0, 20, 50, 200):
            z = np.random.default_rng(1).standard_normal((256, 2))
            made = mlp_outputs(forger, z)[-1]
            believed = sigmoid(mlp_outputs(judge, made)[-1]).mean()
            pull = []
            for kind in ("minimax", "non-saturating"):
                slopes = generator_gradients(forger, judge, z, kind)[1]
                pull.append(np.sqrt(sum(np.sum(slope**2) for slope in slopes)))
            pulls.append(pull)
            print(f"{step:13} {believed:15.4f} {pull[0]:20.5f} {pull[1]:16.5f}")
        real = 3 + 0.1 * draw.standard_normal((64, 2))
        z = draw.standard_normal((64, 2))
        judge = adam.step(judge, discriminator_gradients(judge, forger, real, z)[1])
    ratio = pulls[-1][1] / pulls[-1][0]
    print("before the best judge, more than 20 times as strong:", "yes" if ratio > 20 else "no")

# %% [markdown]
r"""
<!-- measured: before the best judge, more than 20 times as strong: yes -->
With minimax, the forger hears the less, the better his teacher is.

## 5. In turns

A round: first the judge learns, from real rows and from what is made of some noise; then the forger learns, with *new* noise, before the judge *as he is now*. In each turn the other one holds still. If `clip` is given, the judge's parameters are pushed back into $[-\text{clip}, \text{clip}]$ after his step; you will need it soon.

With numbers, for the clip: a weight of $0.5$, clip $0.3$, and a step that leads to $0.6$: it becomes $0.3$. Had one clipped first, it would have gone from $0.3$ to $0.4$.

### Exercise 19.6: a round

<details><summary>Hint 1</summary>move_generator and move_discriminator are an optimizer's step each: they take parameters and gradients, and return new parameters.</details>
<details><summary>Hint 2</summary>z[0] is for the judge's turn, z[1] for the forger's. The forger asks generator_gradients with the judge that has moved, and has been clipped.</details>
"""


# %%
def gan_step(
    generator,
    discriminator,
    x,
    z,
    move_generator,
    move_discriminator,
    kind="non-saturating",
    clip=None,
):
    """A turn of the judge, with x and z[0], and one of the forger, with z[1].

    generator and discriminator: params as in mlp_outputs, x (N, D), z (2, M, Z), each move takes params and gradients
    and returns params  ->  generator, discriminator
    """
    ### BEGIN SOLUTION
    for_judge, for_forger = z
    against = discriminator_gradients(discriminator, generator, x, for_judge, kind)[1]
    discriminator = move_discriminator(discriminator, against)
    if clip is not None:
        discriminator = [np.minimum(np.maximum(p, -clip), clip) for p in discriminator]
    better = generator_gradients(generator, discriminator, for_forger, kind)[1]
    return move_generator(generator, better), discriminator
    ### END SOLUTION


# %%
check("gan.gan_step", gan_step)

# %% [markdown]
r"""
The proving ground is a ring of eight clouds (Metz and others, 2017): the forger should make points in all of them, and none between them. To see how he does, count. A point is *near* if it lies within a radius of the nearest center; a center is *hit* if at least one in a hundred of all points lies near it.

With numbers: the centers $(0, 0)$, $(4, 0)$, $(8, 0)$, the radius 1, and the points $(0, 0)$, $(0, 0.5)$, $(4, 0)$ and $(9, 9)$. Three of the four points are near, $0.75$; two centers are hit.

### Exercise 19.7: who is hit?

<details><summary>Hint 1</summary>All distances at once: <code>points[:, None] - centers</code> is (N, K, D); squares, a sum over the last axis, a root.</details>
<details><summary>Hint 2</summary>argmin over the centers says which one is nearest, min how far it is. A point that is too far counts for none. A center needs a share of 0.01 of <em>all</em> points.</details>
"""


# %%
def mode_coverage(points, centers, radius):
    """Which share of the points lies within the radius of a center, and how many centers are hit.

    points (N, D), centers (K, D), a number  ->  a number from 0 to 1, a whole number
    Example: points = [[0, 0], [0, 0.5], [4, 0], [9, 9]], centers = [[0, 0], [4, 0], [8, 0]], radius = 1  ->  0.75, 2
    """
    ### BEGIN SOLUTION
    away = np.linalg.norm(points[:, None] - centers, axis=2)
    near = away.min(axis=1) <= radius
    shares = np.bincount(away.argmin(axis=1)[near], minlength=len(centers)) / len(points)
    return near.mean(), int(np.sum(shares >= 0.01))
    ### END SOLUTION


# %%
check("gan.mode_coverage", mode_coverage)

# %% [markdown]
r"""
Now let them play, in three ways, with three seeds each. *In one heap* are the points that lie within 1 of the middle of all (their median).

- *In turns*: one step each.
- *A hasty forger*: ten steps of the forger for each of the judge.
- *Marks* (Arjovsky, Chintala and Bottou, 2017): the "wasserstein" losses, three steps of the judge for each of the forger, and the judge's parameters clipped to $[-0.3, 0.3]$. Without that clip he could make the difference of the marks as large as he likes, by multiplying all of them. With it, he cannot be steep, and the difference says how *far* what is made lies from the real.

**Predict, then look.** What will the hasty forger do? He has ten times as many steps before the same judge.
"""

# %%
turns = np.arange(8) * np.pi / 4
centers = 2 * np.stack([np.cos(turns), np.sin(turns)], axis=1)


def ring(many, draw):
    """So many real points: a cloud about each of the eight centers."""
    return centers[draw.integers(0, 8, many)] + 0.1 * draw.standard_normal((many, 2))


def play(
    seed,
    rounds,
    kind="non-saturating",
    forger_steps=1,
    judge_steps=1,
    rates=(0.002, 0.004),
    momentum=0.5,
    clip=None,
):
    """The forger after so many rounds, and (share, centers hit) at ten times on the way."""
    draw = np.random.default_rng(seed)
    forger, judge = he_init([2, 64, 64, 2], draw), he_init([2, 64, 64, 1], draw)
    of_forger, of_judge = (AdamW(rate, (momentum, 0.99), weight_decay=0) for rate in rates)
    look, way = np.random.default_rng(9).standard_normal((1000, 2)), []
    for done in range(1, rounds + 1):
        for _ in range(judge_steps - 1):
            given = ring(64, draw), draw.standard_normal((64, 2))
            judge = of_judge.step(judge, discriminator_gradients(judge, forger, *given, kind)[1])
            if clip is not None:
                judge = [np.sign(p) * np.minimum(np.abs(p), clip) for p in judge]
        given = ring(64, draw), draw.standard_normal((2, 64, 2))
        steps = of_forger.step, of_judge.step
        forger, judge = gan_step(forger, judge, *given, *steps, kind, clip)
        for _ in range(forger_steps - 1):
            again = generator_gradients(forger, judge, draw.standard_normal((64, 2)), kind)[1]
            forger = of_forger.step(forger, again)
        if done % (rounds // 10) == 0:
            way.append(mode_coverage(mlp_outputs(forger, look)[-1], centers, 0.3))
    return mlp_outputs(forger, look)[-1], way


with when_written:
    ways = {
        "in turns": {"rounds": 2000},
        "a hasty forger": {"rounds": 400, "forger_steps": 10},
        "marks": {
            "rounds": 1000,
            "kind": "wasserstein",
            "judge_steps": 3,
            "rates": (0.001, 0.003),
            "momentum": 0.0,
            "clip": 0.3,
        },
    }
    axes = plot.axes(3.2, 3.2, columns=3)
    hits, heaps = {}, {}
    print("three seeds      near a center     centers hit     in one heap")
    for ax, (name, chosen) in zip(axes, ways.items()):
        ends = [play(seed, **chosen) for seed in range(3)]
        middles = [np.median(points, axis=0) for points, _ in ends]
        near, hits[name] = zip(*(way[-1] for _, way in ends))
        heaps[name] = [
            np.mean(np.linalg.norm(points - middle, axis=1) < 1)
            for (points, _), middle in zip(ends, middles)
        ]
        columns = [f"{a:5.0%}" for a in near], [f"{n:3}" for n in hits[name]]
        heap = [f"{a:5.0%}" for a in heaps[name]]
        print(f"{name:15}", "".join(columns[0]), "  ", "".join(columns[1]), "     ", "".join(heap))
        ax.plot(*centers.T, "o", ms=16, mfc="none", mec="black")
        ax.plot(*ends[0][0].T, ".", ms=3, color=plot.COLORS[1])
        ax.set(xlim=(-3, 3), ylim=(-3, 3), title=name, xlabel="first number")
    axes[0].set_ylabel("second number")
    plot.show(
        "Three planes with eight rings. In turns: points in all rings, and some between them. A hasty forger: points in one "
        "place or along one line, most rings empty. Marks: points in all rings, and between them."
    )
    for name in ("in turns", "marks"):
        print(f"{name}, at least 6 centers are hit: {sum(n >= 6 for n in hits[name])} of 3 seeds")
    few = sum(n <= 3 for n in hits["a hasty forger"])
    print(f"hasty, at most 3 centers are hit: {few} of 3 seeds")

# %% [markdown]
r"""
<!-- measured: in turns, at least 6 centers are hit: 3 of 3 seeds | marks, at least 6 centers are hit: 3 of 3 seeds | hasty, at most 3 centers are hit: 3 of 3 seeds -->
The hasty forger has *collapsed*. Before a judge who holds still, the best that one can do is to carry everything toward the *one* place of which the judge is surest. By the next turn the judge has learned better, and all set out for another place: at the moment when you look, it may be a heap, or a thread on its way, near a center or not. This is called **mode collapse**, and it is the illness of this family: what the forger makes may look perfect, and be always the same. Nothing in his loss tells him to be various; only a judge who keeps up with him does.

And the cure is in that sentence. Keep the judge up to date: as many steps for him as for the forger, or more. Or give him marks and a clip: then he may be trained as long as one likes, since his slopes cannot vanish.

## 6. Digits

Now 64 pixels instead of two numbers: noise of 16 numbers, two hidden layers of 128 each, one step each. How good is what comes out? Four questions, for each a number:

- *Is it a digit?* In how many is the classifier of lesson 18 at least 95 % sure?
- *Are they various?* Their variance, as a share of that of real digits.
- *Can it be told from the real?* The share of the new network of the beginning; 50 % would be perfect.
- *Generated, or memorized?* A forger who had only learned the known digits by heart would be perfect in the first three. So look for the nearest *known* digit of each. How near is too near? New real digits say: only 5 in 100 of them come nearer than their 5 % quantile. Whoever makes something new gets about 5 %, whoever repeats, 100 %.

With numbers, in one dimension: train $0, 1, 2, 3$; held_out $0.2, 1.3, 2.4, 3.6, 5$, whose nearest training rows are away by $0.2, 0.3, 0.4, 0.6, 2$. A quarter of them come nearer than $0.3$ (`np.quantile` with 0.25; for squares, $0.09$). Generated: $0, 1.1, 7, 3.5$, away by $0, 0.1, 4, 0.5$: two of the four are nearer than $0.3$, so $0.5$.

### Exercise 19.8: generated or memorized?

<details><summary>Hint 1</summary>A small function of its own for the distance (or its square) from each row to the nearest training row. It is needed for the generated and for the held-out rows.</details>
<details><summary>Hint 2</summary>Compare squares with squares: the quantile of the squares is not the square of the quantile, where it lies between two rows. Squares are meant here.</details>
"""


# %%
def memorized(generated, train, held_out, share=0.05):
    """Which share of the generated rows is nearer to a training row than the share-quantile of the held-out rows, in squared distances.

    generated (N, D), train (K, D), held_out (M, D)  ->  a number from 0 to 1
    Example: generated = [[0], [1.1], [7], [3.5]], train = [[0], [1], [2], [3]], held_out = [[0.2], [1.3], [2.4], [3.6], [5]],
      share = 0.25  ->  0.5
    """
    ### BEGIN SOLUTION
    nearest = [
        np.array([np.min(np.sum((train - row) ** 2, axis=1)) for row in rows])
        for rows in (generated, held_out)
    ]
    return np.mean(nearest[0] < np.quantile(nearest[1], share))
    ### END SOLUTION


# %%
check("gan.memorized", memorized)

# %% [markdown]
r"""
Besides the VAE, and the forger who knows all 1,258 digits, two more: forgers who have a judge that knows only 30 of them, or 10.

**Predict, then look.** Who will have memorized?
"""


# %%
def forge(rows, seed, rounds=3000, send=np.asarray):
    """Made digits, of a forger whose judge knows these rows of x, where ``send`` takes arrays."""
    draw = np.random.default_rng(seed)
    forger, judge = (
        [send(p) for p in he_init(sizes, draw)] for sizes in ([16, 128, 128, 64], [64, 128, 128, 1])
    )
    of_forger, of_judge = (AdamW(0.001, (0.5, 0.99), weight_decay=0) for _ in range(2))
    for step in range(rounds):
        of_forger.lr = of_judge.lr = 0.001 * cosine_schedule(step, rounds)
        given = send(x[draw.choice(rows, 64)]), send(draw.standard_normal((2, 64, 16)))
        forger, judge = gan_step(forger, judge, *given, of_forger.step, of_judge.step)
    made = mlp_outputs(forger, send(draw.standard_normal((2000, 16))))[-1]
    return np.clip(to_numpy(made), 0, 1)


with when_written:
    reader = classifier(x[known], digits.y[known])

    def sure(pictures):
        """The share of pictures of which a classifier is at least 95 % sure."""
        scores = scores_of(reader, pictures)
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.mean(1 / likely.sum(axis=1) >= 0.95)

    def judged(name, made, rows):
        """Print a line about made digits, show eight of them; which share is copied, and told apart."""
        various = made.var(axis=0).sum() / x[known].var(axis=0).sum()
        share, told = memorized(made[:500], x[rows], x[new]), told_apart(made)
        print(f"{name:22} {sure(made):7.0%} {various:9.2f} {told:12.0%} {share:8.0%}")
        row_of(plot.axes(1, 1.1, columns=8), made, name.replace(", ", ",\n").replace("digits", ""))
        plot.show(f"Eight digits in gray, of 8 by 8 pixels each, made by: {name}.")
        return share, told

    makers = {"VAE": (of_vae, known)}
    for many in (len(known), 30, 10):
        makers[f"forger, {many:,} digits"] = (forge(known[:many], 0), known[:many])
    print("                       a digit   various   told apart   copied")
    print(f"{'new real digits':22} {sure(x[new]):7.0%} {1:9.2f} {'':12} {0.05:8.0%}")
    found = {name: judged(name, made, rows) for name, (made, rows) in makers.items()}
    shares = [share for share, _ in found.values()]
    print("more than half copied:", *[name for name, share in zip(found, shares) if share > 0.5])
    print(
        "told apart in more than 9 of 10:", f"{sum(told > 0.9 for _, told in found.values())} of 4"
    )

# %% [markdown]
r"""
<!-- measured: more than half copied: forger, 10 digits | told apart in more than 9 of 10: 4 of 4 -->
Three things to take home. The forger's digits are crisper than the VAE's: a classifier takes more of them for digits, and they are more various. He has *made* them, for hardly one is nearer to a known digit than new ones are; but give his judge only ten digits, and he learns by heart, for then nothing else is real (here he even repeats a single one of them: collapse and copies at once). And a new network still tells all of them from the real ones nearly always. His own judge believes him, a fresh one does not: so never trust the loss of a GAN; it only says how the two stand to each other.

For larger pictures, both networks are made of convolutions (lesson 9) and of lesson 17's stamps. And if you have a minute, let the two go on for longer, with your own round: set `longer` to `True` and run the cell. It goes to a GPU if there is one (and CuPy), since NumPy's functions compute where their arrays are. (If it complains there, your code mixes in arrays that it makes itself: leave `to_gpu` out.) Networks as small as these do not gain by it, larger ones do. Watch what gets better, and what does not.
"""

# %%
longer = False  # True: 20,000 rounds instead of 3,000

with when_written:
    if longer:
        made = forge(known, 0, 20_000, to_gpu)
        print(f"on the {where()}")
        share, told = judged("forger, 20,000 rounds", made, known)
        before, _ = makers[f"forger, {len(known):,} digits"]
        print(
            "more often a digit than before:", "yes" if sure(made) > sure(before) + 0.05 else "no"
        )
        print("more than a tenth copied:", "yes" if share > 0.1 else "no")
        print("told apart in more than 9 of 10:", "yes" if told > 0.9 else "no")

# %% [markdown]
r"""
<!-- longer: more often a digit than before: yes | more than a tenth copied: no | told apart in more than 9 of 10: yes -->
What he makes is more often a digit, and still made, not copied. And a fresh judge is as little deceived as ever: patience alone does not get one there.

## 7. Explore

Go back to the explorer at the top, or run `explore.gan()` in a new cell.

1. Play 200 rounds in turns. Then give the forger ten turns, and start afresh. Follow the heap: where does it go, and what does the judge think of the place that it has left?
2. Choose *wasserstein*, three turns for the judge, and no momentum. What becomes of the tint? Compare how many centers are hit after 40 rounds.
3. Back to *non-saturating*. Raise the momentum to 0.9. What becomes of the beginning? (Two who chase each other go round in circles, and momentum makes the circles larger.)

## 8. Cross-check

Your round against PyTorch's: the forger's loss and gradients, through a judge who holds still, on a GPU too if there is one.
"""

# %%
from dlcore.crosscheck import crosscheck

with when_written:
    draw = np.random.default_rng(11)
    judge, z = he_init([64, 128, 128, 1], draw), draw.standard_normal((64, 16))

    def mine(*forger):
        return np.asarray(generator_gradients(list(forger), judge, z)[0])

    def back(g, *forger):
        return tuple(g * gradient for gradient in generator_gradients(list(forger), judge, z)[1])

    def theirs(cross_entropy, *forger):
        h = forger[0].new_tensor(z)
        for network in (forger, [forger[0].new_tensor(p) for p in judge]):
            for w, b in zip(network[:-2:2], network[1:-2:2]):
                h = h @ w.T + b
                h = h.relu() - 0.2 * (-h).relu()
            h = h @ network[-2].T + network[-1]
        return cross_entropy(h, h.new_ones(h.shape))

    name = "nn.functional.binary_cross_entropy_with_logits"
    forger = he_init([16, 128, 128, 64], draw)
    print(crosscheck(mine, name, *forger, backward=back, call=theirs))

# %% [markdown]
r"""
## 9. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-detach" points=2
r"""
**Question A.** A colleague trains a GAN in PyTorch. In the discriminator's turn she forgets `detach`, and her optimizer moves all parameters of both networks. What does the generator learn in this turn, and what will you see in the losses? How would you test for such a mistake?

=== BEGIN MARK SCHEME ===
1 point: in the discriminator's turn the generator goes down the discriminator's loss, so it learns to be found out; the discriminator's loss falls fast, and the generator does not get better.
1 point for a test: copy the generator's parameters, take the discriminator's turn, and see that they have not changed (and the other way round); or look for gradients that are not None or 0.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-judge" points=2
r"""
**Question B.** A firm shows you 20 pictures of faces that its network has made. All are excellent. Which two things can you not see from them, and which numbers do you ask for?

=== BEGIN MARK SCHEME ===
1 point: whether the network makes anything else (collapse): ask for variety, for how many kinds are hit among thousands, or for how often pictures repeat.
1 point: whether they are copies of pictures it has learned from: ask for the distance to the nearest known picture, compared with that of new real ones. (Also right: they were chosen; ask for 20 drawn by chance.)
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

A judge who comes near to the best one; a gradient with respect to the input; two losses, one of which teaches a beginner nothing; a round in which each holds still for the other; a collapse, made, measured and cured; and a test for copies. Open `dlcore/generative.py`: its second half is yours.

You now know two ways to make things: a VAE, which says how likely a picture is and makes soft ones, and a GAN, which makes crisp ones and says nothing of how likely they are. Both make a whole picture at once. A third way makes it in many small steps, from pure noise, by *mending* a little each time, which you know from lesson 17; it is called diffusion (Ho and others, 2020), and most of the pictures that machines draw today are made with it.

## References

- I. Goodfellow and others, *Generative adversarial nets*, 2014: the game, the best judge, both losses.
- M. Arjovsky, S. Chintala and L. Bottou, *Wasserstein GAN*, 2017: marks instead of probabilities, and why slopes vanish otherwise.
- L. Metz, B. Poole, D. Pfau and J. Sohl-Dickstein, *Unrolled generative adversarial networks*, 2017: the eight clouds, and another cure.
- A. Radford, L. Metz and S. Chintala, *Unsupervised representation learning with deep convolutional GANs*, 2016: the momentum of 0.5, leaky ReLUs, and larger pictures.
- J. Ho, A. Jain and P. Abbeel, *Denoising diffusion probabilistic models*, 2020: the third way.
"""
