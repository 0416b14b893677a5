"""Wallbox Quasar. `remote_control_enable and setpoint_type must be set first`; one phase, negative power discharges."""

PHASES = 1


def STARTED(o):
    return o.commanded and o.memory.get("remote_control_enable") == 1


def set_power(o, raw):
    if o.memory.get("setpoint_type") == 1:
        o.setpoints_A["max_power_setpoint"] = min(32, max(0, raw) / 230)


READ = {"max_power_setpoint": lambda o: o.memory.get("max_power_setpoint", 7360)}
WRITE = {"max_power_setpoint": set_power}
NAMES = {"firmware": "firmware_version", "remote": "remote_control_enable", "control": "session_control", "max_power": "max_power_setpoint",
         "state": "charge_point_state"}
