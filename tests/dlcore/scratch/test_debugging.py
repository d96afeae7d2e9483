"""Five scripts with a wrong line each: they show what the lesson says, and one other line mends them."""

from __future__ import annotations

import numpy as np
import pytest

from dlcore import data
from dlcore.scratch import debugging, training

MENDED = {
    "A": "        order = rng.permutation(len(x)); x, t = x[order], t[order]",
    "B": "            loss = scores.cross_entropy(t[rows])",
    "C": "    params = [np.random.default_rng(0).normal(0, 0.2, shape) for shape in shapes]",
    "D": "    new_x = (new_x - X_MEAN) / scale",
    "E": "            scores = h @ w2.T + b2",
}
DIGITS = data.digits()
ORDER = np.random.default_rng(0).permutation(len(DIGITS.y))
X, T = DIGITS.x[ORDER[:1200]], DIGITS.y[ORDER[:1200]]
NEW, ANSWERS = DIGITS.x[ORDER[1200:]], DIGITS.y[ORDER[1200:]]


def run(script, lines):
    scope = {**vars(debugging), "X_MEAN": X.mean(axis=0)}
    exec("\n".join(lines), scope)
    losses, known, said = scope[f"script_{script.lower()}"](X, T, NEW)
    return np.array(losses), known, float((said == ANSWERS).mean())


@pytest.mark.parametrize("script", MENDED)
def test_one_line_is_all_that_is_wrong(script):
    lines = debugging.lines(script)
    before = run(script, lines)
    lines[training.wrong_line(script) - 1] = MENDED[script]
    losses, known, new = run(script, lines)
    assert losses[-20:].mean() < 0.1 and known > 0.97 and new > 0.95
    symptom = {
        "A": before[1] < 0.3 and 2.2 < before[0][-20:].mean() < 2.5,
        "B": before[0].min() > np.log(np.e + 9) - 1 - 1e-9 and before[1] > 0.9,
        "C": np.allclose(before[0], np.log(10), atol=0.1) and before[1] < 0.2,
        "D": before[0][-20:].mean() < 0.05 and before[1] > 0.99 and before[2] < 0.93,
        "E": 0.15 < before[0][-100:].mean() < 1 and before[1] < 0.95,
    }
    assert symptom[script]


def test_listings_have_numbers_and_no_types():
    for script in debugging.SCRIPTS:
        text = debugging.listing(script).splitlines()
        assert text[0] == f"  1  def script_{script.lower()}(x, t, new_x):"
        assert not any("Any" in line for line in text)
