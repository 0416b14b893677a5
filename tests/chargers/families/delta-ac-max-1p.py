"""Delta AC MAX on one phase."""
from facts import family_module

FACTS, NAMES = "delta-ac-max", family_module("delta-ac-max").NAMES
PHASES = 1
