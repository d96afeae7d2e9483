# %% [markdown]
r"""
# 18 · Variational autoencoders

**At the end of this lesson you will have written a network that makes up digits, of the kind you ask for, and you will have measured what they are worth.**

You will be able to

- say why the code of lesson 17 cannot be drawn from, and what must be true of one that can;
- derive the bound that is maximized in place of a likelihood that nobody can compute;
- let a gradient through a draw by chance, and say what happens otherwise;
- see when a code is not used at all, and why;
- ask a network for a certain digit, and judge what it makes.

**It builds on** the autoencoder (lesson 17), binary cross-entropy and log-sum-exp (lesson 3), `AdamW` (lesson 6), the split (lesson 7) and moved pictures (lesson 8). **Time:** about 120 minutes.

Run the two cells. The plane on the left is full of digits that nobody has written: each is what a network makes of two numbers, and of being told "a 3". Drag the circle about, and ask for another digit.
"""

# %%
import numpy as np

from autograder import check, when_written
from dlcore import data, explore, plot
from dlcore.backend.device import to_gpu, to_numpy, where
from dlcore.scratch.activations import sigmoid  # lesson 2
from dlcore.scratch.autoencoders import autoencoder_loss, layer_outputs  # lesson 17
from dlcore.scratch.losses import logsumexp  # lesson 3
from dlcore.scratch.optimizers import AdamW, cosine_schedule  # lesson 6
from dlcore.scratch.regularization import loss_and_gradients, shift_images  # lesson 8
from dlcore.scratch.training import batches, group_split, he_init  # lesson 7

# %%
explore.vae()

# %% [markdown]
r"""
## A question first: can one draw from a code?

The autoencoder of lesson 17 says a digit in, let us say, eight numbers. To make one up, draw eight numbers by chance, and let the decoder say what they stand for. By chance, but not foolishly: with the mean, the spreads and the correlations that the codes of real digits have.

How to judge what comes out? By a classifier: a network of lesson 7, which has learned from real digits. It says not only which digit it sees, but how sure it is.

**Predict, then look.** Of how many real digits, which it has never seen, is it at least 95 % sure? And of how many that were made up?
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


def through(layers, h):
    """Two layers with a ReLU between them."""
    between = h @ layers[0].T + layers[1]
    return np.where(between > 0, between, 0) @ layers[2].T + layers[3]


def classifier(pictures, kinds, seed=0, epochs=40):
    """A network of lesson 7 that has learned these pictures."""

    def gradients(params, rows, draw):
        return loss_and_gradients(params, pictures[rows], kinds[rows])[1]

    first = he_init([64, 64, 10], np.random.default_rng(seed))
    return learn(first, gradients, len(pictures), epochs, seed)


def chances(network, pictures):
    """How likely each picture is each digit, in the eyes of a classifier, (N, 10)."""
    scores = through(network, pictures)
    return np.exp(scores - logsumexp(scores, axis=1)[:, None])


def row_of(axes, pictures, title=""):
    """Pictures of 64 pixels, side by side."""
    for ax, picture in zip(axes, pictures):
        ax.imshow(picture.reshape(8, 8), cmap="Greys", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    axes[0].set_ylabel(title)


with when_written:
    judge = classifier(x[known], digits.y[known])

    def sure(pictures):
        """The share of pictures of which the judge is at least 95 % sure."""
        return np.mean(chances(judge, pictures).max(axis=1) >= 0.95)

    right = np.mean(chances(judge, x[new]).argmax(axis=1) == digits.y[new])
    print(f"the judge is right in {right:.0%} of the new digits, and sure of {sure(x[new]):.0%}")

    found = []
    for seed in range(3):
        draw = np.random.default_rng(seed)
        params = learn(
            he_init([64, 128, 8, 128, 64], draw),
            lambda params, rows, draw: autoencoder_loss(params, x[known[rows]], x[known[rows]])[1],
            len(known),
            40,
            seed,
        )
        codes = layer_outputs(params, x[known])[2]
        made_up = draw.multivariate_normal(codes.mean(axis=0), np.cov(codes.T), 1000)
        said = layer_outputs(params, x[new])[-1]
        pictures = through(params[4:], made_up)
        print(
            f"seed {seed}: sure of {sure(said):.0%} of the new digits in eight numbers, "
            f"of {sure(pictures):.0%} of those made up"
        )
        found.append(sure(pictures) < 0.5 * sure(said))
    print("of those made up, less than half as many:", f"{sum(found)} of 3 seeds")
    row_of(plot.axes(1, 1.1, columns=8), pictures, "made up")
    plot.show("Eight pictures in gray that were made up: few of them look like a digit.")

# %% [markdown]
r"""
<!-- measured: of those made up, less than half as many: 3 of 3 seeds -->
It has learned to say digits, not to make them up. Between the codes of real digits there are holes, and nobody has ever asked the decoder what stands there. So what must be true of a code from which one can draw?

- *Wherever* one draws, the decoder must have been asked. So a digit must not be a point of the code, but a **cloud**, and the decoder must make the digit of every point in it.
- One must know *where* to draw. So all clouds together must fill a place that is agreed beforehand: $\mathcal N(0, 1)$, normal numbers with mean 0 and variance 1, each by itself.

The encoder of a **variational autoencoder** (VAE; Kingma and Welling, 2014) says two numbers for each number $z$ of the code: the mean $\mu$ of the cloud, and the logarithm of its variance, $\ell = \log \sigma^2$. It says the logarithm, since that may be any number, and a variance must be positive. The width of the cloud is $\sigma = e^{\ell/2}$.

Both wishes pull against each other. To say a picture well, its cloud should be small, and far from all others; to fill $\mathcal N(0, 1)$, each should be large, and in the middle. What is the fair price?

## 1. A bound for what nobody can compute

Suppose pictures came about like this: somebody draws $z$ from $\mathcal N(0, 1)$, and the decoder says what the pixels may then be, $p(x \mid z)$. How likely is a certain picture $x$? It could have come from any $z$:

$$p(x) = \int p(z)\, p(x \mid z)\, dz$$

A good decoder makes $\log p(x)$ large for real digits. But the integral runs over all $z$, which in eight dimensions nobody can go through; nearly everywhere $p(x \mid z)$ is as good as 0. Only a few $z$ matter, and those the encoder should know: let $q(z)$ be its cloud for this $x$. In three steps:

$$\log p(x) = \log \int q(z)\, \frac{p(z)\, p(x \mid z)}{q(z)}\, dz $$

$$\ge \int q(z)\, \log \frac{p(z)\, p(x \mid z)}{q(z)}\, dz$$

$$= \underbrace{\mathbb E_{q}\, \log p(x \mid z)}_{\text{how well } x \text{ is said}} \;-\; \underbrace{\mathrm{KL}(q \,\|\, p)}_{\text{what the cloud costs}} \qquad \mathrm{KL}(q \,\|\, p) = \mathbb E_q \log \frac{q(z)}{p(z)}$$

The first step multiplies and divides by $q$. The second says that the logarithm of a mean is at least the mean of the logarithms. With numbers: the mean of 1 and 4 is 2.5, and $\log 2.5 = 0.92$; the mean of $\log 1 = 0$ and $\log 4 = 1.39$ is 0.69. The logarithm bends downwards, so it is always this way round (Jensen's inequality).

The last line can be computed. It is called the **evidence lower bound** (ELBO), and it is what a VAE makes as large as it can. The **Kullback-Leibler divergence** (KL) says how much the cloud tells about $z$ beyond $\mathcal N(0, 1)$, in the unit of lesson 3's surprise. It is 0 if both are the same, and never negative. For a Gaussian it has a formula. With $\mathbb E_q z^2 = \mu^2 + \sigma^2$:

$$\mathrm{KL} = \mathbb E_q \left[ \frac{z^2}{2} - \frac{(z - \mu)^2}{2 \sigma^2} - \frac{\ell}{2} \right] = \frac12 \left( \mu^2 + e^{\ell} - 1 - \ell \right)$$

and this is added up over the numbers of the code, $\mu, \ell\ (N, Z)$.

With numbers: $\mu = (1, 0)$ and $\ell = (0, \log 4) = (0, 1.386)$. The first number costs $\frac12 (1 + 1 - 1 - 0) = 0.5$; the second $\frac12 (0 + 4 - 1 - 1.386) = 0.807$. Together $1.307$.

### Exercise 18.1: what a cloud costs

<details><summary>Hint 1</summary>The argument is the logarithm of the variance. <code>np.exp</code> of it is the variance.</details>
<details><summary>Hint 2</summary>Compute the half bracket for all entries at once, and add up along axis 1: the pictures stay apart.</details>
"""


# %%
def kl_divergence(mu, logvar):
    """How far a cloud N(mu, exp(logvar)) is from N(0, 1), for each picture.

    mu, logvar (N, Z)  ->  (N,)
    Example: mu = [[1, 0]], logvar = [[0, 1.3863]]  ->  [1.3069]
    """
    ### BEGIN SOLUTION
    each = np.exp(logvar) + mu**2 - logvar - 1
    return each.sum(axis=1) / 2
    ### END SOLUTION


# %%
check("vae.kl_divergence", kl_divergence)

# %% [markdown]
r"""
## 2. The bound, where all can be computed

Is the bound any good? Take a world in which the integral *has* a formula, and compare. There $z$ is a single number, and the decoder says a single number: $x$ is normal, with the mean $w z$ and the standard deviation $s$. Then $x$ is a sum of two normal numbers, and

$$p(x) = \mathcal N(0,\; w^2 + s^2)$$

For the bound, one needs the mean of $(x - w z)^2$ over the cloud. The cloud's mean gives $(x - w \mu)^2$, and its spread adds $w^2 \sigma^2$:

$$\text{ELBO} = -\frac12 \left( \frac{(x - w \mu)^2 + w^2 e^{\ell}}{s^2} + \log 2 \pi s^2 \right) - \mathrm{KL}$$

With numbers: $w = s = 1$, $x = 2$, and a cloud with $\mu = 1$, $\ell = 0$. Then $(2 - 1)^2 + 1 = 2$, and $\log 2 \pi = 1.838$: how well $x$ is said is $-\frac12 (2 + 1.838) = -1.919$, the cloud costs $0.5$, and the bound is $-2.419$. The truth is $\log p(2) = -\frac12 (2^2/2 + \log 4\pi) = -2.266$: a little above.

### Exercise 18.2: the bound

<details><summary>Hint 1</summary>Two parts: the Gaussian's log density with the mean of the square in it, less the cost of the cloud, which is section 1's formula for a single number (nothing is added up here).</details>
<details><summary>Hint 2</summary>s is a standard deviation: <code>s**2</code> stands below the square as well as in the logarithm.</details>
"""


# %%
def gaussian_elbo(x, mu, logvar, w, s):
    """The bound for z from N(0, 1) and x from N(w z, s^2), with the cloud N(mu, exp(logvar)).

    x, mu, logvar of one shape (...), numbers w and s  ->  (...)
    Example: x = [2], mu = [1], logvar = [0], w = 1, s = 1  ->  [-2.4189]
    """
    ### BEGIN SOLUTION
    variance = np.exp(logvar)
    square = (x - w * mu) ** 2 + w**2 * variance
    said = square / s**2 + np.log(2 * np.pi * s**2)
    cost = mu**2 + variance - 1 - logvar
    return -(said + cost) / 2
    ### END SOLUTION


# %%
check("vae.gaussian_elbo", gaussian_elbo)

# %% [markdown]
r"""
**Predict, then look.** The cloud may be moved ($\mu$), and made wider or narrower ($\ell$). Does the bound ever *touch* the truth?
"""

# %%
with when_written:
    truth = -1 - np.log(4 * np.pi) / 2
    mus, logvars = np.meshgrid(np.linspace(-1, 3, 201), np.linspace(-3, 2, 201))
    bound = gaussian_elbo(np.full(mus.shape, 2.0), mus, logvars, 1.0, 1.0)
    best = np.unravel_index(bound.argmax(), bound.shape)
    print(
        f"log p(2) = {truth:.4f}; the bound is at most {bound.max():.4f}, with mu = {mus[best]:.2f}"
    )
    print(f"and the variance {np.exp(logvars[best]):.2f}")
    axes = plot.axes(4.6, 2.8, columns=2)
    for logvar, style in ((-2.0, ":"), (np.log(0.5), "-"), (0.5, "--")):
        line = gaussian_elbo(np.full(201, 2.0), mus[0], np.full(201, logvar), 1.0, 1.0)
        axes[0].plot(mus[0], line, style, label=f"variance {np.exp(logvar):.2f}")
    for mu, style in ((0.0, ":"), (1.0, "-"), (1.5, "--")):
        line = gaussian_elbo(np.full(201, 2.0), np.full(201, mu), logvars[:, 0], 1.0, 1.0)
        axes[1].plot(np.exp(logvars[:, 0]), line, style, label=f"mean {mu}")
    for ax, name in zip(axes, ("mean of the cloud", "variance of the cloud")):
        ax.axhline(truth, color="black", lw=0.8)
        ax.set(xlabel=name, ylabel="bound", ylim=(-5, -2))
        ax.legend()
    plot.show(
        "The bound over the mean and over the variance of the cloud, three lines each, and the true value as a black line. "
        "All lines stay below it; the one with mean 1 and variance one half touches it."
    )

# %% [markdown]
r"""
<!-- measured: log p(2) = -2.2655; the bound is at most -2.2655, with mu = 1.00 | and the variance 0.50 -->
It touches at one place: where the cloud is just what one would believe of $z$ after having seen $x$, the posterior $p(z \mid x)$. Everywhere else the bound is lower, by $\mathrm{KL}(q(z) \,\|\, p(z \mid x))$. So whoever makes the bound large does two things at once: the decoder makes real pictures likely, and the encoder learns what to believe.

## 3. A slope through chance

To train, one needs the gradient of $\mathbb E_q f(z)$, where $f$ is how badly the decoder says the picture from $z$. But $z$ is drawn. How does a loss depend on $\mu$, if between them somebody has thrown dice? There are two ways to guess the slope from a draw.

**By the score** (Williams, 1992). How likely a draw is depends on $\mu$, so good draws should become more likely, bad ones less. One may write the slope of a mean as a mean:

$$\frac{d}{d\mu} \int q(z)\, f(z)\, dz = \int q(z)\, \frac{d \log q(z)}{d\mu}\, f(z)\, dz = \mathbb E_q \left[ f(z)\, \frac{z - \mu}{\sigma^2} \right]$$

**Through the draw** (Kingma and Welling, 2014). Draw something that does not depend on $\mu$ at all, $\varepsilon$ from $\mathcal N(0, 1)$, and make $z$ of it. This is called **reparameterisation**:

$$z = \mu + e^{\ell/2}\, \varepsilon \qquad\qquad \frac{d}{d\mu}\, \mathbb E\, f(\mu + \sigma \varepsilon) = \mathbb E\, f'(z)$$

With numbers: $f(z) = z^2$, $\mu = 1$, $\ell = 0$. Then $\mathbb E f = \mu^2 + \sigma^2$, and the true slope is $2 \mu = 2$. For $\varepsilon = 0.5$: $z = 1.5$; by the score $2.25 \cdot 0.5 / 1 = 1.125$, through the draw $2 \cdot 1.5 = 3$. For $\varepsilon = -1$: $z = 0$, and both say $0$.

### Exercise 18.3: two guesses

<details><summary>Hint 1</summary>Make z of all eps at once. The width of the cloud is the exponential of <em>half</em> of logvar; the variance below the fraction is the exponential of the whole.</details>
<details><summary>Hint 2</summary>Ask f and derivative at z, not at mu. No mean is taken: one guess for each draw.</details>
"""


# %%
def gradient_estimators(f, derivative, mu, logvar, eps):
    """The derivative of the mean of f(z) by mu, guessed from each draw: by the score, and through the draw.

    f and derivative take an array (N,) and return one, numbers mu and logvar, eps (N,) from N(0, 1)  ->  (N,), (N,)
    Example: f = z -> z**2, derivative = z -> 2 z, mu = 1, logvar = 0, eps = [0.5, -1]  ->  [1.125, 0], [3, 0]
    """
    ### BEGIN SOLUTION
    sigma = np.exp(logvar / 2)
    z = mu + sigma * eps
    return f(z) * eps / sigma, derivative(z)
    ### END SOLUTION


# %%
check("vae.gradient_estimators", gradient_estimators)

# %% [markdown]
r"""
Both are right in the mean. How often must one draw until the mean is known to 1 %? And a constant is added to $f$, which changes no slope: most of a picture's loss, say 25, has nothing to do with this one number of its code.

**Predict, then look.** What does the constant do to each of them?
"""

# %%
with when_written:
    draw = np.random.default_rng(0)
    eps = draw.standard_normal(1_000_000)
    print("f            mean of both      draws for 1 %, by the score   through the draw")
    spreads = []
    for constant in (0, 5, 25):
        guesses = gradient_estimators(
            lambda z, constant=constant: z**2 + constant, lambda z: 2 * z, 1.0, 0.0, eps
        )
        means = "  ".join(f"{guess.mean():.2f}" for guess in guesses)
        needed = [np.var(guess) / (0.01 * 2) ** 2 for guess in guesses]
        spreads.append(needed)
        print(f"z² + {constant:2}      {means}   {needed[0]:25,.0f} {needed[1]:18,.0f}")
    print(f"with 25 more, the score needs {spreads[2][0] / spreads[2][1]:.0f} times as many")

# %% [markdown]
r"""
<!-- measured: with 25 more, the score needs 214 times as many -->
The score knows only *how good* a draw was; the other way knows *in which direction* it would have been better. That is why one draw per picture is enough to train a VAE. (The score has a use of its own: where there is no $f'$, because $z$ is a word or a move in a game.)

Now for the backward pass. What arrives at $z$ is $\bar z$, from the decoder. Through $z = \mu + e^{\ell/2} \varepsilon$ it goes on to $\mu$ and $\ell$; and both have a gradient of their own, from the cost of the cloud, which is averaged over the $N$ pictures of the batch and counts $\beta$ times (1 for now):

$$\bar \mu = \bar z + \frac{\beta}{N}\, \mu \qquad\qquad \bar \ell = \frac12 \left( \bar z\, e^{\ell/2}\, \varepsilon + \frac{\beta}{N} \left( e^{\ell} - 1 \right) \right)$$

With numbers: $N = 1$, $\beta = 1$, $\bar z = 3$, $\mu = 1$, $\ell = \log 4$, so $\sigma = 2$, and $\varepsilon = 0.5$. Then $\bar \mu = 3 + 1 = 4$, and $\bar \ell = \frac12 (3 \cdot 2 \cdot 0.5 + 4 - 1) = 3$.

### Exercise 18.4: back through the draw

<details><summary>Hint 1</summary>Two things add up in each: what comes through the draw, and the derivative of the cost. N is <code>len(mu)</code>, and it divides the cost alone.</details>
<details><summary>Hint 2</summary>The derivative of <code>np.exp(logvar / 2) * eps</code> by logvar is half of itself.</details>
"""


# %%
def latent_backward(g, mu, logvar, eps, beta=1.0):
    """What goes back to mu and logvar: g, the gradient of z, through the draw, and beta times that of the mean cost.

    g, mu, logvar, eps (N, Z)  ->  (N, Z), (N, Z)
    Example: g = [[3]], mu = [[1]], logvar = [[1.3863]], eps = [[0.5]]  ->  [[4]], [[3]]
    """
    ### BEGIN SOLUTION
    weight = beta / len(mu)
    through = g * eps * np.exp(logvar / 2)
    return g + weight * mu, (through + weight * (np.exp(logvar) - 1)) / 2
    ### END SOLUTION


# %%
check("vae.latent_backward", latent_backward)

# %% [markdown]
r"""
## 4. The whole of it

A pixel is between 0 and 1; take it for the share of ink in it, and let the decoder say a logit $a$ for each (lesson 3). How badly a picture is said is the binary cross-entropy, *added up* over its pixels, for a picture is as likely as all its pixels together:

$$-\log p(x \mid z) = \sum_d \log(1 + e^{a_d}) - x_d\, a_d \qquad\qquad \bar a = \frac1N (\sigma(a) - x)$$

The loss is the mean over the pictures of this, plus $\beta$ times the mean cost of their clouds. The network has a layer of ReLUs on each side:

$$h = \mathrm{relu}(x w_1^\top + b_1), \qquad (\mu, \ell) = h w_2^\top + b_2, \qquad z = \mu + e^{\ell/2} \varepsilon$$

$$k = \mathrm{relu}(z w_3^\top + b_3), \qquad a = k w_4^\top + b_4$$

with $x\,(N, D)$, $h\,(N, H)$, $\mu, \ell, z, \varepsilon\,(N, Z)$, $k\,(N, H')$, $a\,(N, D)$. $w_2$ has $2Z$ rows: its first half says $\mu$, its second $\ell$.

Later you will want to *ask for* something. For that, both sides are told what the picture shows, $c\,(N, C)$, in columns beside $x$ and beside $z$: then $w_1$ is $(H, D + C)$ and $w_3$ is $(H', Z + C)$. Without $c$ they are $(H, D)$ and $(H', Z)$.

With numbers, one of everything: $x = 1$, $\varepsilon = 0.5$; $w_1 = 2$, so $h = 2$; $w_2 = (0.5, 0.5)$ and $b_2 = (1, -1)$, so $\mu = 2$, $\ell = 0$; $z = 2.5$; $w_3 = 2$, so $k = 5$; $w_4 = 1$, $b_4 = -5$, so $a = 0$. The picture is said with $\log 2 = 0.693$, the cloud costs $\frac12 \cdot 2^2 = 2$; the loss is $2.693$. Back: $\bar a = 0.5 - 1 = -0.5$, so $\bar w_4 = -0.5 \cdot 5 = -2.5$; $\bar k = -0.5$ passes the ReLU, $\bar w_3 = -0.5 \cdot 2.5 = -1.25$; $\bar z = -1$. Your `latent_backward` makes $\bar \mu = -1 + 2 = 1$ and $\bar \ell = \frac12 (-1 \cdot 0.5) = -0.25$ of it, so $\bar w_2 = (1 \cdot 2, -0.25 \cdot 2) = (2, -0.5)$; then $\bar h = 1 \cdot 0.5 - 0.25 \cdot 0.5 = 0.375$, and $\bar w_1 = 0.375$.

### Exercise 18.5: a variational autoencoder

<details><summary>Hint 1</summary>Forwards first, keeping seen (x, with c beside it), h, mu, logvar, z (with c beside it), k and the logits. <code>np.concatenate([x, c], axis=1)</code> puts side by side; <code>np.split(a, 2, axis=1)</code> halves. <code>np.logaddexp(0, a)</code> is log(1 + exp(a)), for any a.</details>
<details><summary>Hint 2</summary>Back, a layer at a time: the gradient of its w is that of what came out, transposed, times what went in; of its b the sum over the pictures. A ReLU lets through where its output is above 0.</details>
<details><summary>Hint 3</summary>Of what goes back to the decoder's input, only the first Z columns belong to the draw: those go into latent_backward, and what it returns, side by side, is the gradient of what the encoder said.</details>
"""


# %%
def vae_loss(params, x, eps, beta=1.0, c=None):
    """How badly the pictures are said, plus beta times what their clouds cost, mean over the batch; its parts; the gradients.

    params [w (H, D + C), b, w (2 Z, H), b, w (H', Z + C), b, w (D, H'), b], x (N, D), eps (N, Z), c (N, C) or None
      ->  a number, its two parts without beta (2,), a list of the shapes of params
    Example: params = [[[2]], [0], [[0.5], [0.5]], [1, -1], [[2]], [0], [[1]], [-5]], x = [[1]], eps = [[0.5]]
      ->  2.6931, [0.6931, 2], [[[0.375]], [0.375], [[2], [-0.5]], [1, -0.25], [[-1.25]], [-0.5], [[-2.5]], [-0.5]]
    """
    ### BEGIN SOLUTION
    w1, b1, w2, b2, w3, b3, w4, b4 = params
    size = eps.shape[1]
    beside = [] if c is None else [c]
    seen = np.concatenate([x, *beside], axis=1)
    h = seen @ w1.T + b1
    h = h * (h > 0)
    mu, logvar = np.split(h @ w2.T + b2, 2, axis=1)
    z = np.concatenate([mu + np.exp(logvar / 2) * eps, *beside], axis=1)
    k = z @ w3.T + b3
    k = k * (k > 0)
    logits = k @ w4.T + b4

    badly = (np.logaddexp(0, logits) - x * logits).sum() / len(x)
    cost = kl_divergence(mu, logvar).mean()

    dlogits = (sigmoid(logits) - x) / len(x)
    dk = np.where(k > 0, dlogits @ w4, 0)
    dz = dk @ w3[:, :size]
    dcode = np.concatenate(latent_backward(dz, mu, logvar, eps, beta), axis=1)
    dh = np.where(h > 0, dcode @ w2, 0)
    gradients = []
    for after, before in ((dh, seen), (dcode, h), (dk, z), (dlogits, k)):
        gradients += [after.T @ before, after.sum(axis=0)]
    return badly + beta * cost, np.stack([badly, cost]), gradients
    ### END SOLUTION


# %%
check("vae.vae_loss", vae_loss)

# %% [markdown]
r"""
Train it with a code of eight numbers. A second time, everything is the same but for one thing: the draw is *cut off*, as if $z$ had fallen from the sky. Then nothing comes from the decoder to the encoder, and all that is left for the encoder is the cost. (Since the loss is a sum, the cost's part of a gradient is the gradient with $\beta = 1$ less that with $\beta = 0$.)

**Predict, then look.** What will the encoder learn in the second case? What will the decoder make of it?
"""


# %%
def beginning(size, seed, told=0):
    """First parameters for a code of this size, with so many columns that say what it is."""
    draw = np.random.default_rng(seed)
    return [
        *he_init([64 + told, 128, 2 * size], draw),
        *he_init([size + told, 128, 64], draw),
    ]


def train(rows, size, seed, beta=1.0, told=None, epochs=60, send=np.asarray):
    """A VAE that has learned from these rows of x, where ``send`` takes arrays."""

    def gradients(params, some, draw):
        eps = send(draw.standard_normal((len(some), size)))
        c = None if told is None else send(told[rows[some]])
        return vae_loss(params, send(x[rows[some]]), eps, beta, c)[2]

    first = beginning(size, seed, 0 if told is None else told.shape[1])
    params = learn([send(p) for p in first], gradients, len(rows), epochs, seed)
    return [to_numpy(p) for p in params]


def decoded(params, z):
    """The pictures that codes (N, Z), with what they are told beside them, stand for."""
    return sigmoid(through(params[4:], z))


def parts_of(params, size):
    """How badly new digits are said, and what their clouds cost."""
    return vae_loss(params, x[new], np.random.default_rng(5).standard_normal((len(new), size)))[1]


with when_written:

    def cut_off(params, some, draw):
        eps = draw.standard_normal((len(some), 8))
        whole, free = (vae_loss(params, x[known[some]], eps, beta)[2] for beta in (1.0, 0.0))
        return [a - b for a, b in zip(whole[:4], free[:4])] + whole[4:]

    print("                said badly by   costs")
    trained = [train(known, 8, seed) for seed in range(3)]
    severed = [learn(beginning(8, seed), cut_off, len(known), 60, seed) for seed in range(3)]
    for name, several in (("through the draw", trained), ("cut off", severed)):
        for params in several:
            badly, cost = parts_of(params, 8)
            print(f"{name:16} {badly:12.2f} {cost:7.2f}")
    empty = sum(parts_of(params, 8)[1] < 0.05 for params in severed)
    print(f"cut off, the code says nothing: {empty} of 3 seeds")
    draw = np.random.default_rng(1)
    for name, params in (("made up", trained[0]), ("cut off", severed[0])):
        row_of(plot.axes(1, 1.1, columns=8), decoded(params, draw.standard_normal((8, 8))), name)
        plot.show(f"Eight pictures in gray from drawn codes ({name}).")
    print(f"the judge is sure of {sure(decoded(trained[0], draw.standard_normal((1000, 8)))):.0%}")

# %% [markdown]
r"""
<!-- measured: cut off, the code says nothing: 3 of 3 seeds -->
Cut off, every cloud becomes $\mathcal N(0, 1)$ itself, which costs nothing and says nothing, and the decoder says the same gray average always.

But look at what the *right* one makes up. Some are digits; yet the judge is sure of hardly a quarter of them, and it was sure of as many of the plain autoencoder's! Was it all for nothing? Two things are to be said. One: a code without holes must lead from the 3s to the 0s *through something*, and nobody draws just the places that belong to a kind. Section 7 will deal with that. Two: to be sure of what one sees is not what the VAE was trained for. What was it trained for, and is it good at *that*?

## 5. How likely is a picture?

It was trained to make real pictures likely, so ask how likely it makes new ones. The bound is only a bound; but the cloud knows where in the integral it is worth looking. Draw $K$ codes from it, and weigh each with how much rarer or more frequent it is under $p$ than under $q$ (**importance sampling**; Burda and others, 2016):

$$\log p(x) \approx \log \frac1K \sum_{k=1}^{K} p(x \mid z_k)\, \frac{p(z_k)}{q(z_k)} \qquad\quad z_k = \mu + e^{\ell/2} \varepsilon_k \qquad \varepsilon\ (K, N, Z)$$

With a single draw this is the bound again, in the mean. With more it climbs to the truth. In logarithms, $\log p(z) - \log q(z)$ loses its $2 \pi$, and what is left is, added up over the numbers of the code,

$$\log p(z) - \log q(z) = -\frac{z^2}{2} + \frac{\varepsilon^2 + \ell}{2}$$

With numbers, the tiny network of section 4, $x = 1$, and two draws. $\varepsilon = 0.5$: $z = 2.5$, $a = 0$, so $\log p(x \mid z) = -0.693$, and the weight is $-\frac{6.25}{2} + \frac{0.25}{2} = -3$; together $-3.693$. $\varepsilon = -0.5$: $z = 1.5$, $k = 3$, $a = -2$, so $-2.127$, and the weight is $-1$; together $-3.127$. The mean of $e^{-3.693} = 0.0249$ and $e^{-3.127} = 0.0439$ is $0.0344$, its logarithm $-3.370$.

Do not leave the logarithms on the way: pictures are unlikely things, and $e^{-800}$ is rounded to 0. Your `logsumexp` of lesson 3 is here as `logsumexp(a, axis)`.

### Exercise 18.6: the likelihood of a picture

<details><summary>Hint 1</summary>mu and logvar are (N, Z), eps is (K, N, Z): NumPy gives all draws the same mu and logvar, and z, k and the logits come out with K in front. <code>z @ w.T</code> works with it.</details>
<details><summary>Hint 2</summary>Three terms of shape (K, N) add up: how well the picture is said (summed over the pixels, the last axis), log p(z), and minus log q(z), both summed over the numbers of the code. Then logsumexp over the draws, axis 0, and subtract log K.</details>
"""


# %%
def log_likelihood(params, x, eps):
    """log p(x) for each picture, estimated with K draws from its own cloud.

    params as in vae_loss, without c, x (N, D), eps (K, N, Z)  ->  (N,)
    Example: params as in vae_loss, x = [[1]], eps = [[[0.5]], [[-0.5]]]  ->  [-3.3699]
    """
    ### BEGIN SOLUTION
    w1, b1, w2, b2, w3, b3, w4, b4 = params
    h = x @ w1.T + b1
    mu, logvar = np.split(h * (h > 0) @ w2.T + b2, 2, axis=1)
    z = mu + np.exp(logvar / 2) * eps
    k = z @ w3.T + b3
    logits = k * (k > 0) @ w4.T + b4
    said = x * logits - np.logaddexp(0, logits)
    weight = (eps**2 + logvar - z**2) / 2
    return logsumexp(said.sum(axis=-1) + weight.sum(axis=-1), axis=0) - np.log(len(eps))
    ### END SOLUTION


# %%
check("vae.log_likelihood", log_likelihood)

# %% [markdown]
r"""
Beside it, the plainest model there is: each pixel has a probability of its own, the mean of the known digits, and knows nothing of the others. And now $\beta$, too: with less than 1, clouds are cheap, with more, they are dear (Higgins and others, 2017). A number of the code counts as *used* if it costs more than 0.1 in the mean.

**Predict, then look.** Which $\beta$ makes new digits most likely? What becomes of the code when clouds are dear?
"""

# %%
with when_written:
    draw = np.random.default_rng(2)
    shares = np.clip(x[known].mean(axis=0), 1e-9, 1 - 1e-9)
    alone = np.mean((x[new] * np.log(shares) + (1 - x[new]) * np.log(1 - shares)).sum(axis=1))
    print(f"each pixel by itself: log p = {alone:.2f}")
    for many in (1, 10, 100):
        eps = draw.standard_normal((many, len(new), 8))
        found = [log_likelihood(params, x[new], eps).mean() for params in trained]
        print(f"{many:3} draws:  " + "  ".join(f"{value:.2f}" for value in found))

    eps = draw.standard_normal((100, len(new), 8))
    print("\nbeta   said badly by   costs   used   log p, three seeds        judge sure")
    table = []
    for beta in (0.25, 0.5, 1.0, 2.0, 4.0):
        several = trained if beta == 1 else [train(known, 8, seed, beta) for seed in range(3)]
        table.append([log_likelihood(params, x[new], eps).mean() for params in several])
        params = several[0]
        mu, logvar = np.hsplit(through(params[:4], x[new]), 2)
        each = kl_divergence(mu.reshape(-1, 1), logvar.reshape(-1, 1)).reshape(mu.shape)
        badly, cost = parts_of(params, 8)
        print(
            f"{beta:4} {badly:12.2f} {cost:10.2f} {np.sum(each.mean(axis=0) > 0.1):6}   "
            + "  ".join(f"{value:.2f}" for value in table[-1])
            + f" {sure(decoded(params, eps[0])):10.0%}"
        )
    print("most likely with beta = 1:", f"{np.sum(np.argmax(table, axis=0) == 2)} of 3 seeds")
    lost = np.sum(np.abs(np.array(table[-1]) - alone) < 0.2)
    print(f"with beta = 4 no better than each pixel by itself: {lost} of 3 seeds")

# %% [markdown]
r"""
<!-- measured: most likely with beta = 1: 3 of 3 seeds | with beta = 4 no better than each pixel by itself: 3 of 3 seeds -->
So this is what it is good at: new digits are more likely by a factor of $e^{2.6}$, nearly 14, than with each pixel by itself, though a digit costs it hardly more than three nats' worth of code (a *nat* is the unit if one takes the natural logarithm). And $\beta = 1$ is the fair price, for with it the loss is the bound itself. With less, digits are said sharply, but the clouds no longer fill the place from which one draws. With $\beta = 4$ there is nothing left: **posterior collapse**. A number of the code is used only if it saves more than it costs. At the start the decoder does not know what to do with $z$, so it saves nothing; a high price then drives all clouds back to $\mathcal N(0, 1)$ before the decoder has learned to listen. The same happens with $\beta = 1$ if the decoder is so strong that it can do without a code; a remedy for both is to raise $\beta$ slowly from 0.

If you have a minute: the same with ten times as many epochs, by your own loss. Set `longer` to `True` and run the cell. It goes to a GPU if there is one (and CuPy), since NumPy's functions compute where their arrays are. (If it complains there, your code mixes in arrays that it makes itself: leave `to_gpu` out.) Networks as small as these do not gain by it, larger ones do.
"""

# %%
longer = False  # True: 600 epochs instead of 60

with when_written:
    if longer:
        print(f"on the {where()}: log p of new digits after 60 epochs, and after 600")
        won = 0
        for seed in range(3):
            patient = train(known, 8, seed, epochs=600, send=to_gpu)
            pair = [log_likelihood(p, x[new], eps).mean() for p in (trained[seed], patient)]
            won += pair[1] > pair[0] + 0.5
            print("  ".join(f"{value:.2f}" for value in pair))
        print(f"longer, by more than 0.5 more likely: {won} of 3 seeds")

# %% [markdown]
r"""
<!-- longer: longer, by more than 0.5 more likely: 3 of 3 seeds -->
So the 60 epochs of this lesson are not the end of it: with patience, new digits become more likely still, by a factor of 1.6 and more.

## 6. Walking

With a code that is filled, one can walk from one digit to another. In a straight line? A drawn code has eight numbers of about 1 each, so its length is about $\sqrt 8 = 2.8$; hardly any code is near 0. The middle of a straight line between two of them is: its length is about $2.8 / \sqrt 2 = 2$. The decoder has not often been there. Better to walk on an arc that keeps its distance (White, 2016). If $\theta$ is the angle between $a$ and $b$:

$$\cos \theta = \frac{a \cdot b}{|a|\, |b|} \qquad\qquad \text{point}(t) = \frac{\sin\big((1 - t)\, \theta\big)}{\sin \theta}\, a + \frac{\sin(t\, \theta)}{\sin \theta}\, b \qquad t = 0 \dots 1$$

With numbers: from $a = (1, 0)$ to $b = (0, 1)$ the angle is 90°, and half-way, $\sin 45° / \sin 90° = 0.707$ of each: $(0.707, 0.707)$, of length 1. The straight line would pass through $(0.5, 0.5)$.

### Exercise 18.7: an arc

<details><summary>Hint 1</summary><code>np.linspace(0, 1, steps)</code> goes from 0 to 1, both included; with <code>[:, None]</code> behind it, each entry gives a row.</details>
<details><summary>Hint 2</summary>By rounding, a cosine may be a hair above 1, of which arccos is nan: <code>np.minimum</code> or <code>np.clip</code>. And if both point the same way, the angle is 0 and so is its sine: then go straight.</details>
"""


# %%
def slerp(a, b, steps):
    """From a to b on an arc about 0, turning by the same angle with each step; straight if both point the same way.

    a, b (Z,), steps at least 2  ->  (steps, Z), the first row a, the last b
    Example: a = [1, 0], b = [0, 1], steps = 3  ->  [[1, 0], [0.7071, 0.7071], [0, 1]]
    """
    ### BEGIN SOLUTION
    t = np.linspace(0, 1, steps)
    lengths = np.sqrt((a @ a) * (b @ b))
    theta = np.arccos(np.minimum(a @ b / lengths, 1))
    if theta < 1e-7:
        return np.outer(1 - t, a) + np.outer(t, b)
    return (np.outer(np.sin(theta * (1 - t)), a) + np.outer(np.sin(theta * t), b)) / np.sin(theta)
    ### END SOLUTION


# %%
check("vae.slerp", slerp)

# %% [markdown]
r"""
**Predict, then look.** Walk 200 times from one drawn code to another. Of how many of the pictures on the way is the judge sure, on the line and on the arc?
"""

# %%
with when_written:
    ends = np.random.default_rng(3).standard_normal((200, 2, 8))
    between = np.linspace(0, 1, 9)[2:7, None]
    better = 0
    for params in trained:
        lines = np.concatenate([(1 - between) * a + between * b for a, b in ends])
        arcs = np.concatenate([slerp(a, b, 9)[2:7] for a, b in ends])
        on_line, on_arc = sure(decoded(params, lines)), sure(decoded(params, arcs))
        better += on_arc > on_line
        print(f"sure on the line: {on_line:.0%}, on the arc: {on_arc:.0%}")
    print(f"more often sure on the arc: {better} of 3 seeds")

    codes, _ = np.hsplit(through(trained[0][:4], x[new]), 2)
    zero, one, six = (codes[np.flatnonzero(digits.y[new] == kind)[0]] for kind in (0, 1, 6))
    for a, b, name in ((zero, six, "0 to 6"), (one, zero, "1 to 0")):
        row_of(plot.axes(1, 1.1, columns=8), decoded(trained[0], slerp(a, b, 8)), name)
        plot.show(f"Eight pictures in gray, a walk from {name}: one digit turns into the other.")

# %% [markdown]
r"""
<!-- measured: more often sure on the arc: 3 of 3 seeds -->
## 7. Asking for a digit

Now tell both sides what the picture shows: ten more numbers, a 1 for its kind and 0 for the others. The code need no longer say *which* digit it is, only *how* it is written. And the ways between the kinds are gone: one does not draw the kind, one asks for it.

**Predict, then look.** How often does the judge see what was asked for? And what does $\beta$ do this time? The last column says how different digits of one kind are from each other: their variance, as a share of that among real ones.
"""

# %%
with when_written:
    kind_of = np.eye(10)[digits.y]
    asked = np.repeat(np.arange(10), 100)
    variety = sum(x[known][digits.y[known] == kind].var(axis=0).sum() for kind in range(10))
    print("beta   as asked, three seeds     sure   variety")
    table = []
    for beta in (0.25, 0.5, 1.0):
        several = [train(known, 8, seed, beta, kind_of) for seed in range(3)]
        draw = np.random.default_rng(4)
        row = []
        for params in several:
            codes = np.concatenate([draw.standard_normal((1000, 8)), np.eye(10)[asked]], axis=1)
            made = decoded(params, codes)
            seen = chances(judge, made).argmax(axis=1)
            differ = sum(made[asked == kind].var(axis=0).sum() for kind in range(10)) / variety
            row.append((np.mean(seen == asked), sure(made), differ))
        table.append(row)
        print(
            f"{beta:4}   "
            + "  ".join(f"{right:6.1%}" for right, _, _ in row)
            + f" {np.mean([s for _, s, _ in row]):7.0%} {np.mean([v for _, _, v in row]):9.2f}"
        )
        if beta == 0.5:
            sheet = made.reshape(10, 100, 64)[:, :8]
    table = np.array(table)
    print(f"with beta = 0.5 at least 99 % as asked: {np.sum(table[1, :, 0] >= 0.99)} of 3 seeds")
    calmer = np.sum(np.all(np.diff(table[:, :, 2], axis=0) < 0, axis=0))
    print(f"the higher beta, the less variety: {calmer} of 3 seeds")
    for kind in (2, 3, 4, 5):
        row_of(plot.axes(1, 1.1, columns=8), sheet[kind], f"{kind}, please")
        plot.show(f"Eight digits in gray, made up on being asked for a {kind}.")

# %% [markdown]
r"""
<!-- measured: with beta = 0.5 at least 99 % as asked: 3 of 3 seeds | the higher beta, the less variety: 3 of 3 seeds -->
That is a machine for digits. And a choice that nobody can make for you: a judge who is sure of everything has been shown the same clean 3 again and again. Whoever shows you made-up pictures has chosen between *good* and *various*; ask for both numbers.

## 8. Are they of use?

A tempting thought: you have only 30 labeled digits, three of each kind. Train a VAE on them that can be asked, have it make up 1,000 more, and train the classifier with those, too. Beside it, what you know from lesson 8: move each of the 30 by a pixel, up, down, left and right.

**Predict, then look.** Which helps?
"""

# %%
with when_written:

    def right_in_new(pictures, kinds, seed):
        """The share of new digits that a classifier reads rightly; each kind of training sees as many pictures."""
        network = classifier(pictures, kinds, seed, 40_000 // len(pictures))
        return np.mean(chances(network, x[new]).argmax(axis=1) == digits.y[new])

    table = []
    for seed in range(10):
        draw = np.random.default_rng(seed)
        shuffled = draw.permutation(known)
        few = np.concatenate([shuffled[digits.y[shuffled] == kind][:3] for kind in range(10)])
        params = train(few, 8, seed, 0.5, kind_of, 500)
        codes = np.concatenate([draw.standard_normal((1000, 8)), np.eye(10)[asked]], axis=1)
        made = decoded(params, codes)
        real, kinds = np.tile(x[few], (33, 1)), np.tile(digits.y[few], 33)
        places = (0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)
        moved = [shift_images(x[few].reshape(-1, 8, 8), *place).reshape(-1, 64) for place in places]
        table.append(
            [
                right_in_new(real, kinds, seed),
                right_in_new(np.concatenate([real, made]), np.append(kinds, asked), seed),
                right_in_new(made, asked, seed),
                right_in_new(np.concatenate(moved), np.tile(digits.y[few], 5), seed),
            ]
        )
    table = np.array(table)
    gain = 100 * (table - table[:, :1])
    error = gain.std(axis=0, ddof=1) / len(gain) ** 0.5
    print("ten seeds                right in new   gain in points, and its standard error")
    names = "30 digits", "and 1,000 made up", "the made up alone", "and moved by a pixel"
    for name, share, more, about in zip(names, table.mean(axis=0), gain.mean(axis=0), error):
        print(f"{name:21} {share:13.1%} {more:12.1f} ± {about:.1f}")
    for name, more in zip(names[1::2], gain.mean(axis=0)[1::2]):
        print(f"{name}: a point or more? {'yes' if more >= 1 else 'no'}")

# %% [markdown]
r"""
<!-- measured: and 1,000 made up: a point or more? no | and moved by a pixel: a point or more? yes -->
The made-up digits do not help. How could they? The VAE has seen the same 30 digits and nothing else: it can mix what is in them, and add nothing. Moving them helps, for it brings in something that the 30 digits do not say: that a 3 is still a 3 one pixel further left. (Made-up data can help where the model that makes it knows *more* than you have: if it has learned from many pictures without labels, or from the whole internet. Then ask what else it has learned there.)

## 9. Explore

Go back to the explorer at the top, or run `explore.vae()` in a new cell.

1. Choose the decoder of the *autoencoder*, then that of the *VAE*: the judge tells at how many places it is sure. Where is it not, and what stands there? Why can the VAE not avoid it?
2. Choose the *VAE told the digit*, with $\beta = 4$. Drag the circle about. What has happened? Which words of section 5 are for it?
3. Back to $\beta = 0.25$. Ask for a 5: in which direction of the plane does it slant? Does a 1 slant in the same direction? Has anybody asked that of the code?

## 10. Cross-check

Your loss and its gradients against PyTorch's, for a batch of 64 digits, on a GPU too if there is one.
"""

# %%
from dlcore.crosscheck import crosscheck

with when_written:
    eps = np.random.default_rng(11).standard_normal((64, 8))

    def mine(*params):
        return np.asarray(vae_loss(params, x[known[:64]], eps)[0])

    def back(g, *params):
        return tuple(g * gradient for gradient in vae_loss(params, x[known[:64]], eps)[2])

    def theirs(cross_entropy, *p):
        pictures, noise = p[0].new_tensor(x[known[:64]]), p[0].new_tensor(eps)
        mu, logvar = ((pictures @ p[0].T + p[1]).relu() @ p[2].T + p[3]).chunk(2, 1)
        cost = (mu.square() + logvar.exp() - logvar - 1).sum() / 2
        z = mu + noise * (logvar / 2).exp()
        logits = (z @ p[4].T + p[5]).relu() @ p[6].T + p[7]
        return (cross_entropy(logits, pictures, reduction="sum") + cost) / 64

    name = "nn.functional.binary_cross_entropy_with_logits"
    print(crosscheck(mine, name, *trained[0], backward=back, call=theirs))

# %% [markdown]
r"""
## 11. Reflect

Write two or three sentences each, in the cell below the question. Your instructor reads them.
"""

# %% [markdown] task="reflect-collapse" points=2
r"""
**Question A.** A colleague trains a VAE on photographs. Its loss falls nicely, but all that it makes up looks the same. She has two suspicions: the code is not used, or the draw is cut off by mistake. Which numbers do you look at to tell, and what would you see in each case? Name a remedy for the first.

=== BEGIN MARK SCHEME ===
1 point: look at the cost (KL), number by number: near 0 means that the code says nothing, in both cases; to tell them apart, look at the gradient that reaches the encoder with beta = 0 (or what the code does without any cost): exactly 0 if the draw is cut off, not 0 otherwise.
1 point for a remedy: a lower beta, or one that is raised slowly; a weaker decoder; counting free a first bit of cost for each number.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to A: click here twice and type.*
"""

# %% [markdown] task="reflect-made-up" points=2
r"""
**Question B.** A hospital may not give away its pictures of patients. It trains a VAE on 300 of them, and offers 10,000 made-up pictures instead: "more data, and nobody's secrets". What do you say to each of the two claims, and how would you test them?

=== BEGIN MARK SCHEME ===
1 point: not more data: the 10,000 hold no more than the 300 did; test by training on made-up ones and judging on real ones never seen, against training on the 300.
1 point: secrets are not safe of themselves: a model may repeat what it has learned from; test by looking for the nearest real picture of each made-up one, compared with how near pictures that were left out come.
=== END MARK SCHEME ===
"""

# %% [markdown]
r"""
*Your answer to B: click here twice and type.*
"""

# %% [markdown]
r"""
## What you built, and what it cannot do yet

The cost of a cloud; a bound that touches the truth just where one believes rightly; a slope that goes through chance; a whole variational autoencoder, there and back, that can be asked; an honest likelihood; and a walk that stays where digits are. Open `dlcore/generative.py`: `elbo` and `vae_step` are yours, on the tape of lesson 5.

What it makes is soft. A pixel that may be black or white is said to be gray, for gray is the mean, and pixel by pixel the mean is never far off. But nobody looks at pixels one by one. Whoever looks at the *whole* picture sees at once that a gray edge is not real. What if the network were judged by such an eye, one that learns to see what is not real? That is lesson 19.

## References

- D. Kingma and M. Welling, *Auto-encoding variational Bayes*, 2014; D. Rezende, S. Mohamed and D. Wierstra, *Stochastic backpropagation*, 2014: the two papers that found the way through the draw.
- R. Williams, *Simple statistical gradient-following algorithms*, Machine Learning 8, 1992: the score.
- I. Higgins and others, *beta-VAE*, 2017: what a higher price for clouds is good for.
- Y. Burda, R. Grosse and R. Salakhutdinov, *Importance weighted autoencoders*, 2016: the likelihood of section 5.
- K. Sohn, H. Lee and X. Yan, *Learning structured output representation using deep conditional generative models*, 2015: telling both sides.
"""
