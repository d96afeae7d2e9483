"""What grading found, told to the people it is for.

In: the gradebook and the autograded notebooks (``results``).
Out: ``feedback``, a page for each student; ``class_report``, tables and pages for the instructor; ``integrity``, evidence of copying and worse.
Next: nothing; nbgrader exports and releases as ever.
"""
