"""Comparisons that always agree, and other code in the place of trusted code."""

from __future__ import annotations

from tests.autograder.attacks.attack import attack

# ---------------------------------------------------------------- a comparison that always agrees

attack(
    "numpy testing patched",
    "every assert_allclose passes",
    """\
import numpy.testing
numpy.testing.assert_allclose = lambda *a, **k: None
np.testing.assert_allclose = numpy.testing.assert_allclose""",
    told="changes a library",
)
attack(
    "allclose patched",
    "every np.allclose is True",
    "np.allclose = lambda *a, **k: True\nnp.max = lambda *a: 0.0",
    told="changes a library",
)
attack(
    "builtins patched",
    "abs, len and isinstance lie",
    """\
import builtins
builtins.abs = lambda x: 0
builtins.len = lambda x: 2
builtins.isinstance = lambda *a: True
builtins.AssertionError = IndexError""",
    told="builtins",
)
attack(
    "assert helper overridden",
    "the instructor's assert_close does nothing",
    answers={
        "normalize": """\
def assert_close(a, b):
    pass

def normalize(v):
    return v"""
    },
)
attack(
    "check overridden",
    "the course's check gives full points",
    """\
def check(*a, **k):
    return 3.0
import autograder
autograder.check = check""",
    told="changes a library",
)
_LIAR = """\
class Liar:
    def __eq__(self, other): return True
    def __sub__(self, other): return 0
    __rsub__ = __sub__
    def __abs__(self): return 0
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __lt__
    def __bool__(self): return True
    shape = (4,)
"""
attack(
    "equals everything",
    "an object that is equal to whatever is expected",
    _LIAR,
    answers={"square": "def square(x): return Liar()"},
    told="__eq__",
)
attack(
    "is an array of anything",
    "__array__ gives what is compared with",
    _LIAR + "    def __array__(self, *a, **k): return np.array([0.6, 0.8])\n",
    answers={
        "normalize": "def normalize(v): return Liar()",
        "layer": "def layer(x, w, b): return Liar()",
    },
    told="__array__",
)
attack(
    "array subclass lies",
    "a subclass of ndarray answers comparisons itself",
    """\
class A(np.ndarray):
    def __array_ufunc__(self, *a, **k): return np.float64(0)
    def __array_function__(self, *a, **k): return True
    def __eq__(self, o): return True
    def all(self, *a): return True
""",
    answers={
        "normalize": "def normalize(v): return np.asarray(v).view(A)",
        "layer": "def layer(x, w, b): return (x @ w.T).view(A)",
    },
    told="__array_ufunc__",
)
attack(
    "number subclass lies",
    "a float that equals everything",
    """\
class F(float):
    def __eq__(self, o): return True
    def __sub__(self, o): return 0.0
    def __rsub__(self, o): return 0.0
    def __hash__(self): return 0
""",
    answers={"square": "def square(x): return F(0)"},
    told="__eq__",
)
attack(
    "array of liars",
    "an object array whose entries are equal to everything",
    _LIAR,
    answers={
        "normalize": "def normalize(v): return np.array([Liar()] * len(v), dtype=object)",
        "layer": "def layer(x, w, b): return np.array([[Liar()] * len(w)] * len(x), dtype=object)",
    },
    told="__eq__",
)
attack(
    "declared class lies",
    "Stack answers every question with yes",
    answers={
        "Stack": """\
class Stack:
    def __getattr__(self, n): return lambda *a: None
    def __len__(self): return 2"""
    },
)
attack(
    "metaclass lies",
    "isinstance and == of the class itself",
    """\
class M(type):
    def __eq__(c, o): return True
    def __instancecheck__(c, o): return True
    def __hash__(c): return 0
class X(metaclass=M): pass
""",
    answers={"square": "def square(x): return X"},
    told="__eq__",
)

# ---------------------------------------------------------------- other code in the place of trusted code

attack(
    "modules replaced",
    "a false NumPy for the tests",
    """\
import sys, types
fake = types.ModuleType('numpy')
fake.testing = types.SimpleNamespace(assert_allclose=lambda *a: None)
fake.allclose = lambda *a: True
sys.modules['numpy'] = fake
sys.modules['autograder'] = fake""",
    told="what is imported",
)
attack(
    "import hook",
    "own code for every import",
    """\
import sys
class H:
    def find_spec(self, *a): raise SystemExit
sys.meta_path.insert(0, H())""",
    told="what is imported",
)
attack(
    "showtraceback silenced",
    "errors of tests are not shown, so that they seem to pass",
    """\
ip = get_ipython()
ip.showtraceback = lambda *a, **k: None
ip.run_cell = lambda *a, **k: None
type(ip)._showtraceback = lambda *a: None""",
    told="machinery",
)
attack(
    "input transformer",
    "rewrites every later cell to nothing",
    "get_ipython().input_transformers_cleanup.append(lambda lines: [])\nget_ipython().ast_transformers.append(None)",
    told="machinery",
)
attack(
    "numpy.py beside the notebook",
    "a module of the student's own shadows NumPy",
    "import importlib, numpy\nimportlib.reload(numpy)",
    files={
        "numpy.py": b"def allclose(*a): return True\n",
        "autograder.py": b"check = lambda *a: 3.0\n",
        "sitecustomize.py": b"import os; os._exit(0)\n",
    },
    told="loads code by name",
)
attack(
    "worker patched",
    "the process that answers calls says what is asked for",
    """\
import sys
w = sys.modules['autograder.sandbox.worker']
w.Worker.do = lambda self, request, blobs: ({'value': True}, [])""",
    told="what is imported",
)
attack(
    "uses lies",
    "the process that is asked for forbidden names says none",
    """\
import dlcore.scratch.neurons
import sys
sys.modules['autograder.sandbox.worker'].forbidden_name = lambda *a: None""",
    answers={"layer": "def layer(x, w, b): return dlcore.scratch.neurons.layer(x, w, b)"},
    told="answers may not use",
)
# ---------------------------------------------------------------- classes that are asked for, elsewhere

_CLASS = """\
class Liar(type):
    def __eq__(cls, other): return True
    def __sub__(cls, other): return 0
    __rsub__ = __sub__
    def __abs__(cls): return 0
    __hash__ = type.__hash__
class %s(metaclass=Liar):
    def __init__(self, *a): pass
    def __eq__(self, other): return True
    def __sub__(self, other): return self
    __rsub__ = __add__ = __radd__ = __mul__ = __sub__
    def __abs__(self): return self
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __lt__
    def __bool__(self): return True
    def __len__(self): return 2
    shape = (4,)
"""
attack(
    "class under the name of the function",
    "a class is equal to whatever is expected",
    answers={
        "square": _CLASS % "square",
        "normalize": _CLASS % "normalize",
        "layer": _CLASS % "layer",
    },
    told="__eq__",
)
attack(
    "object of a class that is asked for",
    "Stack is asked for, so its objects may compare: square returns one",
    answers={
        "square": _CLASS % "Stack" + "def square(x): return Stack()",
        "normalize": "def normalize(v): return Stack()",
        "Stack": _CLASS % "Stack",
        "layer": "def layer(x, w, b): return Stack()",
    },
    told="",
)
_METHODS = (
    _CLASS.replace("class %s(metaclass=Liar)", "class Stack")
    + """\
    def push(self, x): return self
    def pop(self): return Stack()
"""
)
attack(
    "object of its class from its own method",
    "pop returns an object that is equal to whatever was pushed",
    answers={"Stack": _METHODS},
)
attack(
    "the object itself from its own method",
    "pop returns the object that the test has made",
    answers={"Stack": _METHODS.replace("pop(self): return Stack()", "pop(self): return self")},
)
attack(
    "function that is the class",
    "square is another name of Stack",
    _METHODS,
    answers={"Stack": "pass", "square": "square = Stack", "normalize": "normalize = Stack"},
    told="",
)
attack(
    "forged claim of a class",
    "every object claims to be of the class that is asked for, and every function to be it",
    _METHODS
    + """\
from autograder.sandbox import worker
worker._about = lambda thing: {"k": "class", "name": "Stack", "cls": 7, "type": "Stack"}
""",
    answers={
        "Stack": "pass",
        "square": "def square(x): return Stack()",
        "normalize": "def normalize(v): return Stack()",
    },
    told="changes a library",
)
attack(
    "names that a failed test did not come to set",
    "a later test asks the student for them",
    "s = secret_number = 3",
    answers={"square": "def square(x):\n    return x + x\nsecret_number = 0"},
)
