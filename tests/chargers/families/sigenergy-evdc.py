"""Sigenergy EVDC. max_power_setpoint: at least 500 W, `never write 0`."""


def set_power(o, raw):
    if raw < 500:
        o.box.violations.append(f"{raw} W were written; never less than 500")
    o.setpoints_A["max_power_setpoint"] = min(32, raw / 690)


WRITE = {"max_power_setpoint": set_power}
NAMES = {"voltage": "voltage_dc", "current": "current_dc", "state": "charge_point_state", "exported": "energy_export_total",
         "control": "session_control", "max_power": "max_power_setpoint"}
