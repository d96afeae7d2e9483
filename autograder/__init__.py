"""Building, checking and grading the course.

A notebook needs two names:

    check(name, function)   judge an answer and show what it tells
    when_written            a block that waits for answers that are not written yet

Everything else is behind the command ``autograder`` (see ``autograder --help``), in rooms:

    exercises   what an exercise is, and what a right answer is, lesson by lesson
    check       the instant answer in a notebook: right or wrong, and why
    author      from a lesson's source to the notebook that students open
    sandbox     where students' code runs
    grade       one submission's way: intake, restore, run, book
    report      what students and instructors read

``classroom`` opens a class folder, ``roster`` reads who is in it; ``doctor`` and ``demo`` are verbs of the command, ``cli``.
"""

from autograder.check.instant import Score, check
from autograder.check.waiting import when_written

__all__ = ["Score", "check", "when_written"]
