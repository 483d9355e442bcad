"""The substrates, on which hosts live: network namespaces (`netns`) or containers (`docker`).

`substrate` defines their interface, `select` chooses one, `mounts` checks the paths that hosts are to see.

May import: agent, topology, linux, util, errors.
"""
