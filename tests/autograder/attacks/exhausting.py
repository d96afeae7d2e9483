"""Using everything up: processes, memory, disk, time, the screen."""

from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from tests.autograder.attacks.attack import attack

# ---------------------------------------------------------------- using everything up

attack(
    "fork bomb",
    "processes without end",
    """\
import os
while True:
    try: os.fork()
    except OSError: pass""",
    told="starts processes",
    wish="start more than 64 processes",
)
attack(
    "sleepers",
    "more processes than the machine has room for, each of them quiet",
    """\
import os, time
n = 0
try:
    while n < 300:
        if os.fork() == 0: time.sleep(1234)
        n += 1
except OSError: pass
print('WROTE', n > 100)""",
    told="os.fork",
    wish="start more than 64 processes",
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
    """\
import os, time
for i in range(40):
    if os.fork() == 0:
        x = bytearray(os.urandom(1)) * (60 * 2**20)
        time.sleep(100)
time.sleep(1)""",
    told="memory",
)
attack(
    "shared memory of many",
    "memory that counts as nobody's",
    """\
import mmap
n = 0
try: n = mmap.mmap(-1, 80 * 2**20).write(b'x' * (80 * 2**20))
except OSError: pass
print('WROTE', n)""",
    told="",
    wish="use up memory, in sockets and pipes too",
)
attack(
    "files in memory",
    "memory behind descriptors, outside every process",
    """\
import os
fds = []
for i in range(200):
    fd = os.memfd_create(str(i))
    os.write(fd, b'x' * (60 * 2**20))
    fds.append(fd)
print('WROTE', len(fds))""",
    told="hidden files",
)
attack(
    "System V memory",
    "segments that outlive their process",
    """\
import ctypes
l = ctypes.CDLL(None)
print('FOUND', l.shmget(1, 2**30, 0o1600), l.semget(1, 1, 0o1600), l.msgget(1, 0o1600))""",
    told="calls C",
)
attack(
    "disk",
    "the whole disk",
    """\
n = 0
f = open('/tmp/big', 'wb')
try:
    while True: n += f.write(b'x' * 10**6)
except OSError as e: print(e, n)
print('WROTE', n > 200e6)""",
    told="",
)
attack(
    "shared memory",
    "memory as files",
    """\
n = 0
f = open('/dev/shm/big', 'wb')
try:
    while True: n += f.write(b'x' * 10**6)
except OSError as e: print(e)
print('WROTE', n > 200e6)""",
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
        "square": """\
def square(x):
    while True:
        try:
            while True: pass
        except BaseException: pass"""
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
        "square": """\
class R:
    def __repr__(self):
        while True: pass
def square(x): return R()"""
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


def _sleepers(nb: NotebookNode) -> NotebookNode:
    nb.cells = [
        c
        for i, cell in enumerate(nb.cells)
        for c in (new_code_cell("import time; time.sleep(1.8)", id=f"z{i}"), cell)
    ]
    return nb
