"""Voltie. `disable autostart first`: as delivered it starts by itself."""


def STARTED(o):
    return o.enabled or o.memory.get("autostart", 1) == 1


READ = {"autostart": lambda o: o.memory.get("autostart", 1)}
NAMES = {"firmware": "firmware_version", "state": "iec61851_state", "energy": "energy_session"}
