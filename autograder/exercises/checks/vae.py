# ruff: noqa: B905  learners write zip without strict
"""Lesson 18: KL divergence, ELBO, reparameterization, gradient estimators, a VAE, log-likelihood, slerp."""

from __future__ import annotations

import math

import numpy as np

from autograder.exercises.checks._draw import nonzero, size
from autograder.exercises.checks._row import in_a_row
from autograder.exercises.checks._wrong import mistake
from autograder.exercises.exercise import Case, Exercise, Part
from autograder.exercises.oracle import to_plain
from dlcore.scratch import vae as scratch

_HEADER = """import numpy as np

from dlcore.scratch.activations import sigmoid
from dlcore.scratch.losses import logsumexp"""


def _mistake(exercise, name, hint, *changes, pieces=()):
    pieces = [*pieces, getattr(scratch, exercise.function)]
    mistake(exercise, name, hint, *changes, pieces=pieces, header=_HEADER)


def _tensor(torch, a):
    return torch.tensor(np.array(a))


def _sizes(rng, many, low=2):
    """So many sizes, all different, so that nothing fits by chance."""
    return (int(n) for n in rng.permutation(np.arange(low, low + many + 2))[:many])


# 1 ---------------------------------------------------------------- kl_divergence


def _kl(mu, logvar):
    """Of tensors: from the densities, at the mean of the logarithms."""
    variance = logvar.exp()
    return ((variance + mu**2) * 0.5 - logvar * 0.5 - 0.5).sum(-1)


def _kl_case(rng, z=0):
    n, several = _sizes(rng, 2)
    z = z or several
    return Case(nonzero(rng, n, z), nonzero(rng, n, z))


kl_divergence = Exercise(
    "vae.kl_divergence",
    twin="dlcore.scratch.vae.kl_divergence",
    parts=[
        Part("one number", 1, draw=lambda rng: _kl_case(rng, 1)),
        Part("several numbers", 1, [Case(np.array([[1.0, 0.0]]), np.log([[1.0, 4.0]]))], _kl_case),
    ],
    oracle=lambda torch, mu, logvar: _kl(_tensor(torch, mu), _tensor(torch, logvar)),
)  # fmt: skip

_KL = "return 0.5 * (mu * mu + np.exp(logvar) - 1 - logvar).sum(axis=1)"
_mistake(
    kl_divergence,
    "takes_the_logvar_for_a_variance",
    """The second argument is taken for the variance itself. It is its logarithm, so that it may be any number: the variance is
    its exponential.""",
    (_KL, "return 0.5 * (mu * mu + logvar - 1 - np.log(np.abs(logvar))).sum(axis=1)"),
)
_mistake(
    kl_divergence,
    "takes_the_logvar_for_a_log_deviation",
    """The second argument is taken for the logarithm of the standard deviation. It is that of the variance: nothing has to be
    doubled.""",
    (_KL, "return 0.5 * (mu * mu + np.exp(2 * logvar) - 1 - 2 * logvar).sum(axis=1)"),
)
_mistake(
    kl_divergence,
    "forgets_the_half",
    """Everything is twice as large as it should be: the half is missing.""",
    (_KL, _KL.replace("0.5 * ", "")),
)
_mistake(
    kl_divergence,
    "averages_over_the_code",
    """The numbers of a code are averaged. Their divergences add up, for they are drawn each by itself.""",
    (_KL, _KL.replace("sum", "mean")),
)
_mistake(
    kl_divergence,
    "forgets_the_one",
    """A cloud that lies just as N(0, 1) must cost nothing. Yours costs a half for each number: subtract the 1.""",
    (_KL, "return 0.5 * (mu * mu + np.exp(logvar) - logvar).sum(axis=1)"),
)
_mistake(
    kl_divergence,
    "turns_it_round",
    """This is the divergence of N(0, 1) from the cloud. That of the cloud from N(0, 1) is asked for, and they are not the same.""",
    (_KL, "return 0.5 * ((mu * mu + 1) * np.exp(-logvar) - 1 + logvar).sum(axis=1)"),
)
_mistake(
    kl_divergence,
    "loses_the_sign",
    """Your divergences are negative. A divergence is never below 0.""",
    (_KL, "return 0.5 * (1 + logvar - mu * mu - np.exp(logvar)).sum(axis=1)"),
)


# 2 ---------------------------------------------------------------- gaussian_elbo

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(4)  # exact for polynomials up to degree 7


def _elbo_oracle(torch, x, mu, logvar, w, s):
    """The mean of log p(x, z) - log q(z) over q, by an integral that is exact for squares."""
    mu, logvar = _tensor(torch, mu), _tensor(torch, logvar)
    total = mu * 0.0
    for eps, weight in zip(_NODES, _WEIGHTS):
        z = mu + (logvar * 0.5).exp() * float(eps)
        likelihood = ((z * w - _tensor(torch, x)) / s) ** 2 * -0.5 - math.log(s)
        inside = likelihood - z**2 * 0.5 + (float(eps) ** 2 + logvar) * 0.5
        total = total + inside * (float(weight) / math.sqrt(2 * math.pi))
    return total - 0.5 * math.log(2 * math.pi)


def _elbo_case(rng, *shape, best=False, plain=False):
    w, s = (1.0, 1.0) if plain else (float(nonzero(rng, 1)[0]), round(float(rng.uniform(0.4, 1.8)), 2))  # fmt: skip
    x = nonzero(rng, *shape, scale=2)
    if best:  # the bound touches here
        whole = w * w + s * s
        return Case(x, w * x / whole, np.full(shape, np.log(s * s / whole)), w, s)
    return Case(x, nonzero(rng, *shape), nonzero(rng, *shape), w, s)


_ONE = [np.array([2.0]), np.array([1.0]), np.array([0.0]), 1.0, 1.0]

gaussian_elbo = Exercise(
    "vae.gaussian_elbo",
    twin="dlcore.scratch.vae.gaussian_elbo",
    parts=[
        Part("w = s = 1", 1, [Case(*_ONE)], lambda rng: _elbo_case(rng, size(rng), plain=True)),
        Part("any w and s", 1, draw=lambda rng: _elbo_case(rng, *_sizes(rng, 2))),
        Part("where the bound touches", 1, draw=lambda rng: _elbo_case(rng, size(rng), best=True)),
    ],
    oracle=_elbo_oracle,
)  # fmt: skip

_MISS = "miss = (x - w * mu) ** 2 + w * w * np.exp(logvar)"
_LIKE = "likelihood = -0.5 * (miss / s**2 + np.log(2 * np.pi * s**2))"
_LESS = "return likelihood - 0.5 * (mu * mu + np.exp(logvar) - 1 - logvar)"
_mistake(
    gaussian_elbo,
    "forgets_that_z_is_a_cloud",
    """You put the mean of z into the likelihood. z is spread about it, and a square grows by that: w² exp(logvar) is missing.""",
    (_MISS, "miss = (x - w * mu) ** 2"),
)
_mistake(
    gaussian_elbo,
    "adds_the_divergence",
    """The divergence is added. It is what the cloud costs, so it is subtracted.""",
    (_LESS, _LESS.replace("likelihood -", "likelihood +")),
)
_mistake(
    gaussian_elbo,
    "leaves_out_the_divergence",
    """This is only how well x is said. What the cloud costs, its divergence, has to be subtracted.""",
    (_LESS, "return likelihood"),
)
_mistake(
    gaussian_elbo,
    "leaves_out_the_constant",
    """The density of a Gaussian has a factor in front: log(2 π s²) is missing, and without it this is no bound of log p(x).""",
    (_LIKE, "likelihood = -0.5 * miss / s**2"),
)
_mistake(
    gaussian_elbo,
    "does_not_square_s",
    """s is the standard deviation. Divide by its square, the variance, and take the variance in the logarithm, too.""",
    (_LIKE, "likelihood = -0.5 * (miss / s + np.log(2 * np.pi * s))"),
)
_mistake(
    gaussian_elbo,
    "does_not_square_w",
    """If z has the variance v, then w z has w² v. You have w v.""",
    (_MISS, "miss = (x - w * mu) ** 2 + abs(w) * np.exp(logvar)"),
)
_mistake(
    gaussian_elbo,
    "returns_the_loss",
    """The sign is turned round: this is the loss. The bound itself is asked for, which lies below log p(x).""",
    (_LESS, "return 0.5 * (mu * mu + np.exp(logvar) - 1 - logvar) - likelihood"),
)


# 3 ---------------------------------------------------------------- gradient_estimators


def _polynomial(*factors):
    """A function and its derivative, with names that show what they are."""

    def value(z):
        return sum(a * z**n for n, a in enumerate(factors))

    def derivative(z):
        return sum(n * a * z ** (n - 1) for n, a in enumerate(factors) if n)

    for function, shown in (
        (value, factors),
        (derivative, [n * a for n, a in enumerate(factors)][1:]),
    ):
        terms = [f"{a:g}" + (f" z**{n}" if n else "") for n, a in enumerate(shown) if a]
        function.__name__ = function.__qualname__ = f"z -> {' + '.join(terms)}"
    value.factors = factors
    return value, derivative


def _estimates_case(rng, narrow=False):
    f = _polynomial(*nonzero(rng, 4).tolist())
    mu = float(nonzero(rng, 1)[0])
    logvar = float(nonzero(rng, 1)[0]) if narrow else 0.0
    return Case(*f, mu, logvar, nonzero(rng, size(rng, 3, 6)))


def _estimates_oracle(torch, f, derivative, mu, logvar, eps):
    """The derivative of the log density times f, and that of f of the draw, by automatic differentiation."""
    z = np.array(mu + np.exp(0.5 * logvar) * np.array(eps))
    mean = torch.tensor(np.full(len(z), mu), requires_grad=True)
    density = ((_tensor(torch, z) - mean) ** 2 * (-0.5 * math.exp(-logvar))).sum()
    density.backward()
    by_score = to_plain(mean.grad) * sum(a * z**n for n, a in enumerate(f.factors))
    again = torch.tensor(np.full(len(z), mu), requires_grad=True)
    drawn = again + _tensor(torch, np.exp(0.5 * logvar) * np.array(eps))
    total = drawn * 0.0
    for n, a in enumerate(f.factors[1:], 1):
        total = total + drawn**n * a
    total.sum().backward()
    return by_score, to_plain(again.grad)


def _drive_estimates(student, f, derivative, mu, logvar, eps):
    by_score, through = student(f, derivative, mu, logvar, eps)
    return by_score, through


gradient_estimators = Exercise(
    "vae.gradient_estimators",
    twin="dlcore.scratch.vae.gradient_estimators",
    parts=[
        Part("a variance of 1", 1, [Case(*_polynomial(0.0, 0.0, 1.0), 1.0, 0.0, np.array([0.5, -1.0]))], _estimates_case),
        Part("any variance", 2, draw=lambda rng: _estimates_case(rng, narrow=True)),
    ],
    oracle=_estimates_oracle,
    driver=_drive_estimates,
    returns=("by the score", "through the draw"),
)  # fmt: skip

_BOTH = "return f(z) * (z - mu) / np.exp(logvar), derivative(z)"


def _estimates_mistake(name, hint, *changes):
    _mistake(gradient_estimators, name, hint, *changes, pieces=[scratch.reparameterize])


_estimates_mistake(
    "divides_by_the_deviation",
    """By the score, f(z) (z - mu) is divided by the standard deviation. It must be the variance, exp(logvar).""",
    (_BOTH, _BOTH.replace("np.exp(logvar)", "np.exp(0.5 * logvar)")),
)
_estimates_mistake(
    "does_not_divide",
    """By the score, f(z) (z - mu) has to be divided by the variance, exp(logvar).""",
    (_BOTH, _BOTH.replace(" / np.exp(logvar)", "")),
)
_estimates_mistake(
    "asks_at_the_mean",
    """Function and derivative are asked at mu. Ask them at what has been drawn: z = mu + exp(logvar / 2) eps.""",
    (_BOTH, "return f(mu) * (z - mu) / np.exp(logvar), derivative(mu) * np.ones(len(z))"),
)
_estimates_mistake(
    "spreads_by_the_variance",
    """eps is multiplied by the variance. A cloud is as wide as its standard deviation, exp(logvar / 2).""",
    ("mu + np.exp(0.5 * logvar) * eps", "mu + np.exp(logvar) * eps"),
)
_estimates_mistake(
    "averages_the_draws",
    """The mean over the draws is taken already. One estimate for each draw is asked for, so that their spread can be seen.""",
    (_BOTH, "return (f(z) * (z - mu) / np.exp(logvar)).mean(), derivative(z).mean()"),
)
_estimates_mistake(
    "swaps_the_two",
    """The two stand in the other order: first by the score, then through the draw.""",
    (_BOTH, "return derivative(z), f(z) * (z - mu) / np.exp(logvar)"),
)
_estimates_mistake(
    "multiplies_the_slope_with_eps",
    """Through the draw, you multiply with eps. That is what goes to the deviation; mu moves z by just as much as it moves itself.""",
    (_BOTH, _BOTH.replace("derivative(z)", "derivative(z) * eps")),
)
_estimates_mistake(
    "takes_the_slope_for_the_score",
    """By the score, the derivative of f is not needed: it is f(z) itself that is weighed with (z - mu) / variance.""",
    (_BOTH, _BOTH.replace("f(z) *", "derivative(z) *")),
)


# 4 ---------------------------------------------------------------- latent_backward


def _latent_case(rng, beta=None, none=False):
    n, z = _sizes(rng, 2)
    g, mu, logvar, eps = (nonzero(rng, n, z) for _ in range(4))
    return Case(0 * g if none else g, mu, logvar, eps, *([beta] if beta is not None else []))


def _latent_oracle(torch, g, mu, logvar, eps, beta=1.0):
    mu, logvar = (torch.tensor(np.array(a), requires_grad=True) for a in (mu, logvar))
    z = mu + (logvar * 0.5).exp() * _tensor(torch, eps)
    loss = (z * _tensor(torch, g)).sum() + _kl(mu, logvar).mean() * beta
    loss.backward()
    return to_plain(mu.grad), to_plain(logvar.grad)


def _drive_latent(student, g, mu, logvar, eps, beta=None):
    dmu, dlogvar = student(g, mu, logvar, eps) if beta is None else student(g, mu, logvar, eps, beta)  # fmt: skip
    return dmu, dlogvar


_QUARTER = [np.array([[a]]) for a in (3.0, 1.0, np.log(4.0), 0.5)]

latent_backward = Exercise(
    "vae.latent_backward",
    twin="dlcore.scratch.vae.latent_backward",
    parts=[
        Part("through the draw", 1, draw=lambda rng: _latent_case(rng, 0.0)),
        Part("the divergence", 1, draw=lambda rng: _latent_case(rng, none=True)),
        Part("both, and beta", 2, [Case(*_QUARTER)], lambda rng: _latent_case(rng, float(size(rng, 2, 5)) / 2)),
    ],
    oracle=_latent_oracle,
    driver=_drive_latent,
    returns=("the gradient of mu", "the gradient of logvar"),
)  # fmt: skip

_SPREAD = "n, spread = len(mu), np.exp(0.5 * logvar)"
_BACK = "return g + beta * mu / n, 0.5 * (g * spread * eps + beta * (spread * spread - 1) / n)"
_mistake(
    latent_backward,
    "cuts_the_draw_off",
    """Nothing of g arrives: the draw is taken as given. But z = mu + exp(logvar / 2) eps, and only eps is chance; g goes on to
    mu, and times exp(logvar / 2) eps / 2 to logvar.""",
    (_BACK, "return beta * mu / n, 0.5 * beta * (spread * spread - 1) / n"),
)
_mistake(
    latent_backward,
    "leaves_out_the_divergence",
    """Only what comes through the draw is there. The divergence depends on mu and logvar, too.""",
    (_BACK, "return g, 0.5 * g * spread * eps"),
)
_mistake(
    latent_backward,
    "does_not_average_the_divergence",
    """The divergence is averaged over the N pictures of the batch, so its gradient is divided by N.""",
    (_BACK, "return g + beta * mu, 0.5 * (g * spread * eps + beta * (spread * spread - 1))"),
)
_mistake(
    latent_backward,
    "forgets_eps",
    """How far logvar moves z depends on eps: a draw at the rim of the cloud moves, one in its middle does not.""",
    (_BACK, _BACK.replace("g * spread * eps", "g * spread")),
)
_mistake(
    latent_backward,
    "forgets_the_half_of_the_deviation",
    """The derivative of exp(logvar / 2) has a factor of 1/2, which is missing in what comes through the draw.""",
    (_BACK, _BACK.replace("0.5 * (g * spread * eps", "(g * spread * eps").replace("beta * (spread", "0.5 * beta * (spread")),
)  # fmt: skip
_mistake(
    latent_backward,
    "spreads_by_the_variance",
    """eps is multiplied by exp(logvar), which is the variance. The cloud is as wide as its square root, exp(logvar / 2).""",
    (_BACK, _BACK.replace("g * spread * eps", "g * spread**2 * eps")),
)
_mistake(
    latent_backward,
    "weighs_the_draw_with_beta",
    """beta weighs the divergence alone. What comes through the draw stays as it is.""",
    (_BACK, "return beta * (g + mu / n), 0.5 * beta * (g * spread * eps + (spread * spread - 1) / n)"),
)  # fmt: skip
_mistake(
    latent_backward,
    "ignores_beta",
    """beta is not used: it weighs the divergence, and 1 is only its default.""",
    (_SPREAD, _SPREAD + "\n    beta = 1.0"),
)
_mistake(
    latent_backward,
    "gives_the_deviation_s_gradient",
    """The second gradient is that of the standard deviation. logvar is asked for: exp(logvar / 2) / 2 times as much.""",
    (_BACK, "return g + beta * mu / n, g * eps + beta * (spread - 1 / spread) / n"),
)


# 5 ---------------------------------------------------------------- vae_loss

_KEPT = {"encoder": slice(0, 4), "decoder": slice(4, 8), "all": slice(0, 8)}


def _shapes(d, h, z, k, c):
    return (h, d + c), (h,), (2 * z, h), (2 * z,), (k, z + c), (k,), (d, k), (d,)


def _vae_case(rng, column, beta=None, told=False):
    d, h, z, k, c = _sizes(rng, 5)
    n = size(rng, 3, 5)
    params = [nonzero(rng, *shape) for shape in _shapes(d, h, z, k, c if told else 0)]
    params[2] = params[2] * 0.3  # logvar has no bend above it
    x = np.round(rng.random((n, d)), 2)
    c = np.eye(c)[rng.integers(0, c, n)] if told else None
    return Case(params, x, nonzero(rng, n, z), beta, c, column)


def _picked(loss, parts, gradients, column):
    if column == "loss":
        return in_a_row([np.asarray(loss), np.asarray(parts)])
    return in_a_row(list(gradients)[_KEPT[column]])


def _drive_vae(student, params, x, eps, beta, c, column):
    """The loss and its two parts, or some gradients, in a row."""
    given = {} if beta is None else {"beta": beta}
    given |= {} if c is None else {"c": c}
    return _picked(*student(params, x, eps, **given), column)


def _vae_oracle(torch, params, x, eps, beta, c, column):
    linear, relu = torch.nn.functional.linear, torch.relu
    leaves = [torch.tensor(np.array(p), requires_grad=True) for p in params]
    w1, b1, w2, b2, w3, b3, w4, b4 = leaves
    z = np.array(eps).shape[1]
    seen = np.array(x) if c is None else np.concatenate([x, c], axis=1)
    code = linear(relu(linear(_tensor(torch, seen), w1, b1)), w2, b2)
    mu, logvar = code[:, :z], code[:, z:]
    drawn = mu + (logvar * 0.5).exp() * _tensor(torch, eps)
    hidden = linear(drawn, w3[:, :z], b3)
    if c is not None:
        hidden = hidden + _tensor(torch, c) @ w3[:, z:].T
    logits = linear(relu(hidden), w4, b4)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    said = bce(logits, _tensor(torch, x), reduction="sum") * (1 / len(x))
    kl = _kl(mu, logvar).mean()
    loss = said + kl * (1.0 if beta is None else beta)
    loss.backward()
    parts = [float(to_plain(said)), float(to_plain(kl))]
    return _picked(to_plain(loss), parts, [to_plain(leaf.grad) for leaf in leaves], column)


_TINY = [np.array(a) for a in ([[2.0]], [0.0], [[0.5], [0.5]], [1.0, -1.0], [[2.0]], [0.0], [[1.0]], [-5.0])]  # fmt: skip
_FAR = [*_TINY[:6], np.array([[300.0]]), np.array([-400.0])]  # a logit of 1,100
_AT = np.array([[1.0]]), np.array([[0.5]])

vae_loss = Exercise(
    "vae.vae_loss",
    twin="dlcore.scratch.vae.vae_loss",
    parts=[
        Part("the loss and its parts", 1, [Case(_TINY, *_AT, None, None, "loss"), Case(_FAR, *_AT, None, None, "loss")], lambda rng: _vae_case(rng, "loss", 0.5)),
        Part("gradients of the decoder", 1, draw=lambda rng: _vae_case(rng, "decoder")),
        Part("gradients of the encoder", 1, [Case(_TINY, *_AT, None, None, "all")], lambda rng: _vae_case(rng, "encoder")),
        Part("beta", 1, draw=lambda rng: _vae_case(rng, "all", float(size(rng, 2, 5)) / 2)),
        Part("told what it is", 1, draw=lambda rng: _vae_case(rng, "all", told=True)),
    ],
    oracle=_vae_oracle,
    driver=_drive_vae,
)  # fmt: skip


def _vae_mistake(name, hint, *changes):
    pieces = [scratch.kl_divergence, scratch.reparameterize, scratch.latent_backward]
    _mistake(vae_loss, name, hint, *changes, pieces=pieces)


_SAID = "said = (np.logaddexp(0, logits) - x * logits).sum(axis=1).mean()"
_SLOPE = "g = (sigmoid(logits) - x) / len(x)"
_vae_mistake(
    "averages_over_pixels",
    """How badly the pixels are said is averaged over them. It must be their sum, or the divergence weighs as much as all pixels
    together had the weight of one, and the code will not be used.""",
    (_SAID, "said = (np.logaddexp(0, logits) - x * logits).mean()"),
    (_SLOPE, "g = (sigmoid(logits) - x) / x.size"),
)
_vae_mistake(
    "sums_over_the_batch",
    """The pictures of a batch are added up. The loss is their mean: divide by N.""",
    (_SAID, "said = (np.logaddexp(0, logits) - x * logits).sum()"),
    (_SLOPE, "g = sigmoid(logits) - x"),
)
_vae_mistake(
    "takes_logs_of_the_sigmoid",
    """For far logits the sigmoid is rounded to 0 or 1, and its logarithm is infinite. Take log(1 + exp(a)) - x a, with
    np.logaddexp, as in lesson 3.""",
    (_SAID, "y = sigmoid(logits)\n    said = -(x * np.log(y) + (1 - x) * np.log(1 - y)).sum(axis=1).mean()"),
)  # fmt: skip
_vae_mistake(
    "bends_the_code",
    """A ReLU stands after mean and log-variance. They must be free to be negative.""",
    ("mu, logvar = np.split(h @ w2.T + b2, 2, axis=1)", "mu, logvar = np.split(np.maximum(h @ w2.T + b2, 0), 2, axis=1)"),
)  # fmt: skip
_vae_mistake(
    "swaps_mean_and_logvar",
    """The first half of what the encoder says is the mean, the second the log-variance. You have them the other way round.""",
    ("mu, logvar = np.split(h @ w2.T + b2, 2, axis=1)", "logvar, mu = np.split(h @ w2.T + b2, 2, axis=1)"),
    ("da = np.concatenate(back, axis=1)", "da = np.concatenate(back[::-1], axis=1)"),
)  # fmt: skip
_vae_mistake(
    "does_not_draw",
    """The decoder is given the mean. It is to be given a draw, mu + exp(logvar / 2) eps, forwards as well as in the backward pass.""",
    ("reparameterize(mu, logvar, eps), told", "mu, told"),
    ("eps, beta)\n    da", "0 * eps, beta)\n    da"),
)
_vae_mistake(
    "weighs_the_part_it_returns",
    """Of the two parts, the second is the divergence itself, not beta times it. Only in the loss does it count beta times.""",
    ("np.stack([said, kl])", "np.array([said, beta * kl])"),
)
_vae_mistake(
    "forgets_beta",
    """beta is not used: the divergence counts beta times, in the loss and in its gradients.""",
    ("told = x", "beta = 1.0\n    told = x"),
)
_vae_mistake(
    "goes_back_past_relu",
    """What goes back must pass through the ReLU of the encoder and of the decoder: where its output is 0, nothing comes through.""",
    ("dk = (g @ w4) * (k > 0)", "dk = g @ w4"),
    ("dh = (da @ w2) * (h > 0)", "dh = da @ w2"),
)
_vae_mistake(
    "tells_the_encoder_alone",
    """Only the encoder is told what the picture shows. The decoder must be told as well, or nobody can ask it for something.""",
    (
        "z = np.concatenate([reparameterize(mu, logvar, eps), told], axis=1)",
        "z = np.concatenate([reparameterize(mu, logvar, eps), 0 * told], axis=1)",
    ),
)
_vae_mistake(
    "tells_the_decoder_alone",
    """Only the decoder is told what the picture shows. The encoder is told as well: c stands beside x.""",
    ("seen = np.concatenate([x, told], axis=1)", "seen = np.concatenate([x, 0 * told], axis=1)"),
)


# 6 ---------------------------------------------------------------- log_likelihood


def _likelihood_case(rng, k=0, far=1.0):
    d, h, z, hidden, draws = _sizes(rng, 5)
    params = [nonzero(rng, *shape) for shape in _shapes(d, h, z, hidden, 0)]
    params[2], params[6] = params[2] * 0.3, params[6] * far
    n = size(rng, 2, 3) + 6
    return Case(params, np.round(rng.random((n, d)), 2), nonzero(rng, k or draws, n, z))


def _likelihood_oracle(torch, params, x, eps):
    """Draw by draw, with all densities in full."""
    linear, relu = torch.nn.functional.linear, torch.relu
    w1, b1, w2, b2, w3, b3, w4, b4 = (_tensor(torch, p) for p in params)
    code = linear(relu(linear(_tensor(torch, x), w1, b1)), w2, b2)
    half = np.array(eps).shape[2]
    mu, logvar = code[:, :half], code[:, half:]
    found = []
    for one in np.array(eps):
        z = mu + (logvar * 0.5).exp() * _tensor(torch, one)
        logits = linear(relu(linear(z, w3, b3)), w4, b4)
        bce = torch.nn.functional.binary_cross_entropy_with_logits
        said = bce(logits, _tensor(torch, x), reduction="none").sum(1) * -1.0
        constant = math.log(2 * math.pi)
        prior = (z**2 + constant).sum(1) * -0.5
        cloud = ((z - mu) ** 2 / logvar.exp() + logvar + constant).sum(1) * -0.5
        found.append(to_plain(said + prior - cloud))
    found = np.array(found)
    top = found.max(axis=0)
    return top + np.log(np.exp(found - top).mean(axis=0))


log_likelihood = Exercise(
    "vae.log_likelihood",
    twin="dlcore.scratch.vae.log_likelihood",
    parts=[
        Part("one draw", 1, draw=lambda rng: _likelihood_case(rng, 1)),
        Part("several draws", 2, [Case(_TINY, _AT[0], np.array([[[0.5]], [[-0.5]]]))], _likelihood_case),
        Part("very unlikely pictures", 1, draw=lambda rng: _likelihood_case(rng, far=1000.0)),
    ],
    oracle=_likelihood_oracle,
)  # fmt: skip

_INSIDE = "return logsumexp(said + prior - drawn, axis=0) - np.log(len(eps))"


def _likelihood_mistake(name, hint, *changes):
    _mistake(log_likelihood, name, hint, *changes, pieces=[scratch.reparameterize])


_likelihood_mistake(
    "averages_the_logarithms",
    """The logarithms are averaged: that is the bound again. Average what is inside, and then take the logarithm.""",
    (_INSIDE, "return (said + prior - drawn).mean(axis=0)"),
)
_likelihood_mistake(
    "forgets_to_divide_by_the_draws",
    """The draws are added up. Their mean is asked for: log K has to be subtracted.""",
    (_INSIDE, "return logsumexp(said + prior - drawn, axis=0)"),
)
_likelihood_mistake(
    "forgets_how_likely_z_is",
    """Only how likely the picture is, given z, is averaged. Each draw has to be weighed with p(z) / q(z): it was not drawn from
    N(0, 1), but from the encoder's cloud.""",
    (_INSIDE, "return logsumexp(said, axis=0) - np.log(len(eps))"),
)
_likelihood_mistake(
    "forgets_the_cloud",
    """The density of the draw, q(z), is missing: divide by it, which is to subtract its logarithm.""",
    (_INSIDE, "return logsumexp(said + prior, axis=0) - np.log(len(eps))"),
)
_likelihood_mistake(
    "forgets_the_width_of_the_cloud",
    """The density of a cloud depends on how wide it is: -logvar / 2 is missing in log q(z).""",
    ("-0.5 * (eps * eps + logvar)", "-0.5 * (eps * eps + 0 * logvar)"),
)
_likelihood_mistake(
    "turns_the_weights_round",
    """The weight is p(z) / q(z). You have q(z) / p(z).""",
    (_INSIDE, "return logsumexp(said - prior + drawn, axis=0) - np.log(len(eps))"),
)
_likelihood_mistake(
    "lets_exp_underflow",
    """For unlikely pictures exp gives 0, and the logarithm of 0 is minus infinity. Use your logsumexp of lesson 3, which does not
    leave the logarithms.""",
    (_INSIDE, "return np.log(np.exp(said + prior - drawn).mean(axis=0))"),
)
_likelihood_mistake(
    "averages_over_pixels",
    """The pixels are averaged. A picture is as likely as all its pixels together: their logarithms add up.""",
    ("said = (x * logits - np.logaddexp(0, logits)).sum(axis=2)", "said = (x * logits - np.logaddexp(0, logits)).mean(axis=2)"),
)  # fmt: skip


# 7 ---------------------------------------------------------------- slerp


def _slerp_oracle(torch, a, b, steps):
    """Through the plane of both: an orthonormal pair in it, and a rotation step by step."""
    a, b = np.array(a), np.array(b)
    if len(a) == 2 and abs(a @ a - 1) < 1e-12 and abs(b @ b - 1) < 1e-12:
        first, last = math.atan2(a[1], a[0]), math.atan2(b[1], b[0])
        turn = (last - first + math.pi) % (2 * math.pi) - math.pi
        angles = first + turn * np.arange(steps) / (steps - 1)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    unit, other = a / math.sqrt(a @ a), b / math.sqrt(b @ b)
    side = other - (other @ unit) * unit
    if side @ side < 1e-18:
        return np.stack([a + (b - a) * i / (steps - 1) for i in range(steps)])
    angle = math.atan2(math.sqrt(side @ side), other @ unit)
    shares = [(math.sin(angle * (1 - t)), math.sin(angle * t)) for t in np.arange(steps) / (steps - 1)]  # fmt: skip
    return np.stack([(p * a + q * b) / math.sin(angle) for p, q in shares])


def _unit_circle(rng):
    """Two directions in the plane, neither the same nor opposite."""
    first = rng.uniform(0, 2 * np.pi)
    last = first + rng.choice([-1, 1]) * rng.uniform(0.4, 2.7)
    a, b = (np.array([np.cos(t), np.sin(t)]) for t in (first, last))
    return Case(a, b, size(rng, 3, 7))


def _slerp_case(rng):
    z = size(rng, 3, 6)
    return Case(nonzero(rng, z), nonzero(rng, z), size(rng, 3, 7))


def _same_way(rng):
    """Of these, the cosine is by rounding above 1, however it is computed."""
    while True:
        a = nonzero(rng, size(rng, 2, 5))
        b = float(rng.choice([1, 3, 5, 7])) * a
        product, lengths = a @ b, np.linalg.norm(a) * np.linalg.norm(b)
        if product / lengths > 1 and product / np.sqrt((a @ a) * (b @ b)) > 1:
            return Case(a, b, size(rng, 3, 5))


slerp = Exercise(
    "vae.slerp",
    twin="dlcore.scratch.vae.slerp",
    parts=[
        Part("on the unit circle", 1, [Case(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 3)], _unit_circle),
        Part("anywhere", 1, draw=_slerp_case),
        Part("the same way, or nearly", 1, [Case(np.array([3.0, 0.0, 4.0]), np.array([3.1, 0.1, 4.0]), 3)], _same_way),
    ],
    oracle=_slerp_oracle,
)  # fmt: skip

_ANGLE = "angle, t = np.arccos(np.clip(cosine, -1, 1)), np.linspace(0, 1, steps)[:, None]"
_ARC = "return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)"
_mistake(
    slerp,
    "walks_straight",
    """This is the straight line. Half-way it comes too near to 0; the arc keeps its distance.""",
    (_ARC, "return (1 - t) * a + t * b"),
)
_mistake(
    slerp,
    "does_not_divide_by_the_lengths",
    """The product of a and b is the cosine of the angle only if both have length 1. Divide by their lengths.""",
    ("cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))", "cosine = a @ b"),
)
_mistake(
    slerp,
    "divides_by_nothing",
    """Where both point the same way, the angle is 0, and you divide by its sine. There the arc is a straight line.""",
    ("    if np.sin(angle) < 1e-9:\n        return (1 - t) * a + t * b\n", "    angle = np.float64(angle)\n"),
)  # fmt: skip
_mistake(
    slerp,
    "stops_before_the_end",
    """The last row must be b. Between the first and the last row there are steps - 1 pieces, not as many as steps.""",
    (_ANGLE, _ANGLE.replace("np.linspace(0, 1, steps)", "(np.arange(steps) / steps)")),
)
_mistake(
    slerp,
    "walks_backwards",
    """The walk begins at b and ends at a. It is the other way round.""",
    (_ARC, "return (np.sin(t * angle) * a + np.sin((1 - t) * angle) * b) / np.sin(angle)"),
)
_mistake(
    slerp,
    "leaves_out_the_sine_below",
    """Both shares have to be divided by the sine of the whole angle; otherwise the walk does not end at b.""",
    (_ARC, "return np.sin((1 - t) * angle) * a + np.sin(t * angle) * b"),
)
_mistake(
    slerp,
    "scales_a_straight_line",
    """You stretch the straight line to the right length. The walk lies on the arc then, but it turns faster in the middle than
    at its ends.""",
    (_ARC, "line = (1 - t) * a + t * b\n    far = (1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)\n    return line / np.linalg.norm(line, axis=1)[:, None] * far"),
)  # fmt: skip
