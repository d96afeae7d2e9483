"""Building, checking and grading the course.

A notebook needs two names:

    check(name, function)   judge an answer and show what it tells
    when_written            a block that waits for answers that are not written yet

Everything else is behind the command ``autograder`` (see ``autograder --help``).
"""

from autograder.check import Score, check
from autograder.waiting import when_written

__all__ = ["Score", "check", "when_written"]
