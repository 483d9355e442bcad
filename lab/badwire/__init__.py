"""A containerized network lab with fault injection, on the real kernel. See docs/whats-here.md for where things are.

At the top are only `errors`, `units` and `options`; each package says what lives there and what it may import.
"""
