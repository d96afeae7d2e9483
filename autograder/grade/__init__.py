"""One submission's way: ``intake`` looks at the files, ``restore`` puts the notebook right, ``run`` runs it, ``book`` writes the grade.

In: a class folder with notebooks in submitted/ (``schedule`` hands them out and resumes; ``engine`` does the same inside nbgrader).
Out: nbgrader's gradebook, autograded notebooks, and what an instructor may want to look at (``remarks``, kept in ``records``).
Next: ``report`` tells students and instructors.

``files`` reads a folder by descriptor, ``strays`` finds notebooks in the wrong place, ``guard`` gives nbgrader's own command
what intake has taken in. ``run`` sends the student's cells into ``sandbox`` and judges with ``check``; ``work`` is a chunk of submissions for one process,
``assignment`` what grading knows of a lesson, ``clean`` makes outputs safe to look at.
"""
