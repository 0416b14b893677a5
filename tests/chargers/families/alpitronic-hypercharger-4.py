"""Alpitronic hypercharger with 4 outlets, 100 registers apart."""
from facts import family_module

base = family_module("alpitronic-hypercharger")
FACTS, NAMES, WRITE = "alpitronic-hypercharger", base.NAMES, base.WRITE
