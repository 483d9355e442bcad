"""A containerized network lab with fault injection, on the real kernel. See docs/whats-here.md for where things are."""
