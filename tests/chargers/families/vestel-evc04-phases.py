"""As vestel-evc04, at whose file the facts are told, with its phases switched."""
from facts import family_module

FACTS = "vestel-evc04"
globals().update({k: v for k, v in vars(family_module(FACTS)).items() if k.isupper()})
