"""The processes of ours on the hosts and on the wire. Standard library only, but for the wire's netlink (pyroute2)."""
