"""EM2GO Home: with firmware 1.4 a pause is `charging_enable = 2 (and current 0 on Home fw 1.4)`, so either of them lets it charge."""
from facts import family_module

FACTS, NAMES = "em2go-pro-power", family_module("em2go-pro-power").NAMES


def STARTED(o):
    return o.enabled or o.memory.get("max_current_setpoint", 0) > 0
