"""Games with the pipe to the grader."""

from __future__ import annotations

from tests.autograder.attacks.attack import attack

# ---------------------------------------------------------------- the pipe

_PIPES = """\
import os, struct, stat
socks = [int(f) for f in os.listdir('/proc/self/fd') if f.isdigit() and int(f) > 2]
def tell(data):
    for fd in socks:
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, data)
        except OSError: pass
"""
attack(
    "garbage in the pipe",
    "the reader trips",
    _PIPES,
    answers={
        "square": """\
def square(x):
    tell(b'\\x00' * 64)
    return 0""",
        "layer": """\
def layer(x, w, b):
    tell(b'hello' * 99)
    return 0""",
    },
    told="grader's pipe",
)
attack(
    "oversized message",
    "the reader makes room for 2**60 bytes",
    _PIPES,
    answers={
        "square": """\
def square(x):
    tell(struct.pack('<4sIQ', b'DLC1', 0, 2**60))
    return 0"""
    },
    told="grader's pipe",
)
attack(
    "many blobs",
    "the reader makes room for a list of lengths",
    _PIPES,
    answers={
        "square": """\
def square(x):
    tell(struct.pack('<4sIQ', b'DLC1', 2**31, 10))
    return 0"""
    },
    told="grader's pipe",
)
attack(
    "half a message",
    "the reader waits for the rest",
    _PIPES,
    answers={
        "square": """\
def square(x):
    tell(struct.pack('<4sIQ', b'DLC1', 0, 1000) + b'{')
    while True: pass"""
    },
    told="place outside|did not stop",
)
attack(
    "forged answer",
    "an answer of one's own before the real one",
    _PIPES,
    answers={
        "square": """\
def square(x):
    for i in range(1, 200):
        t = ('{"value":true,"id":%d}' % i).encode()
        tell(struct.pack('<4sIQ', b'DLC1', 0, len(t)) + t)
    return 0"""
    },
    told="grader's pipe|place outside",
)
attack(
    "deep JSON in the pipe",
    "the parser overflows",
    _PIPES,
    answers={
        "square": """\
def square(x):
    t = b'[' * 500000
    tell(struct.pack('<4sIQ', b'DLC1', 0, len(t)) + t)
    return 0"""
    },
    told="grader's pipe",
)
attack(
    "not an answer",
    "JSON of another kind",
    _PIPES,
    answers={
        "square": """\
def square(x):
    t = b'[1, 2, 3]'
    tell(struct.pack('<4sIQ', b'DLC1', 0, len(t)) + t)
    return 0"""
    },
    told="grader's pipe",
)
attack(
    "pickle in an array",
    "an .npy file that holds a pickle",
    """\
import numpy.lib.format as f, io
from autograder.sandbox import values
b = io.BytesIO(); np.save(b, np.array([{1: 2}], dtype=object), allow_pickle=True)
values.to_npy = lambda a: b.getvalue()""",
    answers={"normalize": "def normalize(v): return v", "layer": "def layer(x, w, b): return x"},
    told="changes a library",
)
attack(
    "array with a false head",
    "an .npy head that promises more than there is",
    "from autograder.sandbox import values\nvalues._header = lambda *a: b\"\\x93NUMPY\\x01\\x00F\\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}     \\n\"",
    answers={"normalize": "def normalize(v): return v"},
    told="changes a library",
)
attack(
    "descriptors closed",
    "the pipe is gone",
    "import os\nos.closerange(0, 256)",
    told="closes descriptors",
)
attack(
    "descriptors crossed",
    "answers go somewhere else",
    """\
import os
for fd in range(3, 20):
    try: os.dup2(1, fd)
    except OSError: pass""",
    told="changes descriptors",
)
attack(
    "huge result",
    "the grader's memory",
    answers={
        "normalize": "def normalize(v): return np.zeros(200_000_000, dtype=np.int8)",
        "layer": "def layer(x, w, b): return np.zeros(10**8)",
    },
)
attack(
    "nested result",
    "the reader recurses",
    answers={
        "square": """\
def square(x):
    r = []
    for _ in range(100000): r = [r]
    return r""",
        "layer": """\
def layer(x, w, b):
    r = []
    r.append(r)
    return r""",
    },
)
attack(
    "many small results",
    "millions of objects",
    answers={"square": "def square(x): return [[i] for i in range(3_000_000)]"},
)
attack(
    "error with a lying text",
    "the text of an exception runs for ever, or raises",
    answers={
        "square": """\
class E(Exception):
    def __str__(self): raise SystemExit
def square(x): raise E""",
        "layer": """\
class E2(Exception):
    def __str__(self): return 'x' * 10**8
def layer(x, w, b): raise E2""",
    },
)
attack(
    "error with a lying class",
    "an exception that claims to be the grader's own",
    """\
class TimeUp(BaseException): pass
class Lost(BaseException): pass
TimeUp.__module__ = Lost.__module__ = 'autograder.check.limits'""",
    answers={
        "square": "def square(x): raise TimeUp",
        "layer": "def layer(x, w, b): raise Lost('<script>')",
    },
)
attack(
    "error caught by the test",
    "IndexError where the test waits for one",
    answers={
        "Stack": """\
class Stack:
    def __getattr__(self, n): raise IndexError
    def __len__(self): raise IndexError"""
    },
)
# ---------------------------------------------------------------- what a message names

_NAMED = """\
from autograder.sandbox import values, worker
def named(thing, refer, blobs, depth=0):
    return {"g": %r}
values._encode = named
"""
for _name in (
    "numpy.f2py.__main__:main",
    "numpy:f2py.main",
    "numpy.testing:assert_equal",
    "builtins:exit",
    "builtins:object.__subclasses__",
    "os:_exit",
    "antigravity:fly_id",
    "math:__loader__.load_module",
    "numpy:ndarray.__class__",
    "numpy:load",
    "numpy:memmap",
):
    attack(
        f"message that names {_name}",
        "the grader imports, or calls, what a message names",
        _NAMED % _name,
        answers={
            "square": "def square(x): return [x]",
            "normalize": "def normalize(v): return v",
            "layer": "def layer(x, w, b): return [x]",
        },
        told="changes a library",
    )
attack(
    "module in the place of an object",
    "the grader calls os.remove for s.remove",
    "import os, shutil",
    answers={"Stack": "Stack = os", "square": "square = shutil.rmtree", "layer": "layer = os"},
)
_STATES = {
    "MT19937": "{'bit_generator': 'MT19937', 'state': {'key': np.zeros(624, np.uint32), 'pos': 2**31 - 9}}",
    "MT19937 below": "{'bit_generator': 'MT19937', 'state': {'key': np.zeros(624, np.uint32), 'pos': -5000}}",
    "Philox": "{'bit_generator': 'Philox', 'state': {'counter': np.zeros(4, np.uint64), 'key': np.zeros(2, np.uint64)}, 'buffer': np.zeros(4, np.uint64), 'buffer_pos': -400, 'has_uint32': 0, 'uinteger': 0}",
    "PCG64": "{'bit_generator': 'PCG64', 'state': {'state': 2**900, 'inc': -7}, 'has_uint32': 7, 'uinteger': 2**80}",
    "SFC64": "{'bit_generator': 'SFC64', 'state': {'state': np.zeros(1, np.uint64)}, 'has_uint32': 0, 'uinteger': 0}",
    "empty": "{}",
    "of texts": "{'bit_generator': 'MT19937', 'state': 'x'}",
}
for _kind, _state in _STATES.items():
    attack(
        f"random generator in an impossible state, {_kind}",
        "the grader draws from memory behind its numbers, or dies",
        f"""\
from autograder.sandbox import values
rare = values._encode_rare
class State: pass
def encode(v, refer, blobs, depth):
    if isinstance(v, np.random.Generator):
        return {{"rng": [{_kind.split()[0]!r} if {_kind!r}[0] in "MPS" else "MT19937", values._encode({_state}, refer, blobs, depth)]}}
    return rare(v, refer, blobs, depth)
values._encode_rare = encode""",
        answers={
            "square": "def square(x): return np.random.default_rng(0)",
            "layer": "def layer(x, w, b): return np.random.Generator(np.random.MT19937(0))",
        },
        told="changes a library",
    )
