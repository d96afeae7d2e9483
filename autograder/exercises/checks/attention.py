"""Lesson 14: soft lookup, masked attention forward and backward, dependency matrix, heads, rotary embedding, a loss."""

from __future__ import annotations

import numpy as np

from autograder.exercises.checks._draw import nonzero, size
from autograder.exercises.checks._row import in_a_row
from autograder.exercises.checks._wrong import mistake
from autograder.exercises.exercise import Case, Exercise, Part
from autograder.exercises.oracle import to_plain
from dlcore.scratch import attention as scratch

_HEADER = "import numpy as np\n\nfrom dlcore.scratch.rnn import masked_cross_entropy"


def _mistake(exercise, name, hint, *changes, pieces=()):
    pieces = [*pieces, getattr(scratch, exercise.function)]
    mistake(exercise, name, hint, *changes, pieces=pieces, header=_HEADER)


def _tensors(torch, *arrays):
    return [torch.tensor(np.array(a)) for a in arrays]


def _sizes(rng, many):
    """So many sizes, all different, so that nothing fits by chance."""
    return (int(n) for n in rng.permutation([2, 3, 4, 5])[:many])


def _attend(torch, q, k, v, mask=None):
    """The library's own attention, for tensors."""
    mask = None if mask is None else torch.tensor(np.array(mask))
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


# 1 ---------------------------------------------------------------- soft_lookup


def _look_up_oracle(torch, query, keys, values):
    query, keys, values = _tensors(torch, query, keys, values)
    weights = torch.softmax(keys @ query, -1)
    return weights @ values, weights


def _look_up_case(rng, scale=1.0):
    e, s, v = _sizes(rng, 3)
    return Case(nonzero(rng, e, scale=scale), nonzero(rng, s, e), nonzero(rng, s, v, scale=5))


def _drive_look_up(student, query, keys, values):
    mixture, weights = student(query, keys, values)
    return mixture, weights


_TEN_AND_TWENTY = np.array([[10.0], [20.0]])

soft_lookup = Exercise(
    "attention.soft_lookup",
    twin="dlcore.scratch.attention.soft_lookup",
    parts=[
        Part("the mixture and the weights", 1, [Case(np.array([2.0, 0.0]), np.eye(2), _TEN_AND_TWENTY)], _look_up_case),
        Part("large scores", 1, draw=lambda rng: _look_up_case(rng, 500.0)),
    ],
    oracle=_look_up_oracle,
    driver=_drive_look_up,
    returns=("the mixture", "the weights"),
)  # fmt: skip

_FIT = "e = np.exp(scores - scores.max())"
_mistake(
    soft_lookup,
    "weighs_by_the_scores_themselves",
    """The scores are used as weights as they are. Softmax makes weights of them: it takes exponentials first.""",
    (_FIT, "e = scores"),
)
_mistake(
    soft_lookup,
    "overflows",
    """Large scores make infinities. Subtract the largest score before the exponential; the weights stay the same.""",
    (_FIT, "e = np.exp(scores)"),
)
_mistake(
    soft_lookup,
    "does_not_share_out",
    """The weights do not add up to 1: they have to be divided by their sum.""",
    ("weights = e / e.sum()", "weights = e"),
)
_mistake(
    soft_lookup,
    "takes_the_best_alone",
    """Only the best key's value is taken. A soft look-up mixes all values, each by its weight.""",
    ("weights = e / e.sum()", "weights = (e == e.max()) / 1.0"),
)
_mistake(
    soft_lookup,
    "averages_the_mixture",
    """The mixture is divided by the number of keys. The weights add up to 1, so a sum is enough.""",
    ("return weights @ values, weights", "return weights @ values / len(keys), weights"),
)
_mistake(
    soft_lookup,
    "weighs_by_distance_the_wrong_way",
    """The sign of the scores is turned round in your code: the better a key fits, the more weight it gets.""",
    ("scores = keys @ query", "scores = -(keys @ query)"),
)


# 2 ---------------------------------------------------------------- attention


def _attention_oracle(torch, q, k, v, mask=None):
    """The weights are what the library's attention makes of values that stand in a row of their own each."""
    own = np.zeros((*k.shape[:-1], k.shape[-2])) + np.eye(k.shape[-2])
    q, k, v, own = _tensors(torch, q, k, v, own)
    return _attend(torch, q, k, v, mask), _attend(torch, q, k, own, mask)


def _drive_attention(student, q, k, v, mask=None):
    mixtures, weights = student(q, k, v) if mask is None else student(q, k, v, mask)
    return mixtures, weights


def _some_mask(rng, *shape):
    """Each row may look at something, and not at all."""
    mask = rng.random(shape) < 0.5
    mask[..., 0], mask[..., -1] = True, False
    return rng.permuted(mask, axis=-1)


def _attention_case(rng, *front, masked=False, scale=1.0):
    length, s, e, v = _sizes(rng, 4)
    q, k = nonzero(rng, *front, length, e, scale=scale), nonzero(rng, *front, s, e)
    mask = [_some_mask(rng, *front, length, s)] if masked else []
    return Case(q, k, nonzero(rng, *front, s, v, scale=5), *mask)


def _broadcast_case(rng):
    """One mask for all heads of a sequence."""
    n, heads, length, s = _sizes(rng, 4)
    e = size(rng, 2, 3)
    q, k = nonzero(rng, n, heads, length, e), nonzero(rng, n, heads, s, e)
    return Case(q, k, nonzero(rng, n, heads, s, 2), _some_mask(rng, n, 1, length, s))


def _blinded_case(rng):
    """A large score that must not be seen, next to small ones."""
    case = _attention_case(rng, 2, masked=True, scale=0.5)
    q, k, v, mask = case.args
    hidden = ~mask[:, 0]
    k = np.where(hidden[..., None], 3000 * np.sign(q[:, :1]), k)
    mask = np.repeat(mask[:, :1], q.shape[1], axis=1)
    return Case(np.abs(q) * np.sign(q[:, :1]), k, v, mask)


def _nowhere_case(rng):
    case = _attention_case(rng, 2, masked=True)
    case.args[3][0, size(rng, 0, 1)] = False
    return case


attention = Exercise(
    "attention.attention",
    twin="dlcore.scratch.attention.attention",
    parts=[
        Part("one sequence", 1, [Case(np.array([[4.0]]), np.array([[0.5], [0.0]]), _TEN_AND_TWENTY)], _attention_case),
        Part("many at once", 1, draw=lambda rng: _attention_case(rng, size(rng, 2, 3), 2)),
        Part("a mask", 1, draw=lambda rng: _broadcast_case(rng) if rng.random() < 0.5 else _attention_case(rng, masked=True), draws=6),
        Part("large scores, seen and not seen", 1, draw=lambda rng: _blinded_case(rng) if rng.random() < 0.5 else _attention_case(rng, scale=2000.0), draws=6),
        Part("nowhere to look", 1, draw=_nowhere_case),
    ],
    oracle=_attention_oracle,
    driver=_drive_attention,
    returns=("the mixtures", "the weights"),
)  # fmt: skip

_SCORES = "scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])"
_HIDE = "scores = np.where(mask, scores, -np.inf)"
_TOP = "top = scores.max(axis=-1, keepdims=True)"
_TOTAL = "total = e.sum(axis=-1, keepdims=True)"
_WEIGHTS = "weights = e / np.where(total == 0, 1, total)"
_mistake(
    attention,
    "does_not_divide",
    """The root of E is missing: the scores are divided by it, so that they have the same size for every E.""",
    (_SCORES, "scores = q @ np.swapaxes(k, -1, -2)"),
)
_mistake(
    attention,
    "divides_by_the_width",
    """You divide by E. It is the root of E that makes the variance of the scores 1.""",
    (_SCORES, "scores = q @ np.swapaxes(k, -1, -2) / q.shape[-1]"),
)
_mistake(
    attention,
    "shares_out_over_the_queries",
    """Your weights add up to 1 over the queries. For each query they add up to 1 over the keys, the last axis.""",
    (_TOP, "top = scores.max(axis=-2, keepdims=True)"),
    (_TOTAL, "total = e.sum(axis=-2, keepdims=True)"),
)
_mistake(
    attention,
    "hides_after_the_softmax",
    """Weights are set to 0 after the softmax, so that the rest no longer adds up to 1, and what is hidden has still had its say.
    Set the scores to minus infinity before.""",
    (_HIDE, "scores = scores + 0"),
    (_WEIGHTS, _WEIGHTS + "\n    weights = weights if mask is None else weights * mask"),
)
_mistake(
    attention,
    "turns_the_mask_round",
    """The mask is taken the wrong way round: True means that one may look.""",
    (_HIDE, "scores = np.where(mask, -np.inf, scores)"),
)
_mistake(
    attention,
    "scores_what_is_hidden_with_zero",
    """What must not be seen gets a score of 0, and so a weight of e⁰ over the sum. Its score must be minus infinity.""",
    (_HIDE, "scores = np.where(mask, scores, 0.0)"),
)
_mistake(
    attention,
    "looks_everywhere_when_it_may_look_nowhere",
    """A query that may look nowhere gets the mean of everything in your code: a large negative number is the same for all keys,
    and softmax does not see it. It must get zeros.""",
    (_HIDE, "scores = np.where(mask, scores, -1e9)"),
)
_mistake(
    attention,
    "divides_by_nothing",
    """A query that may look nowhere becomes nan: 0 / 0, or infinity minus infinity. Give it zeros.""",
    ("np.where(np.isfinite(top), top, 0)", "top"),
    (_WEIGHTS, "weights = e / total"),
)
_mistake(
    attention,
    "overflows",
    """Large scores make infinities. Subtract the largest score of each row before the exponential.""",
    ("np.where(np.isfinite(top), top, 0)", "0"),
)
_mistake(
    attention,
    "looks_for_the_largest_among_the_hidden",
    """The largest score is looked for among all, hidden ones too. If such a one is far above the others, these all become 0. Hide
    first, then look for the largest.""",
    (_HIDE, "hidden = ~np.broadcast_to(mask, scores.shape)"),
    ("total = e", "e = e if mask is None else np.where(hidden, 0, e)\n    total = e"),
)


# 3 ---------------------------------------------------------------- attention_mask


def _mask_oracle(torch, lengths, size, causal=False):
    """One place after the other."""
    return np.array(
        [
            [[j < length and not (causal and j > i) for j in range(size)] for i in range(size)]
            for length in lengths
        ]
    )


def _mask_case(rng, causal):
    size_ = size(rng, 4, 6)
    lengths = rng.permutation(np.arange(1, size_))[: size(rng, 2, 3)]
    return Case(lengths, size_, causal) if causal else Case(lengths, size_)


def _full_case(rng):
    return Case(np.array([int(rng.integers(3, 6))] * 2), 5, bool(rng.random() < 0.5))


attention_mask = Exercise(
    "attention.attention_mask",
    twin="dlcore.scratch.attention.attention_mask",
    parts=[
        Part("padding", 1, draw=lambda rng: _mask_case(rng, False)),
        Part("padding, and causal", 1, [Case(np.array([2]), 3, True)], lambda rng: _mask_case(rng, True)),
        Part("lengths up to the whole", 1, [Case(np.array([3]), 3, True)], _full_case, draws=6),
    ],
    oracle=_mask_oracle,
)  # fmt: skip

_REAL = "real = j < np.asarray(lengths)[:, None, None]"
_CAUSAL = "return real & (j <= j[:, None]) if causal else np.repeat(real, size, axis=1)"
_mistake(
    attention_mask,
    "looks_ahead_alone",
    """Your mask is transposed: it lets a place look at what is to come, and not at what has been.""",
    ("(j <= j[:, None])", "(j >= j[:, None])"),
)
_mistake(
    attention_mask,
    "does_not_see_itself",
    """A place may look at itself, too: j <= i, not j < i. As it is, the first place may look nowhere.""",
    ("(j <= j[:, None])", "(j < j[:, None])"),
)
_mistake(
    attention_mask,
    "looks_one_too_far",
    """Each place sees the one after it: the mask is wrong by one, and no error will ever tell.""",
    ("(j <= j[:, None])", "(j <= j[:, None] + 1)"),
)
_mistake(
    attention_mask,
    "hides_those_who_look",
    """The lengths limit who looks, in your mask. They are to limit what is looked at: the last axis.""",
    (_CAUSAL, "real = np.repeat(real, size, axis=1).swapaxes(1, 2)\n    return real & (j <= j[:, None]) if causal else real"),
)  # fmt: skip
_mistake(
    attention_mask,
    "marks_what_is_hidden",
    """True stands where one must not look. Here it means that one may. (PyTorch has both kinds.)""",
    (_CAUSAL, "return ~(real & (j <= j[:, None])) if causal else ~np.repeat(real, size, axis=1)"),
)  # fmt: skip
_mistake(
    attention_mask,
    "never_causal",
    """What comes later may be seen although causal is True.""",
    ("return real & (j <= j[:, None]) if causal else ", "return "),
)
_mistake(
    attention_mask,
    "either_is_enough",
    """You allow what is real or what is past. Both must hold: a logical and.""",
    ("real & (j", "real | (j"),
)
_mistake(
    attention_mask,
    "counts_one_too_many",
    """A sequence of length n has the places 0 to n - 1. Your mask lets place n be seen.""",
    (_REAL, "real = j <= np.asarray(lengths)[:, None, None]"),
)


# 4 ---------------------------------------------------------------- dependency_matrix

_KINDS = ("all features", "the last feature", "differences of features")


def _network(reach, mixing, kind, also):
    """A function from (T, D) to (T, M) whose outputs depend on the inputs that ``reach`` (T, T) names."""

    def f(x):
        x = np.asarray(x, dtype=float)
        if kind == "differences of features":
            x = x - x.mean(axis=1, keepdims=True)
        elif kind == "the last feature":
            x = x[:, -1:]
        h = np.tanh(x @ mixing[: x.shape[1]])
        y = np.stack([h[row].sum(axis=0) for row in reach])
        if also == "their negatives":
            return np.concatenate([y, -y], axis=1)
        return np.concatenate([np.ones_like(y), y], axis=1) if also == "ones" else y

    f.reach = reach
    f.__name__ = f.__qualname__ = "f"
    return f


def _network_case(rng, kinds, also, x=None):
    t, d, m = size(rng, 3, 5), 2 * size(rng, 1, 2), size(rng, 1, 3)
    reach = rng.random((t, t)) < 0.5
    x = np.round(4 * rng.standard_normal((t, d))) / 4 if x is None else x[:t, :d]
    mixing = np.abs(nonzero(rng, d, m, scale=0.3))
    mixing[::2] *= -1  # so that no two features are worth the same
    return Case(_network(reach, mixing, str(rng.choice(kinds)), str(rng.choice(also))), x)


def _running_sum(length):
    def f(x):
        return np.cumsum(x, axis=0)

    f.reach = np.tri(length, dtype=bool)
    f.__name__ = f.__qualname__ = "running sum"
    return f


dependency_matrix = Exercise(
    "attention.dependency_matrix",
    twin="dlcore.scratch.attention.dependency_matrix",
    parts=[
        Part("any network", 1, [Case(_running_sum(3), np.array([[1.0], [2.0], [3.0]]))], lambda rng: _network_case(rng, _KINDS[:1], ("",))),
        Part("one that uses little of its input", 1, draw=lambda rng: _network_case(rng, _KINDS[1:], ("", "their negatives", "ones")), draws=8),
        Part("an input of zeros", 1, draw=lambda rng: _network_case(rng, _KINDS[:1], ("", "their negatives", "ones"), np.zeros((9, 9))), draws=6),
    ],
    oracle=lambda torch, f, x: f.reach,
)  # fmt: skip

_CHANGE = "other[s] += rng.standard_normal(other[s].shape)"
_MOVED = "moved[:, s] = np.any(f(other) != before, axis=1)"
_mistake(
    dependency_matrix,
    "adds_the_same_to_all",
    """Every feature of a row is changed by the same amount. A network that subtracts the mean of a row first does not notice:
    change each feature by a random number of its own.""",
    (_CHANGE, "other[s] += 1"),
)
_mistake(
    dependency_matrix,
    "changes_one_feature",
    """Only the first feature is changed. A network may read the others: change all of them.""",
    (_CHANGE, "other[s, 0] += rng.standard_normal()"),
)
_mistake(
    dependency_matrix,
    "changes_more_and_more",
    """Each change stays when the next one is made, so that a column shows what all changes until then have done. Begin with a
    fresh copy of x for every s.""",
    ("    for s in range(len(x)):\n        other = np.array(x, dtype=float)\n", "    other = np.array(x, dtype=float)\n    for s in range(len(x)):\n"),
)  # fmt: skip
_mistake(
    dependency_matrix,
    "transposes",
    """Rows and columns are exchanged: [t, s] says whether output t depends on input s.""",
    (_MOVED, _MOVED.replace("moved[:, s]", "moved[s]")),
)
_mistake(
    dependency_matrix,
    "compares_the_sums",
    """You compare the sum over the outputs' features. Changes can cancel in it: look at each number.""",
    (_MOVED, "moved[:, s] = np.abs(f(other).sum(axis=1) - before.sum(axis=1)) > 1e-9"),
)
_mistake(
    dependency_matrix,
    "asks_all_to_move",
    """You call an output moved if all of its numbers have moved. One is enough: np.any.""",
    (_MOVED, _MOVED.replace("np.any", "np.all")),
)
_mistake(
    dependency_matrix,
    "sets_to_zero",
    """A row that is set to 0 does not change if it was 0 before. Change it by random numbers.""",
    (_CHANGE, "other[s] = 0"),
)


# 5 ---------------------------------------------------------------- attention_backward


def _back_oracle(torch, g, q, k, v, weights, column):
    leaves = [torch.tensor(np.array(a), requires_grad=True) for a in (q, k, v)]
    (_attend(torch, *leaves, weights > 0) * torch.tensor(np.array(g))).sum().backward()
    return _chosen([to_plain(leaf.grad) for leaf in leaves], column)


def _chosen(found, column):
    dq, dk, dv = found
    named = {"dq": dq, "dk": dk, "dv": dv}
    return in_a_row(named[name] for name in named if column in ("all", name))


def _drive_back(student, g, q, k, v, weights, column):
    """One of the three, or all in a row."""
    return _chosen(student(g, q, k, v, weights), column)


def _back_case(rng, column, *front, masked=False):
    q, k, v, *mask = _attention_case(rng, *front, masked=masked).args
    _, weights = scratch.attention(q, k, v, *mask)
    return Case(nonzero(rng, *q.shape[:-1], v.shape[-1]), q, k, v, weights, column)


_ONE = Case(
    np.array([[1.0]]),
    np.array([[2.0]]),
    np.array([[1.0], [0.0]]),
    _TEN_AND_TWENTY,
    np.exp([[2.0, 0.0]]) / np.exp([[2.0, 0.0]]).sum(),
    "all",
)

attention_backward = Exercise(
    "attention.attention_backward",
    twin="dlcore.scratch.attention.attention_backward",
    parts=[
        Part("dv", 1, draw=lambda rng: _back_case(rng, "dv")),
        Part("dq", 1, [_ONE], lambda rng: _back_case(rng, "dq")),
        Part("dk", 1, draw=lambda rng: _back_case(rng, "dk")),
        Part("heads and a mask", 1, draw=lambda rng: _back_case(rng, "all", size(rng, 2, 3), 2, masked=True)),
    ],
    oracle=_back_oracle,
    driver=_drive_back,
)  # fmt: skip

_DS = "ds = weights * (fits - (weights * fits).sum(axis=-1, keepdims=True))"
_mistake(
    attention_backward,
    "forgets_the_mean",
    """Softmax only shares out: from what each weight would gain, the weighted mean of all is to be subtracted. It is missing.""",
    (_DS, "ds = weights * fits"),
)
_mistake(
    attention_backward,
    "subtracts_the_plain_mean",
    """You subtract the plain mean over the keys. It is the mean weighted by the weights of attention.""",
    (_DS, "ds = weights * (fits - fits.mean(axis=-1, keepdims=True))"),
)
_mistake(
    attention_backward,
    "sums_over_the_queries",
    """The weighted mean runs over the keys of one query, the last axis. You sum over the queries.""",
    (_DS, _DS.replace("axis=-1", "axis=-2")),
)
_mistake(
    attention_backward,
    "forgets_the_weights",
    """The gradient of the scores is the weights times the difference from the mean. The factor is missing.""",
    (_DS, "ds = fits - (weights * fits).sum(axis=-1, keepdims=True)"),
)
_mistake(
    attention_backward,
    "forgets_the_root",
    """The scores have been divided by the root of E, and so must be their gradient before it goes on to queries and keys.""",
    ("    ds = ds / np.sqrt(q.shape[-1])\n", ""),
)
_mistake(
    attention_backward,
    "treats_the_weights_as_given",
    """Only the values get their gradient. The weights depend on the queries and keys: these get one through the scores.""",
    (_DS, "ds = 0 * fits"),
)
_mistake(
    attention_backward,
    "sends_all_values_the_same",
    """Every value gets the whole of g. It gets g as far as it was looked at: times its weight.""",
    ("np.swapaxes(weights, -1, -2) @ g", "np.ones_like(np.swapaxes(weights, -1, -2)) @ g"),
)


# 6 ---------------------------------------------------------------- multi_head_attention


def _heads_oracle(torch, x, w_q, w_k, w_v, w_o, mask=None):
    x, w_q, w_k, w_v, w_o = _tensors(torch, x, w_q, w_k, w_v, w_o)
    found = [
        _attend(torch, x @ w_q[h], x @ w_k[h], x @ w_v[h], mask) @ w_o[h] for h in range(len(w_q))
    ]
    return sum(found[1:], start=found[0])


def _heads_case(rng, heads, n=0, masked=False, t=0):
    t_, d, e, m = _sizes(rng, 4)
    t, n = t or t_, n or size(rng, 2, 3)
    weights = [nonzero(rng, heads, d, e, scale=0.7) for _ in range(3)]
    mask = [_some_mask(rng, n, t, t)] if masked else []
    return Case(nonzero(rng, n, t, d), *weights, nonzero(rng, heads, e, m), *mask)


def _masked_heads_case(rng):
    """As many heads as sequences: a mask that lacks an axis fits, and is wrong."""
    return _heads_case(rng, 3, 3, masked=True)


multi_head_attention = Exercise(
    "attention.multi_head_attention",
    twin="dlcore.scratch.attention.multi_head_attention",
    parts=[
        Part("a single head", 1, draw=lambda rng: _heads_case(rng, 1, *([1, False, 1] if rng.random() < 0.3 else []))),
        Part("several heads", 1, draw=lambda rng: _heads_case(rng, size(rng, 2, 4))),
        Part("a mask", 1, draw=lambda rng: _masked_heads_case(rng) if rng.random() < 0.5 else _heads_case(rng, 2, masked=True), draws=6),
    ],
    oracle=_heads_oracle,
)  # fmt: skip

_QKV = 'q, k, v = (np.einsum("ntd,hde->nhte", x, w) for w in (w_q, w_k, w_v))'
_ADD = 'return np.einsum("nhte,hem->ntm", y, w_o)'
_ASK = "y, _ = attention(q, k, v, None if mask is None else mask[:, None])"


def _heads_mistake(name, hint, *changes):
    _mistake(multi_head_attention, name, hint, *changes, pieces=[scratch.attention])


_heads_mistake(
    "averages_the_heads",
    """You take the mean over the heads. What they have found is added up.""",
    (_ADD, _ADD + " / len(w_o)"),
)
_heads_mistake(
    "takes_sequences_for_heads",
    """The mask has the shape (N, T, T), the scores (N, H, T, T): without an axis for the heads, NumPy gives each head the mask of
    another sequence. Use mask[:, None].""",
    (_ASK, "y, _ = attention(q, k, v, None if mask is None else mask[: len(w_q)] if len(mask) == len(w_q) else mask[:, None])"),
)  # fmt: skip
_heads_mistake(
    "ignores_the_mask",
    """The mask is not used: pass it on to attention.""",
    (_ASK, "y, _ = attention(q, k, v)"),
)
_heads_mistake(
    "swaps_who_asks_and_who_answers",
    """Queries are made with w_k and keys with w_q. The scores come out transposed: who asks is taken for who answers.""",
    ("(w_q, w_k, w_v)", "(w_k, w_q, w_v)"),
)
_heads_mistake(
    "gives_all_heads_the_first_ones_queries",
    """All heads ask with the first head's matrix. Each has matrices of its own.""",
    (_QKV, _QKV + "\n    q = np.repeat(q[:, :1], len(w_q), axis=1)"),
)
_heads_mistake(
    "takes_keys_for_values",
    """The keys are mixed. What is mixed are the values, which w_v makes of x.""",
    ("(w_q, w_k, w_v)", "(w_q, w_k, w_k)"),
)
_heads_mistake(
    "uses_the_last_head_alone",
    """Only one head comes out: the sum over the heads is missing.""",
    (_ADD, "return y[:, -1] @ w_o[-1]"),
)


# 7 ---------------------------------------------------------------- rotary_embedding


def _rotary_oracle(torch, x, positions, base=10000.0):
    """A pair of features as a complex number, and a turn as a product with another one."""
    half = x.shape[-1] // 2
    speeds = np.array([base ** (-2 * i / x.shape[-1]) for i in range(half)])
    z = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * np.multiply.outer(positions, speeds))
    return np.concatenate([z.real, z.imag], axis=-1)


def _rotary_case(rng, *front, pairs=0, base=None):
    t = size(rng, 3, 5)
    x = nonzero(rng, *front, t, 2 * (pairs or size(rng, 2, 4)))
    positions = np.sort(rng.permutation(30)[:t])
    return Case(x, positions, *([base] if base else []))


rotary_embedding = Exercise(
    "attention.rotary_embedding",
    twin="dlcore.scratch.attention.rotary_embedding",
    parts=[
        Part("one pair of features", 1, draw=lambda rng: _rotary_case(rng, pairs=1)),
        Part("several pairs", 1, [Case(np.array([[1.0, 2.0, 0.0, 0.0]]), np.array([3]))], _rotary_case),
        Part("many sequences, any base", 1, draw=lambda rng: _rotary_case(rng, 2, 3, base=float(size(rng, 20, 90)))),
    ],
    oracle=_rotary_oracle,
)  # fmt: skip

_ANGLES = "angles = np.asarray(positions)[:, None] / base ** (np.arange(half) / half)"
_TURN = "return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)"
_mistake(
    rotary_embedding,
    "pairs_neighbours",
    """Features 0 and 1, 2 and 3 ... are paired. Here feature i goes with i + E/2. (Both are in use; a network must keep to one.)""",
    ("a, b = x[..., :half], x[..., half:]", "a, b = x[..., ::2], x[..., 1::2]"),
    (_TURN, "return np.stack([a * cos - b * sin, a * sin + b * cos], axis=-1).reshape(x.shape)"),
)
_mistake(
    rotary_embedding,
    "turns_the_other_way",
    """The turn goes the other way round: check the signs of the sine.""",
    (_TURN, "return np.concatenate([a * cos + b * sin, b * cos - a * sin], axis=-1)"),
)
_mistake(
    rotary_embedding,
    "turns_all_at_one_speed",
    """All pairs turn at the same speed. Pair i turns by base ** (-2 i / E) a place.""",
    (_ANGLES, "angles = np.asarray(positions)[:, None] * np.ones(half)"),
)
_mistake(
    rotary_embedding,
    "slows_down_by_half",
    """The speeds fall too slowly: the exponent is -2 i / E, which is -i divided by the number of pairs.""",
    (_ANGLES, "angles = np.asarray(positions)[:, None] / base ** (np.arange(half) / (2 * half))"),
)
_mistake(
    rotary_embedding,
    "counts_the_rows",
    """You turn by the number of the row. The places are given, as positions; they need not begin at 0.""",
    (_ANGLES, "angles = np.arange(x.shape[-2])[:, None] / base ** (np.arange(half) / half)"),
)
_mistake(
    rotary_embedding,
    "adds_instead_of_turning",
    """Waves are added to the features. Here the features are turned: their length stays as it is.""",
    (_TURN, "return x + np.concatenate([cos, sin], axis=-1)"),
)
_mistake(
    rotary_embedding,
    "squares_both_signs",
    """Both halves are made with a plus. A turn has one minus, or it would change the length.""",
    (_TURN, "return np.concatenate([a * cos + b * sin, a * sin + b * cos], axis=-1)"),
)


# 8 ---------------------------------------------------------------- next_token_loss

_GROUPS = {"table": slice(0, 1), "queries, keys, values": slice(1, 4), "last matrices": slice(4, 5)}


def _picked(loss, gradients, column):
    if column == "loss":
        return np.asarray(loss)
    table, w_q, w_k, w_v, w_o = gradients
    return in_a_row([table, w_q, w_k, w_v, w_o][_GROUPS[column]])


def _drive_loss(student, params, tokens, targets, places, column):
    """The loss, or some gradients in a row."""
    loss, gradients = student(params, tokens, targets, places)
    return _picked(loss, gradients, column)


def _loss_oracle(torch, params, tokens, targets, places, column):
    leaves = [torch.tensor(np.array(p), requires_grad=True) for p in params]
    table, w_q, w_k, w_v, w_o = leaves
    x = torch.nn.functional.embedding(torch.tensor(np.array(tokens)), table)
    x = x + torch.tensor(np.array(places))
    past = np.tri(len(places), dtype=bool)
    found = [
        _attend(torch, x @ w_q[h], x @ w_k[h], x @ w_v[h], past) @ w_o[h] for h in range(len(w_q))
    ]
    scores = sum(found[1:], start=found[0]).reshape((tokens.size, len(table)))
    flat = torch.tensor(np.array(targets).reshape(-1))
    loss = torch.nn.functional.cross_entropy(scores, flat, ignore_index=0)
    loss.backward()
    return _picked(to_plain(loss), [to_plain(leaf.grad) for leaf in leaves], column)


def _loss_case(rng, column, n=0, t=0):
    t_, d, e, heads = _sizes(rng, 4)
    t, n, k = t or t_, n or size(rng, 2, 3), size(rng, 6, 7)
    tokens = rng.integers(1, k, (n, t))
    tokens[:, -1] = tokens[:, 0]  # a row of the table that is used twice
    targets = rng.integers(1, k, (n, t)) * (rng.random((n, t)) < 0.6)
    targets[-1, 0] = 0
    targets[0, -1] = 1 + size(rng, 0, k - 2)  # there is something that counts
    weights = [nonzero(rng, heads, d, e, scale=0.7) for _ in range(3)]
    params = [nonzero(rng, k, d), *weights, nonzero(rng, heads, e, k, scale=0.7)]
    return Case(params, tokens, targets, nonzero(rng, t, d), column)


next_token_loss = Exercise(
    "attention.next_token_loss",
    twin="dlcore.scratch.attention.next_token_loss",
    parts=[
        Part("the loss", 1, draw=lambda rng: _loss_case(rng, "loss")),
        Part("one sequence, and one place", 1, draw=lambda rng: _loss_case(rng, str(rng.choice(["loss", *_GROUPS])), 1, int(rng.choice([0, 1]))), draws=6),
        Part("gradients of the last matrices", 1, draw=lambda rng: _loss_case(rng, "last matrices")),
        Part("gradients for queries, keys and values", 1, draw=lambda rng: _loss_case(rng, "queries, keys, values")),
        Part("gradient of the table", 1, draw=lambda rng: _loss_case(rng, "table")),
    ],
    oracle=_loss_oracle,
    driver=_drive_loss,
    forbidden=("dlcore.losses",),
)  # fmt: skip

_LOOK = "y, weights = attention(q, k, v, np.tri(len(places), dtype=bool))"
_LOSS = 'loss, g = masked_cross_entropy(np.einsum("nhte,hek->ntk", y, w_o), targets)'


def _loss_mistake(name, hint, *changes):
    pieces = [scratch.attention, scratch.attention_backward]
    _mistake(next_token_loss, name, hint, *changes, pieces=pieces)


_loss_mistake(
    "looks_into_the_future",
    """Your network looks at later tokens. The mask must be causal: no place looks at what comes after it.""",
    (_LOOK, "y, weights = attention(q, k, v)"),
)
_loss_mistake(
    "does_not_see_the_present",
    """A place may look at its own token, too. In your mask it sees only those before, and the first one nothing.""",
    (_LOOK, _LOOK.replace("np.tri(len(places), dtype=bool)", "np.tri(len(places), k=-1) > 0")),
)
_loss_mistake(
    "leaves_out_the_places",
    """The places are not used. They are added to the rows of the table before anything else.""",
    ("x = table[tokens] + places", "x = table[tokens]"),
)
_loss_mistake(
    "counts_the_padding",
    """Targets of 0 count in your loss. They are padding, or were not asked: masked_cross_entropy leaves them out.""",
    (_LOSS, _LOSS.replace("targets)", "targets, ignore_index=-1)")),
)
_loss_mistake(
    "overwrites_rows_that_come_twice",
    """A token that stands in two places gets both gradients. An assignment to dtable[tokens] keeps one of them; np.add.at adds.""",
    ("np.add.at(dtable, tokens, dx)", "dtable[tokens] = dx"),
)
_loss_mistake(
    "goes_back_through_the_queries_alone",
    """The token's row goes into queries, keys and values. You send back what comes through the queries only.""",
    ("for d, w in zip(back, (w_q, w_k, w_v), strict=True)", "for d, w in [(back[0], w_q)]"),
)
_loss_mistake(
    "averages_the_heads",
    """The scores are the sum of what the heads say, not their mean.""",
    (_LOSS, _LOSS.replace("y, w_o)", "y, w_o) / len(w_o)")),
    ('np.einsum("ntk,hek->nhte", g, w_o)', 'np.einsum("ntk,hek->nhte", g, w_o) / len(w_o)'),
    ('np.einsum("nhte,ntk->hek", y, g)', 'np.einsum("nhte,ntk->hek", y, g) / len(w_o)'),
)
