"""A DC charger of Delta: the same registers."""
from facts import family_module

FACTS, NAMES = "delta-ac-max", family_module("delta-ac-max").NAMES
