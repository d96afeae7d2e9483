"""Whatever way a forbidden library comes in, it is seen; what is allowed is not."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.check.forbidden import forbidden_name

BANNED = ("torch", "scipy", "dlcore.activations")

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
    "a ufunc": "from scipy.special import expit\ndef f(x):\n    return expit(x)",
    "in a list": "import torch\nbox = [torch.relu]\ndef f(x):\n    return box[0](x)",
    "in a dictionary of lists": "import torch\nbox = {'a': [1, [torch.relu]]}\ndef f(x):\n    return box['a'][1][0](x)",
    "as a default": "import torch\ndef f(x, g=torch.relu):\n    return g(x)",
    "as a keyword's default": "import torch\ndef f(x, *, g=torch.relu):\n    return g(x)",
    "in a partial function": "import torch\nfrom functools import partial\ng = partial(torch.relu)\ndef f(x):\n    return g(x)",
    "in a function around it": "import torch\ndef around(g):\n    def f(x):\n        return g(x)\n    return f\nf = around(torch.relu)",
    "a module around it": "def around():\n    import torch\n    def f(x):\n        return torch.relu(x)\n    return f\nf = around()",
    "a method of an object": "import torch\ng = torch.nn.ReLU().forward\ndef f(x):\n    return g(x)",
    "an object": "import torch\ng = torch.nn.ReLU()\ndef f(x):\n    return g(x)",
    "a number of the library's": "import torch\nw = torch.ones(3)\ndef f(x):\n    return (x * w).numpy()",
    "in a class that it inherits": "import torch\nclass f(torch.nn.ReLU):\n    pass",
    "the thing itself": "from dlcore.activations import relu_forward as f",
}

ALLOWED = {
    "numpy": "import numpy as np\ndef f(x):\n    return np.maximum(x, 0)",
    "another room of dlcore": "from dlcore import data\ndef f(x):\n    return data.iris().x",
    "a variable called torch": "def f(torch):\n    return torch",
    "itself": "def f(n):\n    return 1 if n == 0 else n * f(n - 1)",
    "NumPy's ufuncs, in a list and as a default": "import numpy as np\nbox = [np.exp]\ndef f(x, g=np.add):\n    return g(box[0](x), 1)",
    "a generator and arrays": "import numpy as np\nrng, w = np.random.default_rng(0), np.ones(3)\ndef f(x):\n    return rng.permutation(x) * w",
    "its own class, in a list": "class A:\n    pass\nbox = [A(), A]\ndef f(x):\n    return box",
    "a list of itself": "box = []\nbox.append(box)\ndef f(x):\n    return box",
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


def test_a_name_in_the_notebook_is_not_where_a_ufunc_is_from(monkeypatch):
    from scipy.special import expit

    import __main__

    monkeypatch.setattr(__main__, "expit", expit, raising=False)
    assert str(forbidden_name(make(FOUND["a ufunc"]), BANNED)).startswith("scipy.special")
    assert forbidden_name(make(ALLOWED["numpy"]), BANNED) is None


def test_things_that_are_no_functions():
    for thing in (None, 3, "torch", np.maximum, np.array([1]), print, int):
        assert forbidden_name(thing, BANNED) is None
