"""Units to multiply by: ``20 * ms``, ``10 * Mbit``. Times are in seconds, rates in bits per second."""

us = 1e-6
ms = 1e-3
s = 1.0
minute = 60.0

kbit = 1e3
Mbit = 1e6
Gbit = 1e9
