"""Hosts as Docker containers: the engine's client, the hosts' image, containers, their streams, and their removal.

May import: substrate.substrate, topology, util, errors.
"""
