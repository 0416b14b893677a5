"""Alpitronic hypercharger. Pause: `never write 0 W (session aborted, connector unavailable/fault)`."""


def set_power(o, raw):
    o.operative = o.operative and raw > 0
    o.setpoints_A["max_power_setpoint"] = min(32, raw / 690)


WRITE = {"max_power_setpoint": set_power}
NAMES = {"state": "charge_point_state", "firmware": "firmware_version", "rfid": "rfid_tag", "max_power": "max_power_setpoint"}
