"""Finds out what this machine can do (`doctor`), and removes what dead runs left on it (`cleanup`).

May import: uml, testbed, substrate and the packages below them.
"""
