"""Where students' code runs: shut in, and asked from outside.

In: cells of a notebook, and calls of what they define (``session``, one for each submission).
Out: outputs and plain results; the student's functions stand outside as ``proxies``.
Next: ``grade`` runs the instructor's tests on those proxies, in its own process.

    tiers       what this machine can isolate with, and the command that does it
    stubs       the files that a student's code may see: the course without its answers
    zygote      a program inside the sandbox: packages imported once, a fork for each submission
    namespaces  what each fork is shut into: namespaces, a file system and limits of its own
    seccomp, landlock   the kernel's two filters
    worker      inside the fork: runs cells, answers calls
    cells       runs one cell as Jupyter would and records its outputs
    operations  what may be asked of a thing in the sandbox
    frames, values      what crosses the pipe: JSON and .npy, with a cap on length; never pickle
    client      the trusted end of the pipe
    defenses    what each tier stops, in a table
    helper      our functions that student code may call, in a process of their own
    kernel      system calls that Python has no name for

``zygote`` and what it imports are copied into the sandbox; ``tiers``, ``defenses``, ``stubs``, ``client``, ``session``,
``proxies`` and ``helper`` stay outside.
"""
