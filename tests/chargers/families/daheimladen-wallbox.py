"""DaheimLader. Pause: `write raw 1 (0.1 A), never 0`; `0 A re-enables unauthorised auto-start; a box restart resets the limit to 0`."""


def set_current(o, raw):
    o.setpoints_A["max_current_setpoint"] = 32 if raw == 0 else raw / 10


READ = {"max_current_setpoint": lambda o: o.memory.get("max_current_setpoint", 0)}
WRITE = {"max_current_setpoint": set_current}
NAMES = {"state": "charge_point_state", "rfid": "rfid_tag"}
