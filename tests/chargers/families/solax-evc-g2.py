"""SolaX HAC, the second generation of EVC. `G2 low word first`; charging_mode as there."""

FACTS = "solax-evc"


def PATCH(data):
    data["word_order"] = "little"


def STARTED(o):
    return o.commanded and o.memory.get("charging_mode", 2) == 1


READ = {"charging_mode": lambda o: o.memory.get("charging_mode", 2)}
NAMES = {"state": "charge_point_state", "lock": "cable_lock", "firmware": "firmware_version", "mode": "charging_mode", "control": "session_control"}
