"""Hands on a running lab: one process keeps it, and commands from other terminals talk with that process."""
