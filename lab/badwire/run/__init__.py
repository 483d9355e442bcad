"""Runs of scenarios: one run (`runner`), several in parallel (`parallel`), and the end of every run (`finish`).

`real_clock` plays a scenario on this machine's clock. `rebuild` writes the pages of saved runs again.

May import: report, maintenance, result, uml and the packages below them.
"""
