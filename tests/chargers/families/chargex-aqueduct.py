"""ChargeX Aqueduct: the state is bits: 0 charging, 1 three phases, 2 authorised, 3 EV connected, 4 EV requests charge."""

READ = {"charge_point_state": lambda o: o.flowing | (o.phases == 3) << 1 | o.session << 2 | o.plugged << 3 | (o.plugged and o.wants) << 4}
NAMES = {"state": "charge_point_state", "max_power": "max_power_setpoint", "mode": "charging_mode"}
