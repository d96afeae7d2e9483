"""The student's things behind proxies behave as the things themselves would."""

from __future__ import annotations

import inspect
import math
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from autograder.check.limits import Lost, TimeUp, time_limit
from autograder.sandbox import values
from autograder.sandbox.client import Zygote
from autograder.sandbox.proxies import RemoteCallable, StudentExit
from autograder.sandbox.session import Session
from tests.autograder.conftest import needs

pytestmark = needs("bubblewrap")

CODE = '''
import numpy as np, math, warnings
def add(x, y=2, *rest, scale=1): return (x + y + sum(rest)) * scale
def shout(x):
    print("working", x)
    warnings.warn("careful")
    return x
def sort_in_place(items, extra=None):
    items.sort()
    if extra is not None: extra["seen"] = extra.get("seen", 0) + 1
def double_in_place(a):
    a *= 2
def apply(f, xs): return [f(x) for x in xs]
def nested(f): return f(add)
def make_adder(n): return lambda x: x + n
def fail(kind="ValueError"): raise {"ValueError": ValueError("bad value"), "KeyError": KeyError("k"), "Own": Own("own"),
    "LinAlg": np.linalg.LinAlgError("singular"), "Unicode": UnicodeDecodeError("utf-8", b"x", 0, 1, "y"), "Exit": SystemExit(3)}[kind]
def count():
    yield from range(3)
def draw(rng): return rng.random()
class Own(ArithmeticError): pass
class Point:
    size = 2
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, o): return Point(self.x + o.x, self.y + o.y)
    def __eq__(self, o): return (self.x, self.y) == (o.x, o.y)
    def __repr__(self): return f"Point({self.x}, {self.y})"
    def __getitem__(self, i): return (self.x, self.y)[i]
    def __len__(self): return 2
    def __call__(self, k): return k * self.x
    @property
    def norm(self): return math.hypot(self.x, self.y)
    @classmethod
    def origin(cls): return cls(0, 0)
class Other:
    def __eq__(self, o): return True
    def __sub__(self, o): return 0
    def __contains__(self, o): return True
def hidden(): return Other()
def loop():
    while True: pass
def loop_in_c(): return sum(iter(int, 1))
def die():
    import os; os._exit(3)
table = {"a": [1, 2], "b": np.arange(3)}
number = 41
'''  # fmt: skip


@pytest.fixture(scope="module")
def zygote():
    made = Zygote("bubblewrap", imports=["numpy"], withheld=["torch"], lesson="01")
    yield made
    made.close()


@pytest.fixture
def session(zygote):
    made = Session(zygote, timeout=20, classes=frozenset({"Point"}))
    made.open_classes = {"Point"}
    assert made.run(0, CODE) == []
    yield made
    made.close()


def get(session, name):
    return session.names([name])[name]


def test_calls_and_plain_names(session):
    add = get(session, "add")
    assert add(1) == 3 and add(1, 5, 6, scale=2) == 24 and add.__name__ == "add"
    assert list(inspect.signature(add).parameters) == ["x", "y", "rest", "scale"]
    assert inspect.signature(add).parameters["y"].default == 2
    found = session.names(["number", "table", "nothing"])
    assert (
        found["number"] == 41
        and found["table"]["b"].tolist() == [0, 1, 2]
        and "nothing" not in found
    )
    assert callable(add) and not callable(get(session, "hidden")())
    np.testing.assert_array_equal(add(np.ones(3), np.arange(3)), [1, 2, 3])


def test_prints_and_warnings_come_over(session, capsys):
    shout = get(session, "shout")
    with pytest.warns(UserWarning, match="careful"):
        assert shout(3) == 3
    assert capsys.readouterr().out == "working 3\n"


def test_arguments_changed_in_place_are_changed_here(session):
    items, extra, array = [3, 1, 2], {"seen": 1}, np.arange(4.0)
    get(session, "sort_in_place")(items, extra=extra)
    get(session, "double_in_place")(array)
    assert items == [1, 2, 3] and extra == {"seen": 2} and array.tolist() == [0, 2, 4, 6]
    long, kept = [float(i) for i in range(500)][::-1], [[2, 1]]
    get(session, "sort_in_place")(long)
    assert long[0] == 0.0 and len(long) == 500
    inner = kept[0]
    get(session, "sort_in_place")(inner)
    assert kept == [[1, 2]]
    rng, twin = np.random.default_rng(1), np.random.default_rng(1)
    draw = get(session, "draw")
    assert [draw(rng), draw(rng)] == [twin.random(), twin.random()]


def test_functions_go_both_ways(session):
    assert get(session, "apply")(lambda x: x * 10, [1, 2]) == [10, 20]
    assert get(session, "apply")(np.sin, [0.0]) == [0.0]
    assert get(session, "nested")(lambda add: add(1, 1)) == 2
    assert get(session, "make_adder")(5)(1) == 6
    assert list(get(session, "count")()) == [0, 1, 2]

    def fails(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        get(session, "apply")(fails, [1])
    with pytest.raises(TypeError, match="cannot be passed"):
        get(session, "add")(object())


def test_classes_and_objects(session):
    Point = get(session, "Point")
    p = Point(1, 2)
    assert (p.x, p.y, p.norm, len(p), p[1], p(3)) == (1, 2, 5**0.5, 2, 2, 3)
    assert p + Point(1, 1) == Point(2, 3) and p != Point(0, 0) and repr(p) == "Point(1, 2)"
    assert isinstance(p, Point) and not isinstance(3, Point) and Point.size == 2
    p.x = 7
    assert p.x == 7 and Point.origin().x == 0 and p is p
    with pytest.raises(AttributeError):
        _ = p.nope


def test_errors_are_of_the_right_class_and_know_their_line(session):
    fail = get(session, "fail")
    for kind, base in (("ValueError", ValueError), ("KeyError", KeyError), ("Own", ArithmeticError),
                       ("LinAlg", np.linalg.LinAlgError), ("Unicode", ValueError), ("Exit", StudentExit)):  # fmt: skip
        with pytest.raises(base) as caught:
            fail(kind)
        assert type(caught.value).__name__ != "Exception"
    with pytest.raises(ValueError, match="bad value") as caught:
        fail()
    assert caught.value.where[0] == "fail" and "raise" in caught.value.where[2]
    Own = get(session, "Own")
    with pytest.raises(Own):
        fail("Own")


def test_an_object_that_nobody_asked_for_learns_nothing(session):
    liar = get(session, "hidden")()
    assert (liar == 3) is False and (liar != 3) is True and (3 == liar) is False  # noqa: SIM300
    for act in (
        lambda: liar - 3,
        lambda: 3 - liar,
        lambda: 3 in liar,
        lambda: liar < 3,
        lambda: np.allclose(liar, 3),
    ):
        with pytest.raises(TypeError):
            act()


def test_a_hanging_call_ends_and_the_process_lives_on(session):
    loop, add = get(session, "loop"), get(session, "add")
    start = time.monotonic()
    with pytest.raises(TimeUp), time_limit(0.5):
        loop()
    assert time.monotonic() - start < 3
    generation = session.generation
    assert add(1) == 3 and session.generation == generation


def test_a_call_that_cannot_be_interrupted_costs_the_process_not_the_answers(session):
    add = get(session, "add")
    with pytest.raises(TimeUp), time_limit(0.5):
        get(session, "loop_in_c")()
    generation = session.generation
    assert add(1) == 3 and session.generation == generation + 1
    with pytest.raises(Lost, match="ended Python"):
        get(session, "die")()
    assert add(2) == 4


def test_the_cell_that_brings_the_process_down_is_left_out(session):
    outputs = session.run(1, "import os; os._exit(0)")
    assert outputs[0]["ename"] == "DeadKernelError"
    assert session.run(2, "later = number + 1") == []
    assert get(session, "later") == 42 and get(session, "add")(1) == 3
    for i in range(3, 12):
        session.run(i, "import os; os._exit(0)")
    with pytest.raises(Lost, match="too often"):
        session.names(["number"])


def test_a_cell_that_hangs_when_it_is_run_again_is_left_out(zygote):
    session = Session(zygote, timeout=2)
    session.run(0, f"import time\nif time.time() > {time.time() + 1}: sum(iter(int, 1))")
    session.run(1, "import os\ndef die(): os._exit(0)\ndef one(): return 1")
    one = get(session, "one")
    time.sleep(1)
    with pytest.raises(Lost):
        get(session, "die")()
    assert one() == 1 and not session.cells[0].harmless
    session.close()


def test_what_is_too_long_for_a_message_is_an_error_where_it_was_made(session):
    add, apply = get(session, "add"), get(session, "apply")
    session.run(1, "def long(): return np.zeros(10_000_000)\ndef many(): return [np.ones(1)] * 30_000\ndef big(): return np.zeros(7_000_000)")  # fmt: skip
    long, many, big, generation = (
        *map(get, [session] * 3, ["long", "many", "big"]),
        session.generation,
    )
    assert big().shape == (7_000_000,)
    for do in (lambda: add(np.zeros(10_000_000)), lambda: add([np.ones(1)] * 30_000), long, many,
               lambda: apply(lambda x: np.zeros(10_000_000), [1])):  # fmt: skip
        with pytest.raises(ValueError, match="more than"):
            do()
    assert session.run(2, f"x = '{'a' * 9_000_000}'")[0]["ename"] == "ValueError"
    assert session.run(3, "display({'text/plain': 'é' * 5_000_000}, raw=True)") == []
    assert session.evidence[-1]["kind"] == "flood"
    assert add(1) == 3 and session.generation == generation
    files = {"a.bin": b"a" * (40 * 2**20), "b/c.bin": b"b" * (40 * 2**20)}
    more = Session(session.zygote, timeout=20, files=files)
    more.run(0, "import os\nsizes = [os.path.getsize(p) for p in ('a.bin', 'b/c.bin')]")
    assert get(more, "sizes") == [40 * 2**20] * 2 and more.evidence == []
    more.close()


def test_only_mathematics_is_taken_for_our_own(session):
    """What a student calls by the name of a library's function stays where it is, unless it is mathematics."""
    session.run(1, "import math, operator\nours = [np.sin, math.exp, float, ValueError, np.float32]\n"
                   "theirs = [open, eval, exec, np.load, np.mean, max, len, getattr, operator.add, __import__]\naverage, biggest = np.mean, max")  # fmt: skip
    found = session.names(["ours", "theirs", "average", "biggest"])
    assert found["ours"] == [np.sin, math.exp, float, ValueError, np.float32]
    assert {type(f) for f in found["theirs"]} == {RemoteCallable}
    assert found["average"](np.arange(5.0)) == 2 and found["biggest"]([1, 5, 3]) == 5
    apply = get(session, "apply")  # ours go there under the names that they have here
    assert apply(np.mean, [[1.0, 3.0]]) == [2] and apply(len, ["abc"]) == [3]
    for name in (
        "numpy:load",
        "builtins:eval",
        "os:system",
        "numpy.testing:os.system",
        "math:__loader__",
    ):
        with pytest.raises(values.NotPlain):
            session._resolve({"g": name})


def test_a_zygote_that_dies_is_started_again():
    zygote = Zygote("bubblewrap", imports=["numpy"])
    session = Session(zygote, timeout=20)
    session.run(0, "def add(x): return x + 1")
    add = get(session, "add")
    for process in psutil.Process(zygote.process.pid).children(recursive=True):
        if "zygote" in " ".join(process.cmdline()) and "bwrap" not in process.cmdline()[0]:
            process.kill()
    with pytest.raises(Lost):
        add(1)
    assert add(1) == 2
    session.close()
    zygote.close()


def test_every_limit_is_in_force(zygote):
    limits = zygote.limits
    s = Session(zygote, timeout=10)
    s.run(0, "import resource, os\ndef limit(name): return resource.getrlimit(getattr(resource, 'RLIMIT_' + name))[0]\n"
             "disks = [os.statvfs(p).f_frsize * os.statvfs(p).f_blocks for p in ('.', '/tmp', '/dev/shm')]\n"
             "capabilities = [l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')]")  # fmt: skip
    limit = get(s, "limit")
    assert limit("CPU") == limits.cpu and limit("FSIZE") == limits.file
    assert limit("NPROC") == limits.processes and limit("NOFILE") == limits.open_files
    assert (
        limits.memory <= limit("AS") < limits.memory + 2 * 2**30
    )  # what the zygote has comes on top
    assert [limit(n) for n in ("CORE", "MSGQUEUE", "MEMLOCK")] == [0, 0, 0]
    assert get(s, "disks") == [limits.disk] * 3
    assert set(get(s, "capabilities")[:3]) == {"0" * 16}  # inheritable, permitted, effective
    s.close()


def test_every_namespace_is_the_submissions_own(zygote):
    names = ["user", "pid", "mnt", "ipc", "uts", "cgroup", "net"]
    s = Session(zygote, timeout=10)
    s.run(0, f"import os\nspaces = {{n: os.readlink('/proc/self/ns/' + n) for n in {names}}}")
    ours = {name: str(Path(f"/proc/self/ns/{name}").readlink()) for name in names}
    theirs = get(s, "spaces")
    s.close()
    assert not set(ours.values()) & set(theirs.values())


def test_forks_share_nothing(zygote):
    """No state leaks from one submission to the next: modules, files, random numbers."""
    seen = []
    for _ in range(3):
        s = Session(zygote, timeout=10)
        s.run(0, "import numpy as np, os, random\nwas = getattr(np, 'mark', None), os.listdir('.'), os.listdir('/tmp'), os.listdir('/dev/shm'), os.environ.get('MARK')\n"
                 "np.mark = 1; os.environ['MARK'] = '1'\nfor p in ('x', '/tmp/x', '/dev/shm/x'): open(p, 'w').write('x')\n"
                 "numbers = np.random.rand(), random.random()\nimport sys; pids = [p for p in os.listdir('/proc') if p.isdigit()]")  # fmt: skip
        found = s.names(["was", "numbers", "pids"])
        assert found["was"] == (None, [], [], [], None) and found["pids"] == ["1"]
        seen.append(found["numbers"])
        s.close()
    assert len(set(seen)) == 3


def test_where_an_error_came_from_is_believed_only_if_it_stands_in_the_notebook(zygote):
    """The name of a function, or a line of code, made up at run time could hold what is to stay hidden."""
    session = Session(zygote, timeout=20)
    code = """\
def honest(x):
    return [1 / 0 for _ in x]
def named(x):
    scope = {}
    exec(f"def f{x}(): raise KeyError", scope)
    scope[f"f{x}"]()
def forged(x):
    from autograder.sandbox import worker
    said = worker.describe
    worker.describe = lambda error: said(error) | {"where": ["forged", 1, f"x = {x}"]}
    raise KeyError
"""
    try:
        assert session.run(0, code) == []
        found = session.names(["honest", "named", "forged"])
        with pytest.raises(ZeroDivisionError) as caught:
            found["honest"]([1])
        assert caught.value.where[1:] == (2, "return [1 / 0 for _ in x]")
        for name in ("named", "forged"):
            with pytest.raises(KeyError) as caught:
                found[name](1234567)
            assert "1234567" not in str(caught.value.where) + str(
                caught.value.__notes__ if hasattr(caught.value, "__notes__") else ""
            )
    finally:
        session.close()
