"""Where hosts live: in network namespaces (`netns`) or in containers (`docker`).

`substrate` is the interface, `select` chooses one.

May import: agent, topology, linux, util, errors.
"""
