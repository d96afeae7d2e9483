"""Whatever way a forbidden library comes in, it is seen; what is allowed is not."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.check.forbidden import forbidden_name

BANNED = ("torch", "dlcore.activations")

FOUND = {
    "import inside": "def f(x):\n    import torch\n    return torch.relu(x)",
    "import from": "def f(x):\n    from dlcore.activations import relu_forward\n    return relu_forward(x)",
    "second of two": "def f(x):\n    from dlcore import Tensor, relu\n    return relu(Tensor(x))",
    "under another name": "import torch as innocent\ndef f(x):\n    return innocent.relu(x)",
    "a submodule": "def f(x):\n    import torch.nn.functional as F\n    return F.relu(x)",
    "a function of the module": "from dlcore.activations import relu_forward as mine\ndef f(x):\n    return mine(x)",
    "through the package": "import dlcore\ndef f(x):\n    return dlcore.functional.relu(dlcore.tensor(x)).data",
    "in a helper": "import torch\ndef help(x):\n    return torch.relu(x)\ndef f(x):\n    return help(x)",
    "in an inner function": "def f(x):\n    def g(y):\n        import torch\n        return torch.relu(y)\n    return g(x)",
    "in a lambda": "import torch\nf = lambda x: torch.relu(x)",
    "in a class": "import torch\nclass f:\n    def forward(self, x):\n        return torch.relu(x)",
    "the thing itself": "from dlcore.activations import relu_forward as f",
}

ALLOWED = {
    "numpy": "import numpy as np\ndef f(x):\n    return np.maximum(x, 0)",
    "another room of dlcore": "from dlcore import data\ndef f(x):\n    return data.iris().x",
    "a variable called torch": "def f(torch):\n    return torch",
    "itself": "def f(n):\n    return 1 if n == 0 else n * f(n - 1)",
    "mentioned in a text": "def f(x):\n    'torch does this too'\n    return x",
}


def make(source: str):
    scope = {"__name__": "__main__"}
    exec(source, scope)
    return scope["f"]


@pytest.mark.parametrize("source", FOUND.values(), ids=FOUND)
def test_found(source):
    name = forbidden_name(make(source), BANNED)
    assert name and name.startswith(BANNED)


@pytest.mark.parametrize("source", ALLOWED.values(), ids=ALLOWED)
def test_allowed(source):
    assert forbidden_name(make(source), BANNED) is None


def test_things_that_are_no_functions():
    for thing in (None, 3, "torch", np.maximum, np.array([1]), print, int):
        assert forbidden_name(thing, BANNED) is None
