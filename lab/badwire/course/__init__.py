"""The statements of the course texts (`textbook`), the claims that test them (`ledger`), and the lessons (`course`).

`measured` reads the measurements of the ledger from saved runs.

May import: result, scenario, claims and the packages below them.
"""
