"""The command line `badwire`: one file for each command, `main` around them.

May import: everything but pytest_plugin.
"""
