"""EVSE-WB, EVSE-DIN. Its current after a restart is a register of its own, in flash; until someone writes it, all it can."""


def power_on(o):
    o.setpoints_A["max_current_setpoint"] = o.memory.get("current_after_boot", 32)


POWER_ON = power_on
READ = {"current_after_boot": lambda o: o.memory.get("current_after_boot", 32)}
NAMES = {"iec_state": "iec61851_state", "firmware": "firmware_version"}
