"""Delta AC MAX: what the points are called."""

NAMES = {"state": "charge_point_state", "rfid": "rfid_tag", "max_power": "max_power_setpoint", "suspend": "suspend_charging"}
