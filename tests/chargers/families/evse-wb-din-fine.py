"""EVSE-WB with config bit 7: limits in `0.01 A when config bit 7 set (firmware >= 17)`."""
from facts import family_module

base = family_module("evse-wb-din")
FACTS, NAMES, POWER_ON = "evse-wb-din", base.NAMES, base.POWER_ON
READ = {**base.READ, "config_bits": lambda o: 0x0080}


def PATCH(data):
    next(r for r in data["registers"] if r["name"] == "max_current_setpoint")["scale"] = 0.01
