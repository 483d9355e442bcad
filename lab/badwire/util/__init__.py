"""Helpers that are independent of networking: files, locks, JSON lines, numbers and text, signals, owners of runs.

May import: errors.
"""
