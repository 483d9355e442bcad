"""The command line `badwire`: `main`, the table of `commands`, and files for single commands and what they share.

May import: everything but pytest_plugin.
"""
