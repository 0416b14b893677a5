"""Ambibox ambiCHARGE home. Its states are those of a session, vehicle_connected says whether there is one; `negative target power charges`."""

STATES = {"charge_point_state": {"available": 0, "suspended_ev": 7}}


def set_power(o, raw):
    o.setpoints_A["max_power_setpoint"] = min(32, max(0, -raw) / 690)


READ = {"max_power_setpoint": lambda o: o.memory.get("max_power_setpoint", -22080)}
WRITE = {"max_power_setpoint": set_power}
NAMES = {"state": "charge_point_state", "vehicle": "vehicle_connected", "max_power": "max_power_setpoint"}
