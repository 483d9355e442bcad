"""What a terminal shows during runs: progress (`progress`), and the live screen (`screen`) that follows a run's files.

`tail` reads the files as they grow, `recent` keeps the newest records, `panel` and `ladder` turn them into text.

May import: report, evidence, store and what lies below them.
"""
