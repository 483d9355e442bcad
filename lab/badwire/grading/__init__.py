"""Grading: submissions of an exercise, built, run and judged, with a page for each student and tables for the teacher.

`grader` does it for all of them, `submission` finds and builds one, `grade` makes points of verdicts, `files` and
`pages` write the results, and `containment` refuses what cannot contain somebody else's program. May import: run and
what lies below it.
"""
