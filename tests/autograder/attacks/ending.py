"""Endings at the wrong time, and what is left over after them."""

from __future__ import annotations

from tests.autograder.attacks.attack import attack

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
    """\
import os, signal
for p in (os.getppid(), 1, 2, -1):
    try: os.kill(p, signal.SIGKILL)
    except OSError as e: print(e)""",
    told="ends processes",
    wish="end, slow or read other processes",
)
attack(
    "kill everything",
    "every process dies that may be killed",
    "!kill -9 -1; pkill -9 python",
    told="system from a cell",
    wish="end, slow or read other processes",
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
    """\
import sys
sys.setrecursionlimit(10**9)
def f(n): return f(n + 1)
f(0)""",
    told="changes limits",
)
attack(
    "finaliser",
    "code in __del__ runs later in trusted hands",
    """\
class D:
    def __del__(self): import os; os._exit(0)
""",
    answers={"square": "def square(x): return D()"},
    told="__del__",
)

# ---------------------------------------------------------------- left-overs

attack(
    "thread left behind",
    "a thread goes on and patches",
    """\
import threading, time
def go():
    while True:
        time.sleep(0.01)
        np.allclose = lambda *a: True
threading.Thread(target=go, daemon=True).start()""",
    told="code running",
)
attack(
    "child left behind",
    "a process outlives the grading",
    "import subprocess\nsubprocess.Popen(['sleep', '1234'], start_new_session=True)",
    told="starts programs",
    wish="keep running after its grading",
)
attack(
    "daemon left behind",
    "a double fork escapes the group",
    """\
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import time; time.sleep(1234)
    os._exit(0)""",
    told="starts processes",
    wish="keep running after its grading",
)
attack(
    "signals taken",
    "the alarm does nothing",
    """\
import signal
for s in range(1, 32):
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass""",
    answers={"square": "def square(x):\n    while True: pass"},
    told="handles signals",
)
