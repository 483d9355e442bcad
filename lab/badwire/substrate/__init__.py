"""Substrates, where hosts live: network namespaces (`netns`) or containers (`docker`).

`substrate` is the interface, `select` chooses one.

May import: agent, topology, linux, util, errors.
"""
