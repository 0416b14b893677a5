"""Compleo Duo: two outlets, 16 registers apart. Its car charges on one phase, where the watts of three would be three times the current."""
from facts import family_module

base = family_module("compleo-solo-duo")
FACTS, NAMES, READ = "compleo-solo-duo", base.NAMES, base.READ


def POWER_ON(o):
    o.phases = 1
