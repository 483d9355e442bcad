"""Frames taken apart (`packet`), checksums, and the capture's file format (`pcapng`).

May import: linux, util, errors.
"""
