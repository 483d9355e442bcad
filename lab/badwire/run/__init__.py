"""Runs: one from its folder to its verdict (`runner`), and several at once (`parallel`).

`real_clock` plays a scenario on this machine's clock, `rebuild` makes the pages of saved runs again.

May import: report, maintenance, result, uml and what lies below them.
"""
