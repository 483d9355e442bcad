"""Interactive labs: a daemon keeps a lab up, and commands in other terminals connect to it.

`daemon` is the process, `server` accepts the commands' connections, and `live_capture`, `programs`, `sockets` and
`faults` serve them; `registry` is where commands find a lab. May import: run and what lies below it.
"""
