"""As kse-wbx16, at whose file the facts are told, with its phases switched."""
from facts import family_module

FACTS = "kse-wbx16"
globals().update({k: v for k, v in vars(family_module(FACTS)).items() if k.isupper()})
