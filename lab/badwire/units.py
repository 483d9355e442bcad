"""Factors that convert to SI units: ``20 * ms`` is in seconds, ``10 * Mbit`` in bits per second."""

us = 1e-6
ms = 1e-3
s = 1.0
minute = 60.0

kbit = 1e3
Mbit = 1e6
Gbit = 1e9
