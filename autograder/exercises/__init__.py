"""What an exercise is: cases, an oracle, and the ways in which people get it wrong.

In: a name, as in "activations.softmax" (``catalog`` finds it in ``checks``, one module a lesson).
Out: an ``Exercise``, plain data that notebook, grading, feedback and tests share; ``oracle`` has the library that says what is right.
Next: ``check`` judges an answer by it.
"""
