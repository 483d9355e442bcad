"""What a terminal shows while runs go on: the progress, and the screen that follows a run's files.

May import: report, evidence, store and what lies below them.
"""
