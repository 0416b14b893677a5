"""Etrel INCH Duo: two outlets, 100 registers apart."""
from facts import family_module

base = family_module("etrel-inch")
FACTS, NAMES, STATES, WRITE = "etrel-inch", base.NAMES, base.STATES, base.WRITE
