"""The folder of a run on disk: its location (`run_folder`), writing it (`recorder`), reading it (`reader`, `records`,
`sampled_table`).

May import: packets, linux, util, errors.
"""
