"""SolaX EVC. charging_mode: `must be in "fast" mode` (1); it may stand at eco."""


def STARTED(o):
    return o.commanded and o.memory.get("charging_mode", 2) == 1


READ = {"charging_mode": lambda o: o.memory.get("charging_mode", 2)}
NAMES = {"state": "charge_point_state", "lock": "cable_lock", "firmware": "firmware_version", "mode": "charging_mode", "control": "session_control"}
