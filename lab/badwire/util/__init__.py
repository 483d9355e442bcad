"""Helpers that have nothing to do with a network: files, locks, JSON lines, text for terminals, signals, owners.

May import: errors.
"""
