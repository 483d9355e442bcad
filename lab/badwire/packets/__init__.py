"""Decodes frames (`packet`, `ipv4`, `tcp_flags`), verifies checksums, and reads and writes captures (`pcapng`).

May import: linux, util, errors.
"""
