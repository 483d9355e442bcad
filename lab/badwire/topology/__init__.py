"""What a lab consists of, as plain data (`topology`), read from a compose file (`compose`).

May import: errors.
"""
