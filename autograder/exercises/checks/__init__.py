"""What a right answer is: one module a lesson.

Here stand cases, drivers, oracles and misconceptions, and no right NumPy answer.
"""
