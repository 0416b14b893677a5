"""Victron EV Charging Station. charging_mode: `must be manual for remote control`; it may stand at auto."""


def STARTED(o):
    return o.enabled and o.memory.get("charging_mode", 1) == 0


READ = {"charging_mode": lambda o: o.memory.get("charging_mode", 1)}
NAMES = {"mode": "charging_mode", "state": "charge_point_state", "energy": "energy_session"}
