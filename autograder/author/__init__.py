"""From a lesson's source to the notebook that students open.

In: solutions/NN_name.py, in jupytext's percent format.
Out: the instructor's nbgrader notebook, and its release in course/.
Next: students hand it in; their code runs in ``sandbox``, as ``grade`` asks.
"""
