"""The instant answer: right or wrong, why, and how it is said. Free of nbgrader, and quick to import.

In: an exercise's name and what the learner wrote (``instant.check``).
Out: a ``Score`` with its card: ``compare`` and ``judge`` say what is wrong, ``diagnose`` says why, ``card`` shows it.
Next: ``author`` puts checks into notebooks; ``grade`` runs the same checks against PyTorch.

``carried_forward`` lets a mistake cost once, ``forbidden`` finds a library that does the work, ``limits`` stops what never ends,
``waiting`` lets a notebook run while answers are missing.
"""
