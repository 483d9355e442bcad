"""Frames decoded (`packet`, `ipv4`, `tcp_flags`), checksums, and the capture's file format (`pcapng`).

May import: linux, util, errors.
"""
