"""What has to do with no network: files, JSON lines, text for terminals, signals, owners of what is left behind.

May import: errors.
"""
