"""A run's folder on disk: its place and its files (`run_folder`), written (`recorder`) and read (`reader`, `records`).

May import: agent.host.inet_diag, packets, util, errors.
"""
