"""The course texts: their statements (`textbook`), the lessons (`course`), and the ledger of both (`ledger`).

`measured` reads from saved runs what the ledger shows as measurements.

May import: result, scenario, claims and what lies below them.
"""
