"""The description of a lab as plain data (`topology`), and the reader of compose files (`compose`).

May import: errors.
"""
