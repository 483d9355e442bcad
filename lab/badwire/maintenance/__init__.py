"""What this machine can do (`doctor`), and what dead runs left on it (`cleanup`).

May import: uml, testbed, substrate and what lies below them.
"""
