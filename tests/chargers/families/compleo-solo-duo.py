"""Compleo Solo, Duo: the state is bits: 0 vehicle connected, 1 charging."""

READ = {"charge_point_state": lambda o: o.plugged | o.flowing << 1}
NAMES = {"state": "charge_point_state", "max_power": "max_power_setpoint", "rfid": "rfid_tag"}
