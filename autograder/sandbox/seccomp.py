"""The system calls that student code cannot make, as a seccomp filter built by libseccomp.

The filter is compiled once, in the zygote, and installed in each fork. Everything that numerical
Python needs stays allowed; what reaches for other processes, mounts, namespaces, the network
or the kernel's rarer doors is answered with "not permitted".
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os

from autograder.sandbox.kernel import check, libc

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_NE, _MASKED_EQ = 1, 7
_WORD = 0xFFFFFFFF  # the kernel looks at so much of a command; a filter compares 64 bits
_SET_PIPE_SIZE = 1031
_RANGE_LOCKS = (6, 7, 37, 38)  # F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
_NEW_NAMESPACES = (
    0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x80,
)  # fmt: skip
# sendmsg could hide descriptors, and what lies in their buffers, in messages that nobody has read
_DENIED = """
    acct add_key adjtimex bpf chroot clock_adjtime clock_settime delete_module fanotify_init
    finit_module fsconfig memfd_create memfd_secret mq_open msgget semget shmat shmget fsmount fsopen fspick init_module inotify_init inotify_init1 io_setup io_submit io_uring_enter io_uring_register
    io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind
    migrate_pages mknod mknodat modify_ldt mount mount_setattr move_mount move_pages name_to_handle_at
    nfsservctl open_by_handle_at open_tree open_tree_attr perf_event_open personality pidfd_getfd pidfd_open
    pidfd_send_signal pivot_root process_madvise process_mrelease process_vm_readv process_vm_writev ptrace quotactl quotactl_fd
    reboot request_key seccomp sendmmsg sendmsg set_mempolicy setdomainname sethostname setns settimeofday swapoff
    swapon syslog umount umount2 unshare uselib userfaultfd ustat vhangup vmsplice
""".split()  # noqa: SIM905
_UNIX = 1


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def available() -> bool:
    """Whether libseccomp is here to compile the filter."""
    return _library() is not None


def _library() -> ctypes.CDLL | None:
    for name in ("libseccomp.so.2", ctypes.util.find_library("seccomp")):
        try:
            if name:
                return ctypes.CDLL(name)
        except OSError:
            continue
    return None


# on every architecture; a libseccomp that is older than the kernel does not know them
_NEWER = {
    "process_mrelease": 448, "fchmodat2": 452, "setxattrat": 463, "removexattrat": 466, "open_tree_attr": 467,
    "file_setattr": 469, "memfd_secret": 447, "quotactl_fd": 443, "mount_setattr": 442, "process_madvise": 440,
}  # fmt: skip


def _number(lib: ctypes.CDLL, call: str) -> int:
    found: int = lib.seccomp_syscall_resolve_name(call.encode())
    return found if found >= 0 else _NEWER.get(call, -1)


class _Filter:
    """What it denies, is denied; all else is allowed."""

    def __init__(self) -> None:
        lib = _library()
        if lib is None:
            raise OSError("libseccomp is not installed")
        self.lib = lib
        lib.seccomp_init.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(lib.seccomp_init(_ALLOW))
        # a tree of comparisons instead of a list (libseccomp 2.5)
        lib.seccomp_attr_set(self.context, 8, 2)

    def deny(self, call: str, *when: tuple[int, ...], code: int = errno.EPERM) -> None:
        """Answer with ``code`` where all of ``when`` hold: (argument, comparison, value) or, with a mask in between,
        (argument, _MASKED_EQ, mask, value)."""
        number = _number(self.lib, call)
        if number < 0:
            return  # not on this machine's architecture
        comparisons = (_Comparison * max(len(when), 1))(*(_Comparison(*w) for w in when))
        check(
            -self.lib.seccomp_rule_add_array(
                self.context, _ERRNO | code, number, len(when), comparisons
            ),
            f"seccomp rule for {call}",
        )

    def exported(self) -> bytes:
        fd = os.memfd_create("filter")
        try:
            check(-self.lib.seccomp_export_bpf(self.context, fd), "seccomp export")
            return os.pread(fd, os.lseek(fd, 0, os.SEEK_CUR), 0)
        finally:
            os.close(fd)
            self.lib.seccomp_release(self.context)


def compile_filter(*, sockets: bool = True, own_session: bool = True) -> bytes:
    """The filter as BPF. Without ``sockets`` not even Unix ones; without ``own_session`` no
    process may leave its group, by which it is ended."""
    found = _Filter()
    for call in _DENIED:
        found.deny(call)
    # ENOSYS makes the C library fall back to clone, whose flags a filter can read
    found.deny("clone3", code=errno.ENOSYS)
    for flag in _NEW_NAMESPACES:
        found.deny("clone", (0, _MASKED_EQ, flag, flag))
    if sockets:
        found.deny("socket", (0, _NE, _UNIX))
    else:
        found.deny("socket")
    found.deny("fcntl", (1, _MASKED_EQ, _WORD, _SET_PIPE_SIZE))
    # each is kernel memory that counts as nobody's; and nobody else has the file
    for command in _RANGE_LOCKS:
        found.deny("fcntl", (1, _MASKED_EQ, _WORD, command), code=0)
    # pages that no process need show to keep them
    shared = _MAP_SHARED | _MAP_ANONYMOUS
    found.deny("mmap", (3, _MASKED_EQ, shared, shared))
    for request in (0x5412, 0x541C):  # typing into somebody's terminal
        found.deny("ioctl", (1, _MASKED_EQ, _WORD, request))
    if not own_session:
        for call in ("setsid", "setpgid"):
            found.deny(call)
    return found.exported()


# copying a file sets its rights and times: that it does not work is no error
_NOTHING_HAPPENS = ("chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "utimensat", "futimesat")  # fmt: skip
_OF_ANY_FILE = (
    *("chown", "fchown", "lchown", "fchownat", "truncate", "inotify_add_watch"),
    *(f"{kind}{act}xattr" for kind in ("", "l", "f") for act in ("set", "remove")),
    *("setxattrat", "removexattrat", "file_setattr"),
)
# F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY: signals when a file is ready, and to make others wait for it
_SIGNALS_AND_LEASES = (8, 10, 15, 1024, 1026)
# FIOSETOWN, SIOCSPGRP; flags, versions, attributes, verity and encryption of a file
_REQUESTS = (0x8901, 0x8902, 0x40086602, 0x40046602, 0x40087602, 0x401C5820, 0x40806685, 0x800C6613)
_OF_A_PROCESS = ("prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")  # fmt: skip


def deny_reaching_others(own: int) -> bytes:
    """A second filter, for where there are no namespaces: nothing that names another process, or changes
    what Landlock does not look at.

    Signals go to oneself alone; limits, priorities and processors are set for oneself, as "0". Rights, owners,
    times and attributes of files are changed by path, of the grader's files too if it is the same user.
    """
    found = _Filter()
    for call in ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
        found.deny(call, (0, _NE, own))
    found.deny("tkill")  # names a thread, whoever's it is
    for call in _OF_A_PROCESS:
        found.deny(call, (0, _NE, 0))
    for call, process in (("setpriority", 0), ("ioprio_set", 1)):  # not of a group, or a user
        found.deny(call, (0, _NE, process))
        found.deny(call, (1, _NE, 0))
    for command in _SIGNALS_AND_LEASES:
        found.deny("fcntl", (1, _MASKED_EQ, _WORD, command))
    for request in _REQUESTS:
        found.deny("ioctl", (1, _MASKED_EQ, _WORD, request))
    found.deny("prctl", (0, _MASKED_EQ, _WORD, 4))  # PR_SET_DUMPABLE: we must see what is open
    for call in ("connect", "bind"):  # a pair of sockets needs neither
        found.deny(call)
    found.deny("sendto", (4, _NE, 0))
    for call in _NOTHING_HAPPENS:
        found.deny(call, code=0)
    for call in _OF_ANY_FILE:
        found.deny(call)
    # opened to be read, and emptied: before its third version, Landlock lets that pass
    found.deny("openat2", code=errno.ENOSYS)
    emptied = os.O_TRUNC | os.O_RDONLY
    for call, flags in (("open", 1), ("openat", 2)):
        found.deny(call, (flags, _MASKED_EQ, os.O_TRUNC | os.O_ACCMODE, emptied))
    return found.exported()


def install(program: bytes) -> None:
    """Put this thread, and whatever it starts, behind the filter for good."""
    libc.prctl(38, 1, 0, 0, 0)  # no new privileges: the condition for filters
    prog = _Program(len(program) // 8, program)
    check(libc.prctl(22, 2, ctypes.byref(prog), 0, 0), "seccomp install")
