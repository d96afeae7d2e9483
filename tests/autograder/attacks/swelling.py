"""Results so large that what decides over the points might be dropped: nbgrader gives full points where it finds none."""

from __future__ import annotations

from tests.autograder.attacks.attack import attack

_LONG = {
    "name of a function": "def layer(x, w, b): return f\nlayer.__name__ = layer.__qualname__ = 'n' * 7_000_000\ndef f(): pass\nf.__name__ = f.__qualname__ = 'n' * 7_000_000",
    "text": "def layer(x, w, b): return 'x' * 7_000_000",
    "array of text": "def layer(x, w, b): return np.array(['x' * 800_000] * 9)",
    "list of texts": "def layer(x, w, b): return ['<' * 60_000] * 200",
    "dictionary": "def layer(x, w, b): return {'k' * 3_000_000: 'v' * 4_000_000}",
    "name of a type": "def layer(x, w, b): return type('T' * 7_000_000, (), {})()",
    "name of a class": "def layer(x, w, b): return type('T' * 7_000_000, (), {})",
    "name of an error": "def layer(x, w, b): raise type('E' * 7_000_000, (Exception,), {})",
    "text of an error": "def layer(x, w, b): raise ValueError('e' * 7_000_000)",
    "warning": "import warnings\ndef layer(x, w, b):\n    warnings.warn('w' * 7_000_000)\n    return x @ w.T",
    "dtype": "def layer(x, w, b): return np.zeros(3, dtype=[('f' * 50_000 + str(i), 'f8') for i in range(200)])",
    "print": "def layer(x, w, b):\n    print('p' * 7_000_000)\n    return x",
    "shape": "def layer(x, w, b): return np.zeros((1,) * 32)",
    "whole number": "def layer(x, w, b): return 10 ** 4000",
    "line of code": "exec('def layer(x, w, b): raise ValueError  #' + 'c' * 7_000_000)",
}
for _what, _answer in _LONG.items():
    attack(f"swollen {_what}", "the number is dropped with the card", answers={"layer": _answer})
_FORGED = """\
from autograder.sandbox import worker
about = worker._about
worker._about = lambda thing: about(thing) | {%s}
"""
for _field in ("type", "name"):
    attack(
        f"swollen {_field} in a forged message",
        "the number is dropped with the card",
        _FORGED % f"'{_field}': 'T' * 7_000_000",
        answers={
            "layer": "def layer(x, w, b): return layer",
            "square": "def square(x): return layer",
        },
        told="changes a library",
    )
attack(
    "swollen forged error",
    "the number is dropped with the card",
    """\
from autograder.sandbox import worker
worker.describe = lambda error: {"name": "E" * 7_000_000, "bases": ["builtins:" + "V" * 10**6] * 20,
    "cls": 1, "message": "m" * 7_000_000, "where": ["f" * 10**6, 3, "t" * 7_000_000]}""",
    answers={"layer": "def layer(x, w, b): 1 / 0", "square": "def square(x): 1 / 0"},
    told="changes a library",
)
