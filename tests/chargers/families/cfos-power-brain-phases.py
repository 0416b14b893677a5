"""As cfos-power-brain, at whose file the facts are told, with its phases switched."""
from facts import family_module

FACTS = "cfos-power-brain"
globals().update({k: v for k, v in vars(family_module(FACTS)).items() if k.isupper()})
