"""Interactive labs: one process keeps a lab (`daemon`, `server`), and commands from other terminals talk with it.

May import: run and what lies below it.
"""
