"""From evidence and claims to the result of a run (`judge`), and the result as data (`result`).

May import: scenario, claims, evidence and what lies below them.
"""
