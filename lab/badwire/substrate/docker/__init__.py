"""The docker substrate: the engine's client, the hosts' image, containers, the streams to them, and their removal.

May import: substrate.substrate, topology, util, errors.
"""
