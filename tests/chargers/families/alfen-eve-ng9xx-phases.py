"""As alfen-eve-ng9xx, at whose file the facts are told, with its phases switched."""
from facts import family_module

FACTS = "alfen-eve-ng9xx"
globals().update({k: v for k, v in vars(family_module(FACTS)).items() if k.isupper()})
