"""The course texts: their statements (`textbook`), the lessons (`course`), what became of each statement (`ledger`).

May import: result, scenario, claims and what lies below them.
"""
